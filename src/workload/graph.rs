//! One operator graph for every model, whatever file it came from.
//!
//! Counts are per token of a sequence of `Graph::sequence` tokens, so that batch and precision stay with the task. A
//! multiply-add counts as two operations. Attention counts all scores, masked or not, as kernels compute them.

/// Index of an operator in [`Graph::ops`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u32);

/// What an operator does, with its shape in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpKind {
    /// Looks up one row of `rows × width` for every token (token, position and type tables together).
    Embedding { rows: u64, width: u64 },
    /// Layer norm or RMS norm over `width`. One that `keeps_sum` stands in front of a branch and hands on the sum of its
    /// inputs, the residual stream, beside its own output.
    Norm { width: u64, keeps_sum: bool },
    /// `[1 × k] · [k × n]` for every token, plus bias.
    MatMul { k: u64, n: u64 },
    /// Scores, softmax and weighted values for `heads` query heads of `head_dim`; keys and values have `kv_heads`.
    Attention { heads: u64, kv_heads: u64, head_dim: u64 },
    /// Pointwise function over `width`; a gated one multiplies two halves.
    Activation { width: u64, gated: bool },
    /// Softmax over `width` classes and the loss.
    Loss { width: u64 },
}

/// Which tokens of a sequence an operator works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// Every token.
    Every,
    /// The first alone (BERT's pooler and what reads it), so that the sequence shares the work.
    First,
}

/// One operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// Short name within its block: `attn.qkv`.
    pub name: String,
    /// Transformer block it belongs to; `None` for embedding and head.
    pub block: Option<u32>,
    pub kind: OpKind,
    /// Trained parameters that it owns (a tied table is owned once, by the embedding).
    pub parameters: u64,
    /// Where its weights live if another operator owns them (a tied head).
    pub weights_of: Option<OpId>,
    /// Which tokens of a sequence it works on.
    pub tokens: Tokens,
    /// Operators whose outputs it reads. A residual addition is part of its reader: a norm (or a head without one)
    /// with two inputs adds the first, a branch, to the stream that the second holds. Whoever reads a norm that keeps
    /// its sum as a second input reads that sum.
    pub inputs: Vec<OpId>,
}

/// A model as operators in an order in which they can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// Name for people: `Cerebras-GPT 13B`.
    pub name: String,
    /// Family as its reader calls it: `gpt2`, `llama`, `bert`.
    pub family: String,
    pub ops: Vec<Op>,
    /// Number of transformer blocks.
    pub blocks: u32,
    /// Tokens of one sequence as the file gives it.
    pub sequence: u64,
    /// Sequences in one optimizer step as the file gives it, if it does.
    pub batch: Option<u64>,
    /// Whether a position sees only those before it.
    pub causal: bool,
    /// What exactly was counted: `GPT2LMHeadModel`.
    pub class: String,
    /// What the reader did not understand or had to assume; each names the key.
    pub warnings: Vec<String>,
}

impl Op {
    /// Elements of its output for one token.
    pub fn output_width(&self) -> u64 {
        match self.kind {
            OpKind::Embedding { width, .. } | OpKind::Norm { width, .. } | OpKind::Activation { width, .. } => width,
            OpKind::MatMul { n, .. } => n,
            OpKind::Attention { heads, head_dim, .. } => heads * head_dim,
            OpKind::Loss { .. } => 1,
        }
    }

    /// Weight elements that must be present to run it, tied ones included.
    pub fn weight_elements(&self) -> u64 {
        match self.kind {
            OpKind::MatMul { k, n } => self.parameters.max(k * n),
            _ => self.parameters,
        }
    }

    /// Operations of the forward pass for one token of a sequence of `sequence` tokens.
    ///
    /// Work on the first token alone is spread over the sequence and rounded up.
    pub fn forward_flops_per_token(&self, sequence: u64) -> u64 {
        let flops = match self.kind {
            // A look-up moves data and adds nothing but the tables' sum, which is left out.
            OpKind::Embedding { .. } => 0,
            // A norm takes mean, variance, scale and shift; a softmax its maximum, difference, exponent, sum and quotient.
            OpKind::Norm { width, .. } | OpKind::Loss { width } => 5 * width,
            OpKind::MatMul { k, n } => 2 * k * n,
            // q·k and p·v are 2·S·head_dim each; softmax is counted as five operations a score.
            OpKind::Attention { heads, head_dim, .. } => heads * sequence * (4 * head_dim + 5),
            OpKind::Activation { width, gated } => width * if gated { 6 } else { 5 },
        };
        match self.tokens {
            Tokens::Every => flops,
            Tokens::First => flops.div_ceil(sequence),
        }
    }

    /// Operations of the backward pass for one token: input and weight gradients cost one forward pass each.
    pub fn backward_flops_per_token(&self, sequence: u64) -> u64 {
        2 * self.forward_flops_per_token(sequence)
    }
}

impl Graph {
    /// Trained parameters, tied ones once.
    pub fn parameters(&self) -> u64 {
        self.ops.iter().map(|op| op.parameters).sum()
    }

    /// Operations of one forward pass for one token.
    pub fn forward_flops_per_token(&self) -> u64 {
        self.ops.iter().map(|op| op.forward_flops_per_token(self.sequence)).sum()
    }

    /// Operations of forward and backward pass for one token, without recomputation.
    pub fn training_flops_per_token(&self) -> u64 {
        self.ops
            .iter()
            .map(|op| op.forward_flops_per_token(self.sequence) + op.backward_flops_per_token(self.sequence))
            .sum()
    }

    /// The operator called `id`.
    pub fn op(&self, id: OpId) -> &Op {
        &self.ops[id.0 as usize]
    }

    /// All operators with their ids, in running order.
    pub fn iter(&self) -> impl Iterator<Item = (OpId, &Op)> {
        self.ops.iter().enumerate().map(|(index, op)| (OpId(index as u32), op))
    }

    /// The first operator with this name in this block.
    pub fn find(&self, block: Option<u32>, name: &str) -> Option<OpId> {
        self.iter().find(|(_, op)| op.block == block && op.name == name).map(|(id, _)| id)
    }
}
