//! Reductions and broadcasts along rows and columns of cores.
//!
//! The two-tree all-reduce is the one of `WaferLLM` (OSDI 2025, section 6): every group of neighbours reduces by two
//! chains to its middle, the groups' roots reduce by two chains to the middle root, which broadcasts both ways. The
//! two-phase reduce and the single chain are those of Luczynski et al. (HPDC 2024).

use super::{Breakdown, Prices, VALUES_PER_WAVELET};

/// Group counts of `WaferLLM`'s released configurations, by cores of an axis.
const RELEASED_GROUPS: [(u32, u32); 7] = [(360, 18), (420, 20), (480, 20), (540, 20), (600, 24), (660, 22), (720, 24)];

/// How many groups an axis of `cores` is cut into: as released for this length, else the divisor nearest to the root,
/// the smaller of two that are as near.
pub fn released_groups(cores: u32) -> u32 {
    if let Some((_, groups)) = RELEASED_GROUPS.iter().find(|(length, _)| *length == cores) {
        return *groups;
    }
    let root = f64::from(cores).sqrt();
    let divisors = (1..=cores).filter(|&groups| cores.is_multiple_of(groups));
    let distance = |groups: &u32| (f64::from(*groups) - root).abs();
    divisors.min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(1)
}

/// Groups of an axis of `cores` if the last one may be shorter than the others: the rounded root.
pub fn nearest_groups(cores: u32) -> u32 {
    (f64::from(cores).sqrt().round() as u32).max(1)
}

/// Groups of an axis of any length: as [`released_groups`] unless that makes long chains, as for a prime number of cores.
pub fn groups_of(cores: u32) -> u32 {
    let (divisor, nearest) = (released_groups(cores), nearest_groups(cores));
    if divisor * 2 >= nearest && divisor <= 2 * nearest { divisor } else { nearest }
}

/// Two-tree all-reduce of `length` fp16 values over an axis of `cores` in `groups`, in cycles.
///
/// Successive all-reduces do not overlap: a core at the edge gets the broadcast half an axis late and feeds the next
/// reduction half an axis from its root, so each one costs a full axis of hops.
pub fn all_reduce(prices: &Prices, cores: u32, groups: u32, length: u64) -> Breakdown {
    let group = f64::from(cores) / f64::from(groups);
    let wavelets = length.div_ceil(VALUES_PER_WAVELET) as f64;
    let mut parts = Breakdown::default();
    // Phase 2 travels half an axis; the broadcast half an axis and half a group.
    parts.add("hops", prices.hop * (f64::from(cores) + group / 2.0));
    parts.add("stages", prices.chain_stage() * f64::from(cores / groups / 2 + groups / 2));
    // Once per phase, a second arm at both roots, and the broadcast.
    parts.add("words", 5.0 * wavelets);
    parts.add("issue", 5.0 * prices.issue + 2.0 * prices.descriptor());
    parts
}

/// Reduction of `words` fp32 values along `cores` to one end, first within groups of `group` neighbours and then from
/// group to group, in cycles; one chain if the group holds all cores.
pub fn two_phase_reduce(prices: &Prices, cores: u64, group: u64, words: u64) -> f64 {
    let (words, stage) = (words as f64, prices.chain_stage());
    if group >= cores {
        return words + stage * (cores - 1) as f64;
    }
    let groups = cores.div_ceil(group);
    let within = words + stage * (group - 1) as f64;
    // The hop is part of a stage, and here of the distance.
    let between = words + prices.hop * (cores - group) as f64 + (stage - prices.hop) * (groups - 1) as f64;
    within + between
}

/// All-reduce of one fp32 value over `columns × rows` cores as fast as trees allow, in cycles: reduce along the rows to
/// the middle column, along it to the middle core, and broadcast to all.
///
/// Trees join an odd number of neighbours from both sides at once; the best such number is taken for each axis.
pub fn scalar_all_reduce(prices: &Prices, columns: u32, rows: u32) -> f64 {
    let travel = f64::from(columns / 2 + rows / 2);
    let stages = [columns, rows].map(|cores| f64::from(fewest_stages(cores)));
    prices.hop * 2.0 * travel + prices.chain_stage() * (stages[0] + stages[1]) + 2.0 * prices.ramp
}

/// Fewest chain stages in which trees of one fan-in reduce `cores` to one.
fn fewest_stages(cores: u32) -> u32 {
    let stages = |fan_in: u32| {
        let (mut reached, mut stages) = (1_u64, 0);
        while reached < u64::from(cores) {
            reached *= u64::from(fan_in);
            stages += fan_in / 2;
        }
        stages
    };
    (3..=15).step_by(2).map(stages).min().unwrap_or(0)
}
