//! The model as the tree shows it, and which part of it is at work: plain logic without a window.
//!
//! [`Outline`] holds what changes only with the program; [`Moment`] is read from the trace at the playhead.

use std::ops::Range;

use crate::compiler::{Pass, Program, Schedule};
use crate::sim::Scene;
use crate::sim::trace::{Activity, Interval, Trace};
use crate::units::format;
use crate::workload::{Graph, OpId, OpKind};

/// What the tree knows of one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ui::panels) struct Leaf {
    pub op: OpId,
    /// Shape, heads or width.
    pub shape: String,
    /// Its kernel in the program; `None` if it has no place or needs none.
    pub kernel: Option<usize>,
    /// First and last stage of the forward and of the backward half of a streaming schedule.
    halves: [Option<(u32, u32)>; 2],
}

/// The model as rows: what comes before the blocks, the blocks, what comes after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ui::panels) struct Outline {
    pub leaves: Vec<Leaf>,
    /// The leaves of each block.
    pub blocks: Vec<Range<usize>>,
    /// Where the run of blocks begins and ends among the leaves.
    pub body: Range<usize>,
    /// Parameters of the whole model and of each block, in words.
    pub parameters: String,
    pub block_parameters: Vec<String>,
}

/// Whether an operator or a block has had its turn in this pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Progress {
    Waiting,
    /// Under way, with the share of the present interval that is over.
    Running(f32),
    Done,
}

impl Outline {
    /// The outline of what was compiled. Operators that need no kernel of their own are left out.
    pub(super) fn of(scene: &Scene) -> Self {
        let (graph, program) = (&scene.graph, &scene.program);
        let mut kernels = vec![None; graph.ops.len()];
        for (index, kernel) in program.kernels.iter().enumerate() {
            kernels[kernel.op.0 as usize] = Some(index);
        }
        let halves = halves(program);
        let mut outline = Self { parameters: format::parameters(graph.parameters()), ..Self::default() };
        for (op, owner) in graph.iter() {
            let kernel = kernels[op.0 as usize];
            if kernel.is_none() && matches!(owner.kind, OpKind::Loss { .. }) {
                continue;
            }
            let at = outline.leaves.len();
            if let Some(block) = owner.block {
                if outline.blocks.is_empty() {
                    outline.body.start = at;
                }
                outline.blocks.resize(outline.blocks.len().max(block as usize + 1), at..at);
                outline.blocks[block as usize].end = at + 1;
                outline.body.end = at + 1;
            }
            let halves = kernel.map_or([None; 2], |kernel| halves[kernel]);
            outline.leaves.push(Leaf { op, shape: shape(owner.kind), kernel, halves });
        }
        if outline.blocks.is_empty() {
            outline.body = outline.leaves.len()..outline.leaves.len();
        }
        let parameters = |leaves: &Range<usize>| {
            let ops = outline.leaves[leaves.clone()].iter();
            format::parameters(ops.map(|leaf| graph.op(leaf.op).parameters).sum())
        };
        outline.block_parameters = outline.blocks.iter().map(parameters).collect();
        outline
    }
}

/// First and last stage of every kernel, forward and backward.
fn halves(program: &Program) -> Vec<[Option<(u32, u32)>; 2]> {
    let mut found = vec![[None; 2]; program.kernels.len()];
    let Schedule::Streaming { stages, .. } = &program.schedule else { return found };
    for (index, stage) in stages.iter().enumerate() {
        // What is computed again belongs to the backward half, but a turn there ends with the gradients.
        if stage.pass == Pass::Recompute {
            continue;
        }
        let span: &mut Option<(u32, u32)> = &mut found[stage.kernel.0 as usize][half(stage.pass)];
        let index = index as u32;
        *span = Some(span.map_or((index, index), |(first, _)| (first, index)));
    }
    found
}

fn half(pass: Pass) -> usize {
    usize::from(pass != Pass::Forward)
}

/// `5120×20480`, `40 heads`, `20480`.
fn shape(kind: OpKind) -> String {
    match kind {
        OpKind::Embedding { rows, width } => format!("{rows}×{width}"),
        OpKind::MatMul { k, n } => format!("{k}×{n}"),
        OpKind::Experts { k, n, experts, chosen } => format!("{k}×{n}, {chosen} of {experts}"),
        OpKind::Attention { heads, .. } => format!("{heads} heads"),
        OpKind::Convolution(shape) => {
            let [height, width] = shape.window;
            format!("{height}×{width}, {}→{}", shape.in_channels, shape.out_channels)
        }
        OpKind::Scan { width, state } => format!("{width}×{state}"),
        OpKind::Norm { width, .. }
        | OpKind::Pooling { width, .. }
        | OpKind::Activation { width, .. }
        | OpKind::Elementwise { width, .. }
        | OpKind::Loss { width } => width.to_string(),
    }
}

/// What a streaming program does at the playhead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    pub pass: Pass,
    pub stage: u32,
    pub micro_batch: u32,
    /// The leaf at work.
    pub leaf: usize,
    /// The block at work, or the nearest one while what comes before or after the blocks is.
    pub block: usize,
    pub share: f32,
    /// Whether the run is over.
    pub over: bool,
}

impl Moment {
    /// The moment at `time`; `None` before anything has happened.
    pub(super) fn of(outline: &Outline, scene: &Scene, trace: &Trace, time: u64) -> Option<Self> {
        let intervals = &trace.tracks.first()?.intervals;
        let after = intervals.partition_point(|interval| interval.start <= time).max(1);
        let interval = intervals.get(after - 1)?;
        let op = scene.program.kernel(interval.task.kernel).op;
        let leaf = outline.leaves.iter().position(|leaf| leaf.op == op)?;
        let block = match scene.graph.op(op).block {
            Some(block) => block as usize,
            None if leaf < outline.body.start => 0,
            None => outline.blocks.len().saturating_sub(1),
        };
        let over = trace.finished && time >= trace.edge;
        let Interval { task, .. } = *interval;
        let share = share(interval, time);
        let (pass, stage, micro_batch) = (task.pass, task.stage, task.micro_batch);
        Some(Self { pass, stage, micro_batch, leaf, block, share, over })
    }

    /// Whether gradients flow, from the last block to the first.
    pub(super) fn is_backward(&self) -> bool {
        half(self.pass) == 1
    }

    /// Where a leaf stands in this pass.
    pub(super) fn progress(&self, outline: &Outline, leaf: usize) -> Progress {
        if self.over {
            return Progress::Done;
        }
        if leaf == self.leaf {
            return Progress::Running(self.share);
        }
        match outline.leaves[leaf].halves[half(self.pass)] {
            Some((_, last)) if last < self.stage => Progress::Done,
            // An operator without gradients is done with when the pass is beyond its place.
            None if self.is_backward() && leaf > self.leaf => Progress::Done,
            _ => Progress::Waiting,
        }
    }

    /// `forward, block 17 of 40`.
    pub(super) fn words(&self, outline: &Outline, graph: &Graph) -> String {
        if self.over {
            return "done".to_owned();
        }
        let pass = match self.pass {
            Pass::Forward => "forward",
            Pass::Recompute => "recompute",
            Pass::BackwardInput | Pass::BackwardWeight => "backward",
        };
        let op = graph.op(outline.leaves[self.leaf].op);
        match op.block {
            Some(block) => format!("{pass}, block {block} of {}", outline.blocks.len()),
            None => format!("{pass}, {}", op.name),
        }
    }
}

fn share(interval: &Interval, time: u64) -> f32 {
    let done = time.saturating_sub(interval.start).min(interval.length());
    (done as f64 / interval.length().max(1) as f64) as f32
}

/// What a resident kernel does at `time`: it computes, or is before, between or after its micro-batches.
pub(super) fn resident(trace: &Trace, kernel: usize, time: u64) -> Progress {
    let Some(track) = trace.tracks.get(kernel) else { return Progress::Waiting };
    match track.at(time) {
        Some(interval) if interval.activity == Activity::Compute => Progress::Running(share(interval, time)),
        None if trace.finished && !track.intervals.is_empty() && track.end() <= time => Progress::Done,
        _ => Progress::Waiting,
    }
}

/// When `kernel` starts to work next on the first track after `time`; its first time if there is none.
pub(super) fn next_start(trace: &Trace, kernel: usize, time: u64) -> Option<u64> {
    let intervals = &trace.tracks.first()?.intervals;
    let at = intervals.partition_point(|interval| interval.start <= time);
    let (before, after) = intervals.split_at(at);
    let works = |interval: &&Interval| interval.task.kernel.0 as usize == kernel;
    let found = after.iter().find(works).or_else(|| before.iter().find(works));
    found.map(|interval| interval.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::library;
    use crate::sim::Engine;

    fn run(name: &str) -> (Scene, Trace) {
        let shipped = library::ALL.iter().find(|shipped| shipped.name == name).unwrap();
        let scene = shipped.scenario().prepare().unwrap().compile();
        let mut engine = Engine::new(std::sync::Arc::clone(&scene.program)).unwrap();
        engine.run_to_end();
        (scene, engine.trace().clone())
    }

    #[test]
    fn a_step_goes_through_the_blocks_and_back() {
        let (scene, trace) = run("13b-streaming");
        let outline = Outline::of(&scene);
        assert_eq!((outline.blocks.len(), outline.parameters.as_str()), (40, "12.9 B"));
        let find = |block: u32, name| scene.graph.find(Some(block), name).unwrap();
        let leaf = |op| outline.leaves.iter().position(|leaf| leaf.op == op).unwrap();
        let up = leaf(find(17, "mlp.up"));
        assert_eq!(outline.leaves[up].shape, "5120×20480");
        let done = |moment: &Moment, block: usize| {
            outline.blocks[block].clone().all(|leaf| moment.progress(&outline, leaf) == Progress::Done)
        };
        let kernel = outline.leaves[up].kernel.unwrap();
        let start = next_start(&trace, kernel, 0).unwrap();
        let moment = Moment::of(&outline, &scene, &trace, start).unwrap();
        assert_eq!(moment.words(&outline, &scene.graph), "forward, block 17 of 40");
        assert_eq!(moment.progress(&outline, up), Progress::Running(0.0));
        assert!(done(&moment, 16) && !done(&moment, 17) && !done(&moment, 18));
        assert_eq!(moment.progress(&outline, up - 1), Progress::Done);
        assert_eq!(moment.progress(&outline, up + 1), Progress::Waiting);
        // In the backward half the later blocks are done first.
        let intervals = trace.main_intervals();
        let back = intervals
            .iter()
            .find(|interval| interval.task.kernel.0 as usize == kernel && interval.task.pass == Pass::BackwardInput);
        let moment = Moment::of(&outline, &scene, &trace, back.unwrap().start).unwrap();
        assert_eq!(moment.words(&outline, &scene.graph), "backward, block 17 of 40");
        assert!(!done(&moment, 16) && !done(&moment, 17) && done(&moment, 18) && done(&moment, 39));
        let end = Moment::of(&outline, &scene, &trace, trace.edge).unwrap();
        assert!((0..40).all(|block| done(&end, block)));
    }

    #[test]
    fn resident_kernels_have_states_of_their_own() {
        let (scene, trace) = run("tiny-resident");
        let outline = Outline::of(&scene);
        assert!(outline.leaves.iter().all(|leaf| leaf.kernel.is_some()), "what needs no kernel has no row");
        let states = |time| {
            let kernels = outline.leaves.iter().map(|leaf| leaf.kernel.unwrap());
            kernels.map(|kernel| resident(&trace, kernel, time)).collect::<Vec<_>>()
        };
        let computing = |time| states(time).iter().filter(|state| matches!(state, Progress::Running(_))).count();
        assert!(computing(trace.edge / 2) > 1, "the pipeline is full in the middle");
        assert_eq!(states(trace.edge).iter().filter(|&&state| state == Progress::Done).count(), outline.leaves.len());
    }
}
