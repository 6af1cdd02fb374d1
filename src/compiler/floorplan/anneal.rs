//! Simulated annealing of slicing trees, with the target time as part of the state.
//!
//! The cost is the score and a price for every core by which the whole exceeds the area. About one `side`-th of the
//! time buys one core of length, so at that exchange rate a tree that is slightly too large is worth what it costs once
//! the target time has grown until it fits.

use std::sync::Arc;

use super::table::{Table, Tables};
use super::tree::{Change, Curves, Cut, NONE, Shape, Spot};
use super::{Objective, Problem};
use crate::rng::Rng;

/// Steps of the target time that are taken one by one, on the way down from a time at which a tree fits.
const STEPS_ALONE: u32 = 64;

/// A tree that fits, with its target time and score.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) shape: Shape,
    pub(super) ticks: u64,
    /// What the objective counts; smaller is better.
    pub(super) value: f64,
}

/// What one state is worth.
#[derive(Clone, Copy, Debug)]
struct Judged {
    over: u32,
    wire_halves: u64,
}

/// A state of the annealing and everything it needs to try moves quickly.
pub(super) struct Walker<'p> {
    problem: &'p Problem<'p>,
    tables: &'p Tables<'p>,
    table: Arc<Table>,
    shape: Shape,
    curves: Curves,
    rng: Rng,
    spots: Vec<Spot>,
    /// Connected blocks of each block, as ranges of `neighbours`.
    first_neighbour: Vec<u32>,
    neighbours: Vec<u32>,
    /// Smallest difference of target times.
    step: u64,
    floor: u64,
    cost: f64,
    over_price: f64,
    pub(super) moves: u64,
    pub(super) best: Option<Found>,
    dirty: Vec<u32>,
    open: Vec<(u32, [i32; 2], [i16; 2])>,
    order: Vec<u32>,
}

impl<'p> Walker<'p> {
    /// A walker at `shape` and `ticks`; `floor` is a time below which nothing fits.
    pub(super) fn new(
        tables: &'p Tables<'p>,
        problem: &'p Problem<'p>,
        shape: Shape,
        at: (u64, u64),
        rng: Rng,
    ) -> Self {
        let (ticks, floor) = at;
        let count = problem.blocks.len();
        let mut lists = vec![Vec::new(); count];
        for wire in &problem.wires {
            lists[wire.from].push(wire.to as u32);
            lists[wire.to].push(wire.from as u32);
        }
        let mut first_neighbour = vec![0];
        let mut neighbours = Vec::new();
        for list in lists {
            neighbours.extend(list);
            first_neighbour.push(neighbours.len() as u32);
        }
        let table = tables.at(ticks);
        let mut walker = Self {
            curves: Curves::new(count, tables.side),
            problem,
            tables,
            table,
            shape,
            rng,
            spots: vec![Spot::default(); count],
            first_neighbour,
            neighbours,
            step: (floor / 1_000).max(1),
            floor,
            cost: f64::INFINITY,
            over_price: 1.0,
            moves: 0,
            best: None,
            dirty: Vec::new(),
            open: Vec::new(),
            order: Vec::new(),
        };
        walker.restart();
        walker
    }

    /// Goes on from another tree.
    pub(super) fn jump(&mut self, found: &Found) {
        self.shape = found.shape.clone();
        self.table = self.tables.at(found.ticks);
        self.restart();
    }

    fn restart(&mut self) {
        self.curves.compose_all(&self.shape, &self.table, &mut self.order);
        self.set_over_price(1.0);
    }

    /// Sets what a core too many costs, as a multiple of the exchange rate between time and length.
    pub(super) fn set_over_price(&mut self, factor: f64) {
        let problem = self.problem;
        self.over_price = match problem.objective {
            Objective::Time => 1.0,
            Objective::Score => {
                let rate = problem.tick_price * self.table.ticks as f64 / f64::from(problem.side());
                factor * (rate + 2.0 * problem.wire_price)
            }
        };
        let judged = self.judge();
        self.cost = judged.map_or(f64::INFINITY, |judged| self.cost_of(judged));
        if let Some(judged) = judged {
            self.remember(judged);
        }
    }

    fn area(&self) -> [u32; 2] {
        [self.problem.width, self.problem.height]
    }

    /// Sizes and wires of the tree as it is.
    fn judge(&mut self) -> Option<Judged> {
        let area = self.area();
        let (size, over) = self.curves.size(&self.shape, &self.table, area)?;
        if over > 0 && self.problem.objective == Objective::Time {
            // Its wire decides nothing.
            return Some(Judged { over, wire_halves: 0 });
        }
        self.curves.spots(&self.shape, &self.table, size, &mut self.open, &mut self.spots);
        let mut halves = 0;
        for wire in &self.problem.wires {
            let (a, b) = (self.spots[wire.from].centre, self.spots[wire.to].centre);
            halves += u64::from(wire.weight) * u64::from(a[0].abs_diff(b[0]) + a[1].abs_diff(b[1]));
        }
        Some(Judged { over, wire_halves: halves })
    }

    fn cost_of(&self, judged: Judged) -> f64 {
        let over = f64::from(judged.over) * self.over_price;
        match self.problem.objective {
            Objective::Score => self.problem.score(self.table.ticks, judged.wire_halves) + over,
            Objective::Time => over + judged.wire_halves as f64 * 1e-7,
        }
    }

    /// Keeps the state if it fits and is the best so far.
    fn remember(&mut self, judged: Judged) {
        if judged.over > 0 {
            return;
        }
        let ticks = self.table.ticks;
        let value = value(self.problem, ticks, judged.wire_halves);
        if self.best.as_ref().is_none_or(|best| value < best.value) {
            let found = Found { shape: self.shape.clone(), ticks, value };
            self.best = Some(found);
        }
    }

    /// Tries one move and keeps it if the toss at `temperature` allows.
    pub(super) fn step(&mut self, temperature: f64) {
        self.moves += 1;
        let pace = if self.problem.blocks.len() < 40 { 40 } else { 80 };
        if self.problem.objective == Objective::Score && self.rng.below(pace) == 0 {
            self.try_time(temperature);
            return;
        }
        let Some(change) = self.propose() else { return };
        self.dirty.clear();
        let undo = self.shape.apply(change, &mut self.dirty);
        self.curves.update(&self.shape, &self.table, &self.dirty);
        if !self.accept(temperature) {
            self.dirty.clear();
            self.shape.apply(undo, &mut self.dirty);
            self.curves.revert(&self.shape);
        }
    }

    /// Judges the changed state and says whether to keep it.
    fn accept(&mut self, temperature: f64) -> bool {
        let Some(judged) = self.judge() else { return false };
        let cost = self.cost_of(judged);
        let worse = cost - self.cost;
        let kept = worse <= 0.0 || worse < -temperature * libm::log(self.rng.unit().max(1e-12));
        if kept {
            self.cost = cost;
            self.remember(judged);
        }
        kept
    }

    /// Proposes another target time, most often a near one.
    fn try_time(&mut self, temperature: f64) {
        let ticks = self.table.ticks;
        let reach = self.rng.below(8);
        let far = self.step << reach;
        let by = self.step * (1 + u64::from(self.rng.below((far / self.step).min(1 << 20) as u32)));
        let other = if self.rng.below(2) == 0 { ticks + by } else { ticks.saturating_sub(by) };
        if other < self.floor || other == ticks {
            return;
        }
        let table = self.tables.at(other);
        let before = std::mem::replace(&mut self.table, table);
        self.curves.compose_all(&self.shape, &self.table, &mut self.order);
        if !self.accept(temperature) {
            self.table = before;
            self.curves.revert(&self.shape);
        }
    }

    fn leaf(&mut self) -> u32 {
        self.rng.below(self.shape.leaves() as u32)
    }

    fn inner_node(&mut self) -> u32 {
        let leaves = self.shape.leaves() as u32;
        leaves + self.rng.below(leaves - 1)
    }

    fn any_node(&mut self) -> u32 {
        self.rng.below(2 * self.shape.leaves() as u32 - 1)
    }

    /// The leaf of a block that is connected with the block of `leaf`, or any.
    fn near(&mut self, leaf: u32) -> u32 {
        let block = self.shape.blocks[leaf as usize] as usize;
        let (from, to) = (self.first_neighbour[block], self.first_neighbour[block + 1]);
        if from == to {
            return self.leaf();
        }
        let neighbour = self.neighbours[(from + self.rng.below(to - from)) as usize];
        self.shape.leaf_of[neighbour as usize]
    }

    fn propose(&mut self) -> Option<Change> {
        if self.shape.leaves() < 2 {
            return None;
        }
        let cut = |rng: &mut Rng| if rng.below(2) == 0 { Cut::Stack } else { Cut::Beside };
        Some(match self.rng.below(100) {
            0..15 => {
                let (a, b) = (self.leaf(), self.leaf());
                if a == b {
                    return None;
                }
                Change::SwapBlocks(a, b)
            }
            15..27 => Change::Flip(self.inner_node()),
            27..37 => Change::Mirror(self.inner_node()),
            37..42 => {
                let node = self.inner_node();
                Change::MirrorAll(node, cut(&mut self.rng))
            }
            42..57 => {
                // A part and its uncle, or any two parts.
                let a = self.any_node();
                let b = if self.rng.below(2) == 0 {
                    let parent = self.shape.parents[a as usize];
                    if parent == NONE || self.shape.parents[parent as usize] == NONE {
                        return None;
                    }
                    self.shape.sibling(parent)
                } else {
                    self.any_node()
                };
                if self.shape.holds(a, b) || self.shape.holds(b, a) {
                    return None;
                }
                Change::Exchange(a, b)
            }
            _ => {
                let leaf = self.leaf();
                let mut moved = leaf;
                let mut onto = if self.rng.below(4) == 0 { self.any_node() } else { self.near(leaf) };
                while self.rng.below(3) == 0 && self.shape.parents[moved as usize] != NONE {
                    moved = self.shape.parents[moved as usize];
                }
                while self.rng.below(5) < 2 && self.shape.parents[onto as usize] != NONE {
                    onto = self.shape.parents[onto as usize];
                }
                let parent = self.shape.parents[moved as usize];
                if parent == NONE || onto == parent || self.shape.holds(moved, onto) {
                    return None;
                }
                Change::Graft { moved, onto, cut: cut(&mut self.rng), first: self.rng.below(2) == 0 }
            }
        })
    }

    /// Mean amount by which moves worsen the cost, over `tries` of them; the state stays as it is.
    pub(super) fn roughness(&mut self, tries: u32) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for _ in 0..tries {
            let Some(change) = self.propose() else { continue };
            self.dirty.clear();
            let undo = self.shape.apply(change, &mut self.dirty);
            self.curves.update(&self.shape, &self.table, &self.dirty);
            if let Some(judged) = self.judge() {
                let worse = self.cost_of(judged) - self.cost;
                if worse > 0.0 && worse.is_finite() {
                    sum += worse;
                    count += 1.0;
                }
            }
            self.dirty.clear();
            self.shape.apply(undo, &mut self.dirty);
            self.curves.revert(&self.shape);
        }
        if count > 0.0 { sum / count } else { 1.0 }
    }

    /// Whether the tree as it is fits at `ticks`; its value then.
    fn value_at(&mut self, ticks: u64) -> Option<f64> {
        self.table = self.tables.at(ticks);
        self.curves.compose_all(&self.shape, &self.table, &mut self.order);
        let judged = self.judge().filter(|judged| judged.over == 0)?;
        self.remember(judged);
        Some(value(self.problem, ticks, judged.wire_halves))
    }

    /// Lowers the target time as far as the best tree allows, to about `step` ticks; returns whether there is a tree.
    pub(super) fn tighten(&mut self, step: u64) -> bool {
        let Some(best) = self.best.clone() else { return false };
        self.jump(&best);
        // Feasibility is monotone in the target time. Most often little can be gained, so steps begin small.
        let (mut high, mut stride) = (best.ticks, step);
        let mut low = loop {
            let next = high.saturating_sub(stride);
            if next < self.floor {
                break self.floor.saturating_sub(1);
            }
            if self.value_at(next).is_none() {
                break next;
            }
            high = next;
            stride *= 2;
        };
        while high - low > step {
            let middle = low + (high - low) / 2;
            if self.value_at(middle).is_some() { high = middle } else { low = middle }
        }
        let best = self.best.clone();
        if let Some(best) = best {
            self.jump(&best);
        }
        true
    }

    /// Raises the target time until the tree as it is fits, so that it counts as found.
    pub(super) fn settle(&mut self, slowest: u64) {
        let mut stride = self.step;
        let mut ticks = self.table.ticks;
        while ticks < slowest && self.value_at(ticks).is_none() {
            ticks = ticks.saturating_add(stride).min(slowest);
            stride *= 2;
        }
        self.value_at(ticks);
        self.descend(ticks);
    }

    /// Lowers the target time from `ticks`, at which the tree fits, to the least at which it does: step by step, and
    /// with growing strides where that would take long, as times of a hostile graph lie far apart.
    fn descend(&mut self, mut ticks: u64) {
        for _ in 0..STEPS_ALONE {
            if ticks <= self.floor || self.value_at(ticks.saturating_sub(self.step)).is_none() {
                return;
            }
            ticks = ticks.saturating_sub(self.step);
        }
        let mut stride = self.step;
        let fits_below = |walker: &mut Self, ticks: u64, stride: u64| {
            ticks > walker.floor.saturating_add(stride) && walker.value_at(ticks - stride).is_some()
        };
        while fits_below(self, ticks, stride) {
            ticks -= stride;
            stride = stride.saturating_mul(2);
        }
        while stride > self.step {
            stride /= 2;
            if fits_below(self, ticks, stride) {
                ticks -= stride;
            }
        }
    }

    /// Lowers the target below what the best tree needs, as the time objective asks.
    pub(super) fn aim_below(&mut self, ticks: u64) {
        self.table = self.tables.at(ticks.max(self.floor));
        self.restart();
    }

    pub(super) fn spots(&self) -> &[Spot] {
        &self.spots
    }

    /// Smallest difference of target times while annealing, in ticks.
    pub(super) fn time_step(&self) -> u64 {
        self.step
    }

    pub(super) fn table(&self) -> &Table {
        &self.table
    }
}

/// What the objective counts: the score, or the time with the wire as a tie-break.
pub(super) fn value(problem: &Problem<'_>, ticks: u64, wire_halves: u64) -> f64 {
    match problem.objective {
        Objective::Score => problem.score(ticks, wire_halves),
        Objective::Time => ticks as f64 + 0.5 * wire_halves as f64 / (1.0 + wire_halves as f64),
    }
}
