//! One operator graph for every model, whatever file it came from.
//!
//! Counts are per token of a sequence of `Graph::sequence` tokens, so that batch and precision stay with the task; for
//! a network on pictures the "token" is a picture and a sequence holds one. A multiply-add counts as two operations.
//! Attention counts all scores within its reach, masked or not, as kernels compute them.

/// Index of an operator in [`Graph::ops`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u32);

/// What an operator does at one position, with its shape in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OpKind {
    /// Looks up one row of `rows × width` for every position (token, position and type tables together).
    Embedding { rows: u64, width: u64 },
    /// Layer norm, RMS norm or batch norm over `width`. One that `keeps_sum` stands in front of a branch and hands on the
    /// sum of its inputs, the residual stream, beside its own output.
    Norm { width: u64, keeps_sum: bool },
    /// `[1 × k] · [k × n]`, plus bias.
    MatMul { k: u64, n: u64 },
    /// The same with `chosen` of `experts` matrices, which a router picks for every position.
    Experts { k: u64, n: u64, experts: u64, chosen: u64 },
    /// Scores, softmax and weighted values for `heads` query heads of `head_dim`; keys and values have `kv_heads`, values
    /// are `value_dim` wide.
    Attention { heads: u64, kv_heads: u64, head_dim: u64, value_dim: u64, reach: Reach },
    /// Sums of a window of `in_channels / groups` channels; one position is one pixel of the output.
    Convolution(Convolution),
    /// The largest or the mean of a window of `taps` pixels of each of `width` channels.
    Pooling { width: u64, taps: u64 },
    /// Pointwise function over `width`; a gated one multiplies two halves.
    Activation { width: u64, gated: bool },
    /// Sum, product or the like of `operands` tensors of `width`, one element at a time.
    Elementwise { width: u64, operands: u64 },
    /// A recurrence along the sequence with `state` elements for each of `width` channels (state space models).
    Scan { width: u64, state: u64 },
    /// Softmax over `width` classes and the loss.
    Loss { width: u64 },
}

/// The shape of a convolution, in pixels and channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Convolution {
    pub in_channels: u64,
    pub out_channels: u64,
    /// Channels are cut into this many groups that do not mix; divides both.
    pub groups: u64,
    /// Height and width of the window.
    pub window: [u64; 2],
    /// Pixels of the input from one window to the next, down and across.
    pub stride: [u64; 2],
    /// Height and width of the output.
    pub output: [u64; 2],
}

impl Convolution {
    /// Multiply-adds of one element of the output.
    pub fn inputs(&self) -> u64 {
        self.in_channels / self.groups * self.window[0] * self.window[1]
    }
}

/// Which keys a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// All of its sequence.
    Sequence,
    /// The nearest ones, at most this many (a sliding window).
    Window(u64),
    /// A memory of this many positions that is not its own sequence (cross-attention).
    Memory(u64),
}

impl Reach {
    /// Keys of one query in a sequence of `positions`.
    pub fn keys(self, positions: u64) -> u64 {
        match self {
            Self::Sequence => positions,
            Self::Window(window) => window.min(positions),
            Self::Memory(memory) => memory,
        }
    }
}

/// Which positions an operator works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tokens {
    /// Every token of the sequence.
    Every,
    /// So many positions for each sequence, whatever its length: the first token alone (BERT's pooler and what reads it),
    /// an encoder's tokens, the pixels of a picture. The sequence shares the work.
    Count(u64),
}

impl Tokens {
    /// The first token alone.
    pub const FIRST: Self = Self::Count(1);

    /// Positions in one sequence of `sequence` tokens.
    pub fn positions(self, sequence: u64) -> u64 {
        match self {
            Self::Every => sequence,
            Self::Count(count) => count,
        }
    }
}

/// What a graph counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Tokens of a text.
    Token,
    /// Whole samples: a sequence of one "token" is a picture.
    Sample,
}

impl Unit {
    /// The word for one of them.
    pub fn word(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Sample => "sample",
        }
    }
}

/// An operator that multiplies by weights, seen as `outputs` sums of `inputs` products at every position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Product {
    pub inputs: u64,
    pub outputs: u64,
    /// Matrices that are held, and how many of them a position uses.
    pub experts: u64,
    pub chosen: u64,
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

/// A decision of a reader to let one operator do the work of another one of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fusion {
    /// The operator that stays.
    pub into: OpId,
    /// Name and kind in the file of the one that is part of it now.
    pub absorbed: String,
    pub because: String,
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
    /// What a token is: a token of a text, or a whole sample.
    pub unit: Unit,
    /// Sequences in one optimizer step as the file gives it, if it does.
    pub batch: Option<u64>,
    /// Whether a position sees only those before it.
    pub causal: bool,
    /// What exactly was counted: `GPT2LMHeadModel`.
    pub class: String,
    /// What the reader did not understand or had to assume; each names the key.
    pub warnings: Vec<String>,
    /// What the reader fused, in the order in which it did.
    pub fusions: Vec<Fusion>,
}

impl Op {
    /// Elements of its output at one position.
    pub fn output_width(&self) -> u64 {
        match self.kind {
            OpKind::Embedding { width, .. }
            | OpKind::Norm { width, .. }
            | OpKind::Pooling { width, .. }
            | OpKind::Activation { width, .. }
            | OpKind::Elementwise { width, .. }
            | OpKind::Scan { width, .. } => width,
            OpKind::MatMul { n, .. } => n,
            OpKind::Experts { n, chosen, .. } => n * chosen,
            OpKind::Attention { heads, value_dim, .. } => heads * value_dim,
            OpKind::Convolution(shape) => shape.out_channels,
            OpKind::Loss { .. } => 1,
        }
    }

    /// Elements that it takes in for one position of its output.
    pub fn input_width(&self) -> u64 {
        match self.kind {
            OpKind::MatMul { k, .. } | OpKind::Experts { k, .. } => k,
            OpKind::Attention { heads, kv_heads, head_dim, value_dim, .. } => {
                heads * head_dim + kv_heads * (head_dim + value_dim)
            }
            OpKind::Convolution(shape) => shape.in_channels * shape.stride[0] * shape.stride[1],
            // A position takes in the number of one row.
            OpKind::Embedding { .. } => 1,
            OpKind::Activation { width, gated: true } => 2 * width,
            OpKind::Elementwise { width, operands } => width * operands,
            OpKind::Loss { width } => width,
            _ => self.output_width(),
        }
    }

    /// The operator as a product with weights; `None` if it multiplies by none.
    pub fn product(&self) -> Option<Product> {
        match self.kind {
            OpKind::MatMul { k, n } => Some(Product { inputs: k, outputs: n, experts: 1, chosen: 1 }),
            OpKind::Experts { k, n, experts, chosen } => Some(Product { inputs: k, outputs: n, experts, chosen }),
            OpKind::Convolution(shape) => {
                Some(Product { inputs: shape.inputs(), outputs: shape.out_channels, experts: 1, chosen: 1 })
            }
            _ => None,
        }
    }

    /// Weight elements that must be present to run it, tied ones included.
    pub fn weight_elements(&self) -> u64 {
        match self.product() {
            Some(product) => self.parameters.max(product.inputs * product.outputs * product.experts),
            None => self.parameters,
        }
    }

    /// Operations of the forward pass at one position of a sequence of `sequence` tokens.
    pub fn forward_flops_per_position(&self, sequence: u64) -> u64 {
        match self.kind {
            // A look-up moves data and adds nothing but the tables' sum, which is left out.
            OpKind::Embedding { .. } => 0,
            // A norm takes mean, variance, scale and shift; a softmax its maximum, difference, exponent, sum and quotient.
            OpKind::Norm { width, .. } | OpKind::Loss { width } => 5 * width,
            OpKind::MatMul { .. } | OpKind::Experts { .. } | OpKind::Convolution(_) => {
                self.product().map_or(0, |product| 2 * product.inputs * product.outputs * product.chosen)
            }
            // q·k is 2·head_dim a score and p·v 2·value_dim; softmax is counted as five operations a score.
            OpKind::Attention { heads, head_dim, value_dim, reach, .. } => {
                heads * reach.keys(self.tokens.positions(sequence)) * (2 * head_dim + 2 * value_dim + 5)
            }
            OpKind::Pooling { width, taps } => width * taps,
            OpKind::Activation { width, gated } => width * if gated { 6 } else { 5 },
            OpKind::Elementwise { width, operands } => width * operands.saturating_sub(1).max(1),
            // Decay times state, input times its weight, their sum, and the weighted sum of the state: three multiply-adds.
            OpKind::Scan { width, state } => 6 * width * state,
        }
    }

    /// Operations of the forward pass for one token of a sequence of `sequence` tokens.
    ///
    /// Work on other positions than the tokens is spread over the sequence and rounded up.
    pub fn forward_flops_per_token(&self, sequence: u64) -> u64 {
        let flops = self.forward_flops_per_position(sequence);
        match self.tokens {
            Tokens::Every => flops,
            Tokens::Count(count) => flops.saturating_mul(count).div_ceil(sequence.max(1)),
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

    /// Trained parameters that one token meets: of experts, only those that are chosen for it.
    pub fn active_parameters(&self) -> u64 {
        let active = |op: &Op| match op.kind {
            OpKind::Experts { experts, chosen, .. } => op.parameters / experts.max(1) * chosen,
            _ => op.parameters,
        };
        self.ops.iter().map(active).sum()
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

    /// Multiply-adds of one forward pass over a whole sequence: those with weights and those of attention.
    pub fn multiply_adds_per_sequence(&self) -> u64 {
        let of = |op: &Op| {
            let positions = op.tokens.positions(self.sequence);
            let each = match (op.product(), op.kind) {
                (Some(product), _) => product.inputs * product.outputs * product.chosen,
                (None, OpKind::Attention { heads, head_dim, value_dim, reach, .. }) => {
                    heads * reach.keys(positions) * (head_dim + value_dim)
                }
                _ => 0,
            };
            each.saturating_mul(positions)
        };
        self.ops.iter().map(of).fold(0, u64::saturating_add)
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
