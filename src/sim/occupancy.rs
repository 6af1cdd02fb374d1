//! SRAM of every core at a moment, and at its own fullest moment.
//!
//! Buffers are cut over rows and columns, so a core's bytes are a sum of products of a row's and a column's share; a
//! map of the whole wafer costs one such sum per core, never a walk over buffers.

use crate::compiler::sram::{SramTally, peak_at};
use crate::compiler::{Buffer, BufferId, Extent, Lifetime, Program, Schedule, Split};
use crate::sim::trace::Trace;

/// Which staged buffers hold SRAM at `time`.
pub fn alive_at(program: &Program, trace: &Trace, time: u64) -> Vec<BufferId> {
    let mut alive = vec![0_u32; program.buffers.len()];
    let known = trace.sram.partition_point(|event| event.cycle <= time);
    for event in &trace.sram[..known] {
        let count = &mut alive[event.buffer.0 as usize];
        *count = if event.allocated { *count + 1 } else { count.saturating_sub(1) };
    }
    alive.iter().enumerate().filter(|&(_, &count)| count > 0).map(|(id, _)| BufferId(id as u32)).collect()
}

/// Bytes of one core at `time` by use; `row` and `column` count from the north-west corner of `region`, `column`
/// continuing over the lanes that share a kernel's columns.
pub fn tally_at(program: &Program, alive: &[BufferId], region: u32, row: u32, column: u32) -> SramTally {
    let mut tally = SramTally::default();
    let always = program.buffers.iter().filter(|buffer| buffer.lifetime == Lifetime::Always);
    let staged = alive.iter().map(|id| &program.buffers[id.0 as usize]);
    for buffer in always.chain(staged).filter(|buffer| buffer.regions.contains(&region)) {
        tally.add(buffer.usage, buffer.extent.bytes_at(row, column));
    }
    tally
}

/// The column number that the splits of `region` use for its first column.
pub fn first_column(program: &Program, region: u32) -> u32 {
    match program.schedule {
        Schedule::Streaming { .. } => region * program.regions[region as usize].rect.width,
        Schedule::Pipeline { .. } => 0,
    }
}

/// The buffers that hold SRAM at one moment, by region: a wafer of thousands of kernels looks at each once.
pub struct Held<'p> {
    by_region: Vec<Vec<&'p Buffer>>,
}

impl<'p> Held<'p> {
    /// What is held for the whole run, and the buffers that are `alive`.
    pub fn new(program: &'p Program, alive: &[BufferId]) -> Self {
        let mut by_region = vec![Vec::new(); program.regions.len()];
        let always = program.buffers.iter().filter(|buffer| buffer.lifetime == Lifetime::Always);
        let staged = alive.iter().map(|id| &program.buffers[id.0 as usize]);
        for buffer in always.chain(staged) {
            for region in buffer.regions.clone() {
                if let Some(held) = by_region.get_mut(region as usize) {
                    held.push(buffer);
                }
            }
        }
        Self { by_region }
    }
}

/// Bytes of every core of `region`, row by row, given what is `held`.
pub fn region_bytes(program: &Program, held: &Held<'_>, region: u32, mut put: impl FnMut(u32, &[u32])) {
    let rect = program.regions[region as usize].rect;
    let first = first_column(program, region);
    let mut uniform = 0;
    let mut grids: Vec<(Split, Vec<(Split, u64)>)> = Vec::new();
    for buffer in &held.by_region[region as usize] {
        match buffer.extent {
            Extent::Uniform(bytes) => uniform += bytes,
            Extent::Grid { rows, columns, bytes_per_element } => {
                match grids.iter_mut().find(|(split, _)| *split == columns) {
                    Some((_, members)) => members.push((rows, bytes_per_element)),
                    None => grids.push((columns, vec![(rows, bytes_per_element)])),
                }
            }
        }
    }
    let shares: Vec<Vec<u32>> =
        grids.iter().map(|(columns, _)| (0..rect.width).map(|x| clamp(columns.at(first + x))).collect()).collect();
    let mut line = vec![0_u32; rect.width as usize];
    let mut last: Option<Vec<u32>> = None;
    for row in 0..rect.height {
        let coefficients: Vec<u32> = grids
            .iter()
            .map(|(_, members)| members.iter().map(|(rows, bytes)| rows.at(row) * bytes).sum::<u64>())
            .map(clamp)
            .collect();
        if last.as_ref() != Some(&coefficients) {
            line.fill(clamp(uniform));
            for (coefficient, share) in coefficients.iter().zip(&shares) {
                for (bytes, elements) in line.iter_mut().zip(share) {
                    *bytes = bytes.saturating_add(coefficient.saturating_mul(*elements));
                }
            }
            last = Some(coefficients);
        }
        put(row, &line);
    }
}

/// Peak bytes of every core of `region`. Cores with equal tiles share one walk over the schedule.
pub fn region_peaks(program: &Program, region: u32, mut put: impl FnMut(u32, &[u32])) {
    let rect = program.regions[region as usize].rect;
    let first = first_column(program, region);
    let splits: Vec<(Split, Split)> = program
        .buffers
        .iter()
        .filter(|buffer| buffer.regions.contains(&region))
        .filter_map(|buffer| match buffer.extent {
            Extent::Grid { rows, columns, .. } => Some((rows, columns)),
            Extent::Uniform(_) => None,
        })
        .collect();
    let mut row_splits: Vec<Split> = splits.iter().map(|(rows, _)| *rows).collect();
    let mut column_splits: Vec<Split> = splits.iter().map(|(_, columns)| *columns).collect();
    row_splits.sort_by_key(|split| (split.total, split.parts));
    row_splits.dedup();
    column_splits.sort_by_key(|split| (split.total, split.parts));
    column_splits.dedup();
    let class = |splits: &[Split], index: u32| splits.iter().map(|split| split.at(index)).collect::<Vec<u64>>();
    let mut line = vec![0_u32; rect.width as usize];
    let mut last_row: Option<Vec<u64>> = None;
    for row in 0..rect.height {
        let row_class = class(&row_splits, row);
        if last_row.as_ref() != Some(&row_class) {
            let mut last_column: Option<(Vec<u64>, u32)> = None;
            for (x, bytes) in line.iter_mut().enumerate() {
                let column_class = class(&column_splits, first + x as u32);
                let peak = match &last_column {
                    Some((held, peak)) if *held == column_class => *peak,
                    _ => clamp(peak_at(program, region, row, first + x as u32).tally.total()),
                };
                *bytes = peak;
                last_column = Some((column_class, peak));
            }
            last_row = Some(row_class);
        }
        put(row, &line);
    }
}

/// Bytes or elements as a map counts them: beyond 4 GiB a core is full in any case.
fn clamp(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
