//! Random commands to the engine: time never runs backwards, and the same commands give the same run.

use std::sync::{Arc, OnceLock};

use waferscope::compiler::Program;
use waferscope::rng::Rng;
use waferscope::scenario::{Scenario, library};
use waferscope::sim::{Budget, Command, Engine, Progress};

use super::trial::{Fate, run};
use super::used;

/// Bytes of one command: what, and a number.
const COMMAND: usize = 9;

/// Programs of the three ways to run, on a wafer small enough for a thousand runs a second.
fn programs() -> &'static [Arc<Program>] {
    static PROGRAMS: OnceLock<Vec<Arc<Program>>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let tiny = library::ALL.iter().find(|shipped| shipped.name == "tiny-resident").unwrap().scenario();
        let mut found = Vec::new();
        for mapping in ["Streaming", "Resident", "Pipelined"] {
            let mut scenario = Scenario { recording: None, ..tiny.clone() };
            scenario.job.mapping = match mapping {
                "Streaming" => waferscope::compiler::Mapping::Streaming,
                "Resident" => waferscope::compiler::Mapping::Resident,
                _ => waferscope::compiler::Mapping::Pipelined,
            };
            scenario.job.batch = 3;
            for device in [scenario.device.clone(), used::small_device()] {
                scenario.device = device;
                let scene = scenario.prepare().unwrap().compile();
                if Engine::new(Arc::clone(&scene.program)).is_ok() {
                    found.push(Arc::clone(&scene.program));
                }
            }
        }
        assert!(found.len() >= 3, "only {} programs run", found.len());
        found
    })
}

/// Up to forty commands with hostile numbers.
fn commands(index: u64) -> Vec<u8> {
    let mut rng = Rng::substream(index, "commands");
    let count = 1 + rng.below(40);
    let mut bytes = Vec::new();
    for _ in 0..count {
        bytes.push(rng.below(8) as u8);
        let number = match rng.below(6) {
            0 => 0,
            1 => u64::MAX - u64::from(rng.below(2)),
            2 => rng.next_u64(),
            3 => u64::from(rng.below(64)),
            _ => u64::from(rng.below(100_000)),
        };
        bytes.extend(number.to_le_bytes());
    }
    bytes
}

/// Does them and returns the commands, the engine, and whether it ended.
fn done(program: &Arc<Program>, bytes: &[u8]) -> Engine {
    let mut engine = Engine::new(Arc::clone(program)).unwrap();
    for command in bytes.chunks_exact(COMMAND) {
        let number = u64::from_le_bytes(command[1..].try_into().unwrap());
        let before = (engine.trace().edge, engine.trace().finished);
        match command[0] {
            0 => engine.apply(Command::RunTo(number)),
            1 => engine.apply(Command::RunToEnd),
            2 => engine.apply(Command::Hold),
            // A new run of the same program.
            3 => {
                engine = Engine::new(Arc::clone(program)).unwrap();
                continue;
            }
            _ => {
                let budget = Budget { events: (number % 300) as u32 };
                let progress = engine.advance(budget);
                assert_eq!(progress == Progress::Finished, engine.trace().finished || budget.events == 0 && before.1);
            }
        }
        let after = (engine.trace().edge, engine.trace().finished);
        assert!(after.0 >= before.0 && after.1 >= before.1, "time ran backwards: {before:?} to {after:?}");
    }
    engine
}

#[test]
fn commands_in_any_order() {
    let programs = programs();
    run("engine", 3_000, commands, |bytes, index| {
        let program = &programs[index as usize % programs.len()];
        let engine = done(program, bytes);
        let edge = engine.trace().edge;
        // However it was told, what it did by then is what a run without a stop did by then.
        let mut straight = Engine::new(Arc::clone(program)).unwrap();
        straight.apply(Command::RunTo(edge));
        while straight.advance(Budget { events: u32::MAX }) == Progress::Running {}
        let hashes = |cycle| (engine.trace().hash_at(cycle), straight.trace().hash_at(cycle));
        for cycle in [0, edge / 2, edge] {
            let (told, whole) = hashes(cycle);
            assert_eq!(told, whole, "the run differs before cycle {cycle} of {edge}");
        }
        // The log repeats it.
        let mut again = Engine::new(Arc::clone(program)).unwrap();
        for entry in engine.log() {
            again.apply(Command::RunTo(entry.cycle));
            while again.advance(Budget { events: u32::MAX }) == Progress::Running {}
            assert!(again.trace().edge >= entry.cycle || again.trace().finished);
        }
        Fate::Used
    });
}
