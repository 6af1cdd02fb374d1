//! Tables: columns share the rows of the table, rows of the rectangle its width.

use super::{Cut, Form, Part, grid};
use crate::compiler::cost::{Cost, CostModel};
use crate::compiler::{Split, SramUse};

/// The rows looked up leave the fullest core two values a cycle. At worst all positions ask the same column.
pub(super) fn compute(cost: &CostModel, form: &Form, cut: &Cut) -> Cost {
    Cost { cycles: cost.transfer(form.positions.saturating_mul(cut.rows.tile())), multiply_adds: 0 }
}

/// The table, and the rows that were looked up until the next kernel takes them.
pub(super) fn parts(form: &Form, cut: &Cut, put: &mut dyn FnMut(Part)) {
    put(("table", SramUse::Weights, grid(cut.rows, cut.columns)));
    let positions = Split { total: form.positions, parts: cut.width() };
    put(("result", SramUse::Activations, grid(cut.rows, positions)));
}
