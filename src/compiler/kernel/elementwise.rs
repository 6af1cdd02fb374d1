//! Kernels in which no element meets another position: activations, sums, pooling. Rows share the width, columns the
//! positions.

use super::{Cut, Form, Part, grid};
use crate::compiler::cost::{Cost, CostModel};
use crate::compiler::{Split, SramUse};
use crate::workload::OpKind;

/// The elements of one core at the device's price for one; a window of a pooling counts as so many elements, and a sum
/// as one less than it has operands.
pub(super) fn compute(cost: &CostModel, form: &Form, cut: &Cut) -> Cost {
    let each = match form.kind {
        OpKind::Pooling { taps, .. } => taps,
        OpKind::Elementwise { operands, .. } => operands.saturating_sub(1).max(1),
        _ => 1,
    };
    cost.elementwise(cut.rows.tile().saturating_mul(cut.columns.tile()).saturating_mul(each))
}

/// What it reads or what it makes, whichever is more: it works in place.
pub(super) fn parts(form: &Form, cut: &Cut, put: &mut dyn FnMut(Part)) {
    let held = Split { total: form.held_width, parts: cut.height() };
    put(("activations", SramUse::Activations, grid(held, cut.columns)));
}
