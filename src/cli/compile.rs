//! `waferscope compile`: a model and a device to a program, pass by pass, without running it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::bail;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::input::UnknownFlag;
use super::output::Output;
use super::{Format, Verdict, input};
use crate::compiler::{self, CompilerPass, Job, Mapping, Program, Step, Work, fewest_wafers, sram};
use crate::hardware::{DefectMap, DeviceSpec};
use crate::scenario::file::{device, shown, store};
use crate::scenario::{DEFAULT_BATCH, SEQUENCE_MAX};
use crate::units::format;
use crate::workload::Graph;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A model file, or the name of a model that comes with the program.
    model: PathBuf,
    /// A device that comes with the program, or a device file.
    #[arg(long, value_name = "D", default_value = "wse3")]
    device: PathBuf,
    /// How the model is laid on the wafer.
    #[arg(long, value_enum)]
    mode: Mode,
    /// Wafers in a row, or data-parallel systems while weights stream. Not given: the fewest that hold the model.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    systems: Option<u32>,
    /// Sequences or samples of a run. Not given: 1 for resident, else the model's own, at most 32.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    batch: Option<u64>,
    /// Tokens of a sequence. Not given: the model's own.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=SEQUENCE_MAX))]
    sequence: Option<u64>,
    /// Train instead of a forward pass.
    #[arg(long)]
    train: bool,
    /// What to do with operators of an ONNX file that are not known.
    #[arg(long, value_enum, default_value_t)]
    unknown: UnknownFlag,
    /// Search this long for a layout with a shorter run, instead of a moment.
    #[arg(long, conflicts_with = "moves", value_parser = super::place::seconds)]
    seconds: Option<f64>,
    /// Search this many moves instead: the same result on every machine.
    #[arg(long, value_name = "N")]
    moves: Option<u64>,
    /// Also write every decision with its reasons into this file, as JSON.
    #[arg(long, value_name = "FILE")]
    steps: Option<PathBuf>,
    #[command(flatten)]
    pub(super) format: Format,
}

/// [`Mapping`] as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// Every kernel on cores of its own, samples flowing through.
    Pipelined,
    /// Activations rest, weights pass over them.
    Streaming,
    /// Pipelined inference with the key-value cache on the wafer.
    Resident,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Verdict> {
    let mut graph = input::model(&arguments.model, arguments.unknown)?.graph;
    let device = open_device(&arguments.device)?;
    let defects = DefectMap::none(&device);
    let job = job(arguments, &mut graph, &device, &defects);
    let program = compile(arguments, &graph, &device, &defects, &job);
    let mut object = object(&program, &graph, &device);
    if let Some(path) = &arguments.steps {
        let steps: Vec<Value> = program.steps.iter().map(step_object).collect();
        store::write(path, format!("{:#}\n", json!(steps)).as_bytes())?;
        object["steps_file"] = json!(path.display().to_string());
    }
    let refused: Vec<String> = program.violations.iter().map(ToString::to_string).collect();
    if refused.is_empty() {
        output.result(&object, || text(&program, &graph, &device))?;
        return Ok(Verdict::Good);
    }
    let more = if refused.len() > 1 { format!("; and {} more", refused.len() - 1) } else { String::new() };
    let sentence = format!("{}: this program cannot run: {}{more}", shown(&arguments.model), refused[0]);
    output.remark(&sentence);
    object["error"] = json!(sentence);
    output.result(&object, String::new)?;
    Ok(Verdict::Bad)
}

/// Compiles, with the search for a layout that was asked for.
fn compile(arguments: &Arguments, graph: &Graph, device: &DeviceSpec, defects: &DefectMap, job: &Job) -> Program {
    let begun = Instant::now();
    let mut watch =
        |_: &compiler::Thought<'_>| arguments.seconds.is_some_and(|limit| begun.elapsed().as_secs_f64() >= limit);
    let asked = arguments.seconds.is_some() || arguments.moves.is_some();
    let search = asked.then_some(compiler::Search { moves: arguments.moves, watch: &mut watch });
    compiler::compile_longer(graph, device, defects, job, &[], search)
}

fn open_device(path: &Path) -> anyhow::Result<DeviceSpec> {
    let name = shown(path);
    if input::is_there(path) {
        return Ok(device::read(&store::read(path)?, &name)?);
    }
    let Some(spec) = device::builtin(&name) else {
        let known = device::BUILTIN.join(", ");
        bail!("{name}: there is no such file, and the devices that come with the program are {known}");
    };
    Ok(spec)
}

/// What the options ask for; the graph learns the sequence that is run.
fn job(arguments: &Arguments, graph: &mut Graph, device: &DeviceSpec, defects: &DefectMap) -> Job {
    let mapping = Mapping::from(arguments.mode);
    let own = graph.batch.unwrap_or(DEFAULT_BATCH).clamp(1, DEFAULT_BATCH);
    let mut job = Job {
        mapping,
        work: if arguments.train { Work::Train } else { Work::Forward },
        batch: arguments.batch.unwrap_or(if mapping == Mapping::Resident { 1 } else { own }),
        sequence: arguments.sequence.unwrap_or_else(|| graph.sequence.clamp(1, SEQUENCE_MAX)),
        systems: 1,
    };
    graph.sequence = job.sequence;
    job.systems = arguments.systems.unwrap_or_else(|| match mapping {
        Mapping::Streaming => 1,
        Mapping::Pipelined | Mapping::Resident => fewest_wafers(graph, device, defects, &job).unwrap_or(1),
    });
    job
}

/// The numbers of a program; names carry their units.
fn object(program: &Program, graph: &Graph, device: &DeviceSpec) -> Value {
    let (slowest, cycles) = compiler::pace(program);
    let violations: Vec<Value> = program
        .violations
        .iter()
        .map(|violation| json!({ "rule": violation.rule(), "what": violation.to_string() }))
        .collect();
    let per_pass = CompilerPass::ALL.map(|pass| (pass.words().to_owned(), json!(count(program, pass))));
    json!({
        "model": graph.name,
        "device": device.name,
        "mode": program.job.mapping.name(),
        "work": if program.job.work == Work::Train { "train" } else { "forward" },
        "batch": program.job.batch,
        "sequence": program.job.sequence,
        "systems": program.job.systems,
        "wafers": program.regions.iter().map(|region| region.wafer + 1).max().unwrap_or(0),
        "kernels": program.kernels.len(),
        "regions": program.regions.len(),
        "routes": program.routes.len(),
        "cores_used": program.cores_used(),
        "sram_bytes_per_core": device.sram_bytes_per_core.value,
        "sram_peak_bytes_per_core": sram::peaks(program).into_iter().max().unwrap_or(0),
        "slowest_kernel": slowest,
        "cycles_per_micro_batch": cycles.0,
        "micro_batches": program.schedule.micro_batches(),
        "fidelity": "ANALYTIC",
        "violations": violations,
        "steps": program.steps.len(),
        "steps_by_pass": serde_json::Map::from_iter(per_pass),
        "assumptions": program.assumptions,
    })
}

fn count(program: &Program, pass: CompilerPass) -> usize {
    program.steps.iter().filter(|step| step.pass == pass).count()
}

fn step_object(step: &Step) -> Value {
    let considered: Vec<Value> = step
        .considered
        .iter()
        .map(|other| {
            let rect = other.rect.map(|rect| json!([rect.x, rect.y, rect.width, rect.height]));
            json!({ "what": other.what, "why_not": other.why_not, "rect": rect })
        })
        .collect();
    json!({
        "pass": step.pass.words(),
        "author": format!("{:?}", step.author).to_lowercase(),
        "decision": format!("{:?}", step.decision),
        "because": step.because,
        "considered": considered,
        "rule": step.rule,
    })
}

/// The passes with their counts and a reason, and what sets the pace.
fn text(program: &Program, graph: &Graph, device: &DeviceSpec) -> String {
    let mut text = format!("{} on {}, {}\n", graph.name, device.title, program.job.mapping.name());
    for pass in CompilerPass::ALL {
        let decided = program.steps.iter().filter(|step| step.pass == pass);
        let told = decided.clone().find(|step| !step.because.is_empty()).map_or("", |step| step.because.as_str());
        // Writing to a string cannot fail.
        let _ok = writeln!(text, "{:>6}  {:<14}  {told}", decided.count(), pass.words()).is_ok();
    }
    let (slowest, cycles) = compiler::pace(program);
    let peak = sram::peaks(program).into_iter().max().unwrap_or(0);
    let wafers = program.regions.iter().map(|region| region.wafer + 1).max().unwrap_or(0);
    let lines = [
        format!("slowest kernel: {slowest}, {} for a micro-batch (ANALYTIC)", format::cycles(cycles.0)),
        format!(
            "{} cores on {wafers} wafer{}",
            format::grouped(program.cores_used()),
            if wafers == 1 { "" } else { "s" }
        ),
        format!(
            "SRAM: at most {} of {} KiB a core",
            format::kib(peak),
            format::kib(u64::from(device.sram_bytes_per_core.value))
        ),
    ];
    text + &lines.join("\n") + "\n"
}

impl From<Mode> for Mapping {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Pipelined => Self::Pipelined,
            Mode::Streaming => Self::Streaming,
            Mode::Resident => Self::Resident,
        }
    }
}
