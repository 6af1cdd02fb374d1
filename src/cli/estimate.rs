//! `waferscope estimate`: one prediction by the ANALYTIC ruler.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::input;
use super::output::Output;
use super::{Format, Verdict};
use crate::analytic::FIDELITY;
use crate::analytic::breakdown::meaning;
use crate::hardware::DeviceSpec;
use crate::lab::estimate::{Answer, Question, SYSTEMS_MAX, Task, estimate};
use crate::scenario::file::{device, shown, store};
use crate::units::format;
use crate::workload::Graph;
use crate::workload::transformer::{BATCH_MAX, WIDTH_MAX};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A model file, or the name of a model that comes with the program.
    #[arg(long)]
    model: PathBuf,
    /// wse1, wse2, wse3, or a device file.
    #[arg(long)]
    device: PathBuf,
    #[arg(long)]
    task: TaskName,
    /// Wafers that work together; the fewest that hold the model if not given.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=SYSTEMS_MAX))]
    systems: Option<u64>,
    /// Cores on which all layers run one after the other; chosen if not given.
    #[arg(long, value_name = "WxH")]
    grid: Option<Grid>,
    /// Cores for the tokens of --task generate, if others than for its prompt.
    #[arg(long, value_name = "WxH")]
    decode_grid: Option<Grid>,
    /// The device's own if not given.
    #[arg(long, value_parser = clock)]
    clock_ghz: Option<f64>,
    /// Tokens in the cache of each request (decode).
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=WIDTH_MAX))]
    context: Option<u64>,
    /// Tokens of a prompt (prefill, generate).
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=WIDTH_MAX))]
    prompt: Option<u64>,
    /// Tokens that a request puts out (generate).
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=WIDTH_MAX))]
    output: Option<u64>,
    /// Requests, or sequences of an optimizer step.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=BATCH_MAX))]
    batch: Option<u64>,
    /// Tokens of a sequence (train).
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=WIDTH_MAX))]
    seq: Option<u64>,
    /// fp16, bf16 or mixed: the formats that have been timed, at the same price.
    #[arg(long, default_value = "fp16")]
    precision: String,
    /// Share of weights that are zero, 0 to 0.99 (train).
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    sparsity: f64,
    #[command(flatten)]
    pub(super) format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TaskName {
    Train,
    Prefill,
    Decode,
    Generate,
}

impl From<TaskName> for Task {
    fn from(name: TaskName) -> Self {
        match name {
            TaskName::Train => Self::Train,
            TaskName::Prefill => Self::Prefill,
            TaskName::Decode => Self::Decode,
            TaskName::Generate => Self::Generate,
        }
    }
}

/// Columns and rows of cores.
#[derive(Clone, Copy, Debug)]
struct Grid([u32; 2]);

impl FromStr for Grid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sides = text.split_once('x').and_then(|(width, height)| {
            let side = |text: &str| text.parse::<u32>().ok().filter(|side| (1..=1_000_000).contains(side));
            Some([side(width)?, side(height)?])
        });
        sides.map(Self).ok_or_else(|| "expected columns and rows of cores, such as 420x420".to_owned())
    }
}

impl Grid {
    /// The side of a square.
    fn side(self) -> anyhow::Result<u32> {
        let [width, height] = self.0;
        if width == height {
            return Ok(width);
        }
        let side = width.min(height);
        bail!(
            "--grid {width}x{height}: the kernels that are priced shift tiles around squares, so expected as many rows as \
             columns; {side}x{side} would do"
        )
    }
}

fn clock(text: &str) -> Result<f64, String> {
    let found = text.parse::<f64>().ok().filter(|clock| (0.001..=10.0).contains(clock));
    found.ok_or_else(|| "expected a clock from 0.001 to 10 GHz".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let found = text.parse::<f64>().ok().filter(|share| (0.0..=0.99).contains(share));
    found.ok_or_else(|| "expected a share of zeros from 0 to 0.99".to_owned())
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Verdict> {
    let device = wafer(&arguments.device)?;
    if !["fp16", "bf16", "mixed"].contains(&arguments.precision.as_str()) {
        let found = &arguments.precision;
        bail!("--precision {found}: the kernels that have been timed compute in 16 bits; expected fp16, bf16 or mixed");
    }
    let graph = input::model(&arguments.model, input::UnknownFlag::default())?.graph;
    let question = Question {
        graph: &graph,
        device: &device,
        task: arguments.task.into(),
        systems: arguments.systems,
        grid: arguments.grid.map(Grid::side).transpose()?,
        decode_grid: arguments.decode_grid.map(Grid::side).transpose()?,
        clock_hz: arguments.clock_ghz.map(|ghz| ghz * 1e9),
        context: arguments.context,
        prompt: arguments.prompt,
        output: arguments.output,
        batch: arguments.batch,
        sequence: arguments.seq,
        sparsity: arguments.sparsity,
    };
    let answer = estimate(question).map_err(|error| anyhow!("{}: {error}", shown(&arguments.model)))?;
    output.result(&object(&graph, &device, &answer), || text(&graph, &device, &answer))?;
    Ok(Verdict::Good)
}

/// A shipped wafer by name, or a device file.
fn wafer(path: &Path) -> anyhow::Result<DeviceSpec> {
    let name = shown(path);
    if let Some(device) = device::builtin(&name) {
        return Ok(device);
    }
    if input::is_there(path) {
        return Ok(device::read(&store::read(path)?, &name)?);
    }
    let names = device::BUILTIN.join(", ");
    bail!("{name}: estimates for other silicon than wafers come later; expected {names}, or a device file")
}

fn grid(side: Option<u32>) -> Option<String> {
    side.map(|side| format!("{side}x{side}"))
}

fn object(graph: &Graph, device: &DeviceSpec, answer: &Answer) -> Value {
    let total = answer.parts.total();
    let breakdown = answer.parts.parts().iter().map(|part| {
        json!({
            "name": part.name,
            "cycles": part.cycles,
            "seconds": part.cycles / answer.clock_hz,
            "share": part.cycles / total,
        })
    });
    let mut object = json!({
        "model": graph.name,
        "device": device.name,
        "task": answer.task.word(),
        "fidelity": FIDELITY,
        "systems": answer.systems,
        "grid": grid(answer.decode_grid.or(answer.prefill_grid)),
        "prefill_grid": grid(answer.prefill_grid),
        "decode_grid": grid(answer.decode_grid),
        "region_for_each_layer": answer.regions,
        "clock_ghz": answer.clock_hz / 1e9,
        "batch": answer.batch,
        "seconds": answer.seconds,
        "tokens_per_s": answer.tokens_per_second,
        "breakdown": breakdown.collect::<Vec<_>>(),
        "limiter": answer.parts.limiter(),
        "assumptions": answer.assumptions,
    });
    let mut more = |key: &str, value: Value| {
        object[key] = value;
    };
    match answer.samples_per_second {
        Some(rate) => {
            more("seconds_per_step", json!(answer.seconds));
            more("samples_per_s", json!(rate));
        }
        None => more("tokens_per_s_per_request", json!(answer.tokens_per_second_per_request)),
    }
    if let Some([shifting, appending]) = answer.longest_context {
        more("longest_context_shifting_tokens", json!(shifting));
        more("longest_context_appending_tokens", json!(appending));
    }
    if let Some(plan) = answer.plan {
        more("micro_batch_sequences", json!(plan.sequences));
        more("micro_batches", json!(plan.micro_batches));
        more("lanes", json!(plan.lanes));
        more("recomputes_activations", json!(plan.recompute));
    }
    object
}

fn text(graph: &Graph, device: &DeviceSpec, answer: &Answer) -> String {
    let mut rows = vec![
        ("systems", format!("{} {}, {} GHz", answer.systems, device.system, answer.clock_hz / 1e9)),
        ("result", format::quantity(answer.tokens_per_second, "tok/s")),
        ("time", format::duration(answer.seconds)),
    ];
    if answer.batch > 1 && answer.samples_per_second.is_none() {
        rows.push(("one request", format::quantity(answer.tokens_per_second_per_request, "tok/s")));
    }
    if let Some(rate) = answer.samples_per_second {
        rows.push(("sequences", format!("{} a second, {} a step", format::three_digits(rate), answer.batch)));
    }
    if let Some(plan) = answer.plan {
        let kept = if plan.recompute { "computed again" } else { "kept" };
        let plan = format!(
            "{} micro-batches of {} sequences on {} lanes, activations {kept}",
            format::grouped(plan.micro_batches),
            format::grouped(plan.sequences),
            plan.lanes
        );
        rows.push(("plan", plan));
    }
    let grids = [("prompt", answer.prefill_grid, false), ("tokens", answer.decode_grid, answer.regions)];
    for (label, side, regions) in grids {
        if let Some(side) = side {
            let whose = if regions { " for each layer" } else { "" };
            rows.push((label, format!("{side} x {side} cores{whose}")));
        }
    }
    if let Some([shifting, appending]) = answer.longest_context {
        let [shifting, appending] = [shifting, appending].map(format::grouped);
        rows.push(("longest", format!("context of {shifting} tokens if shifted, {appending} if appended to one row")));
    }
    rows.push(("limited by", answer.parts.limiter()));
    let total = answer.parts.total();
    let mut text = format!("{} on {}: {}, {FIDELITY}\n", graph.name, device.title, answer.task.word());
    text.extend(rows.into_iter().map(|(label, value)| format!("  {label:<14}{value}\n")));
    text.push('\n');
    for part in answer.parts.parts() {
        let share = format::percent(part.cycles / total);
        let time = format::duration(part.cycles / answer.clock_hz);
        text.extend([format!("  {:<14}{share:>6}  {time:>9}  {}\n", part.name, meaning(part.name))]);
    }
    text.push_str("\nAssumed\n");
    text.extend(answer.assumptions.iter().map(|sentence| format!("  {sentence}\n")));
    text
}
