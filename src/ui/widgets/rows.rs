//! Rows of panels: headers of sections, trees, choices, values, tabs.

use egui::{Align2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::{describe, describe_selected, take_row, text};
use crate::ui::icons::Icon;
use crate::ui::theme::{self, Type};

/// Left edge of a row's words.
const INSET: f32 = 12.0;

/// A 1-point line across the panel.
pub fn divider(ui: &mut Ui) {
    let (rect, _) = take_row(ui, 1.0, Sense::hover());
    ui.painter().rect_filled(rect, 0.0, theme::palette(ui).line.quiet);
}

/// The head of a section that opens and closes.
pub struct SectionHeader<'a> {
    pub title: &'a str,
    /// A few quiet words at the right: `forward, block 17 of 40`.
    pub note: &'a str,
    /// A key that acts on the section, shown as a cap instead of the note; empty for none.
    pub key: &'a str,
    /// `None` for sections that are always open.
    pub open: Option<bool>,
}

/// Draws a section's head, 32 points high. A click asks to open or close it.
pub fn section_header(ui: &mut Ui, header: &SectionHeader<'_>) -> Response {
    let sense = if header.open.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = take_row(ui, 32.0, sense);
    let palette = theme::palette(ui);
    let painter = ui.painter();
    let mut x = rect.left() + INSET;
    if let Some(open) = header.open {
        let icon = if open { Icon::ChevronDown } else { Icon::ChevronRight };
        icon.paint_at(painter, pos2(x + 2.0, rect.center().y), 12.0, palette.text.tertiary);
        x += 14.0;
    }
    let title = (header.title, Type::Title, palette.text.primary);
    let title = text::paint(painter, pos2(x, rect.center().y), Align2::LEFT_CENTER, title);
    let right = pos2(rect.right() - INSET, rect.center().y);
    if header.key.is_empty() {
        let note = (header.note, Type::Body, palette.text.tertiary);
        text::paint_elided(painter, right, Align2::RIGHT_CENTER, note, right.x - title.right() - 8.0);
    } else {
        super::key_cap(painter, palette, right, Align2::RIGHT_CENTER, header.key);
    }
    describe(&response, Role::Button, header.title);
    super::focus_ring(ui, &response, 0.0);
    response
}

/// What a row of a tree stands for at this moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RowState {
    /// Still to come.
    Waiting,
    /// A group, open or closed.
    Group {
        open: bool,
    },
    Done,
    /// Under way, with the share that is done.
    Running {
        progress: f32,
    },
    Failed,
}

/// One row of a tree.
pub struct TreeRow<'a> {
    pub name: &'a str,
    /// Digits at the right: a shape, a count.
    pub value: &'a str,
    pub depth: u32,
    pub state: RowState,
    /// Picked by the hand.
    pub selected: bool,
    /// Set in heavier letters: the path to what is running.
    pub strong: bool,
}

/// Draws one row of a tree, 24 points high.
pub fn tree_row(ui: &mut Ui, row: &TreeRow<'_>) -> Response {
    let (rect, response) = take_row(ui, theme::tokens().spacing.row_height, Sense::click());
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let palette = theme::palette(ui);
    let painter = ui.painter();
    let running = matches!(row.state, RowState::Running { .. });
    if running || row.selected {
        painter.rect_filled(rect, 0.0, palette.accent.soft);
        let mark = theme::tokens().stroke.active_mark;
        painter.rect_filled(rect.with_max_x(rect.left() + mark), 0.0, palette.accent.base);
        if let RowState::Running { progress } = row.state {
            let end = rect.left() + rect.width() * progress.clamp(0.0, 1.0);
            painter.rect_filled(rect.with_min_y(rect.bottom() - mark).with_max_x(end), 0.0, palette.accent.base);
        }
    } else if response.hovered() {
        painter.rect_filled(rect, 0.0, palette.surface.hover);
    }
    let (icon, icon_colour) = match row.state {
        RowState::Waiting => (None, palette.text.tertiary),
        RowState::Group { open: true } => (Some(Icon::ChevronDown), palette.text.tertiary),
        RowState::Group { open: false } => (Some(Icon::ChevronRight), palette.text.tertiary),
        RowState::Done => (Some(Icon::Check), palette.semantic.ok),
        RowState::Running { .. } => (Some(Icon::Play), palette.accent.base),
        RowState::Failed => (Some(Icon::Forbidden), palette.semantic.error),
    };
    let middle = rect.center().y;
    let x = rect.left() + INSET + 6.0 + theme::tokens().spacing.tree_indent * row.depth as f32;
    if let Some(icon) = icon {
        icon.paint_at(painter, pos2(x, middle), 12.0, icon_colour);
    }
    let heavy = running || row.strong;
    let name_colour = match row.state {
        _ if heavy || row.selected => palette.text.primary,
        RowState::Waiting => palette.text.tertiary,
        _ => palette.text.secondary,
    };
    let value = (row.value, Type::MonoSmall, if running { palette.text.primary } else { palette.text.tertiary });
    let value = text::paint(painter, pos2(rect.right() - INSET, middle), Align2::RIGHT_CENTER, value);
    let name = (row.name, if heavy { Type::BodyStrong } else { Type::Body }, name_colour);
    let room = value.left() - 8.0 - (x + 12.0);
    let (_, elided) = text::paint_elided(painter, pos2(x + 12.0, middle), Align2::LEFT_CENTER, name, room);
    describe_selected(&response, Role::TreeItem, row.selected, row.name);
    super::focus_ring(ui, &response, 0.0);
    if elided { response.on_hover_text(row.name) } else { response }
}

/// One of several, or on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoiceKind {
    Radio,
    Check,
}

/// A row with a radio button or a check box.
pub struct Choice<'a> {
    pub kind: ChoiceKind,
    pub label: &'a str,
    /// A unit or a count at the right.
    pub note: &'a str,
    pub on: bool,
}

/// Draws a choice, 24 points high. A click asks to change it.
pub fn choice_row(ui: &mut Ui, choice: &Choice<'_>) -> Response {
    let (rect, response) = take_row(ui, theme::tokens().spacing.row_height, Sense::click());
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let palette = theme::palette(ui);
    let painter = ui.painter();
    if response.hovered() {
        painter.rect_filled(rect, 0.0, palette.surface.hover);
    }
    let middle = rect.center().y;
    let centre = pos2(rect.left() + INSET + 7.0, middle);
    let edge = Stroke::new(1.25, palette.line.strong);
    match (choice.kind, choice.on) {
        (ChoiceKind::Radio, true) => {
            painter.circle_stroke(centre, 6.0, Stroke::new(1.5, palette.accent.base));
            painter.circle_filled(centre, 3.0, palette.accent.base);
        }
        (ChoiceKind::Radio, false) => {
            painter.circle_stroke(centre, 6.0, edge);
        }
        (ChoiceKind::Check, on) => {
            let square = Rect::from_center_size(centre, vec2(14.0, 14.0));
            let radius = theme::tokens().radius.tick;
            if on {
                painter.rect_filled(square, radius, palette.accent.base);
                Icon::Check.paint_at(painter, centre, 12.0, palette.accent.on_base);
            } else {
                painter.rect_stroke(square, radius, edge, StrokeKind::Inside);
            }
        }
    }
    let note = (choice.note, Type::Body, palette.text.tertiary);
    let note = text::paint(painter, pos2(rect.right() - INSET, middle), Align2::RIGHT_CENTER, note);
    let colour =
        if choice.on || choice.kind == ChoiceKind::Check { palette.text.primary } else { palette.text.secondary };
    let at = pos2(centre.x + 15.0, middle);
    let label = (choice.label, Type::Body, colour);
    let (_, elided) = text::paint_elided(painter, at, Align2::LEFT_CENTER, label, note.left() - 8.0 - at.x);
    let role = if choice.kind == ChoiceKind::Radio { Role::RadioButton } else { Role::CheckBox };
    describe_selected(&response, role, choice.on, choice.label);
    super::focus_ring(ui, &response, 0.0);
    if elided { response.on_hover_text(choice.label) } else { response }
}

/// A label and its value on one compact row: the label quiet, the value in digits, its unit or note quiet again.
/// Hovering tells `origin`: where the number comes from.
pub fn label_value(ui: &mut Ui, label: &str, value: &str, note: &str, origin: &str) -> Response {
    let (rect, response) = take_row(ui, theme::tokens().spacing.row_height_compact, Sense::hover());
    if !ui.is_rect_visible(rect) {
        return response;
    }
    let palette = theme::palette(ui);
    let painter = ui.painter();
    let column = (rect.width() * 0.36).clamp(84.0, 120.0);
    let baseline = rect.center().y + 4.0;
    let left = rect.left() + INSET;
    let (label_galley, _) = text::elided(painter, (label, Type::Body, palette.text.secondary), column - INSET - 8.0);
    let label_top = rect.center().y - label_galley.size().y / 2.0;
    painter.galley(pos2(left, label_top), label_galley, palette.text.secondary);
    let start = pos2(rect.left() + column, baseline);
    let room = rect.right() - INSET - start.x;
    let (value_galley, mut lost) = text::elided(painter, (value, Type::Mono, palette.text.primary), room);
    let shown = value_galley.text().to_owned();
    let mut runs = vec![(shown.as_str(), Type::Mono, palette.text.primary)];
    let note_fits = value_galley.size().x + 6.0 + text::width(painter, note, Type::Body) <= room;
    if note_fits {
        runs.push((note, Type::Body, palette.text.tertiary));
    } else {
        lost = lost || !note.is_empty();
    }
    text::paint_on_baseline(painter, start, 6.0, &runs);
    describe(&response, Role::Label, &format!("{label} {value} {note}"));
    let full = if lost { format!("{value} {note}") } else { String::new() };
    match (full.is_empty(), origin.is_empty()) {
        (true, true) => response,
        (true, false) => response.on_hover_text(origin),
        (false, true) => response.on_hover_text(full),
        (false, false) => response.on_hover_text(format!("{full}\n{origin}")),
    }
}

/// The one number of a panel: large, with its unit and a few words on the same baseline; 40 points high.
pub fn readout(ui: &mut Ui, value: &str, unit: &str, note: &str) -> Response {
    let (rect, response) = take_row(ui, 40.0, Sense::hover());
    let palette = theme::palette(ui);
    let start = pos2(rect.left() + INSET, rect.bottom() - 10.0);
    let runs = [
        (value, Type::Readout, palette.text.primary),
        (unit, Type::Body, palette.text.tertiary),
        (note, Type::Body, palette.text.tertiary),
    ];
    text::paint_on_baseline(ui.painter(), start, 6.0, &runs);
    describe(&response, Role::Label, &format!("{value} {unit} {note}"));
    response
}

/// The name of a panel with its digits, and a line below; 56 points high: `Core 388, 441` over `die 6, 2 · mlp.up`.
/// The caller may put icon buttons at the right of the returned rectangle's first line.
pub fn panel_title(ui: &mut Ui, name: &str, digits: &str, below: &str) -> Rect {
    let (rect, response) = take_row(ui, 56.0, Sense::hover());
    let palette = theme::palette(ui);
    let painter = ui.painter();
    let left = rect.left() + INSET;
    let runs = [(name, Type::Title, palette.text.primary), (digits, Type::Time, palette.text.primary)];
    let first = if digits.is_empty() { &runs[..1] } else { &runs[..] };
    text::paint_on_baseline(painter, pos2(left, rect.top() + 25.0), 8.0, first);
    let note = (below, Type::Caption, palette.text.tertiary);
    text::paint_elided(painter, pos2(left, rect.top() + 43.0), Align2::LEFT_CENTER, note, rect.width() - 2.0 * INSET);
    describe(&response, Role::Heading, &format!("{name} {digits}"));
    rect
}

/// A line of tabs, 32 points high. Returns the one that was clicked.
pub fn tabs(ui: &mut Ui, names: &[&str], current: usize) -> Option<usize> {
    let (rect, _) = take_row(ui, 32.0, Sense::hover());
    let palette = theme::palette(ui);
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, palette.line.quiet));
    let mut clicked = None;
    let mut x = rect.left() + INSET;
    for (index, name) in names.iter().enumerate() {
        let on = index == current;
        let width = text::width(ui.painter(), name, Type::BodyStrong).ceil();
        let area = Rect::from_min_size(pos2(x - 8.0, rect.top()), vec2(width + 16.0, rect.height()));
        let response = ui.interact(area, ui.scope_id().with(("tab", *name)), Sense::click());
        let colour = if on || response.hovered() { palette.text.primary } else { palette.text.secondary };
        let run = (*name, if on { Type::BodyStrong } else { Type::Body }, colour);
        text::paint(ui.painter(), pos2(x, rect.center().y), Align2::LEFT_CENTER, run);
        if on {
            let mark = Rect::from_min_max(pos2(x, rect.bottom() - 2.0), pos2(x + width, rect.bottom()));
            ui.painter().rect_filled(mark, 0.0, palette.accent.base);
        }
        describe_selected(&response, Role::Tab, on, name);
        super::focus_ring(ui, &response, 0.0);
        if response.clicked() {
            clicked = Some(index);
        }
        x += width + 20.0;
    }
    clicked
}
