//! The constants of the ANALYTIC ruler that no device file holds: one value each for all wafers, with its mark and the
//! rows that it rests on.
//!
//! Issue of a vector instruction and set-up of a loop are in the device files, as hop and ramp latencies, the width of
//! links and the lanes of the vector unit are. `lab::fit` fits the six kernel prices again from the published rows that
//! the program carries, and tests hold the values here to what it finds.

use crate::hardware::Mark;

/// A named value with its origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    /// One lower-case name: `gemm_step`.
    pub name: &'static str,
    pub value: f64,
    pub unit: &'static str,
    pub mark: Mark,
    /// What it prices, and where the value comes from.
    pub source: &'static str,
}

/// One step of a shifted matrix product.
pub const GEMM_STEP: Constant = Constant {
    name: "gemm_step",
    value: 91.0,
    unit: "cycles/step",
    mark: Mark::Fitted,
    source: "start and finish of the four asynchronous moves of a step and of the tasks they wake; fitted to SDK simulator \
             runs of MeshGEMM published by a user (3 x 3 and 6 x 6 cores) and to the prefill rows of WaferLLM (OSDI 2025)",
};

/// One shifted wavelet.
pub const SHIFTED_WAVELET: Constant = Constant {
    name: "shifted_wavelet",
    value: 1.2,
    unit: "cycles/wavelet",
    mark: Mark::Fitted,
    source: "send and receive of shifted tiles, which compete with the multiply-adds for the same data path; fitted to the \
             same simulator runs",
};

/// One call of a matrix product.
pub const GEMM_CALL: Constant = Constant {
    name: "gemm_call",
    value: 30.0,
    unit: "cycles/call",
    mark: Mark::Fitted,
    source: "entry, clearing and timer; fitted to the same simulator runs, of no weight beyond 100 cores a side",
};

/// One software division, root or the like in fp16.
pub const SCALAR_OPERATION: Constant = Constant {
    name: "scalar_operation",
    value: 193.0,
    unit: "cycles",
    mark: Mark::Fitted,
    source: "division or square root in software with its call; fitted to the four decode rows of WaferLLM (OSDI 2025). A \
             property of that compiler's library, not of the wafer",
};

/// One software exponential of a vector element.
pub const EXPONENTIAL: Constant = Constant {
    name: "exponential",
    value: 60.0,
    unit: "cycles",
    mark: Mark::Assumed,
    source: "a short polynomial in software; 1 % of a prefill",
};

/// Share of a step's set-up that one alignment shift costs.
pub const ALIGN_SHARE: Constant = Constant {
    name: "align_share",
    value: 0.6,
    unit: "",
    mark: Mark::Assumed,
    source: "one of the two pairs of moves of a step, and what both share",
};

/// Descriptor operations of one loop set-up.
pub const DESCRIPTOR_OPERATIONS: Constant = Constant {
    name: "descriptor_operations",
    value: 8.0,
    unit: "",
    mark: Mark::Derived,
    source: "descriptor loads in the mapped loop of WaferLLM's published kernels; a stand-alone vector instruction has two",
};

/// fp32 multiply-add of a vector with both operands in SRAM.
pub const FP32_ELEMENT: Constant = Constant {
    name: "fp32_element",
    value: 2.0,
    unit: "cycles/element",
    mark: Mark::Fitted,
    source: "fp32 multiply-adds with operands in SRAM; read off SDK simulator runs of a streaming GEMM (WSE-2) and of star \
             and box stencils (WSE-3) published by users, 2.2 and 1.9, rounded. The advertised peak counts one a cycle",
};

/// What a stride that meets the same banks adds to an element.
pub const BANK_CONFLICT: Constant = Constant {
    name: "bank_conflict",
    value: 1.0,
    unit: "cycles/element",
    mark: Mark::Assumed,
    source: "strides of 4 or 7 words modulo 8 degrade (CSL documentation on memory banks); that the price is one more cycle \
             an element is assumed",
};

/// Power of one wafer beside one A100 in the energy ratios of `WaferLLM`.
pub const WAFER_POWER_IN_GPUS: Constant = Constant {
    name: "wafer_power_in_gpus",
    value: 37.5,
    unit: "A100",
    mark: Mark::Derived,
    source: "15 kW over 400 W: times and energy ratios of WaferLLM (OSDI 2025), table 6, agree on it for 1, 8 and 16 GPUs",
};

/// Latency from one wafer to the next in an inference pipeline.
pub const WAFER_HOP_SECONDS: Constant = Constant {
    name: "wafer_hop",
    value: 5e-6,
    unit: "s",
    mark: Mark::SecondHand,
    source: "Cerebras, Hot Chips 2024, as quoted by others: under 5 µs from CS-3 to CS-3",
};

/// Bytes that one parameter takes on the way to or from the wafer.
pub const WIRE_BYTES_PER_PARAMETER: Constant = Constant {
    name: "wire_bytes_per_parameter",
    value: 4.0,
    unit: "B",
    mark: Mark::Published,
    source: "Cerebras, weight streaming white paper, 2021: 32 bits a parameter each way, value and index together",
};

/// Optimizer state that is read between two steps.
pub const OPTIMIZER_BYTES_PER_PARAMETER: Constant = Constant {
    name: "optimizer_bytes_per_parameter",
    value: 12.0,
    unit: "B",
    mark: Mark::Assumed,
    source: "fp32 weight and two moments of Adam, read at the speed of the wafer's link between the last gradient and the \
             first weight of the next step; written back while the next step begins",
};

/// SRAM of a core for weights and gradients in transit.
pub const STAGING_BYTES_PER_CORE: Constant = Constant {
    name: "staging_bytes_per_core",
    value: 2_048.0,
    unit: "B",
    mark: Mark::Assumed,
    source: "1 KiB each for weights that wait for their turn and gradients that wait to leave, as in the FLOW ruler",
};

/// All of them, for listings.
pub const ALL: [Constant; 14] = [
    GEMM_STEP,
    SHIFTED_WAVELET,
    GEMM_CALL,
    SCALAR_OPERATION,
    EXPONENTIAL,
    ALIGN_SHARE,
    DESCRIPTOR_OPERATIONS,
    FP32_ELEMENT,
    BANK_CONFLICT,
    WAFER_POWER_IN_GPUS,
    WAFER_HOP_SECONDS,
    WIRE_BYTES_PER_PARAMETER,
    OPTIMIZER_BYTES_PER_PARAMETER,
    STAGING_BYTES_PER_CORE,
];
