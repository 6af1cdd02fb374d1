//! Attention with its keys and values: rows share the heads, columns the queries.
//!
//! Keys and values lie beside the queries of their positions and pass along the rows while scores are computed; that
//! passing is not priced. Scores are dense: masked ones are computed like the others, so that a chunk of a sequence is
//! priced against the keys of the whole sequence, wherever in it the chunk lies.

use super::{Cut, FP16_BYTES, Form, Part, grid};
use crate::compiler::cost::{Cost, CostModel};
use crate::compiler::{Extent, Split, SramUse};
use crate::units::Cycles;
use crate::workload::OpKind;

/// Scores, softmax and weighted values of the queries of one column; twice that in the backward pass.
///
/// Two multiply-adds per score and element of a head (Vaswani et al., "Attention Is All You Need", 2017, section 3.2)
/// and the device's price of softmax per score.
pub(super) fn compute(cost: &CostModel, form: &Form, cut: &Cut, train: bool) -> Cost {
    let OpKind::Attention { value_dim, .. } = form.kind else {
        return Cost { cycles: Cycles::ZERO, multiply_adds: 0 };
    };
    let forward = cost.attention(cut.columns.tile(), form.keys, cut.rows.tile(), value_dim);
    let cycles = if train { forward.cycles.0.saturating_mul(2) } else { forward.cycles.0 };
    Cost { cycles: Cycles(cycles), multiply_adds: forward.multiply_adds }
}

/// Queries, keys and values of the micro-batch at work, its result, one block of `key_block` scores, and the cache: keys
/// and values of whole sequences, as many positions of each as a query reaches.
pub(super) fn parts(form: &Form, cut: &Cut, key_block: u64, put: &mut dyn FnMut(Part)) {
    let OpKind::Attention { kv_heads, head_dim, value_dim, .. } = form.kind else { return };
    let over = |total| Split { total, parts: cut.height() };
    put(("queries, keys, values", SramUse::Activations, grid(over(form.input_width), cut.columns)));
    put(("result", SramUse::Activations, grid(over(form.output_width), cut.columns)));
    if form.cached > 0 {
        let positions = form.keys.saturating_mul(form.cached);
        let cache = grid(over(kv_heads * (head_dim + value_dim)), Split { total: positions, parts: cut.width() });
        put(("key-value cache", SramUse::Activations, cache));
    }
    let scores = form.keys.min(key_block) * FP16_BYTES;
    put(("scores", SramUse::Buffers, Extent::Uniform(scores)));
}
