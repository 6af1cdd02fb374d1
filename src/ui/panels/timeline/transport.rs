//! The transport: start, step, play; where the playhead is; how fast it goes and how far it steps; the live edge.

use egui::{Align2, Rect, Response, Role, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use super::Places;
use super::scale::{TimeFormat, speed_words};
use crate::session::playback::{Speed, StepUnit};
use crate::session::{Action, Session, TimeAction};
use crate::ui::icons::Icon;
use crate::ui::theme::{self, Type};
use crate::ui::widgets::{self, text};
use crate::units::format;

/// Speeds that are offered beside the default pace.
const FACTORS: [f64; 9] =
    [1.0, 1.0 / 4.0, 1.0 / 16.0, 1.0 / 64.0, 1.0 / 256.0, 1.0 / 1_024.0, 1.0 / 16_384.0, 1.0 / 262_144.0, 1.0 / 4e6];
/// Width of the play button.
const PLAY_WIDTH: f32 = 40.0;
/// Width of all buttons with their gaps.
pub(super) const BUTTONS_WIDTH: f32 = 5.0 * 24.0 + PLAY_WIDTH + 5.0 * 6.0;
/// Gap between things of the row.
const GAP: f32 = 8.0;

/// Draws the row.
pub(super) fn show(ui: &mut Ui, places: &Places, session: &Session, actions: &mut Vec<Action>) {
    buttons(ui, places, session, actions);
    let controls = controls(ui, places, session, actions);
    let left = places.middle.min + 4.0;
    clock(ui, Rect::from_x_y_ranges(left..=controls.max(left), places.transport.y_range()), session);
    live_edge(ui, places, session);
}

fn buttons(ui: &mut Ui, places: &Places, session: &Session, actions: &mut Vec<Action>) {
    let area = Rect::from_x_y_ranges(places.buttons, places.transport.y_range());
    let row = egui::Layout::left_to_right(egui::Align::Center);
    let mut row = ui.new_child(UiBuilder::new().max_rect(area).layout(row).id_salt("transport"));
    row.spacing_mut().item_spacing.x = 6.0;
    let playback = &session.playback;
    let forwards = playback.playing && !playback.reverse;
    let mut button = |ui: &mut Ui, icon, meaning: &str, on, action| {
        if widgets::icon_button(ui, icon, meaning, 24.0, on).clicked() {
            actions.push(Action::Time(action));
        }
    };
    button(&mut row, Icon::ToStart, "Go to the start (Home)", false, TimeAction::Start);
    button(&mut row, Icon::StepBack, "Step back (Left)", false, TimeAction::Step(-1));
    let (icon, meaning, action) = if playback.playing {
        (Icon::Pause, "Pause (Space)", TimeAction::Pause)
    } else {
        (Icon::Play, "Play (Space)", TimeAction::Play { reverse: false })
    };
    if play_button(&mut row, icon, meaning).clicked() {
        actions.push(Action::Time(action));
    }
    let mut button = |ui: &mut Ui, icon, meaning: &str, on, action| {
        if widgets::icon_button(ui, icon, meaning, 24.0, on).clicked() {
            actions.push(Action::Time(action));
        }
    };
    button(&mut row, Icon::StepForward, "Step forward (Right)", false, TimeAction::Step(1));
    button(&mut row, Icon::ToEnd, "Go to the end (End)", false, TimeAction::End);
    let backwards = playback.playing && !forwards;
    button(&mut row, Icon::Reverse, "Play backwards", backwards, TimeAction::Play { reverse: true });
}

/// The one primary button, with an icon alone.
fn play_button(ui: &mut Ui, icon: Icon, meaning: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(PLAY_WIDTH, 24.0), Sense::click());
    let accent = &theme::palette(ui).accent;
    let fill = match (response.is_pointer_button_down_on(), response.hovered()) {
        (true, _) => accent.pressed,
        (false, true) => accent.hover,
        (false, false) => accent.base,
    };
    ui.painter().rect_filled(rect, theme::tokens().radius.control, fill);
    icon.paint_at(ui.painter(), rect.center(), 16.0, accent.on_base);
    if response.has_focus() {
        let stroke = egui::Stroke::new(theme::tokens().stroke.focus, accent.base);
        ui.painter().rect_stroke(rect.expand(2.0), 6.0, stroke, egui::StrokeKind::Outside);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, meaning));
    response.on_hover_text(meaning)
}

/// Speed and step at the right end of the middle; what does not fit goes, words first. Returns where they begin.
fn controls(ui: &mut Ui, places: &Places, session: &Session, actions: &mut Vec<Action>) -> f32 {
    let palette = theme::palette(ui);
    let playback = &session.playback;
    let area = Rect::from_x_y_ranges(places.middle.min..=places.middle.max - 12.0, places.transport.y_range());
    let words = area.width() > 620.0;
    let row = egui::Layout::right_to_left(egui::Align::Center);
    let mut row = ui.new_child(UiBuilder::new().max_rect(area).layout(row).id_salt("speed"));
    row.spacing_mut().item_spacing.x = GAP;
    if area.width() > 300.0 {
        let units = StepUnit::ALL.map(StepUnit::word);
        let current = StepUnit::ALL.iter().position(|&unit| unit == playback.unit).unwrap_or(0);
        if let Some(index) = widgets::dropdown(&mut row, "Step", &units, current) {
            actions.push(Action::Time(TimeAction::Unit(StepUnit::ALL[index])));
        }
        if words {
            text::label(&mut row, ("Step", Type::Body, palette.text.secondary));
            row.add_space(GAP);
        }
    }
    let (speeds, names, current) = speeds(playback.speed);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Some(index) = widgets::dropdown(&mut row, "Speed", &names, current) {
        actions.push(Action::Time(TimeAction::Speed(speeds[index])));
    }
    if words {
        text::label(&mut row, ("Speed", Type::Body, palette.text.secondary));
    }
    let left = row.min_rect().left();
    if playback.speed != Speed::Paced || session.run.as_ref().is_none_or(|run| run.trace.edge == 0) {
        return left - GAP;
    }
    let factor = if playback.playing { speed_words(playback.factor) } else { "paused".to_owned() };
    let at = pos2(left - GAP, area.center().y);
    let factor = (factor.as_str(), Type::MonoSmall, palette.text.tertiary);
    let widest = text::width(ui.painter(), "1/999 000×", Type::MonoSmall);
    let response = ui.interact(
        Rect::from_min_max(pos2(at.x - widest, area.top()), pos2(at.x, area.bottom())),
        ui.scope_id().with("factor"),
        Sense::hover(),
    );
    text::paint(ui.painter(), at, Align2::RIGHT_CENTER, factor);
    response.on_hover_text("Simulated seconds in a second at this moment: slow while a wave crosses, fast behind it");
    at.x - widest - GAP
}

/// What can be chosen, with the speed of now among it.
fn speeds(current: Speed) -> (Vec<Speed>, Vec<String>, usize) {
    let mut speeds = vec![Speed::Paced];
    speeds.extend(FACTORS.map(Speed::Factor));
    let near = |speed: &Speed| match (*speed, current) {
        (Speed::Factor(offered), Speed::Factor(factor)) => (offered / factor - 1.0).abs() < 1e-6,
        (Speed::Paced, Speed::Paced) => true,
        _ => false,
    };
    let index = speeds.iter().position(near).unwrap_or_else(|| {
        speeds.push(current);
        speeds.len() - 1
    });
    let name = |speed: &Speed| match speed {
        Speed::Paced => "Paced".to_owned(),
        Speed::Factor(factor) => speed_words(*factor),
    };
    let names = speeds.iter().map(name).collect();
    (speeds, names, index)
}

/// The playhead in time and in cycles; what does not fit goes from the right.
fn clock(ui: &Ui, area: Rect, session: &Session) {
    let Some((scene, run)) = session.scene().zip(session.run.as_ref()) else { return };
    let palette = theme::palette(ui);
    if run.trace.edge == 0 {
        let none = ("–", Type::Time, palette.text.tertiary);
        text::paint_on_baseline(ui.painter(), pos2(area.left(), area.center().y + 7.0), 0.0, &[none]);
        return;
    }
    let clock_hz = scene.device.clock_run_hz.value;
    let edge = run.trace.edge as f64 / clock_hz;
    let (from, to) = session.playback.visible(run.trace.edge);
    let step = (to - from) as f64 / 800.0 / clock_hz;
    let format = TimeFormat::new(edge, step.max(1.0 / clock_hz)).at_least(2);
    let cycle = session.playback.cycle();
    let number = format.number(cycle as f64 / clock_hz);
    // The words behind stay where they are while the digits in front grow.
    let widest = text::width(ui.painter(), &format.number(edge), Type::Time);
    let own = text::width(ui.painter(), &number, Type::Time);
    let painter = ui.painter().with_clip_rect(area.intersect(ui.clip_rect()));
    let baseline = area.center().y + 7.0;
    let value = [(number.as_str(), Type::Time, palette.text.primary)];
    text::paint_on_baseline(&painter, pos2(area.left() + widest - own.min(widest), baseline), 0.0, &value);
    let mut x = area.left() + widest + 6.0;
    let total = format!("of {}", format::duration(edge));
    let cycles = format!("{} cyc", format::grouped(cycle));
    let longest = format!("{} cyc", format::grouped(run.trace.edge));
    let parts = [
        (format.unit, format.unit, Type::Body, 10.0),
        (total.as_str(), total.as_str(), Type::Mono, 20.0),
        (cycles.as_str(), longest.as_str(), Type::Mono, 0.0),
    ];
    for (words, room, kind, gap) in parts {
        let width = text::width(&painter, room, kind);
        if x + width > area.right() {
            break;
        }
        text::paint_on_baseline(&painter, pos2(x, baseline), 0.0, &[(words, kind, palette.text.tertiary)]);
        x += width + gap;
    }
}

/// How far the run has been simulated.
fn live_edge(ui: &Ui, places: &Places, session: &Session) {
    let Some(column) = places.numbers else { return };
    let Some((scene, run)) = session.scene().zip(session.run.as_ref()) else { return };
    let palette = theme::palette(ui);
    let time = format::duration(run.trace.edge as f64 / scene.device.clock_run_hz.value);
    let y = places.transport.center().y;
    let (icon, colour, words) = if run.refusal.is_some() {
        (Icon::Forbidden, palette.semantic.warn, "Does not run")
    } else if run.trace.finished {
        (Icon::Check, palette.semantic.ok, "Simulated to the end,")
    } else {
        (Icon::Dot, palette.semantic.ok, "Live edge")
    };
    icon.paint_at(ui.painter(), pos2(column.min + 6.0, y), 12.0, colour);
    let words = (words, Type::Body, palette.text.secondary);
    let shown = text::paint(ui.painter(), pos2(column.min + 18.0, y), Align2::LEFT_CENTER, words);
    if run.refusal.is_none() {
        let time = (time.as_str(), Type::Mono, palette.text.primary);
        text::paint(ui.painter(), pos2(shown.right() + 6.0, y), Align2::LEFT_CENTER, time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_speed_offered_has_its_name_and_odd_ones_are_added() {
        let (_, names, current) = speeds(Speed::Factor(1.0 / 256.0));
        let offered =
            ["Paced", "1×", "1/4×", "1/16×", "1/64×", "1/256×", "1/1 024×", "1/16 384×", "1/262 144×", "1/4 M×"];
        assert_eq!(names, offered);
        assert_eq!(current, 5);
        let (added, names, current) = speeds(Speed::Factor(1.0 / 312_345.0));
        assert_eq!((added.len(), current, names[10].as_str()), (11, 10, "1/312 000×"));
    }
}
