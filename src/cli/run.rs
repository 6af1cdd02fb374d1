//! `waferscope run`: executes a scenario and reports what it achieved.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};

use super::execution::Execution;
use super::input::{self, Opened, UnknownFlag};
use super::moment::Moment;
use super::output::Output;
use super::{Format, Verdict, render, report};
use crate::compiler::{SramUse, Work};
use crate::scenario::file::{scenario, store};
use crate::scenario::replay;
use crate::sim::metrics::Summary;
use crate::sim::{Layer, MODEL_REVISION};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A scenario or model file, or the name of a scenario that comes with the program.
    scenario: PathBuf,
    /// Stop at a moment: cycles (1200000), a share of the run (80%) or a duration (134.5ms).
    #[arg(long, value_name = "T")]
    until: Option<Moment>,
    /// Also write report, numbers, picture and recorded scenario into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to do with operators of an ONNX file that are not known.
    #[arg(long, value_enum, default_value_t)]
    unknown: UnknownFlag,
    #[command(flatten)]
    pub(super) format: Format,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Verdict> {
    let opened = input::open_with(&arguments.scenario, arguments.unknown)?;
    for notice in &opened.notices {
        output.remark(notice);
    }
    let execution = Execution::until(&opened, arguments.until)?;
    if let Some(verdict) = refused(&opened, &execution, output)? {
        return Ok(verdict);
    }
    let mut object = object(&opened, &execution);
    let text = report::text(opened.scenario(), &execution);
    if let Some(folder) = &arguments.out {
        let files = write_all(folder, &opened, &execution, &object, &text)?;
        object["files"] = json!(files);
        output.remark(&format!("wrote {}", files.join(", ")));
    }
    output.result(&object, || text)?;
    Ok(Verdict::Good)
}

/// Says why a program cannot run, with the amounts and the ways out, if it cannot.
pub(super) fn refused(opened: &Opened, execution: &Execution, output: &Output) -> anyhow::Result<Option<Verdict>> {
    let Some(sentence) = execution.refusal(&opened.name) else { return Ok(None) };
    output.remark(&sentence);
    let object = json!({
        "scenario": opened.name,
        "error": sentence,
        "violations": execution.refusals,
    });
    // The sentence on standard error is the report; the object is for those who asked for it.
    output.result(&object, String::new)?;
    Ok(Some(Verdict::Bad))
}

/// The numbers of a run; names carry their units.
pub(super) fn object(opened: &Opened, execution: &Execution) -> Value {
    let Execution { scene, trace, .. } = execution;
    let (device, program, graph) = (&scene.device, &scene.program, &scene.graph);
    let facts = report::Facts::of(execution);
    let Summary {
        total_cycles,
        total_seconds,
        tokens_per_second,
        sequences_per_second,
        utilization_mean,
        compute_share,
        weights_in_share,
        gradients_out_share,
        wait_input_share,
        wait_output_share,
        flops_per_second,
        peak_share,
        sram_peak_bytes_per_core,
        cores_used,
        limiter,
    } = &facts.summary;
    // A rate over a part of the run would count tokens that are not finished.
    let whole = |value: f64| if trace.finished { json!(value) } else { Value::Null };
    let spec_peak = peak_share * device.clock_run_hz.value / device.clock_spec_hz.value;
    let by_use = SramUse::ALL.map(|usage| (usage.word().to_owned(), json!(facts.peak.tally.by_use[usage as usize])));
    json!({
        "scenario": opened.name,
        "title": opened.scenario().title,
        "model": graph.name,
        "parameters": graph.parameters(),
        "device": device.name,
        "systems": program.job.systems,
        "batch_sequences": program.job.batch,
        "sequence_tokens": program.job.sequence,
        "fidelity": "FLOW",
        "model_revision": MODEL_REVISION,
        "finished": trace.finished,
        "total_cycles": total_cycles,
        "total_seconds": total_seconds,
        "clock_run_hz": device.clock_run_hz.value,
        "clock_spec_hz": device.clock_spec_hz.value,
        "tokens_per_s": whole(*tokens_per_second),
        "samples_per_s": whole(*sequences_per_second),
        "days_per_300e9_tokens": facts.days_per_300e9_tokens.map_or(Value::Null, whole),
        "flops_per_s": whole(*flops_per_second),
        "dense_peak_share_at_clock_run": whole(*peak_share),
        "dense_peak_share_at_clock_spec": whole(spec_peak),
        "utilization_mean": utilization_mean,
        "compute_share": compute_share,
        "stream_share": facts.stream_share,
        "wait_share": wait_input_share + wait_output_share,
        "weights_in_share": weights_in_share,
        "gradients_out_share": gradients_out_share,
        "wait_input_share": wait_input_share,
        "wait_output_share": wait_output_share,
        "cores_used": cores_used,
        "dead_cores": scene.defects.dead_count(),
        "sram_bytes_per_core": device.sram_bytes_per_core.value,
        "sram_peak_bytes_per_core": sram_peak_bytes_per_core,
        "sram_peak_by_use_bytes": serde_json::Map::from_iter(by_use),
        "sram_peak_owner": facts.peak_owner,
        "sram_peak_cycle": facts.peak_cycle,
        "limiter": limiter,
        "assumptions": program.assumptions,
        "state_hash": format!("{:016x}", trace.hash_at(trace.edge + 1)),
        "work": if program.job.work == Work::Train { "train" } else { "forward" },
    })
}

/// Writes what `--out` promises and returns the paths.
fn write_all(
    folder: &Path,
    opened: &Opened,
    execution: &Execution,
    object: &Value,
    text: &str,
) -> anyhow::Result<Vec<String>> {
    fs::create_dir_all(folder).map_err(|error| anyhow!("{}: {error}", folder.display()))?;
    let mut recorded = opened.scenario().clone();
    recorded.recording = Some(replay::record(&recorded)?);
    let moment = render::default_moment(execution);
    let files = [
        ("report.txt", text.as_bytes().to_vec()),
        ("run.json", format!("{object:#}\n").into_bytes()),
        ("wafer.png", render::png(&opened.scenario().title, execution, Layer::Utilisation, moment, render::SIZE)?),
        ("scenario.ron", scenario::write(&recorded).into_bytes()),
    ];
    let mut paths = Vec::new();
    for (name, bytes) in files {
        let path = folder.join(name);
        store::write(&path, &bytes)?;
        paths.push(path.display().to_string());
    }
    Ok(paths)
}
