//! What a layout comes to: its wires, its slowest kernel and its fullest core. ANALYTIC: from shapes and places alone.

use super::links::Links;
use super::placeable;
use crate::compiler::resident::{self, ShapeCost};
use crate::hardware::Rect;
use crate::sim::Scene;
use crate::units::Cycles;
use crate::workload::OpId;

/// Bytes of one activation.
const FP16_BYTES: u64 = 2;

/// Data that one kernel sends another for every micro-batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    pub from: OpId,
    pub to: OpId,
    /// Of one micro-batch.
    pub bytes: u64,
}

/// The figures of a layout. Kernels without a place count nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Hops times bytes of a micro-batch, over the streams whose both ends are placed.
    pub wire: u64,
    /// Time that the slowest placed kernel takes for a micro-batch, and which it is.
    pub slowest: Option<(Cycles, OpId)>,
    /// Bytes of a micro-batch over the busiest link, if every stream bends once; see [`Links`].
    pub peak_link: u64,
    /// SRAM of the fullest core.
    pub sram_bytes: u64,
    pub kernels: usize,
}

impl Tally {
    /// Tokens per second at most: the pipeline takes one micro-batch in the time of its slowest kernel. An upper bound
    /// while kernels are missing, and without the filling and draining of a run.
    pub fn tokens_per_second(&self, scene: &Scene) -> Option<f64> {
        let (slowest, _) = self.slowest?;
        let seconds = slowest.seconds(scene.device.clock_run_hz.value).0;
        (seconds > 0.0).then(|| scene.program.chunk as f64 / seconds)
    }

    /// The figures with one more kernel.
    pub(super) fn with(mut self, op: OpId, cost: ShapeCost, wire: u64, peak_link: u64) -> Self {
        self.wire += wire;
        self.peak_link = self.peak_link.max(peak_link);
        self.sram_bytes = self.sram_bytes.max(cost.sram_bytes_per_core);
        if self.slowest.is_none_or(|(slowest, _)| cost.cycles > slowest) {
            self.slowest = Some((cost.cycles, op));
        }
        self.kernels += 1;
        self
    }
}

/// The streams between kernels: one for every edge of the graph, as the compiler's routes.
pub fn streams(scene: &Scene) -> Vec<Stream> {
    let ops = placeable(scene);
    let placeable = |op: &OpId| ops.binary_search(op).is_ok();
    let mut streams = Vec::new();
    for &to in &ops {
        for &from in scene.graph.op(to).inputs.iter().filter(|from| placeable(from)) {
            let maker = scene.graph.op(from);
            let positions = maker.tokens.positions(scene.program.chunk);
            streams.push(Stream { from, to, bytes: positions * maker.output_width() * FP16_BYTES });
        }
    }
    streams
}

/// What `op` costs on `width` and `height` cores.
pub(super) fn cost(scene: &Scene, op: OpId, shape: (u32, u32)) -> ShapeCost {
    resident::shape(&scene.graph, &scene.device, &scene.program, op, shape)
}

/// The figures of `placed`, which is in the order of the operators.
pub fn tally(scene: &Scene, placed: &[(OpId, Rect)]) -> Tally {
    let rect_of = |op: OpId| placed.binary_search_by_key(&op, |(placed, _)| *placed).ok().map(|at| placed[at].1);
    let mut tally = Tally::default();
    for &(op, rect) in placed {
        tally = tally.with(op, cost(scene, op, (rect.width, rect.height)), 0, 0);
    }
    let wires = streams(scene).into_iter().filter_map(|stream| {
        let hops = resident::hops(rect_of(stream.from)?, rect_of(stream.to)?);
        Some(u64::from(hops) * stream.bytes)
    });
    tally.wire = wires.sum();
    tally.peak_link = links(scene, placed).peak();
    tally
}

/// What the links carry between the kernels of `placed`, which is in the order of the operators.
pub(super) fn links(scene: &Scene, placed: &[(OpId, Rect)]) -> Links {
    let rect_of = |op: OpId| placed.binary_search_by_key(&op, |(placed, _)| *placed).ok().map(|at| placed[at].1);
    let mut links = Links::default();
    for stream in streams(scene) {
        if let (Some(from), Some(to)) = (rect_of(stream.from), rect_of(stream.to)) {
            links.add(0, stream.from, (from, to), stream.bytes);
        }
    }
    links
}
