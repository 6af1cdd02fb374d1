//! How a length is cut over a row of cores, and what an array cut both ways costs each of them.
//!
//! Tiles are equal and rounded up, as the published kernels pad their shapes; so the last cores carry less, or nothing.

/// `total` elements over `parts` cores: core `i` holds elements `i * tile ..`, `tile = ceil(total / parts)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Split {
    pub total: u64,
    pub parts: u32,
}

impl Split {
    /// Elements of a full tile.
    pub fn tile(&self) -> u64 {
        self.total.div_ceil(u64::from(self.parts.max(1)))
    }

    /// Elements that core `index` holds: a full tile, the rest, or none.
    pub fn at(&self, index: u32) -> u64 {
        let tile = self.tile();
        self.total.saturating_sub(u64::from(index) * tile).min(tile)
    }

    /// Number of cores that hold anything.
    pub fn used(&self) -> u32 {
        match self.tile() {
            0 => 0,
            tile => self.total.div_ceil(tile) as u32,
        }
    }
}

/// SRAM that a buffer takes on each core of its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extent {
    /// The same number of bytes on every core.
    Uniform(u64),
    /// An array cut over rows and columns of the region.
    Grid { rows: Split, columns: Split, bytes_per_element: u64 },
}

impl Extent {
    /// Bytes on the fullest core.
    pub fn bytes_max(&self) -> u64 {
        match *self {
            Self::Uniform(bytes) => bytes,
            Self::Grid { rows, columns, bytes_per_element } => rows.tile() * columns.tile() * bytes_per_element,
        }
    }

    /// Bytes on the core in `row` and `column` of the array, counted from the region's north-west corner.
    pub fn bytes_at(&self, row: u32, column: u32) -> u64 {
        match *self {
            Self::Uniform(bytes) => bytes,
            Self::Grid { rows, columns, bytes_per_element } => rows.at(row) * columns.at(column) * bytes_per_element,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_add_up_to_the_whole() {
        for (total, parts) in [(5_120, 588), (1, 7), (0, 3), (15_360, 1_176), (762, 762), (10, 3)] {
            let split = Split { total, parts };
            let sum: u64 = (0..parts).map(|index| split.at(index)).sum();
            assert_eq!(sum, total);
            let busy = (0..parts).filter(|&index| split.at(index) > 0).count();
            assert_eq!(busy as u32, split.used());
            assert!((1..parts).all(|index| split.at(index) <= split.at(index - 1)));
        }
    }

    #[test]
    fn a_grid_is_fullest_in_its_first_corner() {
        let extent = Extent::Grid {
            rows: Split { total: 100, parts: 7 },
            columns: Split { total: 33, parts: 4 },
            bytes_per_element: 2,
        };
        assert_eq!(extent.bytes_max(), 15 * 9 * 2);
        assert_eq!(extent.bytes_at(0, 0), extent.bytes_max());
        let all: u64 = (0..7).flat_map(|row| (0..4).map(move |column| extent.bytes_at(row, column))).sum();
        assert_eq!(all, 100 * 33 * 2);
    }
}
