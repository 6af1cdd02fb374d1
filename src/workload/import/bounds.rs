//! What a graph from a file may come to in all, so that no sum or product over it overflows later.

use crate::workload::graph::{Op, OpKind};
use crate::workload::transformer::{FLOPS_PER_TOKEN_MAX, PARAMETERS_MAX};

/// Operations of a forward pass over one sample, without overflow.
pub(super) fn operations(op: &Op) -> u128 {
    let wide = u128::from;
    let positions = wide(op.tokens.positions(1));
    let each = match (op.product(), op.kind) {
        (Some(product), _) => 2 * wide(product.inputs) * wide(product.outputs) * wide(product.chosen),
        (None, OpKind::Attention { heads, head_dim, value_dim, reach, .. }) => {
            let keys = wide(reach.keys(op.tokens.positions(1)));
            // Two factors of up to 2⁴⁰ and a sum of others still fit.
            wide(heads).saturating_mul(keys).saturating_mul(2 * wide(head_dim) + 2 * wide(value_dim) + 5)
        }
        (None, OpKind::Pooling { width, taps }) => wide(width) * wide(taps),
        (None, _) => 6 * wide(op.output_width()).max(wide(op.input_width())),
    };
    each.saturating_mul(positions)
}

/// Whether parameters and operations of all operators together fit; otherwise what was expected and what was found.
pub(super) fn check(ops: &[Op]) -> Result<(), (String, String)> {
    let parameters: u128 = ops.iter().map(|op| u128::from(op.parameters)).sum();
    if parameters > u128::from(PARAMETERS_MAX) {
        return Err(("at most 10^15 parameters".to_owned(), parameters.to_string()));
    }
    let sum = ops.iter().map(operations).fold(0_u128, u128::saturating_add);
    if sum > u128::from(FLOPS_PER_TOKEN_MAX) {
        return Err(("at most 10^18 operations for one sample".to_owned(), sum.to_string()));
    }
    Ok(())
}
