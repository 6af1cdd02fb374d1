//! What lies on and around the data: the wafer's outline, dies, kernels, dead cores, halos, notes, the scale.

use egui::{Align2, Color32, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, pos2, vec2};

use super::{MapScene, painter::hairline};
use crate::ui::theme::{self, Palette, Type};
use crate::ui::widgets::{ScaleBar, leader_note, text};
use crate::view::Core;
use crate::view::{Level, Viewport};

/// Width of the rim around the fabric, in points.
const RIM: f32 = 6.0;
/// Size of the mark where data enter, in points.
const PORT: egui::Vec2 = vec2(3.0, 12.0);
/// How much of each corner of the rim is cut off, in points: as much as hides no core of the fabric.
const CORNER: f32 = 2.0 * RIM - 1.0;
/// The smallest side of a mark, in points.
const MARK_MIN: f32 = 5.0;

/// The map's area on the screen.
pub(super) fn area(view: &Viewport) -> Rect {
    Rect::from_min_size(
        pos2(view.origin[0] as f32, view.origin[1] as f32),
        vec2(view.size[0] as f32, view.size[1] as f32),
    )
}

fn point(view: &Viewport, scene: &MapScene<'_>, x: f64, y: f64) -> Pos2 {
    let ui = view.ui_from_cell(&scene.plane, [x, y]);
    pos2(ui[0] as f32, ui[1] as f32)
}

/// Where a rectangle of cores lies on the screen, on whole pixels.
fn on_screen(painter: &Painter, view: &Viewport, scene: &MapScene<'_>, [x0, y0, x1, y1]: [u32; 4]) -> Rect {
    let corner = |x: u32, y: u32| {
        let at = point(view, scene, f64::from(x), f64::from(y));
        let scale = painter.pixels_per_point();
        pos2((at.x * scale).round() / scale, (at.y * scale).round() / scale)
    };
    Rect::from_min_max(corner(x0, y0), corner(x1, y1))
}

fn fabric(painter: &Painter, view: &Viewport, scene: &MapScene<'_>) -> Rect {
    on_screen(painter, view, scene, [0, 0, scene.plane.columns, scene.plane.rows])
}

fn octagon(rect: Rect, cut: f32) -> Vec<Pos2> {
    let Rect { min, max } = rect;
    vec![
        pos2(min.x + cut, min.y),
        pos2(max.x - cut, min.y),
        pos2(max.x, min.y + cut),
        pos2(max.x, max.y - cut),
        pos2(max.x - cut, max.y),
        pos2(min.x + cut, max.y),
        pos2(min.x, max.y - cut),
        pos2(min.x, min.y + cut),
    ]
}

/// The wafer's body: a square with its corners cut off, as the round wafer leaves it.
pub(super) fn wafer(painter: &Painter, palette: &Palette, view: &Viewport, scene: &MapScene<'_>) {
    let rect = fabric(painter, view, scene).expand(RIM);
    // Far inside the wafer its rim lies outside the screen, beyond what a mesh of `f32` draws well.
    if area(view).expand(2.0).contains_rect(rect) || !rect.shrink(RIM).contains_rect(area(view)) {
        let edge = Stroke::new(1.0, palette.map.wafer_edge);
        painter.add(Shape::convex_polygon(octagon(rect, CORNER), palette.map.wafer_rim, edge));
    }
    for &row in scene.ports {
        let at = point(view, scene, 0.0, f64::from(row) + 0.5) - vec2(RIM, 0.0);
        painter.rect_filled(Rect::from_center_size(at, PORT), 0.0, palette.line.strong);
    }
}

/// Lines between dies; their numbers beside the wafer, or their names in the picture once they fill it.
pub(super) fn dies(painter: &Painter, palette: &Palette, view: &Viewport, scene: &MapScene<'_>) {
    let fabric = fabric(painter, view, scene);
    let shown = fabric.intersect(area(view));
    let stroke = Stroke::new(hairline(), palette.map.die_line);
    let level = view.level(&scene.plane);
    let x_of = |x: u32| painter.round_to_pixel_center(point(view, scene, f64::from(x), 0.0).x);
    let y_of = |y: u32| painter.round_to_pixel_center(point(view, scene, 0.0, f64::from(y)).y);
    let dashed = |line: [Pos2; 2]| Shape::dashed_line(&line, Stroke::new(1.5, palette.map.kernel_line), 5.0, 4.0);
    for &x in scene.die_columns {
        let line = [pos2(x_of(x), shown.top()), pos2(x_of(x), shown.bottom())];
        if level >= Level::Region {
            painter.extend(dashed(line));
        } else {
            painter.line_segment(line, stroke);
        }
    }
    for &y in scene.die_rows {
        let line = [pos2(shown.left(), y_of(y)), pos2(shown.right(), y_of(y))];
        if level >= Level::Region {
            painter.extend(dashed(line));
        } else {
            painter.line_segment(line, stroke);
        }
    }
    if level == Level::Wafer {
        die_numbers(painter, palette, view, scene, fabric);
    } else {
        die_names(painter, palette, view, scene);
    }
}

/// The dies along one axis as ranges of cores.
fn spans(starts: &[u32], end: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
    let firsts = std::iter::once(0).chain(starts.iter().copied());
    firsts.zip(starts.iter().copied().chain(std::iter::once(end)))
}

fn die_numbers(painter: &Painter, palette: &Palette, view: &Viewport, scene: &MapScene<'_>, fabric: Rect) {
    let number = |at: Pos2, align, index: usize| {
        text::paint(painter, at, align, (&index.to_string(), Type::MonoSmall, palette.text.tertiary));
    };
    for (index, (first, end)) in spans(scene.die_columns, scene.plane.columns).enumerate() {
        let x = point(view, scene, f64::from(first + end) / 2.0, 0.0).x;
        number(pos2(x.round(), fabric.top() - RIM - 4.0), Align2::CENTER_BOTTOM, index);
    }
    for (index, (first, end)) in spans(scene.die_rows, scene.plane.rows).enumerate() {
        let y = point(view, scene, 0.0, f64::from(first + end) / 2.0).y;
        number(pos2(fabric.left() - RIM - 6.0, y.round()), Align2::RIGHT_CENTER, index);
    }
}

/// `die 6, 4` at the top left of what is seen of each die.
fn die_names(painter: &Painter, palette: &Palette, view: &Viewport, scene: &MapScene<'_>) {
    for (column, (x0, x1)) in spans(scene.die_columns, scene.plane.columns).enumerate() {
        for (row, (y0, y1)) in spans(scene.die_rows, scene.plane.rows).enumerate() {
            let die = on_screen(painter, view, scene, [x0, y0, x1, y1]).intersect(area(view));
            if die.width() > 88.0 && die.height() > 60.0 {
                let name = format!("die {column}, {row}");
                label_chip(painter, palette, die.right_top() + vec2(-5.0, 5.0), Align2::RIGHT_TOP, &name, 80.0);
            }
        }
    }
}

/// Words on the map in a dark chip, never wider than `width`; nothing if not even a few letters fit.
pub(super) fn label_chip(painter: &Painter, palette: &Palette, at: Pos2, align: Align2, name: &str, width: f32) {
    const PADDING: f32 = 5.0;
    let run = (name, Type::BodyStrong, palette.map.label_text);
    let (galley, lost) = text::elided(painter, run, width - 2.0 * PADDING);
    if lost && galley.text().chars().count() < 4 {
        return;
    }
    let size = vec2((galley.size().x + 2.0 * PADDING).ceil(), 18.0);
    let rect = align.anchor_size(at, size);
    painter.rect_filled(rect, theme::tokens().radius.tick, palette.map.label_fill);
    let words = pos2(rect.left() + PADDING, rect.center().y - galley.size().y / 2.0);
    painter.galley(words, galley, palette.map.label_text);
}

/// Outlines of kernels: a dark casing under a light line.
pub(super) fn kernels(painter: &Painter, palette: &Palette, view: &Viewport, scene: &MapScene<'_>) {
    let widths = &theme::tokens().stroke;
    let visible = area(view).expand(8.0);
    for kernel in scene.kernels {
        let rect = &kernel.rect;
        let whole = on_screen(painter, view, scene, [rect.x, rect.y, rect.right(), rect.bottom()]);
        let shown = whole.intersect(visible);
        if !shown.is_positive() || whole.width() < 3.0 || whole.height() < 3.0 {
            continue;
        }
        let line = if kernel.running { palette.map.label_text } else { palette.map.kernel_line };
        // The casing lies around the line, which itself lies just inside the kernel: neighbours do not cover each other.
        let casing = Stroke::new(widths.kernel_casing, palette.map.kernel_casing);
        painter.rect_stroke(shown.shrink(0.5), 0.0, casing, StrokeKind::Middle);
        painter.rect_stroke(shown, 0.0, Stroke::new(widths.kernel, line), StrokeKind::Inside);
    }
}

/// Names of kernels where there is room, at the top left of what is seen of each.
pub(super) fn kernel_names(painter: &Painter, palette: &Palette, view: &Viewport, scene: &MapScene<'_>) {
    for kernel in scene.kernels {
        let rect = &kernel.rect;
        let seen = on_screen(painter, view, scene, [rect.x, rect.y, rect.right(), rect.bottom()]).intersect(area(view));
        // A name that does not fit says nothing.
        let fits = text::width(painter, kernel.name, Type::BodyStrong) + 22.0 <= seen.width();
        if seen.height() >= 26.0 && fits {
            let at = seen.min + vec2(5.0, 5.0);
            label_chip(painter, palette, at, Align2::LEFT_TOP, kernel.name, seen.width() - 10.0);
        }
    }
}

/// Dead cores: grey with a black cross, never smaller than a mark.
pub(super) fn defects(painter: &Painter, palette: &Palette, view: &Viewport, scene: &MapScene<'_>) {
    let visible = area(view);
    for core in scene.dead {
        let cell = on_screen(painter, view, scene, [core.x, core.y, core.x + 1, core.y + 1]);
        if !visible.expand(MARK_MIN).intersects(cell) {
            continue;
        }
        if cell.height() < 8.0 {
            let centre = cell.center().floor() + vec2(0.5, 0.5);
            let size = vec2(MARK_MIN.max(cell.width().round()), MARK_MIN.max(cell.height().round()));
            let mark = Rect::from_center_size(centre, size);
            painter.rect_filled(mark, 0.0, Color32::BLACK);
            painter.rect_filled(mark.shrink(1.0), 0.0, palette.map.defect);
        } else {
            let body = cell.shrink((cell.height() / 12.0).round().max(1.0));
            painter.rect_filled(body, 0.0, palette.map.defect);
            let arm = body.height() * 0.3;
            let stroke = Stroke::new((cell.height() / 16.0).clamp(1.0, 3.0), Color32::BLACK);
            let cross = vec2(arm * body.aspect_ratio().min(1.4), arm);
            painter.line_segment([body.center() - cross, body.center() + cross], stroke);
            let cross = vec2(cross.x, -cross.y);
            painter.line_segment([body.center() - cross, body.center() + cross], stroke);
        }
    }
}

/// Rings around the hovered and the selected core: black outside, white inside, so that they show on every colour.
pub(super) fn halos(painter: &Painter, view: &Viewport, scene: &MapScene<'_>) {
    let widths = &theme::tokens().stroke;
    let ring = |core: Core, outer: f32, inner: f32, least: f32| {
        let cell = on_screen(painter, view, scene, [core.x, core.y, core.x + 1, core.y + 1]);
        let grow = vec2((least - cell.width()).max(0.0), (least - cell.height()).max(0.0)) / 2.0;
        let middle = cell.expand2(grow.ceil());
        painter.rect_stroke(middle, 0.0, Stroke::new(outer, Color32::BLACK), StrokeKind::Middle);
        painter.rect_stroke(middle, 0.0, Stroke::new(inner, Color32::WHITE), StrokeKind::Middle);
    };
    if let Some(core) = scene.hover.filter(|&core| Some(core) != scene.selection) {
        ring(core, 3.0, 1.0, 6.0);
    }
    if let Some(core) = scene.selection {
        ring(core, widths.halo_outer, widths.halo_inner, 11.0);
    }
}

/// Notes in the gutter at the right of the wafer; those that would overlap an earlier one are left out.
pub(super) fn notes(painter: &Painter, palette: &Palette, view: &Viewport, scene: &MapScene<'_>) {
    let edge = fabric(painter, view, scene).right() + RIM;
    let right = edge + 18.0;
    let mut taken: Vec<Rect> = Vec::new();
    for note in scene.notes {
        let core = point(view, scene, f64::from(note.core.x) + 0.5, f64::from(note.core.y) + 0.5);
        let start = if scene.selection == Some(note.core) { core + vec2(9.0, 0.0) } else { core };
        let room = Rect::from_min_max(pos2(right, core.y - 12.0), pos2(right + 8.0, core.y + 28.0));
        if taken.iter().any(|rect| rect.intersects(room)) {
            continue;
        }
        leader_note(painter, palette, [start.x, edge, right], core.y, (note.title, note.text));
        taken.push(room);
    }
}

/// The longest scale bar, in points.
const SCALE_BAR_MAX: f64 = 96.0;

/// The scale: under the wafer while it is wholly in view, else in a box at the lower left.
pub(super) fn scale_bar(painter: &Painter, palette: &Palette, view: &Viewport, scene: &MapScene<'_>) {
    let core = view.core_points(&scene.plane)[0];
    let bar = ScaleBar::fitting(core, scene.plane.pitch_mm()[0], SCALE_BAR_MAX);
    if bar.points > 2.0 * SCALE_BAR_MAX {
        // One core is wider than any bar: it is its own scale.
        return;
    }
    let area = area(view);
    if view.shows_all(&scene.plane) {
        let fabric = fabric(painter, view, scene);
        bar.paint(painter, palette, pos2(fabric.left(), (fabric.bottom() + RIM + 10.0).round()));
        return;
    }
    let width = 12.0 + bar.points as f32 + 8.0 + text::width(painter, &bar.words(), Type::Body) + 12.0;
    let height = 28.0;
    let rect = Rect::from_min_size(area.left_bottom() + vec2(12.0, -12.0 - height), vec2(width.ceil(), height));
    let edge = Stroke::new(1.0, palette.line.control);
    painter.rect(rect, theme::tokens().radius.card, palette.surface.raised, edge, StrokeKind::Inside);
    bar.paint(painter, palette, pos2(rect.left() + 12.0, rect.center().y));
}
