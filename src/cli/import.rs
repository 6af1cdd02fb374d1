//! `waferscope import`: what was read from a model file.

use clap::Args;
use serde_json::json;

use super::input;
use super::output::Output;
use super::{Format, Verdict};
use crate::units::format;
use crate::workload::import::Imported;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A model-zoo YAML file, a Hugging Face config.json, or the name of a model that comes with the program.
    model: String,
    #[command(flatten)]
    pub(super) format: Format,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Verdict> {
    let imported = input::model(&arguments.model)?;
    let graph = &imported.graph;
    let object = json!({
        "file": arguments.model,
        "format": imported.format.word(),
        "name": graph.name,
        "family": imported.family(),
        "class": imported.class(),
        "parameters": imported.parameters(),
        "layers": imported.layers(),
        "operators": graph.ops.len(),
        "sequence_tokens": graph.sequence,
        "batch_sequences": graph.batch,
        "forward_flops_per_token": imported.forward_flops_per_token(),
        "training_flops_per_token": graph.training_flops_per_token(),
        "warnings": imported.warnings(),
    });
    output.result(&object, || text(&arguments.model, &imported))?;
    Ok(Verdict::Good)
}

fn text(name: &str, imported: &Imported) -> String {
    let graph = &imported.graph;
    let exact = format::grouped(imported.parameters());
    let mut rows = vec![
        ("format", imported.format.title().to_owned()),
        ("family", imported.family().to_owned()),
        ("counted as", imported.class().to_owned()),
        ("parameters", format!("{} ({exact})", format::parameters(imported.parameters()))),
        ("layers", format!("{} blocks, {} operators", imported.layers(), graph.ops.len())),
        ("sequence", format!("{} tokens", format::grouped(graph.sequence))),
    ];
    if let Some(batch) = graph.batch {
        rows.push(("batch", format!("{} sequences", format::grouped(batch))));
    }
    rows.push(("forward pass", format::quantity(imported.forward_flops_per_token() as f64, "FLOP a token")));
    rows.push(("training", format::quantity(graph.training_flops_per_token() as f64, "FLOP a token")));
    rows.extend(imported.warnings().iter().map(|warning| ("warning", warning.clone())));
    let rows = rows.into_iter().map(|(label, value)| format!("  {label:<14}{value}\n"));
    format!("{name}\n{}", rows.collect::<String>())
}
