//! Painting words of the type scale: aligned, elided in the middle, or several on one baseline.

use std::sync::Arc;

use egui::{Align2, Color32, Galley, Painter, Pos2, Rect, Ui, pos2};

use crate::ui::theme::Type;

/// A piece of text in one kind of letters and one colour.
pub type Run<'a> = (&'a str, Type, Color32);

/// Paints one line with `align` at `at` and returns its rectangle.
pub fn paint(painter: &Painter, at: Pos2, align: Align2, (text, kind, colour): Run<'_>) -> Rect {
    let galley = painter.layout_no_wrap(text.to_owned(), kind.font(), colour);
    let rect = align.anchor_size(at, galley.size());
    painter.galley(rect.min, galley, colour);
    rect
}

/// Paints one line that is never wider than `width`: what does not fit loses its middle. Returns the rectangle and
/// whether letters were lost, so that the caller can offer the whole text as a tooltip.
pub fn paint_elided(painter: &Painter, at: Pos2, align: Align2, run: Run<'_>, width: f32) -> (Rect, bool) {
    let (galley, elided) = elided(painter, run, width);
    let rect = align.anchor_size(at, galley.size());
    painter.galley(rect.min, galley, run.2);
    (rect, elided)
}

/// The width of one line.
pub fn width(painter: &Painter, text: &str, kind: Type) -> f32 {
    painter.layout_no_wrap(text.to_owned(), kind.font(), Color32::PLACEHOLDER).size().x
}

/// One line that is no wider than `width`, and whether its middle had to go.
pub fn elided(painter: &Painter, (text, kind, colour): Run<'_>, width: f32) -> (Arc<Galley>, bool) {
    let lay = |text: String| painter.layout_no_wrap(text, kind.font(), colour);
    let whole = lay(text.to_owned());
    if whole.size().x <= width {
        return (whole, false);
    }
    // The most letters that still fit, by halving.
    let letters: Vec<char> = text.chars().collect();
    let shortened = |kept: usize| {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        let head: String = letters[..head].iter().collect();
        let tail: String = letters[letters.len() - tail..].iter().collect();
        format!("{}…{}", head.trim_end(), tail.trim_start())
    };
    let (mut fits, mut too_many) = (0, letters.len());
    while too_many - fits > 1 {
        let middle = usize::midpoint(fits, too_many);
        if lay(shortened(middle)).size().x <= width { fits = middle } else { too_many = middle }
    }
    (if fits == 0 { lay(String::new()) } else { lay(shortened(fits)) }, true)
}

/// Paints runs from left to right on one baseline, `gap` apart, and returns where the last one ends.
pub fn paint_on_baseline(painter: &Painter, start: Pos2, gap: f32, runs: &[Run<'_>]) -> f32 {
    let mut x = start.x;
    for &(text, kind, colour) in runs {
        let galley = painter.layout_no_wrap(text.to_owned(), kind.font(), colour);
        let ascent = galley.rows.first().and_then(|row| row.glyphs.first()).map_or(0.0, |glyph| glyph.font_ascent);
        let size = galley.size();
        painter.galley(pos2(x, start.y - ascent), galley, colour);
        x += size.x + gap;
    }
    x - gap
}

/// A label of the type scale that wraps; for running text in cards.
pub fn label(ui: &mut Ui, (text, kind, colour): Run<'_>) -> egui::Response {
    let text = egui::RichText::new(text).text_style(kind.style()).line_height(Some(kind.line())).color(colour);
    ui.add(egui::Label::new(text).wrap())
}
