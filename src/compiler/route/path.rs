//! Axis-parallel stretches of routers, and the few-bend ways between two of them.

use crate::hardware::{Core, Rect};

/// A straight run of routers, both ends included, in the direction of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub from: Core,
    pub to: Core,
}

impl Segment {
    /// Whether it stays in one row.
    pub fn is_horizontal(&self) -> bool {
        self.from.y == self.to.y
    }

    /// Whether it stays in one row or one column.
    pub fn is_straight(&self) -> bool {
        self.from.x == self.to.x || self.from.y == self.to.y
    }

    /// Links from its first router to its last.
    pub fn hops(&self) -> u32 {
        distance(self.from, self.to)
    }

    /// Its routers as a rectangle one core wide or high.
    pub fn rect(&self) -> Rect {
        let (x, y) = (self.from.x.min(self.to.x), self.from.y.min(self.to.y));
        let (width, height) = (self.from.x.abs_diff(self.to.x) + 1, self.from.y.abs_diff(self.to.y) + 1);
        Rect { x, y, width, height }
    }

    /// Its router nearest to `core`.
    pub(super) fn nearest(&self, core: Core) -> Core {
        let rect = self.rect();
        Core { x: core.x.clamp(rect.x, rect.right() - 1), y: core.y.clamp(rect.y, rect.bottom() - 1) }
    }

    /// Its routers in the direction of its data.
    pub fn routers(&self) -> impl Iterator<Item = Core> + use<> {
        let Self { from, to } = *self;
        let step =
            |from: u32, to: u32, by: u32| if from <= to { from + by.min(to - from) } else { from - by.min(from - to) };
        (0..=self.hops()).map(move |by| Core { x: step(from.x, to.x, by), y: step(from.y, to.y, by) })
    }

    /// The same without its first router; `None` if that is its only one.
    pub(super) fn without_first(&self) -> Option<Self> {
        self.routers().nth(1).map(|from| Self { from, to: self.to })
    }
}

/// Links on a shortest way between two routers of a mesh.
pub fn distance(a: Core, b: Core) -> u32 {
    a.x.abs_diff(b.x) + a.y.abs_diff(b.y)
}

/// A way by its corners: begin, two turns, end. Corners may coincide.
pub(super) type Corners = [Core; 4];

/// The stretches of a way that are longer than nothing.
pub(super) fn segments(corners: &[Core]) -> impl Iterator<Item = Segment> + '_ {
    corners.windows(2).filter(|pair| pair[0] != pair[1]).map(|pair| Segment { from: pair[0], to: pair[1] })
}

/// All shortest ways with one bend, and those with two that turn at the quarters of the longer way or beside an end.
///
/// In the order in which equal ones are preferred; a straight way comes alone.
pub(super) fn ways(from: Core, to: Core) -> Vec<Corners> {
    if from.x == to.x || from.y == to.y {
        return vec![[from, from, to, to]];
    }
    let along_row = |x: u32| [from, Core { x, y: from.y }, Core { x, y: to.y }, to];
    let along_column = |y: u32| [from, Core { x: from.x, y }, Core { x: to.x, y }, to];
    let mut ways = vec![along_row(to.x), along_row(from.x)];
    ways.extend(between(from.x, to.x).into_iter().map(along_row));
    ways.extend(between(from.y, to.y).into_iter().map(along_column));
    ways
}

/// Turning points strictly between two coordinates: the middle first, then the quarters, then beside the ends.
fn between(a: u32, b: u32) -> Vec<u32> {
    let (low, high) = (a.min(b), a.max(b));
    let span = high - low;
    let mut turns = Vec::with_capacity(5);
    for turn in [low + span / 2, low + span / 4, low + 3 * span / 4, low + 1, high - 1] {
        if low < turn && turn < high && !turns.contains(&turn) {
            turns.push(turn);
        }
    }
    turns
}
