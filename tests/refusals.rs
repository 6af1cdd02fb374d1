//! What must not run is still drawn, stepped through and counted without a panic, and nothing is counted twice.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails on the spot")]

use std::time::{Duration, Instant};

use waferscope::compiler::{Mapping, Violation, Work};
use waferscope::hardware::Rect;
use waferscope::scenario::{PinnedKernel, Scenario, library};
use waferscope::session::{Action, Document, FileAction, Session, StepUnit, TimeAction};
use waferscope::sim::thread::Waker;
use waferscope::sim::{Engine, FrameRequest, Layer, Trace, metrics};

fn shipped(name: &str) -> Scenario {
    library::ALL.iter().find(|shipped| shipped.name == name).unwrap().scenario()
}

#[test]
fn a_kernel_pinned_off_the_wafer_is_refused_and_the_rest_is_drawn() {
    for (x, y) in [(700, 1_100), (761, 0), (0, 1_175), (65_000, 65_000)] {
        let mut scenario = shipped("tiny-resident");
        let rect = Rect { x, y, width: 128, height: 256 };
        scenario.pinned = vec![PinnedKernel { block: Some(0), op: "mlp.up".to_owned(), wafer: 0, rect }];
        let scene = scenario.prepare().unwrap().compile();
        let off = |violation: &Violation| matches!(violation, Violation::OffFabric { .. });
        assert!(scene.program.violations.iter().any(off), "{:?}", scene.program.violations);
        let trace = Trace { tracks: Vec::new(), sram: Vec::new(), edge: 0, finished: false };
        for layer in Layer::ALL {
            scene.frame(&trace, FrameRequest { layer, wafer: 0, time: 0, window: 64 });
        }
    }
}

#[test]
fn keys_on_a_refused_scenario_do_nothing() {
    let document = Document::unsaved(shipped("tiny-resident"));
    let mut session = Session::new(Some(document), Waker::new(|| ()));
    session.apply(Action::File(FileAction::OpenShipped("llama-70b-does-not-fit")));
    let patience = Instant::now();
    while session.run.as_ref().is_none_or(|run| run.refusal.is_none()) {
        assert!(patience.elapsed() < Duration::from_mins(1), "the refusal never came");
        std::thread::sleep(Duration::from_millis(5));
        session.update(Duration::from_millis(5));
    }
    for unit in StepUnit::ALL {
        session.apply(Action::Time(TimeAction::Unit(unit)));
        for steps in [-10, -1, 1, 10] {
            session.apply(Action::Time(TimeAction::Step(steps)));
        }
    }
    session.apply(Action::Time(TimeAction::TogglePlay));
    session.update(Duration::from_millis(50));
    assert_eq!(session.playback.cycle(), 0);
}

#[test]
fn a_batch_smaller_than_the_cluster_is_counted_once() {
    let mut scenario = shipped("13b-streaming");
    scenario.job.mapping = Mapping::Streaming;
    scenario.job.work = Work::Train;
    scenario.job.batch = 3;
    scenario.job.systems = 64;
    let scene = scenario.prepare().unwrap().compile();
    let mut engine = Engine::new(std::sync::Arc::clone(&scene.program)).unwrap();
    engine.run_to_end();
    let summary = metrics::summary(&scene, engine.trace());
    let tokens = summary.tokens_per_second * summary.total_seconds;
    assert!((tokens - 3.0 * 2_048.0).abs() < 0.01, "{tokens} tokens of 3 sequences");
}
