//! `waferscope bench`: the figures of [`crate::lab::bench`] on the default run, with the pictures that follow from them.

use std::hint::black_box;

use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};

use super::output::Output;
use super::{Format, Verdict};
use crate::lab::bench::{Figure, engine_figures, route_figures, scrub_figure};
use crate::scenario::library;
use crate::session::picture::{layer_info, range};
use crate::sim::{FrameRequest, Layer, Scene, Trace};
use crate::view::raster::{self, Window};
use crate::view::{CoreMap, LayerInfo, Rgba};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) format: Format,
}

/// Side of the map in pixels when the whole wafer is in view of a large window.
const SCREEN: [usize; 2] = [1_000, 1_000];

pub(super) fn run(_arguments: &Arguments, output: &Output) -> anyhow::Result<Verdict> {
    if cfg!(debug_assertions) {
        output.remark("this is a debug build: its figures say nothing about the release build");
    }
    let scenario = library::default_scenario();
    let prepared = scenario.prepare().map_err(|error| anyhow!("{}: {error}", scenario.title))?;
    let (mut figures, scene, trace) = engine_figures(&prepared);
    figures.extend(picture_figures(&scene, &trace));
    figures.extend(route_figures(&scene.device));
    for layer in [Layer::Utilisation, Layer::SramNow] {
        let info = layer_info(layer, &scene.device);
        let (columns, rows) = (scene.device.fabric_columns.value, scene.device.fabric_rows.value);
        let mut values = Vec::new();
        let mut paint = |frame: &[u8]| {
            if let Some(map) = CoreMap::new(frame, columns, rows) {
                black_box(texture(map, &info, layer, &mut values));
            }
        };
        figures.push(scrub_figure(&scene, &trace, layer, &mut paint));
    }
    let object = json!({
        "scenario": scenario.title,
        "cores": scene.device.fabric_cores(),
        "debug_build": cfg!(debug_assertions),
        "figures": figures.iter().map(object).collect::<Vec<_>>(),
    });
    output.result(&object, || text(&scenario.title, &figures))?;
    Ok(Verdict::Good)
}

/// Colours and pixels from the values of one frame.
fn picture_figures(scene: &Scene, trace: &Trace) -> Vec<Figure> {
    let request = FrameRequest { layer: Layer::Utilisation, wafer: 0, time: trace.edge / 2, window: 2_000 };
    let frame = scene.frame(trace, request);
    let info = layer_info(request.layer, &scene.device);
    let mut figures = Vec::new();
    let bytes = frame.values.len() * size_of::<Rgba>();
    figures.push(Figure::measure("recolour and build texture, a texel a core", Some(1), bytes, |_turn| {
        // A texture takes its pixels along, so every one needs a new vector.
        let mut pixels: Vec<Rgba> = Vec::new();
        raster::recolour(&frame.values, &info.table(range(request.layer)), &mut pixels);
        black_box(pixels);
    }));
    let Some(map) = CoreMap::new(&frame.values, frame.columns, frame.rows) else { return figures };
    let mut values = Vec::new();
    let bytes = SCREEN[0] * SCREEN[1] * size_of::<Rgba>();
    figures.push(Figure::measure("reduce to the screen, recolour, build texture", None, bytes, |_turn| {
        black_box(texture(map, &info, request.layer, &mut values));
    }));
    figures
}

/// The pixels of the whole wafer on the screen.
fn texture(map: CoreMap<'_>, info: &LayerInfo, layer: Layer, values: &mut Vec<u8>) -> Vec<Rgba> {
    let window = Window { left: 0.0, top: 0.0, right: f64::from(map.columns()), bottom: f64::from(map.rows()) };
    raster::reduce(map, window, SCREEN, info.reduction, values);
    let mut pixels = Vec::new();
    raster::recolour(values, &info.table(range(layer)), &mut pixels);
    pixels
}

fn milliseconds(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn object(figure: &Figure) -> Value {
    json!({
        "name": figure.name,
        "median_ms": milliseconds(figure.median),
        "worst_ms": milliseconds(figure.worst),
        "bytes": figure.bytes,
        "memcpy_ms": milliseconds(figure.yardstick),
        "ratio": figure.ratio(),
        "budget_ms": figure.budget.map(milliseconds),
        "within_budget": figure.within_budget(),
    })
}

fn text(title: &str, figures: &[Figure]) -> String {
    let mut text = format!(
        "{title}: milliseconds beside a copy of as many bytes\n\n{:<46}{:>9}{:>9}{:>9}{:>9}{:>9}\n",
        "", "median", "worst", "memcpy", "ratio", "budget"
    );
    for figure in figures {
        let [median, worst, copy] = [figure.median, figure.worst, figure.yardstick].map(milliseconds);
        let budget = figure.budget.map_or_else(|| "–".to_owned(), |budget| format!("{:.0}", milliseconds(budget)));
        let over = if figure.within_budget() == Some(false) { "  over" } else { "" };
        let ratio = figure.ratio();
        let numbers = format!("{median:>9.3}{worst:>9.3}{copy:>9.3}{ratio:>9.1}{budget:>9}{over}");
        text.extend([format!("{:<46}", figure.name), numbers, "\n".to_owned()]);
    }
    text
}
