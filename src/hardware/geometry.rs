//! Where a core is: logical fabric coordinates, the physical array behind them, dies, and rectangles of cores.
//!
//! Spaces are named: `logical` is what programs see (a whole mesh), `physical` counts every core that was made.

/// A core of the logical fabric; (0, 0) is the north-west corner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Core {
    /// Column, growing east.
    pub x: u32,
    /// Row, growing south.
    pub y: u32,
}

/// A rectangle of logical cores: columns `x..x + width`, rows `y..y + height`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    /// Number of cores inside.
    pub fn cores(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// First column to the east of it.
    pub fn right(&self) -> u32 {
        self.x.saturating_add(self.width)
    }

    /// First row to the south of it.
    pub fn bottom(&self) -> u32 {
        self.y.saturating_add(self.height)
    }

    /// Whether `core` lies inside.
    pub fn contains(&self, core: Core) -> bool {
        (self.x..self.right()).contains(&core.x) && (self.y..self.bottom()).contains(&core.y)
    }

    /// The cores that both hold, if any.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let x = self.x.max(other.x);
        let y = self.y.max(other.y);
        let right = self.right().min(other.right());
        let bottom = self.bottom().min(other.bottom());
        (x < right && y < bottom).then(|| Self { x, y, width: right - x, height: bottom - y })
    }

    /// The same rectangle with width and height exchanged.
    pub fn rotated(&self) -> Self {
        Self { x: self.x, y: self.y, width: self.height, height: self.width }
    }

    /// The middle of it, rounded towards the north-west.
    pub fn centre(&self) -> Core {
        Core { x: self.x + self.width / 2, y: self.y + self.height / 2 }
    }
}
