//! Decoding with every layer on a square region of its own, over one wafer or several.
//!
//! So the vendor describes its inference service (Hot Chips 2024); nothing here is fitted to the speeds of that service.
//! The form leans on the price of a software division that another compiler's kernels have; real kernels divide faster and do
//! other things slower, so a quarter either way is the honest band.

use super::collective::nearest_groups;
use super::decode::{self, Layout};
use super::matrix::{Tile, gemv};
use super::shape::{Heads, Shape};
use super::{Breakdown, FP16_BYTES, Prices, constants};
use crate::hardware::DeviceSpec;

/// Side of the largest region that each layer can have if the head gets as much more as it has weights.
pub fn largest_side(device: &DeviceSpec, shape: &Shape, systems: u64) -> u32 {
    let head = shape.head_weights() as f64 / shape.layer_weights(Heads::Grouped).max(1) as f64;
    let cores = (device.fabric_cores() * systems) as f64 / (shape.layers as f64 + head);
    let side = cores.sqrt().floor();
    side.min(f64::from(device.fabric_columns.value.min(device.fabric_rows.value))) as u32
}

/// Side of the smallest region whose SRAM holds a layer's weights, keys and values of `tokens` tokens, and the code.
pub fn smallest_side(device: &DeviceSpec, shape: &Shape, tokens: u64) -> u32 {
    let kv = (shape.kv_bytes_per_token() / shape.layers.max(1)) as f64 * tokens as f64;
    let bytes = (shape.layer_weights(Heads::Grouped) * FP16_BYTES) as f64 + kv;
    let free = f64::from(device.sram_bytes_per_core.value - device.code_bytes_per_core.value);
    (bytes / free).sqrt().ceil().max(2.0) as u32
}

/// Side on which a token at `context` passes fastest, with room for keys and values of `tokens`; `None` if even the
/// largest region is too small.
pub fn fastest_side(
    prices: &Prices,
    device: &DeviceSpec,
    shape: &Shape,
    systems: u64,
    [context, tokens]: [u64; 2],
) -> Option<u32> {
    let sides = smallest_side(device, shape, tokens)..=largest_side(device, shape, systems);
    let layer = |side: u32| decode::layer(prices, shape, layout(side), context).total();
    sides.map(|side| (side, layer(side))).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(side, _)| side)
}

/// The layout of a region of `cores × cores`.
pub fn layout(cores: u32) -> Layout {
    Layout { cores, groups: nearest_groups(cores), heads: Heads::Grouped, fused: false }
}

/// One token through all layers, the head, and from wafer to wafer, in cycles at `clock_hz`.
pub fn token(prices: &Prices, shape: &Shape, cores: u32, systems: u64, context: u64, clock_hz: f64) -> Breakdown {
    let layout = layout(cores);
    let mut parts = Breakdown::default();
    parts.merge(&decode::layer(prices, shape, layout, context), shape.layers as f64);
    let head = gemv(prices, cores, layout.groups, Tile::of(1, shape.hidden, shape.vocabulary, cores));
    parts.add("head", head.total());
    parts.add("wafers", systems as f64 * constants::WAFER_HOP_SECONDS.value * clock_hz);
    parts
}
