//! How many tokens are a micro-batch: a whole sequence, or a chunk of one.
//!
//! Where a token depends on none behind it (a causal model, forward), a sequence may flow through the kernels in chunks:
//! every kernel then holds a chunk and not the sequence, only attention keeps the keys and values of what came before.
//! Small chunks need less SRAM and fill the line of kernels sooner; large ones pay less often for instructions, loops
//! and hops. Which is best follows from the layouts of all of them: the shortest run that fits the row is taken.

use super::{Layout, Problem, assemble, read, route, shelves, step};
use crate::compiler::program::EVENTS_MAX;
use crate::compiler::{CompilerPass, Considered, Decision, Job, Program, Schedule, Step, Work, pace};
use crate::hardware::{DefectMap, DeviceSpec};
use crate::units::{Cycles, format};
use crate::workload::{Graph, OpKind, Reach, Tokens};

/// Chunks that are weighed besides the whole sequence: powers of two in this range.
const CHUNKS: std::ops::RangeInclusive<u64> = 64..=4_096;

/// What was chosen.
pub(super) struct Chosen {
    pub tokens: u64,
    /// The lowest time by area alone and the layout, as they were weighed without kernels of the hand; `None` if it was
    /// not necessary to look, or nothing fits.
    pub layout: Option<(Option<u64>, Layout)>,
    /// The reasons, if there was a choice.
    pub step: Option<Step>,
}

/// Micro-batches of a run.
pub(super) fn micro_batches(job: &Job, tokens: u64) -> u64 {
    job.batch_per_system().saturating_mul(job.sequence.div_ceil(tokens.max(1)))
}

/// Why a micro-batch of this job is a whole sequence; `None` if it may be a chunk.
fn why_whole(graph: &Graph, job: &Job) -> Option<&'static str> {
    let memory = |kind: OpKind| matches!(kind, OpKind::Attention { reach: Reach::Memory(_), .. });
    let loss = |kind: OpKind| matches!(kind, OpKind::Loss { .. });
    if job.work == Work::Train {
        Some("gradients flow from its last token to the first")
    } else if !graph.causal {
        Some("tokens attend to those behind them")
    } else if graph.iter().any(|(_, op)| memory(op.kind)) {
        Some("it reads the memory of an encoder, which is whole")
    } else if graph.iter().any(|(_, op)| op.tokens != Tokens::Every && !loss(op.kind)) {
        Some("some kernels work on positions of their own and not on every token")
    } else {
        None
    }
}

/// Tokens of a micro-batch that are weighed, smallest first; the last are those of the whole sequence.
///
/// A chunk divides the sequence, so that all micro-batches are equal, and makes no more events than a run may have.
pub fn candidates(graph: &Graph, job: &Job) -> Vec<u64> {
    let mut tokens = Vec::new();
    if why_whole(graph, job).is_none() {
        let events = |chunk| micro_batches(job, chunk).saturating_mul(graph.ops.len() as u64);
        let powers = std::iter::successors(Some(*CHUNKS.start()), |chunk| Some(2 * chunk));
        let inside = powers.take_while(|chunk| CHUNKS.contains(chunk) && *chunk < job.sequence);
        tokens.extend(inside.filter(|&chunk| job.sequence.is_multiple_of(chunk) && events(chunk) <= EVENTS_MAX));
    }
    tokens.push(job.sequence);
    tokens
}

/// The fewest wafers in a row that hold the job, and the smallest micro-batch that they hold; `None` if some kernel fits
/// no wafer whatever the micro-batch.
pub(super) fn fewest_wafers(graph: &Graph, device: &DeviceSpec, defects: &DefectMap, job: &Job) -> Option<(u32, u64)> {
    let held = candidates(graph, job).into_iter().filter_map(|tokens| {
        let (problem, _) = read::read(graph, device, defects, job, tokens, &[], &mut Vec::new());
        Some((shelves::fewest_wafers(&problem)?, tokens))
    });
    held.min()
}

/// Chooses the micro-batch of the shortest run that fits the row, whatever the hand has placed: the choice does not
/// change while kernels are moved.
pub(super) fn choose(graph: &Graph, device: &DeviceSpec, defects: &DefectMap, job: &Job) -> Chosen {
    let whole = job.sequence;
    let tokens = candidates(graph, job);
    if tokens.len() == 1 {
        return Chosen { tokens: whole, layout: None, step: None };
    }
    let problem = |tokens| read::read(graph, device, defects, job, tokens, &[], &mut Vec::new()).0;
    // By area alone no run is shorter than this; the most promising one is laid out first.
    let bound = |tokens: u64| {
        let floor = super::size::floor(&problem(tokens));
        let least = floor.map(|floor| floor.saturating_mul(micro_batches(job, tokens)));
        (least, floor, tokens)
    };
    let mut weighed: Vec<_> = tokens.into_iter().map(bound).collect();
    weighed.sort_by_key(|&(least, _, tokens)| (least.unwrap_or(u64::MAX), std::cmp::Reverse(tokens)));
    let mut best: Option<(u64, u64, Option<u64>, Layout)> = None;
    let mut told: Vec<(u64, Outcome)> = Vec::new();
    for (least, floor, tokens) in weighed {
        let Some(least) = least else {
            told.push((tokens, Outcome::TooLarge));
            continue;
        };
        if best.as_ref().is_some_and(|(time, ..)| least >= *time) {
            told.push((tokens, Outcome::AtLeast(least)));
            continue;
        }
        let problem = problem(tokens);
        let layout = super::place::search(&problem, floor);
        if layout.placed() < problem.kernels.len() {
            told.push((tokens, Outcome::TooLarge));
            continue;
        }
        let mut program = assemble(&problem, &layout, Vec::new());
        route::price_straight(&problem, &mut program);
        let time = run_time(&program).0;
        told.push((tokens, Outcome::Takes(time)));
        if best.as_ref().is_none_or(|(held, ..)| time < *held) {
            best = Some((time, tokens, floor, layout));
        }
    }
    let Some((time, tokens, floor, layout)) = best else {
        let tokens = fewest_wafers(graph, device, defects, job).map_or(whole, |(_, tokens)| tokens);
        let because = "no micro-batch fits the row: this one needs the fewest wafers".to_owned();
        return Chosen { tokens, layout: None, step: Some(chosen(job, tokens, because, told, 0)) };
    };
    let because = format!(
        "{} micro-batches of {} tokens through all kernels take {}",
        format::grouped(micro_batches(job, tokens)),
        format::grouped(tokens),
        format::cycles(time)
    );
    let step = chosen(job, tokens, because, told, time);
    Chosen { tokens, layout: Some((floor, layout)), step: Some(step) }
}

/// What became of a micro-batch that was weighed.
enum Outcome {
    TooLarge,
    /// It was not laid out, because by area alone it takes at least so many cycles.
    AtLeast(u64),
    Takes(u64),
}

fn chosen(job: &Job, tokens: u64, because: String, mut told: Vec<(u64, Outcome)>, best: u64) -> Step {
    let decision = Decision::ChunkChosen { tokens, micro_batches: micro_batches(job, tokens) };
    let rule = "the shortest run that fits the row; a chunk needs less SRAM, and fills the line of kernels sooner";
    let mut decided = step(decision, CompilerPass::Size, because, rule);
    told.retain(|(other, _)| *other != tokens);
    told.sort_by_key(|&(tokens, ref outcome)| match outcome {
        Outcome::Takes(time) | Outcome::AtLeast(time) => (*time, tokens),
        Outcome::TooLarge => (u64::MAX, tokens),
    });
    let more = |time: u64| format::percent(time as f64 / best.max(1) as f64 - 1.0);
    let considered = told.into_iter().map(|(other, outcome)| Considered {
        what: if other == job.sequence {
            format!("the whole sequence of {} tokens", format::grouped(other))
        } else {
            format!("{} tokens", format::grouped(other))
        },
        why_not: match outcome {
            Outcome::TooLarge => "its kernels do not fit the row at any speed".to_owned(),
            Outcome::AtLeast(time) => format!("at least {} longer, by area alone", more(time)),
            Outcome::Takes(time) => format!("{} longer", more(time)),
        },
        rect: None,
    });
    decided.considered = considered.collect();
    decided
}

/// What a program takes for granted about its micro-batches.
pub(super) fn assumption(problem: &Problem<'_>) -> String {
    let sequence = problem.job.sequence;
    match why_whole(problem.graph, problem.job) {
        _ if problem.chunk < sequence => format!(
            "{} of the {} tokens of a sequence are a micro-batch: attention keeps the keys and values of the whole sequence \
             and is priced as if all of them were there from the first chunk on",
            format::grouped(problem.chunk),
            format::grouped(sequence)
        ),
        Some(why) => format!("one sequence is a micro-batch: {why}"),
        None => "one sequence is a micro-batch".to_owned(),
    }
}

/// ANALYTIC time of a whole run of a pipeline, in closed form; zero for any other schedule.
///
/// The first micro-batch goes through all kernels; each one behind it comes out later by the time that the busiest kernel
/// holds one: takes it in, computes, and hands it on. The executor does exactly the same.
pub fn run_time(program: &Program) -> Cycles {
    let Schedule::Pipeline { stages, micro_batches, drain } = &program.schedule else { return Cycles::ZERO };
    let first: u64 = stages.iter().map(|stage| stage.receive.0 + stage.latency.0 + stage.compute.0).sum();
    let behind = u64::from(micro_batches.saturating_sub(1)).saturating_mul(pace(program).1.0);
    Cycles(first.saturating_add(drain.0).saturating_add(behind))
}
