//! The report of a run that a person reads: what ran on what, the result, where the time went, what filled the SRAM,
//! and under which assumptions.

use crate::compiler::sram::{self, SramPeak};
use crate::compiler::{Decision, Mapping, Schedule, SramUse, Step, Work, check};
use crate::scenario::Scenario;
use crate::sim::metrics::{Summary, summary};
use crate::sim::{Activity, Scene, Trace};
use crate::units::{Cycles, format};
use crate::workload::Unit;

use super::execution::Execution;

/// Tokens of the run by which training speed is usually told.
const TOKENS_OF_A_TRAINING_RUN: f64 = 300e9;

/// Characters of a full bar.
const BAR: usize = 32;

/// Characters of a line, beyond its indent.
const WIDTH: usize = 96;

/// Characters before the values.
const LABEL: usize = 24;

/// A run in numbers, beyond its [`Summary`].
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) summary: Summary,
    /// Days for 300 billion tokens; `None` if nothing is trained, or not on tokens.
    pub(super) days_per_300e9_tokens: Option<f64>,
    /// Share of the time in which data moved: the busiest stream, or the mean over resident kernels.
    pub(super) stream_share: f64,
    /// The fullest moment of the fullest core.
    pub(super) peak: SramPeak,
    /// What ran at that moment, or which kernel holds it.
    pub(super) peak_owner: String,
    /// When it is first reached; `None` if it lasts the whole run.
    pub(super) peak_cycle: Option<u64>,
}

impl Facts {
    pub(super) fn of(execution: &Execution) -> Self {
        let Execution { scene, trace, .. } = execution;
        let summary = summary(scene, trace);
        let trains = scene.program.job.work == Work::Train && scene.graph.unit == Unit::Token;
        let days = TOKENS_OF_A_TRAINING_RUN / summary.tokens_per_second / 86_400.0;
        let (region, peak) = sram::fullest(&scene.program).unwrap_or_default();
        let (peak_owner, peak_cycle) = owner(scene, trace, region, &peak);
        let stream_share = stream_share(scene, trace, &summary);
        let days_per_300e9_tokens = trains.then_some(days);
        Self { summary, days_per_300e9_tokens, stream_share, peak, peak_owner, peak_cycle }
    }
}

fn owner(scene: &Scene, trace: &Trace, region: u32, peak: &SramPeak) -> (String, Option<u64>) {
    let program = &scene.program;
    let (Some(index), Schedule::Streaming { stages, .. }) = (peak.stage, &program.schedule) else {
        return (check::region_name(program, region), None);
    };
    let stage = &stages[index];
    let label = format!("{}, {}", program.kernel(stage.kernel).label, stage.pass.word());
    let reaches = |interval: &&crate::sim::Interval| {
        interval.task.stage as usize == index && interval.activity == Activity::Compute
    };
    (label, trace.tracks.first().and_then(|track| track.intervals.iter().find(reaches)).map(|found| found.start))
}

fn stream_share(scene: &Scene, trace: &Trace, summary: &Summary) -> f64 {
    if scene.program.job.mapping == Mapping::Streaming {
        return summary.weights_in_share.max(summary.gradients_out_share);
    }
    let used = scene.program.cores_used().max(1) as f64;
    let moving = |(track, region): (&crate::sim::Track, &crate::compiler::Region)| {
        let cycles: u64 =
            [Activity::Receive, Activity::Send].map(|what| track.cycles_of(what, 0, trace.edge)).iter().sum();
        cycles as f64 * region.rect.cores() as f64
    };
    let sum: f64 = trace.tracks.iter().zip(&scene.program.regions).map(moving).sum();
    sum / used / trace.edge.max(1) as f64
}

/// The whole report.
pub(super) fn text(scenario: &Scenario, execution: &Execution) -> String {
    let facts = Facts::of(execution);
    let mut page = Page::default();
    page.line(&scenario.title);
    if !scenario.question.is_empty() {
        page.line(&scenario.question);
    }
    setting(&mut page, execution);
    results(&mut page, execution, &facts);
    times(&mut page, execution, &facts);
    memory(&mut page, execution, &facts);
    page.heading("Limited by");
    page.item(&facts.summary.limiter);
    page.heading("Taken for granted");
    for assumption in &execution.scene.program.assumptions {
        page.item(assumption);
    }
    page.text
}

fn setting(page: &mut Page, execution: &Execution) {
    let Execution { scene, .. } = execution;
    let (device, program, graph) = (&scene.device, &scene.program, &scene.graph);
    let (job, number) = (&program.job, format::grouped);
    page.heading("What ran on what");
    let layers = match graph.unit {
        Unit::Token => format!("{} layers", graph.blocks),
        Unit::Sample => format!("{} operators", graph.ops.len()),
    };
    let size = format::parameters(graph.parameters());
    page.row("model", &format!("{}, {size} parameters, {layers} ({})", graph.name, graph.class));
    let fabric =
        format!("{} × {} cores", number(device.fabric_columns.value.into()), number(device.fabric_rows.value.into()));
    let clock = device.clock_run_hz.value / 1e9;
    let systems = format!("{} × {}", job.systems, device.system);
    page.row("wafer", &format!("{} in {systems}, {fabric} at {clock} GHz (run clock)", device.title));
    page.row("defects", &scene.defects.outcome().to_string());
    let work = if job.work == Work::Train { "one optimizer step" } else { "one forward pass" };
    let mapping = match job.mapping {
        Mapping::Streaming => "weights streamed in",
        Mapping::Pipelined => "in a pipeline",
        Mapping::Resident => "weights resident",
    };
    let amount = match graph.unit {
        Unit::Token => format!("{} sequences of {} tokens", number(job.batch), number(job.sequence)),
        Unit::Sample => format!("{} samples", number(job.batch)),
    };
    page.row("work", &format!("{work}, {mapping}, {amount}"));
    let regions = program.regions.len() as u64;
    let kind = if job.mapping == Mapping::Streaming { "lane" } else { "kernel" };
    let plural = if regions == 1 { "" } else { "s" };
    page.row("placement", &format!("{} {kind}{plural} on {} cores", number(regions), number(program.cores_used())));
    let micro_batch = |step: &&Step| matches!(step.decision, Decision::MicroBatchChosen { .. });
    if let Some(step) = program.steps.iter().find(micro_batch) {
        page.row("micro-batches", &step.because);
    }
}

fn results(page: &mut Page, execution: &Execution, facts: &Facts) {
    let Execution { scene, trace, .. } = execution;
    let (device, summary) = (&scene.device, &facts.summary);
    let cycles =
        format!("{} ({} cycles)", format::duration(summary.total_seconds), format::grouped(summary.total_cycles));
    if !trace.finished {
        page.heading("Result so far (FLOW)");
        page.row("stopped at", &cycles);
        return;
    }
    page.heading("Result (FLOW: rates of whole kernels and streams, no single wavelets)");
    if scene.graph.unit == Unit::Sample {
        page.row("throughput", &format!("{} samples/s", format::three_digits(summary.sequences_per_second)));
    } else {
        page.row("throughput", &format::quantity(summary.tokens_per_second, "tok/s"));
        page.row("", &format!("{} sequences/s", format::three_digits(summary.sequences_per_second)));
    }
    page.row(if scene.program.job.work == Work::Train { "step" } else { "run" }, &cycles);
    if let Some(days) = facts.days_per_300e9_tokens {
        page.row("300 billion tokens", &format::duration(days * 86_400.0));
    }
    page.row(
        "operations",
        &format!("{} (of the model, nothing counted twice)", format::quantity(summary.flops_per_second, "FLOP/s")),
    );
    let (run, spec) = (device.clock_run_hz.value, device.clock_spec_hz.value);
    let at_spec = summary.peak_share * run / spec;
    let peaks = format!(
        "{} at the run clock {} GHz, {} at the spec clock {} GHz",
        format::percent(summary.peak_share),
        run / 1e9,
        format::percent(at_spec),
        spec / 1e9
    );
    page.row("of dense fp16 peak", &peaks);
}

fn times(page: &mut Page, execution: &Execution, facts: &Facts) {
    let summary = &facts.summary;
    match execution.scene.program.job.mapping {
        Mapping::Streaming => {
            page.heading("Where the time of the fullest cores went (FLOW)");
            page.bar("compute", summary.compute_share);
            page.bar("wait for weights", summary.wait_input_share);
            page.bar("wait for gradients", summary.wait_output_share);
            page.bar("idle at the end", idle(facts, 0.0));
            over_cores(page, facts);
            page.heading("How busy the streams were (FLOW)");
            page.bar("weights in", summary.weights_in_share);
            page.bar("gradients out", summary.gradients_out_share);
        }
        Mapping::Pipelined | Mapping::Resident => {
            page.heading("Where the time of the fullest core of each kernel went (FLOW, weighted by their cores)");
            page.bar("compute", summary.compute_share);
            page.bar("receive and send", facts.stream_share);
            page.bar("wait for input", summary.wait_input_share);
            page.bar("wait for output", summary.wait_output_share);
            page.bar("pipeline fills, drains", idle(facts, facts.stream_share));
            over_cores(page, facts);
        }
    }
}

/// How much of what the cores could do they did, all cores counted.
fn over_cores(page: &mut Page, facts: &Facts) {
    let used = format::percent(facts.summary.utilization_mean);
    page.row("utilisation", &format!("{used} of all multiply-add slots, recomputation and padding counted"));
}

/// The share of the time that nothing else accounts for.
fn idle(facts: &Facts, moving: f64) -> f64 {
    let Summary { compute_share, wait_input_share, wait_output_share, .. } = facts.summary;
    (1.0 - compute_share - wait_input_share - wait_output_share - moving).max(0.0)
}

fn memory(page: &mut Page, execution: &Execution, facts: &Facts) {
    let Execution { scene, .. } = execution;
    let limit = u64::from(scene.device.sram_bytes_per_core.value);
    let peak = facts.peak.tally.total();
    page.heading(&format!(
        "SRAM of the fullest core at its peak: {} of {} KiB (buffer by buffer)",
        format::kib(peak),
        format::kib(limit)
    ));
    for usage in SramUse::ALL {
        let bytes = facts.peak.tally.by_use[usage as usize];
        if bytes > 0 {
            page.bar_of(usage.word(), bytes as f64 / limit.max(1) as f64, &format!("{:>5} KiB", format::kib(bytes)));
        }
    }
    let clock = scene.device.clock_run_hz.value;
    let moment = match facts.peak_cycle {
        Some(cycle) => format!("first at {} in {}", format::duration(Cycles(cycle).seconds(clock).0), facts.peak_owner),
        None => format!("the whole time, in {}", facts.peak_owner),
    };
    page.row("reached", &moment);
}

/// Words broken into lines of about `width` characters; a longer word keeps its line to itself.
fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else if let Some(last) = lines.last_mut() {
            if line > 0 {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

/// Text in the making.
#[derive(Debug, Default)]
struct Page {
    text: String,
}

impl Page {
    fn line(&mut self, words: &str) {
        self.text.push_str(words);
        self.text.push('\n');
    }

    fn heading(&mut self, words: &str) {
        self.text.push('\n');
        self.line(words);
    }

    fn row(&mut self, label: &str, value: &str) {
        let mut label = label;
        for line in wrapped(value, WIDTH - LABEL) {
            self.line(&format!("  {label:<LABEL$}{line}"));
            label = "";
        }
    }

    fn item(&mut self, words: &str) {
        for (index, line) in wrapped(words, WIDTH).into_iter().enumerate() {
            self.line(&format!("  {}{line}", if index == 0 { "" } else { "  " }));
        }
    }

    fn bar(&mut self, label: &str, share: f64) {
        self.bar_of(label, share, &format!("{:>6}", format::percent(share)));
    }

    /// A bar of `share` of its full length, with the value in words behind it.
    fn bar_of(&mut self, label: &str, share: f64, value: &str) {
        let filled = (share.clamp(0.0, 1.0) * BAR as f64).round() as usize;
        let bar = format!("{}{}", "█".repeat(filled), "·".repeat(BAR - filled));
        self.line(&format!("  {label:<LABEL$}{bar}  {value}"));
    }
}
