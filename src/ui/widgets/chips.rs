//! Chips: a state said by icon, word and colour at once.

use egui::{Align2, Color32, Painter, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::{describe, text};
use crate::ui::icons::Icon;
use crate::ui::theme::{self, Palette, Type};

/// What a state means to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Ok,
    Warn,
    Error,
    Info,
    Mute,
}

impl Tone {
    /// Colour of icon and word, and the quiet fill behind them.
    pub fn colours(self, palette: &Palette) -> (Color32, Color32) {
        let semantic = &palette.semantic;
        match self {
            Self::Ok => (semantic.ok, semantic.ok_soft),
            Self::Warn => (semantic.warn, semantic.warn_soft),
            Self::Error => (semantic.error, semantic.error_soft),
            Self::Info => (semantic.info, semantic.info_soft),
            Self::Mute => (semantic.mute, semantic.mute_soft),
        }
    }
}

/// A state, a verdict or a kind.
#[derive(Clone, Copy, Debug)]
pub struct Chip<'a> {
    pub tone: Tone,
    pub icon: Icon,
    pub word: &'a str,
}

impl Chip<'_> {
    fn size(&self, painter: &Painter) -> egui::Vec2 {
        let width = text::width(painter, self.word, Type::Body) + 12.0 + 4.0 + 12.0;
        vec2(width.ceil(), theme::tokens().spacing.chip_height)
    }

    /// Paints it without taking part in the layout; returns its rectangle.
    pub fn paint(&self, painter: &Painter, palette: &Palette, at: Pos2, align: Align2) -> Rect {
        let rect = align.anchor_size(at, self.size(painter));
        let (colour, fill) = self.tone.colours(palette);
        painter.rect_filled(rect, theme::tokens().radius.control, fill);
        self.contents(painter, rect, 6.0, colour, colour);
        rect
    }

    fn contents(&self, painter: &Painter, rect: Rect, inset: f32, icon: Color32, word: Color32) {
        self.icon.paint_at(painter, pos2(rect.left() + inset + 6.0, rect.center().y), 12.0, icon);
        let at = pos2(rect.left() + inset + 16.0, rect.center().y);
        text::paint(painter, at, Align2::LEFT_CENTER, (self.word, Type::Body, word));
    }
}

/// Draws a chip, 20 points high.
pub fn chip(ui: &mut Ui, chip: Chip<'_>) -> Response {
    let (rect, response) = ui.allocate_exact_size(chip.size(ui.painter()), Sense::hover());
    chip.paint(ui.painter(), theme::palette(ui), rect.min, Align2::LEFT_TOP);
    describe(&response, Role::Label, chip.word);
    response
}

/// Draws the ruler by which the numbers on the screen were made: `FLOW`. A click asks what that means.
pub fn fidelity_badge(ui: &mut Ui, icon: Icon, word: &str, meaning: &str) -> Response {
    let width = (text::width(ui.painter(), word, Type::BodyStrong) + 36.0).ceil();
    let (rect, response) = ui.allocate_exact_size(vec2(width, theme::tokens().spacing.chip_height), Sense::click());
    let palette = theme::palette(ui);
    let fill = if response.hovered() { palette.surface.hover } else { palette.surface.raised };
    let edge = Stroke::new(1.0, palette.line.control);
    ui.painter().rect(rect, theme::tokens().radius.control, fill, edge, StrokeKind::Inside);
    icon.paint_at(ui.painter(), pos2(rect.left() + 14.0, rect.center().y), 14.0, palette.accent.base);
    let at = pos2(rect.left() + 26.0, rect.center().y);
    text::paint(ui.painter(), at, Align2::LEFT_CENTER, (word, Type::BodyStrong, palette.text.primary));
    describe(&response, Role::Button, word);
    super::focus_ring(ui, &response, theme::tokens().radius.control);
    response.on_hover_text(meaning)
}

/// Draws why something cannot be done, beside the pointer: `SRAM 52.1 of 48.0 KiB`, needed and then available.
pub fn reason_chip(painter: &Painter, palette: &Palette, at: Pos2, align: Align2, chip: Chip<'_>) -> Rect {
    let (colour, fill) = chip.tone.colours(palette);
    let rect = align.anchor_size(at, chip.size(painter) + vec2(8.0, 4.0));
    let edge = Stroke::new(1.0, colour);
    painter.rect(rect, theme::tokens().radius.control, fill, edge, StrokeKind::Inside);
    chip.contents(painter, rect, 10.0, colour, palette.text.primary);
    rect
}

/// Draws a key's cap: `Ctrl P`.
pub fn key_cap(painter: &Painter, palette: &Palette, at: Pos2, align: Align2, key: &str) -> Rect {
    let width = (text::width(painter, key, Type::MonoSmall) + 8.0).ceil();
    let rect = align.anchor_size(at, vec2(width, 16.0));
    let edge = Stroke::new(1.0, palette.line.control);
    painter.rect(rect, theme::tokens().radius.tick, palette.surface.raised, edge, StrokeKind::Inside);
    text::paint(painter, rect.center(), Align2::CENTER_CENTER, (key, Type::MonoSmall, palette.text.secondary));
    rect
}
