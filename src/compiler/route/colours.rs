//! Which colours are taken at which router: one bit each, kept by row and by column so that straight runs are slices.

use super::load::LinkLoads;
use super::path::Segment;
use super::{Fabric, Footprint};
use crate::hardware::{Core, Rect};

/// What a straight run of routers has left, and how busy its links are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sweep {
    /// Colours that at least one of the routers cannot give, one bit each.
    pub(super) taken: u32,
    /// Bytes on the busiest link.
    pub(super) busiest: u64,
}

/// Something that can say what lies along a segment inside the fabric.
pub(super) trait View {
    fn sweep(&self, segment: Segment) -> Sweep;
}

/// Bits of the colours that a router does not have.
pub(super) fn beyond(colours: u32) -> u32 {
    u32::MAX.checked_shl(colours).unwrap_or(0)
}

/// Bits of the colours that kernels use inside: from the highest number down, so that what two kernels leave is nested.
pub(super) fn inner(fabric: &Fabric, kernel: &Footprint) -> u32 {
    beyond(fabric.colours.saturating_sub(kernel.colours)) & !beyond(fabric.colours)
}

/// The state of all routers and links.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    columns: usize,
    rows: usize,
    by_row: Vec<u32>,
    by_column: Vec<u32>,
    pub(super) loads: LinkLoads,
}

impl Grid {
    /// Routers without any route; those of lost cores have no colour at all.
    pub(super) fn new(fabric: &Fabric, kernels: &[Footprint]) -> Self {
        let (columns, rows) = (fabric.columns as usize, fabric.rows as usize);
        let free = vec![beyond(fabric.colours); columns * rows];
        let mut grid = Self { columns, rows, by_column: free.clone(), by_row: free, loads: LinkLoads::new(fabric) };
        grid.close_lost(fabric, 0..fabric.rows);
        for kernel in kernels {
            grid.set(kernel.rect, inner(fabric, kernel));
        }
        grid
    }

    /// Takes every colour at the routers of lost cores in some rows.
    pub(super) fn close_lost(&mut self, fabric: &Fabric, rows: std::ops::Range<u32>) {
        for y in rows {
            let x = fabric.living_in(y);
            self.set(Rect { x, y, width: fabric.columns - x, height: 1 }, u32::MAX);
        }
    }

    /// Colours taken at one router.
    pub(super) fn taken(&self, core: Core) -> u32 {
        self.by_row[core.y as usize * self.columns + core.x as usize]
    }

    /// Takes colours at every router of `rect` inside the fabric.
    pub(super) fn set(&mut self, rect: Rect, bits: u32) {
        self.change(rect, |word| *word |= bits);
    }

    /// Gives colours back at every router of `rect` inside the fabric.
    pub(super) fn clear(&mut self, rect: Rect, bits: u32) {
        self.change(rect, |word| *word &= !bits);
    }

    fn change(&mut self, rect: Rect, change: impl Fn(&mut u32)) {
        let [left, right] = [rect.x, rect.right()].map(|x| (x as usize).min(self.columns));
        let [top, bottom] = [rect.y, rect.bottom()].map(|y| (y as usize).min(self.rows));
        for row in top..bottom {
            self.by_row[row * self.columns..][left..right].iter_mut().for_each(&change);
        }
        for column in left..right {
            self.by_column[column * self.rows..][top..bottom].iter_mut().for_each(&change);
        }
    }
}

impl View for Grid {
    fn sweep(&self, segment: Segment) -> Sweep {
        let rect = segment.rect();
        let [x, y, width, height] = [rect.x, rect.y, rect.width, rect.height].map(|side| side as usize);
        let routers = if segment.is_horizontal() {
            &self.by_row[y * self.columns + x..][..width]
        } else {
            &self.by_column[x * self.rows + y..][..height]
        };
        let taken = routers.iter().fold(0, |taken, word| taken | word);
        let busiest = self.loads.links(segment).iter().copied().max().unwrap_or(0);
        Sweep { taken, busiest }
    }
}

/// The fabric as it is before any route: lost cores and what kernels use inside.
pub(super) struct Bare<'a> {
    pub(super) fabric: &'a Fabric,
    pub(super) kernels: &'a [Footprint],
}

impl View for Bare<'_> {
    fn sweep(&self, segment: Segment) -> Sweep {
        let rect = segment.rect();
        let lost = (rect.y..rect.bottom()).any(|y| rect.right() > self.fabric.living_in(y));
        let crossed = self.kernels.iter().filter(|kernel| kernel.rect.intersection(&rect).is_some());
        let taken = crossed.fold(beyond(self.fabric.colours), |taken, kernel| taken | inner(self.fabric, kernel));
        Sweep { taken: if lost { u32::MAX } else { taken }, busiest: 0 }
    }
}
