//! The kernel in hand on the map: true size, snapped to cores, its ties, better spots, and whether it may be dropped.

use egui::{Align2, Color32, CursorIcon, Painter, Pos2, Shape, Stroke, StrokeKind, Ui, pos2, vec2};

use super::PlaceState;
use super::layer::class_colour;
use crate::compiler::{Route, resident};
use crate::hardware::{Core, Rect};
use crate::session::placing::{compiled, placeable};
use crate::session::{Draft, End, How, Judgement, Neighbour, Session, Verdict};
use crate::sim::{OpClass, Scene};
use crate::ui::icons::Icon;
use crate::ui::panels::streams;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, Chip, Tone, text};
use crate::units::format;
use crate::view::{Viewport, WaferPlane};
use crate::workload::OpId;

/// How much of a kind's colour what is in hand shows.
const GHOST_STRENGTH: f32 = 0.42;

/// What it all is drawn on.
pub(in crate::ui::panels) struct Stage<'a> {
    pub scene: &'a Scene,
    pub view: &'a Viewport,
    pub plane: &'a WaferPlane,
    /// The map on the screen.
    pub area: egui::Rect,
}

impl Stage<'_> {
    /// Where a rectangle of cores lies on the screen.
    pub(super) fn screen(&self, rect: Rect) -> egui::Rect {
        let corner = |x: u32, y: u32| {
            let at = self.view.ui_from_cell(self.plane, [f64::from(x), f64::from(y)]);
            pos2(at[0].round() as f32, at[1].round() as f32)
        };
        egui::Rect::from_min_max(corner(rect.x, rect.y), corner(rect.right(), rect.bottom()))
    }
}

/// The kernel that an empty hand would take up at `core`: one that is placed, or where the compiler had one.
pub(super) fn pickable(draft: &Draft, scene: &Scene, core: Core) -> Option<(OpId, Rect)> {
    // The last one lies on top where two overlap.
    let placed = draft.placed.iter().rev().copied().find(|(_, rect)| rect.contains(core));
    placed.or_else(|| waiting(draft, scene).into_iter().find(|(_, rect)| rect.contains(core)))
}

/// Kernels without a place, where the compiler had them.
fn waiting(draft: &Draft, scene: &Scene) -> Vec<(OpId, Rect)> {
    let homeless = placeable(scene).into_iter().filter(|&op| draft.rect_of(op).is_none());
    homeless.filter_map(|op| Some((op, compiled(scene, op)?))).collect()
}

/// Draws what is in hand, its ties, spots for it, and whether it may be dropped.
pub(super) fn show(ui: &Ui, stage: &Stage<'_>, session: &Session, hover: Option<Core>, state: &mut PlaceState) {
    let Some(draft) = &session.draft else { return };
    let palette = theme::palette(ui);
    let painter = ui.painter().with_clip_rect(stage.area);
    let scene = stage.scene;
    if let Some(proposal) = session.desk.proposal.as_ref().filter(|_| session.desk.how == How::Together) {
        for rect in proposal.changes.iter().filter_map(|change| if state.before { change.from } else { change.to }) {
            dashed(&painter, stage.screen(rect), Stroke::new(1.5, palette.accent.base));
        }
        return;
    }
    if let Some(thinking) = &session.desk.thinking {
        for rect in &thinking.layout {
            dashed(&painter, stage.screen(*rect), Stroke::new(1.0, palette.accent.base));
        }
        return;
    }
    let held = draft.hand.map(|hand| hand.op);
    for (op, rect) in waiting(draft, scene).into_iter().filter(|(op, _)| Some(*op) != held) {
        let colour = class_colour(OpClass::of(&scene.graph, op.0 as usize)).gamma_multiply(0.45);
        dashed(&painter, stage.screen(rect), Stroke::new(1.0, colour));
    }
    broken(&painter, stage, session);
    let Some(hand) = draft.hand else {
        return empty_hand(ui, stage, session, hover);
    };
    if let Some(rect) = hand.from.or_else(|| compiled(scene, hand.op)) {
        dashed(&painter, stage.screen(rect), Stroke::new(1.5, palette.accent.base));
    }
    let shake = vec2(state.shake(ui), 0.0);
    let judgement = state.judgement.as_ref();
    spots(&painter, stage, session, judgement);
    let Some(judgement) = judgement else { return };
    let verdict = judgement.verdict(&session.desk.survey.spots);
    body(&painter, stage, hand.op, judgement, verdict, shake);
    ties(&painter, stage, draft, hand.op, judgement.rect);
    reasons(ui, stage, draft, (hand.op, judgement, verdict), hover.is_some());
}

/// Cells that keep the draft from running, hatched.
fn broken(painter: &Painter, stage: &Stage<'_>, session: &Session) {
    let red = theme::palette_of(&painter.ctx().global_style().visuals).semantic.error;
    for rect in session.desk.survey.problems.iter().filter_map(|problem| problem.rect) {
        clash(painter, stage.screen(rect), red);
    }
}

fn clash(painter: &Painter, rect: egui::Rect, red: Color32) {
    let part = rect.intersect(painter.clip_rect());
    if part.width() >= 4.0 && part.height() >= 4.0 {
        painter.rect_filled(part, 0.0, red.gamma_multiply(0.16));
        widgets::hatch(painter, part, Stroke::new(1.5, red));
    } else if part.is_positive() {
        painter.rect_filled(part.expand(0.5), 0.0, red);
    }
}

/// What a click would take up.
fn empty_hand(ui: &Ui, stage: &Stage<'_>, session: &Session, hover: Option<Core>) {
    let Some(draft) = &session.draft else { return };
    let palette = theme::palette(ui);
    let Some((op, rect)) = hover.and_then(|core| pickable(draft, stage.scene, core)) else { return };
    if session.desk.how == How::Together && draft.rect_of(op).is_none() {
        return;
    }
    let painter = ui.painter().with_clip_rect(stage.area);
    let edge = Stroke::new(theme::tokens().stroke.ghost, palette.accent.base);
    painter.rect_stroke(stage.screen(rect), 0.0, edge, StrokeKind::Inside);
    let name = resident::label_of(&stage.scene.graph, op);
    let (icon, word) = match session.desk.how {
        How::Together if draft.held.contains(&op) => (Icon::Unlock, format!("Let go of {name}")),
        How::Together => (Icon::Lock, format!("Hold {name}")),
        How::ByHand | How::Watch => (Icon::Pointer, format!("Take {name}, {}×{}", rect.width, rect.height)),
    };
    chip_at(ui, stage, anchor(ui, stage, rect, true), 0.0, Chip { tone: Tone::Info, icon, word: &word });
    ui.ctx().set_cursor_icon(CursorIcon::Grab);
}

/// A dashed outline.
pub(super) fn dashed(painter: &Painter, rect: egui::Rect, stroke: Stroke) {
    // Only sides in view, so that a huge rectangle close up is not made of a million dashes.
    let shown = rect.intersect(painter.clip_rect().expand(16.0));
    if !shown.is_positive() {
        return;
    }
    let inner = shown.shrink(0.5);
    let points = [inner.left_top(), inner.right_top(), inner.right_bottom(), inner.left_bottom(), inner.left_top()];
    painter.extend(Shape::dashed_line(&points, stroke, 5.0, 4.0));
}

/// Spots for what is in hand, numbered, with what they gain against where it is.
fn spots(painter: &Painter, stage: &Stage<'_>, session: &Session, judgement: Option<&Judgement>) {
    let palette = theme::palette_of(&painter.ctx().global_style().visuals);
    for (index, spot) in session.desk.survey.spots.iter().enumerate() {
        let rect = stage.screen(spot.rect);
        painter.rect_filled(rect, 0.0, palette.accent.base.gamma_multiply(0.06));
        dashed(painter, rect, Stroke::new(1.0, palette.accent.base));
        let gain = super::hand::gain(spot.hops, judgement.map(|judgement| judgement.hops));
        let at = pos2(rect.left() + 14.0, rect.bottom() - 14.0);
        // What does not fit into the spot goes from the right: the unit, then the gain.
        let short = gain.strip_suffix(" hops").unwrap_or(&gain);
        let fitting = [gain.as_str(), short]
            .into_iter()
            .find(|words| rect.width() >= 30.0 + text::width(painter, words, Type::MonoSmall));
        let gain = fitting.unwrap_or_default();
        let width = text::width(painter, gain, Type::MonoSmall);
        let plate = egui::Rect::from_min_max(at - vec2(10.0, 10.0), at + vec2(16.0 + width, 10.0));
        painter.rect_filled(plate, theme::tokens().radius.control, palette.map.label_fill);
        super::numbered(painter, palette, at, &(index + 1).to_string());
        let run = (gain, Type::MonoSmall, palette.map.label_text);
        text::paint(painter, at + vec2(12.0, 0.0), Align2::LEFT_CENTER, run);
    }
}

/// The kernel itself: translucent, its clashing cells hatched, its name inside if there is room. Legal has a whole
/// outline, worse a dashed one, not legal a red one.
fn body(painter: &Painter, stage: &Stage<'_>, op: OpId, judgement: &Judgement, verdict: Verdict, shake: egui::Vec2) {
    let palette = theme::palette_of(&painter.ctx().global_style().visuals);
    let widths = &theme::tokens().stroke;
    let rect = stage.screen(judgement.rect).translate(shake);
    let graph = &stage.scene.graph;
    painter.rect_filled(rect, 0.0, class_colour(OpClass::of(graph, op.0 as usize)).gamma_multiply(GHOST_STRENGTH));
    for part in &judgement.clashes {
        clash(painter, stage.screen(*part).translate(shake), palette.semantic.error);
    }
    let casing = Stroke::new(widths.ghost_casing, palette.map.kernel_casing);
    painter.rect_stroke(rect, 0.0, casing, StrokeKind::Middle);
    match verdict {
        Verdict::Legal => {
            painter.rect_stroke(rect, 0.0, Stroke::new(widths.ghost, palette.accent.base), StrokeKind::Middle);
        }
        Verdict::Worse { .. } => dashed(painter, rect.expand(1.0), Stroke::new(widths.ghost, palette.semantic.warn)),
        Verdict::Illegal => {
            painter.rect_stroke(rect, 0.0, Stroke::new(widths.ghost, palette.semantic.error), StrokeKind::Middle);
        }
    }
    let name = graph.op(op).name.as_str();
    let shape = format!("{}×{}", judgement.rect.width, judgement.rect.height);
    let (name, shape) =
        ((name, Type::BodyStrong, palette.map.label_text), (shape.as_str(), Type::MonoSmall, palette.map.label_text));
    let width = text::width(painter, name.0, name.1).max(text::width(painter, shape.0, shape.1));
    if rect.width() >= width + 16.0 && rect.height() >= 46.0 {
        let plate = egui::Rect::from_min_size(rect.left_bottom() + vec2(4.0, -40.0), vec2(width + 10.0, 36.0));
        painter.rect_filled(plate, theme::tokens().radius.tick, palette.map.label_fill);
        text::paint(painter, plate.min + vec2(5.0, 10.0), Align2::LEFT_CENTER, name);
        text::paint(painter, plate.min + vec2(5.0, 26.0), Align2::LEFT_CENTER, shape);
    }
}

/// Lines to the placed neighbours in the flow, as wide as their volume beside the largest stream of the model: routed
/// ways while both ends are where the compiler routed between them, else one bend.
fn ties(painter: &Painter, stage: &Stage<'_>, draft: &Draft, op: OpId, rect: Rect) {
    let palette = theme::palette_of(&painter.ctx().global_style().visuals);
    let largest = crate::session::placing::tally::streams(stage.scene).iter().map(|stream| stream.bytes).max();
    let stays = |op, rect| compiled(stage.scene, op) == Some(rect);
    let neighbours = draft.neighbours(stage.scene, op, rect);
    let (routed, moved): (Vec<Neighbour>, Vec<Neighbour>) =
        neighbours.into_iter().partition(|neighbour| stays(op, rect) && stays(neighbour.op, neighbour.rect));
    for neighbour in moved {
        let (own, other) = (stage.screen(rect).center(), stage.screen(neighbour.rect).center());
        let (from, to) = if neighbour.end == End::Source { (other, own) } else { (own, other) };
        // Streams run along columns and rows.
        let bend = pos2(to.x, from.y);
        let width = streams::width(neighbour.bytes, largest.unwrap_or(1));
        for (width, colour) in [(width + 2.5, palette.map.kernel_casing), (width, palette.map.label_text)] {
            painter.add(Shape::line(vec![from, bend, to], Stroke::new(width, colour)));
        }
        streams::arrow_head(painter, bend, to, width, palette.map.label_text);
        painter.circle_filled(from, 1.5 + width, palette.map.label_text);
    }
    let program = &stage.scene.program;
    let joins = |route: &&Route| {
        let (from, to) = (program.kernel(route.from).op, program.kernel(route.to).op);
        routed.iter().any(|neighbour| match neighbour.end {
            End::Source => (from, to) == (neighbour.op, op),
            End::Sink => (from, to) == (op, neighbour.op),
        })
    };
    let routes: Vec<&Route> = program.routes.iter().filter(joins).collect();
    streams::paint(painter, stage, &routes);
}

/// One line at the hand: what is wrong, worst first, or what it would cost.
fn reasons(
    ui: &Ui,
    stage: &Stage<'_>,
    draft: &Draft,
    (op, judgement, verdict): (OpId, &Judgement, Verdict),
    by_pointer: bool,
) {
    let at = anchor(ui, stage, judgement.rect, false);
    let cursor = if verdict == Verdict::Illegal { CursorIcon::NotAllowed } else { CursorIcon::Grabbing };
    if by_pointer {
        ui.ctx().set_cursor_icon(cursor);
    }
    let hops = draft.neighbours(stage.scene, op, judgement.rect).into_iter().map(|neighbour| {
        let name = &stage.scene.graph.op(neighbour.op).name;
        let side = if neighbour.end == End::Source { "from" } else { "to" };
        format!("{} hops {side} {name}", format::grouped(u64::from(neighbour.hops)))
    });
    let cycles = format!("{} a micro-batch", format::cycles(judgement.cycles.0));
    let cost = std::iter::once(cycles).chain(hops).collect::<Vec<_>>().join(", ");
    match (verdict, judgement.violations.as_slice()) {
        (Verdict::Illegal, [worst, rest @ ..]) => {
            let word = worst.to_string();
            chip_at(ui, stage, at, 0.0, Chip { tone: Tone::Error, icon: Icon::Forbidden, word: &word });
            if let Some(second) = rest.first() {
                let word = format!("also {second}");
                chip_at(ui, stage, at, 28.0, Chip { tone: Tone::Warn, icon: Icon::Warning, word: &word });
            }
        }
        (Verdict::Worse { hops }, _) => {
            let word = format!("Worse than spot 1 by {} hops", format::grouped(hops));
            chip_at(ui, stage, at, 0.0, Chip { tone: Tone::Warn, icon: Icon::Warning, word: &word });
            chip_at(ui, stage, at, 28.0, Chip { tone: Tone::Info, icon: Icon::Check, word: &cost });
        }
        _ => chip_at(ui, stage, at, 0.0, Chip { tone: Tone::Info, icon: Icon::Check, word: &cost }),
    }
}

/// Where words about a rectangle stand: beside the pointer, or at its upper right; and what they stand left of if there
/// is no room for them.
fn anchor(ui: &Ui, stage: &Stage<'_>, rect: Rect, by_pointer: bool) -> (Pos2, f32) {
    let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|_| by_pointer);
    let screen = stage.screen(rect);
    let beside = (screen.right_top() + vec2(8.0, 0.0), screen.left());
    pointer.map_or(beside, |pointer| (pointer + vec2(16.0, 16.0), pointer.x))
}

/// Paints a chip at the first of two places, or where there is no room left of the second, always inside the map;
/// `below` moves it down.
fn chip_at(ui: &Ui, stage: &Stage<'_>, (at, left): (Pos2, f32), below: f32, chip: Chip<'_>) {
    let painter = ui.painter().with_clip_rect(stage.area);
    let width = text::width(&painter, chip.word, Type::Body) + 40.0;
    let beyond = at.x + width > stage.area.right() - 8.0;
    let x = if beyond { left - 8.0 - width } else { at.x };
    let x = x.min(stage.area.right() - 8.0 - width).max(stage.area.left() + 8.0);
    let y = at.y.clamp(stage.area.top() + 8.0, (stage.area.bottom() - 60.0).max(stage.area.top() + 8.0)) + below;
    widgets::reason_chip(&painter, theme::palette(ui), pos2(x, y), Align2::LEFT_TOP, chip);
}
