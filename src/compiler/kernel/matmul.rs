//! Products with weights: matrix products, experts behind a router, and convolutions.
//!
//! Rows of the rectangle share the inputs, columns the outputs; every core holds its tile of the weights. Vectors of
//! inputs pass along the rows one position after the other, and partial sums run down the columns. Wide rectangles may
//! cut their columns into groups that share the positions, each with all weights. A convolution is the product of its
//! unrolled window; pixels that neighbours share are passed on for nothing. Every expert has columns of its own, and the
//! router is taken to spread positions evenly over them.

use super::{Cut, FP16_BYTES, Form, Part, grid};
use crate::compiler::cost::{Cost, CostModel};
use crate::compiler::{Extent, Split, SramUse};
use crate::units::Cycles;

/// Time of one micro-batch on the fullest core.
///
/// For each position one multiply-add instruction per input that the core holds, as long as its outputs are, and one
/// addition on the chain; the last sum's way is the two-level reduction of the published matrix-vector product (`WaferLLM`,
/// OSDI 2025, section 4), which is the whole of the reduction for a single position. In training the gradients of the
/// inputs change the roles of inputs and outputs (the last gradient's way along its row is not priced); weight gradients cost what the forward pass does.
pub(super) fn compute(cost: &CostModel, form: &Form, cut: &Cut, train: bool) -> Cost {
    let Some(product) = form.product else { return Cost { cycles: Cycles::ZERO, multiply_adds: 0 } };
    let positions = form.positions.saturating_mul(product.chosen).div_ceil(product.experts * u64::from(cut.groups));
    let (inputs, outputs) = (cut.rows.tile(), cut.columns.tile());
    let forward = cost.matrix_product(positions, inputs, outputs);
    let reduced = cost.all_reduce(cut.height(), outputs).0;
    let mut cycles = forward.cycles.0.saturating_add(reduced);
    if train {
        let back = cost.matrix_product(positions, outputs, inputs).cycles.0;
        cycles = cycles.max(back);
    }
    Cost { cycles: Cycles(cycles), multiply_adds: forward.multiply_adds }
}

/// Weights rest; the micro-batch that was taken in lies spread over the columns, its result over the rows until the next
/// kernel takes it.
pub(super) fn parts(form: &Form, cut: &Cut, put: &mut dyn FnMut(Part)) {
    put(("weights", SramUse::Weights, grid(cut.rows, cut.columns)));
    let over = |total, parts| Split { total, parts };
    let taken = grid(over(form.input_width, cut.height()), over(form.positions, cut.width()));
    put(("inputs", SramUse::Activations, taken));
    let result = grid(over(form.positions, cut.height()), over(form.output_width, cut.width()));
    put(("result", SramUse::Activations, result));
    // Two vectors of inputs in flight, and two of partial sums.
    let in_flight = 2 * (cut.rows.tile() + cut.columns.tile()) * FP16_BYTES;
    put(("inputs and sums in flight", SramUse::Buffers, Extent::Uniform(in_flight)));
}
