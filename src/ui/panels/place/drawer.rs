//! Under the map: decisions as a timeline, those of the compiler while it is watched, else those of the draft's history.
//!
//! The same grammar as playback: transport, ruler, strips, a lane of stages, one playhead. A decision is a unit of time.

use egui::{
    Align2, Color32, Mesh, Painter, Rangef, Rect, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, pos2,
    vec2,
};

use super::axis::Axis;
use crate::compiler::Author;
use crate::session::{Action, Draft, How, PlaceAction, Session, Watch, WatchAction, Wish};
use crate::sim::Scene;
use crate::ui::app::Shell;
use crate::ui::icons::Icon;
use crate::ui::layout::Layout;
use crate::ui::theme::{self, Palette, Type};
use crate::ui::widgets::{self, Button, text};
use crate::units::format;
use crate::view::Ramp;

/// Space between the rows.
const ROW_GAP: f32 = 4.0;
/// Width of the transport's buttons with their gaps.
const BUTTONS: f32 = 4.0 * 24.0 + 40.0 + 4.0 * 6.0;

/// A list of decisions, whoever made them.
struct List {
    /// Whether they are the compiler's.
    watched: bool,
    count: usize,
    at: usize,
    /// Where each stage begins and what it is called.
    stages: Vec<(usize, String)>,
    strips: [Strip; 3],
}

/// One figure after every decision.
struct Strip {
    name: &'static str,
    unit: &'static str,
    values: Vec<f32>,
    /// A value as it is written.
    words: fn(f32, f64) -> String,
    /// The value that fills the strip, if it is not the largest.
    full: Option<f32>,
    colour: Color32,
}

impl List {
    fn of_watch(scene: &Scene, watch: &Watch) -> Self {
        let curves = watch.curves();
        let stages = watch.stages().iter().map(|stage| (stage.steps.start, stage.pass.words().to_owned()));
        Self {
            watched: true,
            count: watch.count(),
            at: watch.at(),
            stages: stages.collect(),
            strips: strips(scene, curves.wire.clone(), curves.slowest.clone(), curves.sram.clone()),
        }
    }

    fn of_history(scene: &Scene, draft: &Draft) -> Self {
        let entries = draft.history.entries();
        let before = entries.first().map(|_| 0.0);
        let values = |of: &dyn Fn(&crate::session::Tally) -> f32| -> Vec<f32> {
            before.into_iter().chain(entries.iter().map(|entry| of(&entry.after))).collect()
        };
        Self {
            watched: false,
            count: entries.len(),
            at: draft.history.at(),
            stages: entries.iter().enumerate().map(|(index, entry)| (index, entry.label.clone())).collect(),
            strips: strips(
                scene,
                values(&|tally| tally.wire as f32),
                values(&|tally| tally.slowest.map_or(0.0, |(cycles, _)| cycles.0 as f32)),
                values(&|tally| tally.sram_bytes as f32),
            ),
        }
    }
}

fn strips(scene: &Scene, wire: Vec<f32>, slowest: Vec<f32>, sram: Vec<f32>) -> [Strip; 3] {
    let colour = |ramp: Ramp, at| theme::data_colour(ramp.colour(at));
    [
        Strip {
            name: "Wire length",
            unit: "Mhop·B",
            values: wire,
            words: |value, _| format::three_digits(f64::from(value) / 1e6),
            full: None,
            colour: colour(Ramp::Magma, 160),
        },
        Strip {
            name: "Slowest stage",
            unit: "µs",
            values: slowest,
            words: |value, clock| format::three_digits(f64::from(value) / clock * 1e6),
            full: None,
            colour: colour(Ramp::Viridis, 172),
        },
        Strip {
            name: "SRAM used, fullest core",
            unit: "KiB",
            values: sram,
            words: |value, _| format::kib(value as u64),
            full: Some(scene.device.sram_bytes_per_core.value as f32),
            colour: colour(Ramp::Cividis, 165),
        },
    ]
}

/// Where the parts are: the same columns as in playback.
struct Places {
    middle: Rangef,
    labels: Option<Rangef>,
    numbers: Option<Rangef>,
    transport: Rect,
    ruler: Rect,
    strips: [Rect; 3],
    lane: Rect,
    whole: bool,
    axis: Axis,
}

impl Places {
    fn of(ui: &Ui, layout: &Layout, list: &List) -> Self {
        let tokens = &theme::tokens().layout;
        let Layout { left, inspector, timeline, middle, .. } = *layout;
        let padding = theme::tokens().spacing.panel_padding;
        let first = timeline.left() + if left.width() > 0.0 { tokens.rail } else { 0.0 } + padding;
        let mut y = timeline.top() + tokens.transport;
        let mut row = |gap: f32, height: f32| {
            let rect = Rect::from_x_y_ranges(middle, y + gap..=y + gap + height);
            y = rect.bottom();
            rect
        };
        let least = |label: &str| text::width(ui.painter(), label, Type::BodyStrong) + 14.0;
        let stages = list.stages.iter().map(|(start, label)| (*start, if list.watched { least(label) } else { 0.0 }));
        Self {
            axis: Axis::new(middle, list.count, &stages.collect::<Vec<_>>()),
            middle,
            labels: (left.width() > 0.0).then(|| Rangef::new(first + 4.0, left.right() - padding)),
            numbers: (inspector.width() > 0.0)
                .then(|| Rangef::new(inspector.left() + padding, inspector.right() - padding)),
            transport: Rect::from_min_size(timeline.min, vec2(timeline.width(), tokens.transport)),
            ruler: row(ROW_GAP, tokens.ruler),
            strips: [(); 3].map(|()| row(tokens.strip_gap + 1.0, tokens.strip + 2.0)),
            lane: row(ROW_GAP + 2.0, tokens.phase_lane + 4.0),
            whole: timeline.height() >= tokens.timeline - 0.5 && middle.span() > 40.0,
        }
    }

    /// Where the moment after `at` decisions is.
    fn x(&self, at: usize) -> f32 {
        self.axis.x(at)
    }
}

/// Draws the drawer.
pub(in crate::ui) fn show(ui: &mut Ui, layout: &Layout, session: &Session, shell: &Shell, actions: &mut Vec<Action>) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.surface.panel);
    let (Some(scene), Some(draft)) = (session.scene(), &session.draft) else { return };
    let watched = session.desk.watch.as_ref().filter(|_| session.desk.how == How::Watch);
    let list = watched.map_or_else(|| List::of_history(scene, draft), |watch| List::of_watch(scene, watch));
    let places = Places::of(ui, layout, &list);
    transport(ui, &places, session, &list, watched, actions);
    status(ui, &places, session, shell);
    if !places.whole {
        return;
    }
    if list.count == 0 {
        let at = pos2(places.middle.min + 4.0, places.ruler.center().y);
        let words = (
            "Each kernel that is placed, moved or taken off becomes a step here",
            Type::Caption,
            palette.text.tertiary,
        );
        text::paint(ui.painter(), at, Align2::LEFT_CENTER, words);
        return;
    }
    scrub(ui, &places, &list, actions);
    ruler(ui.painter(), palette, &places, &list);
    let clock = scene.device.clock_run_hz.value;
    for (strip, rect) in list.strips.iter().zip(places.strips) {
        draw_strip(ui.painter(), palette, &places, rect, strip, list.at, clock);
    }
    lane(ui.painter(), palette, &places, &list);
    playhead(ui.painter(), palette, &places, &list);
    captions(ui.painter(), palette, &places, &list, session);
}

/// Steps by buttons, where the list is, and what the compiler can be asked.
fn transport(
    ui: &mut Ui,
    places: &Places,
    session: &Session,
    list: &List,
    watched: Option<&Watch>,
    actions: &mut Vec<Action>,
) {
    let area = places.transport;
    let left = places.labels.map_or(area.left() + 12.0, |labels| labels.min - 4.0);
    let row = egui::Layout::left_to_right(egui::Align::Center);
    let place = Rect::from_min_max(pos2(left, area.top()), pos2(left + BUTTONS, area.bottom()));
    let mut buttons = ui.new_child(UiBuilder::new().max_rect(place).layout(row).id_salt("decisions"));
    buttons.spacing_mut().item_spacing.x = 6.0;
    let go = |at: usize| PlaceAction::UndoTo(at);
    let by_hand = [go(0), go(list.at.saturating_sub(1)), PlaceAction::Redo, go(list.at + 1), go(list.count)];
    let watch =
        [WatchAction::Start, WatchAction::Step(-1), WatchAction::TogglePlay, WatchAction::Step(1), WatchAction::End];
    let playing = watched.is_some_and(Watch::is_playing);
    let all = [
        (Icon::ToStart, "First decision (Home)"),
        (Icon::StepBack, "Decision before (Left)"),
        if playing { (Icon::Pause, "Pause (Space)") } else { (Icon::Play, "Play the decisions (Space)") },
        (Icon::StepForward, "Next decision (Right)"),
        (Icon::ToEnd, "Last decision (End)"),
    ];
    for (index, (icon, meaning)) in all.into_iter().enumerate() {
        if index == 2 && watched.is_none() {
            continue;
        }
        if widgets::icon_button(&mut buttons, icon, meaning, 24.0, index == 2 && playing).clicked() {
            let action = if watched.is_some() { PlaceAction::Watch(watch[index]) } else { by_hand[index] };
            actions.push(Action::Place(action));
        }
    }
    let start = if places.whole { places.middle.min + 4.0 } else { place.right() + 12.0 };
    let ends = questions(ui, places, session, actions);
    let palette = theme::palette(ui);
    let (at, count) = (format::grouped(list.at as u64), format::grouped(list.count as u64));
    let noun = if watched.is_some() { "decisions" } else { "steps" };
    let own = session.draft.as_ref().map_or(0, |draft| {
        draft.history.entries()[..draft.history.at()].iter().filter(|entry| entry.author == Author::User).count()
    });
    let of = format!("of {count} {noun}");
    let by = if watched.is_some() { "by the compiler".to_owned() } else { format!("{own} by hand") };
    let mut x = start;
    for (words, kind, colour, gap) in [
        (at.as_str(), Type::Time, palette.text.primary, 8.0),
        (of.as_str(), Type::Mono, palette.text.tertiary, 16.0),
        (by.as_str(), Type::Mono, palette.text.tertiary, 0.0),
    ] {
        let width = text::width(ui.painter(), words, kind);
        if x + width > ends - 12.0 {
            break;
        }
        text::paint_on_baseline(ui.painter(), pos2(x, area.center().y + 7.0), 0.0, &[(words, kind, colour)]);
        x += width + gap;
    }
}

/// What the compiler can be asked, and running. Returns where the buttons begin.
fn questions(ui: &mut Ui, places: &Places, session: &Session, actions: &mut Vec<Action>) -> f32 {
    let area = Rect::from_x_y_ranges(places.middle.min..=places.middle.max - 12.0, places.transport.y_range());
    let row = egui::Layout::right_to_left(egui::Align::Center);
    let mut row = ui.new_child(UiBuilder::new().max_rect(area).layout(row).id_salt("questions"));
    row.spacing_mut().item_spacing.x = 8.0;
    let Some(draft) = session.draft.as_ref().filter(|_| session.desk.how != How::Watch) else { return area.right() };
    let survey = &session.desk.survey;
    let busy = session.desk.asked().is_some() || session.desk.proposal.is_some();
    let ready = survey.blocked().is_none() && !busy;
    let run = Button::secondary("Execute").icon(Icon::Play).enabled(ready).show(&mut row);
    let run = match survey.blocked() {
        Some(blocked) => run.on_hover_text(format!("Blocked by {blocked}")),
        None => run.on_hover_text("Runs the draft as it is (Ctrl+Enter)"),
    };
    if run.clicked() && ready {
        actions.push(Action::Place(PlaceAction::Run));
    }
    if session.desk.how == How::Together {
        // The inspector asks.
        return row.min_rect().left();
    }
    for (wish, useful) in [
        (Wish::Improve, draft.placed.iter().any(|(op, _)| !draft.held.contains(op))),
        (Wish::Finish, draft.placed.len() < survey.kernels),
    ] {
        let enabled = useful && !busy && session.desk.how == How::ByHand;
        if Button::secondary(wish.words()).enabled(enabled).show(&mut row).clicked() {
            actions.push(Action::Place(PlaceAction::Ask(wish)));
        }
    }
    row.min_rect().left()
}

/// Whether the draft may run.
fn status(ui: &Ui, places: &Places, session: &Session, shell: &Shell) {
    let Some(column) = places.numbers else { return };
    let palette = theme::palette(ui);
    let y = places.transport.center().y;
    let (icon, colour, words) = match session.desk.survey.blocked() {
        _ if session.desk.how == How::Watch => {
            (Icon::Wafer, palette.semantic.info, "what the compiler decided".to_owned())
        }
        _ if session.desk.asked().is_some() => {
            (Icon::Clock, palette.semantic.info, "the compiler is at work".to_owned())
        }
        _ if session.desk.proposal.is_some() && !shell.place.before => {
            (Icon::Place, palette.semantic.info, "a proposal is shown".to_owned())
        }
        Some(_) if session.desk.survey.is_broken() => {
            let broken = session.desk.survey.problems.iter().filter(|problem| problem.rect.is_some()).count();
            let noun = if broken == 1 { "error" } else { "errors" };
            (Icon::Forbidden, palette.semantic.error, format!("blocked by {broken} {noun} in the checker"))
        }
        Some(blocked) => (Icon::Warning, palette.semantic.warn, blocked),
        None => (Icon::Check, palette.semantic.ok, "done: nothing is wrong".to_owned()),
    };
    icon.paint_at(ui.painter(), pos2(column.min + 6.0, y), 12.0, colour);
    let run = (words.as_str(), Type::Body, palette.text.secondary);
    text::paint_elided(ui.painter(), pos2(column.min + 18.0, y), Align2::LEFT_CENTER, run, column.span() - 18.0);
}

/// A press on ruler, strips or lane goes to the decision there.
fn scrub(ui: &Ui, places: &Places, list: &List, actions: &mut Vec<Action>) {
    let area = Rect::from_x_y_ranges(places.middle, places.ruler.top()..=places.lane.bottom());
    let response = ui.interact(area, ui.scope_id().with("decisions"), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, "Decisions"));
    let held = response.is_pointer_button_down_on() || response.clicked();
    let Some(pointer) = response.interact_pointer_pos().filter(|_| held) else { return };
    let at = (places.axis.at(pointer.x).round() as usize).min(list.count);
    if at != list.at {
        let seek = PlaceAction::Watch(WatchAction::Seek(at));
        actions.push(Action::Place(if list.watched { seek } else { PlaceAction::UndoTo(at) }));
    }
}

/// Numbers of decisions.
fn ruler(painter: &Painter, palette: &Palette, places: &Places, list: &List) {
    let wanted = (places.middle.span() / 90.0).max(1.0);
    let rough = (list.count as f32 / wanted).max(1.0);
    let power = 10_f32.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|&step| step >= rough).unwrap_or(rough);
    let step = (step as usize).max(1);
    let mut free = places.middle.min;
    for at in (step..list.count).step_by(step) {
        let x = painter.round_to_pixel_center(places.x(at));
        painter.vline(x, places.ruler.top() + 4.0..=places.ruler.bottom(), Stroke::new(1.0, palette.line.control));
        let label = format::grouped(at as u64);
        let room = text::width(painter, &label, Type::MonoSmall) + 5.0;
        if x >= free && x + room < places.middle.max {
            free = x + room + 6.0;
            let run = (label.as_str(), Type::MonoSmall, palette.text.tertiary);
            text::paint(painter, pos2(x + 5.0, places.ruler.center().y), Align2::LEFT_CENTER, run);
        }
    }
}

/// One figure: what was decided bright, what is to come quiet; its name at the left, its value at the right.
fn draw_strip(painter: &Painter, palette: &Palette, places: &Places, rect: Rect, strip: &Strip, at: usize, clock: f64) {
    painter.rect_filled(rect, 0.0, palette.surface.map);
    let largest = strip.values.iter().copied().fold(0.0_f32, f32::max);
    let most = strip.full.unwrap_or(largest);
    let full = most.max(f32::MIN_POSITIVE);
    let count = strip.values.len().saturating_sub(1);
    let mut mesh = Mesh::default();
    let columns = rect.width().floor() as usize;
    for column in 0..columns {
        // The decision that this point of the screen belongs to.
        let index = (places.axis.at(rect.left() + column as f32 + 0.5).ceil() as usize).min(count);
        let Some(&value) = strip.values.get(index) else { continue };
        let height = rect.height() * (value / full).clamp(0.0, 1.0);
        let x = rect.left() + column as f32;
        let bar = Rect::from_min_max(pos2(x, rect.bottom() - height), pos2(x + 1.0, rect.bottom()));
        let strength = if index <= at { 0.5 } else { 0.2 };
        mesh.add_colored_rect(bar, strip.colour.gamma_multiply(strength));
        let edge = bar.with_max_y((bar.top() + 1.0).min(bar.bottom()));
        mesh.add_colored_rect(edge, strip.colour.gamma_multiply(strength * 2.0));
    }
    painter.add(egui::Shape::mesh(mesh));
    let y = rect.center().y;
    if let Some(labels) = places.labels {
        let unit = (strip.unit, Type::Caption, palette.text.tertiary);
        let unit = text::paint(painter, pos2(labels.max, y), Align2::RIGHT_CENTER, unit);
        let name = (strip.name, Type::Caption, palette.text.secondary);
        let room = unit.left() - 6.0 - labels.min;
        text::paint_elided(painter, pos2(labels.min, y), Align2::LEFT_CENTER, name, room);
    }
    if let Some(column) = places.numbers {
        let words = |value: f32| (strip.words)(value, clock);
        let now = strip.values.get(at).copied().map_or_else(|| "–".to_owned(), words);
        let value = (now.as_str(), Type::Mono, palette.text.primary);
        text::paint(painter, pos2(column.min + 54.0, y), Align2::RIGHT_CENTER, value);
        let note = format!("{} {}", if strip.full.is_some() { "of" } else { "at most" }, words(most));
        let note = (note.as_str(), Type::MonoSmall, palette.text.tertiary);
        text::paint(painter, pos2(column.min + 64.0, y), Align2::LEFT_CENTER, note);
    }
}

/// Stages as labelled blocks; the one at work is outlined, those behind have a bright top.
fn lane(painter: &Painter, palette: &Palette, places: &Places, list: &List) {
    let painter = painter.with_clip_rect(places.lane.expand(1.0).intersect(painter.clip_rect()));
    let starts = &list.stages;
    for (index, (start, label)) in starts.iter().enumerate() {
        let end = starts.get(index + 1).map_or(list.count, |next| next.0);
        let (left, right) = (places.x(*start), places.x(end));
        let area = Rect::from_min_max(
            pos2(left, places.lane.top()),
            pos2((right - 1.0).max(left + 0.5), places.lane.bottom()),
        );
        let current = (*start..end).contains(&list.at.saturating_sub(1)) && list.at > 0;
        let done = end <= list.at;
        painter.rect_filled(area, 0.0, if current { palette.accent.soft } else { palette.surface.hover });
        let top = if done { palette.semantic.ok } else { palette.line.control };
        painter.rect_filled(area.with_max_y(area.top() + 2.0), 0.0, top);
        if current {
            painter.rect_stroke(area, 0.0, Stroke::new(1.5, palette.accent.base), StrokeKind::Inside);
        }
        let kind = if current { Type::BodyStrong } else { Type::Caption };
        let colour = if current { palette.text.primary } else { palette.text.secondary };
        if area.width() > 40.0 {
            let at = pos2(area.left() + 6.0, area.center().y + 1.0);
            if text::width(&painter, label, kind) <= area.width() - 12.0 || current {
                text::paint_elided(&painter, at, Align2::LEFT_CENTER, (label, kind, colour), area.width() - 12.0);
            }
        }
    }
}

fn playhead(painter: &Painter, palette: &Palette, places: &Places, list: &List) {
    let x = painter.round_to_pixel_center(places.x(list.at)).min(places.middle.max - 1.0);
    let top = places.ruler.top() - 2.0;
    painter.vline(x, top..=places.lane.bottom() + 2.0, Stroke::new(1.5, palette.text.primary));
    let handle = [(-4.5, 0.0), (4.5, 0.0), (4.5, 5.0), (0.0, 9.0), (-4.5, 5.0)];
    let handle = handle.map(|(dx, dy)| pos2(x + dx, top + dy)).to_vec();
    painter.add(egui::Shape::convex_polygon(handle, palette.text.primary, Stroke::NONE));
}

fn captions(painter: &Painter, palette: &Palette, places: &Places, list: &List, session: &Session) {
    if let Some(labels) = places.labels {
        let watched = session.desk.how == How::Watch;
        let lane = if watched { "Stages" } else { "History" };
        for (words, y) in [("Decision", places.ruler.center().y), (lane, places.lane.center().y)] {
            let run = (words, Type::Caption, palette.text.secondary);
            text::paint(painter, pos2(labels.min, y), Align2::LEFT_CENTER, run);
        }
    }
    if let Some(column) = places.numbers {
        let current = list.stages.iter().rev().find(|(start, _)| *start < list.at);
        let words = current.map_or("nothing decided yet", |(_, label)| label.as_str());
        let at = pos2(column.min, places.lane.center().y);
        let run = (words, Type::MonoSmall, palette.text.primary);
        text::paint_elided(painter, at, Align2::LEFT_CENTER, run, column.span());
    }
}
