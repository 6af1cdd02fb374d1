//! `waferscope import`: what was read from a model file.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::input::{self, UnknownFlag};
use super::output::Output;
use super::{Format, Verdict};
use crate::scenario::file::shown;
use crate::units::format;
use crate::workload::import::Imported;
use crate::workload::{Graph, OpKind, Unit};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A model-zoo YAML file, a Hugging Face config.json, an ONNX file, or the name of a model that comes with the
    /// program.
    model: PathBuf,
    /// What to do with operators of an ONNX file that are not known.
    #[arg(long, value_enum, default_value_t)]
    unknown: UnknownFlag,
    #[command(flatten)]
    pub(super) format: Format,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Verdict> {
    let name = shown(&arguments.model);
    let imported = input::model(&arguments.model, arguments.unknown)?;
    let graph = &imported.graph;
    let unit = graph.unit.word();
    let mut object = json!({
        "file": name,
        "format": imported.format.word(),
        "name": graph.name,
        "family": imported.family(),
        "class": imported.class(),
        "parameters": imported.parameters(),
        "layers": imported.layers(),
        "operators": graph.ops.len(),
        "sequence_tokens": graph.sequence,
        "batch_sequences": graph.batch,
        "multiply_adds": graph.multiply_adds_per_sequence(),
        "convolutions": count(graph, |kind| matches!(kind, OpKind::Convolution(_))),
        "fully_connected": count(graph, |kind| matches!(kind, OpKind::MatMul { .. })),
        "fused": graph.fusions.len(),
        "warnings": imported.warnings(),
    });
    // What is counted for one token or one sample says so in its key.
    object[format!("active_parameters_per_{unit}")] = json!(graph.active_parameters());
    object[format!("forward_flops_per_{unit}")] = json!(imported.forward_flops_per_token());
    object[format!("training_flops_per_{unit}")] = json!(graph.training_flops_per_token());
    output.result(&object, || text(&name, &imported))?;
    Ok(Verdict::Good)
}

/// Operators of a kind.
fn count(graph: &Graph, is: impl Fn(OpKind) -> bool) -> usize {
    graph.ops.iter().filter(|op| is(op.kind)).count()
}

fn text(name: &str, imported: &Imported) -> String {
    let graph = &imported.graph;
    let exact = format::grouped(imported.parameters());
    let unit = graph.unit.word();
    let mut rows = vec![
        ("format", imported.format.title().to_owned()),
        ("family", imported.family().to_owned()),
        ("counted as", imported.class().to_owned()),
        ("parameters", format!("{} ({exact})", format::parameters(imported.parameters()))),
        ("layers", format!("{} blocks, {} operators", imported.layers(), graph.ops.len())),
    ];
    if graph.active_parameters() < imported.parameters() {
        let active = format::parameters(graph.active_parameters());
        rows.push(("active", format!("{active} for one {unit}")));
    }
    if graph.unit == Unit::Sample {
        let [convolutions, products] = [
            count(graph, |kind| matches!(kind, OpKind::Convolution(_))),
            count(graph, |kind| matches!(kind, OpKind::MatMul { .. })),
        ];
        rows.push(("of these", format!("{convolutions} convolutions, {products} fully connected")));
        rows.push(("fused", format!("{} operators of the file are part of others", graph.fusions.len())));
        rows.push(("multiply-adds", format!("{} a sample", format::grouped(graph.multiply_adds_per_sequence()))));
    } else {
        rows.push(("sequence", format!("{} tokens", format::grouped(graph.sequence))));
    }
    if let Some(batch) = graph.batch {
        rows.push(("batch", format!("{} sequences", format::grouped(batch))));
    }
    let flop = format!("FLOP a {unit}");
    rows.push(("forward pass", format::quantity(imported.forward_flops_per_token() as f64, &flop)));
    rows.push(("training", format::quantity(graph.training_flops_per_token() as f64, &flop)));
    rows.extend(imported.warnings().iter().map(|warning| ("warning", warning.clone())));
    let rows = rows.into_iter().map(|(label, value)| format!("  {label:<14}{value}\n"));
    format!("{name}\n{}", rows.collect::<String>())
}
