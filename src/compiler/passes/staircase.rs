//! The boxes of a kernel as the floorplanner asks for them, turned by a quarter as `plan` turns the wafer: for each height
//! the narrowest box of any time between two.
//!
//! Worked out once for a kind of kernel, since a search asks for hundreds of target times. At a fixed height the time only
//! falls as a box gets wider, so widths where it falls are found by bisection, and only between the two times.

use crate::compiler::floorplan::{Curve, Shapes};
use crate::compiler::kernel::{Form, Library};

/// Heights that are tried at most.
const HEIGHTS_MAX: usize = 96;
/// Times that are told apart: one part in so many.
const RESOLUTION: u64 = 200;

/// What a box is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kind {
    /// Index of its form.
    pub form: usize,
    /// Cycles in which the next kernel takes over what this one made; `None` for the last one, which hands it on over its
    /// own rows.
    pub handing_on: Option<u64>,
    /// Cycles that taking a micro-batch in takes at least, because it comes from another wafer.
    pub link: u64,
    /// Rows at least, so that the kernel before does not wait longer than it was promised.
    pub height_min: u32,
}

/// Boxes of one kind.
pub(super) struct Staircase {
    slowest_ticks: u64,
    /// For each height: ticks and the least width, from slow and narrow to fast and wide.
    rows: Vec<(u32, Vec<(u64, u32)>)>,
}

impl Staircase {
    /// The boxes of a kind between the times `low` and `high`, in cycles; `tick` cycles are one tick.
    pub(super) fn new(library: &Library<'_>, form: &Form, kind: &Kind, [low, high]: [u64; 2], tick: u64) -> Self {
        let (widest, tallest) = library.side_max(form);
        let mut rows = Vec::new();
        for height in heights(form, kind.height_min.min(tallest), tallest) {
            let handing_on = kind.handing_on.unwrap_or_else(|| library.drain(form, height).0);
            let waits = kind.link.saturating_sub(library.receive(form, height).0);
            let time = |width: u32| {
                let shape = library.shape(form, width, height);
                let legal = shape.sram_bytes_per_core <= library.sram_limit();
                legal.then_some(shape.cycles.0.saturating_add(handing_on).saturating_add(waits))
            };
            let narrowest = |from: u32, target: u64| {
                let meets = |width: u32| time(width).filter(|time| *time <= target);
                let (mut over, mut under, mut by) = (from, from.saturating_add(1).min(widest), 1);
                while meets(under).is_none() {
                    if under == widest {
                        return None;
                    }
                    by *= 2;
                    (over, under) = (under, under.saturating_add(by).min(widest));
                }
                while under - over > 1 {
                    let middle = u32::midpoint(over, under);
                    if meets(middle).is_some() { under = middle } else { over = middle }
                }
                Some((time(under)?, under))
            };
            let mut steps = Vec::new();
            let (mut target, mut width) = (high, 0);
            while let Some((time, under)) = narrowest(width, target) {
                steps.push((time.div_ceil(tick), under));
                if time <= low || under == widest {
                    break;
                }
                (width, target) = (under, time - (time / RESOLUTION).clamp(1, time - low));
            }
            if !steps.is_empty() {
                rows.push((height, steps));
            }
        }
        Self { slowest_ticks: high.div_ceil(tick), rows }
    }
}

/// Heights at which the rows of a kernel hold less than at one row fewer, thinned out evenly if they are many.
fn heights(form: &Form, least: u32, tallest: u32) -> Vec<u32> {
    let total = Library::cut(form, form.copies, 1, 1).rows.total.max(1);
    let mut heights: Vec<u32> = Vec::new();
    let mut height = least.max(1);
    while height <= tallest {
        heights.push(height);
        let tile = total.div_ceil(u64::from(height));
        // The least height of a smaller tile; where a tile is one element, more rows still share what is held.
        let next = if tile > 1 { total.div_ceil(tile - 1) as u32 } else { height + height.div_ceil(32) };
        height = next.max(height + 1);
    }
    if heights.len() > HEIGHTS_MAX {
        let last = heights.len() - 1;
        heights = (0..HEIGHTS_MAX).map(|index| heights[index * last / (HEIGHTS_MAX - 1)]).collect();
    }
    heights
}

impl Shapes for Staircase {
    fn curve(&self, ticks: u64, side: u32) -> Curve {
        let boxes = self.rows.iter().filter_map(|(height, steps)| {
            let within = steps.partition_point(|(time, _)| *time > ticks);
            Some([*height, steps.get(within)?.1])
        });
        Curve::of_upright_boxes(boxes, side)
    }

    fn slowest_ticks(&self) -> u64 {
        self.slowest_ticks
    }
}
