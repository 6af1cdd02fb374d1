//! The timeline: transport, overview, ruler, metric strips and the lane of phases, over the same x range as the map.
//!
//! It draws what the session holds: strips come from the painter's thread, phases from the part of the trace that is
//! shown. What the hand does becomes actions on time.

mod hand;
mod lane;
mod scale;
mod strips;
mod transport;

#[cfg(test)]
pub(super) mod tests;

use egui::{Align2, Painter, Rangef, Rect, Shape, Stroke, StrokeKind, Ui, pos2, vec2};

use crate::session::{Action, Session};
use crate::ui::app::Shell;
use crate::ui::layout::Layout;
use crate::ui::theme::{self, Palette, Type};
use crate::ui::widgets::text;
use crate::units::format;
use hand::Now;
use lane::{Boundary, Groups, Lane};
pub(super) use scale::TimeFormat;
use scale::TimeScale;

/// Points from one time on the ruler to the next, at least.
const TICK_POINTS: f32 = 76.0;
/// Space between the rows of the timeline.
const ROW_GAP: f32 = 4.0;

/// What the timeline keeps between frames.
#[derive(Default)]
pub(in crate::ui) struct TimelineState {
    groups: Groups,
    /// Cycles from the start of the overview's box to the pointer that drags it.
    grabbed: Option<f64>,
}

/// Where the parts of the timeline are.
struct Places {
    /// Horizontal range of the map, of everything that has time along it.
    middle: Rangef,
    /// Of the buttons.
    buttons: Rangef,
    /// Of the names at the left, if there is a pane above.
    labels: Option<Rangef>,
    /// Of the numbers at the right, if there is an inspector above.
    numbers: Option<Rangef>,
    transport: Rect,
    overview: Rect,
    ruler: Rect,
    strips: [Rect; 4],
    lane: Rect,
    /// Whether there is room for more than the transport.
    whole: bool,
}

impl Places {
    fn of(layout: &Layout) -> Self {
        let tokens = &theme::tokens().layout;
        let Layout { left, inspector, timeline, middle, .. } = *layout;
        let padding = theme::tokens().spacing.panel_padding;
        let first = timeline.left() + if left.width() > 0.0 { tokens.rail } else { 0.0 } + padding;
        let buttons = Rangef::new(first, first + transport::BUTTONS_WIDTH);
        // Without a pane at the left the buttons take their room from the middle.
        let clear = if left.width() > 0.0 { middle.min } else { buttons.max + padding };
        let whole = timeline.height() >= tokens.timeline - 0.5;
        let mut y = timeline.top() + tokens.transport;
        let mut row = |gap: f32, height: f32, start: f32| {
            let rect = Rect::from_x_y_ranges(start.min(middle.max)..=middle.max, y + gap..=y + gap + height);
            y = rect.bottom();
            rect
        };
        let start = middle.min;
        let overview = row(2.0, tokens.overview, start);
        let ruler = row(ROW_GAP, tokens.ruler, start);
        let strips = [(); 4].map(|()| row(tokens.strip_gap, tokens.strip, start));
        let lane = row(ROW_GAP, tokens.phase_lane, start);
        let transport = Rect::from_min_size(timeline.min, vec2(timeline.width(), tokens.transport));
        Self {
            middle: if whole { middle } else { Rangef::new(clear, middle.max.max(clear)) },
            buttons,
            labels: (left.width() > 0.0).then(|| Rangef::new(first + 4.0, left.right() - padding)),
            numbers: (inspector.width() > 0.0)
                .then(|| Rangef::new(inspector.left() + padding, inspector.right() - padding)),
            transport,
            overview,
            ruler,
            strips,
            lane,
            whole,
        }
    }

    /// The same for the transport's row alone.
    fn of_transport(layout: &Layout) -> Self {
        let places = Self::of(layout);
        let clear = places.buttons.max + theme::tokens().spacing.panel_padding;
        let min = places.middle.min.max(clear);
        Self { middle: Rangef::new(min, places.middle.max.max(min)), ..places }
    }
}

/// Draws the timeline.
pub(in crate::ui) fn show(
    ui: &mut Ui,
    layout: &Layout,
    session: &Session,
    shell: &mut Shell,
    actions: &mut Vec<Action>,
) {
    let palette = theme::palette(ui);
    ui.painter().rect_filled(ui.max_rect(), 0.0, palette.surface.panel);
    transport::show(ui, &Places::of_transport(layout), session, actions);
    let places = Places::of(layout);
    let Some((scene, run)) = session.scene().zip(session.run.as_ref()) else { return };
    if !places.whole || places.middle.span() < 40.0 {
        return;
    }
    let trace = &run.trace;
    if trace.edge == 0 {
        empty(ui, palette, &places, run.refusal.is_some());
        return;
    }
    let (from, to) = session.playback.visible(trace.edge);
    let scale = TimeScale::new(places.middle, from, to);
    let now = Now { cycle: session.playback.cycle(), edge: trace.edge };
    let state = &mut shell.timeline;
    let track = state.groups.update(scene, trace, session.pinned);
    let lane = track.map_or_else(Lane::default, |track| lane::lane(scene, &state.groups, track, &scale));

    overview(ui, palette, &places, &scale, now);
    hand::on_overview(ui, &places, &scale, now.edge, state, actions);
    hand::on_strips(ui, &places, &scale, &lane.pieces, now, actions);
    let clock_hz = scene.device.clock_run_hz.value;
    let seconds = |cycle: u64| cycle as f64 / clock_hz;
    if let Some(strips) = &session.strips {
        strips::show(ui, &places, scene, strips, &scale, now.cycle);
    }
    lane::paint(ui.painter(), palette, places.lane, &scale, &lane.pieces, now.cycle);
    let ticks = scale::ticks(&scale, clock_hz, seconds(now.edge), TICK_POINTS);
    ruler(ui.painter(), palette, &places, &scale, &ticks, &lane.boundaries);
    playhead(ui.painter(), palette, &places, &scale, now.cycle);
    let format = TimeFormat::new(seconds(now.edge), seconds(scale.span()) / 100.0);
    let shown = format!("{}–{}", format.number(seconds(from)), format.words(seconds(to)));
    captions(ui, palette, &places, &shown, &lane, now.cycle);
}

/// What stands where there is no time to show yet, or never will be.
fn empty(ui: &Ui, palette: &Palette, places: &Places, refused: bool) {
    ui.painter().rect_filled(places.overview, 0.0, palette.surface.hover);
    let words = if refused { "Nothing to play: the program does not run" } else { "Compiling" };
    let at = pos2(places.middle.min + 4.0, places.ruler.center().y);
    text::paint(ui.painter(), at, Align2::LEFT_CENTER, (words, Type::Caption, palette.text.tertiary));
}

/// The whole run, with a box around what is shown.
fn overview(ui: &Ui, palette: &Palette, places: &Places, shown: &TimeScale, now: Now) {
    let (painter, bar) = (ui.painter(), places.overview);
    let whole = TimeScale::new(places.middle, 0, now.edge);
    painter.rect_filled(bar, 0.0, palette.surface.hover);
    painter.rect_filled(bar.with_max_x(whole.x(now.cycle)), 0.0, palette.line.control);
    let (left, right) = (whole.x(shown.from), whole.x(shown.to));
    // A short stretch keeps a box that can be seen and taken hold of.
    let middle = left.midpoint(right);
    let half = ((right - left) / 2.0).max(4.0);
    let frame = Rect::from_min_max(pos2(middle - half, bar.top() - 1.0), pos2(middle + half, bar.bottom() + 1.0));
    let inside =
        frame.translate(vec2((bar.left() - frame.left()).max(0.0) - (frame.right() - bar.right()).max(0.0), 0.0));
    let edge = Stroke::new(1.5, palette.accent.base);
    painter.rect(inside, 2.0, palette.accent.soft, edge, StrokeKind::Inside);
}

/// Times and boundaries.
fn ruler(
    painter: &Painter,
    palette: &Palette,
    places: &Places,
    scale: &TimeScale,
    ticks: &[scale::Tick],
    boundaries: &[Boundary],
) {
    let painter = painter.with_clip_rect(
        Rect::from_x_y_ranges(places.middle, places.ruler.top()..=places.lane.bottom()).intersect(painter.clip_rect()),
    );
    let (top, middle) = (places.ruler.top(), places.ruler.center().y);
    let mut taken: Vec<Rangef> = Vec::new();
    for (index, boundary) in boundaries.iter().enumerate() {
        let x = scale.x(boundary.cycle);
        let next = boundaries.get(index + 1).map_or(places.middle.max, |next| scale.x(next.cycle));
        let line = painter.round_to_pixel_center(x);
        if places.middle.contains(x) {
            painter.vline(line, top..=places.lane.bottom(), Stroke::new(1.0, palette.line.control));
        }
        let start = x.max(places.middle.min) + 5.0;
        let width = text::width(&painter, &boundary.label, Type::MonoSmall);
        if start + width + 8.0 < next {
            let label = (boundary.label.as_str(), Type::MonoSmall, palette.text.primary);
            text::paint(&painter, pos2(start, middle), Align2::LEFT_CENTER, label);
            taken.push(Rangef::new(x - 4.0, start + width + 8.0));
        }
    }
    for tick in ticks {
        let x = painter.round_to_pixel_center(tick.x);
        let width = text::width(&painter, &tick.label, Type::MonoSmall);
        let room = Rangef::new(x, x + 5.0 + width);
        let free = taken.iter().all(|taken| room.max < taken.min || taken.max < room.min);
        let foot = if free { top + 3.0 } else { places.ruler.bottom() - 4.0 };
        painter.vline(x, foot..=places.ruler.bottom(), Stroke::new(1.0, palette.line.control));
        if free && room.max < places.middle.max {
            let label = (tick.label.as_str(), Type::MonoSmall, palette.text.tertiary);
            text::paint(&painter, pos2(x + 5.0, middle), Align2::LEFT_CENTER, label);
        }
    }
}

/// The line of now with its handle.
fn playhead(painter: &Painter, palette: &Palette, places: &Places, scale: &TimeScale, now: u64) {
    let x = scale.x(now);
    if !places.middle.contains(x) {
        return;
    }
    let x = painter.round_to_pixel_center(x);
    let top = places.ruler.top() - 2.0;
    let colour = palette.text.primary;
    painter.vline(x, top..=places.lane.bottom() + 2.0, Stroke::new(1.5, colour));
    let handle = [(-4.5, 0.0), (4.5, 0.0), (4.5, 5.0), (0.0, 9.0), (-4.5, 5.0)];
    let handle = handle.map(|(dx, dy)| pos2(x + dx, top + dy)).to_vec();
    painter.add(Shape::convex_polygon(handle, colour, Stroke::NONE));
}

/// The words at the left, and what runs now at the right.
fn captions(ui: &Ui, palette: &Palette, places: &Places, shown: &str, lane: &Lane, now: u64) {
    let painter = ui.painter();
    if let Some(labels) = places.labels {
        let quiet = palette.text.tertiary;
        let rows = [("Whole run", places.overview), ("Shown", places.ruler), ("Phases", places.lane)];
        for (words, rect) in rows {
            let at = pos2(labels.min, rect.center().y);
            let colour = if words == "Phases" { palette.text.secondary } else { quiet };
            text::paint(painter, at, Align2::LEFT_CENTER, (words, Type::Caption, colour));
        }
        if let Some(owner) = &lane.owner {
            let at = pos2(labels.max, places.lane.center().y);
            let owner = (owner.as_str(), Type::MonoSmall, quiet);
            text::paint_elided(painter, at, Align2::RIGHT_CENTER, owner, labels.span() - 48.0);
        }
        let at = pos2(labels.max, places.ruler.center().y);
        text::paint_elided(painter, at, Align2::RIGHT_CENTER, (shown, Type::MonoSmall, quiet), labels.span() - 48.0);
    }
    if let Some(column) = places.numbers {
        let at = pos2(column.min, places.ruler.center().y);
        let words = ("now, and the mean of what is shown", Type::Caption, palette.text.tertiary);
        text::paint(painter, at, Align2::LEFT_CENTER, words);
        let running = lane.pieces.iter().find(|piece| (piece.from..piece.to).contains(&now));
        if let Some(piece) = running {
            let done = (now - piece.from) as f64 / (piece.to - piece.from).max(1) as f64;
            let at = pos2(column.min, places.lane.center().y);
            let runs = [
                ("running", Type::Caption, palette.text.tertiary),
                (piece.label.as_str(), Type::MonoSmall, palette.text.primary),
                (&*format!("{} done", format::percent(done)), Type::Caption, palette.text.tertiary),
            ];
            text::paint_on_baseline(painter, pos2(at.x, at.y + 4.0), 5.0, &runs);
        }
    }
}
