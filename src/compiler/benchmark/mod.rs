//! The placement benchmark of ISPD 2020: kernels of a `.kgraph` file on an area of cores, with their execution
//! arguments chosen so that the slowest kernel is fast and connected kernels are near.
//!
//! This is the glue between the reader of graphs (`workload::import::kgraph`), the kernels' formulas ([`kernels`]) and the
//! floorplanner, which knows nothing of convolutions. [`judge`](mod@judge) scores any placement, ours or another's, from
//! the formulas alone.

mod adapters;
pub mod judge;
pub mod kernels;
pub mod paint;

use std::collections::BTreeMap;

use thiserror::Error;

pub use judge::{Fault, Judgement, judge};
pub use kernels::{Arguments, Kernel, Performance, Shaper};

use crate::compiler::floorplan::{self, Block, Budget, Objective, Problem, Progress, Shapes, Watch, Wire, bound};
use crate::hardware::Rect;
use crate::workload::import::kgraph::{KernelGraph, Statement};

/// Longest time on one core that is counted, in ticks.
const TICKS_MAX: u64 = 1 << 50;
/// Share of the budget that the search for boxes gets where adapters are looked at afterwards.
const SEARCH_SHARE: f64 = 0.95;

/// Why a graph has no placement: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BenchmarkError {
    #[error("line {line}: {kernel} has too much work to count ({what})")]
    TooLarge { line: usize, kernel: String, what: &'static str },
    #[error("line {line}: {kernel} fits into {width} × {height} cores with no execution arguments, however slow")]
    NoShape { line: usize, kernel: String, width: u32, height: u32 },
    #[error("{kernels} kernels need more than {width} × {height} cores together, however slow they are")]
    NoRoom { kernels: usize, width: u32, height: u32 },
    #[error("no placement of the {kernels} kernels was found on {width} × {height} cores")]
    NotFound { kernels: usize, width: u32, height: u32 },
}

/// A kernel that is to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    /// Position in [`Benchmark::shapers`].
    pub kind: usize,
}

/// A kernel with its execution arguments and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub arguments: Arguments,
    /// North-west corner, in cores.
    pub x: u32,
    pub y: u32,
    /// Turned by 90 or 270 degrees: width and height exchanged.
    pub turned: bool,
}

/// A problem of the benchmark: the kernels of a graph without its ends.
#[derive(Clone, Debug)]
pub struct Benchmark {
    pub statement: Statement,
    pub parts: Vec<Part>,
    /// One for each kind of kernel: equal formal arguments are one kind.
    pub shapers: Vec<Shaper>,
    /// Connections between kernels, by their position in [`Self::parts`]; those of inputs and outputs do not count.
    pub edges: Vec<[usize; 2]>,
    /// Ticks in one unit of time, so that all times are whole.
    pub ticks_per_unit: u64,
}

/// What no placement can beat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// In ticks.
    pub ticks: u64,
    /// In units of the score.
    pub score: f64,
}

impl Benchmark {
    /// Prepares a graph.
    ///
    /// # Errors
    /// If a kernel has no shape on the area, or more work than can be counted.
    pub fn new(graph: &KernelGraph) -> Result<Self, BenchmarkError> {
        let mut parts = Vec::new();
        let mut part_of = vec![None; graph.nodes.len()];
        let mut kernels: Vec<(Kernel, usize)> = Vec::new();
        let mut kind_of: BTreeMap<Kernel, usize> = BTreeMap::new();
        let mut ticks_per_unit = 1;
        for (index, node) in graph.nodes.iter().enumerate() {
            let Some(kernel) = Kernel::of(node.kind) else { continue };
            let too_large = |what| BenchmarkError::TooLarge { line: node.line, kernel: node.name.clone(), what };
            ticks_per_unit = kernels::least_common_multiple(ticks_per_unit, kernel.ticks_per_unit());
            if ticks_per_unit > 1 << 20 {
                return Err(too_large("its strides and those before have no common unit of time below 2^20"));
            }
            let serial = kernel.serial_time().and_then(|time| time.checked_mul(ticks_per_unit));
            if serial.is_none_or(|serial| serial > TICKS_MAX) {
                return Err(too_large("the product of its arguments"));
            }
            let kind = *kind_of.entry(kernel).or_insert_with_key(|kernel| {
                kernels.push((kernel.clone(), index));
                kernels.len() - 1
            });
            part_of[index] = Some(parts.len());
            parts.push(Part { name: node.name.clone(), kind });
        }
        let statement = graph.statement.clone();
        let side = statement.width.max(statement.height);
        let mut shapers = Vec::with_capacity(kernels.len());
        for (kernel, index) in kernels {
            let shaper = Shaper::new(kernel, ticks_per_unit, statement.memory_limit, side);
            let curve = shaper.curve(shaper.slowest_ticks(), side);
            if curve.corners(statement.width, statement.height).next().is_none() {
                let node = &graph.nodes[index];
                let (width, height) = (statement.width, statement.height);
                return Err(BenchmarkError::NoShape { line: node.line, kernel: node.name.clone(), width, height });
            }
            shapers.push(shaper);
        }
        let edges = graph.edges.iter().filter_map(|edge| Some([part_of[edge.from]?, part_of[edge.to]?])).collect();
        Ok(Self { statement, parts, shapers, edges, ticks_per_unit })
    }

    /// The same as rectangles and wires.
    pub fn problem(&self, objective: Objective) -> Problem<'_> {
        Problem {
            width: self.statement.width,
            height: self.statement.height,
            kinds: self.shapers.iter().map(|shaper| shaper as &dyn Shapes).collect(),
            blocks: self.parts.iter().map(|part| Block::free(part.kind)).collect(),
            wires: self.edges.iter().map(|&[from, to]| Wire { from, to, weight: 1 }).collect(),
            obstacles: Vec::new(),
            tick_price: self.statement.time_weight / self.ticks_per_unit as f64,
            wire_price: self.statement.wire_weight,
            objective,
        }
    }

    /// Lower bounds of time and score. Adapters are left out of the score's: they can only add to it.
    ///
    /// # Errors
    /// If the kernels do not fit together at any time.
    pub fn bounds(&self) -> Result<Bounds, BenchmarkError> {
        let problem = self.problem(Objective::Score);
        let ticks = bound::least_ticks(&problem).ok_or_else(|| self.no_room())?;
        Ok(Bounds { ticks, score: bound::least_score(&problem, ticks) })
    }

    /// Places all kernels; also how many moves were tried.
    ///
    /// # Errors
    /// If no placement was found within the budget.
    pub fn place(
        &self,
        objective: Objective,
        budget: Budget,
        seed: u64,
        watch: &mut Watch<'_>,
    ) -> Result<(Vec<Placed>, u64), BenchmarkError> {
        let problem = self.problem(objective);
        let adapters = self.statement.adapter_weight > 0.0;
        let share = if adapters { SEARCH_SHARE } else { 1.0 };
        let mut last = Progress { moves: 0, phase: "adapters", temperature: 0.0, best: None };
        let mut watch_search = |progress: &Progress| {
            (last.moves, last.best) = (progress.moves, progress.best);
            watch(progress) / share
        };
        let found = floorplan::solve(&problem, budget, seed, &mut watch_search).ok_or_else(|| self.not_found())?;
        let placed = self.parts.iter().zip(&found.rects).map(|(part, rect)| self.placed(part.kind, rect, found.ticks));
        let mut placed = placed.collect::<Option<Vec<_>>>().ok_or_else(|| self.not_found())?;
        if adapters {
            placed = adapters::fewer(self, &placed, &found, objective, || watch(&last) >= 1.0);
        }
        Ok((placed, found.moves))
    }

    fn placed(&self, kind: usize, rect: &Rect, ticks: u64) -> Option<Placed> {
        let (arguments, turned) = self.shapers[kind].arguments(ticks, [rect.width, rect.height])?;
        Some(Placed { arguments, x: rect.x, y: rect.y, turned })
    }

    fn no_room(&self) -> BenchmarkError {
        let Statement { width, height, .. } = self.statement;
        BenchmarkError::NoRoom { kernels: self.parts.len(), width, height }
    }

    fn not_found(&self) -> BenchmarkError {
        let Statement { width, height, .. } = self.statement;
        BenchmarkError::NotFound { kernels: self.parts.len(), width, height }
    }

    /// Ticks as the benchmark's time.
    pub fn time(&self, ticks: u64) -> f64 {
        ticks as f64 / self.ticks_per_unit as f64
    }
}
