//! Cards: boxes for what floats over the map, what went wrong, and what is not there yet.

use egui::{Align2, Frame, Margin, Painter, Pos2, Rect, Response, Role, Stroke, StrokeKind, Ui, pos2, vec2};

use super::{Button, Tone, describe, text};
use crate::ui::icons::Icon;
use crate::ui::theme::{self, Palette, Type};

/// A raised box with the card's padding. It keeps the pointer from what lies below it.
pub fn card<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> egui::InnerResponse<R> {
    let shield = egui::UiBuilder::new().sense(egui::Sense::click_and_drag());
    ui.scope_builder(shield, |ui| framed(ui, contents)).inner
}

fn framed<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> egui::InnerResponse<R> {
    let palette = theme::palette(ui);
    Frame::new()
        .fill(palette.surface.raised)
        .stroke(Stroke::new(1.0, palette.line.control))
        .corner_radius(theme::tokens().radius.card)
        .inner_margin(Margin::same(12))
        .show(ui, contents)
}

/// Something that the reader must know, and what can be done about it.
pub struct Message<'a> {
    pub tone: Tone,
    /// Two to five words: `Import failed, line 42`.
    pub title: &'a str,
    /// One sentence: what was expected, what was found, what it means.
    pub sentence: &'a str,
    /// Next steps; the last one may be a way out.
    pub actions: &'a [&'a str],
}

/// Draws a message with a coloured edge at the left. Returns the action that was clicked.
pub fn message_card(ui: &mut Ui, message: &Message<'_>) -> Option<usize> {
    let palette = theme::palette(ui);
    let (colour, _) = message.tone.colours(palette);
    let mut clicked = None;
    let shown = card(ui, |ui| {
        ui.set_width(ui.available_width());
        let (row, title) = super::take_row(ui, 16.0, egui::Sense::hover());
        let icon = match message.tone {
            Tone::Ok => Icon::Check,
            Tone::Warn => Icon::Warning,
            Tone::Error => Icon::Forbidden,
            Tone::Info | Tone::Mute => Icon::Help,
        };
        icon.paint_at(ui.painter(), pos2(row.left() + 7.0, row.center().y), 14.0, colour);
        let at = pos2(row.left() + 22.0, row.center().y);
        let words = (message.title, Type::Title, palette.text.primary);
        text::paint_elided(ui.painter(), at, Align2::LEFT_CENTER, words, row.right() - at.x);
        describe(&title, Role::Heading, message.title);
        text::label(ui, (message.sentence, Type::Body, palette.text.secondary));
        if !message.actions.is_empty() {
            ui.add_space(4.0);
            ui.horizontal_wrapped(|ui| {
                for (index, action) in message.actions.iter().enumerate() {
                    if Button::secondary(action).show(ui).clicked() {
                        clicked = Some(index);
                    }
                }
            });
        }
    });
    let rect = shown.response.rect;
    let edge = rect.with_max_x(rect.left() + 3.0);
    let radius = theme::tokens().radius.card as u8;
    let corners = egui::CornerRadius { nw: radius, sw: radius, ne: 0, se: 0 };
    ui.painter().rect_filled(edge, corners, colour);
    clicked
}

/// What stands where nothing is yet: a title, a sentence, one way to begin. Returns whether it was taken.
pub fn empty_state(ui: &mut Ui, title: &str, sentence: &str, action: &str) -> bool {
    let palette = theme::palette(ui);
    card(ui, |ui| {
        text::label(ui, (title, Type::Title, palette.text.primary));
        text::label(ui, (sentence, Type::Body, palette.text.secondary));
        ui.add_space(4.0);
        Button::primary(action).show(ui).clicked()
    })
    .inner
}

/// What the pointer is over: value first, then its name, then what it belongs to.
pub struct TooltipCard<'a> {
    /// `Core`
    pub kind: &'a str,
    /// `402, 447`
    pub place: &'a str,
    /// `die 6, 2`
    pub note: &'a str,
    /// `88`
    pub value: &'a str,
    /// `%`
    pub unit: &'a str,
    /// `utilisation, last 1 µs`
    pub meaning: &'a str,
    /// `mlp.up, compute`
    pub below: &'a str,
}

impl TooltipCard<'_> {
    /// Paints it beside `pointer` within `area`, never over the pointer.
    pub fn paint(&self, painter: &Painter, palette: &Palette, pointer: Pos2, area: Rect) -> Rect {
        let first = [
            (self.kind, Type::BodyStrong, palette.text.primary),
            (self.place, Type::Mono, palette.text.secondary),
            (self.note, Type::Caption, palette.text.tertiary),
        ];
        let second = [
            (self.value, Type::Time, palette.text.primary),
            (self.unit, Type::Body, palette.text.secondary),
            (self.meaning, Type::Caption, palette.text.tertiary),
        ];
        let length = |runs: &[text::Run<'_>], gap: f32| {
            runs.iter().map(|run| text::width(painter, run.0, run.1) + gap).sum::<f32>() - gap
        };
        let width = length(&first, 8.0).max(length(&second, 6.0)).max(text::width(painter, self.below, Type::Caption));
        let height = if self.below.is_empty() { 60.0 } else { 76.0 };
        let size = vec2((width + 24.0).ceil(), height);
        let mut corner = pointer + vec2(16.0, 16.0);
        if corner.x + size.x > area.right() {
            corner.x = pointer.x - 16.0 - size.x;
        }
        if corner.y + size.y > area.bottom() {
            corner.y = pointer.y - 16.0 - size.y;
        }
        let rect = Rect::from_min_size(pos2(corner.x.round(), corner.y.round()), size);
        let edge = Stroke::new(1.0, palette.line.control);
        painter.rect(rect, theme::tokens().radius.card, palette.surface.raised, edge, StrokeKind::Inside);
        let left = rect.left() + 12.0;
        text::paint_on_baseline(painter, pos2(left, rect.top() + 21.0), 8.0, &first);
        text::paint_on_baseline(painter, pos2(left, rect.top() + 46.0), 6.0, &second);
        let below = (self.below, Type::Caption, palette.text.tertiary);
        text::paint(painter, pos2(left, rect.top() + 62.0), Align2::LEFT_CENTER, below);
        rect
    }
}

/// Words in the gutter beside the wafer with a level line back to what they are about.
///
/// The line starts at the thing (`from`), runs over the data up to `edge`, then over the background to the words (`to`).
/// Returns the rectangle of the words.
pub fn leader_note(
    painter: &Painter,
    palette: &Palette,
    [from, edge, to]: [f32; 3],
    y: f32,
    (title, note): (&str, &str),
) -> Rect {
    let y = painter.round_to_pixel_center(y);
    // A dark casing keeps the light line visible on light data; beyond the data the line is a quiet grey.
    painter.hline(from..=edge, y, Stroke::new(3.0, palette.map.kernel_casing));
    painter.hline(from..=edge, y, Stroke::new(1.0, palette.map.label_text));
    painter.hline(edge..=to - 6.0, y, Stroke::new(1.0, palette.text.secondary));
    let run = (title, Type::BodyStrong, palette.text.primary);
    let title = text::paint(painter, pos2(to, y), Align2::LEFT_CENTER, run);
    let run = (note, Type::Caption, palette.text.tertiary);
    title.union(text::paint(painter, pos2(to, y + 16.0), Align2::LEFT_CENTER, run))
}

/// Names a painted card for screen readers.
pub(super) fn name_card(response: &Response, label: &str) {
    describe(response, Role::Group, label);
}
