//! Buttons: one primary per panel, secondary ones with a frame, quiet ones without; icons; segments.

use egui::{Align2, Color32, CornerRadius, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, pos2, vec2};

use super::{describe, describe_selected, text};
use crate::ui::icons::Icon;
use crate::ui::theme::{self, Palette, Type};

/// How loud a button is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    Primary,
    Secondary,
    /// Without a frame.
    Quiet,
    /// Throws something away.
    Danger,
}

/// A button with a word and perhaps an icon, 24 points high.
pub struct Button<'a> {
    pub rank: Rank,
    pub label: &'a str,
    pub icon: Option<Icon>,
    pub enabled: bool,
    /// Fills the width of its `Ui`.
    pub wide: bool,
}

impl<'a> Button<'a> {
    /// The action that the panel is there for.
    pub fn primary(label: &'a str) -> Self {
        Self { rank: Rank::Primary, label, icon: None, enabled: true, wide: false }
    }

    /// Any other action.
    pub fn secondary(label: &'a str) -> Self {
        Self { rank: Rank::Secondary, ..Self::primary(label) }
    }

    /// An action without a frame.
    pub fn quiet(label: &'a str) -> Self {
        Self { rank: Rank::Quiet, ..Self::primary(label) }
    }

    pub fn icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    pub fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    /// Draws it.
    pub fn show(&self, ui: &mut Ui) -> Response {
        let kind = if self.rank == Rank::Primary { Type::BodyStrong } else { Type::Body };
        let icon_room = if self.icon.is_some() { 18.0 } else { 0.0 };
        let natural = (text::width(ui.painter(), self.label, kind) + icon_room + 20.0).ceil();
        let width = if self.wide { ui.available_width() } else { natural };
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(vec2(width, theme::tokens().spacing.control_height), sense);
        let palette = theme::palette(ui);
        let look = Look::of(self.rank, palette, &response, self.enabled);
        look.paint(ui, rect);
        let room = width - 20.0 - icon_room;
        let (galley, elided) = text::elided(ui.painter(), (self.label, kind, look.words), room);
        let content = galley.size().x + icon_room;
        let mut x = rect.center().x - content / 2.0;
        if let Some(icon) = self.icon {
            icon.paint_at(ui.painter(), pos2(x + 6.0, rect.center().y), 14.0, look.words);
            x += icon_room;
        }
        ui.painter().galley(pos2(x, rect.center().y - galley.size().y / 2.0), galley, look.words);
        describe(&response, Role::Button, self.label);
        super::focus_ring(ui, &response, theme::tokens().radius.control);
        if elided { response.on_hover_text(self.label) } else { response }
    }
}

/// Fill, edge and colour of the words in one state.
struct Look {
    fill: Color32,
    edge: Color32,
    words: Color32,
}

impl Look {
    fn of(rank: Rank, palette: &Palette, response: &Response, enabled: bool) -> Self {
        let clear = Color32::TRANSPARENT;
        let pressed = response.is_pointer_button_down_on();
        let hovered = response.hovered();
        let pick = |rest, hover, press| if pressed { press } else { [rest, hover][usize::from(hovered)] };
        if !enabled {
            let edge = if rank == Rank::Quiet { clear } else { palette.line.quiet };
            return Self { fill: clear, edge, words: palette.text.disabled };
        }
        let grey = |rest| pick(rest, palette.surface.hover, palette.surface.active);
        match rank {
            Rank::Primary => {
                let fill = pick(palette.accent.base, palette.accent.hover, palette.accent.pressed);
                Self { fill, edge: clear, words: palette.accent.on_base }
            }
            Rank::Secondary => {
                Self { fill: grey(palette.surface.raised), edge: palette.line.control, words: palette.text.primary }
            }
            Rank::Quiet => Self { fill: grey(clear), edge: clear, words: palette.text.secondary },
            Rank::Danger => {
                let fill = if hovered { palette.semantic.error_soft } else { clear };
                Self { fill, edge: palette.semantic.error, words: palette.semantic.error }
            }
        }
    }

    fn paint(&self, ui: &Ui, rect: Rect) {
        let radius = theme::tokens().radius.control;
        ui.painter().rect(rect, radius, self.fill, Stroke::new(1.0, self.edge), StrokeKind::Inside);
    }
}

/// A square button with only an icon: `size` points a side, its meaning as tooltip and name. `on` marks a toggle.
pub fn icon_button(ui: &mut Ui, icon: Icon, meaning: &str, size: f32, on: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(size, size), Sense::click());
    let palette = theme::palette(ui);
    let mut look = Look::of(Rank::Quiet, palette, &response, ui.is_enabled());
    if on {
        look = Look { fill: palette.accent.soft, edge: palette.accent.base, words: palette.accent.base };
    } else if ui.is_enabled() && response.hovered() {
        look.words = palette.text.primary;
    }
    look.paint(ui, rect);
    icon.paint_at(ui.painter(), rect.center(), if size >= 32.0 { 20.0 } else { 16.0 }, look.words);
    describe_selected(&response, Role::Button, on, meaning);
    super::focus_ring(ui, &response, theme::tokens().radius.control);
    response.on_hover_text(meaning)
}

/// A few words of which one is chosen, side by side. Returns the one that was clicked.
pub fn segmented(
    ui: &mut Ui,
    id_salt: impl std::hash::Hash + std::fmt::Debug,
    names: &[&str],
    current: usize,
) -> Option<usize> {
    let widths: Vec<f32> =
        names.iter().map(|name| (text::width(ui.painter(), name, Type::BodyStrong) + 20.0).ceil()).collect();
    let height = theme::tokens().spacing.control_height;
    let (rect, _) = ui.allocate_exact_size(vec2(widths.iter().sum(), height), Sense::hover());
    let palette = theme::palette(ui);
    let radius = theme::tokens().radius.control as u8;
    let id = ui.make_persistent_id(id_salt);
    let frame = Stroke::new(1.0, palette.line.control);
    ui.painter().rect(rect, f32::from(radius), palette.surface.raised, frame, StrokeKind::Inside);
    let mut clicked = None;
    let mut x = rect.left();
    for (index, (name, width)) in names.iter().zip(&widths).enumerate() {
        let area = Rect::from_min_size(pos2(x, rect.top()), vec2(*width, height));
        let response = ui.interact(area, id.with(*name), Sense::click());
        let on = index == current;
        let corners = CornerRadius {
            nw: if index == 0 { radius } else { 0 },
            sw: if index == 0 { radius } else { 0 },
            ne: if index + 1 == names.len() { radius } else { 0 },
            se: if index + 1 == names.len() { radius } else { 0 },
        };
        if on {
            let edge = Stroke::new(1.0, palette.accent.base);
            ui.painter().rect(area, corners, palette.accent.soft, edge, StrokeKind::Inside);
        } else {
            if response.hovered() {
                ui.painter().rect_filled(area.shrink(1.0), corners, palette.surface.hover);
            }
            if index > 0 && index != current + 1 {
                ui.painter().vline(x + 0.5, area.y_range().shrink(1.0), frame);
            }
        }
        let colour = if on || response.hovered() { palette.text.primary } else { palette.text.secondary };
        let run = (*name, if on { Type::BodyStrong } else { Type::Body }, colour);
        text::paint(ui.painter(), area.center(), Align2::CENTER_CENTER, run);
        describe_selected(&response, Role::RadioButton, on, name);
        super::focus_ring(ui, &response, f32::from(radius));
        if response.clicked() {
            clicked = Some(index);
        }
        x += width;
    }
    clicked
}

/// A tall button of the mode rail: an icon over its word, with the mark of the current mode at the left.
pub fn rail_button(ui: &mut Ui, icon: Icon, word: &str, current: bool) -> Response {
    let size = vec2(theme::tokens().layout.rail, 56.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let palette = theme::palette(ui);
    if current {
        let mark = rect.with_max_x(rect.left() + theme::tokens().stroke.active_mark);
        ui.painter().rect_filled(mark, 0.0, palette.accent.base);
    }
    let words = match (current, response.hovered()) {
        (true, _) | (_, true) => palette.text.primary,
        _ => palette.text.secondary,
    };
    let colour = if current { palette.accent.base } else { words };
    let side = theme::tokens().spacing.icon_rail;
    icon.paint_at(ui.painter(), pos2(rect.center().x, rect.top() + 20.0), side, colour);
    let kind = if current { Type::BodyStrong } else { Type::Body };
    text::paint(ui.painter(), pos2(rect.center().x, rect.top() + 42.0), Align2::CENTER_CENTER, (word, kind, words));
    describe_selected(&response, Role::Tab, current, word);
    super::focus_ring(ui, &response, 0.0);
    response
}

/// A field that shows what is chosen and opens a list of `names`; returns the one that was clicked. `label` is its
/// name for screen readers.
pub fn dropdown(ui: &mut Ui, label: &str, names: &[&str], current: usize) -> Option<usize> {
    let shown = names.get(current).copied().unwrap_or_default();
    let width = (text::width(ui.painter(), shown, Type::BodyStrong) + 40.0).ceil();
    let height = theme::tokens().spacing.control_height;
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
    let palette = theme::palette(ui);
    Look::of(Rank::Secondary, palette, &response, true).paint(ui, rect);
    let at = pos2(rect.left() + 10.0, rect.center().y);
    text::paint(ui.painter(), at, Align2::LEFT_CENTER, (shown, Type::BodyStrong, palette.text.primary));
    let at = pos2(rect.right() - 14.0, rect.center().y);
    Icon::ChevronDown.paint_at(ui.painter(), at, 12.0, palette.text.secondary);
    describe(&response, Role::ComboBox, label);
    super::focus_ring(ui, &response, theme::tokens().radius.control);
    let mut clicked = None;
    egui::Popup::menu(&response).show(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.set_width(names.iter().map(|name| text::width(ui.painter(), name, Type::Body)).fold(width, f32::max) + 48.0);
        for (index, name) in names.iter().enumerate() {
            let choice = super::Choice { kind: super::ChoiceKind::Radio, label: name, note: "", on: index == current };
            if super::choice_row(ui, &choice).clicked() {
                clicked = Some(index);
            }
        }
    });
    clicked
}
