//! Everything about one core at a moment, for the inspector and for hovering.

use crate::compiler::sram::{SramPeak, SramTally, peak_at};
use crate::compiler::{KernelId, Pass};
use crate::hardware::Core;
use crate::sim::frame::{Scene, track_of, work_of};
use crate::sim::occupancy;
use crate::sim::trace::{Activity, Interval, Trace};

/// What one core is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct CoreReport {
    pub core: Core,
    /// Where it lives on the silicon; `None` if no living core was left for it.
    pub physical: Option<(u32, u32)>,
    /// Dead cores that its row was moved around, in columns.
    pub shifted: i32,
    /// The region that holds it.
    pub region: Option<u32>,
    pub work: Option<CoreWork>,
    /// SRAM now by use.
    pub sram_now: SramTally,
    /// SRAM at its own fullest moment.
    pub sram_peak: SramPeak,
}

/// The work of one core at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct CoreWork {
    pub kernel: KernelId,
    pub pass: Pass,
    pub micro_batch: u32,
    pub activity: Activity,
    /// Share of the interval in which a full tile computes.
    pub kernel_busy: f64,
    /// Share of the interval in which this core computes.
    pub core_busy: f64,
    /// Multiply-adds per cycle of this core while it computes.
    pub multiply_adds_per_cycle: f64,
    /// Share of the interval's multiply-add slots that this core uses, as the map shows it.
    pub utilisation: f64,
    /// Elements of the kernel's rows and columns that it holds, of a full tile.
    pub tile: [(u64, u64); 2],
    /// Cycles by which it lags behind the core where operands enter.
    pub lag: u64,
    pub interval: (u64, u64),
}

/// The report of `core` of the first wafer at `time`.
pub fn core(scene: &Scene, trace: &Trace, core: Core, time: u64) -> CoreReport {
    core_on(scene, trace, 0, core, time)
}

/// The report of `core` of `wafer` at `time`.
pub fn core_on(scene: &Scene, trace: &Trace, wafer: u32, core: Core, time: u64) -> CoreReport {
    let program = &scene.program;
    let region = program.region_on(wafer, core);
    let mut report = CoreReport {
        core,
        physical: scene.defects.physical_of(core),
        shifted: scene.defects.shifted(core),
        region,
        work: None,
        sram_now: SramTally::default(),
        sram_peak: SramPeak { tally: SramTally::default(), stage: None },
    };
    let Some(region) = region else { return report };
    let rect = program.regions[region as usize].rect;
    let (row, column) = (core.y - rect.y, core.x - rect.x + occupancy::first_column(program, region));
    let alive = occupancy::alive_at(program, trace, time);
    report.sram_now = occupancy::tally_at(program, &alive, region, row, column);
    report.sram_peak = peak_at(program, region, row, column);
    report.work = work(scene, trace, core, time, region, (row, column));
    report
}

fn work(
    scene: &Scene,
    trace: &Trace,
    core: Core,
    time: u64,
    region: u32,
    (row, column): (u32, u32),
) -> Option<CoreWork> {
    let program = &scene.program;
    let hops = program.regions[region as usize].hops_to(core);
    let lag = u64::from(hops * scene.device.hop_cycles.value);
    let track = track_of(program, trace, region as usize)?;
    let interval = *track.at(time.checked_sub(lag + 1)?)?;
    let kernel = program.kernel(interval.task.kernel);
    let rows = kernel.rows_in(interval.task.pass);
    let tile = [(rows.at(row), rows.tile()), (kernel.columns.at(column), kernel.columns.tile())];
    let fraction: f64 = tile.iter().map(|&(own, full)| own as f64 / full.max(1) as f64).product();
    let cycles = interval.cycles_of(Activity::Compute, interval.start, interval.end);
    let kernel_busy = cycles as f64 / interval.length() as f64;
    Some(CoreWork {
        kernel: interval.task.kernel,
        pass: interval.task.pass,
        micro_batch: interval.task.micro_batch,
        // A core without a part of the work rests, whatever its kernel does.
        activity: if fraction > 0.0 { interval.dominant() } else { Activity::Idle },
        kernel_busy,
        core_busy: kernel_busy * fraction,
        multiply_adds_per_cycle: rate(scene, &interval) * fraction,
        utilisation: kernel_busy * fraction * rate(scene, &interval) / f64::from(scene.device.simd_fp16_lanes.value),
        tile,
        lag,
        interval: (interval.start + lag, interval.end + lag),
    })
}

/// Multiply-adds per cycle of computing on a full tile.
fn rate(scene: &Scene, interval: &Interval) -> f64 {
    let (multiply_adds, cycles) = work_of(&scene.program, interval);
    multiply_adds as f64 / cycles.max(1) as f64
}

/// Buffers that hold SRAM of `core` of the first wafer at `time`, fullest first: label and bytes.
pub fn buffers(scene: &Scene, trace: &Trace, core: Core, time: u64) -> Vec<(String, u64)> {
    buffers_on(scene, trace, 0, core, time)
}

/// Buffers that hold SRAM of `core` of `wafer` at `time`, fullest first: label and bytes.
pub fn buffers_on(scene: &Scene, trace: &Trace, wafer: u32, core: Core, time: u64) -> Vec<(String, u64)> {
    let program = &scene.program;
    let Some(region) = program.region_on(wafer, core) else { return Vec::new() };
    let rect = program.regions[region as usize].rect;
    let (row, column) = (core.y - rect.y, core.x - rect.x + occupancy::first_column(program, region));
    let alive = occupancy::alive_at(program, trace, time);
    let staged = alive.iter().map(|id| &program.buffers[id.0 as usize]);
    let always = program.buffers.iter().filter(|buffer| buffer.lifetime == crate::compiler::Lifetime::Always);
    let mut held: Vec<(String, u64)> = always
        .chain(staged)
        .filter(|buffer| buffer.regions.contains(&region))
        .map(|buffer| (buffer.label.clone(), buffer.extent.bytes_at(row, column)))
        .filter(|(_, bytes)| *bytes > 0)
        .collect();
    held.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    held
}
