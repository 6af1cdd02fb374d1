//! Up to three free spots for what is in hand, nearest to the kernels it exchanges data with.
//!
//! Corners that touch a placed kernel, its ports or an edge of the wafer are tried, those near the neighbours first;
//! a free spot anywhere can be pushed against one of these without getting longer wires. It is no search over what
//! comes later: a spot may be in the way of the next kernel.

use super::draft::Draft;
use super::ground::Ground;
use super::placeable;
use crate::compiler::resident;
use crate::hardware::{Core, Rect};
use crate::sim::Scene;
use crate::workload::OpId;

/// Spots that are offered.
const SPOTS_MAX: usize = 3;
/// Columns, and rows, that are tried at most.
const LINES_MAX: usize = 96;
/// Lines of the grid that is tried beside the edges of kernels.
const GRID: u32 = 12;

/// A free spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub rect: Rect,
    /// Hops times bytes of the streams of what is in hand.
    pub wire: u64,
    /// Sum of the hops of these streams.
    pub hops: u64,
}

/// Where what is in hand would best go, best first; empty if it fits nowhere.
pub fn spots(scene: &Scene, draft: &Draft, ground: &Ground) -> Vec<Spot> {
    let Some(hand) = draft.hand else { return Vec::new() };
    let (columns, rows) = (scene.device.fabric_columns.value, scene.device.fabric_rows.value);
    if hand.width > columns || hand.height > rows {
        return Vec::new();
    }
    let pulls = pulls(scene, draft, hand.op);
    let aim = aim(&pulls);
    let sides = |low: fn(&Rect) -> u32, high: fn(&Rect) -> u32| {
        draft.placed.iter().map(move |(_, rect)| (low(rect), high(rect)))
    };
    let xs = lines(sides(|rect| rect.x, Rect::right), hand.width, columns, aim.x);
    let ys = lines(sides(|rect| rect.y, Rect::bottom), hand.height, rows, aim.y);
    let mut tried: Vec<(u64, u32, u32)> = Vec::with_capacity(xs.len() * ys.len());
    for &x in &xs {
        for &y in &ys {
            let rect = hand.rect_at(Core { x, y });
            let pull = pulls.iter().map(|&(to, weight)| u64::from(resident::hops(to, rect)) * weight).sum();
            tried.push((pull, y, x));
        }
    }
    tried.sort_unstable();
    let mut found: Vec<Spot> = Vec::new();
    for (_, y, x) in tried {
        let rect = hand.rect_at(Core { x, y });
        let apart = found.iter().all(|spot| spot.rect.intersection(&rect).is_none());
        if apart && ground.is_free(rect) {
            let neighbours = draft.neighbours(scene, hand.op, rect);
            let hops = neighbours.iter().map(|neighbour| u64::from(neighbour.hops)).sum();
            let wire = neighbours.iter().map(|neighbour| u64::from(neighbour.hops) * neighbour.bytes).sum();
            found.push(Spot { rect, wire, hops });
            if found.len() == SPOTS_MAX {
                break;
            }
        }
    }
    found
}

/// What draws a kernel, with how much: its placed neighbours by their bytes; else the nearest placed kernels before and
/// after it in the order of flow; else the corner from which the wafer is filled.
fn pulls(scene: &Scene, draft: &Draft, op: OpId) -> Vec<(Rect, u64)> {
    let near = draft.neighbours(scene, op, Rect::default());
    if !near.is_empty() {
        return near.iter().map(|neighbour| (neighbour.rect, neighbour.bytes.max(1))).collect();
    }
    let ops = placeable(scene);
    let at = ops.iter().position(|&other| other == op).unwrap_or(0);
    let (before, after) = (ops[..at].iter().rev(), ops[at..].iter());
    let placed = |op: &OpId| draft.rect_of(*op);
    let found: Vec<(Rect, u64)> = [before.clone().find_map(placed), after.clone().find_map(placed)]
        .into_iter()
        .flatten()
        .map(|rect| (rect, 1))
        .collect();
    if found.is_empty() { vec![(Rect::default(), 1)] } else { found }
}

/// The point to which the pulls draw: the weighted mean of their middles.
fn aim(pulls: &[(Rect, u64)]) -> Core {
    let total: u64 = pulls.iter().map(|(_, weight)| weight).sum::<u64>().max(1);
    let mean = |side: fn(Core) -> u32| {
        (pulls.iter().map(|(rect, weight)| u64::from(side(rect.centre())) * weight).sum::<u64>() / total) as u32
    };
    Core { x: mean(|core| core.x), y: mean(|core| core.y) }
}

/// Corners along one axis at which a kernel of `length` touches or lines up with something, those nearest to bringing
/// its middle to `aim` first.
fn lines(sides: impl Iterator<Item = (u32, u32)>, length: u32, limit: u32, aim: u32) -> Vec<u32> {
    let last = limit - length;
    let ideal = aim.saturating_sub(length / 2).min(last);
    let mut found = vec![0, last, ideal];
    found.extend((0..GRID).map(|index| last / GRID * index));
    for (low, high) in sides {
        let touching = [low.checked_sub(length), Some(high), Some(low), high.checked_sub(length)];
        found.extend(touching.into_iter().flatten().filter(|&at| at <= last));
    }
    found.sort_unstable();
    found.dedup();
    found.sort_by_key(|&at| at.abs_diff(ideal));
    found.truncate(LINES_MAX);
    found
}
