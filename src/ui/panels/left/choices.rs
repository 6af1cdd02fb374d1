//! What can be chosen in Explore mode: the layer of the map, what is drawn over it, the scenario.

use egui::{Align2, Role, Sense, Ui, pos2, vec2};

use super::{LeftState, Section};
use crate::session::{Action, FileAction, Session, ViewAction, library};
use crate::sim::{Layer, Scene};
use crate::ui::app::Shell;
use crate::ui::panels::map;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{Choice, ChoiceKind, choice_row, text};
use crate::units::format;

/// The layers of the map, one of which is shown.
pub(super) fn layers(ui: &mut Ui, session: &Session, scene: &Scene, state: &mut LeftState, actions: &mut Vec<Action>) {
    if !state.section(ui, Section::Layer, "Layer", ("", "V")) {
        return;
    }
    for layer in Layer::ALL {
        let info = map::layer_info(layer, scene);
        let note = map::layer_note(&info);
        let choice = Choice { kind: ChoiceKind::Radio, label: &info.title, note: &note, on: session.layer == layer };
        if ui.push_id(layer.name(), |ui| choice_row(ui, &choice)).inner.clicked() {
            actions.push(Action::View(ViewAction::Show(layer)));
        }
    }
    ui.add_space(8.0);
}

/// What is drawn over the data.
pub(super) fn overlays(ui: &mut Ui, scene: &Scene, shell: &mut Shell) {
    if !shell.left.section(ui, Section::Overlays, "Overlays", ("", "")) {
        return;
    }
    let dead = format::grouped(scene.defects.dead_count() as u64);
    let overlays = &mut shell.map.overlays;
    let rows = [
        ("Kernel outlines", "", &mut overlays.kernels),
        ("Die grid", "", &mut overlays.dies),
        ("Defects", dead.as_str(), &mut overlays.defects),
    ];
    for (label, note, on) in rows {
        let choice = Choice { kind: ChoiceKind::Check, label, note, on: *on };
        if choice_row(ui, &choice).clicked() {
            *on = !*on;
        }
    }
    ui.add_space(8.0);
}

/// A shipped scenario in the list.
pub(super) struct Row {
    name: &'static str,
    title: String,
    question: String,
}

/// The rows of the list.
pub(super) fn shipped() -> Vec<Row> {
    let rows = library::ALL.iter().map(|shipped| {
        let scenario = shipped.scenario();
        Row { name: shipped.name, title: scenario.title, question: scenario.question }
    });
    rows.collect()
}

/// The scenarios that come with the program, each with the question that it answers.
pub(super) fn scenarios(ui: &mut Ui, session: &Session, state: &mut LeftState, actions: &mut Vec<Action>) {
    if !state.section(ui, Section::Scenarios, "Scenarios", ("", "")) {
        return;
    }
    let open = session.scenario();
    for row in &state.scenarios {
        let current = row.title == open.title && row.question == open.question;
        if scenario_row(ui, row, current).clicked() {
            actions.push(Action::File(FileAction::OpenShipped(row.name)));
        }
    }
    ui.add_space(8.0);
}

fn scenario_row(ui: &mut Ui, row: &Row, current: bool) -> egui::Response {
    let palette = theme::palette(ui);
    let width = ui.available_width() - 24.0;
    let font = Type::Caption.font();
    let question = ui.painter().layout(row.question.clone(), font, palette.text.tertiary, width);
    // To the 4-point grid.
    let height = ((32.0 + question.size().y) / 4.0).ceil() * 4.0;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(Role::ListItem, true, current, &row.title));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let painter = ui.painter();
    if current {
        painter.rect_filled(rect, 0.0, palette.accent.soft);
        let mark = theme::tokens().stroke.active_mark;
        painter.rect_filled(rect.with_max_x(rect.left() + mark), 0.0, palette.accent.base);
    } else if response.hovered() {
        painter.rect_filled(rect, 0.0, palette.surface.hover);
    }
    let left = rect.left() + 12.0;
    let title = (row.title.as_str(), Type::Body, palette.text.primary);
    text::paint_elided(painter, pos2(left, rect.top() + 14.0), Align2::LEFT_CENTER, title, width);
    painter.galley(pos2(left, rect.top() + 24.0), question, palette.text.tertiary);
    response
}
