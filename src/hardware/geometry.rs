//! Where a core is: logical fabric coordinates, the physical array behind them, dies, and rectangles of cores.
//!
//! Spaces are named: `logical` is what programs see (a whole mesh), `physical` counts every core that was made.

use crate::hardware::DeviceSpec;

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

/// The two coordinate systems of one wafer and its dies.
///
/// The fabric's columns and rows are split over the dies as evenly as whole numbers allow: die column `i` begins at
/// logical column `floor(i * fabric_columns / die_columns)`. The cores of a die that the split leaves over are its
/// spares; they lie at its east and south sides. How the maker really spreads them is not published.
///
/// A *nominal* position is the one on a wafer without defects; [`DefectMap`](crate::hardware::DefectMap) knows where
/// cores really live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Columns of the logical fabric.
    pub fabric_columns: u32,
    /// Rows of the logical fabric.
    pub fabric_rows: u32,
    /// Dies in a row of dies.
    pub die_columns: u32,
    /// Dies in a column of dies.
    pub die_rows: u32,
    /// Physical cores in a row of one die.
    pub die_core_columns: u32,
    /// Physical cores in a column of one die.
    pub die_core_rows: u32,
    /// Side of the square wafer in whole micrometres, so that geometries compare exactly.
    wafer_side_um: u32,
}

impl Geometry {
    /// The geometry of a device whose file was checked: its fabric is not larger than its physical array.
    pub fn new(spec: &DeviceSpec) -> Self {
        Self {
            fabric_columns: spec.fabric_columns.value,
            fabric_rows: spec.fabric_rows.value,
            die_columns: spec.die_columns.value,
            die_rows: spec.die_rows.value,
            die_core_columns: spec.die_core_columns.value,
            die_core_rows: spec.die_core_rows.value,
            wafer_side_um: (spec.wafer_side_mm.value * 1000.0).round() as u32,
        }
    }

    /// All logical cores.
    pub fn fabric(&self) -> Rect {
        Rect { x: 0, y: 0, width: self.fabric_columns, height: self.fabric_rows }
    }

    /// Columns of cores that were made.
    pub fn physical_columns(&self) -> u32 {
        self.die_columns * self.die_core_columns
    }

    /// Rows of cores that were made.
    pub fn physical_rows(&self) -> u32 {
        self.die_rows * self.die_core_rows
    }

    /// Side of the wafer in millimetres.
    pub fn wafer_side_mm(&self) -> f64 {
        f64::from(self.wafer_side_um) / 1000.0
    }

    /// Width of a logical core in millimetres, the wafer shared evenly by its columns (derived, not published).
    pub fn core_width_mm(&self) -> f64 {
        self.wafer_side_mm() / f64::from(self.fabric_columns)
    }

    /// Height of a logical core in millimetres, the wafer shared evenly by its rows (derived, not published).
    pub fn core_height_mm(&self) -> f64 {
        self.wafer_side_mm() / f64::from(self.fabric_rows)
    }

    /// First logical column of die column `index`; `index == die_columns` gives the end of the last.
    pub fn die_first_column(&self, index: u32) -> u32 {
        split(self.fabric_columns, self.die_columns, index)
    }

    /// First logical row of die row `index`; `index == die_rows` gives the end of the last.
    pub fn die_first_row(&self, index: u32) -> u32 {
        split(self.fabric_rows, self.die_rows, index)
    }

    /// Column and row of the die that holds a logical core.
    pub fn die_of(&self, core: Core) -> (u32, u32) {
        (part_of(self.fabric_columns, self.die_columns, core.x), part_of(self.fabric_rows, self.die_rows, core.y))
    }

    /// The logical cores of the die at `column`, `row`.
    pub fn die_rect(&self, column: u32, row: u32) -> Rect {
        let (x, y) = (self.die_first_column(column), self.die_first_row(row));
        let (right, bottom) = (self.die_first_column(column + 1), self.die_first_row(row + 1));
        Rect { x, y, width: right - x, height: bottom - y }
    }

    /// Physical column and row of a logical core on a wafer without defects.
    pub fn nominal_physical(&self, core: Core) -> (u32, u32) {
        let (die_column, die_row) = self.die_of(core);
        let column = die_column * self.die_core_columns + core.x - self.die_first_column(die_column);
        let row = die_row * self.die_core_rows + core.y - self.die_first_row(die_row);
        (column, row)
    }

    /// The logical core that a physical site holds on a wafer without defects; `None` for a spare.
    pub fn logical_at_nominal(&self, column: u32, row: u32) -> Option<Core> {
        let (die_column, die_row) = (column / self.die_core_columns, row / self.die_core_rows);
        if die_column >= self.die_columns || die_row >= self.die_rows {
            return None;
        }
        let x = self.die_first_column(die_column) + column % self.die_core_columns;
        let y = self.die_first_row(die_row) + row % self.die_core_rows;
        (x < self.die_first_column(die_column + 1) && y < self.die_first_row(die_row + 1)).then_some(Core { x, y })
    }
}

/// Where part `index` begins when `count` is split into `parts` as evenly as possible.
fn split(count: u32, parts: u32, index: u32) -> u32 {
    (u64::from(index) * u64::from(count) / u64::from(parts)) as u32
}

/// The part of [`split`] that holds `position`: the largest whose beginning is not beyond it.
fn part_of(count: u32, parts: u32, position: u32) -> u32 {
    (((u64::from(position) + 1) * u64::from(parts) - 1) / u64::from(count)) as u32
}
