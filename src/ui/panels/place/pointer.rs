//! The pointer on the map in Place mode: it carries the hand, drops, takes up, holds, and walks shapes with Alt and the
//! wheel.

use std::time::Instant;

use egui::{Event, MouseWheelUnit, Ui};

use super::{ghost, layer, watch};
use crate::hardware::{Core, Rect};
use crate::session::{Action, Draft, Hand, How, Manner, PlaceAction, Session, WatchAction};
use crate::sim::Scene;
use crate::ui::app::Shell;
use crate::ui::map::MapResponse;
use crate::ui::panels::map;

/// Sides meet of themselves within this distance on the screen, in points; with Shift they do not.
const MAGNET_POINTS: f64 = 5.0;

/// Reads the pointer and draws what belongs to placing over the map.
pub(in crate::ui::panels) fn on_map(
    ui: &Ui,
    area: egui::Rect,
    hand: &MapResponse,
    session: &Session,
    shell: &mut Shell,
    actions: &mut Vec<Action>,
) {
    let (Some(scene), Some(draft), Some(view)) = (session.scene(), &session.draft, shell.map.view()) else { return };
    let plane = map::plane(scene);
    let reach = view.core_points(&plane).map(|points| (MAGNET_POINTS / points.max(1e-9)) as u32);
    let corner = carried(ui, hand, draft, scene, reach, shell, actions);
    let begun = Instant::now();
    shell.place.judgement = corner.and_then(|corner| draft.judge(scene, &session.desk.survey, corner));
    shell.place.judged_in = begun.elapsed();
    if let Some(core) = hand.clicked_core {
        let copies = ui.input(|input| input.modifiers.command);
        let manner = if copies { Manner::AndCopy } else { Manner::Legal };
        actions.extend(clicked(session, scene, draft, core, corner, manner, shell));
    }
    let second = hand.secondary_core.filter(|_| session.desk.how == How::ByHand);
    if let Some((op, _)) = second.and_then(|core| ghost::pickable(draft, scene, core)) {
        actions.push(Action::Place(PlaceAction::Pick(op)));
    }
    if draft.hand.is_some() && hand.hovered_core.is_some() {
        let (notches, far) = ui.input(|input| (alt_notches(&input.raw.events), input.modifiers.shift));
        if notches != 0.0 {
            actions.push(Action::Place(PlaceAction::NextShape { back: notches > 0.0, far }));
        }
    }
    let stage = ghost::Stage { scene, view: &view, plane: &plane, area };
    match session.desk.how {
        How::Watch => watch::on_map(ui, &stage, session),
        How::ByHand | How::Together => ghost::show(ui, &stage, session, hand.hovered_core, &mut shell.place),
    }
    layer::legend(ui, &stage);
}

/// Where the north-west corner of what is in hand is: under the pointer if that has moved, else where it was.
fn carried(
    ui: &Ui,
    hand: &MapResponse,
    draft: &Draft,
    scene: &Scene,
    reach: [u32; 2],
    shell: &mut Shell,
    actions: &mut Vec<Action>,
) -> Option<Core> {
    let held = draft.hand?;
    let pointer = hand.hovered_core.and_then(|_| ui.input(|input| input.pointer.hover_pos()));
    let moved = pointer.is_some() && pointer != shell.place.pointed;
    shell.place.pointed = pointer;
    let (Some(core), true) = (hand.hovered_core, moved || held.at.is_none()) else { return held.at };
    let free = ui.input(|input| input.modifiers.shift);
    let corner = corner_at(draft, held, core, scene, if free { [0, 0] } else { reach });
    if held.at != Some(corner) {
        actions.push(Action::Place(PlaceAction::Hover(corner)));
    }
    Some(corner)
}

/// What a click asks for.
fn clicked(
    session: &Session,
    scene: &Scene,
    draft: &Draft,
    core: Core,
    corner: Option<Core>,
    manner: Manner,
    shell: &mut Shell,
) -> Option<Action> {
    match session.desk.how {
        How::ByHand if draft.hand.is_some() => shell.place.drop(corner, manner),
        How::ByHand => ghost::pickable(draft, scene, core).map(|(op, _)| Action::Place(PlaceAction::Pick(op))),
        How::Together => {
            let (op, _) = draft.placed.iter().rev().find(|(_, rect)| rect.contains(core))?;
            Some(Action::Place(PlaceAction::Hold(*op)))
        }
        How::Watch => {
            let watch = session.desk.watch.as_ref()?;
            let layout = watch.layout_on(session.wafer, watch.count());
            let (op, _) = layout.iter().find(|(_, rect)| rect.contains(core))?;
            Some(Action::Place(PlaceAction::Watch(WatchAction::Seek(watch.placed_at(*op)?))))
        }
    }
}

/// The north-west corner of what is in hand with `core` in its middle. It keeps to an edge of the wafer until more than
/// a quarter of it would be beyond, and its sides meet those of placed kernels within `reach` columns and rows.
fn corner_at(draft: &Draft, hand: Hand, core: Core, scene: &Scene, reach: [u32; 2]) -> Core {
    let columns = scene.device.fabric_columns.value;
    let rows = scene.device.fabric_rows.value;
    let compiled = crate::session::placing::compiled(scene, hand.op);
    let near = draft.placed.iter().map(|(_, rect)| *rect).chain(compiled).chain(hand.from);
    let near: Vec<Rect> = near.collect();
    let axis = |middle: u32, length: u32, limit: u32, reach: u32, sides: &dyn Fn(&Rect) -> [u32; 2]| {
        let last = limit.saturating_sub(length);
        let free = middle.saturating_sub(length / 2);
        let kept = if free > last && free - last <= length / 4 { last } else { free };
        let edges = near.iter().flat_map(sides).chain([0, limit]);
        let corners = edges.flat_map(|edge| [Some(edge), edge.checked_sub(length)]).flatten();
        let nearest = corners.min_by_key(|corner| corner.abs_diff(kept));
        nearest.filter(|corner| corner.abs_diff(kept) <= reach && *corner < limit).unwrap_or(kept)
    };
    Core {
        x: axis(core.x, hand.width, columns, reach[0], &|rect| [rect.x, rect.right()]),
        y: axis(core.y, hand.height, rows, reach[1], &|rect| [rect.y, rect.bottom()]),
    }
}

/// Notches of the wheel with Alt held, up being positive.
fn alt_notches(events: &[Event]) -> f32 {
    let notches = |event: &Event| match event {
        Event::MouseWheel { unit, delta, modifiers, .. } if modifiers.alt => {
            let turned = if delta.y == 0.0 { delta.x } else { delta.y };
            if *unit == MouseWheelUnit::Point { turned / 50.0 } else { turned }
        }
        _ => 0.0,
    };
    events.iter().map(notches).sum()
}
