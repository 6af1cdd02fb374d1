//! The playhead: playing forwards and backwards, stepping, and how fast.
//!
//! A run spans nanoseconds to minutes, so the default pace follows what happens: it slows down while a new operator's
//! first wave crosses the wafer and hurries through the steady state behind it. The factor is always shown.

use std::time::Duration;

use crate::session::action::TimeAction;
use crate::sim::frame::{Scene, track_of};
use crate::sim::trace::Trace;

/// How fast simulated time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// Waves are slow enough to see, steady states are short.
    Paced,
    /// Simulated seconds in a second.
    Factor(f64),
}

/// What one step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepUnit {
    /// A hundred cycles.
    Cycles,
    /// The next change of what any kernel does.
    Event,
    /// The next operator, or the next micro-batch of the first kernel.
    Phase,
    /// The next transformer block.
    Layer,
}

impl StepUnit {
    /// All units, finest first.
    pub const ALL: [Self; 4] = [Self::Cycles, Self::Event, Self::Phase, Self::Layer];

    /// The word that names it on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cycles => "100 cycles",
            Self::Event => "Event",
            Self::Phase => "Phase",
            Self::Layer => "Layer",
        }
    }
}

/// Cycles of a step of [`StepUnit::Cycles`].
const STEP_CYCLES: u64 = 100;
/// Seconds that a wave takes to cross the wafer at the default pace.
const WAVE_SECONDS: f64 = 1.2;
/// Seconds for the steady state behind it.
const STEADY_SECONDS: f64 = 0.8;
/// Cycles over which utilisation is averaged when the playhead rests.
const WINDOW_AT_REST: u64 = 64;
/// Speeds that doubling and halving stay between.
const FACTORS: [f64; 2] = [1e-9, 4.0];
/// Phases that are shown around the playhead at first.
const PHASES_SHOWN: usize = 9;
/// The run is entered here, where weights, waits and waves are all to be seen.
const FIRST_LOOK: f64 = 0.12;
/// Longer pauses between two frames than this are not made up for.
const ELAPSED_MAX: Duration = Duration::from_millis(100);

/// Where the playhead is and how it moves.
#[derive(Clone, Debug)]
pub struct Playback {
    time: f64,
    pub playing: bool,
    pub reverse: bool,
    pub speed: Speed,
    pub unit: StepUnit,
    /// Simulated seconds per second of the last frame, for display.
    pub factor: f64,
    /// Cycles that the last frame advanced.
    advanced: f64,
    /// Stretch of time that the strips show; `None` follows the playhead.
    shown: Option<(u64, u64)>,
    /// Whether the user has moved the playhead since the run began.
    touched: bool,
}

impl Default for Playback {
    fn default() -> Self {
        Self {
            time: 0.0,
            playing: true,
            reverse: false,
            speed: Speed::Paced,
            unit: StepUnit::Phase,
            factor: 0.0,
            advanced: 0.0,
            shown: None,
            touched: false,
        }
    }
}

impl Playback {
    /// Back to the beginning of a new run, with speed and unit kept.
    pub(super) fn restart(&mut self) {
        let Self { speed, unit, .. } = *self;
        *self = Self { speed, unit, ..Self::default() };
    }

    /// The playhead in whole cycles.
    pub fn cycle(&self) -> u64 {
        self.time.max(0.0) as u64
    }

    /// Cycles before the playhead over which utilisation is averaged: what the last frame advanced.
    pub fn window(&self) -> u64 {
        if self.playing { (self.advanced.abs() as u64).max(WINDOW_AT_REST) } else { WINDOW_AT_REST }
    }

    /// Whether time passes.
    pub fn is_moving(&self) -> bool {
        self.playing
    }

    /// The stretch of time that the strips show, in cycles.
    pub fn visible(&self, edge: u64) -> (u64, u64) {
        match self.shown {
            Some((from, to)) if to > from => (from, to),
            _ => (0, edge.max(1)),
        }
    }

    /// Moves by `elapsed` and stays inside what has been simulated.
    pub(super) fn advance(&mut self, scene: &Scene, trace: &Trace, elapsed: Duration) {
        if !self.playing || trace.edge == 0 {
            self.advanced = 0.0;
            return;
        }
        let seconds = elapsed.min(ELAPSED_MAX).as_secs_f64();
        let clock_hz = scene.device.clock_run_hz.value;
        let rate = match self.speed {
            Speed::Paced => paced_rate(scene, trace, self.cycle(), self.reverse),
            Speed::Factor(factor) => factor * clock_hz,
        };
        self.factor = rate / clock_hz;
        self.advanced = rate * seconds;
        let moved = if self.reverse { self.time - self.advanced } else { self.time + self.advanced };
        let end = trace.edge as f64;
        let before = self.cycle();
        self.time = moved.clamp(0.0, end);
        let at_end = if self.reverse { moved <= 0.0 } else { moved >= end && trace.finished };
        if at_end {
            self.playing = false;
        }
        // Who looks elsewhere while time passes is left alone.
        if self.shown.is_some_and(|(from, to)| (from..to).contains(&before)) {
            self.follow(trace);
        }
    }

    /// Turns the page when the playhead leaves what the strips show.
    fn follow(&mut self, trace: &Trace) {
        let Some((from, to)) = self.shown else { return };
        let time = self.cycle();
        if (from..to).contains(&time) {
            return;
        }
        let span = to - from;
        let lead = if self.reverse { span * 9 / 10 } else { span / 10 };
        let from = time.saturating_sub(lead).min(trace.edge.saturating_sub(span));
        self.shown = Some((from, from + span));
    }

    /// Enters a run at a telling moment and shows a handful of phases around it, unless the user was faster.
    pub(super) fn find_start(&mut self, scene: &Scene, trace: &Trace) {
        if self.touched || trace.edge == 0 {
            return;
        }
        let intervals = trace.main_intervals();
        let look = (trace.edge as f64 * FIRST_LOOK) as u64;
        let at = intervals.partition_point(|interval| interval.end <= look);
        let first = &intervals[at.min(intervals.len().saturating_sub(1))..];
        // A phase worth watching lasts longer than a wave takes to cross.
        let crossing = wave_cycles(scene) as u64;
        let start = first.iter().find(|interval| interval.length() > 4 * crossing).or(first.first());
        self.time = start.map_or(0.0, |interval| interval.start as f64);
        self.show_around(trace);
    }

    fn show_around(&mut self, trace: &Trace) {
        let intervals = trace.main_intervals();
        let at = intervals.partition_point(|interval| interval.end <= self.cycle());
        let first = at.saturating_sub(PHASES_SHOWN / 2);
        let last = (at + PHASES_SHOWN).min(intervals.len());
        self.shown = match (intervals.get(first), intervals[..last].last()) {
            (Some(first), Some(last)) if last.end > first.start => Some((first.start, last.end)),
            _ => None,
        };
    }

    /// Does what was asked, inside what has been simulated.
    pub(super) fn apply(&mut self, action: TimeAction, scene: &Scene, trace: &Trace) {
        let end = trace.edge;
        self.touched = true;
        match action {
            TimeAction::TogglePlay if self.playing => self.playing = false,
            TimeAction::TogglePlay => self.play(self.reverse, end),
            TimeAction::Play { reverse } => self.play(reverse, end),
            TimeAction::Pause => self.playing = false,
            TimeAction::Seek(cycle) => self.time = cycle.min(end) as f64,
            TimeAction::Step(steps) => {
                self.playing = false;
                for _ in 0..steps.unsigned_abs().min(10_000) {
                    self.step(scene, trace, steps < 0);
                }
            }
            TimeAction::Unit(unit) => self.unit = unit,
            TimeAction::Speed(speed) => self.speed = speed,
            TimeAction::Faster { doubled } => {
                let factor = match self.speed {
                    Speed::Paced => self.factor.max(FACTORS[0]),
                    Speed::Factor(factor) => factor,
                };
                let factor = if doubled { factor * 2.0 } else { factor / 2.0 };
                self.speed = Speed::Factor(factor.clamp(FACTORS[0], FACTORS[1]));
            }
            TimeAction::Start => self.time = 0.0,
            TimeAction::End => self.time = end as f64,
            TimeAction::Show { from, to } => self.shown = (to > from).then_some((from, to.min(end.max(1)))),
        }
        if !matches!(action, TimeAction::Show { .. }) {
            self.follow(trace);
        }
    }

    fn play(&mut self, reverse: bool, end: u64) {
        self.reverse = reverse;
        self.playing = true;
        // Playing on from the end means playing again.
        if !reverse && self.cycle() >= end {
            self.time = 0.0;
        } else if reverse && self.cycle() == 0 {
            self.time = end as f64;
        }
    }

    fn step(&mut self, scene: &Scene, trace: &Trace, back: bool) {
        let now = self.cycle();
        let block = |index: usize| {
            let interval = &trace.main_intervals()[index];
            let op = scene.program.kernel(interval.task.kernel).op;
            (interval.task.micro_batch, interval.task.pass, scene.graph.op(op).block)
        };
        let next = match self.unit {
            StepUnit::Cycles => {
                Some(if back { now.saturating_sub(STEP_CYCLES) } else { now.saturating_add(STEP_CYCLES) })
            }
            StepUnit::Event => {
                let starts = trace.tracks.iter().filter_map(|track| {
                    let at = track.intervals.partition_point(|interval| interval.start <= now);
                    let before = track.intervals.partition_point(|interval| interval.start < now);
                    let index = if back { before.checked_sub(1) } else { Some(at) };
                    index.and_then(|index| track.intervals.get(index)).map(|interval| interval.start)
                });
                if back { starts.max() } else { starts.min() }
            }
            StepUnit::Phase | StepUnit::Layer => {
                let intervals = trace.main_intervals();
                let by_layer = self.unit == StepUnit::Layer;
                let starts = |index: &usize| *index == 0 || !by_layer || block(*index) != block(*index - 1);
                let found = if back {
                    let before = intervals.partition_point(|interval| interval.start < now);
                    (0..before).rev().find(starts)
                } else {
                    (intervals.partition_point(|interval| interval.start <= now)..intervals.len()).find(starts)
                };
                found.map(|index| intervals[index].start)
            }
        };
        let fallback = if back { 0 } else { trace.edge };
        self.time = next.unwrap_or(fallback).min(trace.edge) as f64;
    }
}

/// Cycles that a wave takes from where operands enter to the farthest core.
fn wave_cycles(scene: &Scene) -> f64 {
    let hops = scene.program.regions.iter().map(|region| region.rect.width + region.entry.spacing / 2).max();
    f64::from(hops.unwrap_or(1) * scene.device.hop_cycles.value).max(1.0)
}

/// Cycles per second that let a wave be seen and a steady state pass.
fn paced_rate(scene: &Scene, trace: &Trace, now: u64, reverse: bool) -> f64 {
    let wave = wave_cycles(scene);
    let slow = wave / WAVE_SECONDS;
    let Some(track) = track_of(&scene.program, trace, 0) else { return slow };
    let at = if reverse { now.saturating_sub(1) } else { now };
    let Some(interval) = track.at(at) else { return slow };
    let since = (at - interval.start) as f64;
    let steady = interval.length() as f64 - wave;
    // The wave of this interval is still crossing, or there is nothing but the wave.
    if since < wave || steady <= wave {
        return slow;
    }
    // Slow down again in time for the next wave to begin at its own pace.
    let left = (interval.end - at) as f64;
    (steady / STEADY_SECONDS).min((left * 12.0).max(slow))
}
