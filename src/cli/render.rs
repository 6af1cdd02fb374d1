//! `waferscope render`: one picture with legend and caption.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use super::execution::Execution;
use super::input;
use super::moment::{Moment, Size};
use super::output::Output;
use super::{Format, Verdict};
use crate::scenario::file::store;
use crate::session::picture;
use crate::sim::{FrameRequest, Layer, TrackKind};
use crate::units::{Cycles, format};

/// Size of a picture when none is asked for, in pixels.
pub(super) const SIZE: [u32; 2] = [1280, 960];

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A scenario or model file, or the name of a scenario that comes with the program.
    scenario: PathBuf,
    /// The moment: cycles (1200000), a share of the run (80%) or a duration (134.5ms).
    #[arg(long, value_name = "T")]
    at: Option<Moment>,
    /// What the colours show.
    #[arg(long, value_name = "L", default_value = "utilisation", value_parser = layer_names())]
    layer: String,
    /// Width and height in pixels.
    #[arg(long, value_name = "WxH")]
    size: Option<Size>,
    /// Where the PNG file goes.
    #[arg(short, long, value_name = "PNG")]
    output: PathBuf,
    #[command(flatten)]
    pub(super) format: Format,
}

fn layer_names() -> PossibleValuesParser {
    PossibleValuesParser::new(Layer::ALL.map(Layer::name))
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<Verdict> {
    let opened = input::open(&arguments.scenario)?;
    for notice in &opened.notices {
        output.remark(notice);
    }
    let execution = Execution::until(&opened, None)?;
    if let Some(sentence) = execution.refusal(&opened.name) {
        output.remark(&sentence);
    }
    let (device, end) = (&execution.scene.device, execution.trace.edge);
    let time = match arguments.at {
        Some(moment) => moment.cycle(device.clock_run_hz.value, || end).min(end),
        None => default_moment(&execution),
    };
    let layer = Layer::from_name(&arguments.layer).ok_or_else(|| anyhow!("{}: no such layer", arguments.layer))?;
    let [width, height] = arguments.size.map_or(SIZE, |size| size.0);
    let bytes = png(&opened.scenario().title, &execution, layer, time, [width, height])?;
    store::write(&arguments.output, &bytes)?;

    let info = picture::layer_info(layer, device);
    let (low, high) = picture::range(layer);
    let range = [low, high].map(|value| info.quantity_of(f64::from(value)));
    let object = json!({
        "scenario": opened.name,
        "file": arguments.output.display().to_string(),
        "width": width,
        "height": height,
        "layer": layer.name(),
        "range": range,
        "range_unit": info.unit,
        "time_cycles": time,
        "time_seconds": Cycles(time).seconds(device.clock_run_hz.value).0,
        "fidelity": "FLOW",
        "refused": !execution.refusals.is_empty(),
    });
    output.result(&object, || {
        let moment = if execution.refusals.is_empty() {
            format!("at {}", format::duration(Cycles(time).seconds(device.clock_run_hz.value).0))
        } else {
            "of the partial placement".to_owned()
        };
        format!("{}: {} {moment}, {width} × {height}\n", arguments.output.display(), layer.name())
    })?;
    Ok(Verdict::Good)
}

/// A moment worth looking at when none is named: the middle of the last stage that computes for long before four fifths
/// of the run, where forward and backward passes have both begun; in a pipeline, when it is full.
pub(super) fn default_moment(execution: &Execution) -> u64 {
    let trace = &execution.trace;
    let target = (u128::from(trace.edge) * 4 / 5) as u64;
    let Some(lanes) = trace.track(TrackKind::Lanes) else { return trace.edge / 2 };
    let earlier = lanes.between(target.saturating_sub(trace.edge / 20), target);
    let longest = earlier.iter().max_by_key(|interval| interval.active);
    longest.map_or(target, |interval| u64::midpoint(interval.start, interval.end))
}

/// A picture of an execution as the bytes of a PNG file.
///
/// # Errors
/// If the encoder fails.
pub(super) fn png(
    title: &str,
    execution: &Execution,
    layer: Layer,
    time: u64,
    size: [u32; 2],
) -> anyhow::Result<Vec<u8>> {
    let request = FrameRequest { layer, wafer: 0, time, window: picture::WINDOW_CYCLES };
    let drawn = picture::picture(title, &execution.scene, &execution.trace, request, size);
    let drawn = drawn.ok_or_else(|| anyhow!("the wafer has no cores to draw"))?;
    picture::png(&drawn).map_err(|error| anyhow!("the picture could not be encoded: {error}"))
}
