//! Small parts that every panel is made of. Each takes plain data and a `Ui`, draws on the 4-point grid, and returns
//! what the hand did.
//!
//! Rows fill the width of their `Ui` and bring the panel's padding with them; a panel stacks them in a frame without
//! margins and with `item_spacing.y = 0`.

mod bars;
mod buttons;
mod cards;
mod chips;
mod legend;
mod rows;
pub mod text;

pub(super) use bars::hatch;
pub use bars::{ScaleBar, Segment, progress_bar, stacked_bar, swatch_row};
pub use buttons::{Button, Rank, dropdown, icon_button, rail_button, segmented};
pub use cards::{Message, TooltipCard, card, empty_state, leader_note, message_card};
pub use chips::{Chip, Tone, chip, fidelity_badge, key_cap, reason_chip};
pub use legend::{Legend, LegendResponse};
pub use rows::{
    Choice, ChoiceKind, RowState, SectionHeader, TreeRow, choice_row, divider, label_value, panel_title, readout,
    section_header, tabs, tree_row,
};

use egui::{Rect, Response, Role, Sense, Ui, WidgetInfo, vec2};

use super::theme;

/// Takes a full row of `height` points and names it for screen readers.
fn take_row(ui: &mut Ui, height: f32, sense: Sense) -> (Rect, Response) {
    ui.allocate_exact_size(vec2(ui.available_width(), height), sense)
}

/// Tells screen readers and tests what a painted widget is called.
pub(super) fn describe(response: &Response, role: Role, label: &str) {
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::labeled(role, enabled, label));
}

/// The same with an on or off state.
fn describe_selected(response: &Response, role: Role, selected: bool, label: &str) {
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::selected(role, enabled, selected, label));
}

/// Names the map for screen readers and tests.
pub(super) fn describe_map(response: &Response) {
    describe(response, Role::Canvas, "Wafer map");
}

/// The ring around what has the keyboard.
fn focus_ring(ui: &Ui, response: &Response, radius: f32) {
    if response.has_focus() {
        let stroke = egui::Stroke::new(theme::tokens().stroke.focus, theme::palette(ui).accent.base);
        ui.painter().rect_stroke(response.rect.expand(1.0), radius + 1.0, stroke, egui::StrokeKind::Outside);
    }
}

#[cfg(test)]
mod tests;
