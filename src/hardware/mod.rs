//! What the machine is: its published figures with their sources, its geometry, its defects. No time, no workload.

pub mod defects;
pub mod geometry;
pub mod spec;

pub use defects::{DefectMap, RepairOutcome};
pub use geometry::{Core, Geometry, Rect};
pub use spec::{DeviceSpec, Mark, Sourced, TotalCheck};
