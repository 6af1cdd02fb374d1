//! The run in numbers: strips over time for the transport, and totals for reports.
//!
//! Pure functions of scene and trace, like frames.

use crate::compiler::{Lifetime, Mapping, Program, Schedule, Work};
use crate::hardware::DeviceSpec;
use crate::sim::frame::{Scene, work_of};
use crate::sim::trace::{Activity, Trace, Track, TrackKind};

/// One value per bin of a stretch of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Strips {
    pub from: u64,
    pub to: u64,
    /// Share of the used cores' time spent computing.
    pub compute: Vec<f32>,
    /// Bytes of the fullest core.
    pub sram_bytes: Vec<f32>,
    /// Share of the time in which the busiest stream moved data.
    pub stream: Vec<f32>,
    /// Share of the used cores' time spent waiting.
    pub waiting: Vec<f32>,
}

/// Strips of `bins` bins between `from` and `to`.
pub fn strips(scene: &Scene, trace: &Trace, from: u64, to: u64, bins: usize) -> Strips {
    let mut strips = Strips { from, to, ..Strips::default() };
    let span = to.saturating_sub(from).max(1);
    let edge = |bin: usize| from + (u128::from(span) * bin as u128 / bins as u128) as u64;
    let weights = track_weights(&scene.program);
    let line = sram_line(&scene.program, trace);
    for bin in 0..bins {
        let (start, end) = (edge(bin), edge(bin + 1).max(edge(bin) + 1));
        let share = |track: &Track, activities: &[Activity]| {
            let cycles: u64 = activities.iter().map(|&activity| track.cycles_of(activity, start, end)).sum();
            cycles as f32 / (end - start) as f32
        };
        let weighted = |activities: &[Activity]| {
            trace.tracks.iter().zip(&weights).map(|(track, weight)| share(track, activities) * weight).sum::<f32>()
        };
        strips.compute.push(weighted(&[Activity::Compute]));
        strips.waiting.push(weighted(&[Activity::WaitInput, Activity::WaitOutput]));
        let streams = trace.tracks.iter().map(|track| share(track, stream_activities(track.kind)));
        strips.stream.push(streams.fold(0.0, f32::max));
        let first = line.partition_point(|&(cycle, _)| cycle <= start).saturating_sub(1);
        let fullest = line[first..].iter().take_while(|&&(cycle, _)| cycle < end).map(|&(_, bytes)| bytes).max();
        strips.sram_bytes.push(fullest.unwrap_or(0) as f32);
    }
    strips
}

fn stream_activities(kind: TrackKind) -> &'static [Activity] {
    match kind {
        TrackKind::Lanes => &[],
        TrackKind::WeightsIn => &[Activity::LoadWeights],
        TrackKind::GradientsOut => &[Activity::Send],
        TrackKind::Kernel(_) => &[Activity::Receive, Activity::Send],
    }
}

/// The share of the used cores that each track stands for.
fn track_weights(program: &Program) -> Vec<f32> {
    match program.schedule {
        Schedule::Streaming { .. } => vec![1.0, 0.0, 0.0],
        Schedule::Pipeline { .. } => {
            let used = program.cores_used().max(1) as f32;
            program.regions.iter().map(|region| region.rect.cores() as f32 / used).collect()
        }
    }
}

/// Bytes of the fullest core whenever they change.
fn sram_line(program: &Program, trace: &Trace) -> Vec<(u64, u64)> {
    let bytes_of = |always: bool, region: u32| -> u64 {
        program
            .buffers
            .iter()
            .filter(|buffer| (buffer.lifetime == Lifetime::Always) == always && buffer.regions.contains(&region))
            .map(|buffer| buffer.extent.bytes_max())
            .sum()
    };
    let fullest = (0..program.regions.len() as u32).map(|region| bytes_of(true, region)).max().unwrap_or(0);
    let mut now = fullest;
    let mut line = vec![(0, now)];
    for event in &trace.sram {
        let bytes = program.buffers[event.buffer.0 as usize].extent.bytes_max();
        now = if event.allocated { now + bytes } else { now.saturating_sub(bytes) };
        line.push((event.cycle, now));
    }
    line
}

/// Where the time of a finished run went, and what it achieved.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub total_cycles: u64,
    pub total_seconds: f64,
    pub tokens_per_second: f64,
    pub sequences_per_second: f64,
    /// Share of the used cores' multiply-add slots in use, recomputation and padding included.
    pub utilization_mean: f64,
    /// Share of the used cores' time spent computing.
    pub compute_share: f64,
    /// Share of the time in which weights came in.
    pub weights_in_share: f64,
    /// Share of the time in which gradients went out.
    pub gradients_out_share: f64,
    /// Share of the used cores' time spent waiting for input, then for output.
    pub wait_input_share: f64,
    pub wait_output_share: f64,
    /// Operations per second over all systems, by the operator count (recomputation not counted).
    pub flops_per_second: f64,
    /// Share of the dense peak at the run clock.
    pub peak_share: f64,
    pub sram_peak_bytes_per_core: u64,
    pub cores_used: u64,
    pub limiter: String,
}

/// Sums up a run.
pub fn summary(scene: &Scene, trace: &Trace) -> Summary {
    let (program, device) = (&scene.program, &scene.device);
    let total = trace.edge.max(1);
    let seconds = total as f64 / device.clock_run_hz.value;
    let weights = track_weights(program);
    let share = |activity| {
        let weighted = trace.tracks.iter().zip(&weights);
        weighted.map(|(track, &weight)| track.cycles_of(activity, 0, total) as f64 * f64::from(weight)).sum::<f64>()
            / total as f64
    };
    let stream = |kind, activity| {
        trace.track(kind).map_or(0.0, |track| track.cycles_of(activity, 0, total) as f64 / total as f64)
    };
    let systems = f64::from(program.job.systems.max(1));
    let sequences = program.job.batch as f64;
    let tokens = program.job.tokens() as f64;
    let per_token = match program.job.work {
        Work::Train => scene.graph.training_flops_per_token(),
        Work::Forward => scene.graph.forward_flops_per_token(),
    };
    let flops_per_second = per_token as f64 * tokens / seconds;
    Summary {
        total_cycles: trace.edge,
        total_seconds: seconds,
        tokens_per_second: tokens / seconds,
        sequences_per_second: sequences / seconds,
        utilization_mean: utilization(scene, trace),
        compute_share: share(Activity::Compute),
        weights_in_share: stream(TrackKind::WeightsIn, Activity::LoadWeights),
        gradients_out_share: stream(TrackKind::GradientsOut, Activity::Send),
        wait_input_share: share(Activity::WaitInput),
        wait_output_share: share(Activity::WaitOutput),
        flops_per_second,
        peak_share: flops_per_second / (device.dense_peak_flops(device.clock_run_hz.value) * systems),
        sram_peak_bytes_per_core: sram_peak(program),
        cores_used: program.cores_used(),
        limiter: limiter(scene, trace, device),
    }
}

/// Multiply-adds of all cores over the slots that the used cores had.
fn utilization(scene: &Scene, trace: &Trace) -> f64 {
    let program = &scene.program;
    let lanes = f64::from(scene.device.simd_fp16_lanes.value);
    let done: f64 = trace
        .tracks
        .iter()
        .filter(|track| matches!(track.kind, TrackKind::Lanes | TrackKind::Kernel(_)))
        .flat_map(|track| track.intervals.iter().filter(|interval| interval.activity == Activity::Compute))
        .map(|interval| {
            let (multiply_adds, _) = work_of(program, interval);
            // Of an interval that a stop cut through, the part before it counts.
            let known = interval.cycles_of(Activity::Compute, 0, trace.edge) as f64 / interval.active.max(1) as f64;
            let kernel = program.kernel(interval.task.kernel);
            // Tiles of a row or a column add up to its total, so the fullest core stands for `total / tile` cores.
            let split = kernel.rows_in(interval.task.pass);
            let rows = split.total as f64 / split.tile().max(1) as f64;
            let columns = kernel.columns.total as f64 / kernel.columns.tile().max(1) as f64;
            known * multiply_adds as f64 * rows * columns
        })
        .sum();
    done / (lanes * program.cores_used().max(1) as f64 * trace.edge.max(1) as f64)
}

/// SRAM of the fullest core of the program at its fullest moment, in bytes.
pub fn sram_peak(program: &Program) -> u64 {
    crate::compiler::sram::peaks(program).into_iter().max().unwrap_or(0)
}

/// What a faster part of would shorten the run most, in words.
fn limiter(scene: &Scene, trace: &Trace, device: &DeviceSpec) -> String {
    let total = trace.edge.max(1);
    match scene.program.job.mapping {
        Mapping::Streaming => {
            let cycles = |activity| trace.tracks.first().map_or(0, |track| track.cycles_of(activity, 0, total));
            let (compute, input, output) =
                (cycles(Activity::Compute), cycles(Activity::WaitInput), cycles(Activity::WaitOutput));
            let rate = device.io_bytes_per_second.value / 1e9;
            if compute >= input + output {
                "computation: the cores work most of the time".to_owned()
            } else if input >= output {
                format!("weights: the cores wait for the {rate:.0} GB/s that bring them in")
            } else {
                format!("gradients: the cores wait for the {rate:.0} GB/s that carry them out")
            }
        }
        Mapping::Pipelined | Mapping::Resident => {
            slowest_kernel(scene, trace).map_or_else(String::new, |(label, cycles)| {
                format!("{label}: the slowest kernel, {} for a micro-batch", crate::units::format::cycles(cycles))
            })
        }
    }
}

/// The resident kernel that takes longest for a micro-batch: its label, and its time in cycles.
pub fn slowest_kernel(scene: &Scene, trace: &Trace) -> Option<(String, u64)> {
    let (track, cycles) = slowest_track(scene, trace)?;
    let TrackKind::Kernel(id) = trace.tracks[track].kind else { return None };
    Some((scene.program.kernel(id).label.clone(), cycles))
}

/// The index of the track that is at work longest for a micro-batch, and that time in cycles.
pub fn slowest_track(scene: &Scene, trace: &Trace) -> Option<(usize, u64)> {
    let micro_batches = u64::from(scene.program.schedule.micro_batches().max(1));
    let own = |track: &Track| {
        [Activity::Compute, Activity::Receive, Activity::Send]
            .map(|activity| track.cycles_of(activity, 0, trace.edge))
            .into_iter()
            .sum::<u64>()
            / micro_batches
    };
    trace.tracks.iter().map(own).enumerate().max_by_key(|&(_, cycles)| cycles)
}
