//! Attention in a graph: a product of two activations, a softmax over it, a product with a third.

use super::draft::Role;
use super::fuse::Fuser;
use super::shapes::Matrices;
use crate::workload::graph::{OpId, OpKind, Reach};

/// Most scalings and masks between the scores and the weighted values.
const STEPS_MAX: usize = 12;

/// What lies between two products.
struct Chain {
    scores: u32,
    matrices: Matrices,
    between: Vec<u32>,
}

impl Fuser<'_> {
    /// Makes attention of a product whose left side is a softmax of scores.
    pub(super) fn attention(&mut self, id: u32) {
        let Role::Scores(values) = self.role(id) else { return };
        let Some(&OpId(weights)) = self.inputs(id).first() else { return };
        let Some(chain) = self.chain(weights, id) else { return };
        let scores = chain.matrices;
        if (values.batch, values.m, values.k) != (scores.batch, scores.m, scores.n) {
            return;
        }
        let OpKind::Attention { heads, .. } = self.drafts.list[id as usize].op.kind else { return };
        let sides = self.inputs(chain.scores).to_vec();
        let kv_heads = self.kv_heads(&sides, scores, heads);
        let mut inputs = sides;
        for &input in &self.inputs(id)[1..] {
            if !inputs.contains(&input) {
                inputs.push(input);
            }
        }
        let because = "scores, their softmax and the values that they weigh are one attention";
        for gone in chain.between.into_iter().chain([chain.scores]) {
            self.absorb(id, gone, because);
        }
        self.rewire(id, inputs);
        let reach = if scores.n == scores.m { Reach::Sequence } else { Reach::Memory(scores.n) };
        let kept = &mut self.drafts.list[id as usize];
        kept.op.kind = OpKind::Attention { heads, kv_heads, head_dim: scores.k, value_dim: values.n, reach };
        kept.role = Role::Other;
    }

    /// Follows a tensor back over scalings, masks and one softmax to a product of two activations.
    fn chain(&self, from: u32, reader: u32) -> Option<Chain> {
        let (mut at, mut reader, mut between, mut softmax) = (from, reader, Vec::new(), false);
        let elements = self.drafts.list[from as usize].elements();
        for _ in 0..STEPS_MAX {
            if !self.is_private(at, reader) {
                return None;
            }
            match self.role(at) {
                Role::Scores(matrices) if softmax => return Some(Chain { scores: at, matrices, between }),
                Role::Softmax if !softmax => softmax = true,
                role if role.is_pointwise() => {}
                _ => return None,
            }
            between.push(at);
            let main = |input: &&OpId| self.drafts.list[input.0 as usize].elements() == elements;
            // A mask of full size comes before the scores, and what makes it reads neither.
            let next = self.inputs(at).iter().filter(main).find(|input| self.leads_to_scores(input.0, softmax))?;
            (reader, at) = (at, next.0);
        }
        None
    }

    /// Whether a tensor may be the scores, or a step on the way to them.
    fn leads_to_scores(&self, id: u32, softmax: bool) -> bool {
        match self.role(id) {
            Role::Scores(_) => softmax,
            Role::Softmax => !softmax,
            role => role.is_pointwise() && !self.inputs(id).is_empty(),
        }
    }

    /// Heads with keys of their own: what the operator that makes the keys makes for one key.
    fn kv_heads(&self, sides: &[OpId], scores: Matrices, heads: u64) -> u64 {
        let (Some(queries), Some(keys)) = (sides.first(), sides.last()) else { return heads };
        let made = self.drafts.list[keys.0 as usize].elements() / (scores.n * scores.k).max(1);
        // One operator that makes all three makes queries, keys and values side by side.
        let own = if queries == keys { made.saturating_sub(heads) / 2 } else { made };
        if own > 0 && heads.is_multiple_of(own) { own } else { heads }
    }
}
