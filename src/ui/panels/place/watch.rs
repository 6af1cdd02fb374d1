//! Watching the compiler: the card of one decision in the inspector, and what it weighed on the map.

use egui::{Align2, Stroke, StrokeKind, Ui, pos2, vec2};

use super::ghost::{Stage, dashed};
use super::hand::padded;
use super::{checker, numbered, steps};
use crate::compiler::{Author, CompilerPass, Decision, Kernel, Route, Step};
use crate::hardware::Rect;
use crate::session::{Action, PlaceAction, Session, Watch, WatchAction};
use crate::sim::Scene;
use crate::ui::icons::Icon;
use crate::ui::panels::streams;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, Button, Chip, Tone, text};
use crate::units::format;

/// Alternatives that are listed; the rest are counted.
const CONSIDERED_MAX: usize = 6;
/// Width of the labels of a card, in points.
const LABELS: f32 = 70.0;

/// Draws the page of the step that was done last.
pub(super) fn show(ui: &mut Ui, scene: &Scene, session: &Session, actions: &mut Vec<Action>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let Some(watch) = &session.desk.watch else { return };
    let stage = watch.stage().map_or("before the first decision", |stage| stage.pass.words());
    let count = format!("{} of {}", format::grouped(watch.at() as u64), format::grouped(watch.count() as u64));
    let below = if watch.at() == 0 { stage.to_owned() } else { format!("stage {stage}") };
    let rect = widgets::panel_title(ui, "Step", &count, &below);
    if let Some(step) = watch.step() {
        let (tone, icon, word) = match step.author {
            Author::Compiler => (Tone::Info, Icon::Wafer, "by the compiler"),
            Author::User => (Tone::Mute, Icon::Pointer, "by hand"),
        };
        let at = pos2(rect.right() - 12.0, rect.top() + 43.0);
        Chip { tone, icon, word }.paint(ui.painter(), theme::palette(ui), at, Align2::RIGHT_CENTER);
    }
    buttons(ui, watch, actions);
    widgets::divider(ui);
    match watch.step() {
        Some(step) => card(ui, scene, step, actions),
        None => super::tree::hint(ui, "The wafer is empty. Play, or step through what the compiler decided."),
    }
    widgets::divider(ui);
    checker::last_run(ui, session, scene, false);
}

fn buttons(ui: &mut Ui, watch: &Watch, actions: &mut Vec<Action>) {
    let play = if watch.is_playing() { "Pause" } else { "Play" };
    let all = [
        ("Back", WatchAction::Step(-1)),
        (play, WatchAction::TogglePlay),
        ("Step", WatchAction::Step(1)),
        ("To end of stage", WatchAction::EndOfStage),
    ];
    padded(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (word, action) in all {
                if Button::secondary(word).show(ui).clicked() {
                    actions.push(Action::Place(PlaceAction::Watch(action)));
                }
            }
        });
    });
}

/// Chose, because, considered, rule.
fn card(ui: &mut Ui, scene: &Scene, step: &Step, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    padded(ui, |ui| {
        ui.add_space(12.0);
        text::label(ui, (&steps::title(scene, step), Type::Title, palette.text.primary));
    });
    field(ui, "Chose", &steps::chose(scene, step), Type::Mono);
    if !step.because.is_empty() {
        field(ui, "Because", &step.because, Type::Body);
    }
    if let Decision::MicroBatchChosen { candidates, .. } = &step.decision {
        field(ui, "Weighed", &format!("{} choices; they are listed with the result", candidates.len()), Type::Body);
    }
    for (index, considered) in step.considered.iter().enumerate().take(CONSIDERED_MAX) {
        let label = if index == 0 { "Rejected" } else { "" };
        let words = format!("{}  {}: {}", letter(index), considered.what, considered.why_not);
        field(ui, label, &words, Type::Body);
    }
    if step.considered.len() > CONSIDERED_MAX {
        field(ui, "", &format!("and {} more", step.considered.len() - CONSIDERED_MAX), Type::Caption);
    }
    if step.considered.is_empty() {
        field(ui, "Rejected", "nothing else was weighed", Type::Caption);
    }
    field(ui, "Rule", &format!("“{}”", step.rule), Type::Body);
    ui.add_space(4.0);
    if step.decision.op().is_some() && scene.program.job.wafers() == 1 {
        padded(ui, |ui| {
            ui.add_space(4.0);
            let what_if = Button::secondary("What if elsewhere").show(ui);
            let words = "Takes this kernel in hand, with everything that was placed before it kept; Finish the rest \
                         lets the compiler go on from there";
            if what_if.on_hover_text(words).clicked() {
                actions.push(Action::Place(PlaceAction::Watch(WatchAction::Elsewhere)));
            }
        });
    }
}

fn field(ui: &mut Ui, label: &str, words: &str, kind: Type) {
    let palette = theme::palette(ui);
    let width = ui.available_width() - 24.0 - LABELS;
    let colour = if kind == Type::Caption { palette.text.tertiary } else { palette.text.primary };
    let galley = ui.painter().layout(words.to_owned(), kind.font(), colour, width.max(40.0));
    let height = ((galley.size().y + 6.0) / 4.0).ceil() * 4.0;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), egui::Sense::hover());
    let at = pos2(rect.left() + 12.0, rect.top() + 10.0);
    text::paint(ui.painter(), at, Align2::LEFT_CENTER, (label, Type::Body, palette.text.tertiary));
    ui.painter().galley(pos2(rect.left() + 12.0 + LABELS, rect.top() + 2.0), galley, colour);
    let name = if label.is_empty() { words.to_owned() } else { format!("{label}: {words}") };
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &name));
}

fn letter(index: usize) -> char {
    char::from(b'A' + (index % 26) as u8)
}

/// The winner of the decision and what was weighed against it.
pub(super) fn on_map(ui: &Ui, stage: &Stage<'_>, session: &Session) {
    let Some(step) = session.desk.watch.as_ref().and_then(Watch::step) else { return };
    let palette = theme::palette(ui);
    let painter = ui.painter().with_clip_rect(stage.area);
    for (index, considered) in step.considered.iter().enumerate().take(CONSIDERED_MAX).rev() {
        let Some(rect) = considered.rect else { continue };
        // The farther down the list, the fainter.
        let strength = 1.0 - 0.6 * index as f32 / CONSIDERED_MAX as f32;
        let shown = stage.screen(rect);
        painter.rect_filled(shown, 0.0, palette.text.tertiary.gamma_multiply(0.10 * strength));
        dashed(&painter, shown, Stroke::new(1.0, palette.text.secondary.gamma_multiply(strength)));
        // The letter alone: why it was not taken stands beside the same letter in the card, and kernels have names here.
        let at = shown.right_bottom() - vec2(12.0, 12.0);
        numbered(&painter, palette, at, &letter(index).to_string());
    }
    if let Decision::RouteCommitted { from, to, .. } = step.decision {
        let program = &stage.scene.program;
        let own =
            |route: &&Route| route.from == from && route.to == to && streams::runs_on(program, route, session.wafer);
        streams::paint(&painter, stage, &program.routes.iter().filter(own).collect::<Vec<_>>());
    }
    let Some((wafer, winner)) = winner(stage.scene, step) else { return };
    if wafer != session.wafer {
        return;
    }
    let shown = stage.screen(winner);
    let widths = &theme::tokens().stroke;
    if step.pass < CompilerPass::Place {
        // Where it will be is not decided yet.
        return dashed(&painter, shown, Stroke::new(1.0, palette.accent.base));
    }
    painter.rect_filled(shown, 0.0, palette.accent.base.gamma_multiply(0.12));
    painter.rect_stroke(shown, 0.0, Stroke::new(widths.ghost_casing, palette.map.kernel_casing), StrokeKind::Middle);
    painter.rect_stroke(shown, 0.0, Stroke::new(widths.ghost, palette.accent.base), StrokeKind::Middle);
}

/// Where the decision shows: the wafer and its cores.
fn winner(scene: &Scene, step: &Step) -> Option<(u32, Rect)> {
    let program = &scene.program;
    let of = |kernel: &Kernel| {
        let region = &program.regions[kernel.regions.start as usize];
        (region.wafer, region.rect)
    };
    match step.decision {
        Decision::LanePlaced { rect } => Some((0, rect)),
        Decision::RegionPlaced { wafer, rect, .. } => Some((wafer, rect)),
        Decision::RouteCommitted { to, .. } => Some(of(program.kernel(to))),
        _ => {
            let op = step.decision.op()?;
            program.kernels.iter().find(|kernel| kernel.op == op).map(of)
        }
    }
}
