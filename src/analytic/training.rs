//! One optimizer step by weight streaming: activations rest on the wafer, weights pass, gradients leave.
//!
//! Lanes are bands of rows. Columns of all lanes share the tokens of a micro-batch, rows of a lane the inputs of each
//! product (S. Lie, Hot Chips 34, 2022). Forward and input gradient cost one multiply-add instruction per output and
//! input that a core holds, as long as its share of tokens, and an addition of that vector on its way along the column;
//! a weight gradient costs a dot product instead and an addition of the core's own rows on their way along the row.
//! Micro-batch, lanes, and whether activations are computed again are searched for the shortest step.
//!
//! Nothing here is fitted to a training run. Where FLOW (`compiler::streaming`) follows the SRAM of the fullest core
//! exactly and one stage after the other, this form takes means, and adds what FLOW leaves out: the serial part between
//! two steps, which weighs most at small batch.

use thiserror::Error;

use super::{Breakdown, FP16_BYTES, Prices, VALUES_PER_WAVELET, constants};
use crate::hardware::DeviceSpec;
use crate::workload::{Graph, Op, OpKind};

/// Micro-batches beyond the fewest that fit, which are tried as well.
const MORE_MICRO_BATCHES: u64 = 8;

/// Most lanes that are tried.
const LANES_MAX: u32 = 64;

/// Share of tokens that a masked language model predicts (Devlin et al. 2019, section 3.1: 15 %).
const MASKED_SHARE: f64 = 0.15;

/// What is trained, on how many wafers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// Sequences of one step over all wafers.
    pub batch: u64,
    /// Tokens of one sequence.
    pub sequence: u64,
    pub systems: u64,
    pub clock_hz: f64,
    /// Share of weights that are zero and neither stream nor multiply.
    pub sparsity: f64,
}

/// How a step is cut up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Sequences of a micro-batch on one wafer.
    pub sequences: u64,
    pub micro_batches: u64,
    pub lanes: u32,
    /// Whether blocks are computed again in the backward pass.
    pub recompute: bool,
}

/// A predicted step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub plan: Plan,
    /// Cycles of one wafer.
    pub parts: Breakdown,
    /// Compute of one micro-batch, and the streaming that hides behind it or not, in seconds.
    pub compute_seconds: f64,
    pub stream_seconds: f64,
    pub seconds: f64,
}

/// Why no step can be priced: one sentence with the needed and the available amount.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TrainingError {
    #[error(
        "one sequence of {sequence} tokens needs {needed} for activations, and a wafer has {available} beside code and \
         staging: a shorter --seq or a narrower model would fit"
    )]
    TooLong { sequence: u64, needed: String, available: String },
}

/// The shortest step.
///
/// # Errors
/// If not even one sequence fits the SRAM with activations computed again.
pub fn step(prices: &Prices, device: &DeviceSpec, graph: &Graph, job: Job) -> Result<Step, TrainingError> {
    let trainer = Trainer { prices, device, graph, job };
    let mut best: Option<Step> = None;
    for recompute in [false, true] {
        let fits = (trainer.free_bytes() / trainer.bytes_per_sequence(recompute)).floor();
        if fits < 1.0 {
            continue;
        }
        let batch = job.batch.div_ceil(job.systems);
        let fewest = batch.div_ceil((fits as u64).clamp(1, batch));
        for micro_batches in fewest..=(fewest + MORE_MICRO_BATCHES).min(batch) {
            let sequences = batch.div_ceil(micro_batches);
            for lanes in 1..=LANES_MAX.min(device.fabric_rows.value) {
                let step = trainer.priced(Plan { sequences, micro_batches, lanes, recompute });
                if best.as_ref().is_none_or(|held| step.seconds < held.seconds) {
                    best = Some(step);
                }
            }
        }
    }
    best.ok_or_else(|| {
        let bytes = |value: f64| crate::units::format::bytes(value as u64);
        let needed = bytes(trainer.bytes_per_sequence(true));
        TrainingError::TooLong { sequence: job.sequence, needed, available: bytes(trainer.free_bytes()) }
    })
}

struct Trainer<'a> {
    prices: &'a Prices,
    device: &'a DeviceSpec,
    graph: &'a Graph,
    job: Job,
}

impl Trainer<'_> {
    fn free_bytes(&self) -> f64 {
        let used = f64::from(self.device.code_bytes_per_core.value) + constants::STAGING_BYTES_PER_CORE.value;
        let free = (f64::from(self.device.sram_bytes_per_core.value) - used).max(0.0);
        free * self.device.fabric_cores() as f64
    }

    /// Positions of one sequence that an operator works on; a masked language model predicts a share of its tokens.
    fn positions(&self, op: &Op) -> f64 {
        let positions = op.tokens.positions(self.job.sequence) as f64;
        let whole = op.tokens == crate::workload::graph::Tokens::Every;
        let predicts = op.block.is_none() && after_blocks(self.graph, op);
        if whole && predicts && masked(self.graph) { (positions * MASKED_SHARE).ceil() } else { positions }
    }

    /// Bytes of one sequence at the fullest moment: results of all blocks and the widest outside, or what enters each
    /// block beside the results of one block or the widest outside, which never live at the same time.
    fn bytes_per_sequence(&self, recompute: bool) -> f64 {
        let bytes = |op: &Op| (op.output_width() * FP16_BYTES) as f64 * self.positions(op);
        let inside = |block: u32| self.graph.ops.iter().filter(move |op| op.block == Some(block)).map(bytes);
        let outside = self.graph.ops.iter().filter(|op| op.block.is_none()).map(bytes).fold(0.0, f64::max);
        let all: f64 = self.graph.ops.iter().filter(|op| op.block.is_some()).map(bytes).sum();
        if !recompute {
            return all + outside;
        }
        let widest = (0..self.graph.blocks.min(1)).map(|block| inside(block).sum::<f64>()).fold(0.0, f64::max);
        let entering = self.graph.ops.iter().find(|op| op.block.is_none()).map_or(0.0, bytes);
        f64::from(self.graph.blocks) * entering + widest.max(outside)
    }

    fn priced(&self, plan: Plan) -> Step {
        let clock = self.job.clock_hz;
        let mut parts = Breakdown::default();
        for op in &self.graph.ops {
            let forward = if plan.recompute && op.block.is_some() { 2.0 } else { 1.0 };
            self.operator(&mut parts, op, plan, forward);
        }
        let compute_seconds = parts.total() / clock;
        let density = 1.0 - self.job.sparsity;
        let parameters = self.graph.parameters() as f64;
        let wire = constants::WIRE_BYTES_PER_PARAMETER.value * density / self.device.io_bytes_per_second.value;
        // In once for forward and once for backward; gradients leave meanwhile.
        let stream_seconds = 2.0 * parameters * wire;
        let mut parts = parts.scaled(plan.micro_batches as f64);
        let waiting = (stream_seconds - compute_seconds).max(0.0) * plan.micro_batches as f64;
        parts.add("stream", waiting * clock);
        let state = constants::OPTIMIZER_BYTES_PER_PARAMETER.value * density / self.device.io_bytes_per_second.value;
        parts.add("optimizer", parameters * (2.0 * wire + state) * clock);
        let seconds = parts.total() / clock;
        Step { plan, parts, compute_seconds, stream_seconds, seconds }
    }

    /// Adds one micro-batch of an operator, forward so many times and backward once, on the fullest core.
    fn operator(&self, parts: &mut Breakdown, op: &Op, plan: Plan, forward: f64) {
        let columns = self.device.fabric_columns.value * plan.lanes;
        let rows = u64::from((self.device.fabric_rows.value / plan.lanes).max(1));
        let tokens = (self.positions(op) * plan.sequences as f64 / f64::from(columns)).ceil() as u64;
        let backward = 1.0;
        let way = self.prices.hop * (f64::from(self.device.fabric_columns.value) + rows as f64);
        if let Some(product) = op.product() {
            let chosen = (tokens * product.chosen).div_ceil(product.experts);
            let [k, n] = [product.inputs, product.outputs];
            for (inputs, outputs, times) in [(k, n, forward), (n, k, backward)] {
                let held = inputs.div_ceil(rows) as f64 * (1.0 - self.job.sparsity);
                let outputs = (outputs * product.experts) as f64;
                parts.add("products", times * outputs * held * self.multiply(chosen));
                parts.add("reduction", times * outputs * self.add(chosen));
            }
            let (held, outputs) = (k.div_ceil(rows), (n * product.experts) as f64);
            let density = 1.0 - self.job.sparsity;
            parts.add("products", backward * outputs * held as f64 * density * self.multiply(chosen));
            parts.add("reduction", backward * outputs * self.add(held));
            parts.add("fill", (forward + 2.0 * backward) * way);
            return;
        }
        let share = |width: u64| width.div_ceil(rows) as f64;
        let elementwise = self.device.elementwise_cycles.value / 2.0;
        match op.kind {
            OpKind::Attention { heads, value_dim, reach, .. } => {
                let keys = reach.keys(op.tokens.positions(self.job.sequence)) as f64;
                let width = share(heads * value_dim);
                let scores = tokens as f64 * keys * width;
                let times = forward + 2.0 * backward;
                parts.add("attention", times * 2.0 * scores / self.prices.lanes as f64);
                let softmax = scores / value_dim.max(1) as f64 * self.device.softmax_cycles.value / 2.0;
                parts.add("elementwise", (forward + backward) * softmax);
            }
            OpKind::Embedding { width, .. } => {
                parts.add("elementwise", tokens as f64 * share(width) / VALUES_PER_WAVELET as f64);
            }
            OpKind::Scan { width, state } => {
                let elements = tokens as f64 * share(width) * state as f64;
                parts.add("elementwise", (forward + backward) * elements * elementwise);
            }
            OpKind::Loss { width } => parts.add("elementwise", tokens as f64 * share(width) * elementwise),
            _ => {
                let elements = tokens as f64 * share(op.output_width());
                parts.add("elementwise", (forward + backward) * elements * elementwise);
            }
        }
        parts.add("fill", (forward + backward) * way);
    }

    /// One multiply-add instruction over `length` values; the streamed operand is no load on SRAM.
    fn multiply(&self, length: u64) -> f64 {
        self.prices.issue + length.div_ceil(self.prices.lanes) as f64
    }

    /// One addition of `length` values on their way over the fabric.
    fn add(&self, length: u64) -> f64 {
        self.prices.issue + length.div_ceil(VALUES_PER_WAVELET) as f64
    }
}

/// Whether `op` stands behind the last block.
fn after_blocks(graph: &Graph, op: &Op) -> bool {
    let last = graph.ops.iter().rposition(|other| other.block.is_some()).unwrap_or(0);
    graph.ops.iter().position(|other| std::ptr::eq(other, op)).is_some_and(|index| index > last)
}

/// Whether the model predicts masked tokens: readers call the operators in front of such a head `mlm`.
pub fn masked(graph: &Graph) -> bool {
    !graph.causal && graph.ops.iter().any(|op| op.block.is_none() && op.name.starts_with("mlm."))
}
