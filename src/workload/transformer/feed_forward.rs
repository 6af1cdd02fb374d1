//! Feed-forward parts: dense ones, and experts that a router picks for every token.

use super::builder::Builder;
use crate::workload::graph::{OpId, OpKind};

/// Two matrices with a pointwise function between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedForward {
    /// Inner width (of each half, if it is gated).
    pub width: u64,
    /// Whether it multiplies two halves (`SwiGLU` and its kin).
    pub gated: bool,
    /// Whether its projections have a bias.
    pub bias: bool,
}

/// How many matrices there are to choose from, and how many a token uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    pub experts: u64,
    pub chosen: u64,
}

/// Feed-forward networks that a router picks for every token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Experts {
    pub choice: Choice,
    /// One expert.
    pub expert: FeedForward,
    /// Rows of the router beyond the experts: experts that do nothing and own nothing.
    pub idle: u64,
    pub router_bias: bool,
    /// Trained elements of the router beside its matrix.
    pub router_extra: u64,
    /// What every token passes through beside its experts.
    pub shared: Option<FeedForward>,
    /// Whether a gate of one element weighs the shared part.
    pub shared_gate: bool,
    /// Whether the sum of the experts has a bias.
    pub sum_bias: bool,
}

impl Experts {
    /// Experts with a router that owns its matrix, and nothing beside them.
    pub fn plain(choice: Choice, expert: FeedForward) -> Self {
        Self {
            choice,
            expert,
            idle: 0,
            router_bias: false,
            router_extra: 0,
            shared: None,
            shared_gate: false,
            sum_bias: false,
        }
    }
}

impl Builder<'_> {
    pub(super) fn feed_forward(&mut self, prefix: &str, shape: &FeedForward, input: OpId) -> OpId {
        let FeedForward { width, gated, bias } = *shape;
        let up_width = if gated { 2 * width } else { width };
        let up = self.matmul(&format!("{prefix}.up"), (self.hidden, up_width), bias, vec![input]);
        let act = self.activation(&format!("{prefix}.act"), width, gated, vec![up]);
        self.matmul(&format!("{prefix}.down"), (width, self.hidden), bias, vec![act])
    }

    pub(super) fn experts(&mut self, shape: &Experts, input: OpId) -> OpId {
        let Experts { choice, expert: FeedForward { width, gated, bias }, .. } = *shape;
        let hidden = self.hidden;
        let rows = choice.experts + shape.idle;
        let router = self.router("moe.router", rows, shape.router_bias, shape.router_extra, input);
        let up_width = if gated { 2 * width } else { width };
        let up = self.chosen("moe.up", (hidden, up_width), choice, bias, vec![input, router]);
        let act = self.activation("moe.act", width * choice.chosen, gated, vec![up]);
        let down = self.chosen("moe.down", (width, hidden), choice, bias, vec![act]);
        let sum = OpKind::Elementwise { width: hidden, operands: choice.chosen };
        let sum = self.push("moe.sum", sum, if shape.sum_bias { hidden } else { 0 }, vec![down, router]);
        let Some(shared) = shape.shared else { return sum };
        let mut beside = self.feed_forward("shared", &shared, input);
        if shape.shared_gate {
            let gate = self.matmul("shared.gate", (hidden, 1), false, vec![input]);
            let kind = OpKind::Elementwise { width: hidden, operands: 2 };
            beside = self.push("shared.gated", kind, 0, vec![beside, gate]);
        }
        self.sum("moe.both", vec![sum, beside])
    }

    /// The scores of all experts, of which the largest are chosen.
    pub(super) fn router(&mut self, name: &str, rows: u64, bias: bool, extra: u64, input: OpId) -> OpId {
        let router = self.matmul(name, (self.hidden, rows), bias, vec![input]);
        self.ops[router.0 as usize].parameters += extra;
        router
    }

    /// A product with the chosen ones of many matrices.
    pub(super) fn chosen(
        &mut self,
        name: &str,
        (k, n): (u64, u64),
        choice: Choice,
        bias: bool,
        inputs: Vec<OpId>,
    ) -> OpId {
        let Choice { experts, chosen } = choice;
        let each = k.saturating_mul(n).saturating_add(if bias { n } else { 0 });
        self.push(name, OpKind::Experts { k, n, experts, chosen }, experts.saturating_mul(each), inputs)
    }
}
