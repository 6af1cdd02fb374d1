//! Streams on the map: the way of each through the routers, its colour as a chip half-way, an arrow where it is read.
//!
//! Which streams are shown is the caller's business; streams of one kernel to several readers share one tree.

use egui::{Align2, Color32, Painter, Pos2, Rect, Shape, Stroke, pos2, vec2};

use super::place::Stage;
use crate::compiler::{KernelId, Program, Route};
use crate::hardware::Core;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::text;

/// Widest and narrowest stream, in points.
const POINTS: [f32; 2] = [1.5, 6.0];

/// The streams that a kernel of `wafer` reads or makes, as far as they run on that wafer.
pub(super) fn of_kernel(program: &Program, wafer: u32, kernel: KernelId) -> Vec<&Route> {
    let own = |route: &&Route| (route.from == kernel || route.to == kernel) && runs_on(program, route, wafer);
    program.routes.iter().filter(own).collect()
}

/// Whether the way of a stream is one of `wafer`: it is on the wafer of its maker.
pub(super) fn runs_on(program: &Program, route: &Route, wafer: u32) -> bool {
    program.regions[program.kernel(route.from).regions.start as usize].wafer == wafer
}

/// The width of a stream on the screen beside the largest one, in points.
pub(super) fn width(bytes: u64, largest: u64) -> f32 {
    POINTS[0] + (POINTS[1] - POINTS[0]) * (bytes as f32 / largest.max(1) as f32).min(1.0)
}

/// Draws the ways of `routes`, those of one tree once: casings first, so that no way cuts another's line.
pub(super) fn paint(painter: &Painter, stage: &Stage<'_>, routes: &[&Route]) {
    let palette = theme::palette_of(&painter.ctx().global_style().visuals);
    let largest = stage.scene.program.routes.iter().map(|route| route.bytes.0).max().unwrap_or(1);
    let mut trees: Vec<&Route> = Vec::new();
    for route in routes.iter().filter(|route| !route.path.is_empty()) {
        if !trees.iter().any(|tree| tree.from == route.from && tree.path == route.path) {
            trees.push(route);
        }
    }
    for (extra, colour) in [(2.5, palette.map.kernel_casing), (0.0, palette.map.label_text)] {
        for tree in &trees {
            let stroke = Stroke::new(width(tree.bytes.0, largest) + extra, colour);
            for (from, to) in &tree.path {
                painter.line_segment([middle(stage, *from), middle(stage, *to)], stroke);
            }
        }
    }
    let mut taken: Vec<Rect> = Vec::new();
    for tree in &trees {
        let own = width(tree.bytes.0, largest);
        for (from, to) in &tree.path {
            // A run that no other goes on from ends at a reader.
            if !tree.path.iter().any(|(start, _)| start == to) {
                arrow_head(painter, middle(stage, *from), middle(stage, *to), own, palette.map.label_text);
            }
        }
        if let Some((start, _)) = tree.path.first() {
            painter.circle_filled(middle(stage, *start), 1.5 + own, palette.map.label_text);
        }
        taken.extend(chip(painter, stage, tree, &taken));
    }
}

/// The number of the colour on the longest run, unless another chip is there.
fn chip(painter: &Painter, stage: &Stage<'_>, tree: &Route, taken: &[Rect]) -> Option<Rect> {
    let palette = theme::palette_of(&painter.ctx().global_style().visuals);
    let colour = tree.colour?;
    let longest = tree.path.iter().max_by_key(|(from, to)| from.x.abs_diff(to.x) + from.y.abs_diff(to.y))?;
    let (from, to) = (middle(stage, longest.0), middle(stage, longest.1));
    let name = format!("colour {colour}");
    let room = |words: &str| text::width(painter, words, Type::MonoSmall) + 10.0;
    let words = if from.distance(to) >= 2.0 * room(&name) { name } else { colour.to_string() };
    let rect = Rect::from_center_size(from + (to - from) / 2.0, vec2(room(&words), 18.0));
    if taken.iter().any(|other| other.intersects(rect)) || !painter.clip_rect().intersects(rect) {
        return None;
    }
    let edge = Stroke::new(1.0, palette.map.label_text);
    painter.rect(rect, theme::tokens().radius.tick, palette.surface.map, edge, egui::StrokeKind::Inside);
    let run = (words.as_str(), Type::MonoSmall, palette.map.label_text);
    text::paint(painter, rect.center(), Align2::CENTER_CENTER, run);
    Some(rect)
}

fn middle(stage: &Stage<'_>, core: Core) -> Pos2 {
    let at = stage.view.ui_from_cell(stage.plane, [f64::from(core.x) + 0.5, f64::from(core.y) + 0.5]);
    pos2(at[0] as f32, at[1] as f32)
}

/// The point of an arrow, none on a line without length.
pub(super) fn arrow_head(painter: &Painter, from: Pos2, to: Pos2, width: f32, colour: Color32) {
    if from.distance(to) < 1.0 {
        return;
    }
    let along = (to - from).normalized();
    let across = along.rot90();
    let base = to - along * (7.0 + width);
    let tip = vec![to, base + across * (3.0 + width), base - across * (3.0 + width)];
    painter.add(Shape::convex_polygon(tip, colour, Stroke::NONE));
}
