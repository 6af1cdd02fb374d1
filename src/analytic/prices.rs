//! What one instruction, one hop and one step cost on a device, as the closed forms use them.

use super::constants;
use crate::hardware::DeviceSpec;

/// Bytes of one word of SRAM: each operand is read 64 bits at a time.
const SRAM_WORD_BYTES: u64 = 8;

/// Prices of one device in cycles. The first six fields are fitted, and every closed form is linear in them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    /// `o`: issue of one vector instruction.
    pub issue: f64,
    /// `c_k`: set-up of one inner loop.
    pub loop_setup: f64,
    /// `s0`: start and finish of the moves of one step of a matrix product.
    pub gemm_step: f64,
    /// `u`: one shifted wavelet.
    pub shifted_wavelet: f64,
    /// `base`: one call of a matrix product.
    pub gemm_call: f64,
    /// `τ`: one division or root in software.
    pub scalar: f64,
    /// Router to router.
    pub hop: f64,
    /// Between a core and its router.
    pub ramp: f64,
    /// fp16 elements of one vector operation.
    pub lanes: u64,
    /// Cycles in which SRAM delivers two operands of `lanes` fp16 elements.
    pub cycles_per_vector: u64,
}

impl Prices {
    /// Names of the fitted prices, in the order of [`Self::fitted`].
    pub const FITTED: [&'static str; 6] =
        ["vector_issue", "loop_setup", "gemm_step", "shifted_wavelet", "gemm_call", "scalar_operation"];

    /// The prices of `device`.
    pub fn new(device: &DeviceSpec) -> Self {
        let lanes = u64::from(device.simd_fp16_lanes.value);
        let operands = 2 * lanes * super::FP16_BYTES;
        Self {
            issue: device.vector_issue_cycles.value,
            loop_setup: device.loop_setup_cycles.value,
            gemm_step: constants::GEMM_STEP.value,
            shifted_wavelet: constants::SHIFTED_WAVELET.value,
            gemm_call: constants::GEMM_CALL.value,
            scalar: constants::SCALAR_OPERATION.value,
            hop: f64::from(device.hop_cycles.value),
            ramp: f64::from(device.ramp_cycles.value),
            lanes,
            cycles_per_vector: operands.div_ceil(u64::from(device.sram_read_bytes_per_cycle.value)),
        }
    }

    /// The fitted prices: issue, loop set-up, step, wavelet, call, scalar.
    pub fn fitted(&self) -> [f64; 6] {
        [self.issue, self.loop_setup, self.gemm_step, self.shifted_wavelet, self.gemm_call, self.scalar]
    }

    /// The same device with other fitted prices, in the order of [`Self::fitted`].
    pub fn with_fitted(self, fitted: [f64; 6]) -> Self {
        let [issue, loop_setup, gemm_step, shifted_wavelet, gemm_call, scalar] = fitted;
        Self { issue, loop_setup, gemm_step, shifted_wavelet, gemm_call, scalar, ..self }
    }

    /// Cycles in which `length` fp16 elements of two operands come from SRAM.
    ///
    /// Where a vector operation is one 64-bit word long (WSE-1, WSE-2), rows of a tile that are no multiple of it do not
    /// begin at a word, so each touches one word more. Where it is two words long (WSE-3), the simulator shows whole
    /// vectors and nothing for alignment.
    pub fn data(&self, length: u64) -> f64 {
        let vectors = length.div_ceil(self.lanes) * self.cycles_per_vector;
        let one_word = self.lanes * super::FP16_BYTES <= SRAM_WORD_BYTES;
        let unaligned = one_word && !length.is_multiple_of(self.lanes);
        (vectors + u64::from(unaligned)) as f64
    }

    /// One descriptor operation of a loop set-up.
    pub fn descriptor(&self) -> f64 {
        self.loop_setup / constants::DESCRIPTOR_OPERATIONS.value
    }

    /// One vector multiply-add over `length` fp16 elements in an inner loop.
    pub fn fma(&self, length: u64) -> f64 {
        self.issue + self.data(length)
    }

    /// One stand-alone vector instruction over `length` fp16 elements with the two descriptors that it loads.
    pub fn vector(&self, length: u64) -> f64 {
        self.issue + 2.0 * self.descriptor() + self.data(length)
    }

    /// One stage of a reduction chain: up and down a ramp, a hop, and the addition.
    pub fn chain_stage(&self) -> f64 {
        2.0 * self.ramp + 2.0
    }
}
