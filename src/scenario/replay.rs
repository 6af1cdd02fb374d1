//! What a scenario did when it was recorded, and whether it still does.
//!
//! A recording holds the commands with the cycles at which they were given, hashes of the trace at even steps of the
//! run, and how it ended. It is bound to the revision of the model that made it: another revision is said in words.

use std::sync::Arc;

use crate::scenario::{Scenario, SceneError};
use crate::sim::{Budget, Command, Engine, LogEntry, MODEL_REVISION, Progress, Scene, Trace};

/// Hashes are taken at so many even steps of a run.
const CHECKPOINTS: u64 = 16;

/// How a recorded run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Finished {
        cycles: u64,
    },
    /// The program must not run, for these reasons.
    Refused {
        reasons: Vec<String>,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    pub model_revision: u32,
    pub commands: Vec<LogEntry>,
    /// Hash of the trace before a cycle, in order of time.
    pub hashes: Vec<(u64, u64)>,
    pub outcome: Outcome,
}

/// Whether a scenario does what was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does, over `hashes` hashes.
    Verified { hashes: usize, outcome: Outcome },
    /// Up to the checkpoint before this cycle it does; `None` if only the end differs.
    Differs { first_difference_cycle: Option<u64>, what: String },
    /// It was recorded with another revision of the model.
    OtherRevision { recorded: u32, ours: u32 },
    /// Nothing was recorded.
    NotRecorded,
}

/// Runs a scenario to the end and records it.
///
/// # Errors
/// If device or model cannot be read.
pub fn record(scenario: &Scenario) -> Result<Recording, SceneError> {
    let scene = scenario.prepare()?.compile();
    Ok(record_scene(&scene, &[LogEntry { cycle: 0, command: Command::RunToEnd }]))
}

/// Repeats `commands` on a scene and records what happens.
pub fn record_scene(scene: &Scene, commands: &[LogEntry]) -> Recording {
    let mut engine = match Engine::new(Arc::clone(&scene.program)) {
        Ok(engine) => engine,
        Err(refusal) => {
            let reasons = if scene.program.violations.is_empty() {
                vec![refusal.to_string()]
            } else {
                scene.program.violations.iter().map(ToString::to_string).collect()
            };
            let outcome = Outcome::Refused { reasons };
            return Recording {
                model_revision: MODEL_REVISION,
                commands: commands.to_vec(),
                hashes: Vec::new(),
                outcome,
            };
        }
    };
    for entry in commands {
        engine.apply(entry.command);
        while engine.advance(Budget { events: u32::MAX }) == Progress::Running {}
    }
    engine.run_to_end();
    let trace = engine.trace();
    Recording {
        model_revision: MODEL_REVISION,
        commands: commands.to_vec(),
        hashes: checkpoints(trace),
        outcome: Outcome::Finished { cycles: trace.edge },
    }
}

/// Hashes at even steps of a finished run, the last one after its end.
pub fn checkpoints(trace: &Trace) -> Vec<(u64, u64)> {
    let cycle = |step: u64| (u128::from(trace.edge) * u128::from(step) / u128::from(CHECKPOINTS)) as u64 + 1;
    (1..=CHECKPOINTS).map(|step| (cycle(step), trace.hash_at(cycle(step)))).collect()
}

/// Runs a scenario again and compares it with its recording.
///
/// # Errors
/// If device or model cannot be read.
pub fn verify(scenario: &Scenario) -> Result<Verdict, SceneError> {
    let Some(recorded) = &scenario.recording else { return Ok(Verdict::NotRecorded) };
    if recorded.model_revision != MODEL_REVISION {
        return Ok(Verdict::OtherRevision { recorded: recorded.model_revision, ours: MODEL_REVISION });
    }
    let scene = scenario.prepare()?.compile();
    let again = record_scene(&scene, &recorded.commands);
    Ok(compare(recorded, &again))
}

fn compare(recorded: &Recording, again: &Recording) -> Verdict {
    let differing = recorded.hashes.iter().zip(&again.hashes).find(|(then, now)| then != now);
    if let Some(((cycle, then), (_, now))) = differing {
        let what = format!("the hash before cycle {cycle} was {then:016x} and is {now:016x}");
        return Verdict::Differs { first_difference_cycle: Some(*cycle), what };
    }
    if recorded.hashes.len() != again.hashes.len() || recorded.outcome != again.outcome {
        let what = format!("the run ended with {} and ends with {}", words(&recorded.outcome), words(&again.outcome));
        return Verdict::Differs { first_difference_cycle: None, what };
    }
    Verdict::Verified { hashes: again.hashes.len(), outcome: again.outcome.clone() }
}

/// An outcome in words.
pub fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Finished { cycles } => format!("the end after {} cycles", crate::units::format::grouped(*cycles)),
        Outcome::Refused { reasons } => format!("a refusal ({})", reasons.join("; ")),
    }
}
