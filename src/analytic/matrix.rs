//! Matrix products on a square of cores: `MeshGEMV` and `MeshGEMM` of `WaferLLM` (OSDI 2025, sections 5 and 6), and a
//! streaming product with resident weights as users of the SDK wrote it.

use super::collective::all_reduce;
use super::{Breakdown, Prices, VALUES_PER_WAVELET, constants};

/// Tiles of a product `[m × k] · [k × n]` on one core, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    pub m: u64,
    pub k: u64,
    pub n: u64,
}

impl Tile {
    /// The tile of a whole product on a `cores × cores` grid; what does not divide is padded.
    pub fn of(m: u64, k: u64, n: u64, cores: u32) -> Self {
        let cores = u64::from(cores);
        Self { m: m.div_ceil(cores), k: k.div_ceil(cores), n: n.div_ceil(cores) }
    }
}

/// `[1 × k] · [k × n]` on a `cores × cores` grid and its all-reduce in `groups`, in cycles. `tile.m` plays no part.
pub fn gemv(prices: &Prices, cores: u32, groups: u32, tile: Tile) -> Breakdown {
    let mut parts = Breakdown::default();
    parts.add("gemv", tile.k as f64 * prices.fma(tile.n) + prices.loop_setup + prices.fma(tile.n));
    parts.merge(&all_reduce(prices, cores, groups, tile.n), 1.0);
    parts
}

/// The same with the reduction along one chain and a broadcast back, as in the maker's own kernel.
pub fn gemv_by_chain(prices: &Prices, cores: u32, tile: Tile) -> Breakdown {
    let mut parts = Breakdown::default();
    parts.add("gemv", tile.k as f64 * prices.fma(tile.n) + prices.loop_setup + prices.fma(tile.n));
    let wavelets = tile.n.div_ceil(VALUES_PER_WAVELET) as f64;
    parts.add("stages", prices.chain_stage() * f64::from(cores - 1));
    parts.add("hops", prices.hop * f64::from(cores) + 2.0 * prices.ramp);
    parts.add("words", 2.0 * wavelets);
    parts
}

/// What a shifted product moves beside its multiply-adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// Both operands move at each step, and the left one is aligned before.
    Aligned,
    /// Both operands move; the left one is aligned already.
    Both,
    /// The right operand alone moves, and a row of partial sums is reduced at each step to a root that moves.
    Right,
}

/// `[m × k] · [k × n]` on a `cores × cores` grid by two-hop interleaved shifts, without the call itself, in cycles.
///
/// In each of `cores` steps both tiles move at most two hops while the core multiplies. Compute and moves add up: at
/// these tile sizes they compete for the same data path (simulator rows: the sum is 1 to 4 % high, the larger of the two
/// far too low). Reductions of [`Moves::Right`] pipeline across steps.
pub fn gemm(prices: &Prices, cores: u32, tile: Tile, moves: Moves, multiply: f64) -> Breakdown {
    let Tile { m, k, n } = tile;
    let steps = f64::from(cores);
    let [left, right] = [m * k, k * n].map(|values| values as f64 / VALUES_PER_WAVELET as f64);
    let mut parts = Breakdown::default();
    parts.add("fma", multiply * steps * (k * n) as f64 * prices.fma(m));
    parts.add("loop", multiply * steps * k as f64 * prices.loop_setup);
    parts.add("step", steps * prices.gemm_step);
    let moved = if moves == Moves::Right { right } else { left + right };
    parts.add("wavelets", steps * prices.shifted_wavelet * moved);
    match moves {
        Moves::Aligned => {
            let shift = constants::ALIGN_SHARE.value * prices.gemm_step + prices.shifted_wavelet * left;
            parts.add("align", f64::from(cores / 2) * shift);
        }
        Moves::Both => {}
        Moves::Right => {
            let sums = (m * n) as f64 / VALUES_PER_WAVELET as f64;
            parts.add("chains", steps * (sums + prices.issue));
        }
    }
    parts
}

/// fp32 product with resident `A` of `n × k`, cut over `rows` and `columns`, while `m` vectors stream through, in cycles.
///
/// For each vector a core runs one multiply-add instruction per input that it holds, as long as its share of outputs,
/// and adds its partial sums to those that pass. Naive: every instruction sets up its loop.
pub fn streaming_gemm(prices: &Prices, (n, k, m): (u64, u64, u64), (columns, rows): (u64, u64)) -> f64 {
    let (inputs, outputs) = (k.div_ceil(columns), n.div_ceil(rows));
    let instruction = prices.loop_setup + prices.issue + constants::FP32_ELEMENT.value * outputs as f64;
    let sums = prices.issue + outputs as f64;
    m as f64 * (inputs as f64 * instruction + sums)
}
