//! One token through one layer on a square of cores: the decoder of `WaferLLM` (OSDI 2025), counted operation by operation.
//!
//! The count tables below are data, so that they can be tested and shown beside the kernel. A layer is timed by itself:
//! embedding, final norm and head are outside.

use super::collective::all_reduce;
use super::shape::{Heads, Shape, Tiles};
use super::{Breakdown, Prices};

/// A width that a core's share of a vector can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// A single value.
    One,
    Model,
    Query,
    /// Keys or values.
    Values,
    FeedForward,
    Context,
    /// Queries, keys and values side by side.
    QueryKeyValue,
    /// Both halves of a gated feed-forward part.
    Halves,
}

/// A matrix-vector product: so many multiply-add instructions, each so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    pub name: &'static str,
    pub instructions: Width,
    pub length: Width,
    /// Whether only gated models have it.
    pub gated: bool,
}

const fn product(name: &'static str, instructions: Width, length: Width) -> Product {
    Product { name, instructions, length, gated: false }
}

/// The products of a layer, each one mapped loop.
pub const PRODUCTS: [Product; 9] = [
    product("query", Width::Model, Width::Query),
    product("key", Width::Model, Width::Values),
    product("value", Width::Model, Width::Values),
    product("scores", Width::Query, Width::Context),
    product("weighted values", Width::Context, Width::Query),
    product("output", Width::Query, Width::Model),
    Product { gated: true, ..product("gate", Width::Model, Width::FeedForward) },
    product("up", Width::Model, Width::FeedForward),
    product("down", Width::FeedForward, Width::Model),
];

/// All-reduces of a layer: what for, how long, and whether only gated models have it.
///
/// Thirteen, as the paper measured; the code released later fuses them to ten ([`FUSED_ALL_REDUCES`]). Two findings
/// single out thirteen: one free price of a division leaves no trend over grids, and a hop latency set free beside it
/// comes out at the published one cycle.
pub const ALL_REDUCES: [(&str, Width, bool); 13] = [
    ("first norm", Width::One, false),
    ("second norm", Width::One, false),
    ("softmax maximum", Width::One, false),
    ("softmax sum", Width::One, false),
    ("scores", Width::Context, false),
    ("weighted values", Width::Query, false),
    ("output", Width::Model, false),
    ("down", Width::Model, false),
    ("query", Width::Query, false),
    ("key", Width::Values, false),
    ("value", Width::Values, false),
    ("gate", Width::FeedForward, true),
    ("up", Width::FeedForward, false),
];

/// The same with query, key and value in one, and gate and up in one.
pub const FUSED_ALL_REDUCES: [(&str, Width, bool); 10] = [
    ALL_REDUCES[0],
    ALL_REDUCES[1],
    ALL_REDUCES[2],
    ALL_REDUCES[3],
    ALL_REDUCES[4],
    ALL_REDUCES[5],
    ALL_REDUCES[6],
    ALL_REDUCES[7],
    ("query, key and value", Width::QueryKeyValue, false),
    ("gate and up", Width::Halves, false),
];

/// Stand-alone vector instructions of a layer over the model's tile; clearing, one a product, comes on top.
pub const VECTOR_INSTRUCTIONS: [(&str, u64, bool); 6] = [
    ("two norms", 8, false),
    ("rotary positions", 12, false),
    ("score scale", 1, false),
    ("softmax", 5, false),
    ("residual sums", 2, false),
    ("product of both halves", 1, true),
];

/// Divisions and roots of a layer beside the one for each element of the model's tile in the activation.
///
/// Two divisions and a root in each norm, and one division in softmax. The released exponential has none: it divides by 256.
pub const SCALAR_OPERATIONS: u64 = 7;

/// Where and how a layer decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Cores on each side of the grid.
    pub cores: u32,
    /// Groups of the two-tree all-reduce.
    pub groups: u32,
    pub heads: Heads,
    /// Whether all-reduces of products with the same input are fused.
    pub fused: bool,
}

impl Layout {
    fn length(width: Width, tiles: Tiles, context: u64) -> u64 {
        match width {
            Width::One => 1,
            Width::Model => tiles.model,
            Width::Query => tiles.query,
            Width::Values => tiles.values,
            Width::FeedForward => tiles.feed_forward,
            Width::Context => context,
            Width::QueryKeyValue => tiles.query + 2 * tiles.values,
            Width::Halves => 2 * tiles.feed_forward,
        }
    }

    /// Lengths of the all-reduces of a layer, in fp16 values.
    pub fn all_reduce_lengths(&self, shape: &Shape, context: u64) -> Vec<u64> {
        let tiles = shape.tiles(self.cores, self.heads);
        let context = shape.reach.keys(context).div_ceil(u64::from(self.cores));
        let table: &[_] = if self.fused { &FUSED_ALL_REDUCES } else { &ALL_REDUCES };
        let there = table.iter().filter(|(_, _, gated)| shape.gated || !gated);
        there
            .map(|&(_, width, _)| match width {
                Width::Halves if !shape.gated => tiles.feed_forward,
                other => Self::length(other, tiles, context),
            })
            .collect()
    }
}

/// One token through one layer at a context of `context` tokens, in cycles.
pub fn layer(prices: &Prices, shape: &Shape, layout: Layout, context: u64) -> Breakdown {
    let tiles = shape.tiles(layout.cores, layout.heads);
    let keys = shape.reach.keys(context).div_ceil(u64::from(layout.cores));
    let length = |width| Layout::length(width, tiles, keys);
    let mut parts = Breakdown::default();
    let products = PRODUCTS.iter().filter(|product| shape.gated || !product.gated);
    for product in products.clone() {
        let multiply = length(product.instructions) as f64 * prices.fma(length(product.length));
        parts.add("gemv", multiply + prices.loop_setup);
    }
    let instructions = VECTOR_INSTRUCTIONS.iter().filter(|(_, _, gated)| shape.gated || !gated);
    let clearing = products.count() as u64;
    let vectors = clearing + instructions.map(|(_, count, _)| count).sum::<u64>();
    parts.add("vector", vectors as f64 * prices.vector(tiles.model));
    parts.add("scalar", prices.scalar * (tiles.model + SCALAR_OPERATIONS) as f64);
    for reduced in layout.all_reduce_lengths(shape, context) {
        parts.merge(&all_reduce(prices, layout.cores, layout.groups, reduced), 1.0);
    }
    parts
}
