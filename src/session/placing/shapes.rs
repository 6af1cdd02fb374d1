//! Shapes that are offered for a kernel in hand: none of them is beaten by another in width, height and time at once.

use crate::compiler;
use crate::sim::Scene;
use crate::workload::OpId;

/// Shapes that are offered at most; more would be a list to search instead of a few to choose from.
const OFFERED_MAX: usize = 8;
/// Shapes of `op` from the kernel library, narrowest first, and `own` among them whether it fits the SRAM or not.
pub(super) fn offered(scene: &Scene, op: OpId, own: (u32, u32)) -> Vec<(u32, u32)> {
    let all = compiler::shapes_of(&scene.graph, &scene.device, &scene.program.job, op);
    let mut found: Vec<(u32, u32)> = all.iter().map(|shape| (shape.width, shape.height)).collect();
    found.push(own);
    found.sort_unstable();
    found.dedup();
    thinned(&found, own)
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
