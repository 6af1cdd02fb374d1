//! Place mode: by hand, watching the compiler, or together with it. One canvas, one tree, one drawer for all three.
//!
//! [`pointer`] reads the hand on the map and [`ghost`] draws what it holds; [`tree`] and [`hand`] are the left panel,
//! [`checker`], [`watch`] and [`together`] the inspector, [`drawer`] what stands under the map, [`keys`] the keyboard.

mod axis;
mod checker;
mod drawer;
mod ghost;
mod hand;
pub(in crate::ui) mod keys;
mod layer;
mod pointer;
mod steps;
mod together;
mod tree;
mod watch;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Align2, Painter, Pos2, Ui, UiBuilder, vec2};

use crate::session::{Action, How, Judgement, Manner, PlaceAction, Session};
use crate::ui::app::Shell;
use crate::ui::icons::Icon;
use crate::ui::theme::{self, Palette, Type};
use crate::ui::widgets::{self, text};
use crate::workload::OpId;

pub(in crate::ui) use drawer::show as drawer;
pub(super) use ghost::Stage;
pub(in crate::ui) use layer::{layout, layout_shown, placed_layer};
pub(super) use pointer::on_map;

/// Farthest that a refused kernel shakes to a side, in points.
const SHAKE_POINTS: f32 = 5.0;
/// Below this width the header leaves its note out.
const WIDTH_FOR_NOTE: f32 = 760.0;

/// What Place mode keeps between frames.
#[derive(Default)]
pub(in crate::ui) struct PlaceState {
    /// When a drop was last refused.
    refused: Option<Instant>,
    /// What is in hand, judged where it is.
    judgement: Option<Judgement>,
    /// Time that the judgement took.
    pub judged_in: Duration,
    pub layer: layer::Layer,
    /// The row of the tree that the keyboard is at.
    cursor: Option<tree::Row>,
    /// What was in hand when the tree last scrolled to it.
    revealed: Option<OpId>,
    /// Height of what stands below the tree, as measured in the last frame.
    foot_height: f32,
    /// Shows the draft instead of the proposal that is held against it.
    pub before: bool,
    /// The problem that was flown to last.
    problem: Option<usize>,
    /// Keys that wait for their turn.
    keys: VecDeque<(egui::Modifiers, egui::Key)>,
    /// What the pointer was over in the last frame, to know whether it has moved.
    pointed: Option<Pos2>,
}

impl PlaceState {
    /// Asks to drop what is in hand where it is; shakes if it may not.
    pub(super) fn drop(&mut self, at: Option<crate::hardware::Core>, manner: Manner) -> Option<Action> {
        let judgement = self.judgement.as_ref()?;
        if judgement.violations.is_empty() || manner == Manner::Anyway {
            return Some(Action::Place(PlaceAction::Drop { at, manner }));
        }
        self.refused = Some(Instant::now());
        None
    }

    /// How far to the side a refused kernel is at this moment, in points.
    fn shake(&mut self, ui: &Ui) -> f32 {
        let Some(begun) = self.refused else { return 0.0 };
        let duration = theme::tokens().motion.shake_ms / 1e3;
        let part = begun.elapsed().as_secs_f32() / duration.max(f32::MIN_POSITIVE);
        if part >= 1.0 {
            self.refused = None;
            return 0.0;
        }
        ui.ctx().request_repaint();
        SHAKE_POINTS * (1.0 - part) * (part * 3.0 * std::f32::consts::TAU).sin()
    }

    /// Goes to the next problem of the draft, or the one before; returns where it is to be seen, or what to take.
    fn next_problem(&mut self, session: &Session, back: bool) -> Option<usize> {
        let count = session.desk.survey.problems.len();
        if count == 0 {
            self.problem = None;
            return None;
        }
        let next = match (self.problem, back) {
            (None, false) => 0,
            (None, true) => count - 1,
            (Some(at), false) => (at + 1) % count,
            (Some(at), true) => (at.min(count) + count - 1) % count,
        };
        self.problem = Some(next);
        Some(next)
    }
}

/// Shows a problem: the camera goes to where it is, or its kernel is taken in hand.
fn go_to_problem(session: &Session, shell: &mut Shell, index: usize, actions: &mut Vec<Action>) {
    let Some(problem) = session.desk.survey.problems.get(index) else { return };
    shell.place.problem = Some(index);
    match problem.rect {
        Some(rect) => shell.map.fly_to(rect),
        None => actions.push(Action::Place(PlaceAction::Pick(problem.op))),
    }
}

/// The line above the map.
pub(super) fn header(ui: &mut Ui, session: &Session, shell: &mut Shell, note: &str, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    let rect = ui.max_rect().shrink2(vec2(12.0, 6.0));
    let right = egui::Layout::right_to_left(egui::Align::Center);
    let mut end = ui.new_child(UiBuilder::new().max_rect(rect).layout(right).id_salt("place end"));
    end.spacing_mut().item_spacing.x = 8.0;
    if widgets::icon_button(&mut end, Icon::Fit, "Fit the wafer (F)", 24.0, false).clicked() {
        shell.map.ask(super::map::Zoom::Fit);
    }
    let current = How::ALL.iter().position(|&how| how == session.desk.how).unwrap_or(0);
    if let Some(index) = widgets::segmented(&mut end, "how", &How::ALL.map(How::words), current) {
        actions.push(Action::Place(PlaceAction::How(How::ALL[index])));
    }
    let left = egui::Layout::left_to_right(egui::Align::Center);
    let start = rect.with_max_x(end.min_rect().left() - 12.0);
    let mut row = ui.new_child(UiBuilder::new().max_rect(start).layout(left).id_salt("place start"));
    row.spacing_mut().item_spacing.x = 8.0;
    let title = match session.desk.how {
        How::ByHand => "Placed by hand",
        How::Watch => "Laid out so far",
        How::Together if session.desk.proposal.is_none() => "Hand and compiler",
        How::Together if shell.place.before => "Before",
        How::Together => "Proposed",
    };
    text::label(&mut row, (title, Type::BodyStrong, palette.text.primary));
    super::map::wafer_picker(&mut row, session, actions);
    if rect.width() >= WIDTH_FOR_NOTE {
        text::label(&mut row, (note, Type::Caption, palette.text.tertiary));
    }
}

/// The left panel.
pub(super) fn left(ui: &mut Ui, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    let Some(scene) = session.scene().map(Arc::clone) else { return };
    let job = scene.program.job;
    let placeable = job.mapping != crate::compiler::Mapping::Streaming;
    match &session.draft {
        Some(draft) => tree::show(ui, &scene, session, draft, shell, actions),
        None if placeable => actions.push(Action::Place(PlaceAction::Begin)),
        None => tree::nothing_to_place(ui, shell, actions),
    }
}

/// The inspector.
pub(super) fn inspector(ui: &mut Ui, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    let Some(scene) = session.scene().map(Arc::clone) else { return };
    egui::ScrollArea::vertical().auto_shrink(false).id_salt(("place inspector", session.desk.how.words())).show(
        ui,
        |ui| {
            match session.desk.how {
                How::ByHand => checker::show(ui, &scene, session, shell, actions),
                How::Watch => watch::show(ui, &scene, session, actions),
                How::Together => together::show(ui, &scene, session, shell, actions),
            }
            ui.add_space(16.0);
        },
    );
}

/// A number in a ring, for spots and for what else was weighed.
fn numbered(painter: &Painter, palette: &Palette, at: Pos2, number: &str) {
    let edge = egui::Stroke::new(1.0, palette.accent.base);
    painter.circle(at, 8.0, palette.surface.map, edge);
    text::paint(painter, at, Align2::CENTER_CENTER, (number, Type::MonoSmall, palette.accent.base));
}
