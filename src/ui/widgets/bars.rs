//! Bars: parts of a whole, progress, and the scale of the map.

use egui::{Align2, Color32, Painter, Pos2, Rect, Response, Role, Sense, Stroke, Ui, pos2};

use super::{describe, take_row, text};
use crate::ui::theme::{self, Palette, Type};

/// One part of a stacked bar.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    pub name: &'a str,
    /// Share of the whole, 0 to 1.
    pub share: f32,
    /// The same in words, without the unit.
    pub value: &'a str,
    pub colour: Color32,
}

/// Draws parts of a whole with 1-point gaps on an empty track. Parts beyond the whole are not drawn wider than it: the
/// rest of the bar is hatched in the colour of overflow.
pub fn stacked_bar(ui: &mut Ui, label: &str, segments: &[Segment<'_>]) -> Response {
    let (row, response) = take_row(ui, 20.0, Sense::hover());
    let palette = theme::palette(ui);
    let rect =
        Rect::from_min_max(pos2(row.left() + 12.0, row.top() + 4.0), pos2(row.right() - 12.0, row.bottom() - 4.0));
    let painter = ui.painter();
    painter.rect_filled(rect, 0.0, palette.surface.hover);
    let total: f32 = segments.iter().map(|segment| segment.share.max(0.0)).sum();
    let mut x = rect.left();
    for segment in segments {
        let width = rect.width() * segment.share.max(0.0) / total.max(1.0);
        if width >= 0.5 {
            let part = Rect::from_min_max(pos2(x, rect.top()), pos2((x + width - 1.0).max(x + 0.5), rect.bottom()));
            painter.rect_filled(part, 0.0, segment.colour);
        }
        x += width;
    }
    if total > 1.0 + 1e-6 {
        let over = Rect::from_min_max(pos2(rect.left() + rect.width() / total, rect.top()), rect.max);
        hatch(painter, over, Stroke::new(1.5, palette.map.overflow));
    }
    let parts: Vec<String> = segments.iter().map(|segment| format!("{} {}", segment.name, segment.value)).collect();
    describe(&response, Role::Meter, &format!("{label}: {}", parts.join(", ")));
    response
}

/// Short parallel strokes, 6 points apart, clipped to `rect`.
pub(in crate::ui) fn hatch(painter: &Painter, rect: Rect, stroke: Stroke) {
    let painter = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
    let mut x = rect.left() - rect.height();
    while x < rect.right() {
        painter.line_segment([pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())], stroke);
        x += 6.0;
    }
}

/// One row of the legend under a stacked bar: a swatch, a name, its value.
pub fn swatch_row(ui: &mut Ui, segment: &Segment<'_>) -> Response {
    let (rect, response) = take_row(ui, theme::tokens().spacing.row_height_compact, Sense::hover());
    let palette = theme::palette(ui);
    let middle = rect.center().y;
    let swatch = Rect::from_center_size(pos2(rect.left() + 16.0, middle), egui::vec2(8.0, 8.0));
    ui.painter().rect_filled(swatch, 0.0, segment.colour);
    let right = pos2(rect.right() - 12.0, middle);
    let value = (segment.value, Type::Mono, palette.text.primary);
    let value = text::paint(ui.painter(), right, Align2::RIGHT_CENTER, value);
    let at = pos2(rect.left() + 28.0, middle);
    let name = (segment.name, Type::Body, palette.text.secondary);
    text::paint_elided(ui.painter(), at, Align2::LEFT_CENTER, name, value.left() - 8.0 - at.x);
    describe(&response, Role::Label, &format!("{} {}", segment.name, segment.value));
    response
}

/// Draws a 4-point bar of progress across the panel's padding.
pub fn progress_bar(ui: &mut Ui, label: &str, share: f32) -> Response {
    let (row, response) = take_row(ui, 12.0, Sense::hover());
    let palette = theme::palette(ui);
    let rect =
        Rect::from_min_max(pos2(row.left() + 12.0, row.top() + 4.0), pos2(row.right() - 12.0, row.bottom() - 4.0));
    ui.painter().rect_filled(rect, 2.0, palette.surface.active);
    let done = rect.with_max_x(rect.left() + rect.width() * share.clamp(0.0, 1.0));
    ui.painter().rect_filled(done, 2.0, palette.accent.base);
    describe(&response, Role::ProgressIndicator, label);
    response
}

/// A round length of the map, drawn to scale.
#[derive(Clone, Debug, PartialEq)]
pub struct ScaleBar {
    pub cores: u32,
    /// Width of that many cores on the screen, in points.
    pub points: f64,
    /// Their width on the wafer, in millimetres.
    pub mm: f64,
}

impl ScaleBar {
    /// The longest of 1, 2, 5, 10, … cores that is not wider than `room` points.
    pub fn fitting(core_points: f64, core_mm: f64, room: f64) -> Self {
        let rounds = (0..7).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u32.pow(power)));
        let cores = rounds.take_while(|&cores| f64::from(cores) * core_points <= room).last().unwrap_or(1);
        Self { cores, points: f64::from(cores) * core_points, mm: f64::from(cores) * core_mm }
    }

    /// What stands beside it: `100 cores, 28 mm`.
    pub fn words(&self) -> String {
        let noun = if self.cores == 1 { "core" } else { "cores" };
        let mm = if self.mm >= 10.0 { format!("{:.0}", self.mm) } else { format!("{:.2}", self.mm) };
        format!("{} {noun}, {mm} mm", crate::units::format::grouped(u64::from(self.cores)))
    }

    /// Paints bar and words from `start`, the middle of its left end; returns their rectangle.
    pub fn paint(&self, painter: &Painter, palette: &Palette, start: Pos2) -> Rect {
        let stroke = Stroke::new(1.0, palette.text.secondary);
        let end = painter.round_to_pixel_center(start.x + self.points as f32);
        let (left, y) = (painter.round_to_pixel_center(start.x), painter.round_to_pixel_center(start.y));
        painter.hline(left..=end, y, stroke);
        painter.vline(left, y - 4.0..=y + 4.0, stroke);
        painter.vline(end, y - 4.0..=y + 4.0, stroke);
        let words = (self.words(), Type::Body, palette.text.secondary);
        let words = text::paint(painter, pos2(end + 8.0, y), Align2::LEFT_CENTER, (&words.0, words.1, words.2));
        words.union(Rect::from_min_max(pos2(left, y - 4.0), pos2(end, y + 4.0)))
    }
}
