//! Floorplanning of abstract blocks: rectangles without overlap for kernels whose shapes can be chosen, so that the
//! slowest kernel is fast and connected kernels are near.
//!
//! Nothing here knows what a kernel computes: [`Shapes`] says which boxes hold a kernel at a target time. Where nothing
//! is in the way, [`solve`] anneals slicing trees with exact shape curves on two threads; around obstacles and kernels
//! that the user pinned, it packs with [`mod@constrained`]. There is no clock here: the caller's [`Watch`] sees
//! progress and says how much of the budget is used. With a budget in moves the result is the same on every machine.

mod anneal;
pub mod bound;
pub mod constrained;
mod curve;
mod exhaust;
mod peel;
mod polish;
mod runs;
mod search;
mod seed;
mod slide;
mod table;
mod tree;

pub use curve::Curve;
pub use search::solve;

use crate::hardware::Rect;

/// Shapes of one kind of kernel as a function of the time it may take.
///
/// Times are whole ticks of a unit that the caller chooses. A longer time never makes a shape impossible.
pub trait Shapes: Sync {
    /// All boxes up to `side` cores long that hold the kernel with at most `ticks`.
    fn curve(&self, ticks: u64, side: u32) -> Curve;

    /// Time of the kernel in its smallest box: beyond it nothing shrinks any more.
    fn slowest_ticks(&self) -> u64;

    /// Boxes `[width, height]` worth a try when centres are aligned, besides the corners of the curve.
    fn alternatives(&self, _ticks: u64, _side: u32) -> Vec<[u32; 2]> {
        Vec::new()
    }
}

/// A kernel to place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Position in [`Problem::kinds`].
    pub kind: usize,
    /// Where the user pinned it; its shape and time are the caller's business then.
    pub pinned: Option<Rect>,
    /// Where the user would like it: a distance of the centre to this area counts as wire of weight one.
    pub wish: Option<Rect>,
}

impl Block {
    /// A kernel that may go anywhere.
    pub fn free(kind: usize) -> Self {
        Self { kind, pinned: None, wish: None }
    }
}

/// A connection whose length counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Positions in [`Problem::blocks`].
    pub from: usize,
    pub to: usize,
    /// How often it counts; at least 1.
    pub weight: u32,
}

/// What the result is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// The weighted sum of time and wire.
    Score,
    /// The time of the slowest kernel; wire decides only between floorplans of the same time.
    Time,
}

/// What to place, on which area, and for which price.
pub struct Problem<'a> {
    /// Cores in a row of the area.
    pub width: u32,
    /// Cores in a column of the area.
    pub height: u32,
    pub kinds: Vec<&'a dyn Shapes>,
    pub blocks: Vec<Block>,
    pub wires: Vec<Wire>,
    /// Cores that no kernel may touch.
    pub obstacles: Vec<Rect>,
    /// Price of one tick of the slowest kernel.
    pub tick_price: f64,
    /// Price of one core of distance between centres, for a wire of weight one.
    pub wire_price: f64,
    pub objective: Objective,
}

impl Problem<'_> {
    /// Longest side of the area, in cores.
    pub(crate) fn side(&self) -> u32 {
        self.width.max(self.height)
    }

    /// Twice the weighted sum of distances between centres, in cores.
    pub fn wire_halves(&self, rects: &[Rect]) -> u64 {
        let centre = |rect: &Rect| {
            [2 * i64::from(rect.x) + i64::from(rect.width), 2 * i64::from(rect.y) + i64::from(rect.height)]
        };
        let length = |wire: &Wire| {
            let (a, b) = (centre(&rects[wire.from]), centre(&rects[wire.to]));
            u64::from(wire.weight) * (a[0].abs_diff(b[0]) + a[1].abs_diff(b[1]))
        };
        self.wires.iter().map(length).sum::<u64>() + self.wish_halves(rects)
    }

    fn wish_halves(&self, rects: &[Rect]) -> u64 {
        let away = |at: i64, from: u32, length: u32| {
            let (low, high) = (2 * i64::from(from), 2 * i64::from(from) + 2 * i64::from(length));
            (low - at).max(at - high).max(0) as u64
        };
        let wished = self.blocks.iter().zip(rects).filter_map(|(block, rect)| Some((block.wish?, rect)));
        let length = |(wish, rect): (Rect, &Rect)| {
            let x = 2 * i64::from(rect.x) + i64::from(rect.width);
            let y = 2 * i64::from(rect.y) + i64::from(rect.height);
            away(x, wish.x, wish.width) + away(y, wish.y, wish.height)
        };
        wished.map(length).sum()
    }

    /// The price of a floorplan of the score objective.
    pub fn score(&self, ticks: u64, wire_halves: u64) -> f64 {
        self.tick_price * ticks as f64 + self.wire_price * wire_halves as f64 / 2.0
    }
}

/// Where every block goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floorplan {
    /// One for each block, in order. A box of a free block lies on the curve of its kind at `ticks`, or is one of the
    /// alternatives; it may be turned.
    pub rects: Vec<Rect>,
    /// Target time that every free block meets.
    pub ticks: u64,
    /// Twice the weighted wire length, in cores.
    pub wire_halves: u64,
    /// Moves tried.
    pub moves: u64,
}

/// How far a search is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Moves tried on all threads.
    pub moves: u64,
    pub phase: &'static str,
    /// What a move may worsen the score by, about.
    pub temperature: f64,
    /// Score of the best floorplan so far, if there is one.
    pub best: Option<f64>,
}

/// What the caller wants next: the used share of its budget from 0 to 1. At 1 the search ends with what it has.
pub type Used = f64;

/// Sees the progress of a search and says how much of the budget is used.
pub type Watch<'a> = dyn FnMut(&Progress) -> Used + 'a;

/// How long to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// This many moves on all threads together; the same result on every machine. The watch can still end it.
    Moves(u64),
    /// Until the watch says so.
    Watch,
}
