//! The ANALYTIC ruler: closed forms that count the operations of published wafer kernels and price each with a handful
//! of constants.
//!
//! Every formula works in clock cycles of one wafer, real-valued since a closed form is a mean, and says which part of
//! the total each kind of work takes. Seconds appear only where a result leaves ([`request`], [`regions`],
//! [`training`]). Which model runs on how many wafers and on which grid is chosen in `lab::estimate`; contention on
//! links, queues and bank conflicts are left to the rulers that follow single intervals or wavelets.

pub mod breakdown;
pub mod capacity;
pub mod collective;
pub mod constants;
pub mod decode;
pub mod matrix;
pub mod prefill;
pub mod prices;
pub mod regions;
pub mod request;
pub mod shape;
pub mod stencil;
pub mod training;

pub use breakdown::{Breakdown, Part};
pub use prices::Prices;
pub use shape::{Heads, Shape, ShapeError};

/// The word for this ruler beside every number that it makes.
pub const FIDELITY: &str = "ANALYTIC";

/// Bytes of one fp16 value.
pub const FP16_BYTES: u64 = 2;

/// fp16 values in one 32-bit wavelet.
pub const VALUES_PER_WAVELET: u64 = 2;
