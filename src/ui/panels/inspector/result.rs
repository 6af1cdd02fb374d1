//! What the run came to: the headline, where the time went, what fills the SRAM, and what all that rests on.

use egui::Ui;

use super::parts::{self, EXACT, FLOW, fact_row, folding, note, paragraph, section, split_prefix};
use super::{Open, alternatives, device};
use crate::compiler::sram::SramPeak;
use crate::compiler::{Decision, Schedule, Violation, Work, check};
use crate::session::Run;
use crate::sim::metrics::Summary;
use crate::sim::{Activity, Scene};
use crate::ui::theme;
use crate::ui::widgets::{self, label_value};
use crate::units::format;
use crate::view::Ramp;

/// Tokens of a training run as the Cerebras-GPT and GPT-3 papers count them.
const TRAINING_TOKENS: f64 = 300e9;

/// Draws the page.
pub(super) fn show(ui: &mut Ui, scene: &Scene, run: &Run, fullest: Option<(u32, SramPeak)>, open: &mut Open) {
    let title = if run.refusal.is_some() { "Does not run" } else { "Result" };
    let below = format!("{} on {}, {}", scene.graph.name, scene.device.title, job_words(scene));
    widgets::panel_title(ui, title, "", &below);
    if run.refusal.is_some() {
        refusal(ui, &scene.program.violations);
    } else if let Some(summary) = &run.summary {
        headline(ui, scene, summary);
        time(ui, scene, summary);
    } else {
        let edge = format::duration(run.trace.edge as f64 / scene.device.clock_run_hz.value);
        paragraph(ui, &format!("Simulating, {edge} so far. Totals follow at the end."));
    }
    if let Some((region, peak)) = fullest {
        memory(ui, scene, region, &peak);
    }
    layout(ui, scene, open);
    let assumptions = &scene.program.assumptions;
    if folding(ui, "Assumptions", &assumptions.len().to_string(), &mut open.assumptions) {
        for assumption in assumptions {
            note(ui, &parts::capitalised(assumption));
        }
    }
    wafer(ui, scene);
    if folding(ui, "Device", &scene.device.title, &mut open.device) {
        device::show(ui, &scene.device);
    }
    ui.add_space(16.0);
}

fn job_words(scene: &Scene) -> &'static str {
    match scene.program.job.work {
        Work::Train => "training",
        Work::Forward => "forward pass",
    }
}

/// What is missing, and what would help.
fn refusal(ui: &mut Ui, violations: &[Violation]) {
    for violation in violations {
        match violation {
            Violation::ModelTooLarge { needed, available, .. } => {
                fact_row(ui, "SRAM needed", &format::bytes(*needed), "", EXACT);
                fact_row(ui, "SRAM on the wafer", &format::bytes(*available), "", EXACT);
                let over = *needed as f64 / (*available).max(1) as f64;
                fact_row(ui, "Needed over available", &format!("{}×", format::three_digits(over)), "", EXACT);
            }
            Violation::Unplaced { kernels, cores_needed, cores_free, .. } => {
                fact_row(ui, "Kernels without a place", &format::grouped(*kernels), "", EXACT);
                fact_row(ui, "Cores they need", &format::grouped(*cores_needed), "", EXACT);
                fact_row(ui, "Cores free", &format::grouped(*cores_free), "", EXACT);
            }
            other => paragraph(ui, &parts::capitalised(&other.to_string())),
        }
    }
    let ways = violations.iter().filter_map(|violation| match violation {
        Violation::ModelTooLarge { ways_out, .. } => Some(ways_out),
        _ => None,
    });
    let ways: Vec<&String> = ways.flatten().collect();
    if !ways.is_empty() {
        section(ui, "Ways out", "");
        for way in ways {
            paragraph(ui, &parts::capitalised(way));
        }
    }
}

/// Tokens per second, and what follows from it.
fn headline(ui: &mut Ui, scene: &Scene, summary: &Summary) {
    let job = &scene.program.job;
    let (number, prefix) = split_prefix(summary.tokens_per_second);
    widgets::readout(ui, &number, &format!("{prefix} tokens/s"), "").on_hover_text(FLOW);
    let sequences = format!("{} sequences of {} tokens", format::grouped(job.batch), format::grouped(job.sequence));
    let (name, what) = match job.work {
        Work::Train => ("One step", "Batch"),
        Work::Forward => ("One pass", "Batch"),
    };
    label_value(ui, name, &format::duration(summary.total_seconds), "", FLOW);
    label_value(
        ui,
        what,
        &format::grouped(job.batch),
        &format!("× {} tokens", format::grouped(job.sequence)),
        &sequences,
    );
    if job.systems > 1 {
        label_value(ui, "Systems", &job.systems.to_string(), "data parallel", "From the scenario");
    }
    if job.work == Work::Train {
        let days = TRAINING_TOKENS / summary.tokens_per_second;
        let origin = "Arithmetic on the tokens per second above: no restarts, no evaluation, every step alike";
        label_value(ui, "300 B tokens", &format::duration(days), "at this pace", origin);
    }
    let (number, prefix) = split_prefix(summary.flops_per_second);
    let origin = "Operations of the operator count, recomputation left out, over the time of the FLOW model";
    label_value(ui, "Achieved", &number, &format!("{prefix}FLOP/s"), origin);
    let clock = format!("at {} GHz", scene.device.clock_run_hz.value / 1e9);
    let origin = format!("{origin}; the peak is dense fp16 at the run clock. {}", scene.device.clock_run_hz.source);
    label_value(ui, "Dense peak", &format::percent(summary.peak_share), &clock, &origin);
    let origin = "Multiply-adds of all cores, recomputation and padding counted, over the slots that they had (FLOW)";
    label_value(ui, "Utilisation", &format::percent(summary.utilization_mean), "of multiply-adds", origin);
}

/// Where the time went, and what a faster part of would help.
fn time(ui: &mut Ui, scene: &Scene, summary: &Summary) {
    section(ui, "Where the time goes", &format!("of {}", format::duration(summary.total_seconds)));
    let (compute, input, output) = (summary.compute_share, summary.wait_input_share, summary.wait_output_share);
    let rest = (1.0 - compute - input - output).max(0.0);
    let streaming = matches!(scene.program.schedule, Schedule::Streaming { .. });
    let (for_input, for_output, other) = if streaming {
        ("waits for weights", "waits for gradients to leave", "before the first, after the last")
    } else {
        ("waits for input", "waits for the next kernel", "moves data, or has nothing to do")
    };
    let colour = |activity| theme::data_colour(Ramp::Categorical.colour(activity as u8));
    let parts = [
        ("computes", compute, colour(Activity::Compute)),
        (for_input, input, colour(Activity::WaitInput)),
        (for_output, output, colour(Activity::WaitOutput)),
        (other, rest, theme::palette(ui).line.strong),
    ];
    parts::shares(ui, "Where the time goes", &parts, FLOW);
    if streaming {
        for (name, share) in
            [("Weights come in", summary.weights_in_share), ("Gradients go out", summary.gradients_out_share)]
        {
            fact_row(ui, name, &format::percent(share), "of the time", FLOW);
        }
    }
    paragraph(ui, &format!("Limited by {}.", summary.limiter));
}

/// What fills the fullest core at its fullest moment.
fn memory(ui: &mut Ui, scene: &Scene, region: u32, peak: &SramPeak) {
    let capacity = u64::from(scene.device.sram_bytes_per_core.value);
    let total = format!("{} of {} KiB", format::kib(peak.tally.total()), format::kib(capacity));
    section(ui, "Fullest core", &total);
    parts::sram(ui, "SRAM of the fullest core", &peak.tally, capacity);
    note(ui, &peak_words(scene, region, peak));
}

/// When and where a core is fullest: `Fullest at block 39 mlp.down, backward, weights`.
pub(super) fn peak_words(scene: &Scene, region: u32, peak: &SramPeak) -> String {
    match (&scene.program.schedule, peak.stage) {
        (Schedule::Streaming { stages, .. }, Some(stage)) => {
            let stage = &stages[stage];
            format!("KiB; fullest at {}, {}", scene.program.kernel(stage.kernel).label, stage.pass.word())
        }
        _ => format!("KiB; on {}, the same for the whole run", check::region_name(&scene.program, region)),
    }
}

/// How the model lies on the wafer, and why.
fn layout(ui: &mut Ui, scene: &Scene, open: &mut Open) {
    let program = &scene.program;
    section(
        ui,
        "On the wafer",
        if matches!(program.schedule, Schedule::Streaming { .. }) { "weights stream" } else { "weights stay" },
    );
    let used = format::percent(program.cores_used() as f64 / scene.device.fabric_cores().max(1) as f64);
    label_value(ui, "Cores", &format::grouped(program.cores_used()), &format!("{used} assigned"), EXACT);
    let chosen = program.steps.iter().find_map(|step| match &step.decision {
        Decision::MicroBatchChosen { sequences, lanes, recompute, candidates } => {
            Some((*sequences, *lanes, *recompute, candidates, &step.because))
        }
        _ => None,
    });
    let micro_batches = program.schedule.micro_batches();
    let Some((sequences, lanes, recompute, considered, because)) = chosen else {
        label_value(ui, "Kernels", &format::grouped(program.kernels.len() as u64), "each with its own cores", EXACT);
        let (value, unit) = if program.chunk < program.job.sequence {
            (format::grouped(program.chunk), "tokens")
        } else {
            (program.micro_batch.to_string(), "sequence")
        };
        label_value(ui, "Micro-batch", &value, &format!("{unit} × {micro_batches}"), EXACT);
        return;
    };
    label_value(ui, "Micro-batch", &sequences.to_string(), &format!("sequences × {micro_batches}"), because);
    label_value(ui, "Lanes", &lanes.to_string(), if lanes == 1 { "the whole wafer" } else { "in step" }, because);
    let kept = if recompute { "computed again" } else { "kept" };
    label_value(ui, "Activations", kept, "", because);
    paragraph(ui, &parts::capitalised(because));
    let count = considered.len().to_string();
    if folding(ui, "Alternatives weighed", &count, &mut open.alternatives) {
        alternatives::show(ui, scene, considered, (sequences, lanes, recompute));
    }
}

/// What is broken, and what repair made of it.
fn wafer(ui: &mut Ui, scene: &Scene) {
    let outcome = scene.defects.outcome();
    section(ui, "Wafer", &outcome.to_string());
    let made = scene.device.physical_cores();
    let origin = "Dies times cores a die, from the device file; the fabric is what programs can use";
    label_value(ui, "Cores made", &format::grouped(made), "", origin);
    label_value(ui, "Fabric", &format::grouped(scene.device.fabric_cores()), "", origin);
    label_value(ui, "Dead", &format::grouped(outcome.dead.into()), "as the scenario says", "From the scenario");
    let repair = "Rows go around single dead cores by their die's spare columns; poor rows move to a spare row";
    label_value(ui, "Rows moved", &outcome.rows_moved.to_string(), "to a spare row", repair);
    if outcome.lost > 0 {
        label_value(ui, "Lost", &format::grouped(outcome.lost.into()), "not replaced", repair);
    }
}
