//! Operators between the file and the graph: what each computes, and what the fusion pass must know of it.

use super::shapes::Matrices;
use crate::workload::graph::{Fusion, Op, OpId, OpKind, Reach, Tokens};

/// What an operator is to the fusion pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A convolution or a matrix product with weights.
    Product,
    /// A product of two activations.
    Scores(Matrices),
    /// A norm that scales and shifts each channel by trained numbers alone, as batch norm does when it is used.
    ChannelScale,
    Norm,
    Softmax,
    /// One element at a time; a `cheap` one is a comparison or a single operation, as `Relu` is.
    Pointwise {
        cheap: bool,
    },
    /// A sum of exactly two tensors of equal shape.
    Sum,
    /// One constant number for each channel is added.
    Bias,
    /// A sum or mean over the width, which stays as an axis of size 1.
    Reduction,
    Other,
}

impl Role {
    /// Whether it works on one element of each operand at a time.
    pub(super) fn is_pointwise(self) -> bool {
        matches!(self, Self::Pointwise { .. } | Self::Sum | Self::Bias)
    }
}

/// An operator of the file with its shape, and later what was fused into it.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) op: Op,
    pub(super) role: Role,
    /// Name of the operator in the file: `Conv`.
    pub(super) op_type: String,
    /// Whether the graph hands its result out.
    pub(super) is_output: bool,
    /// Whether it is part of another one now, or of none.
    pub(super) gone: bool,
    /// The operator that it is part of.
    pub(super) into: Option<OpId>,
}

impl Draft {
    /// Elements of its output for one sample.
    pub(super) fn elements(&self) -> u64 {
        self.op.output_width().saturating_mul(self.op.tokens.positions(1))
    }

    /// What a list of decisions calls it: `conv1 (Conv)`.
    pub(super) fn title(&self) -> String {
        format!("{} ({})", self.op.name, self.op_type)
    }
}

/// All drafts, with what was decided about them.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    pub(super) list: Vec<Draft>,
    /// With drafts in place of operators, until the end.
    pub(super) fusions: Vec<Fusion>,
    pub(super) warnings: Vec<String>,
}

/// A product of two activations that is no part of an attention: attention without scores, `heads` times `m` sums of `k`
/// rows of `n`. Its cost is counted five operations a row too high, for a softmax that is not there.
pub(super) fn weightless(matrices: Matrices, batch: u64) -> (OpKind, Tokens) {
    let heads = (matrices.batch / batch.max(1)).max(1);
    let (k, n) = (matrices.k, matrices.n);
    let kind = OpKind::Attention { heads, kv_heads: heads, head_dim: 0, value_dim: n, reach: Reach::Memory(k) };
    (kind, Tokens::Count(matrices.m.max(1)))
}
