//! Stencils in fp32 as users of the SDK wrote them.
//!
//! Each core holds a square of cells (or a column of a box), takes in the halo of its neighbours and runs one multiply-add
//! instruction per tap and line.

use super::{Prices, constants};

/// Which neighbours a cell reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Along the axes, up to the radius.
    Star,
    /// All within the radius.
    Square,
}

impl Pattern {
    /// Cells that one result reads in two dimensions, itself included.
    pub fn taps(self, radius: u64) -> u64 {
        match self {
            Self::Star => 4 * radius + 1,
            Self::Square => (2 * radius + 1) * (2 * radius + 1),
        }
    }

    /// Words of neighbours around a square of `side` cells.
    fn halo_words(self, side: u64, radius: u64) -> u64 {
        let sides = 4 * radius * side;
        match self {
            Self::Star => sides,
            Self::Square => sides + 4 * radius * radius,
        }
    }
}

/// One iteration on a square of `side × side` cells a core, in cycles.
///
/// A tap is a loop over lines; lines lie `side + 2 · radius` words apart, and a distance that meets the same banks costs
/// more. The halo comes in through the ramp, a word a cycle, and is not hidden.
pub fn iteration(prices: &Prices, pattern: Pattern, radius: u64, side: u64) -> f64 {
    let stride = (side + 2 * radius) % 8;
    let conflict = if stride == 4 || stride == 7 { constants::BANK_CONFLICT.value } else { 0.0 };
    let line = prices.issue + side as f64 * (constants::FP32_ELEMENT.value + conflict);
    let tap = prices.loop_setup + side as f64 * line;
    pattern.taps(radius) as f64 * tap + pattern.halo_words(side, radius) as f64
}

/// One iteration with one cell a core and neighbours along the axes, in cycles.
///
/// The word arrives as over one chain stage, and each tap is one element of a data task, which no vector instruction has
/// to issue.
pub fn one_cell_iteration(prices: &Prices, radius: u64) -> f64 {
    prices.chain_stage() + Pattern::Star.taps(radius) as f64 * constants::FP32_ELEMENT.value
}

/// Taps of a star of this radius in three dimensions.
pub fn taps_in_a_box(radius: u64) -> u64 {
    6 * radius + 1
}

/// One iteration of a three-dimensional star of this radius with a column of `cells` a core, in cycles.
///
/// One long vector instruction per tap, and the columns of `radius` neighbours on each of four sides through the ramp.
pub fn column_iteration(prices: &Prices, radius: u64, cells: u64) -> f64 {
    let instruction = prices.loop_setup + prices.issue + constants::FP32_ELEMENT.value * cells as f64;
    taps_in_a_box(radius) as f64 * instruction + (4 * radius * cells) as f64
}
