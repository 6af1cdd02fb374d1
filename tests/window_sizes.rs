//! Windows of any size at any scale, in every mode: nothing panics, and what is shown stays inside.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails on the spot")]

use std::time::{Duration, Instant};

use egui::{Event, Key, Modifiers, PointerButton, Pos2, Vec2, vec2};
use egui_kittest::Harness;
use waferscope::session::{Document, Opening, library};
use waferscope::ui::app::{App, Mode};

type Window = Harness<'static, Option<App>>;

/// Sizes in pixels, from a phone held sideways to a wall.
const SIZES: [[f32; 2]; 9] = [
    [200.0, 150.0],
    [150.0, 900.0],
    [480.0, 320.0],
    [640.0, 480.0],
    [1024.0, 768.0],
    [1440.0, 900.0],
    [3840.0, 400.0],
    [3840.0, 2160.0],
    [7680.0, 4320.0],
];

const SCALES: [f32; 5] = [0.5, 1.0, 1.5, 2.0, 4.0];

fn window() -> Window {
    let tiny = library::ALL.iter().find(|shipped| shipped.name == "tiny-resident").unwrap();
    let document = Document::unsaved(tiny.scenario());
    Harness::builder().with_size(vec2(1440.0, 900.0)).build_ui_state(
        move |ui, state: &mut Option<App>| {
            // Letters and colours that are installed in one frame are there in the next.
            let Some(app) = state else {
                let document = Some(document.clone());
                *state = Some(App::new(ui.ctx(), Opening { document, notices: Vec::new(), started: Instant::now() }));
                return;
            };
            app.update(ui.ctx());
            let area = ui.ctx().content_rect();
            let mut whole = ui.new_child(egui::UiBuilder::new().max_rect(area));
            whole.set_clip_rect(area);
            app.draw(&mut whole);
        },
        None,
    )
}

fn app(harness: &Window) -> &App {
    harness.state().as_ref().unwrap()
}

/// Waits until the run has ended and a picture of it is there.
fn ran(harness: &mut Window) {
    let begun = Instant::now();
    while app(harness).session.run.as_ref().is_none_or(|run| run.summary.is_none())
        || app(harness).session.frame.is_none()
    {
        assert!(begun.elapsed() < Duration::from_mins(2), "the run never ended");
        std::thread::sleep(Duration::from_millis(5));
        harness.step();
    }
}

/// A frame in which the pointer is somewhere and the wheel turns, and one with a click.
fn poke(harness: &mut Window, at: Pos2) {
    let button =
        |pressed| Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
    harness.event(Event::PointerMoved(at));
    harness.event(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Line,
        delta: vec2(0.0, 1.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
    harness.step();
    harness.event(button(true));
    harness.event(button(false));
    harness.step();
}

/// Gives the window this many pixels at this scale and draws it.
fn resize(harness: &mut Window, pixels: Vec2, scale: f32) {
    harness.set_pixels_per_point(scale);
    harness.set_size(pixels / scale);
    harness.step();
    harness.step();
}

#[test]
fn every_size_at_every_scale_in_every_mode() {
    let mut harness = window();
    harness.step();
    ran(&mut harness);
    // Explore; place by hand with something in hand, watch, together; the sheet of keys over it.
    let modes: [&[(Modifiers, Key)]; 5] = [
        &[(Modifiers::NONE, Key::F2)],
        &[(Modifiers::NONE, Key::F3), (Modifiers::COMMAND, Key::Num1), (Modifiers::NONE, Key::E)],
        &[(Modifiers::COMMAND, Key::Num2)],
        &[(Modifiers::COMMAND, Key::Num3)],
        &[(Modifiers::NONE, Key::F1)],
    ];
    for (index, keys) in modes.into_iter().enumerate() {
        resize(&mut harness, vec2(1440.0, 900.0), 1.0);
        for &(modifiers, key) in keys {
            harness.key_press_modifiers(modifiers, key);
            harness.step();
            harness.step();
        }
        assert_eq!(app(&harness).shell.mode == Mode::Explore, index == 0, "mode {index}");
        // Every scale where the modes differ most; the ends of the scale in the others.
        let scales = if index < 2 { &SCALES[..] } else { &[0.5, 4.0] };
        for pixels in SIZES {
            for &scale in scales {
                let size = vec2(pixels[0], pixels[1]);
                resize(&mut harness, size, scale);
                for share in [[0.5, 0.5], [0.99, 0.02], [0.1, 0.95]] {
                    let points = size / scale;
                    poke(&mut harness, Pos2::new(points.x * share[0], points.y * share[1]));
                }
                // What a click has opened must not stay for the next size.
                harness.key_press(Key::Escape);
                harness.step();
            }
        }
        harness.key_press_modifiers(Modifiers::NONE, Key::F3);
        harness.step();
    }
    let stopped = &app(&harness).session.notices;
    assert!(stopped.iter().all(|notice| notice.title != "The engine stopped"), "{stopped:?}");
}
