//! The inspector while placing by hand: what keeps the draft from running, its history, and what ran last.

use egui::{Align2, Sense, Ui, WidgetInfo, pos2, vec2};

use super::go_to_problem;
use super::hand::padded;
use crate::compiler::Author;
use crate::session::placing::history::STEPS_MAX;
use crate::session::{Action, Manner, PlaceAction, Session};
use crate::sim::Scene;
use crate::ui::app::Shell;
use crate::ui::icons::Icon;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, Button, Chip, SectionHeader, Tone, label_value, section_header, text};
use crate::units::format;

/// Errors that are listed, and kernels without a place; the rest are counted.
const LISTED_MAX: usize = 10;
const MISSING_MAX: usize = 4;
/// Steps of the history that are listed, newest first.
const HISTORY_MAX: usize = 8;

/// Draws the page.
pub(super) fn show(ui: &mut Ui, scene: &Scene, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let survey = &session.desk.survey;
    let below = format!("{} on {}", scene.graph.name, scene.device.title);
    widgets::panel_title(ui, "Draft", "", &below);
    checker(ui, session, shell, actions);
    let palette = theme::palette(ui);
    let refused = shell.place.judgement.as_ref().is_some_and(|judgement| !judgement.violations.is_empty());
    padded(ui, |ui| {
        ui.add_space(8.0);
        if refused {
            let anyway = Button::secondary("Place anyway, draft").icon(Icon::Flag).wide().show(ui);
            if anyway
                .on_hover_text("It stays where it is and is listed here until it is repaired (Shift+Enter)")
                .clicked()
            {
                actions.extend(shell.place.drop(None, Manner::Anyway));
            }
            ui.add_space(4.0);
        }
        run_button(ui, survey.blocked().is_none(), actions);
        ui.add_space(4.0);
        match survey.blocked() {
            Some(blocked) => text::label(ui, (&format!("Blocked by {blocked}"), Type::Caption, palette.semantic.warn)),
            None => text::label(ui, ("Nothing is wrong. Ctrl+Enter", Type::Caption, palette.text.tertiary)),
        };
    });
    widgets::divider(ui);
    history(ui, session, actions);
    last_run(ui, session, scene, survey.differs);
    padded(ui, |ui| {
        ui.add_space(8.0);
        let leave = Button::quiet("Discard the draft").wide().show(ui);
        if leave.on_hover_text("Leaves placing; nothing that was placed since is kept").clicked() {
            actions.push(Action::Place(PlaceAction::Abandon));
        }
    });
}

/// Runs the draft, once nothing is wrong with it.
pub(super) fn run_button(ui: &mut Ui, ready: bool, actions: &mut Vec<Action>) {
    if Button::primary("Run the draft").icon(Icon::Play).enabled(ready).wide().show(ui).clicked() {
        actions.push(Action::Place(PlaceAction::Run));
    }
}

/// The counts by rule and the list.
fn checker(ui: &mut Ui, session: &Session, shell: &mut Shell, actions: &mut Vec<Action>) {
    let survey = &session.desk.survey;
    section_header(ui, &SectionHeader { title: "Checker", note: "", key: "F8", open: None });
    let counts = survey.counts();
    padded(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
            for (rule, count) in &counts {
                let word = format!("{} {}", format::grouped(*count as u64), rule.words(*count));
                let missing = *rule == crate::session::placing::Rule::Missing;
                let (tone, icon) = if missing { (Tone::Warn, Icon::Warning) } else { (Tone::Error, Icon::Forbidden) };
                widgets::chip(ui, Chip { tone, icon, word: &word });
            }
            if counts.is_empty() {
                widgets::chip(ui, Chip { tone: Tone::Ok, icon: Icon::Check, word: "Done: nothing is wrong" });
            }
        });
    });
    let mut asked = None;
    let broken = survey.problems.iter().filter(|problem| problem.rect.is_some()).count();
    let listed = broken.min(LISTED_MAX) + MISSING_MAX;
    for (index, problem) in survey.problems.iter().enumerate().take(listed) {
        let missing = problem.rect.is_none();
        let icon = if missing { Icon::Warning } else { Icon::Forbidden };
        let tone = if missing { Tone::Warn } else { Tone::Error };
        if problem_row(ui, (icon, tone), &problem.words, shell.place.problem == Some(index)).clicked() {
            asked = Some(index);
        }
    }
    if survey.problems.len() > listed {
        let quiet = theme::palette(ui).text.tertiary;
        let words = format!("and {} more", survey.problems.len() - listed);
        padded(ui, |ui| text::label(ui, (&words, Type::Caption, quiet)));
    }
    if let Some(index) = asked {
        go_to_problem(session, shell, index, actions);
    }
}

/// A problem in words that wrap; a click shows it on the map.
fn problem_row(ui: &mut Ui, (icon, tone): (Icon, Tone), words: &str, current: bool) -> egui::Response {
    let palette = theme::palette(ui);
    let width = ui.available_width() - 44.0;
    let galley = ui.painter().layout(words.to_owned(), Type::Body.font(), palette.text.secondary, width);
    let height = ((galley.size().y + 8.0) / 4.0).ceil() * 4.0;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    if current || response.hovered() || response.has_focus() {
        let fill = if current { palette.accent.soft } else { palette.surface.hover };
        ui.painter().rect_filled(rect, 0.0, fill);
    }
    icon.paint_at(ui.painter(), pos2(rect.left() + 18.0, rect.top() + 12.0), 12.0, tone.colours(palette).0);
    ui.painter().galley(pos2(rect.left() + 32.0, rect.top() + 4.0), galley, palette.text.secondary);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::ListItem, true, format!("Problem: {words}")));
    response
}

/// What was done, newest first; a click goes back to it.
fn history(ui: &mut Ui, session: &Session, actions: &mut Vec<Action>) {
    let Some(draft) = &session.draft else { return };
    let (entries, at) = (draft.history.entries(), draft.history.at());
    let note = if entries.is_empty() { "nothing done yet".to_owned() } else { format!("{at} of {}", entries.len()) };
    section_header(ui, &SectionHeader { title: "History", note: &note, key: "", open: None });
    let last = entries.len().min(at + HISTORY_MAX / 2);
    for (index, entry) in entries.iter().enumerate().take(last).rev().take(HISTORY_MAX) {
        let height = theme::tokens().spacing.row_height_compact;
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
        let palette = theme::palette(ui);
        if response.hovered() {
            ui.painter().rect_filled(rect, 0.0, palette.surface.hover);
        }
        let (done, now) = (index < at, index + 1 == at);
        let colour = match (now, done) {
            (true, _) => palette.text.primary,
            (false, true) => palette.text.secondary,
            (false, false) => palette.text.disabled,
        };
        let y = rect.center().y;
        if now {
            Icon::Dot.paint_at(ui.painter(), pos2(rect.left() + 18.0, y), 12.0, palette.accent.base);
        }
        let run = (entry.label.as_str(), Type::Body, colour);
        let author = if entry.author == Author::User { "by hand" } else { "compiler" };
        let by = (author, Type::Caption, palette.text.tertiary);
        let by = text::paint(ui.painter(), pos2(rect.right() - 12.0, y), Align2::RIGHT_CENTER, by);
        let room = by.left() - 8.0 - (rect.left() + 32.0);
        text::paint_elided(ui.painter(), pos2(rect.left() + 32.0, y), Align2::LEFT_CENTER, run, room);
        let name = format!("Step {}: {}", index + 1, entry.label);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::ListItem, true, &name));
        if response.on_hover_text(name.as_str()).clicked() {
            actions.push(Action::Place(PlaceAction::UndoTo(index + 1)));
        }
    }
    if entries.len() == STEPS_MAX {
        let words = format!(
            "{} steps are remembered; older ones can no longer be taken back.",
            format::grouped(STEPS_MAX as u64)
        );
        let quiet = theme::palette(ui).text.tertiary;
        padded(ui, |ui| text::label(ui, (&words, Type::Caption, quiet)));
    }
    ui.add_space(8.0);
    widgets::divider(ui);
}

/// What ran last, so that nobody takes it for the draft's.
pub(super) fn last_run(ui: &mut Ui, session: &Session, scene: &Scene, differs: bool) {
    let Some(summary) = session.run.as_ref().and_then(|run| run.summary.as_ref()) else { return };
    section_header(ui, &SectionHeader { title: "Result of the last run", note: "", key: "", open: None });
    let origin = "Our model, FLOW, of the layout that ran last";
    let rate = format::prefixed(summary.tokens_per_second);
    let (value, prefix) = rate.split_once(' ').unwrap_or((&rate, ""));
    label_value(ui, "Tokens/s", value, prefix, origin);
    label_value(ui, "One pass", &format::duration(summary.total_seconds), "", origin);
    let cores = format::grouped(scene.program.cores_used());
    label_value(ui, "Cores", &cores, "assigned", origin);
    ui.add_space(4.0);
    if differs {
        padded(ui, |ui| {
            widgets::chip(ui, Chip { tone: Tone::Mute, icon: Icon::Clock, word: "The draft differs" });
        });
    }
    ui.add_space(4.0);
    widgets::divider(ui);
}
