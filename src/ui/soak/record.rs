//! What a soak has seen: a histogram of frames, the worst of them, memory over time. It takes no more memory as it goes.

use std::time::Duration;

use serde_json::{Value, json};

/// Bins of a tenth of a millisecond.
const BINS: usize = 2_000;
/// Frames that are told one by one.
const WORST: usize = 8;
/// Frames of the start, which load fonts and compile what the driver draws with.
const START: Duration = Duration::from_secs(2);

pub(super) struct Record {
    warm_up: Duration,
    ours: Vec<u32>,
    rest: Vec<u32>,
    frames: u64,
    /// The slowest, slowest first: its time, when it was, and what was going on.
    worst: Vec<(Duration, Duration, String)>,
    worst_rest: Duration,
    /// Most bytes in the warm-up and after it.
    peaks: [u64; 2],
    /// Bytes of each minute's end.
    minutes: Vec<u64>,
}

impl Record {
    pub(super) fn new(warm_up: Duration) -> Self {
        Self {
            warm_up,
            ours: vec![0; BINS],
            rest: vec![0; BINS],
            frames: 0,
            worst: Vec::with_capacity(WORST + 1),
            worst_rest: Duration::ZERO,
            peaks: [0; 2],
            minutes: Vec::with_capacity(1_024),
        }
    }

    /// A frame at `at`: what it took of the thread in this program and in the toolkit and the driver.
    pub(super) fn frame(&mut self, at: Duration, ours: Duration, rest: Duration, what: impl FnOnce() -> String) {
        if at < START {
            return;
        }
        self.frames += 1;
        for (bins, time) in [(&mut self.ours, ours), (&mut self.rest, rest)] {
            let bin = (time.as_micros() / 100) as usize;
            bins[bin.min(BINS - 1)] += 1;
        }
        self.worst_rest = self.worst_rest.max(rest);
        if self.worst.len() < WORST || self.worst.last().is_some_and(|(time, ..)| *time < ours) {
            let place = self.worst.partition_point(|(time, ..)| *time >= ours);
            self.worst.insert(place, (ours, at, what()));
            self.worst.truncate(WORST);
        }
    }

    /// Memory at `at`.
    pub(super) fn memory(&mut self, at: Duration, bytes: u64) {
        let after = usize::from(at >= self.warm_up);
        self.peaks[after] = self.peaks[after].max(bytes);
        if at.as_secs().is_multiple_of(60) && self.minutes.len() < self.minutes.capacity() {
            self.minutes.push(bytes);
        }
    }

    /// By how much the most memory after the warm-up exceeds the most in it.
    fn growth_percent(&self) -> f64 {
        let [before, after] = self.peaks.map(|bytes| bytes as f64);
        if before > 0.0 { (after / before - 1.0) * 100.0 } else { 0.0 }
    }

    pub(super) fn passes(&self, frame_max: Duration, growth_max_percent: f64) -> bool {
        let slowest = self.worst.first().map_or(Duration::ZERO, |(time, ..)| *time);
        self.frames > 0 && slowest <= frame_max && self.growth_percent() <= growth_max_percent
    }

    /// Everything as one object. `done` says how often what was done.
    pub(super) fn object(&self, passed: bool, done: &Value) -> Value {
        let milliseconds = |time: &Duration| (time.as_secs_f64() * 1e4).round() / 10.0;
        let worst = self
            .worst
            .iter()
            .map(|(time, at, what)| json!({ "ms": milliseconds(time), "second": at.as_secs(), "while": what }));
        let shares =
            |bins: &[u32]| json!({ "median": share(bins, 0.5), "p99": share(bins, 0.99), "p999": share(bins, 0.999) });
        json!({
            "passed": passed,
            "frames": self.frames,
            "frame_ms": shares(&self.ours),
            "worst_frames": worst.collect::<Vec<_>>(),
            "toolkit_and_driver_ms": shares(&self.rest),
            "toolkit_and_driver_worst_ms": milliseconds(&self.worst_rest),
            "warm_up_seconds": self.warm_up.as_secs(),
            "peak_mib_in_warm_up": self.peaks[0] >> 20,
            "peak_mib_after": self.peaks[1] >> 20,
            "growth_percent": (self.growth_percent() * 10.0).round() / 10.0,
            "mib_each_minute": self.minutes.iter().map(|bytes| bytes >> 20).collect::<Vec<_>>(),
            "done": done,
        })
    }
}

/// The time below which this share of the frames is, in milliseconds.
fn share(bins: &[u32], share: f64) -> f64 {
    let all: u64 = bins.iter().map(|&count| u64::from(count)).sum();
    let mut seen = 0;
    for (bin, &count) in bins.iter().enumerate() {
        seen += u64::from(count);
        if seen as f64 >= share * all as f64 {
            return (bin + 1) as f64 / 10.0;
        }
    }
    BINS as f64 / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_frame_or_growing_memory_fails_a_soak() {
        let (limit, late) = (Duration::from_millis(50), Duration::from_secs(200));
        let good = |record: &Record| record.passes(limit, 5.0);
        let mut record = Record::new(Duration::from_secs(100));
        assert!(!good(&record), "nothing was seen");
        for milliseconds in [3, 4, 5] {
            record.frame(late, Duration::from_millis(milliseconds), Duration::ZERO, String::new);
        }
        record.memory(Duration::from_secs(50), 1_000);
        record.memory(late, 1_040);
        assert!(good(&record));
        record.memory(late, 1_060);
        assert!(!good(&record), "6 % more memory");
        record.peaks = [1_000, 1_000];
        record.frame(late, Duration::from_millis(51), Duration::ZERO, || "this".to_owned());
        assert!(!good(&record), "a frame of 51 ms");
        assert_eq!(record.object(false, &Value::Null)["worst_frames"][0]["while"], "this");
    }
}
