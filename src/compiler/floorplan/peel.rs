//! Trees to begin with that have little wire: runs of neighbouring blocks as long parallel bars, peeled off the sides of
//! the area one run after the other, by a beam search.
//!
//! Bars that lie side by side are as far apart as they are thin, so wire is cheap within a run and dear where a run turns
//! into the next. Few runs that fit at a short time are what a search by small changes hardly finds by itself.

use super::Problem;
use super::runs;
use super::seed::Builder;
use super::table::Table;
use super::tree::{Cut, Shape};
use crate::rng::Rng;

/// Most blocks: the work grows with their third power.
pub(super) const BLOCKS_MAX: usize = 200;
/// Runs at most.
const RUNS_MAX: usize = 6;
/// Classes of waste: how much of what the least areas leave over is lost already.
const CLASSES: usize = 4;
/// Classes of the number of blocks that are left.
const STAGES: usize = 8;
/// Numbers of blocks in a run that are tried, about.
const COUNTS_MAX: usize = 64;
/// Blocks that a run may leave out between it and the end of the order, and blocks that such a run has, at most.
const SKIPPED_MAX: usize = 4;
/// Beams no wider than this have no place for runs that leave blocks out.
const NARROW: usize = 16;
/// Moves that the runs are annealed by, for each block and partial floorplan of a class; and at most.
const ANNEALING: usize = 25;
const ANNEALING_MAX: usize = 20_000;
/// Share of the rest of the area that the least areas of the rest of the blocks may take.
const FILL_MAX: f64 = 0.997;

/// Blocks next to each other in the order, as bars next to each other in a strip of the area.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Positions in the order.
    pub(super) from: usize,
    pub(super) to: usize,
    /// Whether the strip divides the columns; else the rows.
    pub(super) beside: bool,
    /// Whether the strip lies at the smaller coordinates.
    pub(super) first: bool,
    /// Whether the bars are as long as the strip; else as long as it is thick.
    pub(super) lengthwise: bool,
    /// Whether the order goes towards the larger coordinates.
    pub(super) rising: bool,
    /// Thickness of the strip, in cores.
    pub(super) thick: u32,
}

/// Positions in the order that have no place yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Left {
    low: usize,
    high: usize,
    /// Those between the last run and the end of the order that it left out: they are the next run.
    gap: [usize; 2],
}

impl Left {
    fn holds(self, position: usize) -> bool {
        (self.low..self.high).contains(&position) || (self.gap[0]..self.gap[1]).contains(&position)
    }

    fn count(self) -> usize {
        self.high - self.low + self.gap[1] - self.gap[0]
    }

    /// What a run leaves.
    fn after(self, from: usize, to: usize) -> Self {
        if [from, to] == self.gap {
            Self { gap: [0, 0], ..self }
        } else if to - self.low < self.high - from {
            Self { low: to, high: self.high, gap: [self.low, from] }
        } else {
            Self { low: self.low, high: from, gap: [to, self.high] }
        }
    }

    /// Calls `visit` with the first and the last position of each run that may come next.
    fn each_run(self, skips: bool, mut visit: impl FnMut(usize, usize)) {
        let Self { low, high, gap } = self;
        if gap[0] < gap[1] {
            visit(gap[0], gap[1]);
            return;
        }
        let pace = (high - low).div_ceil(COUNTS_MAX);
        for count in (1..high - low).step_by(pace) {
            visit(low, low + count);
            visit(high - count, high);
        }
        if !skips {
            return;
        }
        for skipped in 1..=SKIPPED_MAX {
            for count in 1..=SKIPPED_MAX {
                // What is left out must be the shorter side, so that it is known to which end it belongs.
                if 2 * skipped + count < high - low {
                    visit(low + skipped, low + skipped + count);
                    visit(high - skipped - count, high - skipped);
                }
            }
        }
    }
}

/// A partial floorplan.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    runs: Vec<Run>,
    left: Left,
    /// The rest of the area.
    pub(super) origin: [u32; 2],
    pub(super) size: [u32; 2],
    /// Twice the centre of each block by its position in the order, in cores.
    pub(super) centres: Vec<[i32; 2]>,
    /// Twice the wire between placed blocks.
    halves: u64,
}

/// What a search at one target time needs to know.
pub(super) struct Peeler<'a> {
    order: &'a [u32],
    pub(super) area: [u32; 2],
    /// Positions of connected blocks and weights, by position in the order.
    pub(super) wires: Vec<Vec<(usize, u64)>>,
    /// Sums over the first positions of the least thickness of bars, for each length of bars.
    thickness: Vec<u32>,
    /// The same of the wire that the thickness costs at least, in half cores.
    wire: Vec<u64>,
    /// Sums over the first positions of least areas.
    cores: Vec<u64>,
}

impl<'a> Peeler<'a> {
    pub(super) fn new(problem: &Problem<'_>, order: &'a [u32], table: &Table) -> Option<Self> {
        let area = [problem.width, problem.height];
        let count = order.len();
        let mut position = vec![0; count];
        for (at, &block) in order.iter().enumerate() {
            position[block as usize] = at;
        }
        let mut wires = vec![Vec::new(); count];
        for wire in &problem.wires {
            let (from, to) = (position[wire.from], position[wire.to]);
            wires[from].push((to, u64::from(wire.weight)));
            wires[to].push((from, u64::from(wire.weight)));
        }
        let mut cores = vec![0];
        for (at, &block) in order.iter().enumerate() {
            cores.push(cores[at] + table.least_area(block, area)?);
        }
        let (mut thickness, mut wire) = (Vec::new(), Vec::new());
        for length in 0..=problem.side() as usize {
            let (mut thick, mut halves) = (0, 0);
            thickness.push(0);
            wire.push(0);
            for (at, &block) in order.iter().enumerate() {
                let thin = table.curve(block).heights()[length].unsigned_abs();
                thick += u32::from(thin);
                let degree: u64 = wires[at].iter().map(|&(_, weight)| weight).sum();
                halves += degree * u64::from(thin);
                thickness.push(thick);
                wire.push(halves);
            }
        }
        Some(Self { order, area, wires, thickness, wire, cores })
    }

    pub(super) fn thickness(&self, length: u32, from: usize, to: usize) -> u32 {
        let row = length as usize * (self.order.len() + 1);
        self.thickness[row + to] - self.thickness[row + from]
    }

    /// Trees with little wire: at most `most` by following `width` partial floorplans of each class, and what annealing
    /// makes of them.
    pub(super) fn trees(&self, width: usize, most: usize) -> Vec<Shape> {
        let mut beam = vec![self.start()];
        let mut whole: Vec<(u64, Vec<Run>)> = Vec::new();
        for _ in 0..RUNS_MAX {
            let mut next: Vec<(u64, usize, Run)> = Vec::new();
            for (index, partial) in beam.iter().enumerate() {
                self.finish(partial, &mut whole);
                self.each_run(partial, width > NARROW, |run| {
                    if let Some(promise) = self.promise(partial, run) {
                        next.push((promise, index, run));
                    }
                });
            }
            next.sort_by_key(|&(promise, index, _)| (promise, index));
            beam = self.following(width, &beam, &next);
        }
        whole.sort_by_key(|&(halves, _)| halves);
        whole.truncate(most);
        let mut trees: Vec<Shape> = whole.iter().map(|(_, runs)| self.tree(runs)).collect();
        let moves = (ANNEALING * width * self.order.len()).min(ANNEALING_MAX);
        let mut rng = Rng::substream(0, "runs");
        for start in [0, 0, whole.len().saturating_sub(1)] {
            let start = whole.get(start).map(|(_, runs)| runs.as_slice());
            trees.extend(runs::anneal(self, start, moves, &mut rng).map(|runs| self.tree(&runs)));
        }
        trees
    }

    /// Blocks in the order.
    pub(super) fn count(&self) -> usize {
        self.order.len()
    }

    /// Nothing placed yet.
    pub(super) fn start(&self) -> Partial {
        let count = self.order.len();
        Partial {
            runs: Vec::new(),
            left: Left { low: 0, high: count, gap: [0, 0] },
            origin: [0, 0],
            size: self.area,
            centres: vec![[0; 2]; count],
            halves: 0,
        }
    }

    /// The partial floorplans of the next beam: the most promising of each class of waste.
    fn following(&self, width: usize, beam: &[Partial], next: &[(u64, usize, Run)]) -> Vec<Partial> {
        let mut classes: Vec<Vec<Partial>> = vec![Vec::new(); CLASSES * STAGES];
        let whole = self.fill(self.area, Left { low: 0, high: self.order.len(), gap: [0, 0] });
        for &(_, index, run) in next {
            let (_, size, left) = after(&beam[index], run);
            let lost = (self.fill(size, left) - whole) / (1.0 - whole);
            let stage = STAGES * (left.count() - 1) / self.order.len();
            let class = &mut classes[stage * CLASSES + ((lost * CLASSES as f64) as usize).min(CLASSES - 1)];
            let alike = |other: &&Partial| other.left == left && other.size == size;
            if class.len() < width && class.iter().filter(alike).count() < 2 {
                class.push(self.with(&beam[index], run));
            }
        }
        classes.into_iter().flatten().collect()
    }

    /// Share of an area that the least areas of blocks take.
    fn fill(&self, size: [u32; 2], left: Left) -> f64 {
        let cores = |from: usize, to: usize| self.cores[to] - self.cores[from];
        let cores = cores(left.low, left.high) + cores(left.gap[0], left.gap[1]);
        cores as f64 / (f64::from(size[0]) * f64::from(size[1]))
    }

    /// Runs that may come next, all of them but the last.
    fn each_run(&self, partial: &Partial, skips: bool, mut visit: impl FnMut(Run)) {
        let begins = partial.runs.is_empty();
        partial.left.each_run(skips, |from, to| {
            for beside in [false, true] {
                let across = usize::from(!beside);
                let length = partial.size[1 - across];
                for lengthwise in [true, false] {
                    let thick = if lengthwise {
                        self.thickness(length, from, to)
                    } else {
                        self.least_bar(from, to, length, partial.size[across])
                    };
                    if thick >= partial.size[across] {
                        continue;
                    }
                    for turn in 0..if begins { 2 } else { 4 } {
                        let (rising, first) = (turn % 2 == 0, turn < 2);
                        if rising || to - from > 1 {
                            visit(Run { from, to, beside, first, lengthwise, rising, thick });
                        }
                    }
                }
            }
        });
    }

    /// Least length of bars at which they are together at most `room` thick; `limit` if it is longer.
    pub(super) fn least_bar(&self, from: usize, to: usize, room: u32, limit: u32) -> u32 {
        let (mut low, mut high) = (0, limit);
        while high - low > 1 {
            let middle = u32::midpoint(low, high);
            if self.thickness(middle, from, to) <= room { high = middle } else { low = middle }
        }
        high
    }

    /// Puts the rest of the blocks into the rest of the area as one run, if it fits.
    fn finish(&self, partial: &Partial, whole: &mut Vec<(u64, Vec<Run>)>) {
        let Left { low: from, high: to, gap } = partial.left;
        if gap[0] < gap[1] {
            return;
        }
        for beside in [false, true] {
            let across = usize::from(!beside);
            let thick = self.thickness(partial.size[1 - across], from, to);
            for rising in [false, true] {
                if thick <= partial.size[across] {
                    let run = Run { from, to, beside, first: true, lengthwise: true, rising, thick };
                    let done = self.with(partial, run);
                    whole.push((done.halves, done.runs));
                }
            }
        }
    }

    /// Calls `visit` with the centres of the bars of a run.
    pub(super) fn centres(&self, partial: &Partial, run: Run, mut visit: impl FnMut(usize, [i32; 2])) {
        let across = usize::from(!run.beside);
        let room = partial.size[across];
        let start = partial.origin[across] + if run.first { 0 } else { room - run.thick };
        let length = partial.size[1 - across];
        // Bars follow each other along this axis, and have their middles in common along the other one.
        let (axis, bar) = if run.lengthwise { (across, length) } else { (1 - across, run.thick) };
        let mut at = 2 * if run.lengthwise {
            start
        } else {
            partial.origin[1 - across] + (length - self.thickness(bar, run.from, run.to)) / 2
        };
        let common = if run.lengthwise { 2 * partial.origin[1 - across] + length } else { 2 * start + run.thick };
        let mut place = |position: usize| {
            let thin = self.thickness(bar, position, position + 1);
            let mut centre = [common as i32; 2];
            centre[axis] = (at + thin) as i32;
            at += 2 * thin;
            visit(position, centre);
        };
        if run.rising {
            (run.from..run.to).for_each(&mut place);
        } else {
            (run.from..run.to).rev().for_each(&mut place);
        }
    }

    /// About twice the wire of the best whole floorplan that goes on with a run; `None` if there is none.
    fn promise(&self, partial: &Partial, run: Run) -> Option<u64> {
        let (origin, size, left) = after(partial, run);
        if self.fill(size, left) > FILL_MAX {
            return None;
        }
        let row = size[0].max(size[1]) as usize * (self.order.len() + 1);
        let rest = |from: usize, to: usize| (self.wire[row + to] - self.wire[row + from]) / 2;
        let mut halves = partial.halves + rest(left.low, left.high) + rest(left.gap[0], left.gap[1]);
        let mut spots = [[0_i32; 2]; BLOCKS_MAX];
        self.centres(partial, run, |position, centre| spots[position] = centre);
        let within = |other: usize| (run.from..run.to).contains(&other);
        for position in run.from..run.to {
            for &(other, weight) in &self.wires[position] {
                let away = if left.holds(other) {
                    outside(spots[position], origin, size)
                } else if within(other) {
                    if other > position {
                        continue;
                    }
                    distance(spots[position], spots[other])
                } else {
                    distance(spots[position], partial.centres[other])
                };
                halves += weight * away;
            }
        }
        Some(halves)
    }

    fn with(&self, partial: &Partial, run: Run) -> Partial {
        let mut next = partial.clone();
        (next.origin, next.size, next.left) = after(partial, run);
        next.runs.push(run);
        self.centres(partial, run, |position, centre| next.centres[position] = centre);
        for position in run.from..run.to {
            for &(other, weight) in &self.wires[position] {
                let within = (run.from..run.to).contains(&other);
                if !next.left.holds(other) && (!within || other < position) {
                    next.halves += weight * distance(next.centres[position], next.centres[other]);
                }
            }
        }
        next
    }

    fn tree(&self, runs: &[Run]) -> Shape {
        let mut builder = Builder::new(self.order.len());
        let root = self.subtree(&mut builder, runs);
        builder.finish(root)
    }

    fn subtree(&self, builder: &mut Builder, runs: &[Run]) -> u32 {
        let run = runs[0];
        let mut leaves: Vec<u32> = self.order[run.from..run.to].iter().map(|&block| builder.leaf(block)).collect();
        if !run.rising {
            leaves.reverse();
        }
        let cut = if run.beside { Cut::Beside } else { Cut::Stack };
        let strip = builder.balanced(&leaves, if run.lengthwise { cut } else { cut.other() });
        if runs.len() == 1 {
            return strip;
        }
        let rest = self.subtree(builder, &runs[1..]);
        if run.first { builder.join(strip, rest, cut) } else { builder.join(rest, strip, cut) }
    }
}

/// Origin and size of the area and the blocks that a run leaves.
fn after(partial: &Partial, run: Run) -> ([u32; 2], [u32; 2], Left) {
    let (mut origin, mut size) = (partial.origin, partial.size);
    let across = usize::from(!run.beside);
    size[across] -= run.thick;
    if run.first {
        origin[across] += run.thick;
    }
    (origin, size, partial.left.after(run.from, run.to))
}

pub(super) fn distance(a: [i32; 2], b: [i32; 2]) -> u64 {
    u64::from(a[0].abs_diff(b[0])) + u64::from(a[1].abs_diff(b[1]))
}

/// Twice the distance of a point from a rectangle; the point's coordinates are twice its own.
fn outside(point: [i32; 2], origin: [u32; 2], size: [u32; 2]) -> u64 {
    let along = |axis: usize| {
        let (low, high) = (2 * origin[axis] as i32, 2 * (origin[axis] + size[axis]) as i32);
        (low - point[axis]).max(point[axis] - high).max(0) as u64
    };
    along(0) + along(1)
}
