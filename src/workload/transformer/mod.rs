//! Transformers and their kin as plain data, and the operator graph that they amount to.
//!
//! Every reader and every built-in model fills a [`TransformerShape`]; only this module knows which operators a block
//! has and what each of them owns, so that parameters are counted in one place. It reads no files.
//!
//! A model is a line of blocks between tables and a head. A block is a line of parts (attention, a recurrence, a
//! feed-forward network, experts) that each add to the residual stream; where a part is normalised is its [`Place`].

mod attention;
mod block;
mod builder;
mod feed_forward;
mod front;
mod head;
mod limits;
mod recurrence;
mod side;

#[cfg(test)]
mod tests;

pub use attention::{Attention, Biases, Latent, QkNorm};
pub use block::{Block, Part, Place, Work};
pub use feed_forward::{Choice, Experts, FeedForward};
pub use front::{Front, Picture, Stack};
pub use head::{Head, Pooler, Scores, Tower};
pub use limits::{BATCH_MAX, FLOPS_PER_TOKEN_MAX, HEADS_MAX, LAYERS_MAX, PARAMETERS_MAX, ShapeError, WIDTH_MAX};
pub use recurrence::{Convolved, Recurrence};
pub use side::Side;

use super::graph::{Graph, Unit};
use builder::Builder;

/// What a normalisation owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// Scale and shift: two elements for each of its width.
    LayerNorm,
    /// Scale alone: one element for each of its width.
    RmsNorm,
    /// Neither.
    Plain,
}

impl NormKind {
    fn parameters(self, width: u64) -> u64 {
        match self {
            Self::LayerNorm => 2 * width,
            Self::RmsNorm => width,
            Self::Plain => 0,
        }
    }
}

/// The tables that a token is looked up in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    pub vocab: u64,
    /// Rows of the learned position table; 0 if positions cost no parameters.
    pub positions: u64,
    /// Rows of the token-type table; 0 if there is none.
    pub token_types: u64,
    /// Width of the token table if it is not the hidden size; a projection follows.
    pub width: Option<u64>,
    /// Whether that projection has a bias.
    pub width_bias: bool,
    /// The norm of the tables' sum, if there is one.
    pub norm: Option<NormKind>,
    /// Rows of further tables of the hidden size, as for pictures or languages.
    pub more_rows: u64,
}

impl Tables {
    /// A token table alone.
    pub fn tokens(vocab: u64) -> Self {
        Self { vocab, positions: 0, token_types: 0, width: None, width_bias: false, norm: None, more_rows: 0 }
    }
}

/// Everything that decides the operators of a model and what they cost. Widths are in elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformerShape {
    /// Name for people.
    pub name: String,
    /// Family as its reader calls it.
    pub family: String,
    /// What exactly is counted.
    pub class: String,
    /// Width of the residual stream.
    pub hidden: u64,
    /// Tables of the tokens; `None` for a network that reads pictures alone.
    pub tables: Option<Tables>,
    /// What runs before the blocks and feeds them: an encoder, a picture.
    pub front: Option<Front>,
    /// Vectors that blocks read beside the stream.
    pub side: Option<Side>,
    pub blocks: Vec<Block>,
    /// The norm after the last block, if there is one.
    pub final_norm: Option<NormKind>,
    pub head: Head,
    pub causal: bool,
    /// Tokens of one sequence; 1 for a network on pictures.
    pub sequence: u64,
    pub unit: Unit,
    /// Sequences in one optimizer step, if known.
    pub batch: Option<u64>,
    /// Handed on to the graph.
    pub warnings: Vec<String>,
}

impl TransformerShape {
    /// A causal language model of `blocks` with tables and a tied head for `vocab`, for families to differ from.
    pub fn decoder(hidden: u64, vocab: u64, sequence: u64, blocks: Vec<Block>) -> Self {
        Self {
            name: String::new(),
            family: String::new(),
            class: String::new(),
            hidden,
            tables: Some(Tables::tokens(vocab)),
            front: None,
            side: None,
            blocks,
            final_norm: Some(NormKind::LayerNorm),
            head: Head::language(vocab),
            causal: true,
            sequence,
            unit: Unit::Token,
            batch: None,
            warnings: Vec::new(),
        }
    }

    /// The operators in an order in which they can run.
    ///
    /// # Errors
    /// One sentence if a size is out of range, if sizes do not fit together, or if together they are absurd.
    pub fn graph(&self) -> Result<Graph, ShapeError> {
        limits::check_shape(self)?;
        let ops = Builder::new(self).build();
        limits::check_ops(&ops, self.sequence)?;
        let before = self.front.as_ref().map_or(0, Front::blocks);
        Ok(Graph {
            name: self.name.clone(),
            family: self.family.clone(),
            ops,
            blocks: (before + self.blocks.len()) as u32,
            sequence: self.sequence,
            unit: self.unit,
            batch: self.batch,
            causal: self.causal,
            class: self.class.clone(),
            warnings: self.warnings.clone(),
            fusions: Vec::new(),
        })
    }
}
