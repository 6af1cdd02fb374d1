//! `waferscope replay`: repeats what was recorded in scenarios and compares it, or records it again.

use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::Args;
use serde_json::{Value, json};

use super::input::{self, Opened};
use super::output::Output;
use super::{Format, Verdict};
use crate::scenario::file::{scenario, store};
use crate::scenario::replay::{self, Verdict as Compared, words};
use crate::sim::MODEL_REVISION;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Scenario files, or names of scenarios that come with the program.
    #[arg(required = true, value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct What {
    /// Run the recorded commands and compare the hashes.
    #[arg(long)]
    verify: bool,
    /// Run to the end and write the recording into the file: for use after an intended change of the model.
    #[arg(long)]
    record: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Verdict> {
    let mut objects = Vec::new();
    let mut lines = String::new();
    let mut verdict = Verdict::Good;
    for name in &arguments.scenarios {
        let opened = input::open(name)?;
        for notice in &opened.notices {
            output.remark(notice);
        }
        let said = if arguments.what.record { record(&opened)? } else { verify(&opened)? };
        if said.verdict == Verdict::Bad {
            verdict = Verdict::Bad;
            output.remark(&said.sentence);
        } else {
            lines.push_str(&said.sentence);
            lines.push('\n');
        }
        objects.push(said.object);
    }
    let object = match objects.len() {
        1 => objects.remove(0),
        _ => json!({ "verified": verdict == Verdict::Good, "scenarios": objects }),
    };
    output.result(&object, || lines)?;
    Ok(verdict)
}

/// What there is to say about one scenario.
struct Said {
    verdict: Verdict,
    sentence: String,
    object: Value,
}

fn verify(opened: &Opened) -> anyhow::Result<Said> {
    let name = &opened.name;
    let compared = replay::verify(opened.scenario()).map_err(|error| anyhow!("{name}: {error}"))?;
    let mut first = None;
    let (verdict, sentence) = match compared {
        Compared::Verified { hashes, outcome } => {
            (Verdict::Good, format!("{name}: verified over {hashes} hashes, {}", words(&outcome)))
        }
        Compared::Differs { first_difference_cycle, what } => {
            first = first_difference_cycle;
            (Verdict::Bad, format!("{name}: differs from its recording: {what}"))
        }
        Compared::OtherRevision { recorded, ours } => {
            let advice = "record it again with `waferscope replay --record`";
            (Verdict::Bad, format!("{name}: recorded with revision {recorded} of the model, this is {ours}; {advice}"))
        }
        Compared::NotRecorded => {
            let advice = "record it with `waferscope replay --record`";
            (Verdict::Bad, format!("{name}: expected a recording, found none; {advice}"))
        }
    };
    let object = json!({
        "scenario": name,
        "verified": verdict == Verdict::Good,
        "first_difference_cycle": first,
        "model_revision": MODEL_REVISION,
        "detail": sentence,
    });
    Ok(Said { verdict, sentence, object })
}

fn record(opened: &Opened) -> anyhow::Result<Said> {
    let name = &opened.name;
    let Some(path) = &opened.writable else {
        bail!("{name}: expected a scenario file that this program writes, found one that it only reads");
    };
    let recording = replay::record(opened.scenario()).map_err(|error| anyhow!("{name}: {error}"))?;
    let ending = words(&recording.outcome);
    let hashes = recording.hashes.len();
    let recorded = crate::scenario::Scenario { recording: Some(recording), ..opened.scenario().clone() };
    store::write(path, scenario::write(&recorded).as_bytes())?;
    let object = json!({
        "scenario": name,
        "verified": true,
        "recorded": true,
        "first_difference_cycle": Value::Null,
        "model_revision": MODEL_REVISION,
    });
    Ok(Said { verdict: Verdict::Good, sentence: format!("{name}: recorded {hashes} hashes, {ending}"), object })
}
