//! Time passes here: the engine executes a program and writes a trace, a frame is a pure function of trace and time.
//!
//! Everything is in whole cycles of the device's run clock. The FLOW ruler: every kernel and stream has a rate in each
//! of its intervals; single wavelets are not followed.

pub mod detail;
pub mod engine;
mod executor;
pub mod frame;
pub mod inspect;
pub mod metrics;
pub mod occupancy;
pub mod thread;
pub mod trace;

pub use engine::{Budget, Command, Engine, LogEntry, Progress};
pub use frame::{Frame, FrameRequest, Layer, OpClass, Scene};
pub use trace::{Activity, Interval, SramEvent, Task, Trace, Track, TrackKind};

/// Revision of everything that decides cycles. An intended change of the model raises it, and the hashes in `saves/`
/// are recorded again by `waferscope replay --record`.
pub const MODEL_REVISION: u32 = 2;
