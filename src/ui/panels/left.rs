//! The left panel.

use egui::Ui;

use crate::session::{Action, Session};
use crate::ui::app::Shell;
use crate::ui::theme;

/// What the panel keeps between frames.
#[derive(Default)]
pub(in crate::ui) struct LeftState {}

/// Draws the panel.
pub(in crate::ui) fn show(ui: &mut Ui, _session: &Session, _shell: &mut Shell, _actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.surface.panel);
}

/// Draws what is in hand at the pointer, and the reason why it may not be dropped.
pub(in crate::ui) fn ghost(
    _ui: &Ui,
    _draft: &crate::session::Draft,
    _scene: &crate::sim::Scene,
    _view: &crate::view::Viewport,
    _plane: &crate::view::WaferPlane,
    _hover: Option<crate::hardware::Core>,
) {
}
