//! Decisions, one by one: what was chosen, what else was considered, and why.
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

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// How many sequences work on the wafer together, on how many lanes, keeping activations or not.
    MicroBatchChosen { sequences: u64, lanes: u32, recompute: bool, considered: Vec<Candidate>, because: String },
    /// The wafer's cores were divided into lanes that all do the same.
    LanePlaced { rect: Rect },
    /// A kernel was given an area.
    KernelSized { op: OpId, width: u32, height: u32, compute: Cycles, sram_per_core: Bytes },
    /// A kernel was put on a rectangle.
    RegionPlaced { op: OpId, rect: Rect, author: Author },
    /// Two kernels were joined by a stream.
    RouteCommitted { from: KernelId, to: KernelId, hops: u32 },
    /// SRAM was set aside.
    BufferAllocated { label: String, bytes_per_core: Bytes },
    /// Something was not done.
    Rejected { op: OpId, why: String },
}

/// An alternative that was weighed against the chosen one.
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

/// The rectangles that the steps put on an empty layout, in the order of the program's regions.
pub fn replay(steps: &[Step]) -> Vec<Rect> {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::LanePlaced { rect } | Step::RegionPlaced { rect, .. } => Some(*rect),
            _ => None,
        })
        .collect()
}
