//! Pixels without a toolkit: where a core lies on the screen, how many values become one pixel, which colour a value
//! has, and a finished picture for files.
//!
//! Nothing here knows of windows, time or files. A layer arrives as one `u8` per logical core, row by row; what the
//! numbers mean is said by its [`LayerInfo`].

pub mod layer;
pub mod ramp;
pub mod raster;
pub mod viewport;

mod canvas;
pub mod fonts;
pub mod picture;

pub use layer::{Category, LayerInfo, Reduction};
pub use ramp::{Ramp, Rgba, Table};
pub use raster::CoreMap;
pub use viewport::{Insets, Level, Viewport, WaferPlane};

pub use crate::hardware::Core;
use crate::hardware::Rect;

/// A kernel on the wafer, as the map and pictures outline it.
#[derive(Clone, Copy, Debug)]
pub struct KernelOutline<'a> {
    pub rect: Rect,
    pub name: &'a str,
    /// At work at this moment: its line is drawn at full strength.
    pub running: bool,
}
