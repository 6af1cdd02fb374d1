//! A picture of every core at a moment: a pure function of program, trace, layer, time and window.
//!
//! One `u8` per logical core, row by row from the north-west. A core does what its kernel does, later by the hops from
//! where operands enter, and less of it where its tile is smaller. Colours and reduction are left to `view`.

use std::sync::Arc;

use crate::compiler::{Entry, Kernel, Program, Region, Schedule, Split};
use crate::hardware::{Core, DefectMap, DeviceSpec};
use crate::sim::occupancy::{self, Held};
use crate::sim::trace::{Activity, Interval, Trace, Track};
use crate::workload::{Graph, OpKind};

/// What a frame shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Share of a core's multiply-add slots that it used lately: 0 is none, 255 is all.
    Utilisation,
    /// Index into [`Activity::ALL`].
    State,
    /// SRAM in use now: 255 is all of it.
    SramNow,
    /// SRAM at the core's own fullest moment: 255 is all of it.
    SramPeak,
    /// [`OpClass`] of the kernel at work.
    Kernel,
    /// Columns by which repair moved a core from its nominal place, 255 for a core that is lost.
    Defects,
}

impl Layer {
    /// All layers, in the order in which they are offered.
    pub const ALL: [Self; 6] =
        [Self::Utilisation, Self::State, Self::SramNow, Self::SramPeak, Self::Kernel, Self::Defects];

    /// Name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utilisation => "utilisation",
            Self::State => "state",
            Self::SramNow => "sram",
            Self::SramPeak => "sram-peak",
            Self::Kernel => "kernel",
            Self::Defects => "defects",
        }
    }

    /// The layer with this [`Layer::name`].
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.name() == name)
    }
}

/// Kinds of operators, as the kernel layer colours them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpClass {
    None,
    AttentionProjection,
    AttentionScore,
    MlpUp,
    MlpDown,
    NormActivation,
    EmbeddingHead,
}

impl OpClass {
    /// All classes; the order is the category of the kernel layer.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::AttentionProjection,
        Self::AttentionScore,
        Self::MlpUp,
        Self::MlpDown,
        Self::NormActivation,
        Self::EmbeddingHead,
    ];

    /// The class of operator `index` of `graph`.
    pub fn of(graph: &Graph, index: usize) -> Self {
        let op = &graph.ops[index];
        match op.kind {
            OpKind::Attention { .. } | OpKind::Scan { .. } => Self::AttentionScore,
            OpKind::Norm { .. } | OpKind::Activation { .. } | OpKind::Pooling { .. } | OpKind::Elementwise { .. } => {
                Self::NormActivation
            }
            OpKind::MatMul { .. } if op.name.starts_with("attn") => Self::AttentionProjection,
            OpKind::MatMul { .. } | OpKind::Experts { .. } if op.block.is_some() && op.name.ends_with("down") => {
                Self::MlpDown
            }
            OpKind::Experts { .. } | OpKind::Convolution(_) => Self::MlpUp,
            OpKind::MatMul { .. } if op.block.is_some() => Self::MlpUp,
            OpKind::Embedding { .. } | OpKind::MatMul { .. } | OpKind::Loss { .. } => Self::EmbeddingHead,
        }
    }

    /// The words that name it on the screen.
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AttentionProjection => "attention projection",
            Self::AttentionScore => "attention score",
            Self::MlpUp => "mlp up",
            Self::MlpDown => "mlp down",
            Self::NormActivation => "norm, activation",
            Self::EmbeddingHead => "embedding, head",
        }
    }
}

/// What to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRequest {
    pub layer: Layer,
    /// The wafer of the row that is shown; a streaming program has only wafer 0.
    pub wafer: u32,
    /// Cycle.
    pub time: u64,
    /// Cycles before `time` over which utilisation is averaged; at least 1.
    pub window: u64,
}

/// One value per core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub request: FrameRequest,
    pub columns: u32,
    pub rows: u32,
    /// Row by row; `columns * rows` values.
    pub values: Vec<u8>,
}

/// All that a frame is made of.
#[derive(Clone, Debug)]
pub struct Scene {
    pub device: Arc<DeviceSpec>,
    pub defects: Arc<DefectMap>,
    pub graph: Arc<Graph>,
    pub program: Arc<Program>,
}

/// Intervals that a window may span at most; a longer window is cut to its latest part.
const WINDOW_INTERVALS_MAX: usize = 24;

impl Scene {
    /// The frame that `request` asks for.
    pub fn frame(&self, trace: &Trace, request: FrameRequest) -> Frame {
        let (columns, rows) = (self.device.fabric_columns.value, self.device.fabric_rows.value);
        let mut values = vec![0; columns as usize * rows as usize];
        self.fill(trace, request, &mut values);
        Frame { request, columns, rows, values }
    }

    /// Writes the frame into `values`, which holds one zero per core.
    pub fn fill(&self, trace: &Trace, request: FrameRequest, values: &mut [u8]) {
        match request.layer {
            Layer::SramNow => {
                let held = Held::new(&self.program, &occupancy::alive_at(&self.program, trace, request.time));
                self.fill_sram(values, request.wafer, |region, put| {
                    occupancy::region_bytes(&self.program, &held, region, put);
                });
            }
            // In a pipeline nothing comes and goes.
            Layer::SramPeak if matches!(self.program.schedule, Schedule::Pipeline { .. }) => {
                let held = Held::new(&self.program, &[]);
                self.fill_sram(values, request.wafer, |region, put| {
                    occupancy::region_bytes(&self.program, &held, region, put);
                });
            }
            Layer::SramPeak => {
                self.fill_sram(values, request.wafer, |region, put| {
                    occupancy::region_peaks(&self.program, region, put);
                });
            }
            Layer::Defects => self.fill_defects(values),
            Layer::Utilisation | Layer::State | Layer::Kernel => {
                for (index, region) in self.regions_on(request.wafer) {
                    let Some(track) = track_of(&self.program, trace, index) else { continue };
                    match request.layer {
                        Layer::Utilisation => self.fill_utilisation(values, index as u32, region, track, request),
                        _ => self.fill_category(values, index as u32, region, track, request),
                    }
                }
            }
        }
    }

    /// The regions of one wafer with their numbers.
    fn regions_on(&self, wafer: u32) -> impl Iterator<Item = (usize, &Region)> {
        self.program.regions.iter().enumerate().filter(move |(_, region)| region.wafer == wafer)
    }

    fn fill_sram(&self, values: &mut [u8], wafer: u32, bytes: impl Fn(u32, &mut dyn FnMut(u32, &[u32]))) {
        let columns = self.device.fabric_columns.value as usize;
        let limit = self.device.sram_bytes_per_core.value.max(1);
        // One multiplication a core instead of a division.
        let scale = (255_u64 << 32) / u64::from(limit);
        for (index, region) in self.regions_on(wafer) {
            let rect = region.rect;
            bytes(index as u32, &mut |row, line| {
                let start = (rect.y + row) as usize * columns + rect.x as usize;
                for (value, &bytes) in values[start..start + rect.width as usize].iter_mut().zip(line) {
                    *value = ((u64::from(bytes.min(limit)) * scale + (1 << 31)) >> 32) as u8;
                }
            });
        }
    }

    fn fill_defects(&self, values: &mut [u8]) {
        let columns = self.device.fabric_columns.value;
        for (y, line) in (0..).zip(values.chunks_exact_mut(columns as usize)) {
            if self.defects.row_is_nominal(y) {
                continue;
            }
            for (x, value) in (0..).zip(line) {
                let core = Core { x, y };
                let lost = self.defects.is_lost(core);
                *value = if lost { 255 } else { self.defects.shifted(core).unsigned_abs().min(254) as u8 };
            }
        }
    }

    fn fill_utilisation(&self, values: &mut [u8], index: u32, region: &Region, track: &Track, request: FrameRequest) {
        let columns = self.device.fabric_columns.value as usize;
        let delays = Delays::new(region, self.device.hop_cycles.value);
        let window = request.window.max(1);
        let earliest = request.time.saturating_sub(window.saturating_add(u64::from(delays.longest())));
        let all = track.between(earliest, request.time.max(1));
        let intervals = &all[all.len().saturating_sub(WINDOW_INTERVALS_MAX)..];
        let Some(latest) = intervals.last() else { return };
        // What is left out must be outside the window of the farthest core too.
        let left_out = if intervals.len() < all.len() { u64::from(delays.longest()) } else { 0 };
        let known = request.time.saturating_sub(intervals[0].start).saturating_sub(left_out);
        let window = window.min(known.max(1));
        let lanes = u64::from(self.device.simd_fp16_lanes.value);
        let shares: Vec<Vec<u16>> = intervals
            .iter()
            .map(|interval| {
                let (multiply_adds, cycles) = work_of(&self.program, interval);
                let slots = (cycles * lanes).max(1);
                delays.shares(interval, request.time, window, (multiply_adds.min(slots), slots))
            })
            .collect();
        let splits: Vec<Split> = intervals
            .iter()
            .map(|interval| self.program.kernel(interval.task.kernel).rows_in(interval.task.pass))
            .collect();
        let column_shares = column_shares(&self.program, index, region, self.program.kernel(latest.task.kernel));

        let mut by_delay: Vec<u16> = Vec::new();
        let mut last: Option<Vec<u16>> = None;
        let rect = region.rect;
        for row in 0..rect.height {
            let row_shares: Vec<u16> = splits.iter().map(|rows| tile_share(*rows, row)).collect();
            if last.as_ref() != Some(&row_shares) {
                by_delay = delays.mix(&shares, &row_shares);
                last = Some(row_shares);
            }
            let start = (rect.y + row) as usize * columns + rect.x as usize;
            let line = &mut values[start..start + rect.width as usize];
            let lags = &by_delay[delays.of_row(rect.y + row)..];
            for ((value, &busy), &share) in line.iter_mut().zip(lags).zip(&column_shares) {
                *value = ((u32::from(busy) * u32::from(share)) >> 16) as u8;
            }
        }
    }

    fn fill_category(&self, values: &mut [u8], index: u32, region: &Region, track: &Track, request: FrameRequest) {
        let columns = self.device.fabric_columns.value as usize;
        let delays = Delays::new(region, self.device.hop_cycles.value);
        // For each number of hops: the category, and the rows and columns that hold a part of the work.
        let by_delay: Vec<(u8, u32, u32)> = (0..=delays.steps())
            .map(|step| {
                // A core shows what it does in the cycle that ends at `time`.
                let time = request.time.checked_sub(u64::from(step * delays.hop) + 1);
                let Some(interval) = time.and_then(|time| track.at(time)) else { return (0, 0, 0) };
                let kernel = self.program.kernel(interval.task.kernel);
                let category = match request.layer {
                    Layer::Kernel => OpClass::of(&self.graph, kernel.op.0 as usize) as u8,
                    _ => interval.dominant() as u8,
                };
                (category, kernel.rows_in(interval.task.pass).used(), kernel.columns.used())
            })
            .collect();
        let first_column = occupancy::first_column(&self.program, index);
        for row in 0..region.rect.height {
            let y = region.rect.y + row;
            let start = y as usize * columns + region.rect.x as usize;
            let line = &mut values[start..start + region.rect.width as usize];
            let lags = &by_delay[delays.of_row(y)..];
            for ((column, value), &(category, rows, used)) in (first_column..).zip(line).zip(lags) {
                // A core without a part of the work rests, whatever its kernel does.
                *value = if row < rows && column < used { category } else { 0 };
            }
        }
    }
}

/// The track that a region follows.
pub fn track_of<'t>(program: &Program, trace: &'t Trace, region: usize) -> Option<&'t Track> {
    match program.schedule {
        Schedule::Streaming { .. } => trace.tracks.first(),
        Schedule::Pipeline { .. } => trace.tracks.get(region),
    }
}

/// Multiply-adds and cycles of the fullest core for the stage that an interval belongs to.
pub fn work_of(program: &Program, interval: &Interval) -> (u64, u64) {
    let stage = interval.task.stage as usize;
    match &program.schedule {
        Schedule::Streaming { stages, .. } => (stages[stage].multiply_adds, stages[stage].compute.0),
        Schedule::Pipeline { stages, .. } => (stages[stage].multiply_adds, stages[stage].compute.0),
    }
}

/// A full tile's share, so that shares multiply in 16 bits.
const FULL: u64 = 256;

/// How much of a full tile the core at `index` holds, of 256.
fn tile_share(split: Split, index: u32) -> u16 {
    (split.at(index) * FULL).checked_div(split.tile()).unwrap_or(0) as u16
}

fn column_shares(program: &Program, index: u32, region: &Region, kernel: &Kernel) -> Vec<u16> {
    let first = occupancy::first_column(program, index);
    (0..region.rect.width).map(|x| tile_share(kernel.columns, first + x)).collect()
}

/// How much later each core of a region works than its entry: one hop a row and a column.
struct Delays {
    entry: Entry,
    hop: u32,
    rows: u32,
    width: u32,
}

impl Delays {
    fn new(region: &Region, hop: u32) -> Self {
        let rows = (region.rect.y..region.rect.bottom()).map(|y| region.entry.rows_away(y)).max().unwrap_or(0);
        Self { entry: region.entry, hop, rows, width: region.rect.width }
    }

    /// Hops to the farthest core.
    fn steps(&self) -> u32 {
        self.rows + self.width
    }

    /// Cycles to the farthest core.
    fn longest(&self) -> u32 {
        self.steps() * self.hop
    }

    /// Hops from the entry to the first core of row `y`; the cores to its east follow one by one.
    fn of_row(&self, y: u32) -> usize {
        self.entry.rows_away(y) as usize
    }

    /// For each number of hops, the share of the window's multiply-add slots that `interval` used, of 65 280. While it
    /// computes, it uses `used.0` of `used.1`.
    fn shares(&self, interval: &Interval, time: u64, window: u64, used: (u64, u64)) -> Vec<u16> {
        (0..=self.steps())
            .map(|step| {
                let lag = u64::from(step * self.hop);
                // Before its first operand a core has done nothing.
                let Some(to) = time.checked_sub(lag) else { return 0 };
                let from = to.saturating_sub(window);
                let busy = interval.cycles_of(Activity::Compute, from, to);
                let share = u128::from(busy) * u128::from(used.0) * u128::from(255 * FULL);
                (share / (u128::from(used.1) * u128::from(window))) as u16
            })
            .collect()
    }

    /// Adds the shares of all intervals, each weighted with how much of a full tile a row holds for it.
    fn mix(&self, shares: &[Vec<u16>], row_shares: &[u16]) -> Vec<u16> {
        let mut sums = vec![0_u32; self.steps() as usize + 1];
        for (share, &row) in shares.iter().zip(row_shares).filter(|(_, row)| **row > 0) {
            for (sum, &busy) in sums.iter_mut().zip(share) {
                *sum += (u32::from(busy) * u32::from(row)) >> 8;
            }
        }
        sums.into_iter().map(|sum| sum.min(65_280) as u16).collect()
    }
}
