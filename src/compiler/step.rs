//! Decisions, one by one: what was chosen, because of what, what else was considered and why it was not taken.
//!
//! The steps alone rebuild the layout ([`replay`]), so that a user can go back to any of them and decide otherwise.

use crate::compiler::KernelId;
use crate::hardware::Rect;
use crate::units::{Bytes, Cycles};
use crate::workload::OpId;

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    Compiler,
    User,
}

/// The passes of the compiler, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompilerPass {
    Read,
    Fuse,
    Partition,
    Size,
    Place,
    Route,
    Allocate,
    Check,
}

impl CompilerPass {
    /// All passes, in order.
    pub const ALL: [Self; 8] =
        [Self::Read, Self::Fuse, Self::Partition, Self::Size, Self::Place, Self::Route, Self::Allocate, Self::Check];

    /// The words that name it on the screen.
    pub fn words(self) -> &'static str {
        match self {
            Self::Read => "Read model",
            Self::Fuse => "Fuse",
            Self::Partition => "Partition",
            Self::Size => "Size kernels",
            Self::Place => "Place",
            Self::Route => "Route colours",
            Self::Allocate => "Assign memory",
            Self::Check => "Check",
        }
    }
}

/// One decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub pass: CompilerPass,
    pub author: Author,
    pub decision: Decision,
    /// Why, in one sentence with its numbers, without a full stop; empty if nothing was weighed.
    pub because: String,
    /// What else was weighed, best first.
    pub considered: Vec<Considered>,
    /// The rule that decided, as a reader would state it.
    pub rule: &'static str,
}

/// An alternative, and why it was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// What it was, in words: `64 × 104 cores`.
    pub what: String,
    /// Why it was not taken: `9 % slower`.
    pub why_not: String,
    /// Where it would have been, if it is a place.
    pub rect: Option<Rect>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// How many sequences work on the wafer together, on how many lanes, keeping activations or not.
    MicroBatchChosen { sequences: u64, lanes: u32, recompute: bool, candidates: Vec<Candidate> },
    /// The wafer's cores were divided into lanes that all do the same.
    LanePlaced { rect: Rect },
    /// A model was read; so many of its operators become kernels.
    ModelRead { operators: u32, kernels: u32 },
    /// Operators were joined with others; the first of those that took some in.
    Fused { into: OpId, operators: u32 },
    /// A wafer of the row was filled with the kernels from one operator to another.
    WaferFilled { wafer: u32, first: OpId, last: OpId, kernels: u32 },
    /// The time that every kernel must meet, and the lowest that its area allows.
    TargetChosen { target: Cycles, floor: Cycles },
    /// So many tokens of a sequence are a micro-batch; so many of those are a run.
    ChunkChosen { tokens: u64, micro_batches: u64 },
    /// One of two ways to lay the kernels out was taken; ANALYTIC time of a run on it.
    LayoutChosen { way: LayoutWay, run: Cycles },
    /// A kernel was given an area.
    KernelSized { op: OpId, width: u32, height: u32, compute: Cycles, sram_per_core: Bytes },
    /// A kernel was put on a rectangle.
    RegionPlaced { op: OpId, wafer: u32, rect: Rect },
    /// Two kernels were joined by a stream.
    RouteCommitted { from: KernelId, to: KernelId, hops: u32, colour: Option<u32> },
    /// SRAM was set aside.
    BufferAllocated { label: String, bytes_per_core: Bytes },
    /// Something was not done.
    Rejected { op: OpId, why: String },
    /// The program was judged.
    Checked { regions: u32, violations: u32 },
}

/// How a layout was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutWay {
    /// Bands of rows that are filled in the order of flow.
    Shelves,
    /// A search over floorplans.
    Floorplan,
}

impl LayoutWay {
    /// The words that name it on the screen.
    pub fn words(self) -> &'static str {
        match self {
            Self::Shelves => "shelves",
            Self::Floorplan => "floorplan",
        }
    }
}

impl Decision {
    /// A step of the compiler in which nothing else was weighed.
    pub fn alone(self, pass: CompilerPass, rule: &'static str) -> Step {
        self.by(Author::Compiler, pass, String::new(), rule)
    }

    /// A step with its reason.
    pub fn by(self, author: Author, pass: CompilerPass, because: String, rule: &'static str) -> Step {
        Step { pass, author, decision: self, because, considered: Vec::new(), rule }
    }

    /// The operator that it is about, if it is about one.
    pub fn op(&self) -> Option<OpId> {
        match self {
            Self::KernelSized { op, .. }
            | Self::RegionPlaced { op, .. }
            | Self::Rejected { op, .. }
            | Self::Fused { into: op, .. } => Some(*op),
            _ => None,
        }
    }
}

/// A choice of micro-batch and lanes that was weighed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub sequences: u64,
    pub lanes: u32,
    pub recompute: bool,
    /// ANALYTIC time of a whole step on this choice.
    pub step_time: Cycles,
    /// SRAM of the fullest core at the fullest moment.
    pub sram_peak: Bytes,
}

/// The wafers and rectangles that the steps put on an empty layout, in the order of the program's regions.
pub fn replay(steps: &[Step]) -> Vec<(u32, Rect)> {
    steps
        .iter()
        .filter_map(|step| match step.decision {
            Decision::LanePlaced { rect } => Some((0, rect)),
            Decision::RegionPlaced { wafer, rect, .. } => Some((wafer, rect)),
            _ => None,
        })
        .collect()
}
