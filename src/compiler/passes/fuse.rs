//! The second pass: which operators were joined with others before they became kernels.

use super::step;
use crate::compiler::{CompilerPass, Decision, Step};
use crate::workload::Graph;
use crate::workload::graph::OpKind;

/// States what is joined: a residual addition is part of the norm that reads it, so that a block needs no kernel of its
/// own for it.
pub(super) fn fuse(graph: &Graph, steps: &mut Vec<Step>) {
    let sums = graph.iter().filter(|(_, op)| matches!(op.kind, OpKind::Norm { .. }) && op.inputs.len() > 1);
    let sums: Vec<_> = sums.map(|(id, _)| id).collect();
    for fusion in &graph.fusions {
        let because = format!("{}: {}", fusion.absorbed, fusion.because);
        let decision = Decision::Fused { into: fusion.into, operators: 1 };
        steps.push(step(decision, CompilerPass::Fuse, because, "what one kernel does together is one kernel"));
    }
    let Some(&first) = sums.first() else { return };
    let because = format!("{} residual additions are part of the norm that reads the sum", sums.len());
    let decision = Decision::Fused { into: first, operators: sums.len() as u32 };
    steps.push(step(
        decision,
        CompilerPass::Fuse,
        because,
        "an addition costs less in its reader than on cores of its own",
    ));
}
