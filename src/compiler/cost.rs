//! What a kernel costs the fullest core, in whole cycles.
//!
//! Closed forms that count the vector instructions of the published algorithms and price each with constants of the
//! device file. A streamed or resident matrix product costs, for every output, one multiply-add instruction per input
//! that the core holds, as long as its vector is, and one addition of that vector on its way along the reduction
//! chain. Attention is dense: masked scores are computed like the others. Not priced: contention between streams that
//! share a link, and bank conflicts.

use crate::hardware::DeviceSpec;
use crate::units::Cycles;

/// Prices for one device.
#[derive(Clone, Copy, Debug)]
pub struct CostModel {
    /// Cycles to issue one vector instruction.
    issue: f64,
    /// Cycles to set up one loop over vectors.
    loop_setup: f64,
    /// fp16 multiply-adds per cycle.
    lanes: u64,
    /// Core-cycles per element of a norm or an activation, for a unit two elements wide.
    elementwise: f64,
    /// Core-cycles per attention score for softmax, likewise.
    softmax: f64,
    /// Cycles from router to router.
    hop: u64,
    /// Cycles of one passage between router and core.
    ramp: u64,
}

/// A cost and the multiply-adds done in it, both of the fullest core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub cycles: Cycles,
    pub multiply_adds: u64,
}

/// fp16 values in one 32-bit wavelet.
const VALUES_PER_WAVELET: u64 = 2;

/// The elementwise unit prices are quoted for two elements side by side.
const ELEMENTWISE_WIDTH: f64 = 2.0;

impl CostModel {
    /// The prices that `device` states.
    pub fn new(device: &DeviceSpec) -> Self {
        Self {
            issue: device.vector_issue_cycles.value,
            loop_setup: device.loop_setup_cycles.value,
            lanes: u64::from(device.simd_fp16_lanes.value),
            elementwise: device.elementwise_cycles.value,
            softmax: device.softmax_cycles.value,
            hop: u64::from(device.hop_cycles.value),
            ramp: u64::from(device.ramp_cycles.value),
        }
    }

    /// `outputs` results, each from `inputs` multiply-adds of a vector of `length` and one addition of it on its way
    /// along the chain. This is one matrix product on a tile: weights pass while vectors of tokens rest (streaming),
    /// or tokens pass while rows of weights rest (resident).
    pub fn matrix_product(&self, outputs: u64, inputs: u64, length: u64) -> Cost {
        let multiply = inputs as f64 * (self.issue + length.div_ceil(self.lanes) as f64);
        let reduce = self.issue + length.div_ceil(VALUES_PER_WAVELET) as f64;
        let cycles = outputs as f64 * (multiply + reduce) + self.loop_setup;
        Cost { cycles: Cycles::from_cost(cycles), multiply_adds: outputs.saturating_mul(inputs).saturating_mul(length) }
    }

    /// Dense attention for `queries` tokens against `sequence` keys, on `width` of the `heads · head_dim` columns of
    /// values, of which `width / head_dim` heads are this core's share.
    pub fn attention(&self, queries: u64, sequence: u64, width: u64, head_dim: u64) -> Cost {
        let multiply_adds = (2 * queries).saturating_mul(sequence).saturating_mul(width);
        let scores = queries as f64 * sequence as f64 * width as f64 / head_dim.max(1) as f64;
        let cycles = multiply_adds as f64 / self.lanes as f64 + scores * self.softmax / ELEMENTWISE_WIDTH;
        Cost { cycles: Cycles::from_cost(cycles + self.loop_setup), multiply_adds }
    }

    /// A norm or an activation over `elements`.
    pub fn elementwise(&self, elements: u64) -> Cost {
        let cycles = elements as f64 * self.elementwise / ELEMENTWISE_WIDTH + self.loop_setup;
        Cost { cycles: Cycles::from_cost(cycles), multiply_adds: 0 }
    }

    /// Softmax over `elements` scores.
    pub fn softmax(&self, elements: u64) -> Cost {
        let cycles = elements as f64 * self.softmax / ELEMENTWISE_WIDTH + self.loop_setup;
        Cost { cycles: Cycles::from_cost(cycles), multiply_adds: 0 }
    }

    /// Summing a vector of `elements` over a line of `cores`, and the way of the sum back to all of them.
    ///
    /// The all-reduce over two levels of chains that `WaferLLM` publishes (OSDI 2025, section 4; its kernels take two
    /// levels): `g` groups of `G` cores reduce to their middles, those to the middle of the line, and the sum is
    /// multicast. Travel `P + G/2` hops, `G/2 + g/2` stages of a chain of two ramps, a receipt and an addition each,
    /// the vector once in every phase and twice at roots and in the multicast, and the issue of the instructions. The
    /// number of groups is the square root of the line's length, rounded.
    pub fn all_reduce(&self, cores: u32, elements: u64) -> Cycles {
        if cores < 2 {
            return Cycles::ZERO;
        }
        let cores = u64::from(cores);
        let groups = (cores as f64).sqrt().round() as u64;
        let members = cores.div_ceil(groups);
        let travel = self.hop * (cores + members / 2);
        let stages = (2 * self.ramp + 2) * (members / 2 + groups / 2);
        let words = 5 * elements.div_ceil(VALUES_PER_WAVELET);
        let issue = 5.0 * self.issue + self.loop_setup / 4.0;
        Cycles(travel + stages + words + Cycles::from_cost(issue).0)
    }

    /// Taking `elements` off the fabric into SRAM, or putting them on it: two to a wavelet, one wavelet a cycle.
    pub fn transfer(&self, elements: u64) -> Cycles {
        Cycles(elements.div_ceil(VALUES_PER_WAVELET))
    }
}
