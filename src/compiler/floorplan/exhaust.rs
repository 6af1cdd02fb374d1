//! The best of all slicing trees with a given order of leaves, by dynamic programming over intervals.
//!
//! The curve of an interval is the least over all ways to cut it in two and over both directions of the cut. Whether the
//! whole order fits at a target time is then exact, which makes it a good beginning where time is all that counts.

use std::sync::Arc;

use super::anneal::{Found, value};
use super::curve::{NEVER, invert};
use super::seed::Builder;
use super::table::{Table, Tables};
use super::tree::{Cut, Shape};
use super::{Problem, seed};
use crate::rng::Rng;

/// Most leaves: the work grows with their third power.
const LEAVES_MAX: usize = 160;
/// Array additions that all orders together may cost.
const ADDITIONS_MAX: usize = 12_000_000;

/// Trees that are tight at a short time, from orders by data flow and by kind.
pub(super) fn seeds(tables: &Tables<'_>, problem: &Problem<'_>, floor: u64, slowest: u64) -> Vec<Found> {
    let count = problem.blocks.len();
    if !(2..=LEAVES_MAX).contains(&count) {
        return Vec::new();
    }
    let area = [problem.width, problem.height];
    let mut rng = Rng::substream(0, "floorplan orders");
    let flow = seed::order(problem);
    let table = tables.at(floor);
    let mut by_kind = flow.clone();
    by_kind
        .sort_by_key(|&block| (std::cmp::Reverse(table.least_area(block, area)), problem.blocks[block as usize].kind));
    let mut best: Option<(Shape, u64)> = None;
    // The order that is nearest to fitting at the next target, and its height there.
    let mut nearest: Option<(Vec<u32>, i16)> = None;
    let mut intervals = Intervals::new(count, tables.side);
    let runs = (ADDITIONS_MAX / (count * count * count / 3).max(1)).clamp(12, 2_000);
    let mut orders = vec![flow, by_kind];
    let mut used = 0;
    while used < runs {
        let order = orders.pop().unwrap_or_else(|| match &nearest {
            // Small changes of the best order, and now and then quite another one.
            Some((order, _)) if rng.below(16) > 0 => changed(order, &mut rng),
            _ => shuffled(problem, &mut rng),
        });
        let mut fits = |intervals: &mut Intervals, order: &[u32], ticks: u64| {
            used += 1;
            intervals.run(order, &tables.at(ticks), area)
        };
        // Without a gain on the best order so far, one run is all that an order gets.
        let high = best.as_ref().map_or(slowest.min(floor.saturating_mul(2)), |(_, ticks)| ticks - 1);
        let Some(shape) = fits(&mut intervals, &order, high) else {
            let height = intervals.least_height(area);
            if nearest.as_ref().is_none_or(|(_, least)| height <= *least) {
                nearest = Some((order, height));
            }
            continue;
        };
        let mut found = (shape, high);
        let mut low = floor.saturating_sub(1);
        while found.1 - low > (floor / 2_000).max(1) {
            let middle = low + (found.1 - low) / 2;
            match fits(&mut intervals, &order, middle) {
                Some(shape) => found = (shape, middle),
                None => low = middle,
            }
        }
        if found.1 <= floor {
            used = runs;
        }
        best = Some(found);
        nearest = Some((order, NEVER));
    }
    best.map(|(shape, ticks)| Found { shape, ticks, value: value(problem, ticks, u64::MAX) }).into_iter().collect()
}

/// The same order but for a block that moves, once or a few times.
fn changed(order: &[u32], rng: &mut Rng) -> Vec<u32> {
    let mut order = order.to_vec();
    for _ in 0..=rng.below(3) {
        let block = order.remove(rng.below(order.len() as u32) as usize);
        order.insert(rng.below(order.len() as u32 + 1) as usize, block);
    }
    order
}

/// Blocks of one kind together, the kinds in a random order.
fn shuffled(problem: &Problem<'_>, rng: &mut Rng) -> Vec<u32> {
    let keys: Vec<u64> = problem.kinds.iter().map(|_| rng.next_u64()).collect();
    let mut order: Vec<u32> = (0..problem.blocks.len() as u32).collect();
    order.sort_by_key(|&block| (keys[problem.blocks[block as usize].kind], block));
    order
}

/// Curves of all intervals of an order.
struct Intervals {
    count: usize,
    length: usize,
    heights: Vec<i16>,
    widths: Vec<i16>,
    sum: Vec<i16>,
}

impl Intervals {
    fn new(count: usize, side: u32) -> Self {
        let length = side as usize + 1;
        let cells = count * count * length;
        Self { count, length, heights: vec![NEVER; cells], widths: vec![NEVER; cells], sum: vec![NEVER; length] }
    }

    fn at(&self, from: usize, to: usize) -> std::ops::Range<usize> {
        let start = (from * self.count + to) * self.length;
        start..start + self.length
    }

    /// The tree of an order that fits into the area, if there is one.
    fn run(&mut self, order: &[u32], table: &Arc<Table>, area: [u32; 2]) -> Option<Shape> {
        for (index, &block) in order.iter().enumerate() {
            let range = self.at(index, index);
            self.heights[range.clone()].copy_from_slice(table.curve(block).heights());
            self.widths[range].copy_from_slice(table.curve(block).widths());
        }
        let (mut high, mut wide) = (vec![NEVER; self.length], vec![NEVER; self.length]);
        for span in 1..self.count {
            for from in 0..self.count - span {
                let to = from + span;
                high.fill(NEVER);
                wide.fill(NEVER);
                for split in from..to {
                    let (first, second) = (self.at(from, split), self.at(split + 1, to));
                    least_sum(&self.heights[first.clone()], &self.heights[second.clone()], &mut high);
                    least_sum(&self.widths[first], &self.widths[second], &mut wide);
                }
                invert(&wide, &mut self.sum);
                lower(&mut high, &self.sum);
                invert(&high, &mut self.sum);
                lower(&mut wide, &self.sum);
                let range = self.at(from, to);
                self.heights[range.clone()].copy_from_slice(&high);
                self.widths[range].copy_from_slice(&wide);
            }
        }
        let least = self.least_height(area);
        if i32::from(least) > area[1] as i32 {
            return None;
        }
        let mut builder = Builder::new(self.count);
        let root = self.trace(order, &mut builder, [0, self.count - 1], [area[0] as i16, least])?;
        Some(builder.finish(root))
    }

    /// Least height of the order that was run last, at the width of the area.
    fn least_height(&self, area: [u32; 2]) -> i16 {
        self.heights[self.at(0, self.count - 1)][area[0] as usize]
    }

    /// The tree of an interval in a slot that holds it; cuts near the middle first, which keeps the tree shallow.
    fn trace(&self, order: &[u32], builder: &mut Builder, interval: [usize; 2], slot: [i16; 2]) -> Option<u32> {
        let [from, to] = interval;
        if from == to {
            return Some(builder.leaf(order[from]));
        }
        let mut splits: Vec<usize> = (from..to).collect();
        splits.sort_by_key(|&split| (2 * split + 1).abs_diff(from + to));
        for split in splits {
            let (first, second) = (self.at(from, split), self.at(split + 1, to));
            let [width, height] = slot.map(|side| side as usize);
            let stacked = [self.heights[first.start + width], self.heights[second.start + width]];
            let beside = [self.widths[first.start + height], self.widths[second.start + height]];
            let (cut, slots) = if stacked[0] + stacked[1] <= slot[1] {
                (Cut::Stack, stacked.map(|height| [slot[0], height]))
            } else if beside[0] + beside[1] <= slot[0] {
                (Cut::Beside, beside.map(|width| [width, slot[1]]))
            } else {
                continue;
            };
            let a = self.trace(order, builder, [from, split], slots[0])?;
            let b = self.trace(order, builder, [split + 1, to], slots[1])?;
            return Some(builder.join(a, b, cut));
        }
        None
    }
}

/// Lowers a staircase to the sum of two others where that is less.
fn least_sum(a: &[i16], b: &[i16], least: &mut [i16]) {
    for ((least, &a), &b) in least.iter_mut().zip(a).zip(b) {
        *least = (*least).min(a + b);
    }
}

fn lower(values: &mut [i16], to: &[i16]) {
    for (value, &to) in values.iter_mut().zip(to) {
        *value = (*value).min(to);
    }
}
