//! Moments and sizes as they are typed: `1200000` cycles, `80%` of the run, `134.5ms`, `1280x800`.

use std::str::FromStr;

use crate::view::picture::SIDE_MAX;

/// A moment of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Moment {
    Cycle(u64),
    /// Share of the whole run, 0 to 1.
    Share(f64),
    Seconds(f64),
}

/// Units of a duration, longest spelling first where one ends in another.
const UNITS: [(&str, f64); 7] =
    [("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("ns", 1e-9), ("min", 60.0), ("s", 1.0), ("h", 3_600.0)];

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected cycles (1200000), a share (80%) or a duration (134.5ms), found \"{text}\"");
        let number = |digits: &str| {
            let value: f64 = digits.trim().parse().map_err(|_error| expected())?;
            if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(expected()) }
        };
        if let Some(digits) = text.strip_suffix('%') {
            let share = number(digits)? / 100.0;
            return if share <= 1.0 { Ok(Self::Share(share)) } else { Err(expected()) };
        }
        for (unit, seconds) in UNITS {
            if let Some(digits) = text.strip_suffix(unit) {
                return Ok(Self::Seconds(number(digits)? * seconds));
            }
        }
        text.replace(['_', ' '], "").parse().map(Self::Cycle).map_err(|_error| expected())
    }
}

impl Moment {
    /// The cycle that it means in a run of `total` cycles, if the run's length is needed and known.
    pub(super) fn cycle(self, clock_hz: f64, total: impl FnOnce() -> u64) -> u64 {
        match self {
            Self::Cycle(cycle) => cycle,
            Self::Share(share) => (total() as f64 * share).round() as u64,
            Self::Seconds(seconds) => (seconds * clock_hz).round() as u64,
        }
    }
}

/// Width and height of a picture in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) [u32; 2]);

/// Smallest side of a picture that shows anything.
const SIDE_MIN: u32 = 64;

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected WIDTHxHEIGHT, each from {SIDE_MIN} to {SIDE_MAX}, found \"{text}\"");
        let (width, height) = text.split_once(['x', '×']).ok_or_else(expected)?;
        let side = |digits: &str| {
            let side: u32 = digits.parse().map_err(|_error| expected())?;
            if (SIDE_MIN..=SIDE_MAX).contains(&side) { Ok(side) } else { Err(expected()) }
        };
        Ok(Self([side(width)?, side(height)?]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_all_three_forms() {
        let at = |text: &str| text.parse::<Moment>().map(|moment| moment.cycle(1e9, || 1_000));
        assert_eq!(at("1200000"), Ok(1_200_000));
        assert_eq!(at("80%"), Ok(800));
        assert_eq!(at("134.5ms"), Ok(134_500_000));
        assert_eq!(at("2us"), Ok(2_000));
        assert_eq!(at("1min"), Ok(60_000_000_000));
        for wrong in ["", "-1", "NaN%", "101%", "inf s", "1.5", "ms", "3 days", "1e400s"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_have_limits() {
        assert_eq!("1280x800".parse(), Ok(Size([1280, 800])));
        for wrong in ["", "x", "10x10", "99999x800", "-5x800", "1280", "1280x800x3"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
