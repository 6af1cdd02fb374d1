//! What stands beside the wafer while it leaves room: words about what is seen, the legend, the card of the first seconds.

use egui::{Rect, Ui, UiBuilder, pos2, vec2};

use crate::compiler::Schedule;
use crate::hardware::Core;
use crate::session::{Action, ColourRange, Session, ViewAction};
use crate::sim::Scene;
use crate::ui::app::{Mode, Shell, Welcome};
use crate::ui::layout::Layout;
use crate::ui::panels::map::{layer_info, pixel_note, plane};
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, Button, Legend, text};
use crate::units::format;
use crate::view::{CoreMap, Level, Viewport};

/// Below this width of the map the legend would hide most of the wafer.
const WIDTH_FOR_LEGEND: f32 = 520.0;

/// Words beside the wafer: what the pinned core does, and why the edge rests while tiles leave cores over.
pub(super) fn notes(session: &Session) -> Vec<(Core, String, String)> {
    let (Some(frame), Some(scene), Some(run)) = (&session.frame, session.scene(), &session.run) else {
        return Vec::new();
    };
    if let Some(core) = session.pinned {
        let index = core.y as usize * frame.columns as usize + core.x as usize;
        let info = layer_info(frame.request.layer, scene);
        let value = frame.values.get(index).copied().unwrap_or(0);
        let text = format!("{} {} {}", info.title.to_lowercase(), info.words(f64::from(value)), info.unit);
        return vec![(core, format!("Pinned core {}, {}", core.x, core.y), text)];
    }
    let streaming = matches!(scene.program.schedule, Schedule::Streaming { .. });
    let interval = run.trace.tracks.first().and_then(|track| track.at(session.playback.cycle()));
    let (true, Some(interval)) = (streaming, interval) else { return Vec::new() };
    let kernel = scene.program.kernel(interval.task.kernel);
    let [columns, rows] = [kernel.columns, kernel.rows_in(interval.task.pass)].map(|split| split.parts - split.used());
    if columns == 0 && rows == 0 {
        return Vec::new();
    }
    let core = Core { x: scene.device.fabric_columns.value - 1, y: scene.device.fabric_rows.value / 5 };
    let text = format!("{columns} columns, {rows} rows a lane get none");
    vec![(core, "Tiles are rounded up".to_owned(), text)]
}

/// The legend at the bottom right: in the gutter while the wafer leaves one free, over the map otherwise.
pub(super) fn legend(
    ui: &mut Ui,
    layout: &Layout,
    session: &Session,
    shell: &mut Shell,
    scene: &Scene,
    view: &Viewport,
    actions: &mut Vec<Action>,
) {
    let Some(frame) = &session.frame else { return };
    if layout.map.width() < WIDTH_FOR_LEGEND || (shell.mode == Mode::Place && session.draft.is_some()) {
        return;
    }
    let plane = plane(scene);
    let info = layer_info(frame.request.layer, scene);
    let Some(map) = CoreMap::new(&frame.values, plane.columns, plane.rows) else { return };
    let cells = view.visible_cells(&plane);
    let hover = shell.map.hover.and_then(|core| map.get(core.x, core.y));
    let range = session.range();
    let dead = scene.defects.dead_sites().iter();
    let dead = dead.filter(|core| (cells[0]..cells[2]).contains(&core.x) && (cells[1]..cells[3]).contains(&core.y));
    let legend = Legend {
        layer: &info,
        note: &pixel_note(&info, shell, scene),
        histogram: &shell.map.drawn.histogram,
        range: shell.map.drawn.range(range),
        locked: range.locked,
        hover,
        dead: dead.count(),
        core_parts: view.level(&plane) >= Level::Region,
    };
    let width = theme::tokens().layout.gutter;
    let corner = layout.map.right_bottom() - vec2(12.0, 12.0);
    let place = Rect::from_min_max(pos2(corner.x - width, corner.y - legend.height()), corner);
    let asked = legend.show(&mut ui.new_child(UiBuilder::new().max_rect(place).id_salt("legend")));
    let refused = session.run.as_ref().is_some_and(|run| run.refusal.is_some());
    if shell.welcome == Welcome::Shown && layout.map.height() > 480.0 && session.pinned.is_none() && !refused {
        let card = Rect::from_min_max(pos2(place.left(), place.top() - WELCOME_HEIGHT - 20.0), place.right_top());
        welcome(&mut ui.new_child(UiBuilder::new().max_rect(card).id_salt("welcome")), shell, scene, actions);
    }
    let layer = session.layer;
    if let Some((low, high)) = asked.range {
        actions.push(Action::View(ViewAction::Range(layer, ColourRange { low, high, locked: true })));
    }
    if asked.lock_toggled {
        actions.push(Action::View(ViewAction::Range(layer, ColourRange { locked: !range.locked, ..range })));
    }
}

/// The card of the first seconds.
fn welcome(ui: &mut Ui, shell: &mut Shell, scene: &Scene, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    widgets::card(ui, |ui| {
        ui.set_width(ui.available_width());
        let cores = format::grouped(scene.device.fabric_cores());
        text::label(ui, (&format!("{cores} cores"), Type::Heading, palette.text.primary));
        let words = "Scroll to zoom in, all the way to one core. Space pauses.";
        text::label(ui, (words, Type::Body, palette.text.secondary));
        ui.add_space(4.0);
        if Button::primary("Place a small model").wide().show(ui).clicked() {
            actions.push(super::left::open_to_place(shell));
        }
        if Button::secondary("Got it").wide().show(ui).clicked() {
            shell.welcome = Welcome::Gone;
        }
    });
}

/// Height of the first card.
const WELCOME_HEIGHT: f32 = 142.0;
