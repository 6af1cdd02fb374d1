//! The engine: a plain value that executes a program, event by event, and writes its trace.
//!
//! It knows no thread and no clock of the outside world; [`super::thread`] runs it beside a window, tests and the
//! command line call it directly. However it is stepped, the trace is the same.

use std::sync::Arc;

use crate::compiler::Program;
use crate::compiler::program::EVENTS_MAX;
use crate::sim::executor::Executor;
use crate::sim::trace::Trace;

/// What the engine can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Execute until everything before this cycle is known.
    RunTo(u64),
    /// Execute to the end.
    RunToEnd,
    /// Execute no further than now.
    Hold,
}

/// How much to do before returning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub events: u32,
}

/// What became of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    Running,
    /// The target is reached; another command may move it.
    AtTarget,
    /// The run has ended.
    Finished,
}

/// A command with the edge of the trace at which it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub cycle: u64,
    pub command: Command,
}

/// Executes one program.
#[derive(Clone, Debug)]
pub struct Engine {
    program: Arc<Program>,
    executor: Executor,
    trace: Trace,
    target: u64,
    log: Vec<LogEntry>,
}

/// Why a program cannot be executed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The checker found something.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
    /// The trace would outgrow memory.
    #[error("this run has {events} events, more than the {EVENTS_MAX} that a trace holds; use a smaller batch")]
    TooLong { events: u64 },
}

impl Engine {
    /// An engine at cycle zero.
    ///
    /// # Errors
    /// If the program has violations, or more than [`EVENTS_MAX`] events.
    pub fn new(program: Arc<Program>) -> Result<Self, Refusal> {
        if !program.is_valid() {
            return Err(Refusal::Invalid(program.violations.iter().map(ToString::to_string).collect()));
        }
        let events = events(&program);
        if events > EVENTS_MAX {
            return Err(Refusal::TooLong { events });
        }
        let (executor, trace) = Executor::new(&program);
        Ok(Self { program, executor, trace, target: 0, log: Vec::new() })
    }

    /// Takes a command and logs it.
    pub fn apply(&mut self, command: Command) {
        self.log.push(LogEntry { cycle: self.trace.edge, command });
        self.target = match command {
            Command::RunTo(cycle) => cycle,
            Command::RunToEnd => u64::MAX,
            Command::Hold => self.trace.edge,
        };
    }

    /// Executes until the target, the end, or the budget is used up.
    pub fn advance(&mut self, budget: Budget) -> Progress {
        for _ in 0..budget.events {
            if self.trace.finished {
                return Progress::Finished;
            }
            if self.trace.edge >= self.target {
                return Progress::AtTarget;
            }
            self.executor.step(&self.program, &mut self.trace);
        }
        if self.trace.finished { Progress::Finished } else { Progress::Running }
    }

    /// Executes everything.
    pub fn run_to_end(&mut self) {
        self.apply(Command::RunToEnd);
        while self.advance(Budget { events: u32::MAX }) == Progress::Running {}
    }

    /// What happened so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What happened so far, without a copy: a long run's trace is most of the memory that it takes.
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    /// The program that runs.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// All commands so far.
    pub fn log(&self) -> &[LogEntry] {
        &self.log
    }
}

fn events(program: &Program) -> u64 {
    use crate::compiler::Schedule;
    let stages = match &program.schedule {
        Schedule::Streaming { stages, .. } => stages.len(),
        Schedule::Pipeline { stages, .. } => stages.len(),
    };
    stages as u64 * u64::from(program.schedule.micro_batches())
}
