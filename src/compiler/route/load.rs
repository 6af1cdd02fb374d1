//! Bytes on every link of the mesh: four directions, one number for each router that a link leaves.

use super::path::Segment;
use super::{Edge, Fabric};
use crate::hardware::Core;

/// Bytes of one micro-batch on each link.
///
/// Rows lie behind each other for links east and west, columns for links north and south, so that a straight run of
/// links is a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLoads {
    columns: usize,
    rows: usize,
    east: Vec<u64>,
    west: Vec<u64>,
    south: Vec<u64>,
    north: Vec<u64>,
}

/// The busiest link of a routing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeakLink {
    /// Bytes of one micro-batch.
    pub bytes: u64,
    /// The router that it leaves.
    pub at: Core,
    /// Where to.
    pub towards: Edge,
}

impl LinkLoads {
    /// Links that carry nothing.
    pub fn new(fabric: &Fabric) -> Self {
        let (columns, rows) = (fabric.columns as usize, fabric.rows as usize);
        let none = || vec![0; columns * rows];
        Self { columns, rows, east: none(), west: none(), south: none(), north: none() }
    }

    /// Bytes on the link that leaves `core` in a direction; zero where there is no such link.
    pub fn leaving(&self, core: Core, towards: Edge) -> u64 {
        let (x, y) = (core.x as usize, core.y as usize);
        if x >= self.columns || y >= self.rows {
            return 0;
        }
        match towards {
            Edge::East => self.east[y * self.columns + x],
            Edge::West => self.west[y * self.columns + x],
            Edge::South => self.south[x * self.rows + y],
            Edge::North => self.north[x * self.rows + y],
        }
    }

    /// The links of a segment, in order of place.
    pub(super) fn links(&self, segment: Segment) -> &[u64] {
        let (towards, range) = self.slice(segment);
        match towards {
            Edge::East => &self.east[range],
            Edge::West => &self.west[range],
            Edge::South => &self.south[range],
            Edge::North => &self.north[range],
        }
    }

    pub(super) fn add(&mut self, segment: Segment, bytes: u64) {
        for link in self.links_mut(segment) {
            *link += bytes;
        }
    }

    pub(super) fn remove(&mut self, segment: Segment, bytes: u64) {
        for link in self.links_mut(segment) {
            *link -= bytes;
        }
    }

    fn links_mut(&mut self, segment: Segment) -> &mut [u64] {
        let (towards, range) = self.slice(segment);
        match towards {
            Edge::East => &mut self.east[range],
            Edge::West => &mut self.west[range],
            Edge::South => &mut self.south[range],
            Edge::North => &mut self.north[range],
        }
    }

    /// Direction of a segment and the routers that its links leave.
    fn slice(&self, segment: Segment) -> (Edge, std::ops::Range<usize>) {
        let Segment { from, to } = segment;
        let [from_x, from_y, to_x, to_y] = [from.x, from.y, to.x, to.y].map(|side| side as usize);
        if segment.is_horizontal() {
            let row = from_y * self.columns;
            if from_x <= to_x {
                (Edge::East, row + from_x..row + to_x)
            } else {
                (Edge::West, row + to_x + 1..row + from_x + 1)
            }
        } else {
            let column = from_x * self.rows;
            if from_y <= to_y {
                (Edge::South, column + from_y..column + to_y)
            } else {
                (Edge::North, column + to_y + 1..column + from_y + 1)
            }
        }
    }

    /// The busiest link of some segments; the first of equals by their order.
    pub(super) fn peak(&self, segments: impl Iterator<Item = Segment>) -> Option<PeakLink> {
        let mut peak: Option<PeakLink> = None;
        for segment in segments {
            let (towards, range) = self.slice(segment);
            let links = self.links(segment);
            let Some(bytes) = links.iter().copied().max() else { continue };
            if peak.is_none_or(|held| bytes > held.bytes) {
                let offset = links.iter().position(|&link| link == bytes).unwrap_or_default();
                let index = range.start + offset;
                let at = match towards {
                    Edge::East | Edge::West => Core { x: (index % self.columns) as u32, y: segment.from.y },
                    Edge::South | Edge::North => Core { x: segment.from.x, y: (index % self.rows) as u32 },
                };
                peak = Some(PeakLink { bytes, at, towards });
            }
        }
        peak
    }
}
