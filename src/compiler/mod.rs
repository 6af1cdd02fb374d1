//! Graph and device to program: pure functions, no clock. Only the floorplanner starts threads; they end with it.
//!
//! A program says which kernel runs on which rectangle of cores, in which order, with which SRAM. Every decision on the
//! way is a [`Step`]; replaying the steps on an empty layout gives the program's regions again. One [`check()`] judges
//! programs of the compiler, of the hand and of the loader alike.

pub mod benchmark;
pub mod check;
pub mod cost;
pub mod floorplan;
pub mod kernel;
mod liveness;
pub mod passes;
pub mod program;
pub mod resident;
pub mod route;
pub mod sram;
pub mod step;
pub mod streaming;
pub mod tile;

pub use check::{Violation, check};
pub use passes::{Search, Thought, fewest_wafers};
pub use program::{
    Buffer, BufferId, Entry, Job, Kernel, KernelId, Lifetime, Mapping, Pass, PipelineStage, Placement, Program, Region,
    Route, Schedule, SramUse, Stage, Work,
};
pub use resident::shapes_of;
pub use step::{Author, CompilerPass, Considered, Decision, LayoutWay, Step};
pub use tile::{Extent, Split};

use crate::hardware::{DefectMap, DeviceSpec};
use crate::units::Cycles;
use crate::workload::{Graph, Op};

/// Compiles `graph` for `device` as `job` asks, keeping the kernels that the user has `pinned`.
///
/// Never fails: what cannot be placed is missing from the program, and [`Program::violations`] says why.
pub fn compile(graph: &Graph, device: &DeviceSpec, defects: &DefectMap, job: &Job, pinned: &[Placement]) -> Program {
    compile_longer(graph, device, defects, job, pinned, None)
}

/// The same with a longer `search` for the layout, if one is asked for. Streaming programs have no layout to search for.
pub fn compile_longer(
    graph: &Graph,
    device: &DeviceSpec,
    defects: &DefectMap,
    job: &Job,
    pinned: &[Placement],
    search: Option<Search<'_>>,
) -> Program {
    let mut program = match job.mapping {
        Mapping::Streaming => streaming::compile(graph, device, job),
        Mapping::Pipelined | Mapping::Resident => passes::compile(graph, device, defects, job, pinned, search),
    };
    let found = check(&program, device, defects);
    program.violations.extend(found);
    program.steps.push(checked(&program));
    program
}

/// What sets the pace of a program, by its label, and the ANALYTIC time of one micro-batch at that pace.
///
/// In a pipeline a kernel is busy while it takes in, computes, and hands on. While weights stream all kernels take
/// turns, so the time is that of all stages, and the label that of the longest.
pub fn pace(program: &Program) -> (String, Cycles) {
    match &program.schedule {
        Schedule::Streaming { stages, micro_batches, .. } => {
            let longest = stages.iter().max_by_key(|stage| stage.compute.max(stage.stream_in).max(stage.stream_out));
            let whole = streaming::estimate(program).0 / u64::from((*micro_batches).max(1));
            (longest.map_or_else(String::new, |stage| program.kernel(stage.kernel).label.clone()), Cycles(whole))
        }
        Schedule::Pipeline { stages, drain, .. } => {
            let taken = |stage: &PipelineStage| stage.receive.0 + stage.latency.0;
            // What drains at the very end of training is no part of the pace.
            let last = if program.job.work == Work::Train { 0 } else { drain.0 };
            let handed_on = stages.iter().skip(1).map(taken).chain([last]);
            let busy =
                stages.iter().zip(handed_on).map(|(stage, on)| (taken(stage) + stage.compute.0 + on, stage.kernel));
            let slowest = busy.max_by_key(|(cycles, _)| *cycles);
            slowest.map_or_else(Default::default, |(cycles, kernel)| {
                (program.kernel(kernel).label.clone(), Cycles(cycles))
            })
        }
    }
}

/// The last step: what the checker said, counted by rule.
fn checked(program: &Program) -> Step {
    let mut counts: Vec<(&'static str, u32)> = Violation::RULES.map(|rule| (rule, 0)).to_vec();
    for violation in &program.violations {
        if let Some((_, count)) = counts.iter_mut().find(|(rule, _)| *rule == violation.rule()) {
            *count += 1;
        }
    }
    let words: Vec<String> = counts.iter().map(|(rule, count)| format!("{rule}: {count}")).collect();
    let decision =
        Decision::Checked { regions: program.regions.len() as u32, violations: program.violations.len() as u32 };
    decision.by(Author::Compiler, CompilerPass::Check, words.join("; "), "a program with a violation does not run")
}

/// What a reader calls an operator: `block 17 mlp.up`.
pub fn label(op: &Op) -> String {
    match op.block {
        Some(block) => format!("block {block} {}", op.name),
        None => op.name.clone(),
    }
}
