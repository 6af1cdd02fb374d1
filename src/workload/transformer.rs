//! Transformers as a plain list of sizes, and the operator graph that they amount to.
//!
//! Every reader and every built-in model fills a [`TransformerShape`]; only this module knows which operators a block
//! has and what each of them owns, so that parameters are counted in one place. It reads no files.

#[cfg(test)]
mod tests;

use super::graph::{Graph, Op, OpId, OpKind, Reach, Tokens, Unit};

/// Most transformer blocks that are read; the deepest published language models have a few hundred.
pub const LAYERS_MAX: u64 = 10_000;
/// Largest width, vocabulary, sequence or table in elements (2²⁴).
pub const WIDTH_MAX: u64 = 1 << 24;
/// Most attention heads of a block, and most elements of a head (2¹⁶).
pub const HEADS_MAX: u64 = 1 << 16;
/// Most sequences in one optimizer step (2³²).
pub const BATCH_MAX: u64 = 1 << 32;
/// Most trained parameters: a thousand times a 1-trillion-parameter model, and far from overflow.
pub const PARAMETERS_MAX: u64 = 1_000_000_000_000_000;

/// Most operations of a forward pass for one token, so that a backward pass still fits 64 bits.
pub const FLOPS_PER_TOKEN_MAX: u64 = 1_000_000_000_000_000_000;

/// What a normalisation owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// Scale and shift: two elements for each of its width.
    LayerNorm,
    /// Scale alone: one element for each of its width.
    RmsNorm,
}

impl NormKind {
    fn parameters(self, width: u64) -> u64 {
        match self {
            Self::LayerNorm => 2 * width,
            Self::RmsNorm => width,
        }
    }
}

/// Where a block normalises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormOrder {
    /// Before attention and before the feed-forward part, as GPT-2 and everything after it.
    Before,
    /// After each residual addition, as BERT.
    After,
}

/// Which projections add a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Biases {
    /// Query, key and value projections.
    pub qkv: bool,
    /// Output projection of attention.
    pub out: bool,
    /// All projections of the feed-forward part.
    pub ffn: bool,
    /// Projection to the vocabulary.
    pub head: bool,
}

impl Biases {
    /// No bias anywhere, as Llama.
    pub const NONE: Self = Self { qkv: false, out: false, ffn: false, head: false };
    /// A bias in every projection of a block and none in the head, as GPT-2.
    pub const BLOCKS: Self = Self { qkv: true, out: true, ffn: true, head: false };
}

/// Everything that decides the operators of a transformer and what they cost. Widths are in elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformerShape {
    /// Name for people.
    pub name: String,
    /// Family as its reader calls it.
    pub family: String,
    /// What exactly is counted.
    pub class: String,
    pub hidden: u64,
    pub layers: u64,
    pub heads: u64,
    /// Heads that have keys and values of their own; divides `heads`.
    pub kv_heads: u64,
    pub head_dim: u64,
    /// Inner width of the feed-forward part (of each half, if it is gated).
    pub ffn: u64,
    pub vocab: u64,
    /// Rows of the learned position table; 0 if positions cost no parameters.
    pub positions: u64,
    /// Rows of the token-type table; 0 if there is none.
    pub token_types: u64,
    pub norm: NormKind,
    pub order: NormOrder,
    pub bias: Biases,
    /// Whether the feed-forward part multiplies two halves (`SwiGLU` and its kin).
    pub gated: bool,
    /// Whether the head uses the token table of the embedding.
    pub tied: bool,
    /// Whether the sum of the embedding tables is normalised.
    pub embedding_norm: bool,
    /// Whether the last block is followed by a norm.
    pub final_norm: bool,
    /// BERT's masked-language-model transform with its bias, activation and norm, in front of the head.
    pub mlm_transform: bool,
    /// BERT's dense layer on the first token.
    pub pooler: bool,
    /// BERT's two-class next-sentence head; reads the pooler.
    pub next_sentence: bool,
    pub causal: bool,
    /// Tokens of one sequence.
    pub sequence: u64,
    /// Sequences in one optimizer step, if known.
    pub batch: Option<u64>,
    /// Handed on to the graph.
    pub warnings: Vec<String>,
}

/// Why a shape is no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    #[error("{what}: expected a whole number from 1 to {max}, found {found}")]
    Range { what: &'static str, max: u64, found: u64 },
    #[error("{what}: expected a number that {of} can be divided by, found {found}")]
    Division { what: &'static str, of: String, found: u64 },
    #[error("next-sentence head: expected a pooler for it to read, found none")]
    NoPooler,
    #[error("the sizes together: expected at most {PARAMETERS_MAX} parameters, found {found}")]
    TooManyParameters { found: u128 },
    #[error("the sizes together: expected at most 10^18 operations for one token, found about {found}")]
    TooManyOperations { found: u128 },
}

impl TransformerShape {
    /// A GPT-2-like decoder of this width, for families to differ from; what has no default is 1 or empty.
    pub fn decoder(hidden: u64, heads: u64) -> Self {
        Self {
            name: String::new(),
            family: String::new(),
            class: String::new(),
            hidden,
            layers: 1,
            heads,
            kv_heads: heads,
            head_dim: 1,
            ffn: 1,
            vocab: 1,
            positions: 0,
            token_types: 0,
            norm: NormKind::LayerNorm,
            order: NormOrder::Before,
            bias: Biases::BLOCKS,
            gated: false,
            tied: true,
            embedding_norm: false,
            final_norm: true,
            mlm_transform: false,
            pooler: false,
            next_sentence: false,
            causal: true,
            sequence: 1,
            batch: None,
            warnings: Vec::new(),
        }
    }

    /// Checks every size, alone and together.
    ///
    /// # Errors
    /// The first size that is zero, beyond its limit, or does not fit the others.
    pub fn check(&self) -> Result<(), ShapeError> {
        let range = |what, found, max| {
            if (1..=max).contains(&found) { Ok(()) } else { Err(ShapeError::Range { what, max, found }) }
        };
        range("layers", self.layers, LAYERS_MAX)?;
        range("hidden size", self.hidden, WIDTH_MAX)?;
        range("feed-forward size", self.ffn, WIDTH_MAX)?;
        range("vocabulary", self.vocab, WIDTH_MAX)?;
        range("sequence", self.sequence, WIDTH_MAX)?;
        range("heads", self.heads, HEADS_MAX)?;
        range("key-value heads", self.kv_heads, HEADS_MAX)?;
        range("head size", self.head_dim, HEADS_MAX)?;
        // Tables may be absent, and then have no rows.
        range("position table", self.positions.max(1), WIDTH_MAX)?;
        range("token types", self.token_types.max(1), WIDTH_MAX)?;
        range("batch", self.batch.unwrap_or(1), BATCH_MAX)?;
        if !self.heads.is_multiple_of(self.kv_heads) {
            let of = format!("{} heads", self.heads);
            return Err(ShapeError::Division { what: "key-value heads", of, found: self.kv_heads });
        }
        if self.next_sentence && !self.pooler {
            return Err(ShapeError::NoPooler);
        }
        let found = self.parameters_upper_bound();
        if found > u128::from(PARAMETERS_MAX) {
            return Err(ShapeError::TooManyParameters { found });
        }
        let found = self.forward_flops_upper_bound();
        if found > u128::from(FLOPS_PER_TOKEN_MAX) { Err(ShapeError::TooManyOperations { found }) } else { Ok(()) }
    }

    /// The operators in an order in which they can run.
    ///
    /// # Errors
    /// See [`Self::check`].
    pub fn graph(&self) -> Result<Graph, ShapeError> {
        self.check()?;
        let mut builder = Builder { shape: self, ops: Vec::new() };
        builder.build();
        Ok(Graph {
            name: self.name.clone(),
            family: self.family.clone(),
            ops: builder.ops,
            blocks: self.layers as u32,
            sequence: self.sequence,
            unit: Unit::Token,
            batch: self.batch,
            causal: self.causal,
            class: self.class.clone(),
            warnings: self.warnings.clone(),
            fusions: Vec::new(),
        })
    }

    /// Never less than the true count, and cannot overflow: every size fits 24 bits.
    fn parameters_upper_bound(&self) -> u128 {
        let [hidden, ffn, heads, kv_heads, head_dim] =
            [self.hidden, self.ffn, self.heads, self.kv_heads, self.head_dim].map(u128::from);
        let attention = (hidden + 1) * (2 * heads + 2 * kv_heads) * head_dim + hidden;
        let halves = if self.gated { 3 } else { 2 };
        let block = attention + halves * (hidden + 1) * (ffn + 1) + 4 * hidden;
        let tables = u128::from(self.positions + self.token_types + 2 * self.vocab + 8) * (hidden + 1);
        let extras = 2 * hidden * (hidden + 4);
        u128::from(self.layers) * block + tables + extras
    }

    /// Never less than the true count, like the bound above.
    fn forward_flops_upper_bound(&self) -> u128 {
        let scores = u128::from(self.heads * self.sequence) * u128::from(4 * self.head_dim + 5);
        let pointwise = u128::from(10 * self.hidden + 6 * self.ffn);
        let outside = u128::from(30 * self.hidden + 10 * self.vocab);
        u128::from(self.layers) * (scores + pointwise) + outside + 2 * self.parameters_upper_bound()
    }
}

/// Appends operators and remembers which one holds the residual stream.
struct Builder<'a> {
    shape: &'a TransformerShape,
    ops: Vec<Op>,
}

/// The residual stream: the branch that was computed last and the operator that holds the sum before it.
#[derive(Clone, Copy)]
struct Stream {
    branch: OpId,
    held_by: Option<OpId>,
}

impl Stream {
    fn inputs(self) -> Vec<OpId> {
        std::iter::once(self.branch).chain(self.held_by).collect()
    }
}

impl Builder<'_> {
    fn build(&mut self) {
        let shape = self.shape;
        let rows = shape.vocab + shape.positions + shape.token_types;
        let table = OpKind::Embedding { rows, width: shape.hidden };
        let embed = self.push(None, "embed", table, rows * shape.hidden, vec![]);
        let first = if shape.embedding_norm { self.norm(None, "embed.norm", vec![embed]) } else { embed };
        let mut stream = Stream { branch: first, held_by: None };
        for block in 0..shape.layers as u32 {
            stream = match shape.order {
                NormOrder::Before => self.block_norm_before(block, stream),
                NormOrder::After => self.block_norm_after(block, stream),
            };
        }
        let last = if shape.final_norm { vec![self.norm(None, "ln_f", stream.inputs())] } else { stream.inputs() };
        self.heads(embed, last);
    }

    fn block_norm_before(&mut self, block: u32, stream: Stream) -> Stream {
        let ln1 = self.norm_before(block, "ln1", stream.inputs());
        let attention = self.attention(block, vec![ln1]);
        let ln2 = self.norm_before(block, "ln2", vec![attention, ln1]);
        let down = self.feed_forward(block, ln2);
        Stream { branch: down, held_by: Some(ln2) }
    }

    fn block_norm_after(&mut self, block: u32, stream: Stream) -> Stream {
        let attention = self.attention(block, stream.inputs());
        let ln1 = self.norm(Some(block), "ln1", vec![attention, stream.branch]);
        let down = self.feed_forward(block, ln1);
        let ln2 = self.norm(Some(block), "ln2", vec![down, ln1]);
        Stream { branch: ln2, held_by: None }
    }

    fn attention(&mut self, block: u32, inputs: Vec<OpId>) -> OpId {
        let TransformerShape { hidden, heads, kv_heads, head_dim, bias, .. } = *self.shape;
        let width = (heads + 2 * kv_heads) * head_dim;
        let qkv = self.matmul(Some(block), "attn.qkv", (hidden, width), bias.qkv, inputs);
        let score = OpKind::Attention { heads, kv_heads, head_dim, value_dim: head_dim, reach: Reach::Sequence };
        let score = self.push(Some(block), "attn.score", score, 0, vec![qkv]);
        self.matmul(Some(block), "attn.out", (heads * head_dim, hidden), bias.out, vec![score])
    }

    fn feed_forward(&mut self, block: u32, input: OpId) -> OpId {
        let TransformerShape { hidden, ffn, gated, bias, .. } = *self.shape;
        let up_width = if gated { 2 * ffn } else { ffn };
        let up = self.matmul(Some(block), "mlp.up", (hidden, up_width), bias.ffn, vec![input]);
        let act = self.push(Some(block), "mlp.act", OpKind::Activation { width: ffn, gated }, 0, vec![up]);
        self.matmul(Some(block), "mlp.down", (ffn, hidden), bias.ffn, vec![act])
    }

    fn heads(&mut self, embed: OpId, last: Vec<OpId>) {
        let TransformerShape { hidden, vocab, .. } = *self.shape;
        let mut losses = Vec::new();
        if self.shape.pooler {
            let pooler = self.matmul(None, "pooler", (hidden, hidden), true, last.clone());
            let act = OpKind::Activation { width: hidden, gated: false };
            let pooled = self.push(None, "pooler.act", act, 0, vec![pooler]);
            self.on_first_token([pooler, pooled]);
            if self.shape.next_sentence {
                let nsp = self.matmul(None, "nsp", (hidden, 2), true, vec![pooled]);
                self.on_first_token([nsp]);
                losses.push(nsp);
            }
        }
        let mut input = last;
        if self.shape.mlm_transform {
            let transform = self.matmul(None, "mlm.transform", (hidden, hidden), true, input);
            let act = OpKind::Activation { width: hidden, gated: false };
            let act = self.push(None, "mlm.act", act, 0, vec![transform]);
            input = vec![self.norm(None, "mlm.norm", vec![act])];
        }
        let bias = if self.shape.bias.head { vocab } else { 0 };
        let owned = if self.shape.tied { 0 } else { hidden * vocab };
        let head = self.push(None, "head", OpKind::MatMul { k: hidden, n: vocab }, owned + bias, input);
        self.ops[head.0 as usize].weights_of = self.shape.tied.then_some(embed);
        losses.insert(0, head);
        self.push(None, "loss", OpKind::Loss { width: vocab }, 0, losses);
    }

    fn on_first_token<const N: usize>(&mut self, ids: [OpId; N]) {
        for id in ids {
            self.ops[id.0 as usize].tokens = Tokens::FIRST;
        }
    }

    /// A norm that hands on its output alone.
    fn norm(&mut self, block: Option<u32>, name: &str, inputs: Vec<OpId>) -> OpId {
        let width = self.shape.hidden;
        let kind = OpKind::Norm { width, keeps_sum: false };
        self.push(block, name, kind, self.shape.norm.parameters(width), inputs)
    }

    /// A norm in front of a branch, which hands on the residual stream as well.
    fn norm_before(&mut self, block: u32, name: &str, inputs: Vec<OpId>) -> OpId {
        let width = self.shape.hidden;
        let kind = OpKind::Norm { width, keeps_sum: true };
        self.push(Some(block), name, kind, self.shape.norm.parameters(width), inputs)
    }

    fn matmul(&mut self, block: Option<u32>, name: &str, (k, n): (u64, u64), biased: bool, inputs: Vec<OpId>) -> OpId {
        let bias = if biased { n } else { 0 };
        self.push(block, name, OpKind::MatMul { k, n }, k * n + bias, inputs)
    }

    fn push(&mut self, block: Option<u32>, name: &str, kind: OpKind, parameters: u64, inputs: Vec<OpId>) -> OpId {
        let id = OpId(self.ops.len() as u32);
        let name = name.to_owned();
        self.ops.push(Op { name, block, kind, parameters, weights_of: None, tokens: Tokens::Every, inputs });
        id
    }
}
