//! Wheel, drag and clicks on the map.
//!
//! The wheel zooms to the pointer without a modifier (Ctrl fine, Shift fast), any button drags, and a drag of less
//! than 4 points is a click. Keys belong to the caller.

use egui::{Event, MouseWheelUnit, PointerButton, Pos2, Response, Sense, Ui};

use crate::view::Core;
use crate::view::viewport::{NOTCH, NOTCH_FAST, NOTCH_FINE};
use crate::view::{Viewport, WaferPlane};

/// Distance below which a drag is a click, in points.
const CLICK_POINTS: f32 = 4.0;
/// Points of a smooth scroll that count as one notch of a wheel.
const POINTS_PER_NOTCH: f32 = 50.0;

/// What the hand did on the map.
#[derive(Clone, Debug)]
pub struct MapResponse {
    /// The widget itself: for focus, tooltips and menus.
    pub response: Response,
    pub hovered_core: Option<Core>,
    /// A click on a core; outside the wafer see [`Self::clicked_outside`].
    pub clicked_core: Option<Core>,
    pub clicked_outside: bool,
    /// A click with the secondary button on a core.
    pub secondary_core: Option<Core>,
    /// A double click: dive into what lies here.
    pub double_clicked: Option<Core>,
    /// The view was zoomed or moved by hand, so that a camera move under way should end.
    pub viewport_changed: bool,
}

/// Reads the input over `area` and moves `view` with it.
pub fn interact(ui: &Ui, area: egui::Rect, view: &mut Viewport, plane: &WaferPlane) -> MapResponse {
    let response = ui.interact(area, ui.scope_id().with("map"), Sense::click_and_drag());
    let origin = [f64::from(area.left()), f64::from(area.top())];
    *view = view.resized(origin, [f64::from(area.width()), f64::from(area.height())]);
    let before = *view;
    if let Some(pointer) = response.hover_pos() {
        let factor = ui.input(|input| {
            wheel_factor(&input.raw.events) * f64::from(input.multi_touch().map_or(1.0, |touch| touch.zoom_delta))
        });
        if factor != 1.0 {
            view.zoom_at(plane, at(pointer), factor);
        }
    }
    let travelled = travelled(&response);
    if response.dragged() && travelled >= CLICK_POINTS {
        view.pan([f64::from(response.drag_delta().x), f64::from(response.drag_delta().y)]);
    }
    if *view != before {
        view.clamp(plane);
    }
    let viewport_changed = *view != before;

    let core_at = |position: Option<Pos2>| position.and_then(|position| view.core_at(plane, at(position)));
    // A short drag is a click that slipped; a longer one never is, whatever egui thinks of it.
    let released = response.clicked_by(PointerButton::Primary) || response.drag_stopped_by(PointerButton::Primary);
    let clicked = released && travelled < CLICK_POINTS;
    let second = response.clicked_by(PointerButton::Secondary) || response.drag_stopped_by(PointerButton::Secondary);
    let secondary = second && travelled < CLICK_POINTS;
    let pressed_at = response.interact_pointer_pos();
    let clicked_core = if clicked { core_at(pressed_at) } else { None };
    if clicked {
        response.request_focus();
    }
    super::super::widgets::describe_map(&response);
    MapResponse {
        hovered_core: core_at(response.hover_pos()),
        clicked_core,
        clicked_outside: clicked && clicked_core.is_none(),
        secondary_core: if secondary { core_at(pressed_at) } else { None },
        double_clicked: if response.double_clicked() { core_at(pressed_at) } else { None },
        viewport_changed,
        response,
    }
}

/// How far the drag under way has led from its start, still known in the frame in which the button is let go.
fn travelled(response: &Response) -> f32 {
    let farthest = response.ctx.data(|data| data.get_temp(response.id).unwrap_or(0.0_f32));
    let now = response.total_drag_delta().unwrap_or_default().length();
    let kept = if response.is_pointer_button_down_on() { farthest.max(now) } else { 0.0 };
    response.ctx.data_mut(|data| data.insert_temp(response.id, kept));
    farthest.max(now)
}

fn at(position: Pos2) -> [f64; 2] {
    [f64::from(position.x), f64::from(position.y)]
}

/// The zoom of all wheel events of a frame.
fn wheel_factor(events: &[Event]) -> f64 {
    let factor = |event: &Event| {
        let Event::MouseWheel { unit, delta, modifiers, .. } = event else { return 1.0 };
        // With Alt the wheel is the caller's.
        if modifiers.alt {
            return 1.0;
        }
        // Some systems turn the wheel sideways while Shift is held.
        let turned = if delta.y == 0.0 && modifiers.shift { delta.x } else { delta.y };
        let notches = match unit {
            MouseWheelUnit::Point => turned / POINTS_PER_NOTCH,
            MouseWheelUnit::Line => turned,
            MouseWheelUnit::Page => turned * 4.0,
        };
        let step = match (modifiers.command || modifiers.ctrl, modifiers.shift) {
            (true, _) => NOTCH_FINE,
            (false, true) => NOTCH_FAST,
            (false, false) => NOTCH,
        };
        step.powf(f64::from(notches.clamp(-8.0, 8.0)))
    };
    events.iter().map(factor).product()
}

/// The view that a double click on `core` leads to.
///
/// From the wafer into its die, from there to a region around it, then to the core itself. `die_cells` = `[first column, first row, end column, end row]` of its die.
pub fn dive(view: &Viewport, plane: &WaferPlane, core: Core, die_cells: [u32; 4]) -> Viewport {
    use crate::view::Level;
    let mm = |x: f64, y: f64| plane.mm_from_cell([x, y]);
    let (x, y) = (f64::from(core.x) + 0.5, f64::from(core.y) + 0.5);
    match view.level(plane) {
        Level::Wafer => {
            let [x0, y0, x1, y1] = die_cells.map(f64::from);
            view.around(mm(x0, y0), mm(x1, y1), 24.0)
        }
        Level::Die => view.around(mm(x - 12.0, y - 12.0), mm(x + 12.0, y + 12.0), 0.0),
        Level::Region | Level::Cores => view.around(mm(x - 2.5, y - 2.5), mm(x + 2.5, y + 2.5), 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::viewport::Insets;
    use egui::{Modifiers, pos2, vec2};
    use egui_kittest::Harness;

    struct State {
        view: Viewport,
        last: Option<MapResponse>,
    }

    fn harness() -> (Harness<'static, State>, WaferPlane) {
        let plane = WaferPlane::square(762, 1176, 215.0);
        let view = Viewport::whole([0.0; 2], [600.0; 2], &plane, Insets::default());
        let mut harness = Harness::builder().with_size([600.0, 600.0]).build_ui_state(
            move |ui, state: &mut State| {
                let area = egui::Rect::from_min_size(pos2(0.0, 0.0), vec2(600.0, 600.0));
                let response = interact(ui, area, &mut state.view, &plane);
                if response.clicked_core.is_some() || response.viewport_changed || state.last.is_none() {
                    state.last = Some(response);
                }
            },
            State { view, last: None },
        );
        harness.run();
        (harness, plane)
    }

    fn wheel(harness: &Harness<'static, State>, delta: f32, modifiers: Modifiers) {
        harness.event(Event::MouseWheel {
            unit: MouseWheelUnit::Line,
            delta: vec2(0.0, delta),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers,
        });
    }

    #[test]
    fn the_wheel_zooms_to_the_pointer_without_a_modifier() {
        let (mut harness, plane) = harness();
        let pointer = pos2(200.0, 310.0);
        harness.event(Event::PointerMoved(pointer));
        harness.run();
        let before = harness.state().view;
        let under = before.core_at(&plane, at(pointer));
        wheel(&harness, 3.0, Modifiers::NONE);
        harness.run();
        let after = harness.state().view;
        assert!((after.points_per_mm / before.points_per_mm - NOTCH.powi(3)).abs() < 1e-9);
        assert_eq!(after.core_at(&plane, at(pointer)), under);
        wheel(&harness, 1.0, Modifiers::CTRL);
        harness.run();
        assert!((harness.state().view.points_per_mm / after.points_per_mm - NOTCH_FINE).abs() < 1e-9);
    }

    #[test]
    fn a_short_drag_is_a_click_and_a_long_one_pans() {
        let (mut harness, plane) = harness();
        let start = pos2(300.0, 300.0);
        let expected = harness.state().view.core_at(&plane, at(start));
        for (distance, is_click) in [(2.0, true), (80.0, false)] {
            let before = harness.state().view;
            harness.state_mut().last = None;
            let button = |pressed, pos| Event::PointerButton {
                pos,
                button: PointerButton::Primary,
                pressed,
                modifiers: Modifiers::NONE,
            };
            harness.event(Event::PointerMoved(start));
            harness.run();
            harness.state_mut().last = None;
            harness.event(button(true, start));
            harness.run();
            let end = start + vec2(distance, 0.0);
            harness.event(Event::PointerMoved(end));
            harness.run();
            harness.event(button(false, end));
            harness.run();
            let clicked = harness.state().last.as_ref().and_then(|response| response.clicked_core);
            let moved = harness.state().view.centre_mm[0] - before.centre_mm[0];
            if is_click {
                assert!(clicked.is_some_and(|core| core.x.abs_diff(expected.unwrap().x) < 5), "{clicked:?}");
                assert_eq!(moved, 0.0);
            } else {
                assert_eq!(clicked, None);
                assert!((moved * before.points_per_mm + 80.0).abs() < 1.0, "moved {moved} mm");
            }
        }
    }
}
