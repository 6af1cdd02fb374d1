//! The project's own speed: what must be fast, timed beside a plain copy of the same bytes in the same process.
//!
//! A copy on the same machine at the same moment tells a slow program from a slow or busy machine. Nothing here decides
//! whether a figure is good enough; budgets are printed beside what was measured.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::compiler::route::{Edge, End, Fabric, Footprint, Request, Router, route};
use crate::hardware::{DefectMap, DeviceSpec, Rect};
use crate::rng::Rng;
use crate::scenario::Prepared;
use crate::sim::metrics::strips;
use crate::sim::{Engine, FrameRequest, Layer, Scene, Trace};
use crate::units::format;

/// Repetitions of a figure.
const REPEATS: usize = 25;

/// Moments to which the run is scrubbed.
const SCRUBS: usize = 64;

/// Cycles over which utilisation is averaged, as in the window.
const WINDOW_CYCLES: u64 = 2_000;

/// Bins of the metric strips, as many as a wide window has pixels for.
const STRIP_BINS: usize = 800;

/// One thing that was timed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    pub name: String,
    /// Half of the repetitions took longer.
    pub median: Duration,
    pub worst: Duration,
    /// Median time to copy `bytes`.
    pub yardstick: Duration,
    /// Bytes that the yardstick copies: those of the result, or of one value per core where it is no picture.
    pub bytes: usize,
    /// What it may take; `None` where none was set.
    pub budget: Option<Duration>,
}

impl Figure {
    /// Times `work` and a copy of `bytes` bytes, taking turns, so that both meet the same moments of the machine.
    pub fn measure(name: &str, budget_ms: Option<u64>, bytes: usize, mut work: impl FnMut(usize)) -> Self {
        Self::measure_times(name, budget_ms, bytes, REPEATS, &mut work)
    }

    fn measure_times(
        name: &str,
        budget_ms: Option<u64>,
        bytes: usize,
        times: usize,
        work: &mut dyn FnMut(usize),
    ) -> Self {
        let source = vec![1_u8; bytes];
        let mut target = vec![0_u8; bytes];
        // The first turn warms caches and is not counted.
        work(0);
        target.copy_from_slice(&source);
        let (mut works, mut copies) = (Vec::with_capacity(times), Vec::with_capacity(times));
        for turn in 0..times {
            works.push(timed(|| work(turn)));
            copies.push(timed(|| {
                target.copy_from_slice(black_box(&source));
                black_box(&mut target);
            }));
        }
        works.sort_unstable();
        copies.sort_unstable();
        Self {
            name: name.to_owned(),
            median: works[times / 2],
            worst: works[times - 1],
            yardstick: copies[times / 2],
            bytes,
            budget: budget_ms.map(Duration::from_millis),
        }
    }

    /// How many copies of its bytes it takes as long as.
    pub fn ratio(&self) -> f64 {
        self.median.as_secs_f64() / self.yardstick.as_secs_f64().max(1e-9)
    }

    /// Whether its median is within the budget.
    pub fn within_budget(&self) -> Option<bool> {
        self.budget.map(|budget| self.median <= budget)
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// Times compiler, engine, hash and frames of a scenario, and returns its scene and its whole trace for more figures.
///
/// # Panics
/// If the program of the scenario is refused: only valid scenarios are timed.
pub fn engine_figures(prepared: &Prepared) -> (Vec<Figure>, Scene, Trace) {
    const FEW: usize = 7;
    let scene = prepared.compile();
    let mut engine =
        Engine::new(Arc::clone(&scene.program)).unwrap_or_else(|error| panic!("a valid scenario: {error}"));
    let fresh = engine.clone();
    engine.run_to_end();
    let trace = engine.trace().clone();
    let cores = scene.device.fabric_cores() as usize;

    let mut figures = Vec::new();
    for layer in Layer::ALL {
        let name = format!("frame values, {}", layer.name());
        figures.push(Figure::measure(&name, Some(4), cores, |turn| {
            let time = trace.edge / (REPEATS as u64 + 1) * (turn as u64 + 1);
            black_box(scene.frame(&trace, FrameRequest { layer, wafer: 0, time, window: WINDOW_CYCLES }));
        }));
    }
    let bins = STRIP_BINS;
    figures.push(Figure::measure("metric strips, whole run", None, cores, |_turn| {
        black_box(strips(&scene, &trace, 0, trace.edge, bins));
    }));
    figures.push(Figure::measure_times("compile", None, cores, FEW, &mut |_turn| {
        black_box(prepared.compile());
    }));
    figures.push(Figure::measure_times("run to the end", None, cores, FEW, &mut |_turn| {
        let mut engine = fresh.clone();
        engine.run_to_end();
        black_box(&engine);
    }));
    figures.push(Figure::measure_times("hash of the whole run", None, cores, FEW, &mut |_turn| {
        black_box(trace.hash_at(trace.edge + 1));
    }));
    (figures, scene, trace)
}

/// Times the routing of a full wafer, and of one kernel that is tried elsewhere on it.
pub fn route_figures(device: &DeviceSpec) -> Vec<Figure> {
    const FEW: usize = 7;
    let fabric = Fabric::new(device, &DefectMap::none(device));
    let (kernels, requests) = full_wafer(&fabric);
    let cores = device.fabric_cores() as usize;
    let [count, streams] = [kernels.len(), requests.len()].map(|count| format::grouped(count as u64));
    let name = format!("route {count} kernels, {streams} streams");
    let mut routing = route(&fabric, &kernels, &requests);
    let all = Figure::measure_times(&name, Some(300), cores, FEW, &mut |_turn| {
        routing = route(&fabric, &kernels, &requests);
    });
    let mut router = Router::resume(&fabric, &kernels, &requests, &routing);
    let mut rng = Rng::substream(1, "bench route");
    let moves: Vec<(usize, Rect)> = (0..=SCRUBS)
        .map(|_| {
            let index = rng.below(kernels.len() as u32) as usize;
            let Rect { width, height, .. } = kernels[index].rect;
            let x = rng.below(fabric.columns.saturating_sub(width) + 1);
            (index, Rect { x, y: rng.below(fabric.rows.saturating_sub(height) + 1), width, height })
        })
        .collect();
    let one = Figure::measure_times("try one kernel elsewhere", Some(2), cores, SCRUBS, &mut |turn| {
        let (index, rect) = moves[turn];
        black_box(router.preview(index, rect));
    });
    let (kernels, requests) = crowded_wafer(&fabric);
    let [count, streams] = [kernels.len(), requests.len()].map(|count| format::grouped(count as u64));
    let name = format!("route {count} crowded kernels, {streams} streams");
    let crowded = Figure::measure_times(&name, Some(1_000), cores, FEW, &mut |_turn| {
        black_box(route(&fabric, &kernels, &requests));
    });
    vec![all, one, crowded]
}

/// 1,100 kernels of random sizes, each at a random place in its cell, with zero to five colours inside. Each has a
/// stream to the next and one of one to three trunks to as many readers, up to 88 kernels away.
fn crowded_wafer(fabric: &Fabric) -> (Vec<Footprint>, Vec<Request>) {
    const ROWS: u32 = 25;
    const COLUMNS: u32 = 44;
    let mut rng = Rng::substream(1, "bench crowd");
    let (width, height) = ((fabric.columns / COLUMNS).max(1), (fabric.rows / ROWS).max(1));
    let mut kernels = Vec::new();
    for cell in 0..ROWS * COLUMNS {
        let (w, h) = (1 + rng.below(width), 1 + rng.below(height));
        let x = cell % COLUMNS * width + rng.below(width - w + 1);
        let y = cell / COLUMNS * height + rng.below(height - h + 1);
        kernels.push(Footprint { rect: Rect { x, y, width: w, height: h }, colours: rng.below(6) });
    }
    let mut requests = Vec::new();
    for index in 0..kernels.len() {
        let mut stream = |ahead: &[u32], trunks: u32| {
            let reader = |&by: &u32| End::Kernel { index: (index + by as usize) % kernels.len(), edge: Edge::West };
            let from = End::Kernel { index, edge: Edge::East };
            requests.push(Request { from, to: ahead.iter().map(reader).collect(), bytes: 1 << 16, trunks });
        };
        stream(&[1], 1);
        let ahead: Vec<u32> = (0..=rng.below(3)).map(|_| 1 + rng.below(2 * COLUMNS)).collect();
        stream(&ahead, 1 + rng.below(3));
    }
    (kernels, requests)
}

/// 1,100 kernels on shelves that turn at the end, each with a stream to the next and one past it, one in eleven with a
/// stream to three readers.
fn full_wafer(fabric: &Fabric) -> (Vec<Footprint>, Vec<Request>) {
    const SHELVES: usize = 25;
    const A_SHELF: usize = 44;
    let (width, height) = ((fabric.columns / A_SHELF as u32).max(1), (fabric.rows / SHELVES as u32).max(1));
    let place = |index: usize| {
        let (shelf, along) = (index / A_SHELF, index % A_SHELF);
        let column = if shelf.is_multiple_of(2) { along } else { A_SHELF - 1 - along };
        let rect = Rect { x: column as u32 * width, y: shelf as u32 * height, width, height };
        Footprint { rect, colours: 4 }
    };
    let kernels: Vec<Footprint> = (0..SHELVES * A_SHELF).map(place).collect();
    let mut requests = Vec::new();
    let mut stream = |from: usize, to: &[usize], bytes: u64| {
        let readers = to.iter().filter(|&&to| to < SHELVES * A_SHELF);
        let to: Vec<End> = readers.map(|&index| End::Kernel { index, edge: Edge::West }).collect();
        if !to.is_empty() {
            requests.push(Request { from: End::Kernel { index: from, edge: Edge::East }, to, bytes, trunks: 1 });
        }
    };
    for index in 0..SHELVES * A_SHELF {
        stream(index, &[index + 1], 1 << 20);
        stream(index, &[index + 5], 1 << 19);
        if index % 11 == 0 {
            stream(index, &[index + 2, index + 3, index + 4], 1 << 18);
        }
    }
    (kernels, requests)
}

/// Times what the engine's side does for a scrub to random moments: the values and the strips; `paint` does the rest.
pub fn scrub_figure(scene: &Scene, trace: &Trace, layer: Layer, paint: &mut dyn FnMut(&[u8])) -> Figure {
    let mut rng = Rng::substream(1, "bench scrub");
    let times: Vec<u64> = (0..SCRUBS).map(|_| (rng.unit() * trace.edge as f64) as u64).collect();
    let cores = scene.device.fabric_cores() as usize;
    let name = format!("scrub to {SCRUBS} random moments, {}", layer.name());
    let mut work = |turn: usize| {
        let frame = scene.frame(trace, FrameRequest { layer, wafer: 0, time: times[turn], window: WINDOW_CYCLES });
        paint(&frame.values);
        black_box(strips(scene, trace, 0, trace.edge, STRIP_BINS));
    };
    Figure::measure_times(&name, Some(16), cores, SCRUBS, &mut work)
}
