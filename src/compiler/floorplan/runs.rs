//! Annealing of floorplans that are a few runs of bars: better trees to begin with than a beam finds.
//!
//! A floorplan is a division of the order into runs, the order in which they are peeled off the area, and how each lies.
//! Whole runs move at once here, which would take a tree many changes through worse floorplans.

use super::peel::{Partial, Peeler, Run, distance};
use crate::rng::Rng;

/// Runs at most.
const RUNS_MAX: usize = 10;
/// What a core too many costs, in half cores of wire, at the beginning and at the end.
const OVER_PRICE: [f64; 2] = [8.0, 60.0];
/// Temperatures at the beginning and at the end, in half cores of wire.
const TEMPERATURE: [f64; 2] = [150.0, 4.0];

/// The floorplan with the least wire that was found from `start`, or without it from a single run: the runs in the order
/// in which they are peeled; `None` if none fits.
pub(super) fn anneal(peeler: &Peeler<'_>, start: Option<&[Run]>, moves: usize, rng: &mut Rng) -> Option<Vec<Run>> {
    let count = peeler.count();
    let whole = Run { from: 0, to: count, beside: false, first: true, lengthwise: true, rising: true, thick: 0 };
    let mut runs = start.map_or_else(|| vec![whole], <[Run]>::to_vec);
    let mut partial = peeler.start();
    let mut best: Option<(u64, Vec<Run>)> = None;
    let mut now = lay(peeler, &mut runs, &mut partial);
    for step in 0..moves {
        let share = step as f64 / moves as f64;
        let price = OVER_PRICE[0] + (OVER_PRICE[1] - OVER_PRICE[0]) * share;
        let temperature = TEMPERATURE[0] * libm::pow(TEMPERATURE[1] / TEMPERATURE[0], share);
        let mut tried = runs.clone();
        change(&mut tried, rng);
        let Some(next) = lay(peeler, &mut tried, &mut partial) else { continue };
        let cost = |(halves, over): (u64, u32)| halves as f64 + price * f64::from(over);
        let worse = now.map_or(-1.0, |now| cost(next) - cost(now));
        if worse <= 0.0 || worse < -temperature * libm::log(rng.unit().max(1e-12)) {
            runs = tried;
            now = Some(next);
            if next.1 == 0 && best.as_ref().is_none_or(|best| next.0 < best.0) {
                best = Some((next.0, runs.clone()));
            }
        }
    }
    best.map(|(_, runs)| runs)
}

/// Lays runs in the order given, the last one lengthwise. Twice the wire, and by how much the last run is too
/// thick; `None` if an earlier one does not fit. `partial` is working memory.
fn lay(peeler: &Peeler<'_>, runs: &mut [Run], partial: &mut Partial) -> Option<(u64, u32)> {
    partial.origin = [0, 0];
    partial.size = peeler.area;
    let last = runs.len() - 1;
    let mut over = 0;
    for (index, run) in runs.iter_mut().enumerate() {
        let across = usize::from(!run.beside);
        let (length, room) = (partial.size[1 - across], partial.size[across]);
        if index == last {
            run.lengthwise = true;
        }
        run.thick = if run.lengthwise {
            peeler.thickness(length, run.from, run.to)
        } else {
            peeler.least_bar(run.from, run.to, length, room)
        };
        if index == last && run.thick > room {
            over = run.thick - room;
            if over > room / 2 + 50 {
                return None;
            }
            partial.size[across] = run.thick;
        } else if index < last && run.thick >= room {
            return None;
        }
        let mut centres = std::mem::take(&mut partial.centres);
        peeler.centres(partial, *run, |position, centre| centres[position] = centre);
        partial.centres = centres;
        partial.size[across] -= run.thick;
        if run.first {
            partial.origin[across] += run.thick;
        }
    }
    let mut halves = 0;
    for (position, wires) in peeler.wires.iter().enumerate() {
        for &(other, weight) in wires.iter().filter(|&&(other, _)| other < position) {
            halves += weight * distance(partial.centres[position], partial.centres[other]);
        }
    }
    Some((halves, over))
}

/// Changes the runs at random; together they remain the whole order.
fn change(runs: &mut Vec<Run>, rng: &mut Rng) {
    let count = runs.len();
    let at = rng.below(count as u32) as usize;
    match rng.below(10) {
        0..4 => {
            // Moves the border to the next run.
            let Some(next) = runs.iter().position(|run| run.from == runs[at].to) else { return };
            let reach_max = 1 << rng.below(5);
            let reach = 1 + rng.below(reach_max) as usize;
            let border = runs[at].to;
            let moved = if rng.below(2) == 0 { border + reach } else { border.saturating_sub(reach) };
            if moved > runs[at].from && moved < runs[next].to {
                runs[at].to = moved;
                runs[next].from = moved;
            }
        }
        4 => {
            let other = rng.below(count as u32) as usize;
            runs.swap(at, other);
        }
        5 => runs[at].beside ^= true,
        6 => runs[at].first ^= true,
        7 => runs[at].rising ^= true,
        8 => {
            runs[at].lengthwise ^= true;
            if rng.below(2) == 0 {
                runs[at].beside ^= true;
            }
        }
        _ if rng.below(2) == 0 && count < RUNS_MAX => {
            let Run { from, to, .. } = runs[at];
            if to - from > 1 {
                let middle = from + 1 + rng.below((to - from - 1) as u32) as usize;
                let second = Run { from: middle, ..runs[at] };
                runs[at].to = middle;
                runs.insert(rng.below(count as u32 + 1) as usize, second);
            }
        }
        _ => {
            let Some(next) = runs.iter().position(|run| run.from == runs[at].to) else { return };
            runs[at].to = runs[next].to;
            runs.remove(next);
        }
    }
}
