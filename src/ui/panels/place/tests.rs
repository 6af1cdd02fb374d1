//! Placing in a window without a display: the tiny transformer is placed, broken by every rule, repaired and run, once by
//! mouse alone and once by keyboard alone.

use std::time::Instant;

use egui::{Event, Key, Modifiers, PointerButton, Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use crate::compiler::Author;
use crate::hardware::{Core, Rect};
use crate::scenario::{Defects, library};
use crate::session::placing::Rule;
use crate::session::{Document, Opening, Session};
use crate::ui::app::{App, Mode};
use crate::ui::panels::map;
use crate::ui::panels::timeline::tests::{Window, until};
use crate::workload::OpId;

const SIZE: egui::Vec2 = vec2(1440.0, 900.0);

/// A window on the tiny transformer, on a wafer that has lost cores at the ends of some rows, after its run.
fn window() -> Window {
    let shipped = library::ALL.iter().find(|shipped| shipped.name == "tiny-resident").unwrap();
    let mut scenario = shipped.scenario();
    let lost = |per_mm2: f64| {
        let defects = Defects::Random { per_mm2, seed: 7 };
        let scene = crate::scenario::Scenario { defects: defects.clone(), ..shipped.scenario() };
        (scene.prepare().unwrap().compile().defects.lost_count() > 100).then_some(defects)
    };
    scenario.defects = [0.25, 0.5, 1.0, 2.0, 4.0].into_iter().find_map(lost).expect("enough defects lose cores");
    scenario.recording = None;
    let document = Document::unsaved(scenario);
    let mut harness = Harness::builder().with_size(SIZE).build_ui_state(
        move |ui, state: &mut Option<App>| {
            let Some(app) = state else {
                let opening =
                    Opening { document: Some(document.clone()), notices: Vec::new(), started: Instant::now() };
                *state = Some(App::new(ui.ctx(), opening));
                return;
            };
            app.update(ui.ctx());
            let area = ui.ctx().content_rect();
            let mut whole = ui.new_child(egui::UiBuilder::new().max_rect(area));
            whole.set_clip_rect(area);
            app.draw(&mut whole);
        },
        None,
    );
    ran(&mut harness);
    harness
}

fn ran(harness: &mut Window) {
    until(harness, |app| app.session.run.as_ref().is_some_and(|run| run.summary.is_some()));
}

fn session(harness: &Window) -> &Session {
    &harness.state().as_ref().unwrap().session
}

fn placed(harness: &Window) -> Vec<(OpId, Rect)> {
    session(harness).draft.as_ref().unwrap().placed.clone()
}

fn in_hand(harness: &Window) -> Option<OpId> {
    session(harness).draft.as_ref().unwrap().hand.map(|hand| hand.op)
}

fn broken(harness: &Window, rule: Rule) -> bool {
    session(harness).desk.survey.counts().iter().any(|(own, _)| *own == rule)
}

fn op(harness: &Window, name: &str) -> OpId {
    session(harness).scene().unwrap().graph.find(Some(0), name).unwrap()
}

fn rect_of(harness: &Window, name: &str) -> Rect {
    session(harness).draft.as_ref().unwrap().rect_of(op(harness, name)).unwrap()
}

/// One frame in which something is asked, one that applies it, and one in which panels have their new heights.
fn frames(harness: &mut Window) {
    for _ in 0..3 {
        harness.step();
    }
}

/// Whether what is in hand fits the SRAM of its cores, wherever it hovers.
fn fits(harness: &Window) -> bool {
    let judgement = harness.state().as_ref().unwrap().shell.place.judgement.clone();
    judgement.is_none_or(|judgement| judgement.sram_bytes_per_core <= 48 * 1_024)
}

/// Whether the draft runs and is run when asked.
fn assert_blocked(harness: &Window, rule: Rule) {
    assert!(broken(harness, rule), "{rule:?} is not listed: {:?}", session(harness).desk.survey.problems);
    assert_eq!(harness.state().as_ref().unwrap().shell.mode, Mode::Place, "a broken draft must not run");
}

fn assert_ran_by_hand(harness: &mut Window, layout: &[(OpId, Rect)]) {
    assert_eq!(harness.state().as_ref().unwrap().shell.mode, Mode::Explore);
    ran(harness);
    let run = session(harness).run.as_ref().unwrap();
    assert_eq!(run.refusal, None);
    let program = &run.scene.as_ref().unwrap().program;
    let by_hand = |step: &&crate::compiler::Step| {
        step.author == Author::User && matches!(step.decision, crate::compiler::Decision::RegionPlaced { .. })
    };
    assert_eq!(program.steps.iter().filter(by_hand).count(), layout.len());
    for (op, rect) in layout {
        let kernel = program.kernels.iter().find(|kernel| kernel.op == *op).unwrap();
        assert_eq!(program.regions[kernel.regions.start as usize].rect, *rect);
    }
}

fn press(harness: &mut Window, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    frames(harness);
}

#[test]
fn a_model_is_placed_broken_repaired_and_run_by_keyboard_alone() {
    let mut harness = window();
    let none = Modifiers::NONE;
    press(&mut harness, none, Key::F3);
    frames(&mut harness);
    let kernels = session(&harness).desk.survey.kernels;
    assert_eq!(kernels, 35);
    for count in 1..=kernels {
        press(&mut harness, none, Key::E);
        // A shape that fits nowhere any more gives way to the next.
        for _ in 0..16 {
            if !session(&harness).desk.survey.spots.is_empty() {
                break;
            }
            press(&mut harness, none, Key::Comma);
        }
        press(&mut harness, none, Key::Tab);
        press(&mut harness, none, Key::Enter);
        assert_eq!(placed(&harness).len(), count, "{:?}", session(&harness).draft.as_ref().unwrap().hand);
    }
    assert_eq!(session(&harness).desk.survey.blocked(), None);
    let whole = placed(&harness);

    // The tree by arrows: embed, block 0, its operators.
    let up = op(&harness, "mlp.up");
    while in_hand(&harness) != Some(up) {
        assert!(in_hand(&harness).is_none());
        press(&mut harness, none, Key::ArrowDown);
        let cursor = harness.state().as_ref().unwrap().shell.place.cursor;
        if cursor == Some(super::tree::Row::Op(up)) {
            press(&mut harness, none, Key::Enter);
        }
    }
    // Refused where it overlaps, and home again.
    let home = session(&harness).draft.as_ref().unwrap().hand.unwrap().at.unwrap();
    let illegal = |harness: &Window| {
        let judgement = harness.state().as_ref().unwrap().shell.place.judgement.clone();
        judgement.is_some_and(|judgement| !judgement.violations.is_empty())
    };
    for key in [Key::ArrowRight, Key::ArrowDown, Key::ArrowLeft, Key::ArrowUp] {
        if !illegal(&harness) {
            press(&mut harness, Modifiers::SHIFT, key);
        }
    }
    assert!(illegal(&harness), "something stands beside it");
    press(&mut harness, none, Key::Enter);
    assert_eq!(in_hand(&harness), Some(up), "an illegal drop is refused");
    press(&mut harness, none, Key::Escape);
    assert_eq!(placed(&harness), whole);

    let enter = |harness: &mut Window| press(harness, none, Key::Enter);
    for rule in [Rule::Overlap, Rule::OffWafer, Rule::DeadCores, Rule::Sram, Rule::Missing] {
        enter(&mut harness);
        assert_eq!(in_hand(&harness), Some(up));
        match rule {
            Rule::Overlap => {
                for key in [Key::ArrowRight, Key::ArrowDown, Key::ArrowLeft, Key::ArrowUp] {
                    if !illegal(&harness) {
                        press(&mut harness, Modifiers::SHIFT, key);
                    }
                }
            }
            Rule::OffWafer | Rule::DeadCores => {
                // To the east edge; with one more slide beyond it.
                let hand = |harness: &Window| session(harness).draft.as_ref().unwrap().hand.unwrap();
                while hand(&harness).rect().unwrap().right() < 762 {
                    press(&mut harness, Modifiers::COMMAND, Key::ArrowRight);
                }
                if rule == Rule::OffWafer {
                    press(&mut harness, none, Key::ArrowRight);
                }
            }
            Rule::Sram => {
                // To the narrowest shape, and smaller still.
                for _ in 0..16 {
                    press(&mut harness, Modifiers::SHIFT, Key::Comma);
                }
                for _ in 0..60 {
                    if fits(&harness) {
                        press(&mut harness, Modifiers::ALT | Modifiers::SHIFT, Key::ArrowUp);
                        press(&mut harness, Modifiers::ALT | Modifiers::SHIFT, Key::ArrowLeft);
                    }
                }
            }
            Rule::Missing => press(&mut harness, none, Key::Delete),
        }
        press(&mut harness, Modifiers::SHIFT, Key::Enter);
        press(&mut harness, Modifiers::COMMAND, Key::Enter);
        assert_blocked(&harness, rule);
        assert!(!session(&harness).notices.is_empty(), "what blocks the run is said");
        press(&mut harness, none, Key::Escape);
        press(&mut harness, none, Key::F8);
        if rule == Rule::Missing {
            assert_eq!(in_hand(&harness), Some(up), "a missing kernel comes into the hand");
            press(&mut harness, none, Key::Q);
        }
        press(&mut harness, Modifiers::COMMAND, Key::Z);
        assert_eq!(placed(&harness), whole, "{rule:?} is repaired");
    }
    assert_eq!(rect_of(&harness, "mlp.up").x, home.x);
    press(&mut harness, Modifiers::COMMAND, Key::Enter);
    assert_ran_by_hand(&mut harness, &whole);
}

/// Where the middle of `core` is on the screen.
fn point(harness: &Window, core: Core) -> Pos2 {
    let app = harness.state().as_ref().unwrap();
    let plane = map::plane(app.session.scene().unwrap());
    let cell = [f64::from(core.x) + 0.5, f64::from(core.y) + 0.5];
    let at = app.shell.map.view().unwrap().ui_from_cell(&plane, cell);
    egui::pos2(at[0] as f32, at[1] as f32)
}

fn click_map(harness: &mut Window, at: Pos2) {
    click_with(harness, at, PointerButton::Primary);
}

fn click_with(harness: &mut Window, at: Pos2, button: PointerButton) {
    harness.hover_at(at);
    frames(harness);
    for pressed in [true, false] {
        harness.event(Event::PointerButton { pos: at, button, pressed, modifiers: Modifiers::NONE });
        frames(harness);
    }
}

fn click(harness: &mut Window, label: &str) {
    harness.get_by_label(label).click();
    frames(harness);
}

#[test]
fn a_model_is_placed_broken_repaired_and_run_by_mouse_alone() {
    let mut harness = window();
    click(&mut harness, "Place");
    frames(&mut harness);
    let kernels = session(&harness).desk.survey.kernels;
    // The first one from the tree to the map, the others to the spots that are offered.
    click(&mut harness, "embed");
    let at = point(&harness, Core { x: 0, y: 128 });
    click_map(&mut harness, at);
    assert_eq!(placed(&harness).len(), 1);
    assert_eq!(placed(&harness)[0].1.x, 0, "it keeps to the edge");
    for count in 2..=kernels {
        click(&mut harness, "Take the next kernel");
        if session(&harness).desk.survey.spots.is_empty() {
            let (width, height) = session(&harness).draft.as_ref().unwrap().shapes[0];
            click(&mut harness, &format!("Shape {width}×{height}"));
        }
        click(&mut harness, "Drop at spot 1");
        assert_eq!(placed(&harness).len(), count);
    }
    assert_eq!(session(&harness).desk.survey.blocked(), None);
    let whole = placed(&harness);

    for rule in [Rule::Overlap, Rule::OffWafer, Rule::DeadCores, Rule::Sram, Rule::Missing] {
        let home = rect_of(&harness, "mlp.up");
        let other = rect_of(&harness, "attn.qkv");
        let at = point(&harness, home.centre());
        click_with(&mut harness, at, PointerButton::Secondary);
        assert_eq!(in_hand(&harness), Some(op(&harness, "mlp.up")), "the other button takes it up");
        let to = match rule {
            Rule::Overlap => other.centre(),
            Rule::OffWafer => Core { x: 761, y: home.centre().y },
            Rule::DeadCores => Core { x: 761 - home.width / 2, y: home.centre().y },
            Rule::Sram | Rule::Missing => home.centre(),
        };
        if rule == Rule::Sram {
            let smallest = *session(&harness).draft.as_ref().unwrap().shapes.iter().min_by_key(|(w, h)| w * h).unwrap();
            click(&mut harness, &format!("Shape {}×{}", smallest.0, smallest.1));
            for _ in 0..60 {
                if fits(&harness) {
                    click(&mut harness, "Width one core less");
                    click(&mut harness, "Height one core less");
                }
            }
        }
        if rule == Rule::Missing {
            click(&mut harness, "take off");
        } else {
            let at = point(&harness, to);
            click_map(&mut harness, at);
            assert!(in_hand(&harness).is_some(), "{rule:?}: an illegal drop is refused");
            click(&mut harness, "Place anyway, draft");
        }
        click(&mut harness, "Execute");
        assert_blocked(&harness, rule);
        let problem = session(&harness).desk.survey.problems[0].words.clone();
        harness.get_by_label(&format!("Problem: {problem}")).click();
        // The camera flies there, or the kernel comes into the hand.
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(120));
            frames(&mut harness);
        }
        if rule == Rule::Missing {
            click(&mut harness, "put back");
        }
        harness.get_by_label_contains("Undo: ").click();
        frames(&mut harness);
        assert_eq!(placed(&harness), whole, "{rule:?} is repaired");
        harness.get_by_label("Fit the wafer (F)").click();
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(120));
            frames(&mut harness);
        }
    }
    click(&mut harness, "Execute");
    assert_ran_by_hand(&mut harness, &whole);
}

#[test]
fn the_compiler_is_watched_forked_and_asked_by_name() {
    let mut harness = window();
    click(&mut harness, "Place");
    frames(&mut harness);
    click(&mut harness, "Watch");
    let count = session(&harness).desk.watch.as_ref().unwrap().count();
    harness.get_by_label("First decision (Home)").click();
    frames(&mut harness);
    click(&mut harness, "Step");
    click(&mut harness, "To end of stage");
    click(&mut harness, "Step");
    let watch = session(&harness).desk.watch.as_ref().unwrap();
    assert!((1..count).contains(&watch.at()));
    assert!(harness.query_by_label_contains("Rule: ").is_some());
    // A kernel in the tree leads to the decision that placed it.
    click(&mut harness, "mlp.up");
    let up = op(&harness, "mlp.up");
    let watch = session(&harness).desk.watch.as_ref().unwrap();
    assert_eq!(Some(watch.at()), watch.placed_at(up));
    let before = watch.layout_at(watch.at() - 1);
    click(&mut harness, "What if elsewhere");
    assert_eq!((in_hand(&harness), placed(&harness)), (Some(up), before.clone()));
    harness.get_by_label("Drop at spot 2").click();
    frames(&mut harness);
    click(&mut harness, "Finish the rest");
    until(&mut harness, |app| app.session.desk.proposal.is_some());
    frames(&mut harness);
    click(&mut harness, "Before");
    assert!(harness.state().as_ref().unwrap().shell.place.before);
    click(&mut harness, "Accept");
    let layout = placed(&harness);
    assert!(before.iter().all(|kept| layout.contains(kept)));
    assert!(harness.query_by_label_contains("Undo: let the compiler place").is_some());
}

#[test]
fn every_size_of_window_draws_every_way_of_placing() {
    let mut harness = window();
    click(&mut harness, "Place");
    for size in [SIZE, vec2(1_280.0, 720.0), vec2(980.0, 519.0), vec2(690.0, 700.0), vec2(480.0, 320.0)] {
        harness.set_size(size);
        for key in [Key::Num1, Key::E, Key::Num2, Key::Num3] {
            let modifiers = if key == Key::E { Modifiers::NONE } else { Modifiers::COMMAND };
            press(&mut harness, modifiers, key);
        }
    }
}
