//! The same scenario gives the same hashes, however it is stepped, wherever it is run.
//!
//! That a debug build agrees with a release build is covered by the recorded hashes in `saves/`: whichever profile runs
//! the tests is held against them.

#![expect(clippy::unwrap_used, reason = "a test may fail on the spot")]

use std::sync::Arc;
use std::time::Duration;

use waferscope::scenario::file::scenario::{read, write};
use waferscope::scenario::replay::{self, Outcome, Recording, checkpoints};
use waferscope::scenario::{Scenario, library};
use waferscope::sim::engine::LogEntry;
use waferscope::sim::thread::{EngineHandle, Event, Waker};
use waferscope::sim::{Budget, Command, Engine, MODEL_REVISION, Progress, Scene, Trace};

fn shipped(name: &str) -> Scenario {
    library::ALL.iter().find(|shipped| shipped.name == name).unwrap().scenario()
}

fn scene(name: &str) -> Scene {
    shipped(name).prepare().unwrap().compile()
}

/// All shipped scenarios that run.
const RUNNABLE: [&str; 5] =
    ["13b-streaming", "1t-streaming", "bert-base-resident", "tiny-resident", "13b-heavy-defects"];

fn whole(scene: &Scene) -> Trace {
    let mut engine = Engine::new(Arc::clone(&scene.program)).unwrap();
    engine.run_to_end();
    engine.trace().clone()
}

#[test]
fn stepping_changes_nothing() {
    for name in RUNNABLE {
        let scene = scene(name);
        let expected = whole(&scene);
        for events in [1, 7, 1000] {
            let mut engine = Engine::new(Arc::clone(&scene.program)).unwrap();
            engine.apply(Command::RunToEnd);
            let mut before = 0;
            while engine.advance(Budget { events }) == Progress::Running {
                assert!(engine.trace().edge >= before, "{name}: the edge never goes back");
                before = engine.trace().edge;
            }
            assert_eq!(checkpoints(engine.trace()), checkpoints(&expected), "{name}, {events} events a time");
            assert_eq!(*engine.trace(), expected, "{name}, {events} events a time");
        }
    }
}

#[test]
fn what_lies_before_the_edge_is_final() {
    for name in RUNNABLE {
        let scene = scene(name);
        let expected = whole(&scene);
        let mut engine = Engine::new(Arc::clone(&scene.program)).unwrap();
        for piece in 1..=20 {
            let cycle = expected.edge / 20 * piece + piece;
            engine.apply(Command::RunTo(cycle));
            while engine.advance(Budget { events: 3 }) == Progress::Running {}
            let edge = engine.trace().edge;
            assert!(edge >= cycle.min(expected.edge), "{name}: run to {cycle} reached {edge}");
            assert_eq!(engine.trace().hash_at(edge), expected.hash_at(edge), "{name} at {edge}");
        }
        engine.run_to_end();
        assert_eq!(*engine.trace(), expected, "{name}");
    }
}

#[test]
fn saved_and_reloaded_in_the_middle() {
    for name in ["13b-streaming", "tiny-resident"] {
        let mut scenario = shipped(name);
        let scene = scenario.prepare().unwrap().compile();
        let expected = whole(&scene);
        // A user runs a third, holds, and saves.
        let mut engine = Engine::new(Arc::clone(&scene.program)).unwrap();
        engine.apply(Command::RunTo(expected.edge / 3));
        while engine.advance(Budget { events: 5 }) == Progress::Running {}
        engine.apply(Command::Hold);
        let saved_at = engine.trace().edge;
        scenario.recording = Some(Recording {
            model_revision: MODEL_REVISION,
            commands: engine.log().to_vec(),
            hashes: vec![(saved_at, engine.trace().hash_at(saved_at))],
            outcome: Outcome::Finished { cycles: expected.edge },
        });
        // The file is opened again: the log leads to the same place, and on to the same end.
        let reloaded = read(write(&scenario).as_bytes(), name).unwrap().scenario;
        let scene = reloaded.prepare().unwrap().compile();
        let recording = reloaded.recording.unwrap();
        let mut engine = Engine::new(Arc::clone(&scene.program)).unwrap();
        for LogEntry { cycle, command } in recording.commands {
            assert_eq!(engine.trace().edge, cycle, "{name}: a command comes when it came");
            engine.apply(command);
            while engine.advance(Budget { events: 64 }) == Progress::Running {}
        }
        assert_eq!(engine.trace().edge, saved_at, "{name}");
        assert_eq!(engine.trace().hash_at(saved_at), recording.hashes[0].1, "{name}");
        engine.run_to_end();
        assert_eq!(*engine.trace(), expected, "{name}");
    }
}

#[test]
fn two_threads_at_once_agree() {
    let hashes = || {
        let work = |name: &'static str| move || replay::record(&shipped(name)).unwrap().hashes;
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                ["13b-streaming", "13b-streaming", "bert-base-resident"].map(|name| scope.spawn(work(name))).into();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        })
    };
    let (first, second) = (hashes(), hashes());
    assert_eq!(first[0], first[1]);
    assert_eq!(first, second);
    assert_eq!(first[0], shipped("13b-streaming").recording.unwrap().hashes);
}

#[test]
fn the_thread_does_what_the_engine_does() {
    let prepared = shipped("13b-streaming").prepare().unwrap();
    let expected = whole(&prepared.compile());
    let handle = EngineHandle::start(move || prepared.compile(), Waker::new(|| ())).unwrap();
    let mut finished = false;
    // Commands arrive at whatever moment the system gives the thread.
    for piece in 1..10 {
        assert!(handle.send(Command::RunTo(expected.edge / 10 * piece)));
        assert!(handle.send(Command::Hold));
    }
    assert!(handle.send(Command::RunToEnd));
    let mut last = None;
    for _ in 0..2_000 {
        match handle.event() {
            Some(Event::Finished) => finished = true,
            Some(Event::Refused(why)) => panic!("{why}"),
            Some(Event::Panicked { message, .. }) => panic!("{message}"),
            Some(Event::Compiled(_)) | None => {}
        }
        last = handle.snapshot().or(last);
        if finished {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(finished, "the run ends");
    assert_eq!(*last.unwrap().trace, expected);
}

#[test]
fn a_scene_compiled_twice_is_the_same() {
    for name in RUNNABLE {
        let (first, second) = (scene(name), scene(name));
        assert_eq!(first.program, second.program, "{name}");
        assert_eq!(first.defects, second.defects, "{name}");
    }
}
