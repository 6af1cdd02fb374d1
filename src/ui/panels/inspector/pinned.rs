//! The pinned core: what it does now, what it holds, and why its kernel is there.

use egui::{Align2, Ui, UiBuilder, pos2, vec2};

use super::parts::{self, FLOW, fact_row, note, paragraph, section};
use super::{memory, why};
use crate::compiler::{Schedule, Split, check};
use crate::hardware::Core;
use crate::session::{Action, Session, ViewAction};
use crate::sim::inspect::{self, CoreReport, CoreWork};
use crate::sim::{Activity, Scene, Trace, occupancy};
use crate::ui::icons::Icon;
use crate::ui::panels::timeline::TimeFormat;
use crate::ui::theme;
use crate::ui::widgets::{self, Chip, Tone, label_value};
use crate::units::format;
use crate::workload::{Op, OpKind};

/// A page about the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Tab {
    #[default]
    Now,
    Sram,
    Why,
}

const TABS: [(Tab, &str); 3] = [(Tab::Now, "Now"), (Tab::Sram, "SRAM"), (Tab::Why, "Why")];

/// Draws the page that is chosen.
pub(super) fn show(
    ui: &mut Ui,
    session: &Session,
    scene: &Scene,
    trace: &Trace,
    core: Core,
    tab: &mut Tab,
    actions: &mut Vec<Action>,
) {
    let time = session.playback.cycle();
    let report = inspect::core_on(scene, trace, session.wafer, core, time);
    title(ui, session, scene, &report, actions);
    let names = TABS.map(|(_, name)| name);
    let current = TABS.iter().position(|(own, _)| own == tab).unwrap_or(0);
    if let Some(clicked) = widgets::tabs(ui, &names, current) {
        *tab = TABS[clicked].0;
    }
    ui.add_space(4.0);
    match tab {
        Tab::Now => now(ui, session, scene, &report),
        Tab::Sram => memory::show(ui, session, scene, trace, &report, actions),
        Tab::Why => why::show(ui, scene, session.wafer, &report),
    }
    ui.add_space(16.0);
}

fn title(ui: &mut Ui, session: &Session, scene: &Scene, report: &CoreReport, actions: &mut Vec<Action>) {
    let core = report.core;
    let (die_column, die_row) = scene.defects.geometry().die_of(core);
    let place = report
        .region
        .map_or_else(|| "nothing placed here".to_owned(), |region| check::region_name(&scene.program, region));
    let kernel = report.work.as_ref().map(|work| scene.program.kernel(work.kernel).label.as_str());
    let wafer = if session.wafers() > 1 { format!("wafer {}, ", session.wafer + 1) } else { String::new() };
    let below = match kernel {
        Some(kernel) if kernel != place => format!("{wafer}die {die_column}, {die_row} · {kernel}, {place}"),
        _ => format!("{wafer}die {die_column}, {die_row} · {place}"),
    };
    let rect = widgets::panel_title(ui, "Core", &format!("{}, {}", core.x, core.y), &below);
    let area = egui::Rect::from_min_size(pos2(rect.right() - 36.0, rect.top() + 8.0), vec2(24.0, 24.0));
    let mut button = ui.new_child(UiBuilder::new().max_rect(area).id_salt("unpin"));
    if widgets::icon_button(&mut button, Icon::Close, "Unpin (Esc)", 24.0, false).clicked() {
        actions.push(Action::View(ViewAction::Pin(None)));
    }
}

fn now(ui: &mut Ui, session: &Session, scene: &Scene, report: &CoreReport) {
    match &report.work {
        Some(work) => working(ui, session, scene, report, work),
        None if report.region.is_some() => {
            widgets::readout(ui, "0", "%", "busy");
            paragraph(ui, "Its first operand has not arrived, or its last has left.");
        }
        None => paragraph(ui, "The program places nothing on this core, so it rests for the whole run."),
    }
    place(ui, scene, report);
    section(ui, "Ports and queues", "not modelled");
    note(
        ui,
        "FLOW gives each kernel and stream one rate in an interval. What single wavelets do in a router's ports and \
         queues is below that.",
    );
}

fn working(ui: &mut Ui, session: &Session, scene: &Scene, report: &CoreReport, work: &CoreWork) {
    let percent = format!("{:.0}", work.utilisation * 100.0);
    let readout = widgets::readout(ui, &percent, "%", "utilisation");
    let at = pos2(readout.rect.right() - 12.0, readout.rect.bottom() - 15.0);
    chip(work.activity).paint(ui.painter(), theme::palette(ui), at, Align2::RIGHT_CENTER);
    readout
        .on_hover_text(format!("{FLOW}\nOf the core's multiply-add slots in the interval below, those that it uses."));
    let kernel = scene.program.kernel(work.kernel);
    let op = scene.graph.op(kernel.op);
    let batches = scene.program.schedule.micro_batches();
    label_value(ui, "Operator", &kernel.label, "", "From the model's graph");
    label_value(ui, "Pass", work.pass.word(), "", "From the program's schedule");
    label_value(ui, "Micro-batch", &(work.micro_batch + 1).to_string(), &format!("of {batches}"), "From the schedule");
    let busy = format::percent(work.core_busy);
    label_value(ui, "Computes", &busy, "of the interval", "The rest it waits, at the rates of the FLOW model");
    let rate = format::three_digits(work.multiply_adds_per_cycle);
    let lanes = format!("of {} FMAC per cycle", scene.device.simd_fp16_lanes.value);
    let origin = format!(
        "Derived: multiply-adds of its tile over the cycles of the kernel, while it computes. Lanes: {}",
        scene.device.simd_fp16_lanes.source
    );
    label_value(ui, "Multiply-adds", &rate, &lanes, &origin);
    tile(ui, scene, report, work, op);
    interval(ui, session, scene, work);
}

/// What the activity is, as a state.
fn chip(activity: Activity) -> Chip<'static> {
    let (tone, icon) = match activity {
        Activity::Compute => (Tone::Ok, Icon::Play),
        Activity::WaitInput | Activity::WaitOutput => (Tone::Warn, Icon::Clock),
        Activity::Receive | Activity::Send | Activity::LoadWeights => (Tone::Info, Icon::Flow),
        Activity::Idle => (Tone::Mute, Icon::Hollow),
    };
    Chip { tone, icon, word: activity.words() }
}

/// Which part of the operator the core holds.
fn tile(ui: &mut Ui, scene: &Scene, report: &CoreReport, work: &CoreWork, op: &Op) {
    let Some(region) = report.region else { return };
    let rect = scene.program.regions[region as usize].rect;
    let kernel = scene.program.kernel(work.kernel);
    let row = report.core.y - rect.y;
    let column = report.core.x - rect.x + occupancy::first_column(&scene.program, region);
    let streaming = matches!(scene.program.schedule, Schedule::Streaming { .. });
    let (rows, columns) = match op.kind {
        _ if op.product().is_some() && streaming => ("inputs", "tokens"),
        _ if op.product().is_some() => ("inputs", "outputs"),
        OpKind::Embedding { .. } if !streaming => ("features", "table rows"),
        _ => ("features", "tokens"),
    };
    section(ui, "Its tile", "");
    for (what, split, index) in [(rows, kernel.rows_in(work.pass), row), (columns, kernel.columns, column)] {
        let (value, total) = extent(split, index);
        let origin =
            format!("Exact: {total} {what} over {} cores, tiles rounded up", format::grouped(split.parts.into()));
        fact_row(ui, &parts::initial(what), &value, &format!("of {total}"), &origin);
    }
    let full = work.tile.iter().all(|(own, full)| own == full);
    if !full {
        note(ui, "Less than a full tile: the shape does not divide evenly over the cores.");
    }
}

/// The elements that core `index` of a split holds, and their total.
fn extent(split: Split, index: u32) -> (String, String) {
    let count = split.at(index);
    let first = u64::from(index) * split.tile();
    let words = match count {
        0 => "none".to_owned(),
        1 => format::grouped(first),
        count => format!("{}–{}", format::grouped(first), format::grouped(first + count - 1)),
    };
    (words, format::grouped(split.total))
}

/// When it began, when it ends, and how much later than at the entry.
fn interval(ui: &mut Ui, session: &Session, scene: &Scene, work: &CoreWork) {
    let clock_hz = scene.device.clock_run_hz.value;
    let seconds = |cycle: u64| cycle as f64 / clock_hz;
    let (from, to) = work.interval;
    let edge = session.run.as_ref().map_or(to, |run| run.trace.edge);
    let length = to.saturating_sub(from);
    section(ui, "Interval", &format::duration(seconds(length)));
    let words = TimeFormat::new(seconds(edge), seconds(length) / 100.0);
    fact_row(
        ui,
        "Begins",
        &words.number(seconds(from)),
        words.unit,
        &format!("{FLOW}\nCycle {}", format::grouped(from)),
    );
    fact_row(ui, "Ends", &words.number(seconds(to)), words.unit, &format!("{FLOW}\nCycle {}", format::grouped(to)));
    let origin = format!(
        "Hops from where operands enter the region, at {} cycle a hop. {}",
        scene.device.hop_cycles.value, scene.device.hop_cycles.source
    );
    fact_row(ui, "Behind the entry", &format::grouped(work.lag), "cycles", &origin);
}

/// Where the logical core lives on the silicon.
fn place(ui: &mut Ui, scene: &Scene, report: &CoreReport) {
    section(ui, "On the silicon", "");
    let origin = "Derived: dies and cores a die of the device file, and the repair of this wafer's dead cores";
    let Some((column, row)) = report.physical else {
        paragraph(ui, "No living core was left for it: the row has more dead cores than spares.");
        return;
    };
    fact_row(ui, "Physical column, row", &format!("{column}, {row}"), "", origin);
    let (_, nominal_row) = scene.defects.geometry().nominal_physical(report.core);
    let columns = report.shifted.unsigned_abs();
    let noun = if columns == 1 { "column" } else { "columns" };
    let side = if report.shifted > 0 { "east" } else { "west" };
    let dead = if columns == 1 { "1 dead core".to_owned() } else { format!("{columns} dead cores") };
    match (report.shifted, row == nominal_row) {
        (0, true) => note(ui, "At its nominal place."),
        (0, false) => note(ui, "The row lives in a spare row of its dies."),
        (_, true) => note(ui, &format!("Row moved {columns} {noun} {side} around {dead}.")),
        (_, false) => note(ui, &format!("In a spare row, moved {columns} {noun} {side} around {dead}.")),
    }
    if scene.program.regions.is_empty() {
        parts::gap(ui);
    }
}
