//! The timeline panel.

use egui::Ui;

use crate::session::{Action, Session};
use crate::ui::app::Shell;
use crate::ui::theme;

/// What the panel keeps between frames.
#[derive(Default)]
pub(in crate::ui) struct TimelineState {}

/// Draws the panel.
pub(in crate::ui) fn show(
    ui: &mut Ui,
    _layout: &crate::ui::layout::Layout,
    _session: &Session,
    _shell: &mut Shell,
    _actions: &mut Vec<Action>,
) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.surface.panel);
}
