//! The floorplanner beside the shelves: the kernels of a wafer as blocks of [`floorplan`], the layout of the shorter run
//! is taken.
//!
//! What is sure to be good is only the run itself, so both layouts are routed, and [`run_time`] decides. The floorplanner
//! aims at it with two prices: of time, by how often the slowest kernel is waited for, and of wire, by the cycles of a
//! hop. What a kernel is busy with includes handing its result on, which the shelves do not weigh. Kernels that the user placed and cores that are lost are in its way; kernels that exchange data with another
//! wafer would like to be at the rim that it comes through. Which wafer holds what is left to the shelves.

use std::collections::BTreeMap;

use super::place::Neighbours;
use super::staircase::{Kind, Staircase};
use super::{Layout, Problem, Site, assemble, route, run_time};
use crate::compiler::floorplan::{self, Block, Budget, Objective, Progress, Shapes, Wire};
use crate::compiler::{Program, Schedule, pace};
use crate::hardware::Rect;

/// Moves that a compilation tries by itself, for a wafer of one kernel; a wafer of more gets its part, in these limits.
const MOVES: u64 = 400_000;
const MOVES_RANGE: [u64; 2] = [2_000, 8_000];
/// Packings that it tries around obstacles and pinned kernels instead; each takes as many moves as kernels are free.
const PACKINGS: u64 = 30;
/// Kernels of one wafer that are floorplanned at most: a move costs more with each.
const KERNELS_MAX: usize = 400;
/// Wafers that are not alike and are floorplanned at most.
const WAFERS_MAX: usize = 6;
/// Target times from the floor to the slowest kernel on shelves.
const TICKS: u64 = 1_000;
/// How much longer a kernel may take a micro-batch in than on the shelves, round by round: the less, the taller it is.
const PROMISES: [f64; 4] = [1.5, 1.0, 2.5, 4.0];
/// Share of the wafer's cores that may be left to lost ones without packing around each of them.
const RIM_MAX: f64 = 0.02;

/// A longer search than compiling makes by itself, and who watches it.
pub struct Search<'a> {
    /// Moves on all wafers together; `None` goes on until the watch ends it.
    pub moves: Option<u64>,
    /// Sees how far it is; returns whether to end it with what it has.
    pub watch: &'a mut dyn FnMut(&Thought<'_>) -> bool,
}

/// How far a search is.
#[derive(Clone, Copy, Debug)]
pub struct Thought<'a> {
    pub phase: &'static str,
    /// Moves tried so far.
    pub moves: u64,
    /// ANALYTIC time of a run on the best layout so far, in cycles, and on the shelves.
    pub best: u64,
    pub shelves: u64,
    /// The best layout so far, if it is another than the last time.
    pub layout: Option<&'a [(u32, Rect)]>,
}

/// Which of two layouts was taken, and what the other one would have given.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub floorplan: bool,
    pub moves: u64,
    pub taken: Outcome,
    /// What the layout that was not taken comes to, or why there is none.
    pub other: Result<Outcome, String>,
}

/// What a layout comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// ANALYTIC time of the whole run, in cycles.
    pub run: u64,
    pub pace: u64,
    pub hops: u64,
    /// Streams on one wafer for which no way was found.
    pub unrouted: usize,
}

/// The better of `shelves` and what the floorplanner finds.
pub(super) fn beside(
    problem: &Problem<'_>,
    shelves: Layout,
    floor: Option<u64>,
    search: Option<Search<'_>>,
) -> (Layout, Option<Choice>) {
    let free = (0..problem.kernels.len()).any(|kernel| problem.pin(kernel).is_none());
    let (Some(floor), true, true) = (floor, free, shelves.placed() == problem.kernels.len()) else {
        return (shelves, None);
    };
    let known = outcome(problem, &shelves);
    let (found, moves) = match Planner::new(problem, &shelves, floor, known) {
        Ok(planner) => planner.search(search),
        Err(why) => (Err(why), 0),
    };
    match found {
        Ok((layout, outcome)) if outcome.is_better_than(&known) => {
            (layout, Some(Choice { floorplan: true, moves, taken: outcome, other: Ok(known) }))
        }
        other => {
            let other = other.map(|(_, outcome)| outcome);
            (shelves, Some(Choice { floorplan: false, moves, taken: known, other }))
        }
    }
}

impl Outcome {
    fn is_better_than(&self, other: &Self) -> bool {
        (self.unrouted, self.run) < (other.unrouted, other.run)
    }
}

/// What a whole layout comes to once its streams are routed.
fn outcome(problem: &Problem<'_>, layout: &Layout) -> Outcome {
    let mut program = assemble(problem, layout, Vec::new());
    route::route(problem, &mut program);
    let wafer = |kernel: crate::compiler::KernelId| program.regions[kernel.0 as usize].wafer;
    let stays = |program: &Program| {
        program.routes.iter().filter(|route| wafer(route.from) == wafer(route.to) && route.colour.is_none()).count()
    };
    Outcome {
        run: run_time(&program).0,
        pace: pace(&program).1.0,
        hops: program.routes.iter().map(|route| u64::from(route.hops)).sum(),
        unrouted: stays(&program),
    }
}

/// The part of the problem that lies on one wafer, or on several that are alike.
struct Wafer {
    /// Kernels of each of the wafers, in the order of flow.
    kernels: Vec<(u32, Vec<usize>)>,
    blocks: Vec<Block>,
    wires: Vec<Wire>,
    width: u32,
    obstacles: Vec<Rect>,
}

/// The search, with everything that does not change from round to round.
struct Planner<'a> {
    problem: &'a Problem<'a>,
    shelves: &'a Layout,
    /// What the shelves come to.
    known: Outcome,
    wafers: Vec<Wafer>,
    /// Time of a tick, and the times between which boxes are told apart, in cycles.
    tick: u64,
    times: [u64; 2],
    tick_price: f64,
    wire_price: f64,
}

impl<'a> Planner<'a> {
    fn new(problem: &'a Problem<'a>, shelves: &'a Layout, floor: u64, known: Outcome) -> Result<Self, String> {
        let wafers = wafers(problem, shelves);
        if let Some(most) = wafers.iter().map(|wafer| wafer.blocks.len()).max().filter(|&count| count > KERNELS_MAX) {
            return Err(format!("{most} kernels on one wafer are more than it tries, {KERNELS_MAX}"));
        }
        if wafers.len() > WAFERS_MAX {
            let count = wafers.len();
            return Err(format!("{count} wafers with other kernels on each are more than it tries, {WAFERS_MAX}"));
        }
        // A little slower than the shelves is worth a look where it saves wire.
        let highest = known.pace.saturating_add(known.pace / 20).max(floor + 1);
        let tick = ((highest - floor) / TICKS).max(1);
        let kernels = problem.kernels.len() as f64;
        let all: u64 = (0..problem.kernels.len())
            .filter_map(|kernel| Some(problem.shape(kernel, shelves.sites[kernel]?.rect).cycles.0))
            .fold(0, u64::saturating_add);
        // The first micro-batch waits for every kernel, all others for the slowest one.
        let behind = known.run.saturating_sub(all) as f64 / known.pace.max(1) as f64;
        let hop = f64::from(problem.device.hop_cycles.value);
        Ok(Self {
            problem,
            shelves,
            known,
            wafers,
            tick,
            times: [floor, highest],
            tick_price: tick as f64 * (behind + all as f64 / known.pace.max(1) as f64),
            // A hop counts once for the first micro-batch, and for the others in the slowest kernel alone: on its way in
            // and on its way out.
            wire_price: hop * (1.0 + 2.0 * behind / kernels.max(1.0)),
        })
    }

    /// The best layout of all rounds, or why there is none; also the moves that were tried.
    fn search(&self, mut search: Option<Search<'_>>) -> (Result<(Layout, Outcome), String>, u64) {
        let mut best: Option<(Layout, Outcome)> = None;
        let (mut moves, mut round, mut ended) = (0, 0_u64, false);
        let shelves = self.known.run;
        while !ended {
            // The first round is that of a compilation by itself; every other one is twice as long as the one before.
            let longest = self.moves() << round.min(12);
            let limit = search.as_ref().and_then(|search| search.moves);
            let budget = limit.map_or(longest, |limit| limit.saturating_sub(moves).min(longest));
            let best_run = best.as_ref().map_or(shelves, |(_, outcome)| outcome.run.min(shelves));
            let mut watch = |phase: &'static str, tried: u64| {
                if let Some(search) = &mut search {
                    let moves = moves + tried;
                    ended |= (search.watch)(&Thought { phase, moves, best: best_run, shelves, layout: None });
                }
                ended
            };
            let (found, tried) = self.round(budget, round, &mut watch);
            moves += tried.max(1);
            round += 1;
            let found = found.map(|layout| (outcome(self.problem, &layout), layout));
            let Some(search) = &mut search else {
                best = found.map(|(outcome, layout)| (layout, outcome));
                break;
            };
            if let Some((outcome, layout)) = found
                && best.as_ref().is_none_or(|(_, held)| outcome.is_better_than(held))
            {
                if outcome.is_better_than(&self.known) {
                    let sites = layout.sites.iter().flatten().map(|site| (site.wafer, site.rect));
                    let sites: Vec<(u32, Rect)> = sites.collect();
                    let phase = "routing what was found";
                    let layout = Some(sites.as_slice());
                    ended |= (search.watch)(&Thought { phase, moves, best: outcome.run, shelves, layout });
                }
                best = Some((layout, outcome));
            }
            ended |= search.moves.is_some_and(|limit| moves >= limit);
        }
        (best.ok_or_else(|| "it found no way to place all kernels".to_owned()), moves)
    }

    /// Moves of a compilation by itself.
    fn moves(&self) -> u64 {
        let kernels = self.wafers.iter().map(|wafer| wafer.blocks.len() as u64).max().unwrap_or(1);
        let moves = (MOVES / kernels.max(1)).clamp(MOVES_RANGE[0], MOVES_RANGE[1]);
        let free = self.wafers.iter().map(Wafer::free).max().unwrap_or(0);
        if self.wafers.iter().any(Wafer::is_obstructed) { moves.min(PACKINGS * free) } else { moves }
    }

    /// Floorplans every wafer once, each with its share of the moves. `None` if one of them found no room; also the moves.
    fn round(&self, moves: u64, round: u64, watch: &mut dyn FnMut(&'static str, u64) -> bool) -> (Option<Layout>, u64) {
        let share = (moves / self.wafers.len().max(1) as u64).max(1);
        let (kinds, kind_of) = kinds(self.problem, self.shelves, PROMISES[round as usize % PROMISES.len()]);
        let staircase = |kind: &Kind| {
            let form = &self.problem.forms[kind.form];
            Staircase::new(&self.problem.library, form, kind, self.times, self.tick)
        };
        let staircases: Vec<Staircase> = kinds.iter().map(staircase).collect();
        let mut layout = self.shelves.clone();
        let mut tried = 0;
        for wafer in &self.wafers {
            let mut own = |phase: &'static str, moves: u64| watch(phase, tried + moves);
            let Some((rects, moves)) = self.plan(wafer, (&staircases, &kind_of), share, round, &mut own) else {
                return (None, tried + share);
            };
            tried += moves;
            for (number, kernels) in &wafer.kernels {
                for (&kernel, rect) in kernels.iter().zip(&rects) {
                    layout.sites[kernel] = Some(Site { wafer: *number, rect: *rect });
                }
            }
        }
        layout.target = layout.slowest(self.problem);
        (Some(layout), tried)
    }

    /// Floorplans one wafer, turned by a quarter: the floorplanner begins with columns, and what flows here lies in bands
    /// of rows, since tall kernels take their inputs in over many rows at once.
    fn plan(
        &self,
        wafer: &Wafer,
        (staircases, kind_of): (&[Staircase], &[usize]),
        moves: u64,
        round: u64,
        watch: &mut dyn FnMut(&'static str, u64) -> bool,
    ) -> Option<(Vec<Rect>, u64)> {
        let block = |(block, &kernel): (&Block, &usize)| Block {
            kind: kind_of[kernel],
            pinned: block.pinned.map(turned),
            wish: block.wish.map(turned),
        };
        let problem = floorplan::Problem {
            width: self.problem.device.fabric_rows.value,
            height: wafer.width,
            kinds: staircases.iter().map(|staircase| staircase as &dyn Shapes).collect(),
            blocks: wafer.blocks.iter().zip(&wafer.kernels[0].1).map(block).collect(),
            wires: wafer.wires.clone(),
            obstacles: wafer.obstacles.iter().copied().map(turned).collect(),
            tick_price: self.tick_price,
            wire_price: self.wire_price,
            objective: Objective::Score,
        };
        let mut looks = 0_u32;
        let mut watch = |progress: &Progress| {
            let ended = watch(progress.phase, progress.moves);
            looks += 1;
            match progress.phase {
                _ if ended => 1.0,
                // Trees of a few runs take longer than all else of a short search; a long one looks at some.
                "seeding" if round == 0 => 0.5,
                "seeding" => f64::from(looks) * 0.02,
                _ => 0.0,
            }
        };
        let plan = floorplan::solve(&problem, Budget::Moves(moves), 1 + round, &mut watch)?;
        Some((plan.rects.into_iter().map(turned).collect(), plan.moves))
    }
}

/// The same cores with columns for rows.
fn turned(rect: Rect) -> Rect {
    Rect { x: rect.y, y: rect.x, width: rect.height, height: rect.width }
}

impl Wafer {
    /// Kernels that are not pinned.
    fn free(&self) -> u64 {
        self.blocks.iter().filter(|block| block.pinned.is_none()).count() as u64
    }

    fn is_obstructed(&self) -> bool {
        !self.obstacles.is_empty() || self.blocks.iter().any(|block| block.pinned.is_some())
    }
}

/// What is asked of the boxes of each kernel, and which of these it is.
///
/// A kernel is busy until the next one has taken its result over, which takes as long as that one has few rows. So every
/// kernel is promised that this takes no longer than `promise` times what it does on the shelves, and the next one is held
/// to it.
fn kinds(problem: &Problem<'_>, shelves: &Layout, promise: f64) -> (Vec<Kind>, Vec<usize>) {
    let mut program = assemble(problem, shelves, Vec::new());
    route::price_straight(problem, &mut program);
    let Schedule::Pipeline { stages, .. } = &program.schedule else { return Default::default() };
    // The least height that keeps the promise, and the time to take a micro-batch in there.
    let promised = |kernel: usize| {
        let form = problem.form(kernel);
        let height = shelves.sites[kernel].map_or(1, |site| site.rect.height.min(problem.library.side_max(form).1));
        let longest = (problem.library.receive(form, height).0 as f64 * promise) as u64;
        let (mut over, mut under) = (0, height.max(1));
        while under - over > 1 {
            let middle = u32::midpoint(over, under);
            if problem.library.receive(form, middle).0 <= longest { under = middle } else { over = middle }
        }
        (under, problem.library.receive(form, under).0)
    };
    let link = |kernel: usize| {
        let own =
            shelves.sites[kernel].map_or(0, |site| problem.library.receive(problem.form(kernel), site.rect.height).0);
        let taken = stages[kernel].receive.0;
        if taken > own { taken } else { 0 }
    };
    let mut known: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut kinds = Vec::new();
    let kind_of = (0..problem.kernels.len()).map(|kernel| {
        let next = (kernel + 1 < problem.kernels.len()).then_some(kernel + 1);
        let kind = Kind {
            form: problem.kernels[kernel].form,
            handing_on: next.map(|next| promised(next).1.max(link(next))),
            link: link(kernel),
            height_min: promised(kernel).0,
        };
        *known.entry(kind).or_insert_with(|| {
            kinds.push(kind);
            kinds.len() - 1
        })
    });
    let kind_of = kind_of.collect();
    (kinds, kind_of)
}

/// The wafers of a layout; those with the same kernels in the same order, and nothing pinned, once.
fn wafers(problem: &Problem<'_>, layout: &Layout) -> Vec<Wafer> {
    let neighbours = Neighbours::new(problem);
    let (columns, rows) = (problem.device.fabric_columns.value, problem.device.fabric_rows.value);
    let (width, obstacles) = lost(problem);
    let mut by_wafer: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    let mut local = vec![0; layout.sites.len()];
    for (kernel, site) in layout.sites.iter().enumerate() {
        let Some(site) = site else { continue };
        let here = by_wafer.entry(site.wafer).or_default();
        local[kernel] = here.len();
        here.push(kernel);
    }
    let wafer_of = |kernel: usize| layout.sites[kernel].map(|site| site.wafer);
    let mut found: Vec<Wafer> = Vec::new();
    for (wafer, kernels) in by_wafer {
        let mut wires = Vec::new();
        let block = |&kernel: &usize| {
            let mut block = Block::free(problem.kernels[kernel].form);
            block.pinned = problem.pin(kernel).map(|site| site.rect);
            let mut comes = kernel == 0;
            for &maker in neighbours.makers(kernel) {
                if wafer_of(maker) == Some(wafer) {
                    wires.push(Wire { from: local[maker], to: local[kernel], weight: 1 });
                } else {
                    comes = true;
                }
            }
            let leaves = neighbours.readers(kernel).iter().any(|&reader| wafer_of(reader) != Some(wafer));
            let rim = |x| Rect { x, y: 0, width: 1, height: rows };
            block.wish = match (comes, leaves) {
                (true, _) => Some(rim(0)),
                (false, true) => Some(rim(columns.min(width) - 1)),
                (false, false) => None,
            };
            block
        };
        let blocks: Vec<Block> = kernels.iter().map(block).collect();
        let alike = |held: &&mut Wafer| held.blocks == blocks && held.wires == wires;
        match found.iter_mut().find(alike) {
            Some(held) => held.kernels.push((wafer, kernels)),
            None => found.push(Wafer {
                kernels: vec![(wafer, kernels)],
                blocks,
                wires,
                width,
                obstacles: obstacles.clone(),
            }),
        }
    }
    found
}

/// The columns that are whole on every row, if that is nearly all; else all columns, with what is lost as obstacles.
fn lost(problem: &Problem<'_>) -> (u32, Vec<Rect>) {
    let (columns, rows) = (problem.device.fabric_columns.value, problem.device.fabric_rows.value);
    if problem.defects.lost_count() == 0 {
        return (columns, Vec::new());
    }
    let whole = (0..rows).map(|y| problem.defects.placed_columns(y)).min().unwrap_or(columns);
    if f64::from(whole) >= f64::from(columns) * (1.0 - RIM_MAX) {
        return (whole, Vec::new());
    }
    let mut obstacles: Vec<Rect> = Vec::new();
    for y in 0..rows {
        let x = problem.defects.placed_columns(y);
        match obstacles.last_mut() {
            Some(last) if last.x == x && last.bottom() == y => last.height += 1,
            _ if x < columns => obstacles.push(Rect { x, y, width: columns - x, height: 1 }),
            _ => {}
        }
    }
    (columns, obstacles)
}
