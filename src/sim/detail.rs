//! What single cores in view are up to: how much of each link is used, and how much SRAM.
//!
//! Links follow from the rates of the FLOW ruler: operands run east along the rows, partial sums along the columns
//! towards the row that owns the output at this moment. Streams inside attention, norms and activations are not
//! modelled; their links show nothing.

use crate::compiler::{KernelId, Pass, Schedule, Split};
use crate::hardware::{Core, Rect};
use crate::sim::frame::{Scene, track_of};
use crate::sim::occupancy::{self, Held};
use crate::sim::trace::{Activity, Interval, Trace};
use crate::workload::Product;

/// Links and SRAM of the cores of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    pub window: Rect,
    /// Share of each link in use, 255 is all: north, east, south, west; row by row.
    pub links: Vec<[u8; 4]>,
    /// SRAM in use, 255 is all; row by row.
    pub sram: Vec<u8>,
}

impl Detail {
    /// Links and SRAM of a core, if it is in the window.
    pub fn at(&self, core: Core) -> Option<([u8; 4], u8)> {
        if !self.window.contains(core) {
            return None;
        }
        let slot = (core.y - self.window.y) * self.window.width + core.x - self.window.x;
        Some((*self.links.get(slot as usize)?, *self.sram.get(slot as usize)?))
    }
}

/// The detail of the cores of `window` on `wafer` at `time`.
pub fn detail(scene: &Scene, trace: &Trace, wafer: u32, window: Rect, time: u64) -> Detail {
    let cores = window.cores() as usize;
    let mut detail = Detail { window, links: vec![[0; 4]; cores], sram: vec![0; cores] };
    let program = &scene.program;
    let held = Held::new(program, &occupancy::alive_at(program, trace, time));
    let limit = u64::from(scene.device.sram_bytes_per_core.value.max(1));
    for (index, region) in program.regions.iter().enumerate() {
        let Some(shared) = region.rect.intersection(&window).filter(|_| region.wafer == wafer) else { continue };
        let track = track_of(program, trace, index);
        for y in shared.y..shared.bottom() {
            for x in shared.x..shared.right() {
                let core = Core { x, y };
                let slot = (y - window.y) as usize * window.width as usize + (x - window.x) as usize;
                let lag = u64::from(region.hops_to(core) * scene.device.hop_cycles.value);
                let interval = track.and_then(|track| track.at(time.checked_sub(lag + 1)?));
                if let Some(interval) = interval {
                    detail.links[slot] = links(scene, region.rect, interval, core, time - lag);
                }
            }
        }
        occupancy::region_bytes(program, &held, index as u32, |row, line| {
            let y = region.rect.y + row;
            if !(shared.y..shared.bottom()).contains(&y) {
                return;
            }
            for x in shared.x..shared.right() {
                let slot = (y - window.y) as usize * window.width as usize + (x - window.x) as usize;
                let bytes = u64::from(line[(x - region.rect.x) as usize]);
                detail.sram[slot] = (bytes.min(limit) * 255 / limit) as u8;
            }
        });
    }
    detail
}

/// Use of the four links of a core, as its kernel stands at `time` where operands enter.
fn links(scene: &Scene, rect: Rect, interval: &Interval, core: Core, time: u64) -> [u8; 4] {
    let idle = [0; 4];
    let length = interval.length().max(1);
    let share = |wavelets: u64| (wavelets.saturating_mul(255) / length).min(255) as u8;
    match (&scene.program.schedule, interval.activity) {
        (_, Activity::Receive) => [0, 255, 0, 255],
        (Schedule::Streaming { .. }, Activity::Compute) => {
            let Some(flow) = Flow::of(scene, interval.task.kernel, interval.task.pass) else { return idle };
            let row = core.y - rect.y;
            let kernel = scene.program.kernel(interval.task.kernel);
            let rows = Split { total: flow.inputs, parts: kernel.rows.parts };
            let operands = share(rows.at(row) * flow.outputs);
            let sums = share(flow.outputs * flow.vector.div_ceil(2));
            // The row that owns the output of this moment.
            let progress = u128::from(time.saturating_sub(interval.start)).min(u128::from(length));
            let output = (u128::from(flow.outputs) * progress / u128::from(length)) as u64;
            let owners = Split { total: flow.outputs, parts: kernel.rows.parts };
            let owner = (output / owners.tile().max(1)) as u32;
            let used = |y: u32| y < rows.used();
            let (from_north, from_south) = (row > 0 && row <= owner && used(row - 1), row >= owner && used(row + 1));
            let (to_north, to_south) = (row > owner && used(row), row < owner && used(row));
            let busy = |on: bool| if on { sums } else { 0 };
            [busy(to_north || from_north), operands, busy(to_south || from_south), operands]
        }
        (Schedule::Pipeline { .. }, Activity::Compute) => {
            let op = scene.graph.op(scene.program.kernel(interval.task.kernel).op);
            if op.product().is_none() {
                return idle;
            }
            let columns = scene.program.kernel(interval.task.kernel).columns;
            let sums = share(scene.program.chunk * columns.tile().div_ceil(2));
            [sums, 0, sums, 0]
        }
        _ => idle,
    }
}

/// The streams of a matrix product: `outputs` results, each of `inputs` operands over the rows and a vector of sums.
struct Flow {
    inputs: u64,
    outputs: u64,
    /// Elements of the vector that runs along a column for each output.
    vector: u64,
}

impl Flow {
    fn of(scene: &Scene, kernel: KernelId, pass: Pass) -> Option<Self> {
        let kernel = scene.program.kernel(kernel);
        let Product { inputs: k, outputs, experts, .. } = scene.graph.op(kernel.op).product()?;
        let n = outputs * experts;
        let vector = kernel.columns.tile();
        Some(match pass {
            Pass::BackwardInput => Self { inputs: n, outputs: k, vector },
            _ => Self { inputs: k, outputs: n, vector },
        })
    }
}
