//! Shapes that are offered for a kernel in hand: none of them is beaten by another in width, height and time at once.

use super::tally::cost;
use crate::sim::Scene;
use crate::workload::OpId;

/// Shapes that are offered at most; more would be a list to search instead of a few to choose from.
const OFFERED_MAX: usize = 8;
/// Heights that are tried, each so much times the one before.
const LADDER: f64 = 1.25;

/// Shapes of `op` that fit the SRAM of a core, narrowest first, `own` among them whether it fits or not.
///
/// For each of a ladder of heights: the narrowest that fits, and the one with as many cores as `own`.
pub(super) fn offered(scene: &Scene, op: OpId, own: (u32, u32)) -> Vec<(u32, u32)> {
    let (columns, rows) = (scene.device.fabric_columns.value, scene.device.fabric_rows.value);
    let limit = u64::from(scene.device.sram_bytes_per_core.value);
    let fits = |shape| cost(scene, op, shape).sram_bytes_per_core <= limit;
    let cores = u64::from(own.0) * u64::from(own.1);
    let mut found = Vec::new();
    let mut height = 1;
    while height <= rows {
        if fits((columns, height)) {
            let (mut over, mut under) = (0, columns);
            while under - over > 1 {
                let middle = u32::midpoint(over, under);
                if fits((middle, height)) { under = middle } else { over = middle }
            }
            let alike = cores.div_ceil(u64::from(height)).clamp(u64::from(under), u64::from(columns)) as u32;
            found.extend([(under, height), (alike, height)]);
        }
        height = (f64::from(height) * LADDER).ceil().max(f64::from(height) + 1.0) as u32;
    }
    found.push(own);
    found.sort_unstable();
    found.dedup();
    let timed: Vec<((u32, u32), u64)> =
        found.into_iter().map(|shape| (shape, cost(scene, op, shape).cycles.0)).collect();
    let beaten = |(shape, time): &((u32, u32), u64)| {
        timed.iter().any(|(other, faster)| other != shape && other.0 <= shape.0 && other.1 <= shape.1 && faster <= time)
    };
    let kept: Vec<(u32, u32)> =
        timed.iter().filter(|timed| timed.0 == own || !beaten(timed)).map(|(shape, _)| *shape).collect();
    thinned(&kept, own)
}

/// Evenly spread ones of `shapes`, with `own` among them.
fn thinned(shapes: &[(u32, u32)], own: (u32, u32)) -> Vec<(u32, u32)> {
    if shapes.len() <= OFFERED_MAX {
        return shapes.to_vec();
    }
    let last = shapes.len() - 1;
    let mut kept: Vec<(u32, u32)> = (0..OFFERED_MAX).map(|index| shapes[index * last / (OFFERED_MAX - 1)]).collect();
    if !kept.contains(&own) {
        let nearest = (0..kept.len()).min_by_key(|&index| kept[index].0.abs_diff(own.0)).unwrap_or(0);
        kept[nearest] = own;
    }
    kept.sort_unstable();
    kept
}
