//! Blocks: parts in a row, and where each is normalised and added to the residual stream.

use super::attention::{Attention, Latent};
use super::builder::{Builder, Stream};
use super::feed_forward::{Experts, FeedForward};
use super::recurrence::Recurrence;
use super::{NormKind, TransformerShape};
use crate::workload::graph::{OpId, OpKind, Tokens};

/// One block of the residual stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub parts: Vec<Part>,
    /// Whether all parts read the same stream and are added at once, as in GPT-J and Falcon. Otherwise each reads what
    /// the one before it has left.
    pub parallel: bool,
    /// Whether shifts, scales and gates of all parts come from a condition, a vector for each sample (adaptive layer
    /// norm; Peebles & Xie 2023, arXiv:2212.09748).
    pub conditioned: bool,
}

impl Block {
    /// Parts one after the other.
    pub fn line(parts: Vec<Part>) -> Self {
        Self { parts, parallel: false, conditioned: false }
    }

    /// Parts side by side.
    pub fn parallel(parts: Vec<Part>) -> Self {
        Self { parts, parallel: true, conditioned: false }
    }
}

/// Where a part is normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `x + f(norm(x))`, as GPT-2 and most after it.
    Before,
    /// `norm(x + f(x))`, as BERT.
    After,
    /// `x + norm(f(x))`, as OLMo 2.
    Branch,
    /// `x + norm(f(norm(x)))`, as Gemma 2.
    Around,
    /// `x + f(y)` with the `y` of the part before it: parts side by side that share one norm.
    Shared,
}

/// One thing that a block adds to the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub work: Work,
    pub place: Place,
    pub norm: NormKind,
    /// Trained elements by which the branch is multiplied before it is added: the width (layer scale), one (a gate), or
    /// none.
    pub scale: u64,
}

impl Part {
    /// A part with this norm at this place.
    pub fn new(work: Work, place: Place, norm: NormKind) -> Self {
        Self { work, place, norm, scale: 0 }
    }
}

/// What a part does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    Attention(Attention),
    Latent(Latent),
    Recurrence(Recurrence),
    FeedForward(FeedForward),
    Experts(Experts),
    /// Reads the block's vector of this width beside the stream.
    Side(u64),
}

impl Builder<'_> {
    /// All blocks on a stream, numbered from `first`.
    pub(super) fn blocks(&mut self, blocks: &[Block], first: usize, mut stream: Stream) -> Stream {
        for (index, block) in blocks.iter().enumerate() {
            self.block = Some((first + index) as u32);
            stream = match (block.conditioned, block.parallel) {
                (true, _) => self.conditioned_block(block, stream),
                (false, true) => self.parallel_block(block, stream),
                (false, false) => self.line_block(block, stream),
            };
        }
        self.block = None;
        stream
    }

    fn line_block(&mut self, block: &Block, mut stream: Stream) -> Stream {
        for (index, part) in block.parts.iter().enumerate() {
            let name = format!("ln{}", index + 1);
            stream = match part.place {
                Place::Before | Place::Around | Place::Shared => {
                    let norm = self.norm_before(&name, part.norm, stream.inputs());
                    let mut branch = self.part(part, norm);
                    if part.place == Place::Around {
                        branch = self.norm(&format!("{name}.post"), part.norm, vec![branch]);
                    }
                    Stream { branch, held_by: Some(norm) }
                }
                Place::After => {
                    let stream = self.summed(stream);
                    let branch = self.part(part, stream);
                    Stream::alone(self.norm(&name, part.norm, vec![branch, stream]))
                }
                Place::Branch => {
                    let stream = self.summed(stream);
                    let branch = self.part(part, stream);
                    let branch = self.norm(&name, part.norm, vec![branch]);
                    Stream { branch, held_by: Some(stream) }
                }
            };
        }
        stream
    }

    /// All branches read one stream; with one norm it is that norm who holds the stream, with several a sum of its own.
    fn parallel_block(&mut self, block: &Block, stream: Stream) -> Stream {
        let norms = block.parts.iter().filter(|part| part.place == Place::Before).count();
        let held_by;
        let mut normed;
        if norms > 1 {
            held_by = self.summed(stream);
            normed = held_by;
        } else {
            held_by = self.norm_before("ln1", block.parts[0].norm, stream.inputs());
            normed = held_by;
        }
        let mut branches = Vec::new();
        for (index, part) in block.parts.iter().enumerate() {
            if norms > 1 && part.place == Place::Before {
                normed = self.norm(&format!("ln{}", index + 1), part.norm, vec![held_by]);
            }
            branches.push(self.part(part, normed));
        }
        let branch = self.sum("sum", branches);
        Stream { branch, held_by: Some(held_by) }
    }

    /// Every part is shifted, scaled and gated by its share of one product with the condition.
    fn conditioned_block(&mut self, block: &Block, mut stream: Stream) -> Stream {
        let hidden = self.hidden;
        let shares = 3 * block.parts.len() as u64;
        let condition = self.condition.expect("a conditioned block has a condition");
        let tokens = std::mem::replace(&mut self.tokens, Tokens::FIRST);
        let shifts = self.matmul("cond", (hidden, shares * hidden), true, vec![condition]);
        self.tokens = tokens;
        for (index, part) in block.parts.iter().enumerate() {
            let name = format!("ln{}", index + 1);
            let norm = self.norm_before(&name, part.norm, stream.inputs());
            let modulate = OpKind::Elementwise { width: hidden, operands: 3 };
            let input = self.push(&format!("{name}.shift"), modulate, 0, vec![norm, shifts]);
            let branch = self.part(part, input);
            let gate = OpKind::Elementwise { width: hidden, operands: 2 };
            let branch = self.push(&format!("{name}.gate"), gate, 0, vec![branch, shifts]);
            stream = Stream { branch, held_by: Some(norm) };
        }
        stream
    }

    fn part(&mut self, part: &Part, input: OpId) -> OpId {
        let branch = match &part.work {
            Work::Attention(attention) => self.attention(attention, input),
            Work::Latent(latent) => self.latent(latent, input),
            Work::Recurrence(recurrence) => self.recurrence(recurrence, input),
            Work::FeedForward(feed_forward) => self.feed_forward("mlp", feed_forward, input),
            Work::Experts(experts) => self.experts(experts, input),
            Work::Side(width) => self.side(*width, input),
        };
        if part.scale == 0 {
            return branch;
        }
        let name = format!("{}.scale", part.work.prefix());
        let kind = OpKind::Elementwise { width: self.hidden, operands: 1 };
        self.push(&name, kind, part.scale, vec![branch])
    }
}

impl Work {
    /// How the names of its operators begin.
    fn prefix(&self) -> &'static str {
        match self {
            Self::Attention(attention) => attention.prefix(),
            Self::Latent(_) => "attn",
            Self::Recurrence(_) => "ssm",
            Self::FeedForward(_) => "mlp",
            Self::Experts(_) => "moe",
            Self::Side(_) => "side",
        }
    }
}

impl TransformerShape {
    /// Whether a part of any block is so.
    pub(super) fn any_part(&self, test: impl Fn(&Part) -> bool) -> bool {
        self.blocks.iter().flat_map(|block| &block.parts).any(test)
    }
}
