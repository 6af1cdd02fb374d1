//! The timeline in a window without a display: real sessions, clicks and wheels.

use super::*;
use crate::hardware::Core;
use crate::session::{FileAction, Opening, TimeAction, ViewAction};
use crate::ui::app::App;
use egui::{Event, Modifiers, MouseWheelUnit, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use std::time::{Duration, Instant};

/// A window that may not have been opened yet.
pub(in crate::ui::panels) type Window = Harness<'static, Option<App>>;

/// A window of `size` on a shipped scenario that has run to its end, or was refused, and is paused.
pub(in crate::ui::panels) fn window(size: Vec2, name: &'static str) -> Window {
    let mut harness = Harness::builder().with_size(size).build_ui_state(
        move |ui, state: &mut Option<App>| {
            // Letters and colours that are installed in one frame are there in the next.
            let Some(app) = state else {
                let mut app =
                    App::new(ui.ctx(), Opening { document: None, notices: Vec::new(), started: Instant::now() });
                app.session.apply(Action::File(FileAction::OpenShipped(name)));
                *state = Some(app);
                return;
            };
            app.update(ui.ctx());
            // The harness leaves a margin that the real window has not.
            let area = ui.ctx().content_rect();
            let mut whole = ui.new_child(egui::UiBuilder::new().max_rect(area));
            whole.set_clip_rect(area);
            app.draw(&mut whole);
        },
        None,
    );
    until(&mut harness, |app| {
        app.session.run.as_ref().is_some_and(|run| run.summary.is_some() || run.refusal.is_some())
    });
    act(&mut harness, TimeAction::Pause);
    harness
}

/// Draws until `done` and all that was asked for has arrived.
pub(in crate::ui::panels) fn until(harness: &mut Window, done: impl Fn(&App) -> bool) {
    for _ in 0..4_000 {
        harness.step();
        if harness.state().as_ref().is_some_and(&done) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the window still waits");
}

/// Does `action` and waits until frame and strips show it.
pub(in crate::ui::panels) fn act(harness: &mut Window, action: TimeAction) {
    let app = harness.state_mut().as_mut().unwrap();
    app.session.apply(Action::Time(action));
    settle(harness);
}

/// Waits for the painter's thread.
fn settle(harness: &mut Window) {
    until(harness, |app| {
        let session = &app.session;
        let Some(run) = session.run.as_ref().filter(|run| run.refusal.is_none()) else { return true };
        let strips = session.strips.as_ref().map(|strips| (strips.from, strips.to));
        let time = session.frame.as_ref().map(|frame| frame.request.time);
        strips == Some(session.playback.visible(run.trace.edge)) && time == Some(session.playback.cycle())
    });
    harness.step();
}

fn session(harness: &Window) -> &Session {
    &harness.state().as_ref().unwrap().session
}

fn places(size: Vec2) -> Places {
    Places::of(&Layout::of(Rect::from_min_size(egui::Pos2::ZERO, size)))
}

const SIZE: Vec2 = vec2(1440.0, 900.0);

#[test]
fn a_click_seeks_to_within_a_point_and_a_drag_follows() {
    let mut harness = window(SIZE, "13b-streaming");
    let places = places(SIZE);
    for (rect, x) in [(places.ruler, 300.0), (places.strips[2], 777.0), (places.lane, 1_130.0)] {
        let at = pos2(x, rect.center().y);
        harness.hover_at(at);
        harness.drag_at(at);
        harness.step();
        harness.step();
        let (from, to) = session(&harness).playback.visible(u64::MAX);
        let scale = TimeScale::new(places.middle, from, to);
        let found = session(&harness).playback.cycle();
        assert!((scale.x(found) - x).abs() <= 1.0, "{found} is at {}, not at {x}", scale.x(found));
        harness.hover_at(at + vec2(-9.0, 0.0));
        harness.step();
        harness.drop_at(at + vec2(-9.0, 0.0));
        harness.step();
        harness.step();
        let found = session(&harness).playback.cycle();
        assert!((scale.x(found) - (x - 9.0)).abs() <= 1.0, "the drag stopped at {}", scale.x(found));
        harness.remove_cursor();
        settle(&mut harness);
    }
}

#[test]
fn the_wheel_pans_and_with_ctrl_zooms_at_the_pointer() {
    let mut harness = window(SIZE, "13b-streaming");
    let places = places(SIZE);
    let edge = session(&harness).run.as_ref().unwrap().trace.edge;
    let pointer = pos2(500.0, places.strips[0].center().y);
    let mut wheel = |lines: f32, modifiers| {
        harness.hover_at(pointer);
        harness.step();
        let before = TimeScale::from_session(session(&harness), &places);
        harness.event(Event::MouseWheel {
            unit: MouseWheelUnit::Line,
            delta: vec2(0.0, lines),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers,
        });
        harness.step();
        harness.step();
        (before, TimeScale::from_session(session(&harness), &places))
    };
    let (before, closer) = wheel(4.0, Modifiers::CTRL);
    assert!(closer.span() < before.span() / 2);
    let moved = closer.x(before.cycle_at(pointer.x)) - pointer.x;
    assert!(moved.abs() < 2.0, "the cycle under the pointer moved by {moved} points");
    let (before, panned) = wheel(-2.0, Modifiers::NONE);
    assert_eq!(panned.span(), before.span());
    assert!(panned.from > before.from);
    // However far, the stretch stays inside the run and never becomes empty.
    for (lines, modifiers) in [(400.0, Modifiers::CTRL), (-4_000.0, Modifiers::CTRL), (900.0, Modifiers::NONE)] {
        for _ in 0..12 {
            let (_, after) = wheel(lines, modifiers);
            assert!(after.span() >= scale::SPAN_MIN.min(edge) && after.to <= edge, "{after:?}");
        }
    }
}

impl TimeScale {
    fn from_session(session: &Session, places: &Places) -> Self {
        let edge = session.run.as_ref().unwrap().trace.edge;
        let (from, to) = session.playback.visible(edge);
        Self::new(places.middle, from, to)
    }
}

#[test]
fn a_paused_window_rests() {
    for name in ["13b-streaming", "tiny-resident"] {
        let mut harness = window(SIZE, name);
        settle(&mut harness);
        // Fails if anything asks for another frame again and again.
        harness.run();
        assert!(!session(&harness).is_moving());
    }
}

#[test]
fn every_size_and_every_kind_of_run_draws() {
    let sizes =
        [SIZE, vec2(1_024.0, 640.0), vec2(980.0, 519.0), vec2(690.0, 700.0), vec2(480.0, 320.0), vec2(60.0, 40.0)];
    for name in ["13b-streaming", "bert-base-resident", "llama-70b-does-not-fit"] {
        let mut harness = window(SIZE, name);
        for pinned in [None, Some(Core { x: 388, y: 441 }), Some(Core { x: 761, y: 1_175 })] {
            harness.state_mut().as_mut().unwrap().session.apply(Action::View(ViewAction::Pin(pinned)));
            for size in sizes {
                harness.set_size(size);
                harness.step();
                harness.step();
            }
        }
        harness.set_size(SIZE);
        for action in [TimeAction::Start, TimeAction::End, TimeAction::Show { from: 0, to: u64::MAX }] {
            act(&mut harness, action);
        }
    }
}

#[test]
fn the_transport_works_by_its_names() {
    let mut harness = window(SIZE, "tiny-resident");
    let edge = session(&harness).run.as_ref().unwrap().trace.edge;
    harness.get_by_label("Go to the end (End)").click();
    harness.step();
    harness.step();
    assert_eq!(session(&harness).playback.cycle(), edge);
    harness.get_by_label("Step back (Left)").click();
    harness.step();
    harness.step();
    assert!(session(&harness).playback.cycle() < edge);
    harness.get_by_label("Play (Space)").click();
    harness.step();
    harness.step();
    assert!(session(&harness).playback.playing || session(&harness).playback.cycle() == edge);
}

#[test]
fn times_show_the_digits_that_tell_neighbours_apart() {
    let words = |run: f64, step: f64, time: f64| TimeFormat::new(run, step).words(time);
    assert_eq!(words(1.96, 0.002, 0.125), "0.125 s");
    assert_eq!(words(0.912, 1e-5, 0.1345), "134.50 ms");
    assert_eq!(words(3e-6, 1e-9, 1.25e-6), "1.250 µs");
    assert_eq!(words(600.0, 60.0, 120.0), "2 min");
    // A tick's label is exact and lies where its time is.
    let scale = TimeScale::new(Rangef::new(0.0, 800.0), 125_000, 141_000);
    let ticks = scale::ticks(&scale, 1e6, 0.912, 110.0);
    let labels: Vec<&str> = ticks.iter().map(|tick| tick.label.as_str()).collect();
    assert_eq!(labels, ["125 ms", "130 ms", "135 ms", "140 ms"]);
    assert!((ticks[1].x - 250.0).abs() < 0.1);
    assert!(scale::ticks(&TimeScale::new(Rangef::new(0.0, 0.0), 0, 0), 1e9, 0.0, 110.0).len() < 4);
}
