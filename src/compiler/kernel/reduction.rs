//! Kernels that need sums over the whole width of a position: norms, and the softmax of a loss.
//!
//! Rows share the width, columns the positions; each column sums over its rows.

use super::{Cut, Form};
use crate::compiler::cost::{Cost, CostModel};
use crate::units::Cycles;
use crate::workload::OpKind;

/// The elements of one core and two reductions over its column, of one value a position: mean and variance of a norm,
/// maximum and sum of a softmax. The reduction is the published two-level one (`WaferLLM`, OSDI 2025, section 4).
pub(super) fn compute(cost: &CostModel, form: &Form, cut: &Cut) -> Cost {
    let elements = cut.rows.tile().saturating_mul(cut.columns.tile());
    let own = match form.kind {
        OpKind::Loss { .. } => cost.softmax(elements),
        _ => cost.elementwise(elements),
    };
    let sums = cost.all_reduce(cut.height(), cut.columns.tile()).0;
    Cost { cycles: Cycles(own.cycles.0.saturating_add(2 * sums)), multiply_adds: own.multiply_adds }
}
