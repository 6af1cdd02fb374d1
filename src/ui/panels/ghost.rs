//! Kernels in the hand and on the wafer while they are placed: true size, snapped to cores, with the reason why not.

use std::time::Instant;

use egui::{Align2, Color32, CursorIcon, Painter, Pos2, Shape, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::compiler::resident;
use crate::hardware::{Core, Rect};
use crate::session::{Action, Draft, End, Judgement, PlaceAction, placing};
use crate::sim::{OpClass, Scene};
use crate::ui::icons::Icon;
use crate::ui::panels::map;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, Chip, Tone, text};
use crate::units::format;
use crate::view::picture::colours::GROUND;
use crate::view::ramp::CATEGORICAL;
use crate::view::{Category, LayerInfo, Rgba, Viewport, WaferPlane};
use crate::workload::OpId;

/// How much of a kind's colour a placed kernel shows over the ground.
const PLACED_STRENGTH: f32 = 0.34;
/// The same for what is in hand.
const GHOST_STRENGTH: f32 = 0.42;
/// Farthest that a refused kernel shakes to a side, in points.
const SHAKE_POINTS: f32 = 5.0;

/// What it all is drawn on.
pub(super) struct Stage<'a> {
    pub scene: &'a Scene,
    pub view: &'a Viewport,
    pub plane: &'a WaferPlane,
    /// The map on the screen.
    pub area: egui::Rect,
}

/// What is kept between frames.
#[derive(Default)]
pub(super) struct GhostState {
    /// When a drop was last refused.
    refused: Option<Instant>,
    /// The class of the kernel on every core, and what it was made from.
    values: Vec<u8>,
    placed: Vec<(OpId, Rect)>,
    revision: u64,
}

/// The colour of a kind of operator, the same as on the kernel layer.
pub(super) fn class_colour(class: OpClass) -> Color32 {
    theme::data_colour(CATEGORICAL[class as usize % CATEGORICAL.len()])
}

/// The layer of what is placed: kinds of operators, quiet, on the ground of the map.
pub(super) fn placed_layer() -> LayerInfo {
    let categories = OpClass::ALL.map(|class| {
        let strength = if class == OpClass::None { 0.0 } else { PLACED_STRENGTH };
        let own = CATEGORICAL[class as usize % CATEGORICAL.len()];
        let channel = |at: usize| {
            let (ground, own) = (f32::from(GROUND[at]), f32::from(own[at]));
            (ground + (own - ground) * strength).round() as u8
        };
        let colour: Rgba = [channel(0), channel(1), channel(2), 255];
        Category { name: class.words().to_owned(), colour }
    });
    LayerInfo::categorical("Placed kernels", categories.to_vec())
}

impl GhostState {
    /// One value per core for [`placed_layer`], and how often they have changed.
    pub(super) fn placed(&mut self, draft: &Draft, scene: &Scene) -> (&[u8], u64) {
        let cores = scene.device.fabric_cores() as usize;
        if self.values.len() != cores || self.placed != draft.placed {
            self.values.clear();
            self.values.resize(cores, OpClass::None as u8);
            let columns = scene.device.fabric_columns.value as usize;
            for (op, rect) in &draft.placed {
                let class = OpClass::of(&scene.graph, op.0 as usize) as u8;
                // What a file pinned beyond the wafer has no cores there.
                let right = (rect.right() as usize).min(columns);
                let rows = self.values.chunks_exact_mut(columns).skip(rect.y as usize).take(rect.height as usize);
                for row in rows {
                    row[(rect.x as usize).min(right)..right].fill(class);
                }
            }
            self.placed.clone_from(&draft.placed);
            self.revision += 1;
        }
        (&self.values, self.revision)
    }

    /// What a click on `core` asks for: drop what is in hand, or take up what lies there.
    pub(super) fn click(&mut self, draft: &Draft, scene: &Scene, core: Core) -> Option<Action> {
        if draft.hand.is_none() {
            return pickable(draft, scene, core).map(|(op, _)| Action::Place(PlaceAction::Pick(op)));
        }
        let corner = map::ghost_corner(draft, core, scene)?;
        if draft.judge(scene, corner)?.violations.is_empty() {
            return Some(Action::Place(PlaceAction::Drop(corner)));
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
}

/// The kernel that a hand without one would take up at `core`: one that is placed, or where the compiler had one.
fn pickable(draft: &Draft, scene: &Scene, core: Core) -> Option<(OpId, Rect)> {
    let placed = draft.placed.iter().copied().find(|(_, rect)| rect.contains(core));
    placed.or_else(|| waiting(draft, scene).find(|(_, rect)| rect.contains(core)))
}

/// Kernels without a place, where the compiler had them.
fn waiting<'a>(draft: &'a Draft, scene: &'a Scene) -> impl Iterator<Item = (OpId, Rect)> + 'a {
    let kernels = scene.program.kernels.iter();
    let compiled = kernels.map(|kernel| (kernel.op, scene.program.regions[kernel.regions.start as usize].rect));
    compiled.filter(|(op, _)| draft.rect_of(*op).is_none())
}

/// Draws what is in hand at the pointer, its ties, and whether it may be dropped.
pub(super) fn show(ui: &Ui, stage: &Stage<'_>, draft: &Draft, hover: Option<Core>, state: &mut GhostState) {
    let palette = theme::palette(ui);
    let painter = ui.painter().with_clip_rect(stage.area);
    let scene = stage.scene;
    let held = draft.hand.map(|hand| hand.op);
    for (op, rect) in waiting(draft, scene).filter(|(op, _)| Some(*op) != held) {
        let colour = class_colour(OpClass::of(&scene.graph, op.0 as usize)).gamma_multiply(0.6);
        dashed(&painter, stage.screen(rect), Stroke::new(1.0, colour));
    }
    let Some(hand) = draft.hand else {
        let Some((op, rect)) = hover.and_then(|core| pickable(draft, scene, core)) else { return };
        let edge = Stroke::new(theme::tokens().stroke.ghost, palette.accent.base);
        painter.rect_stroke(stage.screen(rect), 0.0, edge, StrokeKind::Inside);
        let word = format!("Take {}, {}×{}", resident::label_of(&scene.graph, op), rect.width, rect.height);
        chip_at_pointer(ui, stage, 0.0, Chip { tone: Tone::Info, icon: Icon::Pointer, word: &word });
        ui.ctx().set_cursor_icon(CursorIcon::Grab);
        return;
    };
    if let Some(rect) = hand.from.or_else(|| placing::compiled(scene, hand.op)) {
        dashed(&painter, stage.screen(rect), Stroke::new(1.5, palette.accent.base));
    }
    let corner = hover.and_then(|core| map::ghost_corner(draft, core, scene));
    let Some(judgement) = corner.and_then(|corner| draft.judge(scene, corner)) else { return };
    let shake = vec2(state.shake(ui), 0.0);
    body(&painter, stage, hand.op, &judgement, shake);
    ties(&painter, stage, draft, hand.op, judgement.rect);
    reasons(ui, stage, draft, hand.op, &judgement);
}

impl Stage<'_> {
    /// Where a rectangle of cores lies on the screen.
    fn screen(&self, rect: Rect) -> egui::Rect {
        let corner = |x: u32, y: u32| {
            let at = self.view.ui_from_cell(self.plane, [f64::from(x), f64::from(y)]);
            pos2(at[0].round() as f32, at[1].round() as f32)
        };
        egui::Rect::from_min_max(corner(rect.x, rect.y), corner(rect.right(), rect.bottom()))
    }
}

fn dashed(painter: &Painter, rect: egui::Rect, stroke: Stroke) {
    // Only sides in view, so that a huge rectangle close up is not made of a million dashes.
    let shown = rect.intersect(painter.clip_rect().expand(16.0));
    if !shown.is_positive() {
        return;
    }
    let inner = shown.shrink(0.5);
    let points = [inner.left_top(), inner.right_top(), inner.right_bottom(), inner.left_bottom(), inner.left_top()];
    painter.extend(Shape::dashed_line(&points, stroke, 5.0, 4.0));
}

/// The kernel itself: translucent, its clashing cells hatched, its name inside if there is room.
fn body(painter: &Painter, stage: &Stage<'_>, op: OpId, judgement: &Judgement, shake: egui::Vec2) {
    let palette = theme::palette_of(&painter.ctx().global_style().visuals);
    let widths = &theme::tokens().stroke;
    let rect = stage.screen(judgement.rect).translate(shake);
    let legal = judgement.violations.is_empty();
    let graph = &stage.scene.graph;
    painter.rect_filled(rect, 0.0, class_colour(OpClass::of(graph, op.0 as usize)).gamma_multiply(GHOST_STRENGTH));
    let red = palette.semantic.error;
    for clash in &judgement.clashes {
        let part = stage.screen(*clash).translate(shake).intersect(painter.clip_rect());
        if part.width() >= 4.0 && part.height() >= 4.0 {
            painter.rect_filled(part, 0.0, red.gamma_multiply(0.16));
            widgets::hatch(painter, part, Stroke::new(1.5, red));
        } else if part.is_positive() {
            painter.rect_filled(part.expand(0.5), 0.0, red);
        }
    }
    let edge = if legal { palette.accent.base } else { red };
    let casing = Stroke::new(widths.ghost_casing, palette.map.kernel_casing);
    painter.rect_stroke(rect, 0.0, casing, StrokeKind::Middle);
    painter.rect_stroke(rect, 0.0, Stroke::new(widths.ghost, edge), StrokeKind::Middle);
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

/// Lines to the placed neighbours in the flow, with their hops.
fn ties(painter: &Painter, stage: &Stage<'_>, draft: &Draft, op: OpId, rect: Rect) {
    let palette = theme::palette_of(&painter.ctx().global_style().visuals);
    for neighbour in draft.neighbours(stage.scene, op, rect) {
        let (own, other) = (stage.screen(rect).center(), stage.screen(neighbour.rect).center());
        let (from, to) = if neighbour.end == End::Source { (other, own) } else { (own, other) };
        // Streams run along columns and rows.
        let bend = pos2(to.x, from.y);
        for (width, colour) in [(4.0, palette.map.kernel_casing), (1.5, palette.map.label_text)] {
            painter.add(Shape::line(vec![from, bend, to], Stroke::new(width, colour)));
        }
        arrow_head(painter, bend, to, palette.map.label_text);
        painter.circle_filled(from, 3.0, palette.map.label_text);
    }
}

fn arrow_head(painter: &Painter, from: Pos2, to: Pos2, colour: Color32) {
    let along = (to - from).normalized();
    let across = along.rot90();
    let base = to - along * 8.0;
    let tip = vec![to, base + across * 4.0, base - across * 4.0];
    painter.add(Shape::convex_polygon(tip, colour, Stroke::NONE));
}

/// One line at the pointer: what is wrong, worst first, or what it would cost.
fn reasons(ui: &Ui, stage: &Stage<'_>, draft: &Draft, op: OpId, judgement: &Judgement) {
    let Some(worst) = judgement.violations.first() else {
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        let hops = draft.neighbours(stage.scene, op, judgement.rect).into_iter().map(|neighbour| {
            let name = &stage.scene.graph.op(neighbour.op).name;
            let side = if neighbour.end == End::Source { "from" } else { "to" };
            format!("{} hops {side} {name}", format::grouped(u64::from(neighbour.hops)))
        });
        let cycles = format!("{} a sequence", format::cycles(judgement.cycles.0));
        let words = std::iter::once(cycles).chain(hops).collect::<Vec<_>>().join(", ");
        return chip_at_pointer(ui, stage, 0.0, Chip { tone: Tone::Info, icon: Icon::Check, word: &words });
    };
    ui.ctx().set_cursor_icon(CursorIcon::NotAllowed);
    let word = worst.to_string();
    chip_at_pointer(ui, stage, 0.0, Chip { tone: Tone::Error, icon: Icon::Forbidden, word: &word });
    if let Some(second) = judgement.violations.get(1) {
        let word = format!("also {second}");
        chip_at_pointer(ui, stage, 28.0, Chip { tone: Tone::Warn, icon: Icon::Warning, word: &word });
    }
}

/// Paints a chip beside the pointer, inside the map; `below` moves it down.
fn chip_at_pointer(ui: &Ui, stage: &Stage<'_>, below: f32, chip: Chip<'_>) {
    let Some(pointer) = ui.input(|input| input.pointer.hover_pos()) else { return };
    let painter = ui.painter().with_clip_rect(stage.area);
    let width = text::width(&painter, chip.word, Type::Body) + 40.0;
    let beside = pointer + vec2(16.0, 16.0);
    let x = beside.x.min(stage.area.right() - 8.0 - width).max(stage.area.left() + 8.0);
    let y = beside.y.min(stage.area.bottom() - 60.0) + below;
    widgets::reason_chip(&painter, theme::palette(ui), pos2(x, y), Align2::LEFT_TOP, chip);
}

/// Which colour is which kind, at the bottom right of the map.
pub(super) fn legend(ui: &Ui, stage: &Stage<'_>) {
    let width = theme::tokens().layout.gutter;
    if stage.area.width() < 2.0 * width {
        return;
    }
    let palette = theme::palette(ui);
    let painter = ui.painter().with_clip_rect(stage.area);
    let row = theme::tokens().spacing.row_height_compact;
    let kinds = OpClass::ALL.into_iter().filter(|&class| class != OpClass::None);
    let height = 36.0 + row * kinds.clone().count() as f32 + 8.0;
    let corner = stage.area.right_bottom() - vec2(12.0, 12.0);
    let card = egui::Rect::from_min_max(corner - vec2(width, height), corner);
    let edge = Stroke::new(1.0, palette.line.control);
    painter.rect(card, theme::tokens().radius.card, palette.surface.raised, edge, StrokeKind::Inside);
    let left = card.left() + 12.0;
    let title = ("Kinds of kernels", Type::Title, palette.text.primary);
    text::paint(&painter, pos2(left, card.top() + 20.0), Align2::LEFT_CENTER, title);
    for (index, class) in kinds.enumerate() {
        let middle = card.top() + 36.0 + row * (index as f32 + 0.5);
        let swatch = egui::Rect::from_center_size(pos2(left + 4.0, middle), vec2(8.0, 8.0));
        painter.rect_filled(swatch, 0.0, class_colour(class));
        let words = (class.words(), Type::Body, palette.text.secondary);
        text::paint(&painter, pos2(left + 16.0, middle), Align2::LEFT_CENTER, words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Document, Session, library};
    use crate::sim::thread::Waker;

    #[test]
    fn a_click_drops_picks_up_or_shakes() {
        let shipped = library::ALL.iter().find(|shipped| shipped.name == "tiny-resident").unwrap();
        let scenario = shipped.scenario();
        let scene = scenario.prepare().unwrap().compile();
        let mut session = Session::new(Some(Document::unsaved(scenario)), Waker::new(|| {}));
        while session.scene().is_none() {
            session.update(std::time::Duration::ZERO);
        }
        let mut state = GhostState::default();
        let mut apply = |action| session.apply(Action::Place(action));
        let op = |name| scene.graph.find(Some(0), name).unwrap();
        let (up, down) = (op("mlp.up"), op("mlp.down"));
        apply(PlaceAction::Begin);
        apply(PlaceAction::Pick(up));
        let pointer = Core { x: 300, y: 500 };
        let draft = session.draft.clone().unwrap();
        let Some(Action::Place(PlaceAction::Drop(corner))) = state.click(&draft, &scene, pointer) else {
            panic!("an empty wafer takes every kernel")
        };
        session.apply(Action::Place(PlaceAction::Drop(corner)));
        let draft = session.draft.clone().unwrap();
        let rect = draft.rect_of(up).unwrap();
        assert!(rect.centre().x.abs_diff(pointer.x) <= 1 && rect.centre().y.abs_diff(pointer.y) <= 1);

        let (values, revision) = state.placed(&draft, &scene);
        let painted: u64 = values.iter().map(|&value| u64::from(value == OpClass::MlpUp as u8)).sum();
        assert_eq!(painted, rect.cores(), "true size");
        assert_eq!(state.placed(&draft, &scene).1, revision, "the same draft is not painted twice");

        assert_eq!(state.click(&draft, &scene, pointer), Some(Action::Place(PlaceAction::Pick(up))));
        let outline = placing::compiled(&scene, down).unwrap();
        assert_eq!(state.click(&draft, &scene, outline.centre()), Some(Action::Place(PlaceAction::Pick(down))));

        session.apply(Action::Place(PlaceAction::Pick(down)));
        let draft = session.draft.clone().unwrap();
        assert_eq!(state.click(&draft, &scene, pointer), None);
        assert!(state.refused.is_some(), "a refused drop shakes");
    }
}
