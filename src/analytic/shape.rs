//! The sizes of a language model that the inference kernels depend on, read off the operators of its graph.

use thiserror::Error;

use super::FP16_BYTES;
use crate::workload::graph::Reach;
use crate::workload::{Graph, Op, OpKind};

/// A decoder of equal blocks, widths in elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub name: String,
    pub layers: u64,
    pub hidden: u64,
    /// All query heads side by side.
    pub query_width: u64,
    /// All key heads side by side; values are taken to be as wide.
    pub kv_width: u64,
    pub feed_forward: u64,
    /// Whether the feed-forward part multiplies two halves.
    pub gated: bool,
    pub vocabulary: u64,
    /// Trained parameters, tied ones once.
    pub parameters: u64,
    /// Keys that a query sees.
    pub reach: Reach,
}

/// Why the inference kernels cannot be priced for a model: one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ShapeError {
    #[error("the kernels of inference are those of decoders, and {name} sees the whole sequence at once")]
    NotCausal { name: String },
    #[error("the kernels of inference are those of transformers of equal blocks, and {name} {why}")]
    NotUniform { name: String, why: &'static str },
}

/// How keys and values are held while a layer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heads {
    /// One head as wide as the model for queries, keys and values, as in `WaferLLM`'s released kernels.
    FullWidth,
    /// Keys and values as narrow as the model has them.
    Grouped,
}

/// Tiles of a layer's widths on one core of a square grid, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    pub model: u64,
    pub query: u64,
    pub values: u64,
    pub feed_forward: u64,
}

impl Shape {
    /// Reads the sizes off `graph`.
    ///
    /// # Errors
    /// If the graph is no decoder of equal blocks with one attention and one feed-forward part each.
    pub fn of(graph: &Graph) -> Result<Self, ShapeError> {
        let name = || graph.name.clone();
        let uneven = |why| ShapeError::NotUniform { name: name(), why };
        if !graph.causal {
            return Err(ShapeError::NotCausal { name: name() });
        }
        let block: Vec<&Op> = graph.ops.iter().filter(|op| op.block == Some(0)).collect();
        let unusual = |op: &&&Op| {
            !matches!(
                op.kind,
                OpKind::Norm { .. } | OpKind::MatMul { .. } | OpKind::Attention { .. } | OpKind::Activation { .. }
            )
        };
        if block.is_empty() || graph.ops.iter().any(|op| matches!(op.kind, OpKind::Experts { .. })) {
            return Err(uneven(if block.is_empty() { "has none" } else { "has experts" }));
        }
        if block.iter().any(|op| unusual(&op)) {
            return Err(uneven("has other operators than norms, products, attention and activations"));
        }
        if !(1..graph.blocks).all(|number| same_kinds(graph, &block, number)) {
            return Err(uneven("has blocks that differ"));
        }
        let mut attentions = block.iter().filter_map(|op| match op.kind {
            OpKind::Attention { heads, kv_heads, head_dim, reach, .. } => {
                Some((heads * head_dim, kv_heads * head_dim, reach))
            }
            _ => None,
        });
        let mut activations = block.iter().filter_map(|op| match op.kind {
            OpKind::Activation { width, gated } => Some((width, gated)),
            _ => None,
        });
        let hidden = block.iter().find_map(|op| match op.kind {
            OpKind::Norm { width, .. } => Some(width),
            _ => None,
        });
        let head = graph.ops.iter().rev().find_map(|op| match op.kind {
            OpKind::MatMul { n, .. } if op.block.is_none() => Some(n),
            _ => None,
        });
        let (Some((query_width, kv_width, reach)), None) = (attentions.next(), attentions.next()) else {
            return Err(uneven("has not one attention in each"));
        };
        let (Some(hidden), Some((feed_forward, gated))) = (hidden, activations.next_back()) else {
            return Err(uneven("has no norm or no feed-forward part in them"));
        };
        Ok(Self {
            name: name(),
            layers: u64::from(graph.blocks),
            hidden,
            query_width,
            kv_width,
            feed_forward,
            gated,
            vocabulary: head.unwrap_or(0),
            parameters: graph.parameters(),
            reach,
        })
    }

    /// Tiles on a `cores × cores` grid; what does not divide is padded, and padding is work.
    pub fn tiles(&self, cores: u32, heads: Heads) -> Tiles {
        let tile = |width: u64| width.div_ceil(u64::from(cores));
        let (query, values) = match heads {
            Heads::FullWidth => (self.hidden, self.hidden),
            Heads::Grouped => (self.query_width, self.kv_width),
        };
        Tiles {
            model: tile(self.hidden),
            query: tile(query),
            values: tile(values),
            feed_forward: tile(self.feed_forward),
        }
    }

    /// Weights of one layer's products.
    pub fn layer_weights(&self, heads: Heads) -> u64 {
        let (query, values) = match heads {
            Heads::FullWidth => (self.hidden, self.hidden),
            Heads::Grouped => (self.query_width, self.kv_width),
        };
        let ups = if self.gated { 2 } else { 1 };
        self.hidden * (2 * query + 2 * values + (ups + 1) * self.feed_forward)
    }

    /// Weights of the projection to the vocabulary.
    pub fn head_weights(&self) -> u64 {
        self.hidden * self.vocabulary
    }

    /// Bytes of all parameters in fp16.
    pub fn weight_bytes(&self) -> u64 {
        self.parameters * FP16_BYTES
    }

    /// Bytes of keys and values of one token in all layers, in fp16.
    pub fn kv_bytes_per_token(&self) -> u64 {
        2 * self.layers * self.kv_width * FP16_BYTES
    }
}

/// Whether block `number` has the same operators as `first`, in the same order.
fn same_kinds(graph: &Graph, first: &[&Op], number: u32) -> bool {
    let kinds = graph.ops.iter().filter(|op| op.block == Some(number)).map(|op| op.kind);
    kinds.eq(first.iter().map(|op| op.kind))
}
