//! Detours: ways with any number of bends, router by router, inside a window around the ends of a stream.
//!
//! First a flood says which colours connect the source with every reader: one word a router holds all colours that
//! arrive there, and each pass over the window carries them on along rows and columns. Then the shortest way is
//! searched on one of these colours. What lies outside the window is not seen.

use super::colours::Grid;
use super::path::distance;
use super::tree::Tree;
use crate::hardware::{Core, Rect};

/// Routers that a window reaches beyond the ends, one window after the other.
const MARGINS: [u32; 2] = [10, 100];

/// Connecting colours on which a tree is searched.
const COLOUR_TRIES: usize = 3;

/// Routers of a flood that cost about as much as one of a search for the shortest way.
const STEP_COST: u32 = 8;

/// Steps to a neighbour, by their number.
const STEPS: [(i32, i32); 4] = [(1, 0), (-1, 0), (0, 1), (0, -1)];

/// Arrival at a router where a way begins, and at one that was not reached.
const BEGIN: u8 = 4;
const UNSEEN: u8 = 5;

/// Where one lane of a stream may begin and end.
pub(super) struct Ends {
    pub(super) sources: Vec<Core>,
    /// Index of each reader in its request, with its ports; nearest first.
    pub(super) readers: Vec<(usize, Vec<Core>)>,
    pub(super) bytes: u64,
}

/// Takes `visits` from a budget; `None`, and nothing left, if it has not as many.
pub(super) fn spend(budget: &mut u32, visits: u32) -> Option<()> {
    let left = budget.checked_sub(visits);
    *budget = left.unwrap_or(0);
    left.map(drop)
}

/// A tree over free routers, and the ports where it reaches its readers in the order of the request. Takes what it
/// spends from `budget`, in routers, and leaves none of it when it gives up.
pub(super) fn detour(grid: &Grid, ends: &Ends, budget: &mut u32) -> Option<(Tree, Vec<Core>)> {
    let mut before = None;
    for margin in MARGINS {
        let rect = around(grid, ends, margin)?;
        if before == Some(rect) {
            break;
        }
        before = Some(rect);
        spend(budget, rect.cores() as u32)?;
        let window = Window::open(grid, rect);
        let mut colours = window.connecting(ends, budget)?;
        for _ in 0..COLOUR_TRIES {
            if colours == 0 {
                break;
            }
            let found = window.tree(grid, ends, colours.trailing_zeros(), budget);
            if found.is_some() || *budget == 0 {
                return found;
            }
            colours &= colours - 1;
        }
    }
    None
}

/// The smallest rectangle around all ends, widened by `margin` as far as the fabric goes; `None` without ends.
fn around(grid: &Grid, ends: &Ends, margin: u32) -> Option<Rect> {
    let cores = || ends.sources.iter().chain(ends.readers.iter().flat_map(|(_, ports)| ports));
    let (left, right) = (cores().map(|core| core.x).min()?, cores().map(|core| core.x).max()?);
    let (top, bottom) = (cores().map(|core| core.y).min()?, cores().map(|core| core.y).max()?);
    let (columns, rows) = grid.masks.size();
    let (x, y) = (left.saturating_sub(margin), top.saturating_sub(margin));
    let (right, bottom) = ((right + margin + 1).min(columns), (bottom + margin + 1).min(rows));
    Some(Rect { x, y, width: right - x, height: bottom - y })
}

/// Free colours of the routers of a rectangle, row by row.
struct Window {
    rect: Rect,
    width: usize,
    free: Vec<u32>,
}

impl Window {
    fn open(grid: &Grid, rect: Rect) -> Self {
        let rows = (rect.y..rect.bottom()).flat_map(|y| grid.masks.row(y, rect.x, rect.width));
        Self { rect, width: rect.width as usize, free: rows.map(|taken| !taken).collect() }
    }

    fn place(&self, core: Core) -> usize {
        (core.y - self.rect.y) as usize * self.width + (core.x - self.rect.x) as usize
    }

    /// The first colours found on which every reader can be reached; none of them if the budget ends.
    fn connecting(&self, ends: &Ends, budget: &mut u32) -> Option<u32> {
        let mut reach = vec![0_u32; self.free.len()];
        for &source in &ends.sources {
            reach[self.place(source)] = self.free[self.place(source)];
        }
        loop {
            spend(budget, self.free.len() as u32 * 2)?;
            let changed = self.pass(&mut reach, false) | self.pass(&mut reach, true);
            let arrived = ends
                .readers
                .iter()
                .map(|(_, ports)| ports.iter().fold(0, |colours, &port| colours | reach[self.place(port)]));
            let common = arrived.fold(u32::MAX, |common, colours| common & colours);
            if common != 0 || !changed {
                return Some(common);
            }
        }
    }

    /// Carries colours along every row both ways, and from each row to the next one south, or north.
    fn pass(&self, reach: &mut [u32], north: bool) -> bool {
        let height = self.free.len() / self.width;
        let mut fresh = 0;
        for step in 0..height {
            let y = if north { height - 1 - step } else { step };
            let (begin, end) = (y * self.width, (y + 1) * self.width);
            let free = &self.free[begin..end];
            let (head, tail) = reach.split_at_mut(if north { end } else { begin });
            let (before, row) = if north {
                (tail.get(..self.width), &mut head[begin..])
            } else {
                (head.len().checked_sub(self.width).map(|from| &head[from..]), &mut tail[..self.width])
            };
            for ((colours, &free), &above) in row.iter_mut().zip(free).zip(before.unwrap_or_default()) {
                fresh |= above & free & !*colours;
                *colours |= above & free;
            }
            let mut carried = 0;
            let mut carry = |(colours, &free): (&mut u32, &u32)| {
                carried = (carried | *colours) & free;
                fresh |= carried & !*colours;
                *colours = carried;
            };
            row.iter_mut().zip(free).for_each(&mut carry);
            carried = 0;
            let mut carry = |(colours, &free): (&mut u32, &u32)| {
                carried = (carried | *colours) & free;
                fresh |= carried & !*colours;
                *colours = carried;
            };
            row.iter_mut().zip(free).rev().for_each(&mut carry);
        }
        fresh != 0
    }

    /// A tree on one colour, each reader joined by the way on which it is reached earliest.
    fn tree(&self, grid: &Grid, ends: &Ends, colour: u32, budget: &mut u32) -> Option<(Tree, Vec<Core>)> {
        let mut tree: Option<Tree> = None;
        let mut reached = vec![*ends.sources.first()?; ends.readers.len()];
        for (reader, ports) in &ends.readers {
            let begins: Vec<(Core, u32)> = match &tree {
                Some(tree) => tree.routers(),
                None => ends.sources.iter().map(|&source| (source, 0)).collect(),
            };
            let corners = self.shortest(colour, &begins, ports, budget)?;
            let grown = match &mut tree {
                Some(grown) => grown,
                None => tree.insert(Tree::new(grid, corners[0], 1 << colour, ends.bytes)?),
            };
            reached[*reader] = grown.join_detour(grid, &corners)?;
        }
        tree.map(|tree| (tree, reached))
    }

    /// The corners of the shortest free way on a colour from any of `begins`, with hops to there, to any of `ports`
    /// (A*, with a stack for each length); among equals one that mostly goes straight on.
    fn shortest(&self, colour: u32, begins: &[(Core, u32)], ports: &[Core], budget: &mut u32) -> Option<Vec<Core>> {
        let bit = 1 << colour;
        let (first, last) = (ports.iter().min()?, ports.iter().max()?);
        // The ports of a reader lie on one edge.
        let remaining =
            |core: Core| distance(core, Core { x: core.x.clamp(first.x, last.x), y: core.y.clamp(first.y, last.y) });
        let mut arrival = vec![UNSEEN; self.free.len()];
        let free = begins.iter().filter(|&&(core, _)| self.free[self.place(core)] & bit != 0);
        let fewest = free.clone().map(|&(core, hops)| hops + remaining(core)).min()?;
        // What is left to visit, by the hops that a way through it has at least; the last in goes first, straight on.
        let mut queue: Vec<Vec<(Core, u32, u8)>> = Vec::new();
        let put = |queue: &mut Vec<Vec<(Core, u32, u8)>>, core: Core, hops: u32, by: u8| {
            let more = (hops + remaining(core) - fewest) as usize;
            if queue.len() <= more {
                queue.resize_with(more + 1, Vec::new);
            }
            queue[more].push((core, hops, by));
        };
        free.for_each(|&(core, hops)| put(&mut queue, core, hops, BEGIN));
        let mut more = 0;
        while more < queue.len() {
            let Some((core, hops, by)) = queue[more].pop() else {
                more += 1;
                continue;
            };
            let place = self.place(core);
            if arrival[place] != UNSEEN {
                continue;
            }
            spend(budget, STEP_COST)?;
            arrival[place] = by;
            if ports.contains(&core) {
                return Some(self.corners(&arrival, core));
            }
            let turns = (0..STEPS.len() as u8).filter(|&step| step != by);
            for step in turns.chain((by < BEGIN).then_some(by)) {
                let Some(next) = self.beside(core, step) else { continue };
                let place = self.place(next);
                if arrival[place] == UNSEEN && self.free[place] & bit != 0 {
                    put(&mut queue, next, hops + 1, step);
                }
            }
        }
        None
    }

    /// The next router in a direction, if it is in the window.
    fn beside(&self, core: Core, step: u8) -> Option<Core> {
        let (dx, dy) = STEPS[usize::from(step)];
        let next = Core { x: core.x.checked_add_signed(dx)?, y: core.y.checked_add_signed(dy)? };
        self.rect.contains(next).then_some(next)
    }

    /// The turns of the way to `end`, its ends included.
    fn corners(&self, arrival: &[u8], end: Core) -> Vec<Core> {
        let mut corners = vec![end];
        let mut at = end;
        let mut by = arrival[self.place(at)];
        while let Some(&(dx, dy)) = STEPS.get(usize::from(by)) {
            at = Core { x: at.x.wrapping_add_signed(-dx), y: at.y.wrapping_add_signed(-dy) };
            let before = arrival[self.place(at)];
            if before != by {
                corners.push(at);
            }
            by = before;
        }
        corners.reverse();
        corners
    }
}
