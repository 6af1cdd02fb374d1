//! Quantities that must not be mixed, and the one way to write numbers for people.
//!
//! Simulated state counts whole cycles and bytes; seconds and rates exist only where a result is read.

pub mod format;

use std::ops::{Add, AddAssign, Sub};

/// A count of clock cycles of the wafer (`clock_run_hz` of its device).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cycles(pub u64);

/// A count of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// A duration in seconds, for results only.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Seconds(pub f64);

impl Cycles {
    /// Time zero.
    pub const ZERO: Self = Self(0);

    /// Rounds a non-negative cost up to whole cycles.
    ///
    /// # Panics
    /// If `cost` is negative, not a number, or beyond 2⁶³ cycles: a cost model of ours is wrong.
    pub fn from_cost(cost: f64) -> Self {
        assert!((0.0..9.2e18).contains(&cost), "a cost of {cost} cycles");
        Self(cost.ceil() as u64)
    }

    /// Duration at a clock of `clock_hz`.
    pub fn seconds(self, clock_hz: f64) -> Seconds {
        Seconds(self.0 as f64 / clock_hz)
    }
}

impl Add for Cycles {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0 + rhs.0)
    }
}

impl AddAssign for Cycles {
    fn add_assign(&mut self, rhs: Self) {
        self.0 += rhs.0;
    }
}

impl Sub for Cycles {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0 - rhs.0)
    }
}

impl Add for Bytes {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0 + rhs.0)
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, rhs: Self) {
        self.0 += rhs.0;
    }
}

impl std::iter::Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.map(|bytes| bytes.0).sum())
    }
}
