//! The inspector on real runs: what it says must agree with the session.

use super::*;
use crate::hardware::Core;
use crate::session::{TimeAction, ViewAction};
use crate::ui::panels::timeline::tests::{act, window};
use egui_kittest::kittest::Queryable as _;

const SIZE: egui::Vec2 = egui::vec2(1440.0, 900.0);

#[test]
fn the_peak_is_found_and_is_the_peak() {
    let mut harness = window(SIZE, "13b-streaming");
    let pin = Action::View(ViewAction::Pin(Some(Core { x: 243, y: 617 })));
    harness.state_mut().as_mut().unwrap().session.apply(pin);
    act(&mut harness, TimeAction::Start);
    harness.get_by_label("SRAM").click();
    harness.step();
    harness.step();
    harness.get_by_label("Go to the peak").click();
    harness.step();
    harness.step();
    let session = &harness.state().as_ref().unwrap().session;
    let (scene, run) = (session.scene().unwrap(), session.run.as_ref().unwrap());
    let time = session.playback.cycle();
    let report = crate::sim::inspect::core(scene, &run.trace, session.pinned.unwrap(), time);
    assert!(time > 0);
    assert_eq!(report.sram_now, report.sram_peak.tally);
}

#[test]
fn a_run_that_does_not_fit_shows_amounts_and_ways_out() {
    let mut harness = window(SIZE, "llama-70b-does-not-fit");
    harness.step();
    for label in ["Does not run", "Ways out"] {
        assert!(harness.query_by_label_contains(label).is_some(), "{label} is missing");
    }
    assert!(harness.query_all_by_label_contains("SRAM needed").next().is_some());
}

#[test]
fn every_figure_of_the_device_is_listed() {
    let mut harness = window(SIZE, "tiny-resident");
    harness.set_size(egui::vec2(1440.0, 3_000.0));
    harness.step();
    harness.get_by_label("Device").click();
    harness.step();
    harness.step();
    for label in ["Run clock 875", "Fabric columns 762", "Output queues 8"] {
        assert!(harness.query_by_label(label).is_some(), "{label} is missing");
    }
}
