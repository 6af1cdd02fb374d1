//! Packing around obstacles and pinned kernels, where slicing trees do not help.
//!
//! The free area is kept as its maximal empty rectangles (the "maximal rectangles" packing of Jylänki, 2010). Blocks are
//! laid one after the other into the corner that is nearest to what they are connected with and wastes least; a local
//! search changes the order and the target time. Simple and dependable rather than tight: expect times some percent
//! above those of [`super::solve`] on an empty area.

use super::table::{Table, Tables};
use super::{Budget, Floorplan, Problem, Progress, Watch, anneal, bound, seed};
use crate::hardware::Rect;
use crate::rng::Rng;

/// Empty rectangles that are kept; the smallest are forgotten beyond it.
const EMPTY_MAX: usize = 600;
/// Corners of a curve that are tried in one empty rectangle.
const SHAPES_PER_RECT: usize = 6;
/// Orders tried without success before the search gives up, where the budget is in moves.
const PACKS_MIN: u64 = 30;

/// How a packing weighs its choices, and the order of its blocks.
#[derive(Clone, Debug)]
struct Recipe {
    order: Vec<u32>,
    /// Price of an empty core beside a block, in cores of distance.
    waste: f64,
}

/// A packing that was found.
struct Packed {
    rects: Vec<Rect>,
    ticks: u64,
    value: f64,
}

/// Places the free blocks around obstacles and pinned blocks; `None` if no way was found.
pub fn solve(problem: &Problem<'_>, budget: Budget, seed: u64, watch: &mut Watch<'_>) -> Option<Floorplan> {
    let floor = bound::least_ticks(problem)?;
    let slowest = bound::slowest_ticks(problem).max(floor);
    let tables = Tables::new(problem);
    let empty = empty_area(problem);
    let mut rng = Rng::substream(seed, "constrained floorplan");
    let order = seed::order(problem).into_iter().filter(|&block| problem.blocks[block as usize].pinned.is_none());
    let mut recipe = Recipe { order: order.collect(), waste: 0.05 };
    let mut kept = recipe.clone();
    let mut best: Option<Packed> = None;
    let mut packs = 0;
    let per_pack = recipe.order.len().max(1) as u64;
    loop {
        let tried = match &best {
            None => first_packing(problem, &tables, &empty, &recipe, (floor, slowest), &mut packs),
            Some(best) => {
                let lower = best.ticks - (best.ticks / 200).clamp(1, best.ticks.saturating_sub(floor).max(1));
                let ticks = if rng.below(3) == 0 { lower.max(floor) } else { best.ticks };
                packs += 1;
                pack(problem, &tables.at(ticks), &empty, &recipe)
            }
        };
        let improved = tried.filter(|packed| best.as_ref().is_none_or(|best| packed.value < best.value));
        if let Some(packed) = improved {
            best = Some(packed);
            kept = recipe;
        }
        let moves = packs * per_pack;
        let progress = Progress {
            moves,
            phase: "packing around obstacles",
            temperature: 0.0,
            best: best.as_ref().map(|best| best.value),
        };
        let used = watch(&progress);
        let spent = match budget {
            Budget::Moves(limit) => moves >= limit && (best.is_some() || packs >= PACKS_MIN),
            Budget::Watch => false,
        };
        if spent || used.is_nan() || used >= 1.0 || kept.order.is_empty() {
            break;
        }
        recipe = kept.clone();
        vary(&mut recipe, &mut rng);
    }
    let best = best?;
    let wire_halves = problem.wire_halves(&best.rects);
    Some(Floorplan { rects: best.rects, ticks: best.ticks, wire_halves, moves: packs * per_pack })
}

/// Another recipe near this one.
fn vary(recipe: &mut Recipe, rng: &mut Rng) {
    let count = recipe.order.len() as u32;
    let (a, b) = (rng.below(count) as usize, rng.below(count) as usize);
    match rng.below(4) {
        0 => recipe.order.swap(a, b),
        1 | 2 => {
            let block = recipe.order.remove(a);
            recipe.order.insert(b.min(recipe.order.len()), block);
        }
        _ => recipe.waste = [0.0, 0.02, 0.05, 0.2, 1.0][rng.below(5) as usize],
    }
}

/// The packing at about the least time at which the recipe works.
fn first_packing(
    problem: &Problem<'_>,
    tables: &Tables<'_>,
    empty: &[Rect],
    recipe: &Recipe,
    (floor, slowest): (u64, u64),
    packs: &mut u64,
) -> Option<Packed> {
    *packs += 1;
    let mut best = pack(problem, &tables.at(slowest), empty, recipe)?;
    let (mut low, mut high) = (floor.saturating_sub(1), slowest);
    // A hundredth is near enough: the search goes on from here.
    while high - low > (low / 100).max(1) {
        // The middle of the exponents, since the range spans many factors of ten.
        let middle = ((low.max(1) as f64 * high as f64).sqrt() as u64).clamp(low + 1, high - 1);
        *packs += 1;
        match pack(problem, &tables.at(middle), empty, recipe) {
            Some(packed) => {
                high = middle;
                if packed.value < best.value {
                    best = packed;
                }
            }
            None => low = middle,
        }
    }
    Some(best)
}

/// The area without obstacles and pinned blocks, as maximal empty rectangles.
fn empty_area(problem: &Problem<'_>) -> Vec<Rect> {
    let mut empty = vec![Rect { x: 0, y: 0, width: problem.width, height: problem.height }];
    let pinned = problem.blocks.iter().filter_map(|block| block.pinned);
    for taken in problem.obstacles.iter().copied().chain(pinned) {
        take(&mut empty, &taken);
    }
    empty
}

/// Removes `taken` from the empty rectangles.
fn take(empty: &mut Vec<Rect>, taken: &Rect) {
    let mut parts = Vec::new();
    empty.retain(|rect| {
        let Some(common) = rect.intersection(taken) else { return true };
        let pieces = [
            Rect { width: common.x - rect.x, ..*rect },
            Rect { x: common.right(), width: rect.right() - common.right(), ..*rect },
            Rect { height: common.y - rect.y, ..*rect },
            Rect { y: common.bottom(), height: rect.bottom() - common.bottom(), ..*rect },
        ];
        parts.extend(pieces.into_iter().filter(|piece| piece.cores() > 0));
        false
    });
    // A new piece may lie inside another rectangle; an old one never lies inside a new piece.
    let inside = |a: &Rect, b: &Rect| a.x >= b.x && a.y >= b.y && a.right() <= b.right() && a.bottom() <= b.bottom();
    for (index, part) in parts.iter().enumerate() {
        let covered =
            empty.iter().any(|rect| inside(part, rect)) || parts[index + 1..].iter().any(|other| inside(part, other));
        if !covered {
            empty.push(*part);
        }
    }
    if empty.len() > EMPTY_MAX {
        empty.sort_by_key(|rect| std::cmp::Reverse(rect.cores()));
        empty.truncate(EMPTY_MAX);
    }
}

/// Lays the blocks in the recipe's order; `None` if one finds no room.
fn pack(problem: &Problem<'_>, table: &Table, empty: &[Rect], recipe: &Recipe) -> Option<Packed> {
    let mut empty = empty.to_vec();
    let mut rects: Vec<Option<Rect>> = problem.blocks.iter().map(|block| block.pinned).collect();
    let mut wires_of = vec![Vec::new(); rects.len()];
    for wire in &problem.wires {
        wires_of[wire.from].push((wire.to, wire.weight));
        wires_of[wire.to].push((wire.from, wire.weight));
    }
    for &block in &recipe.order {
        let wish = problem.blocks[block as usize].wish;
        let cost = |rect: &Rect| {
            let centre = |rect: &Rect| [2 * rect.x + rect.width, 2 * rect.y + rect.height];
            let [x, y] = centre(rect);
            let apart = |other: &Rect, weight: u32| {
                let [other_x, other_y] = centre(other);
                f64::from(weight) * f64::from(x.abs_diff(other_x) + y.abs_diff(other_y)) / 2.0
            };
            let wires =
                wires_of[block as usize].iter().filter_map(|&(other, weight)| Some(apart(&rects[other]?, weight)));
            wires.sum::<f64>() + wish.map_or(0.0, |wish| apart(&wish, 1)) + recipe.waste * rect.cores() as f64 / 100.0
        };
        let mut found: Option<(f64, Rect)> = None;
        for room in &empty {
            for [width, height] in shapes_in(table, block, room) {
                for (right, down) in [(false, false), (true, false), (false, true), (true, true)] {
                    let x = if right { room.right() - width } else { room.x };
                    let y = if down { room.bottom() - height } else { room.y };
                    let rect = Rect { x, y, width, height };
                    // What is left beside it in its room is hard to use.
                    let left = (room.width - width).min(room.height - height);
                    let cost = cost(&rect) + recipe.waste * f64::from(left);
                    if found.is_none_or(|(least, _)| cost < least) {
                        found = Some((cost, rect));
                    }
                }
            }
        }
        let (_, rect) = found?;
        take(&mut empty, &rect);
        rects[block as usize] = Some(rect);
    }
    let rects: Vec<Rect> = rects.into_iter().collect::<Option<_>>()?;
    let halves = problem.wire_halves(&rects);
    Some(Packed { rects, ticks: table.ticks, value: anneal::value(problem, table.ticks, halves) })
}

/// A few shapes of a block in an empty rectangle: the flattest, the narrowest, and some between.
fn shapes_in(table: &Table, block: u32, room: &Rect) -> Vec<[u32; 2]> {
    let corners: Vec<[u32; 2]> = table.curve(block).corners(room.width, room.height).collect();
    if corners.len() <= SHAPES_PER_RECT {
        return corners;
    }
    (0..SHAPES_PER_RECT).map(|step| corners[step * (corners.len() - 1) / (SHAPES_PER_RECT - 1)]).collect()
}
