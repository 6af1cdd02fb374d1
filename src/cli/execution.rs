//! A scenario brought to a moment: what every verb that runs something starts from.

use std::sync::Arc;

use anyhow::anyhow;

use super::input::Opened;
use super::moment::Moment;
use crate::sim::{Budget, Command, Engine, Progress, Scene, Trace};

/// A compiled scenario and what it did.
#[derive(Clone, Debug)]
pub(super) struct Execution {
    pub(super) scene: Scene,
    /// Empty if the program was refused. Its edge is the moment that was asked for.
    pub(super) trace: Trace,
    /// Why the program must not run; empty if it may.
    pub(super) refusals: Vec<String>,
}

impl Execution {
    /// Compiles the scenario and runs it until a moment, or to the end.
    ///
    /// # Errors
    /// If its device or its model cannot be read.
    pub(super) fn until(opened: &Opened, moment: Option<Moment>) -> anyhow::Result<Self> {
        let prepared = opened.scenario().prepare().map_err(|error| anyhow!("{}: {error}", opened.name))?;
        let scene = prepared.compile();
        let engine = match Engine::new(Arc::clone(&scene.program)) {
            Ok(engine) => engine,
            Err(refusal) => {
                let mut refusals: Vec<String> = scene.program.violations.iter().map(ToString::to_string).collect();
                if refusals.is_empty() {
                    refusals.push(refusal.to_string());
                }
                let trace = Trace { tracks: Vec::new(), sram: Vec::new(), edge: 0, finished: false };
                return Ok(Self { scene, trace, refusals });
            }
        };
        let trace = run(engine, moment, scene.device.clock_run_hz.value);
        Ok(Self { scene, trace, refusals: Vec::new() })
    }

    /// One sentence with the first reasons, if the program was refused.
    pub(super) fn refusal(&self, name: &str) -> Option<String> {
        let (first, more) = self.refusals.split_at(self.refusals.len().min(REASONS_TOLD));
        let more = if more.is_empty() { String::new() } else { format!("; and {} more", more.len()) };
        (!first.is_empty()).then(|| format!("{name}: this program cannot run: {}{more}", first.join("; ")))
    }
}

/// Reasons of a refusal that go into a sentence; every lane of a program that does not fit has one of its own.
const REASONS_TOLD: usize = 2;

fn run(mut engine: Engine, moment: Option<Moment>, clock_hz: f64) -> Trace {
    let Some(moment) = moment else {
        engine.run_to_end();
        return engine.into_trace();
    };
    let total = || {
        let mut whole = engine.clone();
        whole.run_to_end();
        whole.trace().edge
    };
    let cycle = moment.cycle(clock_hz, total);
    engine.apply(Command::RunTo(cycle));
    while engine.advance(Budget { events: u32::MAX }) == Progress::Running {}
    let mut trace = engine.into_trace();
    if cycle < trace.edge {
        // The last event may have gone beyond the moment; what lies there is not told.
        trace.edge = cycle;
        trace.finished = false;
    }
    trace
}
