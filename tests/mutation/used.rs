//! What follows from a file that was read: compile it, execute some of it, draw it and sum it up.

use std::sync::Arc;

use waferscope::compiler::{Job, Mapping, Work};
use waferscope::scenario::{Defects, Scenario, Source};
use waferscope::sim::{Budget, Command, Engine, FrameRequest, Layer, Trace, inspect, metrics};
use waferscope::workload::Graph;

/// Events that are executed of each run.
const EVENTS: u32 = 2_000;

/// A wafer small enough that a model is compiled for it in no time.
pub(crate) fn small_device() -> Source {
    let text = include_str!("../data/corpus/device/small.ron").to_owned();
    Source::Embedded { file_name: "small.ron".to_owned(), text }
}

/// A model as it opens, but on the small wafer and in the way that its number says.
pub(crate) fn model(graph: &Graph, text: &str, index: u64) {
    let mut scenario = Scenario::for_model("mutated", text, graph);
    scenario.device = small_device();
    scenario.job = Job { batch: 1 + index % 5, systems: 1 + (index / 7 % 3) as u32, ..job(&scenario.job, index) };
    self::scenario(&scenario);
}

fn job(job: &Job, index: u64) -> Job {
    let mapping = [Mapping::Streaming, Mapping::Resident, Mapping::Pipelined][(index / 11 % 3) as usize];
    let work = if (index / 5).is_multiple_of(2) { Work::Train } else { Work::Forward };
    Job { mapping, work, ..*job }
}

/// A scenario: refused, or compiled, executed, drawn and summed up.
pub(crate) fn scenario(scenario: &Scenario) {
    let Ok(prepared) = scenario.prepare() else { return };
    let scene = prepared.compile();
    let (trace, log) = match Engine::new(Arc::clone(&scene.program)) {
        Ok(mut engine) => {
            engine.apply(Command::RunToEnd);
            engine.advance(Budget { events: EVENTS });
            (engine.trace().clone(), engine.log().len())
        }
        Err(refusal) => {
            assert!(!refusal.to_string().is_empty());
            (Trace { tracks: Vec::new(), sram: Vec::new(), edge: 0, finished: false }, 0)
        }
    };
    assert!(log <= 1);
    for layer in [Layer::Utilisation, Layer::SramPeak] {
        let request = FrameRequest { layer, wafer: 0, time: trace.edge / 2, window: 64 };
        let _frame = scene.frame(&trace, request);
    }
    let _strips = metrics::strips(&scene, &trace, 0, trace.edge.max(1), 64);
    if trace.finished {
        let summary = metrics::summary(&scene, &trace);
        assert!(summary.tokens_per_second.is_finite() && summary.total_seconds.is_finite());
    }
    let _core = inspect::core(&scene, &trace, waferscope::hardware::Core { x: 1, y: 1 }, trace.edge / 2);
}

/// The scenario that a device file is opened with.
pub(crate) fn device(text: &str) {
    let device = Source::Embedded { file_name: "mutated.ron".to_owned(), text: text.to_owned() };
    let job = Job { mapping: Mapping::Resident, work: Work::Forward, batch: 2, sequence: 32, systems: 1 };
    for mapping in [Mapping::Streaming, Mapping::Resident] {
        scenario(&Scenario {
            title: String::new(),
            question: String::new(),
            device: device.clone(),
            model: Source::BuiltIn("tiny".to_owned()),
            defects: Defects::Random { per_mm2: 0.01, seed: 1 },
            job: Job { mapping, ..job },
            pinned: Vec::new(),
            recording: None,
        });
    }
}
