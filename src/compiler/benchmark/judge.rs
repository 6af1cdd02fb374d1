//! The rules of the benchmark: judges and scores a placement from the kernels' formulas, whoever made it.
//!
//! An adapter joins two kernels that hold the tensor between them in different parts. The benchmark's description does
//! not say when one is needed; our reading: an edge needs one adapter if the producer's split of the tensor into h′ × w′
//! × k′ parts (k′ of its last convolution) differs from the h′ × w′ × c′ parts in which the consumer takes it (c′ of its
//! first) in any of the three.

use std::fmt;

use super::{Benchmark, Placed};
use crate::hardware::Rect;

/// How edges are counted as adapters, for reports.
pub const ADAPTER_READING: &str = "one adapter for each edge whose producer splits the tensor into other parts \
    (h' x w' x k' of its last convolution) than its consumer takes (h' x w' x c' of its first)";

/// A rule that a placement breaks, and by how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A kernel of the graph without a place.
    Missing { kernel: String },
    /// Execution arguments outside the formal ones.
    Arguments { kernel: String },
    /// More elements on a core than it holds.
    Memory { kernel: String, limit: u64 },
    /// Cores beyond the area.
    Outside { kernel: String, columns: u64, rows: u64 },
    /// Cores that two kernels both claim.
    Overlap { kernels: [String; 2], cores: u64 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { kernel } => write!(f, "{kernel} is not placed"),
            Self::Arguments { kernel } => {
                write!(f, "{kernel} has execution arguments below 1 or above its formal arguments")
            }
            Self::Memory { kernel, limit } => write!(f, "{kernel} needs more than {limit} elements on a core"),
            Self::Outside { kernel, columns, rows } => {
                write!(f, "{kernel} reaches {columns} columns and {rows} rows beyond the area")
            }
            Self::Overlap { kernels: [a, b], cores } => write!(f, "{a} and {b} overlap on {cores} cores"),
        }
    }
}

/// What a placement is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Time of the slowest kernel, in ticks.
    pub max_ticks: u64,
    /// Position of that kernel in [`Benchmark::parts`].
    pub slowest: Option<usize>,
    /// Twice the sum of distances between centres of connected kernels, in cores.
    pub wire_halves: u64,
    pub adapters: u64,
    /// `wdeltat·time + wlength·wire + wadapter·adapters`.
    pub score: f64,
    pub faults: Vec<Fault>,
}

impl Judgement {
    pub fn legal(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Faults that are listed one by one; more are of no use to anyone.
const FAULTS_MAX: usize = 100;

/// Judges a placement; `placed` has one entry for each part, `None` where it has no place.
pub fn judge(benchmark: &Benchmark, placed: &[Option<Placed>]) -> Judgement {
    let mut judgement =
        Judgement { max_ticks: 0, slowest: None, wire_halves: 0, adapters: 0, score: 0.0, faults: Vec::new() };
    let statement = &benchmark.statement;
    let mut rects: Vec<Option<[u64; 4]>> = vec![None; benchmark.parts.len()];
    for (index, part) in benchmark.parts.iter().enumerate() {
        let kernel = &benchmark.shapers[part.kind].kernel;
        let name = || part.name.clone();
        let Some(place) = placed.get(index).and_then(Option::as_ref) else {
            judgement.faults.push(Fault::Missing { kernel: name() });
            continue;
        };
        if !kernel.allows(&place.arguments) {
            judgement.faults.push(Fault::Arguments { kernel: name() });
            continue;
        }
        let performance = kernel.perform(&place.arguments, benchmark.ticks_per_unit, statement.memory_limit);
        if !performance.fits {
            judgement.faults.push(Fault::Memory { kernel: name(), limit: statement.memory_limit });
        }
        if judgement.slowest.is_none() || performance.ticks > judgement.max_ticks {
            judgement.max_ticks = performance.ticks;
            judgement.slowest = Some(index);
        }
        let (mut width, mut height) = (performance.width, performance.height);
        if place.turned {
            std::mem::swap(&mut width, &mut height);
        }
        let (x, y) = (u64::from(place.x), u64::from(place.y));
        let columns = (x + width).saturating_sub(u64::from(statement.width));
        let rows = (y + height).saturating_sub(u64::from(statement.height));
        if columns > 0 || rows > 0 {
            judgement.faults.push(Fault::Outside { kernel: name(), columns, rows });
        }
        rects[index] = Some([x, y, width, height]);
    }
    overlaps(benchmark, &rects, &mut judgement.faults);
    for &[from, to] in &benchmark.edges {
        if let (Some(a), Some(b)) = (rects[from], rects[to]) {
            let centre = |rect: [u64; 4]| [2 * rect[0] + rect[2], 2 * rect[1] + rect[3]];
            let (a, b) = (centre(a), centre(b));
            judgement.wire_halves += a[0].abs_diff(b[0]) + a[1].abs_diff(b[1]);
        }
        if let (Some(Some(a)), Some(Some(b))) = (placed.get(from), placed.get(to)) {
            judgement.adapters += u64::from(needs_adapter(&a.arguments, &b.arguments));
        }
    }
    judgement.score = statement.time_weight * benchmark.time(judgement.max_ticks)
        + statement.wire_weight * judgement.wire_halves as f64 / 2.0
        + statement.adapter_weight * judgement.adapters as f64;
    judgement
}

/// Whether the tensor between two kernels is split in different ways at its ends.
pub fn needs_adapter(producer: &super::Arguments, consumer: &super::Arguments) -> bool {
    let held = producer.features.last().map(|features| features[1]);
    // The last convolution of a `cblock` runs beside the third and adds to the same tensor; its k′ stands for both.
    let taken = consumer.features.first().map(|features| features[0]);
    (producer.rows, producer.columns, held) != (consumer.rows, consumer.columns, taken)
}

/// Pairs of kernels that share cores, found from left to right.
fn overlaps(benchmark: &Benchmark, rects: &[Option<[u64; 4]>], faults: &mut Vec<Fault>) {
    let mut order: Vec<usize> = (0..rects.len()).filter(|&index| rects[index].is_some()).collect();
    order.sort_by_key(|&index| rects[index]);
    for (position, &a) in order.iter().enumerate() {
        for &b in &order[position + 1..] {
            let (Some([ax, ay, aw, ah]), Some([bx, by, bw, bh])) = (rects[a], rects[b]) else { continue };
            if bx >= ax + aw {
                break;
            }
            let columns = (ax + aw).min(bx + bw) - bx;
            let rows = (ay + ah).min(by + bh).saturating_sub(ay.max(by));
            if columns > 0 && rows > 0 && faults.len() < FAULTS_MAX {
                let kernels = [a, b].map(|index| benchmark.parts[index].name.clone());
                faults.push(Fault::Overlap { kernels, cores: columns * rows });
            }
        }
    }
}

impl Placed {
    /// The cores that a kernel takes on the area.
    pub fn rect(&self, benchmark: &Benchmark, kind: usize) -> Rect {
        let kernel = &benchmark.shapers[kind].kernel;
        let performance = kernel.perform(&self.arguments, benchmark.ticks_per_unit, benchmark.statement.memory_limit);
        let straight =
            Rect { x: self.x, y: self.y, width: performance.width as u32, height: performance.height as u32 };
        if self.turned { straight.rotated() } else { straight }
    }
}
