//! Headless verbs: the same engine without a window, with the same numbers.
//!
//! Exit codes: 0 if all went well, 1 on a problem with the input (one sentence on standard error), 2 on wrong usage.
//! With `--json` one object goes to standard output and nothing else does. This layer alone speaks to the terminal.

mod accuracy;
mod bench;
mod compile;
mod estimate;
mod execution;
mod import;
mod input;
mod moment;
mod output;
mod place;
mod render;
mod replay;
mod report;
mod run;
mod window;

use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Parser, Subcommand};

use crate::session::Opening;
use output::Output;

/// An interactive map of a wafer-scale computer: place a real model, watch it run, forwards and backwards in time.
///
/// Without a verb it opens the window; where there is no display, it runs headless and writes a report and a picture.
#[derive(Debug, Parser)]
#[command(name = "waferscope", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    bare: window::Arguments,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Executes a scenario and reports what it achieved.
    Run(run::Arguments),
    /// Draws one picture with legend and caption.
    Render(render::Arguments),
    /// Repeats what was recorded and compares it, or records it again.
    Replay(replay::Arguments),
    /// Says what was read from a model file.
    Import(import::Arguments),
    /// Turns a model into a program for a device and says what was decided.
    Compile(compile::Arguments),
    /// Places the kernels of a benchmark graph, or judges a placement.
    Place(place::Arguments),
    /// Predicts how fast a model trains or answers, in closed form.
    Estimate(Box<estimate::Arguments>),
    /// Predicts every published measurement that the program carries.
    Accuracy(accuracy::Arguments),
    /// Times the paths that must be fast, each beside a plain copy of the same bytes.
    Bench(bench::Arguments),
}

/// The flag that every verb takes.
#[derive(Clone, Copy, Debug, Args)]
struct Format {
    /// Print one JSON object and nothing else on standard output.
    #[arg(long)]
    json: bool,
}

/// Whether a verb that ran to its end was content with what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    /// The result says no: a refused program, a recording that is not repeated.
    Bad,
}

/// Opens a window and returns when it is closed, or says why there is none. This layer knows no toolkit.
pub type OpenWindow = fn(Opening) -> Result<(), String>;

/// What the process began with.
#[derive(Clone, Copy)]
struct Start {
    time: Instant,
    window: OpenWindow,
}

/// Runs the program with the arguments of the process.
pub fn main(window: OpenWindow) -> ExitCode {
    let start = Start { time: Instant::now(), window };
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing can be done about a terminal that is gone.
            let _printed = error.print().is_ok();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    let output = Output::new(arguments.json());
    match arguments.run(start, &output) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        Err(error) => {
            output.failure(&error);
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    fn json(&self) -> bool {
        let format = match &self.verb {
            None => self.bare.format,
            Some(Verb::Run(arguments)) => arguments.format,
            Some(Verb::Render(arguments)) => arguments.format,
            Some(Verb::Replay(arguments)) => arguments.format,
            Some(Verb::Import(arguments)) => arguments.format,
            Some(Verb::Compile(arguments)) => arguments.format,
            Some(Verb::Place(arguments)) => arguments.format,
            Some(Verb::Estimate(arguments)) => arguments.format,
            Some(Verb::Accuracy(arguments)) => arguments.format,
            Some(Verb::Bench(arguments)) => arguments.format,
        };
        format.json
    }

    fn run(&self, start: Start, output: &Output) -> anyhow::Result<Verdict> {
        match &self.verb {
            None => window::run(&self.bare, start, output),
            Some(Verb::Run(arguments)) => run::run(arguments, output),
            Some(Verb::Render(arguments)) => render::run(arguments, output),
            Some(Verb::Replay(arguments)) => replay::run(arguments, output),
            Some(Verb::Import(arguments)) => import::run(arguments, output),
            Some(Verb::Compile(arguments)) => compile::run(arguments, output),
            Some(Verb::Place(arguments)) => place::run(arguments, output),
            Some(Verb::Estimate(arguments)) => estimate::run(arguments, output),
            Some(Verb::Accuracy(arguments)) => accuracy::run(arguments, output),
            Some(Verb::Bench(arguments)) => bench::run(arguments, output),
        }
    }
}
