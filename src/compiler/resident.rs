//! What placing by hand asks of the compiler: shapes of single kernels, their names, and distances.

use crate::compiler::kernel::{Form, Library, Shape, forms};
use crate::compiler::{Program, label};
use crate::hardware::{DeviceSpec, Rect};
use crate::units::Cycles;
use crate::workload::{Graph, OpId};

/// What a kernel of one shape costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeCost {
    /// Time to take in and compute one micro-batch.
    pub cycles: Cycles,
    pub sram_bytes_per_core: u64,
}

/// What operator `op` costs on a rectangle of `width` and `height` cores for a micro-batch of `program`; nothing if it is
/// no kernel of it.
pub fn shape(
    graph: &Graph,
    device: &DeviceSpec,
    program: &Program,
    op: OpId,
    (width, height): (u32, u32),
) -> ShapeCost {
    let shape = form_of(graph, program, op).map(|form| Library::new(device, &program.job).shape(&form, width, height));
    shape.map_or(ShapeCost { cycles: Cycles::ZERO, sram_bytes_per_core: 0 }, |shape| ShapeCost {
        cycles: shape.cycles,
        sram_bytes_per_core: shape.sram_bytes_per_core,
    })
}

/// All legal shapes of operator `op` that no other one covers in width, height, time and SRAM, by width.
pub fn shapes_of(graph: &Graph, device: &DeviceSpec, program: &Program, op: OpId) -> Vec<Shape> {
    form_of(graph, program, op).map_or_else(Vec::new, |form| Library::new(device, &program.job).pareto(&form))
}

/// Heights at which [`default_shape`] looks: the wafer's rows over these.
const HEIGHTS: [u32; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

/// Width and height at which operator `op` fits the SRAM on the fewest columns: of some heights, the one whose
/// rectangle is nearest to a square. `None` if it fits at none of them, however slow.
pub fn default_shape(graph: &Graph, device: &DeviceSpec, program: &Program, op: OpId) -> Option<(u32, u32)> {
    let library = Library::new(device, &program.job);
    let form = form_of(graph, program, op)?;
    let shapes = HEIGHTS.iter().filter(|&&parts| parts <= device.fabric_rows.value).filter_map(|parts| {
        let height = (device.fabric_rows.value / parts).min(library.side_max(&form).1);
        library.narrowest(&form, height, u64::MAX).map(|shape| (shape.width, height))
    });
    shapes.min_by_key(|&(width, height)| (width.max(height), height))
}

/// What operator `op` asks of its kernel; `None` if it is no kernel of the program.
pub fn form_of(graph: &Graph, program: &Program, op: OpId) -> Option<Form> {
    forms(graph, &program.job, program.chunk).into_iter().find(|(id, _)| *id == op).map(|(_, form)| form)
}

/// Hops of a stream between two kernels, from middle to middle.
pub fn hops(from: Rect, to: Rect) -> u32 {
    let (from, to) = (from.centre(), to.centre());
    from.x.abs_diff(to.x) + from.y.abs_diff(to.y)
}

/// What a reader calls an operator.
pub fn label_of(graph: &Graph, op: OpId) -> String {
    label(graph.op(op))
}
