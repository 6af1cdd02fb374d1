//! One prompt through one layer on a square of cores: the prefill of `WaferLLM` (OSDI 2025).
//!
//! Products are two-hop interleaved shifts; norms, positions, softmax and the activation run on rows of the prompt. A
//! layer is timed by itself, and the whole prompt passes it at once.

use super::matrix::{Moves, Tile, gemm};
use super::shape::{Heads, Shape};
use super::{Breakdown, Prices, VALUES_PER_WAVELET, constants};

/// Row reductions of a layer: both norms, and maximum and sum of softmax.
const ROW_CHAINS: f64 = 4.0;

/// `prompt` tokens through one layer on a `cores × cores` grid, in cycles.
pub fn layer(prices: &Prices, shape: &Shape, cores: u32, heads: Heads, prompt: u64) -> Breakdown {
    let tiles = shape.tiles(cores, heads);
    let (model, feed_forward) = (tiles.model, tiles.feed_forward);
    let rows = prompt.div_ceil(u64::from(cores));
    let keys = shape.reach.keys(prompt).div_ceil(u64::from(cores));
    let mut parts = Breakdown::default();
    let mut product = |k, n, moves| {
        let tile = Tile { m: rows, k, n };
        parts.merge(&gemm(prices, cores, tile, moves, 1.0), 1.0);
    };
    product(model, tiles.query, Moves::Aligned);
    // Key and value take the left operand where the query left it.
    product(model, tiles.values, Moves::Both);
    product(model, tiles.values, Moves::Both);
    product(tiles.query, keys, Moves::Right);
    product(keys, tiles.query, Moves::Aligned);
    product(tiles.query, model, Moves::Aligned);
    product(model, feed_forward, Moves::Aligned);
    if shape.gated {
        product(model, feed_forward, Moves::Both);
    }
    product(feed_forward, model, Moves::Aligned);
    pointwise(prices, &mut parts, [rows, model, feed_forward, keys]);
    let chain = prices.chain_stage() * f64::from(cores) / 2.0;
    let sums = 3.0 * rows.div_ceil(VALUES_PER_WAVELET) as f64;
    parts.add("chains", ROW_CHAINS * (chain + prices.hop * f64::from(cores) / 2.0 + sums));
    parts
}

/// Norms, rotary positions, softmax and the activation: 1 % of the whole.
fn pointwise(prices: &Prices, parts: &mut Breakdown, [rows, model, feed_forward, keys]: [u64; 4]) {
    // Two norms of three passes over the model's tile, positions on its pairs, softmax over the keys.
    let instructions = 2 * (3 * model + 3) + 12 * (model / 2) + 4 * keys + 10;
    parts.add("vector", instructions as f64 * prices.vector(rows));
    let exponentials = rows * keys + rows * feed_forward;
    let divisions = 7 * rows + rows * feed_forward;
    let scalar = constants::EXPONENTIAL.value * exponentials as f64 + prices.scalar * divisions as f64;
    parts.add("scalar", scalar);
}
