//! Graph and device to program: pure functions, no clock. Only the floorplanner starts threads; they end with it.
//!
//! A program says which kernel runs on which rectangle of cores, in which order, with which SRAM. Every decision on the
//! way is a [`Step`]; replaying the steps on an empty layout gives the program's regions again. One [`check()`] judges
//! programs of the compiler, of the hand and of the loader alike.

pub mod benchmark;
pub mod check;
pub mod cost;
pub mod floorplan;
mod liveness;
pub mod program;
pub mod resident;
pub mod route;
pub mod sram;
pub mod step;
pub mod streaming;
pub mod tile;

pub use check::{Violation, check};
pub use program::{
    Buffer, BufferId, Entry, Job, Kernel, KernelId, Lifetime, Mapping, Pass, PipelineStage, Placement, Program, Region,
    Route, Schedule, SramUse, Stage, Work,
};
pub use step::{Author, CompilerPass, Decision, Step};
pub use tile::{Extent, Split};

use crate::hardware::{DefectMap, DeviceSpec};
use crate::workload::Graph;

/// Compiles `graph` for `device` as `job` asks, keeping the kernels that the user has `pinned`.
///
/// Never fails: what cannot be placed is missing from the program, and [`Program::violations`] says why.
pub fn compile(graph: &Graph, device: &DeviceSpec, defects: &DefectMap, job: &Job, pinned: &[Placement]) -> Program {
    let mut program = match job.mapping {
        Mapping::Streaming => streaming::compile(graph, device, job),
        Mapping::Resident => resident::compile(graph, device, defects, job, pinned),
    };
    let found = check(&program, device, defects);
    program.violations.extend(found);
    program
}
