//! The compiled program: what runs where, in which order, with how much SRAM.
//!
//! Costs are whole cycles of the device's run clock, so that the engine never sees a float.

use crate::compiler::{Extent, Split, Step, Violation};
use crate::hardware::{Core, Rect};
use crate::units::{Bytes, Cycles};
use crate::workload::OpId;

/// Programs of more events are not run.
///
/// One is a kernel taking a micro-batch, or one stage of a streaming schedule. An event leaves up to five intervals of 48
/// bytes, and the trace is in memory up to three times, with the engine, on its way, and with the window.
pub const EVENTS_MAX: u64 = 400_000;

/// How a model is laid on the wafer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// Activations rest on the whole wafer; the weights of one operator after the other pass over it.
    Streaming,
    /// Every operator has its own rectangle with its weights in SRAM; micro-batches flow through.
    Pipelined,
    /// The same for inference, with the keys and values of every sequence kept on the wafer.
    Resident,
}

impl Mapping {
    /// All mappings, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Pipelined, Self::Streaming, Self::Resident];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Pipelined => "pipelined",
            Self::Resident => "resident",
        }
    }
}

/// What is to be computed with the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// One optimizer step: forward, backward, weight gradients.
    Train,
    /// One forward pass over the batch.
    Forward,
}

/// A task for the compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    pub mapping: Mapping,
    pub work: Work,
    /// Sequences in one step, over all systems.
    pub batch: u64,
    /// Tokens in one sequence.
    pub sequence: u64,
    /// Systems. While weights stream they are data-parallel, each working on its share of the batch; otherwise they
    /// stand in a row, and the line of kernels runs through all of them.
    pub systems: u32,
}

impl Job {
    /// Sequences of one step on one system.
    pub fn batch_per_system(&self) -> u64 {
        match self.mapping {
            Mapping::Streaming => self.batch.div_ceil(u64::from(self.systems.max(1))),
            Mapping::Pipelined | Mapping::Resident => self.batch,
        }
    }

    /// Wafers that one program spans.
    pub fn wafers(&self) -> u32 {
        match self.mapping {
            Mapping::Streaming => 1,
            Mapping::Pipelined | Mapping::Resident => self.systems.max(1),
        }
    }

    /// Tokens of one step over all systems.
    pub fn tokens(&self) -> u64 {
        self.batch * self.sequence
    }
}

/// A rectangle of cores that works as one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The wafer of the row that it lies on.
    pub wafer: u32,
    pub rect: Rect,
    pub entry: Entry,
}

/// Where operands enter a region: at one or more rows of its west edge, evenly spaced. Every other core starts later by
/// its hops from the nearest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// First row with a port.
    pub first_row: u32,
    /// Rows from one port to the next.
    pub spacing: u32,
    pub count: u32,
}

impl Entry {
    /// One port in the middle of the west edge.
    pub fn middle(rect: Rect) -> Self {
        Self::spread(rect, 1)
    }

    /// `count` ports along the west edge, each in the middle of its share of the rows.
    pub fn spread(rect: Rect, count: u32) -> Self {
        let count = count.clamp(1, rect.height.max(1));
        let spacing = (rect.height / count).max(1);
        Self { first_row: rect.y + spacing / 2, spacing, count }
    }

    /// Rows from `y` to the nearest port.
    pub fn rows_away(&self, y: u32) -> u32 {
        let after = (y.saturating_sub(self.first_row) / self.spacing).min(self.count - 1);
        let port = |index: u32| self.first_row + index.min(self.count - 1) * self.spacing;
        port(after).abs_diff(y).min(port(after + 1).abs_diff(y))
    }
}

impl Region {
    /// A region with one port in the middle of its west edge.
    pub fn new(wafer: u32, rect: Rect) -> Self {
        Self { wafer, rect, entry: Entry::middle(rect) }
    }

    /// Hops from the nearest port to a core inside.
    pub fn hops_to(&self, core: Core) -> u32 {
        self.entry.rows_away(core.y) + core.x.saturating_sub(self.rect.x)
    }
}

/// Index of a kernel in [`Program::kernels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KernelId(pub u32);

/// One operator on its region or regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel {
    pub op: OpId,
    /// Name within the model: `block 17 mlp.up`.
    pub label: String,
    /// Regions that run it, as indices into [`Program::regions`]; all of them work in step.
    pub regions: std::ops::Range<u32>,
    /// How the work is cut over the rows of a region; see [`Kernel::rows_in`].
    pub rows: Split,
    /// The same for the gradients of its inputs, which runs over its outputs.
    pub rows_backward: Split,
    /// How the work is cut over the columns of its regions, all in one line.
    pub columns: Split,
}

impl Kernel {
    /// How the work of a pass is cut over the rows of a region.
    pub fn rows_in(&self, pass: Pass) -> Split {
        if pass == Pass::BackwardInput { self.rows_backward } else { self.rows }
    }
}

/// The part of training that a stage does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    Forward,
    /// A forward pass done again, because its results were not kept.
    Recompute,
    /// Gradients of the inputs.
    BackwardInput,
    /// Gradients of the weights.
    BackwardWeight,
}

impl Pass {
    /// The word that names it on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Recompute => "recompute",
            Self::BackwardInput => "backward, inputs",
            Self::BackwardWeight => "backward, weights",
        }
    }
}

/// One entry of a streaming schedule: a kernel runs once for one micro-batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    pub kernel: KernelId,
    pub pass: Pass,
    /// Time of the fullest core with all operands at hand.
    pub compute: Cycles,
    /// Multiply-adds of the fullest core.
    pub multiply_adds: u64,
    /// Time to bring its weights onto the wafer; zero if none are needed.
    pub stream_in: Cycles,
    /// Time to carry its gradients off the wafer; zero if there are none.
    pub stream_out: Cycles,
    /// SRAM of the staged weights over the whole wafer.
    pub staged: Bytes,
    /// Buffers that come to life when it starts.
    pub allocate: Vec<BufferId>,
    /// Buffers that die when it ends.
    pub free: Vec<BufferId>,
}

/// One kernel of a pipeline, per micro-batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipelineStage {
    pub kernel: KernelId,
    /// Time to take a micro-batch in over its edge.
    pub receive: Cycles,
    /// Time of the fullest core.
    pub compute: Cycles,
    /// Multiply-adds of the fullest core.
    pub multiply_adds: u64,
    /// Time of the first wavelet on its way from the kernel before it, or from the wafer's edge.
    pub latency: Cycles,
}

/// The order in which kernels run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// The stages of one micro-batch, repeated.
    Streaming {
        stages: Vec<Stage>,
        micro_batches: u32,
        /// Bytes of weights that may wait on the wafer for their turn.
        staging: Bytes,
    },
    /// Kernels in the order of flow.
    Pipeline { stages: Vec<PipelineStage>, micro_batches: u32, drain: Cycles },
}

impl Schedule {
    /// Micro-batches of one run.
    pub fn micro_batches(&self) -> u32 {
        match *self {
            Self::Streaming { micro_batches, .. } | Self::Pipeline { micro_batches, .. } => micro_batches,
        }
    }
}

/// What SRAM is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SramUse {
    Weights,
    Activations,
    Gradients,
    Buffers,
    Code,
}

impl SramUse {
    /// All uses, in the order in which they are stacked.
    pub const ALL: [Self; 5] = [Self::Weights, Self::Activations, Self::Gradients, Self::Buffers, Self::Code];

    /// The word that names it on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Activations => "activations",
            Self::Gradients => "gradients",
            Self::Buffers => "buffers",
            Self::Code => "code",
        }
    }
}

/// Index of a buffer in [`Program::buffers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(pub u32);

/// When a buffer holds SRAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// For the whole run.
    Always,
    /// Between the stages that allocate and free it.
    Staged,
}

/// SRAM for one purpose on every core of some regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    pub label: String,
    pub usage: SramUse,
    pub regions: std::ops::Range<u32>,
    pub extent: Extent,
    pub lifetime: Lifetime,
}

/// A stream between two kernels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub from: KernelId,
    pub to: KernelId,
    pub hops: u32,
    /// Bytes of one micro-batch.
    pub bytes: Bytes,
    /// Its colour at every router on its way; `None` between wafers, and where no way was found.
    pub colour: Option<u32>,
    /// Straight runs of routers from the maker to all its readers on the wafer, which share one tree.
    pub path: Vec<(Core, Core)>,
}

/// A kernel that somebody put somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    pub op: OpId,
    /// The wafer of the row.
    pub wafer: u32,
    pub rect: Rect,
}

/// A compiled program, whole or partial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub job: Job,
    /// Sequences that are on the wafer together.
    pub micro_batch: u64,
    /// Tokens of each sequence in a micro-batch: all of them, or a chunk.
    pub chunk: u64,
    pub regions: Vec<Region>,
    pub kernels: Vec<Kernel>,
    pub buffers: Vec<Buffer>,
    pub routes: Vec<Route>,
    pub schedule: Schedule,
    /// Every decision, in order.
    pub steps: Vec<Step>,
    /// Why it must not run; empty for a valid program.
    pub violations: Vec<Violation>,
    /// What the program takes for granted, in words.
    pub assumptions: Vec<String>,
}

impl Program {
    /// The kernel called `id`.
    pub fn kernel(&self, id: KernelId) -> &Kernel {
        &self.kernels[id.0 as usize]
    }

    /// Rectangles of a kernel.
    pub fn rects(&self, id: KernelId) -> impl Iterator<Item = Rect> + '_ {
        let regions = self.kernel(id).regions.clone();
        self.regions[regions.start as usize..regions.end as usize].iter().map(|region| region.rect)
    }

    /// Cores that hold anything.
    pub fn cores_used(&self) -> u64 {
        self.regions.iter().map(|region| region.rect.cores()).sum()
    }

    /// The region that holds `core` of the first wafer.
    pub fn region_at(&self, core: Core) -> Option<u32> {
        self.region_on(0, core)
    }

    /// The region that holds `core` of `wafer`.
    pub fn region_on(&self, wafer: u32, core: Core) -> Option<u32> {
        let holds = |region: &Region| region.wafer == wafer && region.rect.contains(core);
        self.regions.iter().position(holds).map(|index| index as u32)
    }

    /// The kernel that lives at `core` of the first wafer for the whole run.
    pub fn kernel_at(&self, core: Core) -> Option<KernelId> {
        self.kernel_on(0, core)
    }

    /// The kernel that lives at `core` of `wafer` for the whole run; none while kernels share their regions over time.
    pub fn kernel_on(&self, wafer: u32, core: Core) -> Option<KernelId> {
        let region = self.region_on(wafer, core)?;
        match self.schedule {
            Schedule::Streaming { .. } => None,
            Schedule::Pipeline { .. } => self
                .kernels
                .iter()
                .position(|kernel| kernel.regions.contains(&region))
                .map(|index| KernelId(index as u32)),
        }
    }

    /// Whether the program may run.
    pub fn is_valid(&self) -> bool {
        self.violations.is_empty()
    }
}
