//! What happened: for every kernel and stream, sorted intervals of what it was doing.
//!
//! An interval is split in two shares: `active` cycles of its activity, and the rest spent in `rest`. Where inside the
//! interval each cycle fell is below what the FLOW ruler resolves.

use xxhash_rust::xxh3::Xxh3;

use crate::compiler::{BufferId, KernelId, Pass};

/// What a kernel or a stream is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Activity {
    Idle,
    Compute,
    Receive,
    Send,
    WaitInput,
    WaitOutput,
    LoadWeights,
}

impl Activity {
    /// All activities; their order is the category of the state layer.
    pub const ALL: [Self; 7] =
        [Self::Idle, Self::Compute, Self::Receive, Self::Send, Self::WaitInput, Self::WaitOutput, Self::LoadWeights];

    /// The words that name it on the screen.
    pub fn words(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Compute => "computes",
            Self::Receive => "receives",
            Self::Send => "sends",
            Self::WaitInput => "waits for input",
            Self::WaitOutput => "waits for output",
            Self::LoadWeights => "loads weights",
        }
    }
}

/// Which work an interval belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    pub kernel: KernelId,
    pub pass: Pass,
    pub micro_batch: u32,
    /// Index of the stage in its schedule.
    pub stage: u32,
}

/// A stretch of time in which a track did one thing at one rate. Half open: `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub start: u64,
    pub end: u64,
    pub task: Task,
    pub activity: Activity,
    /// Cycles of `activity` inside; the others went to `rest`.
    pub active: u64,
    pub rest: Activity,
}

impl Interval {
    /// Cycles from start to end.
    pub fn length(&self) -> u64 {
        self.end - self.start
    }

    /// What it did most of the time.
    pub fn dominant(&self) -> Activity {
        if self.active * 2 >= self.length() { self.activity } else { self.rest }
    }

    /// Cycles of `activity` that fall between `from` and `to`, at the interval's even rate.
    pub fn cycles_of(&self, activity: Activity, from: u64, to: u64) -> u64 {
        let overlap = self.end.min(to).saturating_sub(self.start.max(from));
        let own = match (self.activity == activity, self.rest == activity) {
            (true, true) => return overlap,
            (true, false) => self.active,
            (false, true) => self.length() - self.active,
            (false, false) => return 0,
        };
        (u128::from(overlap) * u128::from(own) / u128::from(self.length().max(1))) as u64
    }
}

/// Whose intervals a track holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackKind {
    /// All lanes of a streaming program, which work in step.
    Lanes,
    /// One resident kernel.
    Kernel(KernelId),
    /// Weights on their way in.
    WeightsIn,
    /// Gradients on their way out.
    GradientsOut,
}

/// Sorted intervals that do not overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    pub kind: TrackKind,
    pub intervals: Vec<Interval>,
}

impl Track {
    /// A track without intervals.
    pub fn new(kind: TrackKind) -> Self {
        Self { kind, intervals: Vec::new() }
    }

    /// Appends an interval; empty ones are dropped.
    ///
    /// # Panics
    /// If it starts before the last one ended, or is active for longer than it lasts: the engine is wrong.
    pub fn push(&mut self, interval: Interval) {
        if interval.length() == 0 {
            return;
        }
        assert!(self.end() <= interval.start, "intervals of a track follow each other");
        assert!(interval.active <= interval.length(), "an interval is active for its length at most");
        self.intervals.push(interval);
    }

    /// End of the last interval.
    pub fn end(&self) -> u64 {
        self.intervals.last().map_or(0, |interval| interval.end)
    }

    /// The interval that holds `time`, if any.
    pub fn at(&self, time: u64) -> Option<&Interval> {
        let after = self.intervals.partition_point(|interval| interval.start <= time);
        self.intervals[..after].last().filter(|interval| time < interval.end)
    }

    /// The intervals that overlap `from..to`.
    pub fn between(&self, from: u64, to: u64) -> &[Interval] {
        let first = self.intervals.partition_point(|interval| interval.end <= from);
        let last = self.intervals.partition_point(|interval| interval.start < to);
        &self.intervals[first.min(last)..last]
    }

    /// Cycles of `activity` between `from` and `to`.
    pub fn cycles_of(&self, activity: Activity, from: u64, to: u64) -> u64 {
        self.between(from, to).iter().map(|interval| interval.cycles_of(activity, from, to)).sum()
    }
}

/// A buffer came to life or died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SramEvent {
    pub cycle: u64,
    pub buffer: BufferId,
    pub allocated: bool,
}

/// Everything that happened so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    pub tracks: Vec<Track>,
    /// In order of time.
    pub sram: Vec<SramEvent>,
    /// Up to here nothing will be added.
    pub edge: u64,
    /// Whether the run has ended, at `edge`.
    pub finished: bool,
}

impl Trace {
    /// The track of this kind.
    pub fn track(&self, kind: TrackKind) -> Option<&Track> {
        self.tracks.iter().find(|track| track.kind == kind)
    }

    /// The intervals that pace the map: of the lanes, or of the first resident kernel; none of a refused program.
    pub fn main_intervals(&self) -> &[Interval] {
        self.tracks.first().map_or(&[], |track| &track.intervals)
    }

    /// Hash of all that happened before `cycle`. Independent of how far beyond it the engine has run.
    pub fn hash_at(&self, cycle: u64) -> u64 {
        let mut hasher = Xxh3::new();
        let mut word = |value: u64| hasher.update(&value.to_le_bytes());
        for track in &self.tracks {
            let known = track.intervals.partition_point(|interval| interval.start < cycle);
            word(known as u64);
            for interval in &track.intervals[..known] {
                let Interval { start, end, task, activity, active, rest } = interval;
                let Task { kernel, pass, micro_batch, stage } = task;
                word(*start);
                word((*end).min(cycle));
                if *end <= cycle {
                    word(*active);
                }
                word(u64::from(kernel.0) << 32 | u64::from(*micro_batch));
                word(u64::from(*stage) << 32 | (*pass as u64) << 16 | (*activity as u64) << 8 | *rest as u64);
            }
        }
        for SramEvent { cycle, buffer, allocated } in self.sram.iter().take_while(|event| event.cycle < cycle) {
            word(*cycle);
            word(u64::from(buffer.0) << 1 | u64::from(*allocated));
        }
        hasher.digest()
    }
}
