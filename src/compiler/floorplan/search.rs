//! The search as a whole: seeds, rounds of annealing on two islands, exchange between rounds, and the last polish.
//!
//! Islands meet only between rounds and each counts its own moves, so a budget in moves gives the same result whatever
//! the threads do.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::anneal::{Found, Walker};
use super::table::Tables;
use super::{Budget, Floorplan, Objective, Problem, Progress, Watch, bound, constrained, exhaust, peel, polish, seed};
use crate::rng::Rng;

/// Searches that run side by side.
const ISLANDS: usize = 2;
/// Moves between two looks at the watch.
const LOOK_EVERY: u64 = 256;
/// Relative step between the target times of seeds, where it is least, and what it grows by.
const LADDER: (f64, f64) = (0.003, 1.05);
/// Widths of the beams that look for seeds, and the budget in moves from which on each is worth its time.
const BEAMS: [(usize, u64); 2] = [(8, 0), (32, 1_000_000)];
/// Share of the budget after which no more seeds are looked for.
const SEEDS_UNTIL: f64 = 0.4;
/// Seeds at most, and at most of one time.
const SEEDS_MAX: (usize, usize) = (8, 2);
/// Ends of the rounds as shares of the budget, and whether a round goes on from the best tree so far.
const ROUNDS: [(f64, bool); 7] =
    [(0.15, false), (0.3, false), (0.45, false), (0.6, false), (0.75, true), (0.88, true), (1.0, true)];

/// What all islands see.
struct Shared {
    /// Bits of the used share of the budget.
    used: AtomicU64,
    moves: AtomicU64,
    /// Bits of the best value.
    best: Mutex<Option<f64>>,
    budget: Budget,
    /// Share of the budget that the seeds took.
    began: f64,
}

impl Shared {
    /// Used share of what the seeds left of the budget.
    fn used(&self) -> f64 {
        let used = f64::from_bits(self.used.load(Ordering::Relaxed));
        (used - self.began) / (1.0 - self.began).max(f64::MIN_POSITIVE)
    }

    fn note(&self, value: f64) {
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        if best.is_none_or(|best| value < best) {
            *best = Some(value);
        }
    }

    fn best(&self) -> Option<f64> {
        *self.best.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Places all blocks; `None` if that is impossible or was not found to be possible.
///
/// With [`Budget::Moves`] the result depends on the problem, the budget and the seed only.
pub fn solve(problem: &Problem<'_>, budget: Budget, seed: u64, watch: &mut Watch<'_>) -> Option<Floorplan> {
    if problem.blocks.is_empty() {
        return Some(Floorplan { rects: Vec::new(), ticks: 0, wire_halves: 0, moves: 0 });
    }
    if !problem.obstacles.is_empty() || problem.blocks.iter().any(|block| block.pinned.is_some()) {
        return constrained::solve(problem, budget, seed, watch);
    }
    let floor = bound::least_ticks(problem)?;
    let tables = Tables::new(problem);
    let (seeds, began) = seeds(&tables, problem, floor, budget, watch);
    let first = seeds.first()?.clone();
    let shared = Shared {
        used: AtomicU64::new(began.to_bits()),
        moves: AtomicU64::new(0),
        best: Mutex::new(Some(first.value)),
        budget,
        began,
    };
    let mut best = first;
    let mut moves = 0;
    if problem.blocks.len() > 1 {
        let mut from = 0.0;
        for (round, &(until, onwards)) in ROUNDS.iter().enumerate() {
            let start = |island: usize| {
                // The tightest tree is the one to tighten further.
                let onwards = onwards || problem.objective == Objective::Time;
                if onwards { best.clone() } else { seeds[(round * ISLANDS + island) % seeds.len()].clone() }
            };
            let plan = |island: usize| Plan { start: start(island), floor, from, until, onwards, seed, round, island };
            let done = run_round(&tables, problem, &shared, [plan(0), plan(1)], watch);
            for (found, tried) in done {
                moves += tried;
                if found.value < best.value {
                    best = found;
                }
            }
            from = until;
        }
    }
    let mut rects = polish::rects(&tables, problem, &best);
    polish::polish(problem, best.ticks, &mut rects);
    let wire_halves = problem.wire_halves(&rects);
    Some(Floorplan { rects, ticks: best.ticks, wire_halves, moves })
}

/// Trees that fit, the best first, and the share of the budget that they took.
fn seeds(
    tables: &Tables<'_>,
    problem: &Problem<'_>,
    floor: u64,
    budget: Budget,
    watch: &mut Watch<'_>,
) -> (Vec<Found>, f64) {
    let order = seed::order(problem);
    let slowest = bound::slowest_ticks(problem);
    let mut found = columns(tables, problem, &order, [floor, slowest]);
    let mut used = 0.0;
    match problem.objective {
        // Not the wire but the fit makes these worth more than any column.
        Objective::Time => found.extend(exhaust::seeds(tables, problem, floor, slowest)),
        Objective::Score if order.len() > 1 && order.len() <= peel::BLOCKS_MAX => {
            for (width, from_moves) in BEAMS {
                if used < SEEDS_UNTIL && !matches!(budget, Budget::Moves(moves) if moves < from_moves) {
                    used = peeled(tables, problem, &order, [floor, slowest], width, &mut found, watch);
                }
            }
        }
        Objective::Score => {}
    }
    found.sort_by(|a, b| a.value.total_cmp(&b.value));
    let mut kept: Vec<Found> = Vec::new();
    for seed in found {
        let alike = kept.iter().filter(|other| other.ticks == seed.ticks);
        if kept.len() < SEEDS_MAX.0
            && alike.clone().count() < SEEDS_MAX.1
            && alike.clone().all(|a| a.value < seed.value)
        {
            kept.push(seed);
        }
    }
    (kept, used)
}

/// Trees in columns.
fn columns(tables: &Tables<'_>, problem: &Problem<'_>, order: &[u32], [floor, slowest]: [u64; 2]) -> Vec<Found> {
    let area = [problem.width, problem.height];
    let count = order.len();
    let most = if count > 1_000 { 4 } else { 14 };
    // For many small blocks the fewest columns would be rows of single cores.
    let fewest = (count / 200).max(1);
    let mut found = Vec::new();
    for columns in (0..most).map(|step| fewest + step * fewest).take_while(|&columns| columns <= count) {
        let table = tables.at(floor.saturating_add(floor / 50).min(slowest));
        let shape = seed::columns(order, columns, &table, area);
        let rng = Rng::substream(0, "seed");
        let mut walker = Walker::new(tables, problem, shape, (slowest, floor), rng);
        if walker.tighten(1) {
            found.extend(walker.best);
        }
    }
    found
}

/// Adds trees of few runs, at target times from the least one to where time alone costs more than the best tree.
/// Returns the used share of the budget.
fn peeled(
    tables: &Tables<'_>,
    problem: &Problem<'_>,
    order: &[u32],
    [floor, slowest]: [u64; 2],
    width: usize,
    found: &mut Vec<Found>,
    watch: &mut Watch<'_>,
) -> f64 {
    let best = |found: &[Found]| found.iter().map(|found| found.value).fold(f64::INFINITY, f64::min);
    let (mut step, growth) = LADDER;
    let mut ladder = Vec::new();
    let mut ticks = floor;
    while ticks < slowest && problem.score(ticks, 0) < best(found) {
        ticks = ticks.saturating_add(((ticks as f64 * step) as u64).max(1)).min(slowest);
        step *= growth;
        ladder.push(ticks);
    }
    // Every eighth first, so that a short search has seen all of the ladder.
    let pass = |index: usize| [8, 4, 2, 1].iter().position(|&stride| (index + 1).is_multiple_of(stride));
    let mut visits: Vec<usize> = (0..ladder.len()).collect();
    visits.sort_by_key(|&index| pass(index));
    let mut used = 0.0;
    for index in visits {
        let ticks = ladder[index];
        let known = best(found);
        let seen =
            watch(&Progress { moves: 0, phase: "seeding", temperature: 0.0, best: known.is_finite().then_some(known) });
        used = if seen.is_nan() { 1.0 } else { seen.clamp(0.0, 1.0) };
        if used >= SEEDS_UNTIL {
            break;
        }
        if problem.score(ticks, 0) >= known {
            continue;
        }
        let Some(peeler) = peel::Peeler::new(problem, order, &tables.at(ticks)) else { continue };
        for shape in peeler.trees(width, 4) {
            let mut walker = Walker::new(tables, problem, shape, (ticks, floor), Rng::substream(0, "seed"));
            walker.settle(slowest);
            walker.tighten(1);
            found.extend(walker.best);
        }
    }
    used
}

/// What one island does in one round.
struct Plan {
    start: Found,
    floor: u64,
    from: f64,
    until: f64,
    onwards: bool,
    seed: u64,
    round: usize,
    island: usize,
}

/// Runs a round on all islands; the first runs on this thread and looks at the watch.
fn run_round(
    tables: &Tables<'_>,
    problem: &Problem<'_>,
    shared: &Shared,
    plans: [Plan; ISLANDS],
    watch: &mut Watch<'_>,
) -> Vec<(Found, u64)> {
    let [first, second] = plans;
    std::thread::scope(|scope| {
        let other = scope.spawn(|| island(tables, problem, shared, &second, None));
        let mine = island(tables, problem, shared, &first, Some(watch));
        let mut done = vec![mine];
        // An island that panics is a bug; the other's result still counts.
        done.extend(other.join());
        done
    })
}

fn island(
    tables: &Tables<'_>,
    problem: &Problem<'_>,
    shared: &Shared,
    plan: &Plan,
    mut watch: Option<&mut Watch<'_>>,
) -> (Found, u64) {
    let rng = Rng::substream(plan.seed, &format!("floorplan round {} island {}", plan.round, plan.island));
    let start = plan.start.clone();
    let mut walker = Walker::new(tables, problem, start.shape.clone(), (start.ticks, plan.floor), rng);
    let rough = walker.roughness(200);
    let (hot, cold) = heat(problem, rough, plan);
    let moves_of_round = match shared.budget {
        Budget::Moves(moves) => ((plan.until - plan.from) * moves as f64 / ISLANDS as f64) as u64,
        Budget::Watch => u64::MAX,
    };
    loop {
        let share = match shared.budget {
            Budget::Moves(_) => walker.moves as f64 / moves_of_round.max(1) as f64,
            Budget::Watch => (shared.used() - plan.from) / (plan.until - plan.from),
        };
        if share >= 1.0 || shared.used() >= 1.0 {
            break;
        }
        let share = share.clamp(0.0, 1.0);
        let temperature = hot * libm::pow(cold / hot, share);
        walker.set_over_price(0.6 + 5.4 * share);
        let burst = LOOK_EVERY.min(moves_of_round - walker.moves.min(moves_of_round));
        for _ in 0..burst {
            walker.step(temperature);
        }
        if problem.objective == Objective::Time {
            lower_target(&mut walker);
        }
        let moves = shared.moves.fetch_add(burst, Ordering::Relaxed) + burst;
        if let Some(best) = &walker.best {
            shared.note(best.value);
        }
        if let Some(watch) = watch.as_deref_mut() {
            let progress = Progress { moves, phase: "annealing", temperature, best: shared.best() };
            let used = watch(&progress);
            let used = if used.is_nan() { 1.0 } else { used.clamp(0.0, 1.0) };
            shared.used.store(used.to_bits(), Ordering::Relaxed);
        }
    }
    let tried = walker.moves;
    if problem.objective == Objective::Score {
        walker.settle(bound::slowest_ticks(problem));
    }
    walker.tighten(1);
    let found = walker.best.filter(|found| found.value < start.value).unwrap_or(start);
    (found, tried)
}

/// Temperatures at the beginning and the end of a round.
fn heat(problem: &Problem<'_>, rough: f64, plan: &Plan) -> (f64, f64) {
    match problem.objective {
        Objective::Time => (if plan.onwards { 1.0 } else { 3.0 }, 0.2),
        Objective::Score => {
            // One island refines good trees, the other one looks for different ones.
            let (hot, cold) = match (plan.island, plan.onwards) {
                (0, false) => (0.01, 0.000_5),
                (0, true) => (0.006, 0.000_5),
                (_, false) => (0.15, 0.002),
                (_, true) => (0.05, 0.002),
            };
            ((rough * hot).max(1e-6), (rough * cold).max(1e-7))
        }
    }
}

/// Aims at a shorter time once the target is met.
fn lower_target(walker: &mut Walker<'_>) {
    let Some(best) = walker.best.as_ref() else { return };
    let (ticks, target) = (best.ticks, walker.table().ticks);
    if ticks <= target {
        walker.tighten(walker.time_step());
        let ticks = walker.best.as_ref().map_or(ticks, |best| best.ticks);
        walker.aim_below(ticks - walker.time_step().min(ticks));
    }
}
