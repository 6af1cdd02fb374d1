//! The wafer map: what it is given, what it reports, and the parts that draw it.
//!
//! [`MapScene`] is plain data of one moment; [`MapPainter`] keeps only what is costly to make again, the texture;
//! [`input`] turns wheel, drag and clicks into moves of the viewport and never draws.

mod cells;
pub mod input;
mod marks;
mod painter;

pub use input::MapResponse;
pub use painter::MapPainter;

use crate::view::Core;
use crate::view::{CoreMap, KernelOutline, LayerInfo, WaferPlane};

/// Everything that the map shows at one moment.
pub struct MapScene<'a> {
    /// One value per logical core.
    pub map: CoreMap<'a>,
    /// Changes whenever the values do, so that the same frame is not coloured twice.
    pub revision: u64,
    pub plane: WaferPlane,
    pub layer: &'a LayerInfo,
    /// The values at the two ends of the colour map.
    pub range: (u8, u8),
    /// First logical column of each die from the second on.
    pub die_columns: &'a [u32],
    /// First logical row of each die from the second on.
    pub die_rows: &'a [u32],
    pub kernels: &'a [KernelOutline<'a>],
    /// Where dead cores are, in logical coordinates.
    pub dead: &'a [Core],
    pub selection: Option<Core>,
    pub hover: Option<Core>,
    /// Share of each link's capacity in use, 0 to 255, for north, east, south and west of every core; row by row.
    /// Shown from [`crate::view::Level::Region`] on.
    pub links: Option<&'a [[u8; 4]]>,
    /// SRAM in use per core, 0 to 255 of its capacity, row by row. Shown from the same level on.
    pub sram: Option<&'a [u8]>,
    pub overlays: Overlays,
    /// Things with words beside the wafer, drawn while the whole wafer is in view.
    pub notes: &'a [Note<'a>],
}

/// What is drawn over the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlays {
    pub kernels: bool,
    pub dies: bool,
    pub defects: bool,
    pub scale_bar: bool,
}

impl Default for Overlays {
    fn default() -> Self {
        Self { kernels: true, dies: true, defects: true, scale_bar: true }
    }
}

/// Words in the gutter with a level line to the core they are about.
#[derive(Clone, Copy, Debug)]
pub struct Note<'a> {
    pub core: Core,
    pub title: &'a str,
    pub text: &'a str,
}

impl MapScene<'_> {
    /// The die of a core: column and row.
    pub fn die_of(&self, core: Core) -> [u32; 2] {
        let index = |starts: &[u32], at: u32| starts.iter().take_while(|&&start| start <= at).count() as u32;
        [index(self.die_columns, core.x), index(self.die_rows, core.y)]
    }

    /// Position of a core in row-by-row slices.
    fn index_of(&self, x: u32, y: u32) -> usize {
        y as usize * self.plane.columns as usize + x as usize
    }
}
