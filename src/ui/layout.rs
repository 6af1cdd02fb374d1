//! Where the window's parts are: three columns that run through its whole height, so that edges line up.

use egui::{Rect, pos2};

use crate::ui::theme;

/// The window's parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub title_bar: Rect,
    pub rail: Rect,
    pub left: Rect,
    pub map_header: Rect,
    pub map: Rect,
    pub inspector: Rect,
    pub timeline: Rect,
    /// Horizontal range that map and strips share.
    pub middle: egui::Rangef,
    pub status_bar: Rect,
}

/// Below this width the inspector gives way to the map.
const WIDTH_FOR_INSPECTOR: f32 = 980.0;
/// Below this width the left pane does too.
const WIDTH_FOR_LEFT: f32 = 700.0;
/// Below this height the timeline shrinks to its transport.
const HEIGHT_FOR_STRIPS: f32 = 520.0;

impl Layout {
    /// The parts of a window that covers `area`.
    pub(super) fn of(area: Rect) -> Self {
        let tokens = &theme::tokens().layout;
        let at = |left: f32, top: f32, right: f32, bottom: f32| {
            Rect::from_min_max(pos2(left, top), pos2(right.max(left), bottom.max(top)))
        };
        let (left_edge, right_edge) = (area.left(), area.right());
        let top = area.top() + tokens.title_bar;
        let bottom = area.bottom() - tokens.status_bar;
        let timeline = if area.height() < HEIGHT_FOR_STRIPS { tokens.transport + 8.0 } else { tokens.timeline };
        let strips_top = (bottom - timeline).max(top);
        let rail = left_edge + tokens.rail;
        let left = rail + if area.width() < WIDTH_FOR_LEFT { 0.0 } else { tokens.left_pane };
        let right = right_edge - if area.width() < WIDTH_FOR_INSPECTOR { 0.0 } else { tokens.inspector };
        let header = (top + tokens.map_header).min(strips_top);
        Self {
            title_bar: at(left_edge, area.top(), right_edge, top),
            rail: at(left_edge, top, rail, strips_top),
            left: at(rail, top, left, strips_top),
            map_header: at(left, top, right, header),
            map: at(left, header, right, strips_top),
            inspector: at(right, top, right_edge, strips_top),
            timeline: at(left_edge, strips_top, right_edge, bottom),
            middle: egui::Rangef::new(left, right.max(left)),
            status_bar: at(left_edge, bottom, right_edge, area.bottom()),
        }
    }
}
