//! A request from end to end on one wafer: prefill on one grid, the weights moved to another, then one token after the
//! other (`WaferLLM`, OSDI 2025).

use super::decode::{self, Layout};
use super::prefill;
use super::shape::{Heads, Shape};
use super::{Breakdown, FP16_BYTES, Prices};

/// Bytes of one wavelet.
const WAVELET_BYTES: u64 = 4;

/// A request and the grids that serve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub prompt: u64,
    pub output: u64,
    /// Cores on each side of the grid of prefill.
    pub prefill_cores: u32,
    pub decode: Layout,
}

/// Weights on their way from the layout of prefill to that of decoding, in cycles: one wavelet a cycle on the link of
/// each column (assumed).
pub fn moved(shape: &Shape, cores: u32, heads: Heads) -> f64 {
    let bytes = shape.layers * shape.layer_weights(heads) * FP16_BYTES;
    bytes as f64 / (u64::from(cores) * WAVELET_BYTES) as f64
}

/// The whole request in cycles; every token is priced at the context that the last one has.
pub fn request(prices: &Prices, shape: &Shape, request: Request) -> Breakdown {
    let Request { prompt, output, prefill_cores, decode: layout } = request;
    let mut parts = Breakdown::default();
    let layers = shape.layers as f64;
    parts.merge(&prefill::layer(prices, shape, prefill_cores, layout.heads, prompt), layers);
    parts.add("move", moved(shape, prefill_cores, layout.heads));
    let token = decode::layer(prices, shape, layout, prompt + output);
    parts.merge(&token, layers * output as f64);
    parts
}
