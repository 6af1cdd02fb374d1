//! What runs before the blocks: the encoder whose output they look at, or the picture that they work on.

use super::builder::{Builder, Memory, Stream};
use super::{Block, NormKind, Tables};
use crate::workload::graph::{Convolution, OpId, OpKind, Tokens};

/// What feeds the blocks beside their own tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Front {
    /// States of another model, which cross-attention looks at; they cost nothing here.
    Given { positions: u64, width: u64 },
    /// An encoder, whose output cross-attention looks at.
    Encoder(Stack),
    /// A picture cut into patches.
    Picture(Picture),
}

impl Front {
    /// Blocks in it.
    pub(super) fn blocks(&self) -> usize {
        match self {
            Self::Given { .. } => 0,
            Self::Encoder(stack) => stack.blocks.len(),
            Self::Picture(picture) => picture.blocks.len(),
        }
    }
}

/// A line of blocks on tables of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    pub tables: Tables,
    /// Whether the model behind it looks its tokens up in the same table.
    pub lends_table: bool,
    /// Tokens of one of its sequences.
    pub positions: u64,
    pub blocks: Vec<Block>,
    pub final_norm: Option<NormKind>,
}

/// A picture cut into patches, each a token, and the blocks that work on them before the model itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub channels: u64,
    /// Height and width of a patch in pixels.
    pub patch: [u64; 2],
    /// Patches down and across.
    pub grid: [u64; 2],
    /// Whether the projection of a patch has a bias.
    pub bias: bool,
    /// Tokens beside the patches, such as a class token.
    pub more_tokens: u64,
    /// Trained vectors of the stream's width: positions, class token, mask token.
    pub rows: u64,
    pub norm: Option<NormKind>,
    /// Width of the stream of patches.
    pub hidden: u64,
    /// Blocks of an encoder in front of the model; none if the model's own blocks work on the patches.
    pub blocks: Vec<Block>,
    pub final_norm: Option<NormKind>,
    /// Widths of the layers that lead from the encoder to the model, with biases and activations between them.
    pub projector: Vec<u64>,
    /// Rows of the table of classes and inner width of the time step, if blocks are conditioned on both.
    pub condition: Option<[u64; 2]>,
}

impl Picture {
    /// Tokens that the blocks work on.
    pub fn positions(&self) -> u64 {
        self.grid[0].saturating_mul(self.grid[1]).saturating_add(self.more_tokens)
    }
}

impl Builder<'_> {
    /// Builds it; the operator whose output enters the stream, if one does.
    pub(super) fn front(&mut self, front: &Front) -> Option<OpId> {
        match front {
            &Front::Given { positions, width } => {
                self.tokens = Tokens::Count(positions);
                let op = self.push("memory", OpKind::Embedding { rows: positions, width }, 0, vec![]);
                self.tokens = Tokens::Every;
                self.memory = Some(Memory { op, positions, width });
                None
            }
            Front::Encoder(stack) => {
                self.prefix = "enc.";
                self.tokens = Tokens::Count(stack.positions);
                let (_, start) = self.tables(&stack.tables, None);
                let op = self.stack(&stack.blocks, stack.final_norm, start);
                self.prefix = "";
                self.tokens = Tokens::Every;
                self.memory = Some(Memory { op, positions: stack.positions, width: self.hidden });
                None
            }
            Front::Picture(picture) => Some(self.picture(picture)),
        }
    }

    fn stack(&mut self, blocks: &[Block], final_norm: Option<NormKind>, start: OpId) -> OpId {
        let stream = self.blocks(blocks, 0, Stream::alone(start));
        match final_norm {
            Some(norm) => self.norm("ln_f", norm, stream.inputs()),
            None => self.summed(stream),
        }
    }

    fn picture(&mut self, picture: &Picture) -> OpId {
        let hidden = std::mem::replace(&mut self.hidden, picture.hidden);
        if !picture.blocks.is_empty() {
            self.prefix = "vision.";
        }
        if let Some([classes, frequencies]) = picture.condition {
            self.condition(classes, frequencies);
        }
        self.tokens = Tokens::Count(picture.positions());
        let mut start = self.patches(picture);
        if let Some(norm) = picture.norm {
            start = self.norm("embed.norm", norm, vec![start]);
        }
        if picture.blocks.is_empty() {
            // The model's own blocks work on the patches and on nothing else.
            return start;
        }
        let mut entry = self.stack(&picture.blocks, picture.final_norm, start);
        self.prefix = "";
        let mut width = picture.hidden;
        for (index, &next) in picture.projector.iter().enumerate() {
            if index > 0 {
                entry = self.activation(&format!("projector.act{index}"), width, false, vec![entry]);
            }
            entry = self.matmul(&format!("projector.{}", index + 1), (width, next), true, vec![entry]);
            width = next;
        }
        self.hidden = hidden;
        self.tokens = Tokens::Every;
        entry
    }

    /// Patches as tokens, with what is trained beside them.
    fn patches(&mut self, picture: &Picture) -> OpId {
        let Picture { channels, patch, grid, hidden, .. } = *picture;
        let kind = OpKind::Convolution(Convolution {
            in_channels: channels,
            out_channels: hidden,
            groups: 1,
            window: patch,
            stride: patch,
            output: grid,
        });
        let pixels = channels.saturating_mul(patch[0]).saturating_mul(patch[1]);
        let owned = pixels.saturating_mul(hidden).saturating_add(if picture.bias { hidden } else { 0 });
        let tokens = std::mem::replace(&mut self.tokens, Tokens::Count(grid[0].saturating_mul(grid[1])));
        let patches = self.push("patch", kind, owned, vec![]);
        self.tokens = tokens;
        let kind = OpKind::Elementwise { width: hidden, operands: 2 };
        self.push("embed", kind, picture.rows.saturating_mul(hidden), vec![patches])
    }

    /// The sum of a class's vector and of the time step's, which conditioned blocks read.
    fn condition(&mut self, classes: u64, frequencies: u64) {
        let hidden = self.hidden;
        self.tokens = Tokens::FIRST;
        let label = self.push("label", OpKind::Embedding { rows: classes, width: hidden }, classes * hidden, vec![]);
        let step = self.push("time", OpKind::Embedding { rows: 1, width: frequencies }, 0, vec![]);
        let up = self.matmul("time.up", (frequencies, hidden), true, vec![step]);
        let act = self.activation("time.act", hidden, false, vec![up]);
        let down = self.matmul("time.down", (hidden, hidden), true, vec![act]);
        let sum = self.sum("condition", vec![label, down]);
        self.condition = Some(self.activation("condition.act", hidden, false, vec![sum]));
    }
}
