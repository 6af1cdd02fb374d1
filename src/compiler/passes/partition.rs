//! The third pass: which kernels lie on which wafer of the row.
//!
//! The line of kernels is cut where a wafer is full: between blocks, so that what passes from wafer to wafer is the stream
//! between two blocks, or between any two kernels where that needs fewer wafers or is faster. The filling itself is done
//! while shelves are packed.

use super::{Layout, Problem, step};
use crate::compiler::{CompilerPass, Considered, Decision, Step};
use crate::units::format;

/// Kernels that should stay on one wafer: those of a block if `whole_blocks`, all others one by one.
pub(super) fn units(problem: &Problem<'_>, whole_blocks: bool) -> Vec<std::ops::Range<usize>> {
    let mut units: Vec<std::ops::Range<usize>> = Vec::new();
    for (index, kernel) in problem.kernels.iter().enumerate() {
        let joins =
            whole_blocks && kernel.block.is_some() && index > 0 && problem.kernels[index - 1].block == kernel.block;
        match units.last_mut() {
            Some(unit) if joins => unit.end = index + 1,
            _ => units.push(index..index + 1),
        }
    }
    units
}

/// States what each wafer holds.
pub(super) fn steps(problem: &Problem<'_>, layout: &Layout, steps: &mut Vec<Step>) {
    let cores = problem.device.fabric_cores();
    for wafer in 0..problem.wafers() {
        let here = |kernel: &usize| layout.sites[*kernel].is_some_and(|site| site.wafer == wafer);
        let held: Vec<usize> = (0..problem.kernels.len()).filter(here).collect();
        let (Some(&first), Some(&last)) = (held.first(), held.last()) else { continue };
        let used: u64 = held.iter().filter_map(|&kernel| layout.sites[kernel]).map(|site| site.rect.cores()).sum();
        let because = format!(
            "{} to {}: {} kernels on {} of {} cores",
            problem.label(first),
            problem.label(last),
            held.len(),
            format::grouped(used),
            format::grouped(cores),
        );
        let decision = Decision::WaferFilled {
            wafer,
            first: problem.kernels[first].op,
            last: problem.kernels[last].op,
            kernels: held.len() as u32,
        };
        let rule = if problem.wafers() == 1 {
            "one wafer holds the whole line of kernels"
        } else if layout.whole_blocks {
            "a wafer is filled in the order of flow, and blocks stay whole"
        } else {
            "a wafer is filled in the order of flow, and cut inside blocks where that is faster or needs fewer wafers"
        };
        let mut decided = step(decision, CompilerPass::Partition, because, rule);
        decided.considered = considered(problem, layout, last);
        steps.push(decided);
    }
}

/// One unit more or less on this wafer, and why not.
fn considered(problem: &Problem<'_>, layout: &Layout, last: usize) -> Vec<Considered> {
    let Some(Some(next)) = layout.sites.get(last + 1) else { return Vec::new() };
    vec![
        Considered {
            what: format!("{} here as well", problem.label(last + 1)),
            why_not: if layout.whole_blocks {
                format!("its block does not fit beside the others within {}", format::cycles(layout.target))
            } else {
                format!("it does not fit beside the others within {}", format::cycles(layout.target))
            },
            rect: Some(next.rect),
        },
        Considered {
            what: format!("{} on the next wafer", problem.label(last)),
            why_not: "the wafers behind would hold more and be slower".to_owned(),
            rect: None,
        },
    ]
}
