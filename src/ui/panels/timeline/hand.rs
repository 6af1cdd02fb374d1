//! The hand on the timeline: click or drag seeks, the wheel pans, Ctrl and the wheel zoom, a double click shows a phase,
//! and the box of the overview moves what is shown.

use egui::{Event, Modifiers, MouseWheelUnit, PointerButton, Rect, Response, Role, Sense, Ui, WidgetInfo};

use super::lane::Piece;
use super::scale::TimeScale;
use super::{Places, TimelineState};
use crate::session::{Action, TimeAction};

/// Points of a smooth scroll that count as one notch of a wheel.
const POINTS_PER_NOTCH: f32 = 50.0;
/// A notch zooms by this factor, and pans by so many points.
const ZOOM_PER_NOTCH: f64 = 1.25;
const PAN_PER_NOTCH: f32 = 60.0;

/// Where the run and its playhead are.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub cycle: u64,
    pub edge: u64,
}

/// Reads the hand over ruler, strips and lane.
pub(super) fn on_strips(
    ui: &Ui,
    places: &Places,
    scale: &TimeScale,
    pieces: &[Piece],
    now: Now,
    actions: &mut Vec<Action>,
) {
    let area = Rect::from_x_y_ranges(places.middle, places.ruler.top()..=places.lane.bottom());
    let response = ui.interact(area, ui.scope_id().with("time"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, "Time"));
    if response.double_clicked() {
        let pointer = response.interact_pointer_pos().filter(|pointer| places.lane.contains(*pointer));
        let cycle = pointer.map(|pointer| scale.cycle_at(pointer.x));
        let hit = cycle.and_then(|cycle| pieces.iter().find(|piece| (piece.from..piece.to).contains(&cycle)));
        if let Some(piece) = hit {
            actions.push(show_with_margin(piece, now.edge));
        }
    } else if let Some(x) = pressed_at(&response) {
        let cycle = scale.cycle_at(x).min(now.edge);
        if cycle != now.cycle {
            actions.push(Action::Time(TimeAction::Seek(cycle)));
        }
    }
    if let Some(pointer) = response.hover_pos() {
        wheel(ui, scale, pointer.x, now.edge, actions);
    }
}

/// A phase with a little of what is before and behind it.
fn show_with_margin(piece: &Piece, edge: u64) -> Action {
    let margin = (piece.to - piece.from) / 16 + 1;
    let (from, to) = (piece.from.saturating_sub(margin), (piece.to + margin).min(edge.max(piece.to)));
    Action::Time(TimeAction::Show { from, to })
}

/// Where the primary button is held or was let go in this frame.
fn pressed_at(response: &Response) -> Option<f32> {
    let primary = response.ctx.input(|input| input.pointer.button_down(PointerButton::Primary));
    let held = response.is_pointer_button_down_on() && primary;
    let clicked = response.clicked_by(PointerButton::Primary) || response.drag_stopped_by(PointerButton::Primary);
    if held || clicked { response.interact_pointer_pos().map(|pointer| pointer.x) } else { None }
}

fn wheel(ui: &Ui, scale: &TimeScale, x: f32, edge: u64, actions: &mut Vec<Action>) {
    let turns: Vec<(f32, bool)> = ui.input(|input| input.raw.events.iter().filter_map(notches).collect());
    let mut moved = *scale;
    for (notches, zoom) in turns {
        let (from, to) = if zoom {
            moved.zoomed(x, ZOOM_PER_NOTCH.powf(-f64::from(notches)), edge)
        } else {
            moved.panned(-notches * PAN_PER_NOTCH, edge)
        };
        moved = TimeScale::new(scale.range, from, to);
    }
    let pinch = ui.input(|input| input.multi_touch().map_or(1.0, |touch| f64::from(touch.zoom_delta)));
    if pinch != 1.0 {
        let (from, to) = moved.zoomed(x, 1.0 / pinch, edge);
        moved = TimeScale::new(scale.range, from, to);
    }
    if moved != *scale {
        actions.push(Action::Time(TimeAction::Show { from: moved.from, to: moved.to }));
    }
}

/// Notches of a wheel event, up being positive, and whether they zoom.
fn notches(event: &Event) -> Option<(f32, bool)> {
    let Event::MouseWheel { unit, delta, modifiers, .. } = event else { return None };
    let turned = if delta.y == 0.0 { delta.x } else { delta.y };
    let notches = match unit {
        MouseWheelUnit::Point => turned / POINTS_PER_NOTCH,
        MouseWheelUnit::Line => turned,
        MouseWheelUnit::Page => turned * 4.0,
    };
    let zoom = modifiers.command || modifiers.contains(Modifiers::CTRL);
    (notches != 0.0).then_some((notches.clamp(-8.0, 8.0), zoom))
}

/// Reads the hand on the overview: a press beside the box brings its middle there, the box follows the pointer, and a
/// double click shows the whole run.
pub(super) fn on_overview(
    ui: &Ui,
    places: &Places,
    shown: &TimeScale,
    edge: u64,
    state: &mut TimelineState,
    actions: &mut Vec<Action>,
) {
    let response = ui.interact(
        places.overview.expand2(egui::vec2(0.0, 3.0)),
        ui.scope_id().with("overview"),
        Sense::click_and_drag(),
    );
    response.widget_info(|| WidgetInfo::labeled(Role::ScrollBar, true, "Whole run"));
    if response.double_clicked() {
        actions.push(Action::Time(TimeAction::Show { from: 0, to: edge }));
        return;
    }
    let whole = TimeScale::new(places.middle, 0, edge);
    if let Some(pointer) = response.hover_pos() {
        wheel(ui, shown, shown.x(whole.cycle_at(pointer.x)), edge, actions);
    }
    let Some(pointer) = response.interact_pointer_pos().filter(|_| response.is_pointer_button_down_on()) else {
        state.grabbed = None;
        response.on_hover_text("Drag the box to move what is shown; double-click to show the whole run");
        return;
    };
    let at = f64::from(pointer.x - places.middle.min) * whole.cycles_per_point();
    let span = shown.span();
    let inside = (shown.from as f64..shown.to as f64).contains(&at);
    let before = *state.grabbed.get_or_insert(if inside { at - shown.from as f64 } else { span as f64 / 2.0 });
    let (from, to) = TimeScale::placed(at - before, span, edge);
    if from != shown.from {
        actions.push(Action::Time(TimeAction::Show { from, to }));
    }
}
