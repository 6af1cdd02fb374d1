//! The panels around the map. Each draws the session into its place and pushes what the hand asked for.

mod gutter;
pub(super) mod inspector;
pub(super) mod left;
pub(super) mod map;
pub(super) mod notices;
pub(super) mod place;
pub(super) mod status_bar;
mod streams;
pub(super) mod timeline;
pub(super) mod title_bar;

use egui::{Painter, Stroke, Ui};

use crate::ui::app::{Mode, Shell, Welcome};
use crate::ui::icons::Icon;
use crate::ui::layout::Layout;
use crate::ui::theme;
use crate::ui::widgets::rail_button;

/// The modes at the left edge.
pub(super) fn rail(ui: &mut Ui, shell: &mut Shell) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.surface.app);
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.vertical(|ui| {
        if rail_button(ui, Icon::Map, "Explore", shell.mode == Mode::Explore).clicked() {
            shell.mode = Mode::Explore;
        }
        // The left panel begins a draft as soon as there is something to place; one that was begun stays.
        if rail_button(ui, Icon::Place, "Place", shell.mode == Mode::Place).clicked() {
            shell.mode = Mode::Place;
            shell.welcome = Welcome::Gone;
        }
    });
}

/// Hairlines between the parts of the window.
pub(super) fn edges(painter: &Painter, layout: &Layout, line: Stroke) {
    let Layout { title_bar, rail, left, map_header, inspector, timeline, status_bar, .. } = layout;
    let full = title_bar.x_range();
    for y in [title_bar.bottom(), timeline.top(), status_bar.top()] {
        painter.hline(full, y, line);
    }
    painter.hline(map_header.x_range(), map_header.bottom(), line);
    for x in [rail.right(), left.right(), inspector.left()] {
        painter.vline(x, rail.y_range(), line);
    }
}
