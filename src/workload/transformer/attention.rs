//! Attention as a part of a block: grouped queries, norms and gates around them, cross-attention, and latent attention.

use super::NormKind;
use super::builder::Builder;
use super::feed_forward::Choice;
use crate::workload::graph::{OpId, OpKind, Reach, Tokens};

/// Which projections of attention add a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Biases {
    /// Query, key and value projections.
    pub qkv: bool,
    /// Output projection.
    pub out: bool,
}

impl Biases {
    /// No bias, as Llama.
    pub const NONE: Self = Self { qkv: false, out: false };
    /// A bias everywhere, as GPT-2.
    pub const ALL: Self = Self { qkv: true, out: true };
}

/// Norms of queries and keys in front of the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QkNorm {
    /// Over each head, with one scale for all heads.
    Head(NormKind),
    /// Over all heads together.
    All(NormKind),
}

/// Attention of `heads` query heads that share `kv_heads` keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    pub heads: u64,
    /// Heads that have keys and values of their own; divides `heads`.
    pub kv_heads: u64,
    pub head_dim: u64,
    pub reach: Reach,
    pub bias: Biases,
    pub qk_norm: Option<QkNorm>,
    /// Whether the values are multiplied by a gate computed from the input, as wide as they are.
    pub gate: bool,
    /// Whether keys and values come from the memory in front of the model, and not from the sequence.
    pub cross: bool,
    /// Whether keys serve as values, so that there is one projection for both.
    pub keys_are_values: bool,
    /// The block whose keys and values are used again, if it has none of its own.
    pub kv_of_block: Option<u32>,
    /// Trained elements of the scores themselves: sinks, relative positions, weights of a difference.
    pub extra: u64,
    /// Experts that queries and outputs are chosen from (mixture of attention heads).
    pub choice: Option<Choice>,
}

impl Attention {
    /// Plain attention over the whole sequence, all heads with keys and values of their own, without biases.
    pub fn plain(heads: u64, head_dim: u64) -> Self {
        Self {
            heads,
            kv_heads: heads,
            head_dim,
            reach: Reach::Sequence,
            bias: Biases::NONE,
            qk_norm: None,
            gate: false,
            cross: false,
            keys_are_values: false,
            kv_of_block: None,
            extra: 0,
            choice: None,
        }
    }

    /// How the names of its operators begin.
    pub(super) fn prefix(&self) -> &'static str {
        if self.cross { "cross" } else { "attn" }
    }

    /// Width of keys and values together.
    fn kv_width(&self) -> u64 {
        let copies = if self.keys_are_values { 1 } else { 2 };
        copies * self.kv_heads * self.head_dim
    }
}

/// Attention whose queries, keys and values pass through narrow projections (multi-head latent attention; DeepSeek-AI
/// 2024, arXiv:2405.04434, section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latent {
    pub heads: u64,
    /// Width of the narrow queries; `None` if queries are projected at once.
    pub query_rank: Option<u64>,
    /// Width of the narrow keys and values.
    pub kv_rank: u64,
    /// Elements of a head of queries and keys that carry no position.
    pub plain_dim: u64,
    /// Those that do; the key's are shared by all heads.
    pub rotary_dim: u64,
    pub value_dim: u64,
    /// Whether the narrow projections and the output have a bias.
    pub bias: bool,
    /// Elements per head of a gate on the values, computed from the input; 0 if there is none.
    pub gate: u64,
    pub reach: Reach,
    /// Trained elements of the scores themselves, as sinks.
    pub extra: u64,
}

impl Builder<'_> {
    pub(super) fn attention(&mut self, shape: &Attention, input: OpId) -> OpId {
        let Attention { heads, kv_heads, head_dim, .. } = *shape;
        let prefix = shape.prefix();
        let width = heads * head_dim;
        if let Some(choice) = shape.choice {
            return self.chosen_attention(shape, choice, input);
        }
        let (mut inputs, reach) = match (self.memory.filter(|_| shape.cross), shape.kv_of_block) {
            (Some(memory), _) => {
                let query = self.matmul("cross.q", (self.hidden, width), shape.bias.qkv, vec![input]);
                let tokens = std::mem::replace(&mut self.tokens, Tokens::Count(memory.positions));
                let kv = (memory.width, shape.kv_width());
                let kv = self.matmul("cross.kv", kv, shape.bias.qkv, vec![memory.op]);
                self.tokens = tokens;
                (vec![query, kv], Reach::Memory(memory.positions))
            }
            (None, Some(block)) => {
                let query = self.matmul("attn.q", (self.hidden, width), shape.bias.qkv, vec![input]);
                let kv = self.ops.iter().position(|op| op.block == Some(block) && op.name == "attn.qkv");
                (std::iter::once(query).chain(kv.map(|kv| OpId(kv as u32))).collect(), shape.reach)
            }
            (None, None) => {
                let qkv = (self.hidden, width + shape.kv_width());
                (vec![self.matmul("attn.qkv", qkv, shape.bias.qkv, vec![input])], shape.reach)
            }
        };
        if let Some(norm) = shape.qk_norm {
            let keys = if shape.kv_of_block.is_some() { 0 } else { kv_heads };
            let parameters = match norm {
                QkNorm::Head(kind) => kind.parameters(head_dim) * if keys > 0 { 2 } else { 1 },
                QkNorm::All(kind) => kind.parameters((heads + keys) * head_dim),
            };
            // Keys that come from elsewhere are normalised there.
            let keys = if inputs.len() > 1 { 0 } else { keys };
            let normed = (heads + keys) * head_dim;
            inputs.push(self.inner_norm(&format!("{prefix}.qk_norm"), normed, parameters, inputs[0]));
        }
        let score = OpKind::Attention { heads, kv_heads, head_dim, value_dim: head_dim, reach };
        let mut values = self.push(&format!("{prefix}.score"), score, shape.extra, inputs);
        if shape.gate {
            values = self.gated_values(prefix, width, values, input);
        }
        self.matmul(&format!("{prefix}.out"), (width, self.hidden), shape.bias.out, vec![values])
    }

    /// Multiplies values by a gate computed from the part's input.
    fn gated_values(&mut self, prefix: &str, width: u64, values: OpId, input: OpId) -> OpId {
        let gate = self.matmul(&format!("{prefix}.gate"), (self.hidden, width), false, vec![input]);
        self.activation(&format!("{prefix}.gated"), width, true, vec![values, gate])
    }

    /// Queries and outputs of a few experts, which the router picks, over keys and values that all share (Zhang et al.
    /// 2022, mixture of attention heads, arXiv:2210.05144, as JetMoE has it).
    fn chosen_attention(&mut self, shape: &Attention, choice: Choice, input: OpId) -> OpId {
        let Attention { heads, kv_heads, head_dim, reach, .. } = *shape;
        let width = kv_heads * head_dim;
        let router = self.router("attn.router", choice.experts, false, 0, input);
        let query = self.chosen("attn.q", (self.hidden, width), choice, false, vec![input, router]);
        let kv = self.matmul("attn.kv", (self.hidden, shape.kv_width()), false, vec![input]);
        let score = OpKind::Attention { heads, kv_heads, head_dim, value_dim: head_dim, reach };
        let score = self.push("attn.score", score, 0, vec![query, kv]);
        let out = self.chosen("attn.out", (width, self.hidden), choice, false, vec![score]);
        let sum = OpKind::Elementwise { width: self.hidden, operands: choice.chosen };
        self.push("attn.sum", sum, shape.extra, vec![out, router])
    }

    pub(super) fn latent(&mut self, shape: &Latent, input: OpId) -> OpId {
        let Latent { heads, kv_rank, value_dim, bias, reach, .. } = *shape;
        let hidden = self.hidden;
        let head_dim = shape.plain_dim + shape.rotary_dim;
        let query = match shape.query_rank {
            None => self.matmul("attn.q", (hidden, heads * head_dim), false, vec![input]),
            Some(rank) => {
                let down = self.matmul("attn.q_down", (hidden, rank), bias, vec![input]);
                let norm = self.inner_norm("attn.q_norm", rank, rank, down);
                self.matmul("attn.q_up", (rank, heads * head_dim), false, vec![norm])
            }
        };
        let down = self.matmul("attn.kv_down", (hidden, kv_rank + shape.rotary_dim), bias, vec![input]);
        let norm = self.inner_norm("attn.kv_norm", kv_rank, kv_rank, down);
        let up = self.matmul("attn.kv_up", (kv_rank, heads * (shape.plain_dim + value_dim)), false, vec![norm]);
        let score = OpKind::Attention { heads, kv_heads: heads, head_dim, value_dim, reach };
        let mut values = self.push("attn.score", score, shape.extra, vec![query, up, down]);
        let width = heads * value_dim;
        if shape.gate == value_dim {
            values = self.gated_values("attn", width, values, input);
        } else if shape.gate > 0 {
            let gate = self.matmul("attn.gate", (hidden, heads * shape.gate), false, vec![input]);
            values = self.push("attn.gated", OpKind::Elementwise { width, operands: 2 }, 0, vec![values, gate]);
        }
        self.matmul("attn.out", (width, hidden), bias, vec![values])
    }
}
