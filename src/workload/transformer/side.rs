//! Vectors that blocks read beside the stream: a small one for every token and every block, looked up and projected
//! once (per-layer embeddings, as in Gemma 3n).

use super::builder::Builder;
use crate::workload::graph::{OpId, OpKind};

/// The table of those vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    pub vocab: u64,
    /// Width of the vector of one block.
    pub width: u64,
}

impl Builder<'_> {
    /// The vectors of all blocks at once: looked up, and projected from the stream's first state.
    pub(super) fn side_vectors(&mut self, side: Side, start: OpId) {
        let width = side.width.saturating_mul(self.shape.blocks.len() as u64);
        let rows = side.vocab;
        let owned = rows.saturating_mul(width);
        let table = self.push("side.embed", OpKind::Embedding { rows, width }, owned, vec![]);
        let projected = self.matmul("side.project", (self.hidden, width), false, vec![start]);
        let normed = self.inner_norm("side.norm", width, side.width, projected);
        let sum = OpKind::Elementwise { width, operands: 2 };
        self.side = Some(self.push("side.sum", sum, 0, vec![normed, table]));
    }

    /// A block's vector weighed by the stream and added to it.
    pub(super) fn side(&mut self, width: u64, input: OpId) -> OpId {
        let vectors = self.side.expect("checked: a part that reads side vectors has them");
        let gate = self.matmul("side.gate", (self.hidden, width), false, vec![input]);
        let gated = self.activation("side.act", width, true, vec![gate, vectors]);
        self.matmul("side.out", (width, self.hidden), false, vec![gated])
    }
}
