//! The bare command: the window, or where there is no display a report and a picture of the same run.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::execution::Execution;
use super::input::{self, Opened};
use super::output::Output;
use super::{Format, Start, Verdict, render, report, run};
use crate::scenario::file::store;
use crate::session::Opening;
use crate::sim::Layer;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A scenario or model file, or the name of a scenario that comes with the program.
    file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) format: Format,
}

/// The picture that is written where no window opens.
const PICTURE: &str = "waferscope.png";

/// No window, and why that is.
#[derive(Debug)]
struct NoDisplay(String);

pub(super) fn run(arguments: &Arguments, start: Start, output: &Output) -> anyhow::Result<Verdict> {
    let opened = arguments.file.as_deref().map(input::open).transpose()?;
    let Err(NoDisplay(why)) = open_window(opened.as_ref(), start) else { return Ok(Verdict::Good) };
    output.remark(&format!("{why}: running without a window"));
    headless(&opened.unwrap_or_else(input::default), output)
}

/// Opens the window and returns when it is closed.
fn open_window(opened: Option<&Opened>, start: Start) -> Result<(), NoDisplay> {
    if !has_display() {
        return Err(NoDisplay("no display (neither DISPLAY nor WAYLAND_DISPLAY is set)".to_owned()));
    }
    let opening = Opening {
        document: opened.map(|opened| opened.document.clone()),
        notices: opened.map(|opened| opened.notices.clone()).unwrap_or_default(),
        started: start.time,
    };
    (start.window)(opening).map_err(NoDisplay)
}

/// Whether a window could open: on Linux the display is named in the environment, elsewhere there is one.
fn has_display() -> bool {
    let named = |variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"].into_iter().any(named)
}

/// Runs to the end, reports, and leaves a picture.
fn headless(opened: &Opened, output: &Output) -> anyhow::Result<Verdict> {
    for notice in &opened.notices {
        output.remark(notice);
    }
    let execution = Execution::until(opened, None)?;
    if let Some(verdict) = run::refused(opened, &execution, output)? {
        write_picture(opened, &execution, Layer::SramPeak, output)?;
        return Ok(verdict);
    }
    let picture = write_picture(opened, &execution, Layer::Utilisation, output)?;
    let mut object = run::object(opened, &execution);
    object["picture"] = json!(picture.display().to_string());
    output.result(&object, || report::text(opened.scenario(), &execution))?;
    Ok(Verdict::Good)
}

/// Writes the picture here, or into the folder for temporary files, and says where.
fn write_picture(opened: &Opened, execution: &Execution, layer: Layer, output: &Output) -> anyhow::Result<PathBuf> {
    let moment = render::default_moment(execution);
    let bytes = render::png(&opened.scenario().title, execution, layer, moment, render::SIZE)?;
    let here = Path::new(".").join(PICTURE);
    let path = match store::write(&here, &bytes) {
        Ok(()) => here,
        Err(_not_writable) => {
            let elsewhere = std::env::temp_dir().join(PICTURE);
            store::write(&elsewhere, &bytes)?;
            elsewhere
        }
    };
    output.remark(&format!("picture: {}", path.display()));
    Ok(path)
}
