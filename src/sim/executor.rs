//! The two ways to execute a schedule, one event at a time, in whole cycles.
//!
//! An event is one stage of a streaming schedule, or one kernel taking one micro-batch in a pipeline. Both know nothing
//! of budgets, commands or threads; [`super::engine`] drives them.

use std::collections::VecDeque;

use crate::compiler::{Pass, PipelineStage, Program, Schedule, Stage};
use crate::sim::trace::{Activity, Interval, SramEvent, Task, Trace, Track, TrackKind};

/// Where execution stands.
#[derive(Clone, Debug)]
pub(super) enum Executor {
    Streaming(Streaming),
    Pipeline(Pipeline),
}

impl Executor {
    /// The start of a run of `program`, with the tracks that it will fill.
    pub(super) fn new(program: &Program) -> (Self, Trace) {
        let (executor, kinds) = match &program.schedule {
            Schedule::Streaming { staging, .. } => (
                Self::Streaming(Streaming { staging: staging.0, ..Streaming::default() }),
                vec![TrackKind::Lanes, TrackKind::WeightsIn, TrackKind::GradientsOut],
            ),
            Schedule::Pipeline { stages, .. } => (
                Self::Pipeline(Pipeline { departed: vec![0; stages.len()], ..Pipeline::default() }),
                stages.iter().map(|stage| TrackKind::Kernel(stage.kernel)).collect(),
            ),
        };
        let tracks = kinds.into_iter().map(Track::new).collect();
        (executor, Trace { tracks, sram: Vec::new(), edge: 0, finished: false })
    }

    /// Executes the next event and moves the trace's edge.
    pub(super) fn step(&mut self, program: &Program, trace: &mut Trace) {
        match (self, &program.schedule) {
            (Self::Streaming(state), Schedule::Streaming { stages, micro_batches, .. }) => {
                state.step(stages, *micro_batches, trace);
            }
            (Self::Pipeline(state), Schedule::Pipeline { stages, micro_batches, drain }) => {
                state.step(stages, *micro_batches, drain.0, trace);
            }
            _ => unreachable!("the executor was made for this schedule"),
        }
    }
}

/// Bytes that wait on the wafer and the moment at which they make room: weights when their stage has computed,
/// gradients when they have left.
#[derive(Clone, Copy, Debug)]
struct Staged {
    bytes: u64,
    released: u64,
}

/// Compute, weights in and gradients out, each one stage after the other; weights run ahead as far as staging allows.
#[derive(Clone, Debug, Default)]
pub(super) struct Streaming {
    /// Bytes of weights that may wait.
    staging: u64,
    next_stage: usize,
    micro_batch: u32,
    compute_end: u64,
    compute_start: u64,
    weights_end: u64,
    gradients_end: u64,
    /// Stages whose weights came in lately.
    recent: Staging,
    /// Gradients that left lately.
    sent: Staging,
}

/// Stages to remember. Of older ones the last moment at which they made room is kept.
const RECENT_MAX: usize = 256;

impl Streaming {
    fn step(&mut self, stages: &[Stage], micro_batches: u32, trace: &mut Trace) {
        let Some(stage) = stages.get(self.next_stage).filter(|_| self.micro_batch < micro_batches) else {
            trace.edge = self.compute_end.max(self.gradients_end);
            trace.finished = true;
            return;
        };
        let task = Task {
            kernel: stage.kernel,
            pass: stage.pass,
            micro_batch: self.micro_batch,
            stage: self.next_stage as u32,
        };
        self.execute(stage, task, trace);
        self.next_stage += 1;
        if self.next_stage == stages.len() {
            self.next_stage = 0;
            self.micro_batch += 1;
        }
        // Weights of a later stage may still start right after the last ones.
        trace.edge = self.compute_end.min(self.weights_end.max(trace.edge));
        if self.micro_batch == micro_batches {
            trace.edge = self.compute_end.max(self.gradients_end);
            trace.finished = true;
        }
    }

    fn execute(&mut self, stage: &Stage, task: Task, trace: &mut Trace) {
        let compute = stage.compute.0;
        let weights_start = self.weights_start(stage);
        let ready = if stage.stream_in.0 > 0 { weights_start } else { 0 };
        let start = self.compute_end.max(ready);
        let weights_end = self.weights_end_for(stage, weights_start, start);
        let gradients_start = self.gradients_end.max(start);
        let room = self.gradient_room(stage, gradients_start);
        let end = (start + compute).max(weights_end).max(room);
        let rest = if room > weights_end { Activity::WaitOutput } else { Activity::WaitInput };

        let [lanes, weights_in, gradients_out] = &mut trace.tracks[..] else { unreachable!("three tracks were made") };
        let waiting = Interval {
            start: self.compute_end,
            end: start,
            task,
            activity: Activity::WaitInput,
            active: start - self.compute_end,
            rest: Activity::WaitInput,
        };
        lanes.push(waiting);
        lanes.push(Interval { start, end, task, activity: Activity::Compute, active: compute, rest });
        if stage.stream_in.0 > 0 {
            weights_in.push(Interval {
                start: weights_start,
                end: weights_end,
                task,
                activity: Activity::LoadWeights,
                active: stage.stream_in.0,
                rest: Activity::WaitOutput,
            });
            self.weights_end = weights_end;
            self.recent.remember(Staged { bytes: stage.staged.0, released: end });
        }
        if stage.stream_out.0 > 0 {
            let gradients_end = (gradients_start + stage.stream_out.0).max(end);
            gradients_out.push(Interval {
                start: gradients_start,
                end: gradients_end,
                task,
                activity: Activity::Send,
                active: stage.stream_out.0,
                rest: Activity::WaitInput,
            });
            self.gradients_end = gradients_end;
            self.sent.remember(Staged { bytes: stage.staged.0, released: gradients_end });
        }
        let event = |cycle, allocated| move |&buffer| SramEvent { cycle, buffer, allocated };
        trace.sram.extend(stage.allocate.iter().map(event(start, true)));
        trace.sram.extend(stage.free.iter().map(event(end, false)));
        self.compute_start = start;
        self.compute_end = end;
    }

    /// When the weights of `stage` can start to come in: after the ones before them, and once there is room.
    fn weights_start(&self, stage: &Stage) -> u64 {
        let waiting = stage.staged.0;
        if waiting > self.staging {
            // They pass through: the first part may come in while the stage before them computes.
            return self.weights_end.max(self.compute_start);
        }
        self.weights_end.max(self.recent.room_for(waiting, self.staging))
    }

    /// The earliest end of a stage whose gradients wait for room: what came before must have left first.
    fn gradient_room(&self, stage: &Stage, gradients_start: u64) -> u64 {
        let (cycles, bytes) = (stage.stream_out.0, stage.staged.0);
        if cycles == 0 {
            return 0;
        }
        if bytes > self.staging {
            // All but the part that staging holds has left when the last gradient is made.
            return gradients_start + cycles - share(cycles, self.staging, bytes);
        }
        self.sent.room_for(bytes, self.staging)
    }

    /// When the last weight is there: what staging cannot hold comes in only while the stage computes.
    fn weights_end_for(&self, stage: &Stage, weights_start: u64, compute_start: u64) -> u64 {
        if stage.stream_in.0 == 0 {
            return 0;
        }
        let room = self.staging.saturating_sub(self.recent.waiting_at(weights_start));
        let held = share(stage.stream_in.0, room, stage.staged.0);
        (weights_start + stage.stream_in.0).max(compute_start + (stage.stream_in.0 - held))
    }
}

/// The part of `cycles` that `room` covers of `bytes`.
fn share(cycles: u64, room: u64, bytes: u64) -> u64 {
    if room >= bytes { cycles } else { (u128::from(cycles) * u128::from(room) / u128::from(bytes)) as u64 }
}

/// What shares the staging memory, newest last.
#[derive(Clone, Debug, Default)]
struct Staging {
    held: VecDeque<Staged>,
    /// When all that was forgotten had made room.
    forgotten: u64,
}

impl Staging {
    /// When `bytes` more fit into `staging` beside the newest.
    fn room_for(&self, bytes: u64, staging: u64) -> u64 {
        let mut held = bytes;
        for staged in self.held.iter().rev() {
            held += staged.bytes;
            if held > staging {
                return staged.released;
            }
        }
        self.forgotten
    }

    /// Bytes that still wait at `time`.
    fn waiting_at(&self, time: u64) -> u64 {
        self.held.iter().filter(|staged| staged.released > time).map(|staged| staged.bytes).sum()
    }

    fn remember(&mut self, staged: Staged) {
        self.held.push_back(staged);
        if self.held.len() > RECENT_MAX {
            self.forgotten = self.held.pop_front().map_or(0, |oldest| oldest.released.max(self.forgotten));
        }
    }
}

/// A line of kernels, each holding one micro-batch: it receives, computes, and hands on when the next one is free.
#[derive(Clone, Debug, Default)]
pub(super) struct Pipeline {
    next_kernel: usize,
    micro_batch: u32,
    /// When each kernel had handed its last micro-batch on.
    departed: Vec<u64>,
    /// When the kernel before the next one finished computing this micro-batch.
    upstream_done: u64,
}

impl Pipeline {
    fn step(&mut self, stages: &[PipelineStage], micro_batches: u32, drain: u64, trace: &mut Trace) {
        let Some(stage) = stages.get(self.next_kernel).filter(|_| self.micro_batch < micro_batches) else {
            trace.edge = self.departed.iter().copied().max().unwrap_or(0);
            trace.finished = true;
            return;
        };
        let index = self.next_kernel;
        let task = |index: usize| Task {
            kernel: stages[index].kernel,
            pass: Pass::Forward,
            micro_batch: self.micro_batch,
            stage: index as u32,
        };
        let plain = |index, start, end: u64, activity| Interval {
            start,
            end,
            task: task(index),
            activity,
            active: end - start,
            rest: activity,
        };
        let free = self.departed[index];
        let receive_start = free.max(self.upstream_done);
        let receive_end = receive_start + stage.receive.0 + stage.latency.0;
        let compute_end = receive_end + stage.compute.0;
        if let Some(before) = index.checked_sub(1) {
            let track = &mut trace.tracks[before];
            track.push(plain(before, self.upstream_done, receive_start, Activity::WaitOutput));
            track.push(plain(before, receive_start, receive_end, Activity::Send));
            self.departed[before] = receive_end;
        }
        let track = &mut trace.tracks[index];
        let waiting = if self.micro_batch == 0 { Activity::Idle } else { Activity::WaitInput };
        track.push(plain(index, free, receive_start, waiting));
        track.push(plain(index, receive_start, receive_end, Activity::Receive));
        track.push(plain(index, receive_end, compute_end, Activity::Compute));
        self.upstream_done = compute_end;
        self.next_kernel += 1;
        if self.next_kernel == stages.len() {
            track.push(plain(index, compute_end, compute_end + drain, Activity::Send));
            self.departed[index] = compute_end + drain;
            self.next_kernel = 0;
            self.micro_batch += 1;
            self.upstream_done = 0;
            trace.edge = self.departed[0];
        }
        if self.micro_batch == micro_batches {
            trace.edge = self.departed.iter().copied().max().unwrap_or(0);
            trace.finished = true;
        }
    }
}
