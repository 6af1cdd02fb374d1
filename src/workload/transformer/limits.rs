//! The largest sizes that are read, and the refusal of shapes that are none, before anything overflows.

use super::{Block, Head, Part, TransformerShape, Work};
use crate::workload::graph::{Op, OpKind, Tokens};

/// Most blocks that are read; the deepest published language models have a few hundred.
pub const LAYERS_MAX: u64 = 10_000;
/// Largest width, vocabulary, sequence or table in elements (2²⁴).
pub const WIDTH_MAX: u64 = 1 << 24;
/// Most attention heads of a block, most elements of a head, most experts (2¹⁶).
pub const HEADS_MAX: u64 = 1 << 16;
/// Most sequences in one optimizer step (2³²).
pub const BATCH_MAX: u64 = 1 << 32;
/// Most trained parameters: a thousand times a 1-trillion-parameter model, and far from overflow.
pub const PARAMETERS_MAX: u64 = 1_000_000_000_000_000;

/// Largest side of a patch in pixels, and most channels of a picture.
const SIDE_MAX: u64 = 1 << 12;
/// Most operations of a forward pass for one token, so that a backward pass still fits 64 bits.
pub const FLOPS_PER_TOKEN_MAX: u64 = 1_000_000_000_000_000_000;

/// Why a shape is no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    #[error("{what}: expected a whole number from 1 to {max}, found {found}")]
    Range { what: &'static str, max: u64, found: u64 },
    #[error("{what}: expected a number that {of} can be divided by, found {found}")]
    Division { what: &'static str, of: String, found: u64 },
    #[error("{what}: expected {expected}, found none")]
    Lacks { what: &'static str, expected: &'static str },
    #[error("the sizes together: expected at most {PARAMETERS_MAX} parameters, found {found}")]
    TooManyParameters { found: u128 },
    #[error("the sizes together: expected at most 10^18 operations for one token, found about {found}")]
    TooManyOperations { found: u128 },
}

fn range(what: &'static str, found: u64, max: u64) -> Result<(), ShapeError> {
    if (1..=max).contains(&found) { Ok(()) } else { Err(ShapeError::Range { what, max, found }) }
}

/// Whether a graph can be built from the shape at all, in a time and with numbers that are bounded.
pub(super) fn check_shape(shape: &TransformerShape) -> Result<(), ShapeError> {
    range("layers", shape.blocks.len() as u64, LAYERS_MAX)?;
    range("hidden size", shape.hidden, WIDTH_MAX)?;
    range("sequence", shape.sequence, WIDTH_MAX)?;
    range("batch", shape.batch.unwrap_or(1), BATCH_MAX)?;
    if let Some(tables) = &shape.tables {
        range("vocabulary", tables.vocab, WIDTH_MAX)?;
        for rows in [tables.positions, tables.token_types, tables.more_rows] {
            range("rows of a table", rows + 1, 2 * WIDTH_MAX)?;
        }
    } else if !matches!(shape.front, Some(super::Front::Picture(_))) {
        return Err(ShapeError::Lacks { what: "model", expected: "a table of tokens or a picture" });
    }
    if let Some(super::Front::Picture(picture)) = &shape.front {
        for (what, found) in [("channels of a picture", picture.channels), ("patch", picture.patch[0])] {
            range(what, found, SIDE_MAX)?;
        }
        range("patch", picture.patch[1], SIDE_MAX)?;
        range("patches of a picture", picture.grid[0].saturating_mul(picture.grid[1]), WIDTH_MAX)?;
        range("tokens of a picture", picture.positions(), WIDTH_MAX)?;
        range("hidden size of a picture", picture.hidden, WIDTH_MAX)?;
    }
    let before: &[Block] = match &shape.front {
        Some(super::Front::Encoder(stack)) => &stack.blocks,
        Some(super::Front::Picture(picture)) => &picture.blocks,
        _ => &[],
    };
    range("layers", before.len() as u64 + 1, LAYERS_MAX + 1)?;
    for part in shape.blocks.iter().chain(before).flat_map(|block| &block.parts) {
        check_part(part)?;
    }
    let Head { scores, pooler, towers } = &shape.head;
    if scores.is_none() && towers.is_empty() && pooler.is_none_or(|pooler| pooler.classes == 0) {
        return Err(ShapeError::Lacks { what: "head", expected: "scores or classes" });
    }
    if shape.side.is_none() && shape.any_part(|part| matches!(part.work, Work::Side(_))) {
        return Err(ShapeError::Lacks { what: "side vectors", expected: "a table of them" });
    }
    let memory = matches!(shape.front, Some(super::Front::Given { .. } | super::Front::Encoder(_)));
    let crosses = shape.any_part(|part| matches!(&part.work, Work::Attention(attention) if attention.cross));
    if crosses && !memory {
        return Err(ShapeError::Lacks { what: "cross-attention", expected: "a memory for it to look at" });
    }
    Ok(())
}

fn check_part(part: &Part) -> Result<(), ShapeError> {
    match &part.work {
        Work::Attention(attention) => {
            range("attention heads", attention.heads, HEADS_MAX)?;
            range("key-value heads", attention.kv_heads, HEADS_MAX)?;
            range("head size", attention.head_dim, HEADS_MAX)?;
            if !attention.heads.is_multiple_of(attention.kv_heads) {
                let (of, found) = (format!("the {} heads", attention.heads), attention.kv_heads);
                return Err(ShapeError::Division { what: "key-value heads", of, found });
            }
        }
        Work::Latent(latent) => {
            range("attention heads", latent.heads, HEADS_MAX)?;
            range("head size", latent.plain_dim + latent.rotary_dim, 2 * HEADS_MAX)?;
            range("value size", latent.value_dim, HEADS_MAX)?;
        }
        Work::Recurrence(recurrence) => {
            range("channels", recurrence.width, WIDTH_MAX)?;
            range("state", recurrence.state, WIDTH_MAX)?;
            range("convolved channels", recurrence.convolved.channels, 4 * WIDTH_MAX)?;
        }
        Work::FeedForward(feed_forward) => range("feed-forward size", feed_forward.width, WIDTH_MAX)?,
        Work::Side(width) => range("side vector", *width, WIDTH_MAX)?,
        Work::Experts(experts) => {
            range("expert size", experts.expert.width, WIDTH_MAX)?;
            range("experts", experts.choice.experts, HEADS_MAX)?;
            range("chosen experts", experts.choice.chosen, experts.choice.experts + experts.idle)?;
        }
    }
    Ok(())
}

/// Whether parameters and operations fit the numbers that count them.
pub(super) fn check_ops(ops: &[Op], sequence: u64) -> Result<(), ShapeError> {
    let limit = u128::from(PARAMETERS_MAX);
    let total: u128 = ops.iter().map(|op| u128::from(op.parameters)).sum();
    // Weights that another operator owns are multiplied by all the same.
    let products = ops
        .iter()
        .filter_map(Op::product)
        .map(|product| [product.inputs, product.outputs, product.experts].map(u128::from).iter().product::<u128>());
    let found = products.max().unwrap_or(0).max(total);
    if found > limit {
        return Err(ShapeError::TooManyParameters { found });
    }
    let found: u128 = ops.iter().map(|op| flops(op, sequence)).sum();
    if found > u128::from(FLOPS_PER_TOKEN_MAX) { Err(ShapeError::TooManyOperations { found }) } else { Ok(()) }
}

/// Operations for one token, or more, of an operator whose product has been judged.
fn flops(op: &Op, sequence: u64) -> u128 {
    let each = match op.kind {
        // Any other kind takes a few operations for each of at most 2^50 elements.
        OpKind::Attention { heads, head_dim, value_dim, reach, .. } => {
            let keys = reach.keys(op.tokens.positions(sequence));
            u128::from(heads) * u128::from(keys) * (2 * u128::from(head_dim) + 2 * u128::from(value_dim) + 5)
        }
        _ => u128::from(op.forward_flops_per_position(sequence)),
    };
    match op.tokens {
        Tokens::Every => each,
        Tokens::Count(count) => (each * u128::from(count)).div_ceil(u128::from(sequence)),
    }
}
