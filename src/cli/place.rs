//! `waferscope place`: places the kernels of a benchmark graph, or judges a placement of them.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::output::Output;
use super::{Format, Verdict};
use crate::compiler::benchmark::judge::ADAPTER_READING;
use crate::compiler::benchmark::{Benchmark, Bounds, Judgement, Placed, judge, paint};
use crate::compiler::floorplan::{Budget, Objective, Progress};
use crate::scenario::file::{shown, store};
use crate::workload::import::kgraph;

/// Time to place in when nothing is said.
const SECONDS: f64 = 10.0;
/// Pause between two lines of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A kernel graph of the ISPD 2020 benchmark.
    file: PathBuf,
    /// Search this long; 10 when nothing is said.
    #[arg(long, conflicts_with_all = ["moves", "check"], value_parser = seconds)]
    seconds: Option<f64>,
    /// Search this many moves instead: the same result on every machine.
    #[arg(long, conflicts_with = "check")]
    moves: Option<u64>,
    /// Seed of all random choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What to make small.
    #[arg(long, value_enum, default_value_t = Goal::Score)]
    objective: Goal,
    /// Where the placement is written.
    #[arg(short, long, value_name = "PAINT", required_unless_present = "check")]
    output: Option<PathBuf>,
    /// Judge this placement instead of searching for one.
    #[arg(long, value_name = "PAINT", conflicts_with = "output")]
    check: Option<PathBuf>,
    #[command(flatten)]
    pub(super) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Goal {
    /// The weighted sum of time, wire and adapters that the file asks for.
    Score,
    /// The time of the slowest kernel alone.
    Time,
}

impl Goal {
    fn word(self) -> &'static str {
        match self {
            Self::Score => "score",
            Self::Time => "time",
        }
    }

    fn objective(self) -> Objective {
        match self {
            Self::Score => Objective::Score,
            Self::Time => Objective::Time,
        }
    }
}

/// A day is longer than anyone waits.
pub(super) fn seconds(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
    number.ok_or_else(|| "expected a number from 0 to 86400".to_owned())
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Verdict> {
    let start = Instant::now();
    let name = shown(&arguments.file);
    let graph = kgraph::read(&store::read(&arguments.file)?).map_err(|error| anyhow!("{name}: {error}"))?;
    let benchmark = Benchmark::new(&graph).map_err(|error| anyhow!("{name}: {error}"))?;
    let bounds = benchmark.bounds().map_err(|error| anyhow!("{name}: {error}"))?;
    if let Some(check) = &arguments.check {
        return judge_file(arguments, &benchmark, bounds, check, output);
    }
    let Some(target) = &arguments.output else { bail!("{name}: expected a file to write to (-o PAINT)") };
    let limit = arguments.seconds.unwrap_or(SECONDS);
    let budget = arguments.moves.map_or(Budget::Watch, Budget::Moves);
    let mut teller = Teller::new();
    let mut watch = |progress: &Progress| {
        let elapsed = start.elapsed().as_secs_f64();
        let used = match budget {
            Budget::Moves(moves) => progress.moves as f64 / moves.max(1) as f64,
            Budget::Watch => elapsed / limit.max(1e-3),
        };
        teller.tell(progress, used);
        if budget == Budget::Watch { used } else { 0.0 }
    };
    let objective = arguments.objective.objective();
    let found = benchmark.place(objective, budget, arguments.seed, &mut watch);
    teller.end();
    let (placed, moves) = found.map_err(|error| anyhow!("{name}: {error}"))?;
    store::write(target, paint::write(&benchmark, &placed).as_bytes())?;
    let placed: Vec<Option<Placed>> = placed.into_iter().map(Some).collect();
    let judgement = judge(&benchmark, &placed);
    let mut object = object(&benchmark, bounds, &judgement);
    let wall_seconds = start.elapsed().as_secs_f64();
    let search = json!({
        "moves": moves,
        "seed": arguments.seed,
        "objective": arguments.objective.word(),
        "wall_seconds": wall_seconds,
        "file": target.display().to_string(),
    });
    merge(&mut object, search);
    output.result(&object, || text(&arguments.file, &benchmark, bounds, &judgement, Some((moves, wall_seconds))))?;
    Ok(if judgement.legal() { Verdict::Good } else { Verdict::Bad })
}

fn judge_file(
    arguments: &Arguments,
    benchmark: &Benchmark,
    bounds: Bounds,
    check: &Path,
    output: &Output,
) -> anyhow::Result<Verdict> {
    let read = paint::read(benchmark, &store::read(check)?);
    let placed = read.map_err(|error| anyhow!("{}: {error}", shown(check)))?;
    let judgement = judge(benchmark, &placed);
    let object = object(benchmark, bounds, &judgement);
    output.result(&object, || text(check, benchmark, bounds, &judgement, None))?;
    if judgement.legal() {
        return Ok(Verdict::Good);
    }
    let faults = judgement.faults.len();
    if let Some(fault) = judgement.faults.first() {
        let more = if faults > 1 { format!(" ({} more faults)", faults - 1) } else { String::new() };
        output.remark(&format!("{}: {fault}{more}", shown(check)));
    }
    let _ = arguments;
    Ok(Verdict::Bad)
}

fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}

fn object(benchmark: &Benchmark, bounds: Bounds, judgement: &Judgement) -> Value {
    let statement = &benchmark.statement;
    let slowest = judgement.slowest.map(|part| benchmark.parts[part].name.as_str());
    json!({
        "test": statement.test,
        "kernels": benchmark.parts.len(),
        "width": statement.width,
        "height": statement.height,
        "legal": judgement.legal(),
        "faults": judgement.faults.iter().map(|fault| fault.to_string()).collect::<Vec<_>>(),
        "max_time": benchmark.time(judgement.max_ticks),
        "max_time_bound": benchmark.time(bounds.ticks),
        "slowest_kernel": slowest,
        "wirelength": judgement.wire_halves as f64 / 2.0,
        "adapters": judgement.adapters,
        "adapter_reading": ADAPTER_READING,
        "score": judgement.score,
        "score_bound": bounds.score,
    })
}

fn text(
    name: &Path,
    benchmark: &Benchmark,
    bounds: Bounds,
    judgement: &Judgement,
    search: Option<(u64, f64)>,
) -> String {
    let statement = &benchmark.statement;
    let ratio = |value: f64, bound: f64| if bound > 0.0 { format!("{:.4}", value / bound) } else { "–".to_owned() };
    let (time, time_bound) = (benchmark.time(judgement.max_ticks), benchmark.time(bounds.ticks));
    let legal = if judgement.legal() { "yes".to_owned() } else { format!("no, {} faults", judgement.faults.len()) };
    let mut rows = vec![
        ("kernels", format!("{} on {} × {} cores", benchmark.parts.len(), statement.width, statement.height)),
        ("legal", legal),
        ("longest time", format!("{time} (no less than {time_bound}; ratio {})", ratio(time, time_bound))),
        ("wire", format!("{} cores", judgement.wire_halves as f64 / 2.0)),
    ];
    if statement.adapter_weight > 0.0 {
        rows.push(("adapters", format!("{}: {ADAPTER_READING}", judgement.adapters)));
    }
    let score = judgement.score;
    rows.push(("score", format!("{score} (no less than {:.1}; ratio {})", bounds.score, ratio(score, bounds.score))));
    if let Some((moves, wall_seconds)) = search {
        rows.push(("search", format!("{moves} moves in {wall_seconds:.1} s")));
    }
    rows.extend(judgement.faults.iter().take(10).map(|fault| ("fault", fault.to_string())));
    let rows = rows.into_iter().map(|(label, value)| format!("  {label:<14}{value}\n"));
    format!("{}\n{}", name.display(), rows.collect::<String>())
}

/// Progress on standard error: a bar on a terminal, a line every few seconds elsewhere.
struct Teller {
    terminal: bool,
    last: Instant,
    drawn: bool,
}

impl Teller {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), last: Instant::now(), drawn: false }
    }

    fn tell(&mut self, progress: &Progress, used: f64) {
        let pause = if self.terminal { PROGRESS_EVERY } else { PROGRESS_EVERY * 20 };
        if self.last.elapsed() < pause {
            return;
        }
        self.last = Instant::now();
        let best = progress.best.map_or_else(|| "none yet".to_owned(), |best| format!("{best:.1}"));
        let filled = (used.clamp(0.0, 1.0) * 20.0) as usize;
        let bar = format!("[{}{}]", "=".repeat(filled), " ".repeat(20 - filled));
        let percent = 100.0 * used.clamp(0.0, 1.0);
        let line = format!("{bar} {percent:3.0} %  {}  {} moves  best {best}", progress.phase, progress.moves);
        let mut err = std::io::stderr().lock();
        // Nobody is left to tell if standard error is closed.
        let _told = if self.terminal { write!(err, "\r{line}\x1b[K").is_ok() } else { writeln!(err, "{line}").is_ok() };
        self.drawn |= self.terminal;
    }

    fn end(&self) {
        if self.drawn {
            let _told = write!(std::io::stderr().lock(), "\r\x1b[K").is_ok();
        }
    }
}
