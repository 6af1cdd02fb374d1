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
    pub(super) masks: Masks,
    pub(super) loads: LinkLoads,
}

/// Colours taken at all routers.
#[derive(Clone, Debug)]
pub(super) struct Masks {
    columns: usize,
    rows: usize,
    by_row: Vec<u32>,
    by_column: Vec<u32>,
}

impl Masks {
    /// Routers without any route; those of lost cores have no colour at all.
    pub(super) fn new(fabric: &Fabric, kernels: &[Footprint]) -> Self {
        let (columns, rows) = (fabric.columns as usize, fabric.rows as usize);
        let free = vec![beyond(fabric.colours); columns * rows];
        let mut masks = Self { columns, rows, by_column: free.clone(), by_row: free };
        masks.close_lost(fabric, 0..fabric.rows);
        for kernel in kernels {
            masks.set(kernel.rect, inner(fabric, kernel));
        }
        masks
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

    /// Colours taken at some routers of row `y`, from column `x` on.
    pub(super) fn row(&self, y: u32, x: u32, width: u32) -> &[u32] {
        &self.by_row[y as usize * self.columns + x as usize..][..width as usize]
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.columns as u32, self.rows as u32)
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

    /// Colours that at least one router of a segment cannot give.
    fn along(&self, segment: Segment) -> u32 {
        let rect = segment.rect();
        let [x, y, width, height] = [rect.x, rect.y, rect.width, rect.height].map(|side| side as usize);
        let routers = if segment.is_horizontal() {
            &self.by_row[y * self.columns + x..][..width]
        } else {
            &self.by_column[x * self.rows + y..][..height]
        };
        routers.iter().fold(0, |taken, word| taken | word)
    }
}

impl View for Grid {
    fn sweep(&self, segment: Segment) -> Sweep {
        let taken = self.masks.along(segment);
        // The links of a closed run are of no interest.
        let links = if taken == u32::MAX { &[] } else { self.loads.links(segment) };
        Sweep { taken, busiest: links.iter().copied().max().unwrap_or(0) }
    }
}

/// The fabric as it is before any route.
impl View for Masks {
    fn sweep(&self, segment: Segment) -> Sweep {
        Sweep { taken: self.along(segment), busiest: 0 }
    }
}
