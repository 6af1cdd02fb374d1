//! Lower bounds that no floorplan can beat, printed beside every result.

use std::collections::BTreeMap;

use super::curve::Curve;
use super::{Problem, Shapes};

/// How near the bound over intervals of time comes to the bound over single times.
const TOLERANCE: f64 = 1e-6;

/// Steps in which the price of area is looked for.
const PRICE_STEPS: u32 = 60;

/// The least time in ticks at which the free blocks have room, by their least areas.
///
/// All of them fit into the area together, and each by itself; `None` if no time is long enough. Of what else takes area
/// away only pinned blocks are counted.
pub fn least_ticks(problem: &Problem<'_>) -> Option<u64> {
    let used = used_kinds(problem);
    let taken: u64 = problem.blocks.iter().filter_map(|block| block.pinned).map(|rect| rect.cores()).sum();
    let room = (u64::from(problem.width) * u64::from(problem.height)).checked_sub(taken)?;
    let fits = |ticks: u64| {
        let mut sum = 0;
        for (&kind, &count) in &used {
            let curve = problem.kinds[kind].curve(ticks, problem.side());
            match least_area(&curve, [problem.width, problem.height]) {
                Some(area) => sum += area * count,
                None => return false,
            }
            if sum > room {
                return false;
            }
        }
        true
    };
    let (mut low, mut high) = (0, slowest_ticks(problem));
    if !fits(high) {
        return None;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

/// The time beyond which no free block gets smaller.
pub fn slowest_ticks(problem: &Problem<'_>) -> u64 {
    let kinds = used_kinds(problem);
    kinds.keys().map(|&kind| problem.kinds[kind].slowest_ticks()).max().unwrap_or(1).max(1)
}

/// How many free blocks are of each kind.
fn used_kinds(problem: &Problem<'_>) -> BTreeMap<usize, u64> {
    let mut used = BTreeMap::new();
    for block in problem.blocks.iter().filter(|block| block.pinned.is_none()) {
        *used.entry(block.kind).or_default() += 1;
    }
    used
}

fn least_area(curve: &Curve, area: [u32; 2]) -> Option<u64> {
    let corners = curve.corners(area[0], area[1]);
    corners.map(|[width, height]| u64::from(width) * u64::from(height)).min()
}

/// Least score of any floorplan, in the units of the score.
///
/// Boxes that do not overlap lie at least half the sum of their shorter sides apart, so a wire costs at least that, and
/// a triangle of wires costs one shorter side more, since three boxes cannot all touch along their longer sides. For
/// every price of area, the sum of each block's cheapest shape, less the price of the whole area, bounds the wire from
/// below (a Lagrangian relaxation). It falls as the time grows, so an interval of times costs at least its first time
/// and the wire at its last; intervals are halved where the bound is weakest.
pub fn least_score(problem: &Problem<'_>, least_ticks: u64) -> f64 {
    let slowest = slowest_ticks(problem).max(least_ticks);
    let degrees = Degrees::new(problem);
    let mut wire_at = BTreeMap::new();
    let mut wire = |ticks: u64| *wire_at.entry(ticks).or_insert_with(|| degrees.least_wire(problem, ticks));
    let price = |from: u64, wire: f64| problem.tick_price * from as f64 + problem.wire_price * wire;
    let mut open = vec![(price(least_ticks, wire(slowest)), least_ticks, slowest)];
    // The bound itself at the times looked at; it is no weaker than the best of them.
    let mut reached = price(least_ticks, wire(least_ticks));
    // An early end is weaker, never wrong.
    for _ in 0..(20_000 / problem.kinds.len().max(1)).clamp(8, 600) {
        let weakest = (0..open.len()).min_by(|&a, &b| open[a].0.total_cmp(&open[b].0));
        let Some(weakest) = weakest else { break };
        let (least, from, to) = open[weakest];
        if from >= to || least >= reached * (1.0 - TOLERANCE) {
            break;
        }
        // Short times matter most, and the wire changes by factors.
        let middle = from + (to - from) / if to > 4 * from { 16 } else { 2 };
        reached = reached.min(price(middle, wire(middle)));
        open[weakest] = (price(from, wire(middle)), from, middle);
        open.push((price(middle + 1, wire(to)), middle + 1, to));
    }
    open.iter().map(|interval| interval.0).fold(f64::INFINITY, f64::min)
}

/// How often the shorter side of each block counts, summed over blocks that are alike.
struct Degrees {
    /// Weighted wires of a block by kind: `(kind, degree)` and how many blocks.
    groups: BTreeMap<(usize, u64), u64>,
    /// Triangles of wires that share none, by their kinds.
    triangles: Vec<[usize; 3]>,
}

impl Degrees {
    fn new(problem: &Problem<'_>) -> Self {
        let mut degree = vec![0; problem.blocks.len()];
        let mut joined: Vec<BTreeMap<usize, u32>> = vec![BTreeMap::new(); problem.blocks.len()];
        for wire in &problem.wires {
            for (a, b) in [(wire.from, wire.to), (wire.to, wire.from)] {
                degree[a] += u64::from(wire.weight);
                *joined[a].entry(b).or_default() += wire.weight;
            }
        }
        let mut groups = BTreeMap::new();
        for (block, &degree) in problem.blocks.iter().zip(&degree) {
            *groups.entry((block.kind, degree)).or_default() += 1;
        }
        Self { groups, triangles: triangles(problem, joined) }
    }

    /// Least wire at a time, in cores.
    fn least_wire(&self, problem: &Problem<'_>, ticks: u64) -> f64 {
        let mut curves: BTreeMap<usize, Vec<[f64; 2]>> = BTreeMap::new();
        for &(kind, _) in self.groups.keys() {
            curves.entry(kind).or_insert_with(|| sides_and_areas(problem.kinds[kind], ticks, problem));
        }
        let least_side = |kind: usize| curves[&kind].iter().map(|shape| shape[0]).fold(f64::INFINITY, f64::min);
        let corners =
            self.triangles.iter().map(|kinds| kinds.map(least_side).into_iter().fold(f64::INFINITY, f64::min));
        let corners: f64 = corners.filter(|side| side.is_finite()).sum();
        let room = f64::from(problem.width) * f64::from(problem.height);
        let bound = |price: f64| {
            let mut sum = -price * room;
            for (&(kind, degree), &count) in &self.groups {
                let cost = |shape: &[f64; 2]| degree as f64 / 2.0 * shape[0] + price * shape[1];
                let cheapest = curves[&kind].iter().map(cost).fold(f64::INFINITY, f64::min);
                if cheapest.is_finite() {
                    sum += cheapest * count as f64;
                }
            }
            sum
        };
        // Concave in the price: thirds close in on the best one. Every price gives a valid bound.
        let (mut low, mut high) = (0.0, 4.0);
        for _ in 0..PRICE_STEPS {
            let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
            if bound(a) < bound(b) { low = a } else { high = b }
        }
        bound(0.0).max(bound(f64::midpoint(low, high))) + corners
    }
}

/// Shorter side and area of the shapes of a kind within the area.
fn sides_and_areas(kind: &dyn Shapes, ticks: u64, problem: &Problem<'_>) -> Vec<[f64; 2]> {
    let curve = kind.curve(ticks, problem.side());
    let corners = curve.corners(problem.side(), problem.side());
    corners.map(|[width, height]| [f64::from(width.min(height)), f64::from(width) * f64::from(height)]).collect()
}

/// Triangles of wires, each wire in at most one of them.
fn triangles(problem: &Problem<'_>, mut joined: Vec<BTreeMap<usize, u32>>) -> Vec<[usize; 3]> {
    let mut found = Vec::new();
    for wire in &problem.wires {
        let (a, b) = (wire.from, wire.to);
        if joined[a].get(&b).is_none_or(|&left| left == 0) {
            continue;
        }
        let left =
            |joined: &[BTreeMap<usize, u32>], a: usize, b: usize| joined[a].get(&b).is_some_and(|&left| left > 0);
        let third = joined[a].keys().copied().find(|&c| c != b && left(&joined, a, c) && left(&joined, b, c));
        let Some(c) = third else { continue };
        for (a, b) in [(a, b), (b, a), (a, c), (c, a), (b, c), (c, b)] {
            if let Some(count) = joined[a].get_mut(&b) {
                *count -= 1;
            }
        }
        found.push([a, b, c].map(|block| problem.blocks[block].kind));
    }
    found
}
