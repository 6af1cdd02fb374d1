//! SRAM by use, exactly, for every core: what is allocated for the whole run and what comes and goes.
//!
//! The peak is found by walking the schedule once with the fullest core of each region; nothing is estimated.

use crate::compiler::{Buffer, BufferId, Lifetime, Program, Schedule, SramUse};

/// Bytes of one core by use, in the order of [`SramUse::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SramTally {
    pub by_use: [u64; SramUse::ALL.len()],
}

impl SramTally {
    /// Adds `bytes` of `usage`.
    pub fn add(&mut self, usage: SramUse, bytes: u64) {
        self.by_use[usage as usize] += bytes;
    }

    /// Takes `bytes` of `usage` away again.
    ///
    /// # Panics
    /// If less than that was there: a buffer was freed twice.
    pub fn remove(&mut self, usage: SramUse, bytes: u64) {
        let held = &mut self.by_use[usage as usize];
        *held = held.checked_sub(bytes).expect("a buffer is freed once");
    }

    /// Bytes of all uses.
    pub fn total(&self) -> u64 {
        self.by_use.iter().sum()
    }
}

/// The fullest moment of the fullest core of a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SramPeak {
    pub tally: SramTally,
    /// Index of the stage of a streaming schedule at which it is reached; `None` if the use never changes.
    pub stage: Option<usize>,
}

/// Bytes of the fullest core of every region at its fullest moment.
pub fn peaks(program: &Program) -> Vec<u64> {
    if let Schedule::Streaming { .. } = program.schedule {
        return (0..program.regions.len() as u32).map(|region| peak(program, region).tally.total()).collect();
    }
    // In a pipeline nothing comes and goes, so that one walk over the buffers is enough.
    let mut bytes = vec![0_u64; program.regions.len()];
    for buffer in &program.buffers {
        for region in buffer.regions.clone() {
            if let Some(held) = bytes.get_mut(region as usize) {
                *held = held.saturating_add(buffer.extent.bytes_max());
            }
        }
    }
    bytes
}

/// The region with the fullest core, the first among equals, and that core's peak; `None` without regions.
pub fn fullest(program: &Program) -> Option<(u32, SramPeak)> {
    let peaks = peaks(program);
    let region = (0..peaks.len()).reduce(|best, next| if peaks[next] > peaks[best] { next } else { best })? as u32;
    Some((region, peak(program, region)))
}

/// The peak of `region` over the whole schedule, on its fullest core.
pub fn peak(program: &Program, region: u32) -> SramPeak {
    peak_by(program, region, |buffer| buffer.extent.bytes_max())
}

/// The peak of one core: `row` and `column` count from the north-west corner of its region.
pub fn peak_at(program: &Program, region: u32, row: u32, column: u32) -> SramPeak {
    peak_by(program, region, |buffer| buffer.extent.bytes_at(row, column))
}

fn peak_by(program: &Program, region: u32, bytes: impl Fn(&Buffer) -> u64) -> SramPeak {
    let mut now = SramTally::default();
    for buffer in &program.buffers {
        if buffer.lifetime == Lifetime::Always && buffer.regions.contains(&region) {
            now.add(buffer.usage, bytes(buffer));
        }
    }
    let mut peak = SramPeak { tally: now, stage: None };
    let Schedule::Streaming { stages, .. } = &program.schedule else { return peak };
    let of_region = |id: &BufferId| {
        let buffer = &program.buffers[id.0 as usize];
        buffer.regions.contains(&region).then_some(buffer)
    };
    for (index, stage) in stages.iter().enumerate() {
        for buffer in stage.allocate.iter().filter_map(of_region) {
            now.add(buffer.usage, bytes(buffer));
        }
        if now.total() > peak.tally.total() {
            peak = SramPeak { tally: now, stage: Some(index) };
        }
        for buffer in stage.free.iter().filter_map(of_region) {
            now.remove(buffer.usage, bytes(buffer));
        }
    }
    peak
}
