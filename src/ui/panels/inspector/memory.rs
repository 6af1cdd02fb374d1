//! The SRAM of the pinned core: now, at its own fullest moment, and the buffers that hold it.

use egui::{Margin, Ui};

use super::parts::{self, EXACT, fact_row, note, section};
use super::result::peak_words;
use crate::session::{Action, Session, TimeAction};
use crate::sim::inspect::{self, CoreReport};
use crate::sim::{Scene, Trace};
use crate::ui::widgets::{self, Button};
use crate::units::format;

/// Buffers that are listed; the rest is summed up.
const BUFFERS_SHOWN: usize = 10;

/// Draws the page.
pub(super) fn show(
    ui: &mut Ui,
    session: &Session,
    scene: &Scene,
    trace: &Trace,
    report: &CoreReport,
    actions: &mut Vec<Action>,
) {
    let time = session.playback.cycle();
    let capacity = u64::from(scene.device.sram_bytes_per_core.value);
    let of = format!("of {} KiB", format::kib(capacity));
    let origin = format!("{EXACT}\nCapacity: {}", scene.device.sram_bytes_per_core.source);
    widgets::readout(ui, &format::kib(report.sram_now.total()), "KiB now", &of).on_hover_text(origin);
    let Some(region) = report.region else {
        note(ui, "The program places nothing on this core.");
        return;
    };
    parts::sram(ui, "SRAM now", &report.sram_now, capacity);
    let peak = report.sram_peak.tally.total();
    section(ui, "At its own peak", &format!("{} {of}", format::kib(peak)));
    parts::sram(ui, "SRAM at its peak", &report.sram_peak.tally, capacity);
    note(ui, &peak_words(scene, region, &report.sram_peak));
    if let Some(stage) = report.sram_peak.stage {
        let go = |ui: &mut Ui| Button::secondary("Go to the peak").wide().show(ui).clicked();
        let clicked = egui::Frame::new().inner_margin(Margin::symmetric(12, 4)).show(ui, go).inner;
        if let Some(cycle) = if clicked { peak_time(trace, stage as u32, time) } else { None } {
            let lag = report.work.as_ref().map_or(0, |work| work.lag);
            // The core itself takes part only when its first operand arrives.
            actions.push(Action::Time(TimeAction::Seek(cycle + lag + 1)));
        }
    }
    let held = inspect::buffers_on(scene, trace, session.wafer, report.core, time);
    buffers(ui, &held);
}

/// When `stage` next begins after `time`, or when it first does.
fn peak_time(trace: &Trace, stage: u32, time: u64) -> Option<u64> {
    let intervals = &trace.tracks.first()?.intervals;
    let after = intervals.partition_point(|interval| interval.start <= time);
    let (before, after) = intervals.split_at(after);
    let found = after
        .iter()
        .chain(before)
        .find(|interval| interval.task.stage == stage && interval.activity == crate::sim::Activity::Compute);
    found.map(|interval| interval.start)
}

/// What holds the most, largest first.
fn buffers(ui: &mut Ui, held: &[(String, u64)]) {
    section(ui, "Buffers now", &format!("{} in KiB", held.len()));
    for (label, bytes) in held.iter().take(BUFFERS_SHOWN) {
        fact_row(ui, label, &kib(*bytes), "", EXACT);
    }
    let rest = &held[held.len().min(BUFFERS_SHOWN)..];
    if !rest.is_empty() {
        let bytes = rest.iter().map(|(_, bytes)| bytes).sum();
        fact_row(ui, &format!("{} smaller ones", rest.len()), &kib(bytes), "", EXACT);
    }
}

/// KiB with a digit more than sums have, since buffers are small.
fn kib(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1024.0)
}
