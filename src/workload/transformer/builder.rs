//! Appends operators one by one and knows where the residual stream is; what a part consists of, its own file says.

use super::{NormKind, Tables, TransformerShape};
use crate::workload::graph::{Op, OpId, OpKind, Tokens};

/// The graph under construction, with what holds for the operators pushed next.
pub(super) struct Builder<'a> {
    pub(super) shape: &'a TransformerShape,
    pub(super) ops: Vec<Op>,
    /// Block that operators belong to.
    pub(super) block: Option<u32>,
    /// Positions that operators work on.
    pub(super) tokens: Tokens,
    /// Width of the residual stream.
    pub(super) hidden: u64,
    /// In front of every name: empty, or `enc.` and the like for a second network.
    pub(super) prefix: &'static str,
    /// What cross-attention reads, its positions and its width.
    pub(super) memory: Option<Memory>,
    /// What parts with side vectors read.
    pub(super) side: Option<OpId>,
    /// What conditioned blocks read.
    pub(super) condition: Option<OpId>,
}

/// Another sequence that attention may look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    pub(super) op: OpId,
    pub(super) positions: u64,
    pub(super) width: u64,
}

/// The residual stream: the branch that was computed last and the operator that holds the sum before it.
#[derive(Clone, Copy)]
pub(super) struct Stream {
    pub(super) branch: OpId,
    pub(super) held_by: Option<OpId>,
}

impl Stream {
    /// A stream that one operator holds.
    pub(super) fn alone(op: OpId) -> Self {
        Self { branch: op, held_by: None }
    }

    /// What a reader that adds for itself takes in.
    pub(super) fn inputs(self) -> Vec<OpId> {
        std::iter::once(self.branch).chain(self.held_by).collect()
    }
}

impl<'a> Builder<'a> {
    pub(super) fn new(shape: &'a TransformerShape) -> Self {
        Self {
            shape,
            ops: Vec::new(),
            block: None,
            tokens: Tokens::Every,
            hidden: shape.hidden,
            prefix: "",
            memory: None,
            side: None,
            condition: None,
        }
    }

    /// All operators of the model.
    pub(super) fn build(mut self) -> Vec<Op> {
        let shape = self.shape;
        let front = shape.front.as_ref();
        let first = front.map_or(0, super::Front::blocks);
        let entry = front.and_then(|front| self.front(front));
        let lent = matches!(front, Some(super::Front::Encoder(stack)) if stack.lends_table);
        let lender = if lent { self.ops.iter().position(|op| op.name == "enc.embed") } else { None };
        let lender = lender.map(|index| OpId(index as u32));
        let embed = shape.tables.as_ref().map(|tables| self.tables(tables, lender));
        let start = match (embed, entry) {
            (Some((_, tables)), Some(picture)) => self.sum("join", vec![tables, picture]),
            (Some((_, start)), None) | (None, Some(start)) => start,
            (None, None) => unreachable!("checked: a model has tables or a picture"),
        };
        if let Some(side) = shape.side {
            self.side_vectors(side, start);
        }
        let stream = self.blocks(&shape.blocks, first, Stream::alone(start));
        let last = match shape.final_norm {
            Some(norm) => vec![self.norm("ln_f", norm, stream.inputs())],
            None => stream.inputs(),
        };
        self.head(embed.map(|(table, _)| table), last);
        self.ops
    }

    /// The sum of the tables: the operator that owns the token table, and the one that holds the sum. A `lender` owns
    /// the token table already.
    pub(super) fn tables(&mut self, tables: &Tables, lender: Option<OpId>) -> (OpId, OpId) {
        let extra = tables.positions + tables.token_types + tables.more_rows;
        let width = tables.width.unwrap_or(self.hidden);
        let factorised = width != self.hidden;
        let rows = if factorised { tables.vocab } else { tables.vocab + extra };
        let owned = if lender.is_some() { rows - tables.vocab } else { rows };
        let table = self.push("embed", OpKind::Embedding { rows, width }, owned.saturating_mul(width), vec![]);
        self.ops[table.0 as usize].weights_of = lender;
        let mut sum = table;
        if factorised {
            sum = self.matmul("embed.project", (width, self.hidden), tables.width_bias, vec![table]);
            if extra > 0 {
                let kind = OpKind::Embedding { rows: extra, width: self.hidden };
                let positions = self.push("embed.positions", kind, extra * self.hidden, vec![]);
                sum = self.sum("embed.sum", vec![sum, positions]);
            }
        }
        if let Some(norm) = tables.norm {
            sum = self.norm("embed.norm", norm, vec![sum]);
        }
        (lender.unwrap_or(table), sum)
    }

    /// One operator that holds the stream.
    pub(super) fn summed(&mut self, stream: Stream) -> OpId {
        match stream.held_by {
            None => stream.branch,
            Some(_) => self.sum("sum", stream.inputs()),
        }
    }

    /// The sum of what is as wide as the stream.
    pub(super) fn sum(&mut self, name: &str, inputs: Vec<OpId>) -> OpId {
        let name = self.fresh(name);
        let kind = OpKind::Elementwise { width: self.hidden, operands: inputs.len() as u64 };
        self.push(&name, kind, 0, inputs)
    }

    /// The name, or the name with the first free number if the block has it already.
    fn fresh(&self, name: &str) -> String {
        let taken = |name: &str| {
            let full = format!("{}{name}", self.prefix);
            let block = self.ops.iter().rev().take_while(|op| op.block == self.block);
            block.into_iter().any(|op| op.name == full)
        };
        let numbered = (2..).map(|number: u32| format!("{name}{number}"));
        std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }

    /// A norm of the stream's width that hands on its output alone.
    pub(super) fn norm(&mut self, name: &str, norm: NormKind, inputs: Vec<OpId>) -> OpId {
        let width = self.hidden;
        self.push(name, OpKind::Norm { width, keeps_sum: false }, norm.parameters(width), inputs)
    }

    /// A norm in front of a branch, which hands on the residual stream as well.
    pub(super) fn norm_before(&mut self, name: &str, norm: NormKind, inputs: Vec<OpId>) -> OpId {
        let width = self.hidden;
        self.push(name, OpKind::Norm { width, keeps_sum: true }, norm.parameters(width), inputs)
    }

    /// A norm over `width` elements that owns `parameters`.
    pub(super) fn inner_norm(&mut self, name: &str, width: u64, parameters: u64, input: OpId) -> OpId {
        self.push(name, OpKind::Norm { width, keeps_sum: false }, parameters, vec![input])
    }

    pub(super) fn matmul(&mut self, name: &str, (k, n): (u64, u64), biased: bool, inputs: Vec<OpId>) -> OpId {
        let bias = if biased { n } else { 0 };
        self.push(name, OpKind::MatMul { k, n }, k.saturating_mul(n).saturating_add(bias), inputs)
    }

    pub(super) fn activation(&mut self, name: &str, width: u64, gated: bool, inputs: Vec<OpId>) -> OpId {
        self.push(name, OpKind::Activation { width, gated }, 0, inputs)
    }

    pub(super) fn push(&mut self, name: &str, kind: OpKind, parameters: u64, inputs: Vec<OpId>) -> OpId {
        let id = OpId(self.ops.len() as u32);
        let name = format!("{}{name}", self.prefix);
        let (block, tokens) = (self.block, self.tokens);
        self.ops.push(Op { name, block, kind, parameters, weights_of: None, tokens, inputs });
        id
    }
}
