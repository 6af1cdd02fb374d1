//! What the links between routers would carry if every stream bent once.
//!
//! It goes along the row of its maker's middle, then along the column of its reader's. Streams of one maker share the
//! links that they have in common. Cheap enough to follow a hand in every frame. The compiler's own ways keep to the edges of kernels and may bend more
//! often, so its busiest link is another one; it is in the steps of the routing.

use std::collections::BTreeMap;

use crate::hardware::{Core, Rect};
use crate::workload::OpId;

/// Where a run of links goes, from the router that it leaves first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Towards {
    East,
    West,
    South,
    North,
}

/// Links of one maker's streams on one line: routers from the first to the last, and bytes of a micro-batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    maker: OpId,
    from: u32,
    to: u32,
    bytes: u64,
}

/// The lines of a layout that carry anything: rows and columns by wafer and direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    lines: BTreeMap<(u32, Towards, u32), Vec<Run>>,
    peak: u64,
}

impl Links {
    /// Bytes of a micro-batch over the busiest link.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// Adds a stream of `bytes` between two kernels on `wafer`.
    pub(super) fn add(&mut self, wafer: u32, maker: OpId, (from, to): (Rect, Rect), bytes: u64) {
        let (from, to): (Core, Core) = (from.centre(), to.centre());
        let along = if from.x <= to.x { Towards::East } else { Towards::West };
        self.run((wafer, along, from.y), Run { maker, from: from.x.min(to.x), to: from.x.max(to.x), bytes });
        let along = if from.y <= to.y { Towards::South } else { Towards::North };
        self.run((wafer, along, to.x), Run { maker, from: from.y.min(to.y), to: from.y.max(to.y), bytes });
    }

    fn run(&mut self, line: (u32, Towards, u32), run: Run) {
        if run.from == run.to {
            return;
        }
        let runs = self.lines.entry(line).or_default();
        // Runs of one maker on one line begin at the same router, so the longer one holds the shorter.
        match runs.iter_mut().find(|held| held.maker == run.maker) {
            Some(held) => (held.from, held.to) = (held.from.min(run.from), held.to.max(run.to)),
            None => runs.push(run),
        }
        // The busiest link of a line is one at which some run begins.
        let load = |at: u32| runs.iter().filter(|run| (run.from..run.to).contains(&at)).map(|run| run.bytes).sum();
        let busiest = runs.iter().map(|run| load(run.from)).max().unwrap_or(0);
        self.peak = self.peak.max(busiest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_add_up_where_they_share_a_link() {
        let at = |x, y| Rect { x, y, width: 1, height: 1 };
        let mut links = Links::default();
        links.add(0, OpId(0), (at(0, 0), at(10, 0)), 5);
        assert_eq!(links.peak(), 5);
        // The same data to another reader farther on takes the same links.
        links.add(0, OpId(0), (at(0, 0), at(20, 4)), 5);
        assert_eq!(links.peak(), 5);
        // Against the stream, on another row and on another wafer nothing is shared.
        links.add(0, OpId(1), (at(10, 0), at(0, 0)), 5);
        links.add(0, OpId(2), (at(0, 1), at(10, 1)), 5);
        links.add(1, OpId(3), (at(0, 0), at(10, 0)), 5);
        assert_eq!(links.peak(), 5);
        links.add(0, OpId(4), (at(15, 0), at(18, 9)), 7);
        assert_eq!(links.peak(), 12);
        links.add(0, OpId(5), (at(17, 0), at(19, 0)), 1);
        assert_eq!(links.peak(), 13);
    }
}
