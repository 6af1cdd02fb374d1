//! A finished picture of a scene at a moment, for files: which colours a layer has, and the words around the map.
//!
//! Drawing is `view`'s business; writing the file is the caller's.

use crate::compiler::{Mapping, Work};
use crate::hardware::{DeviceSpec, Geometry};
use crate::sim::metrics::{Summary, sram_peak, summary};
use crate::sim::{Activity, FrameRequest, Layer, OpClass, Scene, Trace, TrackKind};
use crate::units::{Cycles, format};
use crate::view::picture::{Picture, PictureScene, draw};
use crate::view::ramp::CATEGORICAL;
use crate::view::{Category, CoreMap, KernelOutline, LayerInfo, Ramp, Reduction, Rgba, WaferPlane};

/// Cycles over which utilisation is averaged in a picture.
pub const WINDOW_CYCLES: u64 = 2_000;

/// Colour of a category in which nothing happens: barely above the ground.
const NOTHING: Rgba = [0x16, 0x1A, 0x20, 0xFF];

/// What the values of a layer mean, and its colours.
pub fn layer_info(layer: Layer, device: &DeviceSpec) -> LayerInfo {
    let capacity = device.sram_bytes_per_core.value;
    match layer {
        Layer::Utilisation => LayerInfo::utilisation(),
        Layer::SramNow => LayerInfo::sram_now(capacity),
        Layer::SramPeak => LayerInfo::sram_peak(capacity),
        Layer::State => kinds("State", Activity::ALL.map(Activity::words)),
        Layer::Kernel => kinds("Kernel at work", OpClass::ALL.map(OpClass::words)),
        Layer::Defects => LayerInfo {
            title: "Moved by repair".to_owned(),
            unit: "columns",
            ramp: Ramp::Magma,
            reduction: Reduction::Max,
            low: 0.0,
            high: 255.0,
            categories: Vec::new(),
        },
    }
}

/// Categories of which the first stands for nothing.
fn kinds<const N: usize>(title: &str, names: [&str; N]) -> LayerInfo {
    // A kind has the colour of its number everywhere: on the map, in the timeline and while placing.
    let colour = |index: usize| if index == 0 { NOTHING } else { CATEGORICAL[index % CATEGORICAL.len()] };
    let category = |(index, name): (usize, &str)| Category { name: name.to_owned(), colour: colour(index) };
    LayerInfo::categorical(title, names.into_iter().enumerate().map(category).collect())
}

/// Draws `request` of a scene; a scene that was refused has an empty trace and shows where its kernels would be.
pub fn picture(title: &str, scene: &Scene, trace: &Trace, request: FrameRequest, size: [u32; 2]) -> Option<Picture> {
    let frame = scene.frame(trace, request);
    let info = layer_info(request.layer, &scene.device);
    let geometry = Geometry::new(&scene.device);
    let die_columns: Vec<u32> = (1..geometry.die_columns).map(|index| geometry.die_first_column(index)).collect();
    let die_rows: Vec<u32> = (1..geometry.die_rows).map(|index| geometry.die_first_row(index)).collect();
    let names = region_names(scene);
    let outline = |(region, name): (u32, &String)| {
        let rect = scene.program.regions[region as usize].rect;
        (rect, name.clone(), runs(scene, trace, region, request.time))
    };
    let outlines: Vec<_> = (0..).zip(&names).map(outline).collect();
    let kernels: Vec<KernelOutline<'_>> =
        outlines.iter().map(|(rect, name, running)| KernelOutline { rect: *rect, name, running: *running }).collect();
    let facts = facts(scene, trace, request);
    let facts: Vec<(&str, &str)> = facts.iter().map(|(label, value)| (*label, value.as_str())).collect();
    let picture = PictureScene {
        map: CoreMap::new(&frame.values, frame.columns, frame.rows)?,
        plane: WaferPlane::square(frame.columns, frame.rows, geometry.wafer_side_mm()),
        layer: &info,
        range: range(request.layer),
        die_columns: &die_columns,
        die_rows: &die_rows,
        kernels: &kernels,
        dead: scene.defects.dead_sites(),
        title,
        subtitle: &subtitle(scene, trace, request),
        facts: &facts,
    };
    Some(draw(&picture, size))
}

/// The values at the two ends of the colours. A shift of more than a few columns is rare; a lost core is brightest.
pub fn range(layer: Layer) -> (u8, u8) {
    match layer {
        Layer::Defects => (0, 8),
        _ => (0, 255),
    }
}

fn region_names(scene: &Scene) -> Vec<String> {
    let name = |region| crate::compiler::check::region_name(&scene.program, region);
    (0..scene.program.regions.len() as u32).map(name).collect()
}

/// Whether a region computes at `time`.
fn runs(scene: &Scene, trace: &Trace, region: u32, time: u64) -> bool {
    let track = crate::sim::frame::track_of(&scene.program, trace, region as usize);
    let interval = track.and_then(|track| track.at(time));
    interval.is_some_and(|interval| interval.dominant() == Activity::Compute)
}

fn subtitle(scene: &Scene, trace: &Trace, request: FrameRequest) -> String {
    let device = &scene.device;
    let job = &scene.program.job;
    let work = match (job.mapping, job.work) {
        (Mapping::Streaming, Work::Train) => "training, weights streamed in",
        (Mapping::Streaming, Work::Forward) => "forward pass, weights streamed in",
        (Mapping::Pipelined, Work::Train) => "training in a pipeline",
        (Mapping::Pipelined, Work::Forward) => "forward pass in a pipeline",
        (Mapping::Resident, _) => "forward pass, weights resident",
    };
    let systems = if job.systems == 1 { String::new() } else { format!("{} × ", job.systems) };
    let moment = if trace.tracks.is_empty() {
        "refused: partial placement".to_owned()
    } else {
        let clock = device.clock_run_hz.value;
        let [now, end] = [request.time, trace.edge].map(|cycle| format::duration(Cycles(cycle).seconds(clock).0));
        format!("at {now} of {end}")
    };
    format!("{} on {systems}{}, {work} · {moment} · FLOW", scene.graph.name, device.title)
}

/// What stands beside the map.
fn facts(scene: &Scene, trace: &Trace, request: FrameRequest) -> Vec<(&'static str, String)> {
    let device = &scene.device;
    let mut facts = Vec::new();
    if !trace.tracks.is_empty() {
        let clock = device.clock_run_hz.value;
        facts.push(("Time", format::duration(Cycles(request.time).seconds(clock).0)));
        facts.push(("Cycle", format::grouped(request.time)));
        if let Some(task) = task_at(scene, trace, request.time) {
            facts.push(("At work", task));
        }
        if trace.finished {
            facts.extend(results(&summary(scene, trace), device));
        }
    }
    let job = &scene.program.job;
    facts.push(("Batch", format!("{} × {} tokens", format::grouped(job.batch), format::grouped(job.sequence))));
    let peak = sram_peak(&scene.program);
    let limit = u64::from(device.sram_bytes_per_core.value);
    facts.push(("SRAM peak", format!("{} of {} KiB", format::kib(peak), format::kib(limit))));
    facts.push(("Cores in use", format::grouped(scene.program.cores_used())));
    facts.push(("Dead, spares included", format::grouped(scene.defects.dead_count() as u64)));
    facts.push(("Parameters", format::parameters(scene.graph.parameters())));
    facts
}

fn results(summary: &Summary, device: &DeviceSpec) -> [(&'static str, String); 4] {
    let clock = device.clock_run_hz.value / 1e9;
    [
        ("Throughput", format::quantity(summary.tokens_per_second, "tok/s")),
        ("Run", format::duration(summary.total_seconds)),
        ("Utilisation", format::percent(summary.utilization_mean)),
        ("Dense peak", format!("{} at {clock} GHz", format::percent(summary.peak_share))),
    ]
}

/// What the wafer works on where one thing at a time is worked on.
fn task_at(scene: &Scene, trace: &Trace, time: u64) -> Option<String> {
    let track = trace.track(TrackKind::Lanes)?;
    let interval = track.at(time.saturating_sub(1))?;
    let label = &scene.program.kernel(interval.task.kernel).label;
    Some(format!("{label}, {}", interval.task.pass.word()))
}

/// A picture as a PNG file.
///
/// # Errors
/// If the encoder fails, which memory alone can cause.
pub fn png(picture: &Picture) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&picture.rgba)?;
    writer.finish()?;
    Ok(bytes)
}
