//! Pieces that several pages of the inspector are made of.

use egui::{Align2, Color32, Margin, Response, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::compiler::SramUse;
use crate::compiler::sram::SramTally;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, SectionHeader, Segment, text};
use crate::units::format;
use crate::view::Ramp;

/// Where results of the simulation come from.
pub(super) const FLOW: &str = "Our model's, FLOW: every kernel and stream has one rate in each interval. Single wavelets, queues and bank conflicts are not followed.";
/// Where sizes in SRAM come from.
pub(super) const EXACT: &str = "Exact for this program: the sum of its buffers on the core at that moment.";

/// Running text with the panel's padding.
pub(super) fn paragraph(ui: &mut Ui, words: &str) {
    let colour = theme::palette(ui).text.secondary;
    padded(ui, |ui| text::label(ui, (words, Type::Body, colour)));
}

/// Quieter and smaller running text.
pub(super) fn note(ui: &mut Ui, words: &str) {
    let colour = theme::palette(ui).text.tertiary;
    padded(ui, |ui| text::label(ui, (words, Type::Caption, colour)));
}

fn padded<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) {
    egui::Frame::new().inner_margin(Margin::symmetric(12, 4)).show(ui, contents);
}

/// The head of a section that is always open.
pub(super) fn section(ui: &mut Ui, title: &str, note: &str) {
    gap(ui);
    widgets::section_header(ui, &SectionHeader { title, note, key: "", open: None });
}

/// The head of a section that folds. Returns whether it is open.
pub(super) fn folding(ui: &mut Ui, title: &str, note: &str, open: &mut bool) -> bool {
    gap(ui);
    if widgets::section_header(ui, &SectionHeader { title, note, key: "", open: Some(*open) }).clicked() {
        *open = !*open;
    }
    *open
}

/// Ends a section.
pub(super) fn gap(ui: &mut Ui) {
    ui.add_space(8.0);
    widgets::divider(ui);
}

/// A long name at the left, its value and unit at the right, both on one compact row; `origin` as tooltip.
pub(super) fn fact_row(ui: &mut Ui, name: &str, value: &str, unit: &str, origin: &str) -> Response {
    let height = theme::tokens().spacing.row_height_compact;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let palette = theme::palette(ui);
    let painter = ui.painter();
    let (left, right, y) = (rect.left() + 12.0, rect.right() - 12.0, rect.center().y);
    let unit = text::paint(painter, pos2(right, y), Align2::RIGHT_CENTER, (unit, Type::Caption, palette.text.tertiary));
    let end = if unit.width() > 0.0 { unit.left() - 5.0 } else { right };
    let value_run = (value, Type::Mono, palette.text.primary);
    let (shown, value_elided) =
        text::paint_elided(painter, pos2(end, y), Align2::RIGHT_CENTER, value_run, (end - left) * 0.7);
    let name_run = (name, Type::Body, palette.text.secondary);
    let (_, name_elided) =
        text::paint_elided(painter, pos2(left, y), Align2::LEFT_CENTER, name_run, shown.left() - 8.0 - left);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, format!("{name} {value}")));
    let full = if value_elided || name_elided { format!("{name} {value}\n") } else { String::new() };
    let tip = format!("{full}{origin}");
    if tip.is_empty() { response } else { response.on_hover_text(tip) }
}

/// A bar of shares with a row for each that is not zero.
pub(super) fn shares(ui: &mut Ui, label: &str, parts: &[(&str, f64, Color32)], origin: &str) {
    let words: Vec<String> = parts.iter().map(|&(_, share, _)| format::percent(share)).collect();
    let segments: Vec<Segment<'_>> = parts
        .iter()
        .zip(&words)
        .filter(|((_, share, _), _)| *share > 0.000_5)
        .map(|(&(name, share, colour), value)| Segment { name, share: share as f32, value, colour })
        .collect();
    widgets::stacked_bar(ui, label, &segments).on_hover_text(origin);
    for segment in &segments {
        widgets::swatch_row(ui, segment).on_hover_text(origin);
    }
}

/// SRAM by use as a bar of the whole, with a row for each use.
pub(super) fn sram(ui: &mut Ui, label: &str, tally: &SramTally, capacity: u64) {
    let words = tally.by_use.map(format::kib);
    let segments: Vec<Segment<'_>> = SramUse::ALL
        .iter()
        .zip(tally.by_use)
        .zip(&words)
        .filter(|((_, bytes), _)| *bytes > 0)
        .map(|((usage, bytes), value)| Segment {
            name: usage.word(),
            share: bytes as f32 / capacity.max(1) as f32,
            value,
            colour: use_colour(*usage),
        })
        .collect();
    widgets::stacked_bar(ui, label, &segments).on_hover_text(EXACT);
    for segment in &segments {
        widgets::swatch_row(ui, segment).on_hover_text(EXACT);
    }
}

/// Tones of the map of the SRAM layers, far enough apart to be told from their neighbours.
fn use_colour(usage: SramUse) -> Color32 {
    theme::data_colour(Ramp::Cividis.colour(match usage {
        SramUse::Weights => 228,
        SramUse::Activations => 160,
        SramUse::Gradients => 112,
        SramUse::Buffers => 74,
        SramUse::Code => 34,
    }))
}

/// With a capital letter and a full stop.
pub(super) fn capitalised(words: &str) -> String {
    format!("{}.", initial(words))
}

/// With a capital letter.
pub(super) fn initial(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

/// A number and its decimal prefix apart: `33.5` and `k`.
pub(super) fn split_prefix(value: f64) -> (String, String) {
    let words = format::prefixed(value);
    match words.rsplit_once(' ') {
        Some((number, prefix)) if prefix.chars().all(char::is_alphabetic) => (number.to_owned(), prefix.to_owned()),
        _ => (words, String::new()),
    }
}
