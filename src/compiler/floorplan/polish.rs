//! From the slots of a slicing tree to rectangles of whole cores, and the last improvements of the wire.

use super::anneal::{Found, Walker};
use super::slide::slide;
use super::table::Tables;
use super::{Problem, Shapes};
use crate::hardware::Rect;
use crate::rng::Rng;

/// The rectangles of a tree that fits.
///
/// Slots may begin at half cores; rounding all of them down keeps them apart.
pub(super) fn rects(tables: &Tables<'_>, problem: &Problem<'_>, found: &Found) -> Vec<Rect> {
    let at = (found.ticks, found.ticks);
    let walker = Walker::new(tables, problem, found.shape.clone(), at, Rng::substream(0, "rects"));
    let table = walker.table();
    let rect = |(block, spot): (usize, &super::tree::Spot)| {
        let [slot_width, slot_height] = spot.size.map(|side| side as u32);
        let curve = table.curve(block as u32);
        // The slot holds a shape, since its sides come from the same curve.
        let height = curve.least_height(slot_width).map_or(slot_height, |least| least.min(slot_height));
        let width = curve.least_width(height).map_or(slot_width, |least| least.min(slot_width));
        let from = |centre: i32, side: u32| (centre - side as i32).div_euclid(2).max(0) as u32;
        Rect { x: from(spot.centre[0], width), y: from(spot.centre[1], height), width, height }
    };
    walker.spots().iter().enumerate().map(rect).collect()
}

/// Shapes that are tried for each block, on average.
const TRIES_PER_BLOCK: usize = 300;
/// Shapes that are tried at most, times the number of blocks that each is held against.
const WORK_MAX: usize = 20_000_000;

/// Shortens the wire at the same time: slides boxes, and gives them other shapes where their surroundings have room.
///
/// Rectangles stay apart and inside the area.
pub(super) fn polish(problem: &Problem<'_>, ticks: u64, rects: &mut [Rect]) {
    slide(problem, rects);
    let shapes: Vec<Vec<[u32; 2]>> = problem.kinds.iter().map(|kind| shapes(problem, *kind, ticks)).collect();
    let mut wires_of = vec![Vec::new(); rects.len()];
    for wire in &problem.wires {
        wires_of[wire.from].push((wire.to, wire.weight));
        wires_of[wire.to].push((wire.from, wire.weight));
    }
    let count = rects.len();
    let tries = (TRIES_PER_BLOCK * count).min(WORK_MAX / count.max(1));
    let mut rng = Rng::substream(ticks, "floorplan polish");
    for _round in 0..3 {
        let before = problem.wire_halves(rects);
        for _ in 0..tries {
            let block = rng.below(count as u32) as usize;
            let choice = &shapes[problem.blocks[block].kind];
            let room = room(problem, rects, block, rng.below(2) == 0);
            // A few blind draws cost less than a list of what fits.
            let drawn = (0..8).map(|_| choice[rng.below(choice.len().max(1) as u32) as usize]);
            let Some([width, height]) = drawn.into_iter().find(|size| size[0] <= room.width && size[1] <= room.height)
            else {
                continue;
            };
            let wires = &wires_of[block];
            let x = nearest(wires, room.x, room.width, width, |other| 2 * rects[other].x + rects[other].width);
            let y = nearest(wires, room.y, room.height, height, |other| 2 * rects[other].y + rects[other].height);
            let moved = Rect { x, y, width, height };
            if wire_of(wires, rects, &moved) <= wire_of(wires, rects, &rects[block]) {
                rects[block] = moved;
            }
        }
        slide(problem, rects);
        if problem.wire_halves(rects) >= before {
            break;
        }
    }
}

/// Boxes of a kind that may be tried, both ways round.
fn shapes(problem: &Problem<'_>, kind: &dyn Shapes, ticks: u64) -> Vec<[u32; 2]> {
    let side = problem.side();
    let curve = kind.curve(ticks, side);
    let mut all: Vec<[u32; 2]> = curve.corners(side, side).collect();
    for [width, height] in kind.alternatives(ticks, side) {
        all.extend([[width, height], [height, width]]);
    }
    all.retain(|&[width, height]| width <= problem.width && height <= problem.height);
    all.sort_unstable();
    all.dedup();
    all
}

/// An empty rectangle around a block, as wide or as high as its neighbours allow, then as large as that allows.
fn room(problem: &Problem<'_>, rects: &[Rect], block: usize, wide_first: bool) -> Rect {
    let mut room = rects[block];
    for horizontal in [wide_first, !wide_first] {
        let (mut low, mut high) = (0, if horizontal { problem.width } else { problem.height });
        for (_, other) in rects.iter().enumerate().filter(|(index, _)| *index != block) {
            if horizontal && other.y < room.bottom() && room.y < other.bottom() {
                if other.x < room.x { low = low.max(other.right()) } else { high = high.min(other.x) }
            }
            if !horizontal && other.x < room.right() && room.x < other.right() {
                if other.y < room.y { low = low.max(other.bottom()) } else { high = high.min(other.y) }
            }
        }
        if horizontal {
            (room.x, room.width) = (low, high - low);
        } else {
            (room.y, room.height) = (low, high - low);
        }
    }
    room
}

/// Where a box of `side` cores begins within `from..from + length` so that it is nearest to what it is connected with.
fn nearest(wires: &[(usize, u32)], from: u32, length: u32, side: u32, centre: impl Fn(usize) -> u32) -> u32 {
    let mut centres: Vec<u32> = Vec::new();
    for &(other, weight) in wires {
        centres.extend(std::iter::repeat_n(centre(other), weight.min(16) as usize));
    }
    centres.sort_unstable();
    let Some(&median) = centres.get(centres.len() / 2) else { return from };
    (median.saturating_sub(side) / 2).clamp(from, from + length - side)
}

/// Twice the wire between a block at `rect` and the others.
fn wire_of(wires: &[(usize, u32)], rects: &[Rect], rect: &Rect) -> u64 {
    let centre = |rect: &Rect| [2 * rect.x + rect.width, 2 * rect.y + rect.height];
    let [x, y] = centre(rect);
    let length = |&(other, weight): &(usize, u32)| {
        let [other_x, other_y] = centre(&rects[other]);
        u64::from(weight) * u64::from(x.abs_diff(other_x) + y.abs_diff(other_y))
    };
    wires.iter().map(length).sum()
}
