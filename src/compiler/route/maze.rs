//! Detours: the shortest free way over a coarser grid, for all colours at once.
//!
//! The grid is every few columns and rows of the fabric, and those of the tree and of the ports. A state is a crossing
//! with a set of colours; a colour is expanded once at each crossing, on its shortest way there. What lies between
//! the lines of the grid is not seen, so a detour that exists may be missed on a large fabric.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Fabric;
use super::colours::View;
use super::path::{Segment, distance};
use super::tree::Tree;
use crate::hardware::{Core, Rect};

/// Most columns and rows of the grid, without those of the ends.
const TRACKS: u32 = 128;

/// A crossing that was reached, by whom, and on which colours.
#[derive(Clone, Copy)]
struct Visit {
    column: usize,
    row: usize,
    colours: u32,
    hops: u32,
    bends: u32,
    parent: Option<usize>,
}

/// The shortest way from `tree` to one of `ports` by its corners. Takes what it spends from `budget`, in visits, and
/// gives up when that is gone.
pub(super) fn detour(
    fabric: &Fabric,
    view: &dyn View,
    tree: &Tree,
    ports: &[Core],
    budget: &mut u32,
) -> Option<Vec<Core>> {
    if *budget == 0 {
        return None;
    }
    let maze = Maze::new(fabric, tree, ports)?;
    let crossings = maze.columns.len() * maze.rows.len();
    // Looking at every crossing once costs about as much as a fourth as many visits.
    *budget = budget.saturating_sub(crossings as u32 / 4);
    let mut seen = vec![0_u32; crossings];
    let mut visits: Vec<Visit> = maze.begins(tree);
    let mut queue: BinaryHeap<Reverse<(u32, u32, usize)>> = BinaryHeap::new();
    for (index, visit) in visits.iter().enumerate() {
        queue.push(Reverse((visit.hops + maze.remaining(maze.core(visit)), 0, index)));
    }
    while let Some(Reverse((_, _, index))) = queue.pop() {
        *budget = budget.checked_sub(1)?;
        let visit = visits[index];
        let place = visit.row * maze.columns.len() + visit.column;
        let fresh = visit.colours & !seen[place];
        if fresh == 0 {
            continue;
        }
        seen[place] |= fresh;
        let core = maze.core(&visit);
        if ports.contains(&core) {
            return Some(maze.corners(&visits, index));
        }
        for (column, row) in maze.neighbours(&visit) {
            let next = Core { x: maze.columns[column], y: maze.rows[row] };
            let colours = fresh & !seen[row * maze.columns.len() + column];
            if colours == 0 {
                continue;
            }
            let colours = colours & !view.sweep(Segment { from: core, to: next }).taken;
            if colours == 0 {
                continue;
            }
            let turned = visit.parent.is_some_and(|parent| {
                let before = maze.core(&visits[parent]);
                (before.x == core.x) != (core.x == next.x)
            });
            let (hops, bends) = (visit.hops + distance(core, next), visit.bends + u32::from(turned));
            queue.push(Reverse((hops + maze.remaining(next), bends, visits.len())));
            visits.push(Visit { column, row, colours, hops, bends, parent: Some(index) });
        }
    }
    None
}

/// The grid.
struct Maze {
    columns: Vec<u32>,
    rows: Vec<u32>,
    /// The smallest rectangle around the ports.
    goal: Rect,
}

impl Maze {
    /// `None` without ports.
    fn new(fabric: &Fabric, tree: &Tree, ports: &[Core]) -> Option<Self> {
        let ends = tree.legs.iter().flat_map(|(leg, _)| [leg.from, leg.to]);
        let ends: Vec<Core> = ends.chain([tree.source]).chain(ports.iter().copied()).collect();
        let (left, right) = (ports.iter().map(|core| core.x).min()?, ports.iter().map(|core| core.x).max()?);
        let (top, bottom) = (ports.iter().map(|core| core.y).min()?, ports.iter().map(|core| core.y).max()?);
        Some(Self {
            columns: tracks(fabric.columns, ends.iter().map(|core| core.x)),
            rows: tracks(fabric.rows, ends.iter().map(|core| core.y)),
            goal: Rect { x: left, y: top, width: right - left + 1, height: bottom - top + 1 },
        })
    }

    fn core(&self, visit: &Visit) -> Core {
        Core { x: self.columns[visit.column], y: self.rows[visit.row] }
    }

    /// Fewest hops from `core` to any port.
    fn remaining(&self, core: Core) -> u32 {
        let nearest = Core {
            x: core.x.clamp(self.goal.x, self.goal.right() - 1),
            y: core.y.clamp(self.goal.y, self.goal.bottom() - 1),
        };
        distance(core, nearest)
    }

    /// The crossings on the tree.
    fn begins(&self, tree: &Tree) -> Vec<Visit> {
        let places = (0..self.rows.len()).flat_map(|row| (0..self.columns.len()).map(move |column| (column, row)));
        let on_tree = places.filter_map(|(column, row)| {
            let hops = tree.depth_of(Core { x: self.columns[column], y: self.rows[row] })?;
            Some(Visit { column, row, colours: !tree.taken, hops, bends: 0, parent: None })
        });
        on_tree.collect()
    }

    fn neighbours(&self, visit: &Visit) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (column, row) = (visit.column, visit.row);
        let east = (column + 1 < self.columns.len()).then_some((column + 1, row));
        let south = (row + 1 < self.rows.len()).then_some((column, row + 1));
        let west = column.checked_sub(1).map(|column| (column, row));
        let north = row.checked_sub(1).map(|row| (column, row));
        [east, west, south, north].into_iter().flatten()
    }

    /// The turns of a way, its ends included.
    fn corners(&self, visits: &[Visit], last: usize) -> Vec<Core> {
        let mut corners: Vec<Core> = Vec::new();
        let mut at = Some(last);
        while let Some(index) = at {
            let core = self.core(&visits[index]);
            if let [.., before, middle] = corners[..]
                && ((before.x == middle.x && middle.x == core.x) || (before.y == middle.y && middle.y == core.y))
            {
                corners.pop();
            }
            corners.push(core);
            at = visits[index].parent;
        }
        corners.reverse();
        corners
    }
}

/// Lines of the grid over one side: evenly spaced ones and those of the ends.
fn tracks(side: u32, ends: impl Iterator<Item = u32>) -> Vec<u32> {
    let step = side.div_ceil(TRACKS).max(1);
    let mut tracks: Vec<u32> = (0..side).skip(step as usize / 2).step_by(step as usize).chain(ends).collect();
    tracks.sort_unstable();
    tracks.dedup();
    tracks
}
