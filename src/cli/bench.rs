//! `waferscope bench`: the figures of [`crate::lab::bench`] on the default run, with the pictures that follow from them.

use std::hint::black_box;

use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};

use super::output::Output;
use super::{Format, Verdict};
use crate::hardware::Core;
use crate::lab::bench::{Figure, engine_figures, route_figures, scrub_figure};
use crate::scenario::library;
use crate::session::picture::{layer_info, range};
use crate::session::placing::{Draft, Hand, Survey, Watch, ground};
use crate::sim::{FrameRequest, Layer, Scene, Trace};
use crate::view::raster::{self, Window};
use crate::view::{CoreMap, LayerInfo, Rgba};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) format: Format,
}

/// The shipped scenario with the most kernels.
const LARGEST_LAYOUT: &str = "llama-70b-does-not-fit";

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
    figures.extend(placing_figures()?);
    let object = json!({
        "scenario": scenario.title,
        "cores": scene.device.fabric_cores(),
        "debug_build": cfg!(debug_assertions),
        "figures": figures.iter().map(object).collect::<Vec<_>>(),
    });
    output.result(&object, || text(&scenario.title, &figures))?;
    Ok(Verdict::Good)
}

/// What a hand on the wafer asks for in every frame, on the largest resident layout that comes with the program.
fn placing_figures() -> anyhow::Result<Vec<Figure>> {
    let shipped = library::ALL.iter().find(|shipped| shipped.name == LARGEST_LAYOUT);
    let shipped = shipped.ok_or_else(|| anyhow!("{LARGEST_LAYOUT} is not shipped"))?;
    let prepared = shipped.scenario().prepare().map_err(|error| anyhow!("{LARGEST_LAYOUT}: {error}"))?;
    let scene = prepared.compile();
    let watch = Watch::of(&scene);
    let mut draft = Draft::of(watch.layout_at(watch.count()));
    let Some((op, rect)) = draft.placed.pop() else { return Ok(Vec::new()) };
    let hand = Hand { op, width: rect.width, height: rect.height, from: None, at: None };
    draft.hand = Some(hand);
    let survey = Survey::of(&scene, &draft);
    let kernels = draft.placed.len();
    let (columns, rows) = (scene.device.fabric_columns.value, scene.device.fabric_rows.value);
    let cores = scene.device.fabric_cores() as usize;
    // Sizes from one core to the whole wafer, at places that do not repeat.
    let judged = Figure::measure(&format!("judge a ghost among {kernels} kernels"), Some(8), cores, |turn| {
        let turn = turn as u32;
        let mut draft = draft.clone();
        let (width, height) = (1 + turn * columns / 26, 1 + turn * rows / 26);
        draft.hand = Some(Hand { width, height, ..hand });
        let corner = Core { x: turn * 331 % columns, y: turn * 719 % rows };
        black_box(draft.judge(&scene, &survey, corner));
    });
    let surveyed = Figure::measure(&format!("survey a draft of {kernels} kernels"), Some(8), cores, |_turn| {
        black_box(Survey::of(&scene, &draft));
    });
    let count = watch.count();
    let name = format!("layout at any of {count} decisions");
    let watched = Figure::measure(&name, Some(1), cores, |turn| {
        black_box(watch.layout_at(turn * count / 26));
    });
    Ok(vec![judged, surveyed, watched, decision_figure(&scene, &watch)])
}

/// Everything that a jump to a random decision asks for: the layout, what is on every core, and the picture.
fn decision_figure(scene: &Scene, watch: &Watch) -> Figure {
    let (columns, rows) = (scene.device.fabric_columns.value, scene.device.fabric_rows.value);
    let info = layer_info(Layer::Kernel, &scene.device);
    let (mut classes, mut values) = (Vec::new(), Vec::new());
    let count = watch.count();
    let name = format!("scrub to any of {count} decisions, with its picture");
    let bytes = SCREEN[0] * SCREEN[1] * size_of::<Rgba>();
    Figure::measure(&name, Some(16), bytes, |turn| {
        let at = turn * 7_919 % (count + 1);
        ground::classes(scene, &watch.layout_at(at), &mut classes);
        if let Some(map) = CoreMap::new(&classes, columns, rows) {
            black_box(texture(map, &info, Layer::Kernel, &mut values));
        }
    })
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
