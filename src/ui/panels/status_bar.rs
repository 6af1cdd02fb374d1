//! The line at the bottom: the wafer, the pointer, the result of the run, and how fast all that is drawn.

use egui::{Ui, UiBuilder};

use crate::session::{Draft, Session};
use crate::sim::Scene;
use crate::ui::app::{Mode, Shell};
use crate::ui::theme::{self, Type};
use crate::ui::widgets::text;
use crate::units::format;

/// Below this width the bar leaves out what can be read elsewhere.
const WIDTH_FOR_ALL: f32 = 1200.0;
/// Below this width it leaves the results to the inspector.
const WIDTH_FOR_RESULTS: f32 = 860.0;

/// Draws the status bar.
pub(in crate::ui) fn show(ui: &mut Ui, session: &Session, shell: &Shell) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.surface.app);
    let rect = ui.max_rect().shrink2(egui::vec2(16.0, 0.0));
    let Some(scene) = session.scene() else { return };
    if let Some(draft) = session.draft.as_ref().filter(|_| shell.mode == Mode::Place) {
        return placing(ui, rect, session, shell, scene, draft);
    }
    let left = egui::Layout::left_to_right(egui::Align::Center);
    let mut row = ui.new_child(UiBuilder::new().max_rect(rect).layout(left).id_salt("left"));
    let cores = scene.device.fabric_cores();
    let used = scene.program.cores_used() as f64 / (cores * u64::from(session.wafers())) as f64;
    item(&mut row, &[(&format::grouped(cores), true), ("cores", false)]);
    item(&mut row, &[(&scene.defects.outcome().to_string(), false)]);
    let spares = scene.defects.dead_count() - scene.defects.dead_sites().len();
    if spares > 0 && rect.width() >= WIDTH_FOR_ALL {
        item(&mut row, &[(&format!("{} of them spares", format::grouped(spares as u64)), false)]);
    }
    item(&mut row, &[(&format::percent(used), true), ("assigned", false)]);
    if let Some(core) = shell.map.hover.filter(|_| rect.width() >= WIDTH_FOR_ALL) {
        let (column, die_row) = scene.defects.geometry().die_of(core);
        let place = format!("{}, {}", core.x, core.y);
        item(&mut row, &[("pointer", false), (&place, true), (&format!("die {column}, {die_row}"), false)]);
    }
    let right = egui::Layout::right_to_left(egui::Align::Center);
    let mut row = ui.new_child(UiBuilder::new().max_rect(rect).layout(right).id_salt("right"));
    if rect.width() < WIDTH_FOR_RESULTS {
        return;
    }
    let state = if session.document.changed { "changed" } else { "" };
    let name = session.document.path.as_ref().and_then(|path| path.file_name());
    let name = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    item(&mut row, &[(state, false), (&name, false)]);
    if let Some(summary) = session.run.as_ref().and_then(|run| run.summary.as_ref()) {
        let clock = scene.device.clock_run_hz.value / 1e9;
        item(&mut row, &[("tokens/s", false), (&format::prefixed(summary.tokens_per_second), true)]);
        let peak = format!("FLOP/s, {} of dense peak at {clock} GHz", format::percent(summary.peak_share));
        item(&mut row, &[(&peak, false), (&format::prefixed(summary.flops_per_second), true)]);
    }
}

/// The line while kernels are placed: what the draft is, where the hand is, and how fast that was judged.
fn placing(ui: &mut Ui, rect: egui::Rect, session: &Session, shell: &Shell, scene: &Scene, draft: &Draft) {
    let left = egui::Layout::left_to_right(egui::Align::Center);
    let mut row = ui.new_child(UiBuilder::new().max_rect(rect).layout(left).id_salt("left"));
    let taken: u64 = super::place::layout(session, shell.place.before).iter().map(|(_, rect)| rect.cores()).sum();
    let cores = scene.device.fabric_cores() * u64::from(session.wafers());
    let of = format!("of {} cores placed", format::grouped(cores));
    item(&mut row, &[(&format::grouped(taken), true), (&of, false)]);
    let broken = session.desk.survey.problems.iter().filter(|problem| problem.rect.is_some()).count();
    let errors = if broken == 1 { "error" } else { "errors" };
    item(&mut row, &[(&broken.to_string(), true), (errors, false)]);
    if let Some((hand, rect)) = draft.hand.and_then(|hand| Some((hand, hand.rect()?))) {
        let place = format!("{}, {}", rect.x, rect.y);
        item(&mut row, &[("ghost", false), (&place, true), (&format!("{}×{}", hand.width, hand.height), false)]);
    }
    let right = egui::Layout::right_to_left(egui::Align::Center);
    let mut row = ui.new_child(UiBuilder::new().max_rect(rect).layout(right).id_salt("right"));
    let name = session.document.path.as_ref().and_then(|path| path.file_name());
    let name = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let saved = if session.document.changed { "changed" } else { "" };
    item(&mut row, &[(saved, false), (&name, false)]);
    if draft.hand.is_some() {
        let time = format!("{:.2} ms", shell.place.judged_in.as_secs_f64() * 1e3);
        item(&mut row, &[(&time, true), ("legality in", false)]);
    }
}

/// Words and digits that belong together.
fn item(ui: &mut Ui, runs: &[(&str, bool)]) {
    let palette = theme::palette(ui);
    ui.spacing_mut().item_spacing.x = 5.0;
    let mut shown = false;
    for (word, strong) in runs.iter().filter(|(word, _)| !word.is_empty()) {
        let (kind, colour) =
            if *strong { (Type::BodyStrong, palette.text.primary) } else { (Type::Body, palette.text.secondary) };
        text::label(ui, (word, kind, colour));
        shown = true;
    }
    if shown {
        ui.add_space(20.0);
    }
}
