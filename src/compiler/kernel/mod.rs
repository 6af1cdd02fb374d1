//! The kernel library: what every kind of operator costs on a rectangle of cores, in time and in SRAM by purpose.
//!
//! A kernel takes one micro-batch in over the west edge of its rectangle, computes it, and hands the result on from the
//! east edge; while it does one it does not do another. Its work is cut over the rows and the columns of the rectangle
//! as its module says. Operators that differ only in name have equal [`Form`]s and share everything computed here.
//!
//! In training every kernel stands in several copies side by side, as the published benchmark form does (M. James et
//! al., "ISPD 2020 Physical Mapping of Neural Networks on a Wafer-Scale Deep Learning Accelerator", 2020): forward pass,
//! gradients of the inputs, and weight gradients where there are weights. Copies work on different micro-batches at the
//! same time, each with weights or sums of gradients of its own. How shapes compare is in [`shape`]; where kernels go
//! is left to the passes.

mod attention;
mod elementwise;
mod embedding;
mod matmul;
mod reduction;
mod scan;
pub mod shape;

pub use shape::Shape;

use crate::compiler::cost::{Cost, CostModel};
use crate::compiler::{Extent, Job, Mapping, Split, SramUse, Work};
use crate::hardware::DeviceSpec;
use crate::units::Cycles;
use crate::workload::{Graph, Op, OpId, OpKind, Product};

/// Bytes of one fp16 value.
pub const FP16_BYTES: u64 = 2;

/// What an operator asks of its kernel for one micro-batch, a sequence or a chunk of one; names and places do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Form {
    pub kind: OpKind,
    /// The same as a product with weights, if it is one.
    pub product: Option<Product>,
    /// Elements taken in for one position of the result.
    pub input_width: u64,
    /// Elements of the result at one position.
    pub output_width: u64,
    /// Positions of one micro-batch.
    pub positions: u64,
    /// Positions whose keys each query of an attention meets; none for other kernels.
    pub keys: u64,
    /// Elements at each position that it holds while it works: all tensors taken in, or all handed on if they are more.
    pub held_width: u64,
    /// Elements of inputs that wait for their turn, because they bypass the kernels between maker and reader.
    pub waiting: u64,
    /// Elements of inputs kept for the backward pass of micro-batches under way; none in a forward pass.
    pub kept: u64,
    /// Sequences whose keys and values lie beside what was taken in: those that stay for the whole run, and the one at
    /// work where it comes in chunks.
    pub cached: u64,
    /// Copies side by side.
    pub copies: u32,
}

/// How a kernel's work is cut over its rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// What the rows share: inputs of a product, else the width of the result.
    pub rows: Split,
    /// What the columns of one copy share: outputs of a product, rows of a table, else positions.
    pub columns: Split,
    /// Groups of columns that share the positions, each with all weights; 1 for what holds none.
    pub groups: u32,
    /// Copies that take turns on the same cores, because the rectangle is narrower than their number.
    pub turns: u32,
}

impl Cut {
    /// Columns of one copy.
    pub fn width(&self) -> u32 {
        self.columns.parts
    }

    /// Rows of the rectangle.
    pub fn height(&self) -> u32 {
        self.rows.parts
    }
}

/// A part of a kernel's SRAM: what it is, its use, and how much of it each core holds.
pub type Part = (&'static str, SramUse, Extent);

/// An array of fp16 values over rows and columns.
fn grid(rows: Split, columns: Split) -> Extent {
    Extent::Grid { rows, columns, bytes_per_element: FP16_BYTES }
}

/// The prices and limits of one device for one job.
#[derive(Clone, Copy, Debug)]
pub struct Library<'a> {
    pub device: &'a DeviceSpec,
    pub job: &'a Job,
    cost: CostModel,
}

impl<'a> Library<'a> {
    /// The library of `device` for `job`.
    pub fn new(device: &'a DeviceSpec, job: &'a Job) -> Self {
        Self { device, job, cost: CostModel::new(device) }
    }

    /// SRAM of a core in bytes.
    pub fn sram_limit(&self) -> u64 {
        u64::from(self.device.sram_bytes_per_core.value)
    }

    /// The cut of a kernel over `width` columns and `height` rows, the columns of each copy in `groups`.
    pub fn cut(form: &Form, width: u32, height: u32, groups: u32) -> Cut {
        let turns = if width < form.copies { form.copies } else { 1 };
        let part = if turns > 1 { width.max(1) } else { width / form.copies };
        let columns = match (form.product, form.kind) {
            (Some(product), _) => product.outputs * product.experts * u64::from(groups),
            (None, OpKind::Embedding { rows, .. }) => rows,
            _ => form.positions,
        };
        Cut {
            rows: Split { total: Self::rows_total(form), parts: height.max(1) },
            columns: Split { total: columns, parts: part },
            groups,
            turns,
        }
    }

    fn rows_total(form: &Form) -> u64 {
        match (form.product, form.kind) {
            (Some(product), _) => product.inputs,
            (None, OpKind::Loss { width }) => width,
            _ => form.output_width,
        }
    }

    /// Time and multiply-adds of the fullest core for one micro-batch: in training, of the slowest copy.
    pub fn compute(&self, form: &Form, cut: &Cut) -> Cost {
        let train = form.copies > 1;
        let mut cost = match form.kind {
            OpKind::MatMul { .. } | OpKind::Experts { .. } | OpKind::Convolution(_) => {
                matmul::compute(&self.cost, form, cut, train)
            }
            OpKind::Attention { .. } => attention::compute(&self.cost, form, cut, train),
            OpKind::Norm { .. } | OpKind::Loss { .. } => reduction::compute(&self.cost, form, cut),
            OpKind::Activation { .. } | OpKind::Elementwise { .. } | OpKind::Pooling { .. } => {
                elementwise::compute(&self.cost, form, cut)
            }
            OpKind::Embedding { .. } => embedding::compute(&self.cost, form, cut),
            OpKind::Scan { .. } => scan::compute(&self.cost, form, cut, train),
        };
        cost.cycles = Cycles(cost.cycles.0.saturating_mul(u64::from(cut.turns)));
        cost
    }

    /// Time to take one micro-batch in over the rows of the west edge, two values a wavelet, a wavelet a cycle and row.
    ///
    /// What bypassed other kernels came earlier and is not waited for.
    pub fn receive(&self, form: &Form, height: u32) -> Cycles {
        let rows = Split { total: form.input_width, parts: height };
        self.cost.transfer(form.positions.saturating_mul(rows.tile()))
    }

    /// Time for the last kernel to hand its result on over its rows.
    pub fn drain(&self, form: &Form, height: u32) -> Cycles {
        let rows = Split { total: form.output_width, parts: height };
        self.cost.transfer(form.positions.saturating_mul(rows.tile()))
    }

    /// Hands every part of the kernel's SRAM to `put`.
    pub fn parts(&self, form: &Form, cut: &Cut, put: &mut dyn FnMut(Part)) {
        put(("program and stack", SramUse::Code, Extent::Uniform(u64::from(self.device.code_bytes_per_core.value))));
        match form.kind {
            OpKind::MatMul { .. } | OpKind::Experts { .. } | OpKind::Convolution(_) => matmul::parts(form, cut, put),
            OpKind::Attention { .. } => {
                attention::parts(form, cut, u64::from(self.device.attention_key_block.value), put);
            }
            OpKind::Embedding { .. } => embedding::parts(form, cut, put),
            OpKind::Scan { .. } => scan::parts(form, cut, put),
            OpKind::Norm { .. }
            | OpKind::Loss { .. }
            | OpKind::Activation { .. }
            | OpKind::Elementwise { .. }
            | OpKind::Pooling { .. } => elementwise::parts(form, cut, put),
        }
        let cores = u64::from(cut.width()) * u64::from(cut.height()) * u64::from(form.copies / cut.turns);
        let spread = |elements: u64| Extent::Uniform(elements.div_ceil(cores.max(1)).saturating_mul(FP16_BYTES));
        if form.waiting > 0 {
            put(("inputs that wait", SramUse::Activations, spread(form.waiting)));
        }
        if form.kept > 0 {
            put(("inputs kept for the backward pass", SramUse::Activations, spread(form.kept)));
        }
    }

    /// SRAM of the fullest core in bytes.
    pub fn sram(&self, form: &Form, cut: &Cut) -> u64 {
        let (mut bytes, mut code) = (0_u64, 0);
        self.parts(form, cut, &mut |(_, usage, extent)| {
            let held = extent.bytes_max();
            if usage == SramUse::Code { code += held } else { bytes = bytes.saturating_add(held) }
        });
        code + bytes.saturating_mul(u64::from(cut.turns))
    }
}

/// The operators that become kernels, in the order of flow, with their forms, where `chunk` tokens of a sequence are a
/// micro-batch. A loss is computed in training alone.
pub fn forms(graph: &Graph, job: &Job, chunk: u64) -> Vec<(OpId, Form)> {
    let train = job.work == Work::Train;
    let runs = |op: &Op| train || !matches!(op.kind, OpKind::Loss { .. });
    let mut place = Vec::with_capacity(graph.ops.len());
    let mut count = 0_u64;
    for op in &graph.ops {
        place.push(count);
        count += u64::from(runs(op));
    }
    let chunked = chunk < job.sequence;
    let in_flight = job.batch.max(1).saturating_mul(job.sequence.div_ceil(chunk.max(1)));
    let form = |(id, op): (OpId, &Op)| {
        let positions = op.tokens.positions(chunk);
        let here = place[id.0 as usize];
        let made = |input: OpId| {
            let maker = graph.op(input);
            maker.output_width().saturating_mul(maker.tokens.positions(chunk))
        };
        let waits = |&input: &OpId| {
            let between = here.saturating_sub(place[input.0 as usize] + 1);
            made(input).saturating_mul(between.min(in_flight))
        };
        let taken: u64 = op.inputs.iter().map(|&input| made(input)).fold(0, u64::saturating_add);
        // From its forward pass to its backward pass a micro-batch goes through all kernels behind it and back.
        let under_way = 2 * (count - 1 - here).min(in_flight / 2 + 1);
        let weights = op.product().is_some() || matches!(op.kind, OpKind::Embedding { .. });
        Form {
            kind: op.kind,
            product: op.product(),
            input_width: op.input_width(),
            output_width: op.output_width(),
            positions,
            keys: match op.kind {
                OpKind::Attention { reach, .. } => reach.keys(op.tokens.positions(job.sequence)),
                _ => 0,
            },
            held_width: held_width(op),
            waiting: op.inputs.iter().map(waits).fold(0, u64::saturating_add),
            kept: if train { taken.saturating_mul(under_way.min(in_flight)) } else { 0 },
            cached: match op.kind {
                OpKind::Attention { .. } if job.mapping == Mapping::Resident && graph.causal => {
                    job.batch.max(1) - u64::from(!chunked)
                }
                OpKind::Attention { .. } => u64::from(chunked),
                _ => 0,
            },
            copies: match (train, weights) {
                (false, _) => 1,
                (true, false) => 2,
                (true, true) => 3,
            },
        }
    };
    graph.iter().filter(|(_, op)| runs(op)).map(|(id, op)| (id, form((id, op)))).collect()
}

/// Elements at each position that an elementwise kernel holds: it works in place, on all it reads or all it makes.
fn held_width(op: &Op) -> u64 {
    match op.kind {
        OpKind::Norm { width, keeps_sum } => width * (op.inputs.len() as u64).max(1 + u64::from(keeps_sum)),
        _ => op.input_width().max(op.output_width()),
    }
}
