//! The legend: what the colours mean, how a pixel was made, how often each value is in view, and the range.

use egui::{Align2, Mesh, Painter, Rect, Response, Sense, Shape, Stroke, Ui, pos2, vec2};

use super::text;
use crate::ui::icons::Icon;
use crate::ui::theme::{self, Palette, Type, data_colour};
use crate::view::ramp::link_colour;
use crate::view::{LayerInfo, Table};

/// Everything that the legend shows.
pub struct Legend<'a> {
    pub layer: &'a LayerInfo,
    /// How a pixel was made; see [`LayerInfo::pixel_note`].
    pub note: &'a str,
    /// How often each value is in view.
    pub histogram: &'a [u32; 256],
    /// The values at the two ends of the colour map.
    pub range: (u8, u8),
    /// Whether the range stays when the data change.
    pub locked: bool,
    /// The value under the pointer on the map.
    pub hover: Option<u8>,
    /// Dead cores in view.
    pub dead: usize,
    /// Explains the strips of links and the bars of SRAM that single cores show.
    pub core_parts: bool,
}

/// What the hand asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegendResponse {
    /// A new range.
    pub range: Option<(u8, u8)>,
    /// Lock or unlock the range.
    pub lock_toggled: bool,
}

/// Height of the columns of the histogram.
const COLUMNS: f32 = 40.0;
/// The most kinds that are listed; colours repeat beyond as many.
const SHOWN: usize = 8;
/// Height of the bar of colours.
const RAMP: f32 = 12.0;

impl Legend<'_> {
    /// Height of the card in points, for callers that hang it from the bottom of the map.
    pub fn height(&self) -> f32 {
        let kinds = self.layer.categories.len();
        let middle = if self.layer.is_categorical() {
            4.0 + 18.0 * kinds.min(SHOWN) as f32 + if kinds > SHOWN { 16.0 } else { 0.0 }
        } else {
            COLUMNS + RAMP + 14.0 + 20.0
        };
        let parts = if self.core_parts { 40.0 } else { 0.0 };
        // The card's padding and edge, two lines of words above, one below.
        26.0 + 32.0 + middle + parts + 24.0
    }

    /// Draws it as a card of the width of its `Ui`.
    pub fn show(&self, ui: &mut Ui) -> LegendResponse {
        let mut asked = LegendResponse::default();
        let shown = super::card(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            self.head(ui, &mut asked);
            if self.layer.is_categorical() {
                self.categories(ui);
            } else {
                self.quantity(ui, &mut asked);
            }
            if self.core_parts {
                core_parts(ui);
            }
            self.foot(ui, &mut asked);
        });
        super::cards::name_card(&shown.response, &format!("Legend, {}", self.layer.title));
        asked
    }

    fn head(&self, ui: &mut Ui, asked: &mut LegendResponse) {
        let palette = theme::palette(ui);
        let (row, _) = super::take_row(ui, 16.0, Sense::hover());
        let runs = [
            (self.layer.title.as_str(), Type::Title, palette.text.primary),
            (self.layer.unit, Type::Body, palette.text.tertiary),
        ];
        text::paint_on_baseline(ui.painter(), pos2(row.left(), row.center().y + 4.5), 5.0, &runs);
        if !self.layer.is_categorical() {
            let area = Rect::from_center_size(pos2(row.right() - 7.0, row.center().y), vec2(20.0, 20.0));
            let lock = ui.interact(area, ui.scope_id().with("lock"), Sense::click());
            let colour = if lock.hovered() { palette.text.primary } else { palette.text.secondary };
            let (icon, words) = if self.locked {
                (Icon::Lock, "Range is locked: click to fit it to every frame")
            } else {
                (Icon::Unlock, "Range follows the data: click to lock it")
            };
            icon.paint_at(ui.painter(), area.center(), 14.0, colour);
            super::describe_selected(&lock, egui::Role::CheckBox, self.locked, "Lock the range");
            super::focus_ring(ui, &lock, 4.0);
            asked.lock_toggled = lock.clicked();
            lock.on_hover_text(words);
        }
        let (row, _) = super::take_row(ui, 16.0, Sense::hover());
        let note = (self.note, Type::Caption, palette.text.tertiary);
        text::paint_elided(ui.painter(), row.left_center(), Align2::LEFT_CENTER, note, row.width());
    }

    fn quantity(&self, ui: &mut Ui, asked: &mut LegendResponse) {
        let palette = theme::palette(ui);
        let table = self.layer.table(self.range);
        let (area, response) = super::take_row(ui, COLUMNS + RAMP + 14.0, Sense::hover());
        // The handles reach a little beyond the bar, so it stands in by half of one.
        let columns = Rect::from_min_size(pos2(area.left() + 2.0, area.top() + 4.0), vec2(area.width() - 4.0, COLUMNS));
        let bar = Rect::from_min_size(pos2(columns.left(), columns.bottom() + 1.0), vec2(columns.width(), RAMP));
        paint_histogram(ui.painter(), columns, self.histogram, &table);
        ui.painter().hline(columns.x_range(), columns.bottom() + 0.5, Stroke::new(1.0, palette.line.strong));
        paint_ramp(ui.painter(), bar, &table);
        if let Some(value) = self.hover {
            let x = ui.painter().round_to_pixel_center(x_of(bar, value));
            let tick = [pos2(x, columns.top()), pos2(x, bar.bottom())];
            ui.painter().extend(Shape::dashed_line(&tick, Stroke::new(1.0, palette.text.primary), 2.0, 2.0));
        }
        super::describe(&response, egui::Role::Image, &format!("Histogram of {}", self.layer.title));
        response.on_hover_text("Cores in view by value. Heights are square roots of the counts.");
        self.handles(ui, bar, asked);
        self.ends(ui, palette, asked);
    }

    fn handles(&self, ui: &Ui, bar: Rect, asked: &mut LegendResponse) {
        let palette = theme::palette(ui);
        let (low, high) = self.range;
        for (end, value) in [("low", low), ("high", high)] {
            let x = x_of(bar, value);
            let area = Rect::from_min_max(pos2(x - 7.0, bar.top() - 2.0), pos2(x + 7.0, bar.bottom() + 9.0));
            let handle = ui.interact(area, ui.scope_id().with(("range", end)), Sense::drag());
            let handle = handle.on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
            paint_handle(ui.painter(), palette, &handle, x, bar);
            super::describe(&handle, egui::Role::Slider, &format!("Handle of the {end} end"));
            if let Some(pointer) = handle.interact_pointer_pos().filter(|_| handle.dragged()) {
                let at = ((pointer.x - bar.left()) / bar.width() * 255.0).round().clamp(0.0, 255.0) as u8;
                asked.range = Some(if end == "low" {
                    (at.min(high.saturating_sub(1)), high)
                } else {
                    (low, at.max(low.saturating_add(1)))
                });
            }
        }
    }

    /// The two ends as numbers to type, and the mean between them.
    fn ends(&self, ui: &mut Ui, palette: &Palette, asked: &mut LegendResponse) {
        let (row, _) = super::take_row(ui, 20.0, Sense::hover());
        let (low, high) = self.range;
        let typed = |ui: &mut Ui, area: Rect, value: u8, name: &str| {
            let mut quantity = self.layer.quantity_of(f64::from(value));
            let decimals = usize::from(self.layer.unit == "KiB");
            let speed = (self.layer.high - self.layer.low) / 255.0;
            let drag = egui::DragValue::new(&mut quantity)
                .range(self.layer.low..=self.layer.high)
                .speed(speed)
                .max_decimals(decimals);
            let answer = ui.scope(|ui| {
                ui.spacing_mut().interact_size.y = row.height();
                ui.spacing_mut().button_padding = vec2(4.0, 1.0);
                ui.put(area, drag).accessible_name(name).changed()
            });
            answer.inner.then(|| self.layer.value_of(quantity))
        };
        let field = vec2(36.0, row.height());
        let left = Rect::from_min_size(row.min, field);
        let right = Rect::from_min_size(pos2(row.right() - field.x, row.top()), field);
        if let Some(value) = typed(ui, left, low, "Low end of the range") {
            asked.range = Some((value.min(high.saturating_sub(1)), high));
        }
        if let Some(value) = typed(ui, right, high, "High end of the range") {
            asked.range = Some((low, value.max(low.saturating_add(1))));
        }
        let words = match self.mean() {
            Some(mean) => format!("mean {}", self.layer.words(mean)),
            None => "no cores in view".to_owned(),
        };
        text::paint(
            ui.painter(),
            row.center(),
            Align2::CENTER_CENTER,
            (&words, Type::MonoSmall, palette.text.tertiary),
        );
    }

    fn foot(&self, ui: &mut Ui, asked: &mut LegendResponse) {
        let palette = theme::palette(ui);
        ui.add_space(4.0);
        let (row, _) = super::take_row(ui, 20.0, Sense::hover());
        let middle = row.center().y;
        Icon::Dead.paint_at(ui.painter(), pos2(row.left() + 6.0, middle), 12.0, palette.text.tertiary);
        let dead = format!("dead, {}", self.dead);
        let at = pos2(row.left() + 18.0, middle);
        text::paint(ui.painter(), at, Align2::LEFT_CENTER, (&dead, Type::Caption, palette.text.tertiary));
        if self.layer.is_categorical() {
            return;
        }
        let width = text::width(ui.painter(), "Fit", Type::Caption) + 12.0;
        let area = Rect::from_min_max(pos2(row.right() - width, row.top()), row.max);
        let fit = ui.interact(area, ui.scope_id().with("fit"), Sense::click());
        let colour = if fit.hovered() { palette.text.primary } else { palette.text.secondary };
        text::paint(ui.painter(), row.right_center(), Align2::RIGHT_CENTER, ("Fit", Type::Caption, colour));
        super::describe(&fit, egui::Role::Button, "Fit the range");
        super::focus_ring(ui, &fit, 2.0);
        if fit.clicked() {
            asked.range = self.fitted();
        }
        fit.on_hover_text("Fit the range to the cores in view");
    }

    fn categories(&self, ui: &mut Ui) {
        let palette = theme::palette(ui);
        ui.add_space(4.0);
        let total: u64 = self.histogram.iter().map(|&count| u64::from(count)).sum();
        for (category, &count) in self.layer.categories.iter().zip(self.histogram).take(SHOWN) {
            let (row, response) = super::take_row(ui, 18.0, Sense::hover());
            let swatch = Rect::from_center_size(pos2(row.left() + 4.0, row.center().y), vec2(8.0, 8.0));
            ui.painter().rect_filled(swatch, 0.0, data_colour(category.colour));
            let share = crate::units::format::percent(f64::from(count) / total.max(1) as f64);
            let value = (share.as_str(), Type::MonoSmall, palette.text.tertiary);
            let value = text::paint(ui.painter(), row.right_center(), Align2::RIGHT_CENTER, value);
            let at = pos2(row.left() + 16.0, row.center().y);
            let name = (category.name.as_str(), Type::Body, palette.text.secondary);
            text::paint_elided(ui.painter(), at, Align2::LEFT_CENTER, name, value.left() - 8.0 - at.x);
            super::describe(&response, egui::Role::Label, &format!("{} {share}", category.name));
        }
        if self.layer.categories.len() > SHOWN {
            let more = format!("and {} more", self.layer.categories.len() - SHOWN);
            text::label(ui, (&more, Type::Caption, palette.text.tertiary));
        }
    }

    fn mean(&self) -> Option<f64> {
        let total: u64 = self.histogram.iter().map(|&count| u64::from(count)).sum();
        let sum: u64 = self.histogram.iter().zip(0_u64..).map(|(&count, value)| u64::from(count) * value).sum();
        (total > 0).then(|| sum as f64 / total as f64)
    }

    /// The smallest and the largest value in view.
    fn fitted(&self) -> Option<(u8, u8)> {
        let low = self.histogram.iter().position(|&count| count > 0)? as u8;
        let high = self.histogram.iter().rposition(|&count| count > 0)? as u8;
        Some(if low == high { (low.saturating_sub(1), low.max(1)) } else { (low, high) })
    }
}

fn x_of(bar: Rect, value: u8) -> f32 {
    bar.left() + bar.width() * f32::from(value) / 255.0
}

/// A mark that points at the bar from below.
fn paint_handle(painter: &Painter, palette: &Palette, handle: &Response, x: f32, bar: Rect) {
    let colour = if handle.hovered() || handle.dragged() { palette.accent.base } else { palette.text.primary };
    let x = painter.round_to_pixel_center(x);
    painter.vline(x, bar.top() - 2.0..=bar.bottom() + 3.0, Stroke::new(3.0, palette.surface.raised));
    painter.vline(x, bar.top() - 2.0..=bar.bottom() + 3.0, Stroke::new(1.0, colour));
    let (tip, base) = (bar.bottom() + 1.0, bar.bottom() + 7.0);
    let corners = vec![pos2(x, tip), pos2(x + 4.0, base), pos2(x - 4.0, base)];
    painter.add(Shape::convex_polygon(corners, colour, Stroke::NONE));
}

/// What the strips and the bar of a single core mean.
fn core_parts(ui: &mut Ui) {
    let palette = theme::palette(ui);
    ui.add_space(4.0);
    let mut row = |name: &str, meaning: &str| {
        let (row, response) = super::take_row(ui, 18.0, Sense::hover());
        let words = (name, Type::Caption, palette.text.tertiary);
        text::paint(ui.painter(), row.left_center(), Align2::LEFT_CENTER, words);
        super::describe(&response, egui::Role::Label, name);
        response.on_hover_text(meaning);
        Rect::from_min_max(pos2(row.left() + 60.0, row.center().y - 4.0), pos2(row.right(), row.center().y + 4.0))
    };
    let links = row("Links %", "Strips at the four sides of a core: share of each link's capacity in use, 0 to 100 %");
    let sram = row("SRAM", "Bar at the foot of a core: share of its SRAM in use");
    let table: Table = std::array::from_fn(|used| link_colour(used as u8));
    paint_ramp(ui.painter(), links, &table);
    ui.painter().rect_filled(sram, 0.0, palette.map.slot_track);
    ui.painter().rect_filled(sram.with_max_x(sram.center().x), 0.0, palette.map.label_text);
}

/// The colours of the table from left to right: the very ones of the map.
fn paint_ramp(painter: &Painter, bar: Rect, table: &Table) {
    let mut mesh = Mesh::default();
    for (value, &colour) in table.iter().enumerate() {
        let x = |value: usize| bar.left() + bar.width() * value as f32 / 256.0;
        let strip = Rect::from_min_max(pos2(x(value), bar.top()), pos2(x(value + 1), bar.bottom()));
        mesh.add_colored_rect(strip, data_colour(colour));
    }
    painter.add(Shape::mesh(mesh));
}

/// Columns of 2 points, as high as the square root of how many cores they hold, so that few beside many are seen.
fn paint_histogram(painter: &Painter, area: Rect, histogram: &[u32; 256], table: &Table) {
    let columns = (area.width() / 2.0) as usize;
    let mut counts = vec![0_u64; columns];
    for (value, &count) in histogram.iter().enumerate() {
        // Wide areas have more columns than values: a value then fills all that it spans.
        let span = value * columns / 256..((value + 1) * columns).div_ceil(256).max(value * columns / 256 + 1);
        for column in &mut counts[span] {
            *column += u64::from(count);
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f32;
    let mut mesh = Mesh::default();
    for (index, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
        let height = ((count as f32 / most).sqrt() * area.height()).max(1.0);
        let left = area.left() + area.width() * index as f32 / columns as f32;
        let right = area.left() + area.width() * (index + 1) as f32 / columns as f32;
        let column = Rect::from_min_max(pos2(left, area.bottom() - height), pos2(right, area.bottom()));
        let value = ((index * 256 + 128) / columns).min(255);
        mesh.add_colored_rect(column, data_colour(table[value]));
    }
    painter.add(Shape::mesh(mesh));
}
