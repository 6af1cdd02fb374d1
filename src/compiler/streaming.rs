//! Weight streaming: activations rest on the wafer, the weights of one operator after the other pass over it.
//!
//! The wafer is cut into equal lanes, full-width bands of rows. Every column of every lane holds some tokens of the
//! micro-batch; the rows of a lane share the width of each activation. Weights enter at ports along the west edge,
//! spread to the rows near them and run east; partial sums run along the columns to the row that owns the output. This
//! follows the vendor's description (Lie, Hot Chips 34, 2022) as far as that goes. How many sequences work together,
//! on how many lanes, and whether activations are kept or computed again is searched, as the vendor's compiler does,
//! by an ANALYTIC estimate under exact SRAM accounting. The optimizer runs outside and is not modelled.

use crate::compiler::check::ways_out;
use crate::compiler::cost::{Cost, CostModel};
use crate::compiler::liveness::{self, Outline, Tensors};
use crate::compiler::step::Candidate;
use crate::compiler::{
    Author, Buffer, CompilerPass, Decision, Entry, Extent, Job, Kernel, KernelId, Lifetime, Pass, Program, Region,
    Schedule, Split, SramUse, Stage, Step, Violation, Work, label, sram,
};
use crate::hardware::{DeviceSpec, Rect};
use crate::units::{Bytes, Cycles, format};
use crate::workload::graph::Tokens;
use crate::workload::{Graph, Op, OpId, OpKind, Product};

/// Bytes that one parameter takes on the way to or from the wafer: 32 bits per direction, value and index together
/// (Cerebras, "Weight streaming execution", 2021).
const WIRE_BYTES_PER_PARAMETER: f64 = 4.0;

/// Bytes of one fp16 value in SRAM.
const FP16_BYTES: u64 = 2;

/// Numbers of lanes that are tried.
const LANES_TRIED: [u32; 8] = [1, 2, 3, 4, 6, 8, 12, 16];

/// Compiles the job, choosing micro-batch, lanes and recomputation.
pub fn compile(graph: &Graph, device: &DeviceSpec, job: &Job) -> Program {
    let limit = u64::from(device.sram_bytes_per_core.value);
    let mut best: Option<(Candidate, Program)> = None;
    let mut smallest: Option<(Candidate, Program)> = None;
    let mut considered = Vec::new();
    let keep_or_not: &[bool] = if job.work == Work::Train { &[false, true] } else { &[false] };
    for &recompute in keep_or_not {
        for &lanes in LANES_TRIED.iter().filter(|&&lanes| lanes <= device.fabric_rows.value) {
            let choose = |sequences| Choice { sequences, lanes, recompute };
            let (candidate, program) = largest_that_fits(graph, device, job, limit, choose);
            considered.push(candidate.clone());
            let fits = candidate.sram_peak.0 <= limit;
            let slot = if fits { &mut best } else { &mut smallest };
            let better = match slot {
                None => true,
                Some((held, _)) if fits => candidate.step_time < held.step_time,
                Some((held, _)) => candidate.sram_peak < held.sram_peak,
            };
            if better {
                *slot = Some((candidate, program));
            }
        }
    }
    let (chosen, mut program) = best.or(smallest).expect("one lane is always tried");
    if chosen.sram_peak.0 > limit {
        let cores = device.fabric_cores();
        let (needed, available) = (chosen.sram_peak.0.saturating_mul(cores), limit * cores);
        program.violations.push(Violation::ModelTooLarge { needed, available, ways_out: ways_out(job, None) });
    }
    let because = reason(&chosen, &program);
    program.steps.insert(
        0,
        Decision::MicroBatchChosen {
            sequences: chosen.sequences,
            lanes: chosen.lanes,
            recompute: chosen.recompute,
            candidates: considered,
        }
        .by(Author::Compiler, CompilerPass::Size, because, "the shortest step that fits the SRAM"),
    );
    program
}

fn reason(chosen: &Candidate, program: &Program) -> String {
    let kept = if chosen.recompute { "activations are computed again" } else { "all activations are kept" };
    let sequences = match chosen.sequences {
        1 => "1 sequence".to_owned(),
        count => format!("{count} sequences"),
    };
    let micro_batches = match program.schedule.micro_batches() {
        1 => "1 micro-batch".to_owned(),
        count => format!("{count} micro-batches"),
    };
    format!("shortest step that fits: {sequences} at a time, {micro_batches}, {kept}")
}

/// One point of the search.
#[derive(Clone, Copy)]
struct Choice {
    sequences: u64,
    lanes: u32,
    recompute: bool,
}

/// The largest micro-batch that divides the batch and fits, or a single sequence if none does.
fn largest_that_fits(
    graph: &Graph,
    device: &DeviceSpec,
    job: &Job,
    limit: u64,
    choose: impl Fn(u64) -> Choice,
) -> (Candidate, Program) {
    let batch = job.batch_per_system().max(1);
    let divisors: Vec<u64> = (1..=batch.min(4_096)).filter(|divisor| batch.is_multiple_of(*divisor)).collect();
    let build = |sequences| {
        let choice = choose(sequences);
        let program = Builder::new(graph, device, job, choice).build();
        let candidate = Candidate {
            sequences,
            lanes: choice.lanes,
            recompute: choice.recompute,
            step_time: estimate(&program),
            sram_peak: Bytes(sram::peak(&program, 0).tally.total()),
        };
        (candidate, program)
    };
    let mut held = build(divisors[0]);
    // Memory grows with the micro-batch, so a bisection over the divisors finds the last that fits.
    let (mut fits, mut over) = (0, divisors.len());
    while held.0.sram_peak.0 <= limit && over - fits > 1 {
        let middle = usize::midpoint(fits, over);
        let tried = build(divisors[middle]);
        if tried.0.sram_peak.0 <= limit {
            fits = middle;
            held = tried;
        } else {
            over = middle;
        }
    }
    held
}

/// ANALYTIC time of a step: within forward and backward each, the slowest of compute, weights in and gradients out.
pub fn estimate(program: &Program) -> Cycles {
    let Schedule::Streaming { stages, micro_batches, .. } = &program.schedule else { return Cycles::ZERO };
    let mut sums = [[0_u64; 3]; 2];
    for stage in stages {
        let half = &mut sums[usize::from(stage.pass != Pass::Forward)];
        for (sum, cycles) in half.iter_mut().zip([stage.compute, stage.stream_in, stage.stream_out]) {
            *sum = sum.saturating_add(cycles.0);
        }
    }
    let slowest = |half: [u64; 3]| half.into_iter().max().unwrap_or(0);
    Cycles((slowest(sums[0]).saturating_add(slowest(sums[1]))).saturating_mul(u64::from(*micro_batches)))
}

/// Builds the program for one choice.
struct Builder<'a> {
    graph: &'a Graph,
    device: &'a DeviceSpec,
    job: &'a Job,
    cost: CostModel,
    choice: Choice,
    /// Rows of a lane.
    rows: u32,
    /// Tokens of the micro-batch over the columns of all lanes.
    tokens: Split,
    io_bytes_per_cycle: f64,
    held_bytes_per_core: u64,
    regions: Vec<Region>,
    buffers: Vec<Buffer>,
}

impl<'a> Builder<'a> {
    fn new(graph: &'a Graph, device: &'a DeviceSpec, job: &'a Job, choice: Choice) -> Self {
        let (width, height) = (device.fabric_columns.value, device.fabric_rows.value / choice.lanes);
        let regions = (0..choice.lanes)
            .map(|lane| {
                let rect = Rect { x: 0, y: lane * height, width, height };
                Region { wafer: 0, rect, entry: Entry::spread(rect, device.io_ports.value / choice.lanes) }
            })
            .collect();
        let mut weights_by_block = vec![0_u64; graph.blocks as usize];
        for op in &graph.ops {
            if let Some(weights) = op.block.and_then(|block| weights_by_block.get_mut(block as usize)) {
                *weights += op.weight_elements();
            }
        }
        let block_weights = weights_by_block.into_iter().max().unwrap_or(0);
        let held = (block_weights * FP16_BYTES).div_ceil(device.fabric_cores());
        let held_max = u64::from(device.held_weight_bytes_per_core.value);
        Self {
            graph,
            device,
            job,
            cost: CostModel::new(device),
            choice,
            rows: height,
            tokens: Split { total: choice.sequences * job.sequence, parts: choice.lanes * width },
            io_bytes_per_cycle: device.io_bytes_per_cycle(),
            held_bytes_per_core: if choice.recompute && held <= held_max { held } else { 0 },
            regions,
            buffers: Vec::new(),
        }
    }

    fn build(mut self) -> Program {
        let tensors = Tensors::new(self.graph);
        // Tensor i is buffer 2 i, its gradient the one after.
        for (&width, &maker) in tensors.widths.iter().zip(&tensors.makers) {
            let op = &self.graph.ops[maker as usize];
            let rows = Split { total: width, parts: self.rows };
            let extent = Extent::Grid { rows, columns: self.tokens_of(op), bytes_per_element: FP16_BYTES };
            self.buffer(format!("{} result", label(op)), SramUse::Activations, extent, Lifetime::Staged);
            self.buffer(format!("{} gradient", label(op)), SramUse::Gradients, extent, Lifetime::Staged);
        }
        self.fixed_buffers();
        let outlines = liveness::outline(self.graph, &tensors, self.job.work, self.choice.recompute);
        let stages = outlines.into_iter().map(|outline| self.stage(outline)).collect();
        let cores: u64 = self.regions.iter().map(|region| region.rect.cores()).sum();
        let steps = self.steps();
        let assumptions = self.assumptions();
        Program {
            job: *self.job,
            micro_batch: self.choice.sequences,
            chunk: self.job.sequence,
            kernels: self.kernels(),
            regions: self.regions,
            buffers: self.buffers,
            routes: Vec::new(),
            schedule: Schedule::Streaming {
                stages,
                micro_batches: (self.job.batch_per_system() / self.choice.sequences) as u32,
                staging: Bytes(u64::from(self.device.staging_bytes_per_core.value) * cores),
            },
            steps,
            violations: Vec::new(),
            assumptions,
        }
    }

    /// What every core holds for the whole run.
    fn fixed_buffers(&mut self) {
        let tokens = self.tokens.tile();
        let staging = u64::from(self.device.staging_bytes_per_core.value);
        let score_bytes = self.job.sequence.min(u64::from(self.device.attention_key_block.value)) * FP16_BYTES;
        let fixed = [
            ("program and stack", SramUse::Code, u64::from(self.device.code_bytes_per_core.value)),
            ("weights staged", SramUse::Buffers, staging),
            ("gradients staged", SramUse::Buffers, staging),
            // Two vectors of partial sums, one arriving and one leaving.
            ("partial sums", SramUse::Buffers, 2 * tokens * FP16_BYTES),
            ("attention scores", SramUse::Buffers, score_bytes),
            ("weights held for the backward pass", SramUse::Weights, self.held_bytes_per_core),
        ];
        for (what, usage, bytes) in fixed.into_iter().filter(|&(_, _, bytes)| bytes > 0) {
            self.buffer(what.to_owned(), usage, Extent::Uniform(bytes), Lifetime::Always);
        }
    }

    fn buffer(&mut self, label: String, usage: SramUse, extent: Extent, lifetime: Lifetime) {
        self.buffers.push(Buffer { label, usage, regions: 0..self.choice.lanes, extent, lifetime });
    }

    /// How the tokens that an operator works on are cut over the columns of all lanes.
    fn tokens_of(&self, op: &Op) -> Split {
        match op.tokens {
            Tokens::Every => self.tokens,
            Tokens::Count(count) => Split { total: self.choice.sequences * count, ..self.tokens },
        }
    }

    fn kernels(&self) -> Vec<Kernel> {
        let kernel = |(op_id, op): (OpId, &Op)| Kernel {
            op: op_id,
            label: label(op),
            regions: 0..self.choice.lanes,
            rows: Split { total: work_width(op), parts: self.rows },
            rows_backward: Split { total: backward_width(op), parts: self.rows },
            columns: self.tokens_of(op),
        };
        self.graph.iter().map(kernel).collect()
    }

    fn steps(&self) -> Vec<Step> {
        let lanes = self.regions.iter().map(|region| {
            Decision::LanePlaced { rect: region.rect }.alone(CompilerPass::Place, "lanes of equal height")
        });
        let fixed = self.buffers.iter().filter(|buffer| buffer.lifetime == Lifetime::Always).map(|buffer| {
            let bytes_per_core = Bytes(buffer.extent.bytes_max());
            Decision::BufferAllocated { label: buffer.label.clone(), bytes_per_core }
                .alone(CompilerPass::Allocate, "held for the whole run")
        });
        lanes.chain(fixed).collect()
    }

    fn share_of_rows(&self, width: u64) -> u64 {
        Split { total: width, parts: self.rows }.tile()
    }

    /// Cost of one pass of an operator on the fullest core.
    fn pass_cost(&self, op: &Op, pass: Pass) -> Cost {
        let tokens = self.tokens_of(op).tile();
        let twice = |cost: Cost| Cost { cycles: Cycles(2 * cost.cycles.0), multiply_adds: 2 * cost.multiply_adds };
        if let Some(Product { inputs, outputs, experts, chosen }) = op.product() {
            // The router is taken to spread positions evenly over the experts.
            let tokens = (tokens * chosen).div_ceil(experts);
            return match pass {
                Pass::BackwardInput => self.cost.matrix_product(experts * inputs, self.share_of_rows(outputs), tokens),
                _ => self.cost.matrix_product(experts * outputs, self.share_of_rows(inputs), tokens),
            };
        }
        match op.kind {
            OpKind::Attention { heads, value_dim, reach, .. } => {
                let width = self.share_of_rows(heads * value_dim);
                let keys = reach.keys(op.tokens.positions(self.job.sequence));
                let forward = self.cost.attention(tokens, keys, width, value_dim);
                if pass == Pass::BackwardInput { twice(forward) } else { forward }
            }
            OpKind::Scan { width, state } => {
                let forward = self.cost.elementwise(tokens * self.share_of_rows(width) * state);
                if pass == Pass::BackwardInput { twice(forward) } else { forward }
            }
            OpKind::Embedding { width, .. } => {
                Cost { cycles: self.cost.transfer(tokens * self.share_of_rows(width)), multiply_adds: 0 }
            }
            OpKind::Pooling { width, taps } => self.cost.elementwise(tokens * self.share_of_rows(width) * taps),
            _ => self.cost.elementwise(tokens * self.share_of_rows(work_width(op))),
        }
    }

    /// What the program takes for granted, with the figures of this device.
    fn assumptions(&self) -> Vec<String> {
        let rate = self.device.io_bytes_per_second.value / 1e9;
        let ports: u32 = self.regions.iter().map(|region| region.entry.count).sum();
        let held = if self.held_bytes_per_core > 0 {
            "; weights held for the backward pass reach their rows again for nothing"
        } else {
            ""
        };
        vec![
            "fp16 activations and weights on the wafer; 32 bits a parameter on the way in and out (published)"
                .to_owned(),
            "attention is dense: masked scores are computed like the others".to_owned(),
            "a weight gradient costs what its forward pass does".to_owned(),
            format!(
                "weights and gradients use the full {rate} GB/s each way at the same time; all of an embedding passes{held}"
            ),
            format!("weights enter at {ports} ports, evenly spaced along the west edge (places assumed)"),
            "the optimizer runs outside the wafer in no time; the next step's first weights are not waited for"
                .to_owned(),
            "summing gradients over several systems takes no time".to_owned(),
            "activations of a block are kept or computed again, whichever gives the shorter step that fits".to_owned(),
            format!(
                "{} KiB of SRAM a core holds weights that wait and as much gradients; attention works in blocks of {} keys \
                 (assumed)",
                format::kib(u64::from(self.device.staging_bytes_per_core.value)),
                format::grouped(u64::from(self.device.attention_key_block.value)),
            ),
        ]
    }

    /// Prices a stage: what it computes, and what it moves on and off the wafer.
    fn stage(&self, outline: Outline) -> Stage {
        let Outline { op: id, pass, recomputed, allocate, free } = outline;
        let op = &self.graph.ops[id as usize];
        let cost = self.pass_cost(op, pass);
        let elements = op.weight_elements();
        let held = pass == Pass::BackwardInput && recomputed && self.held_bytes_per_core > 0;
        let (weights, gradients) = match pass {
            Pass::BackwardWeight => (0, elements),
            _ if held => (0, 0),
            _ => (elements, 0),
        };
        let wire =
            |elements: u64| Cycles::from_cost(elements as f64 * WIRE_BYTES_PER_PARAMETER / self.io_bytes_per_cycle);
        Stage {
            kernel: KernelId(id),
            pass,
            compute: cost.cycles,
            multiply_adds: cost.multiply_adds,
            stream_in: wire(weights),
            stream_out: wire(gradients),
            staged: Bytes(weights.max(gradients) * FP16_BYTES),
            allocate,
            free,
        }
    }
}

/// The width over which an operator's work is cut into rows.
fn work_width(op: &Op) -> u64 {
    match (op.product(), op.kind) {
        (Some(product), _) => product.inputs,
        (None, OpKind::Loss { width }) => width,
        _ => op.output_width(),
    }
}

/// The same for the gradients of its inputs.
fn backward_width(op: &Op) -> u64 {
    op.product().map_or_else(|| work_width(op), |product| product.outputs)
}
