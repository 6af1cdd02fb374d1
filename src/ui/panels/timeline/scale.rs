//! Time on the screen: which cycle lies at which point, round ticks, and times and speeds in words.

use egui::Rangef;

use crate::units::format;

/// The shortest stretch that the strips can show, in cycles.
pub(super) const SPAN_MIN: u64 = 64;

/// A stretch of time over a horizontal range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TimeScale {
    pub range: Rangef,
    /// First cycle, and the one behind the last.
    pub from: u64,
    pub to: u64,
}

impl TimeScale {
    /// `from..to` over `range`; neither is ever empty.
    pub(super) fn new(range: Rangef, from: u64, to: u64) -> Self {
        let range = Rangef::new(range.min, range.max.max(range.min + 1.0));
        Self { range, from, to: to.max(from.saturating_add(1)) }
    }

    /// Cycles that are shown.
    pub(super) fn span(&self) -> u64 {
        self.to - self.from
    }

    /// Cycles behind one point.
    pub(super) fn cycles_per_point(&self) -> f64 {
        self.span() as f64 / f64::from(self.range.span())
    }

    /// Where `cycle` lies; outside the range for one that is not shown.
    pub(super) fn x(&self, cycle: u64) -> f32 {
        let cycles = cycle as f64 - self.from as f64;
        (f64::from(self.range.min) + cycles / self.cycles_per_point()) as f32
    }

    /// The cycle at `x`, inside what is shown.
    pub(super) fn cycle_at(&self, x: f32) -> u64 {
        let points = f64::from(x - self.range.min).max(0.0);
        let cycles = (points * self.cycles_per_point()).round() as u64;
        (self.from + cycles).min(self.to - 1)
    }

    /// The stretch after zooming by `factor` (below 1 is closer) with the cycle under `x` in its place.
    pub(super) fn zoomed(&self, x: f32, factor: f64, edge: u64) -> (u64, u64) {
        let longest = edge.max(SPAN_MIN);
        let span = ((self.span() as f64 * factor).round() as u64).clamp(SPAN_MIN, longest);
        let before = (f64::from(x - self.range.min) / f64::from(self.range.span())).clamp(0.0, 1.0);
        let at = self.from as f64 + self.span() as f64 * before;
        Self::placed(at - span as f64 * before, span, edge)
    }

    /// The stretch after moving by so many points to the later.
    pub(super) fn panned(&self, points: f32, edge: u64) -> (u64, u64) {
        let from = self.from as f64 + f64::from(points) * self.cycles_per_point();
        Self::placed(from, self.span(), edge)
    }

    /// A stretch of `span` from `from` on, moved back inside the run.
    pub(super) fn placed(from: f64, span: u64, edge: u64) -> (u64, u64) {
        let from = (from.max(0.0).round() as u64).min(edge.saturating_sub(span));
        (from, from + span)
    }
}

/// How times are written on one axis: one unit, and digits enough to tell neighbours apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ui::panels) struct TimeFormat {
    units_per_second: f64,
    pub unit: &'static str,
    decimals: usize,
}

impl TimeFormat {
    /// In the unit of a run of `run_seconds`, telling apart what is `step_seconds` apart.
    pub(in crate::ui::panels) fn new(run_seconds: f64, step_seconds: f64) -> Self {
        let (value, unit) = format::duration_parts(run_seconds);
        let units_per_second = if run_seconds > 0.0 { value / run_seconds } else { 1.0 };
        let step = step_seconds * units_per_second;
        let decimals = if step > 0.0 { (-step.log10() - 1e-6).ceil().clamp(0.0, 12.0) as usize } else { 0 };
        Self { units_per_second, unit, decimals }
    }

    /// With no fewer than `decimals`.
    pub(in crate::ui::panels) fn at_least(self, decimals: usize) -> Self {
        Self { decimals: self.decimals.max(decimals), ..self }
    }

    /// The number without its unit.
    pub(in crate::ui::panels) fn number(&self, seconds: f64) -> String {
        format!("{:.*}", self.decimals, seconds * self.units_per_second)
    }

    /// Number and unit.
    pub(in crate::ui::panels) fn words(&self, seconds: f64) -> String {
        format!("{} {}", self.number(seconds), self.unit)
    }
}

/// A mark on the ruler.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub x: f32,
    pub label: String,
}

/// Round times over `scale`, at least `apart` points from one to the next.
pub(super) fn ticks(scale: &TimeScale, clock_hz: f64, run_seconds: f64, apart: f32) -> Vec<Tick> {
    let least = scale.cycles_per_point() * f64::from(apart) / clock_hz;
    let (_, unit) = format::duration_parts(run_seconds);
    let units_per_second = TimeFormat::new(run_seconds, 1.0).units_per_second;
    let step = round_up(least * units_per_second) / units_per_second;
    let words = TimeFormat::new(run_seconds, step);
    debug_assert_eq!(words.unit, unit);
    let first = (scale.from as f64 / clock_hz / step).ceil() as u64;
    let count = (f64::from(scale.range.span() / apart.max(1.0)) + 2.0) as u64;
    (first..=first + count)
        .map(|index| index as f64 * step)
        .map(|seconds| Tick { x: scale.x((seconds * clock_hz).round() as u64), label: words.words(seconds) })
        .filter(|tick| scale.range.contains(tick.x))
        .collect()
}

/// The smallest of 1, 2, 5, 10, … times a power of ten that is not below `value`.
fn round_up(value: f64) -> f64 {
    if !(value.is_finite() && value > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(|&step| step >= value * 0.999_999)
        .unwrap_or(value)
}

/// Simulated seconds in a second, as a ratio: `4×`, `1×`, `1/256×`, `1/312 000×`, `1/4 M×`.
pub(super) fn speed_words(factor: f64) -> String {
    if !(factor.is_finite() && factor > 0.0) {
        return "–".to_owned();
    }
    if factor >= 0.999_5 {
        return format!("{}×", trimmed(format::three_digits(factor)));
    }
    let slower = 1.0 / factor;
    match slower {
        s if s < 10.0 => format!("1/{}×", trimmed(format::three_digits(s))),
        s if s < 1e5 && (s - s.round()).abs() < 1e-6 * s => format!("1/{}×", format::grouped(s.round() as u64)),
        s if s < 1e6 && (s.log2() - s.log2().round()).abs() < 1e-9 => {
            format!("1/{}×", format::grouped(s.round() as u64))
        }
        s if s < 999_500.0 => {
            let unit = 10_f64.powf((s.log10().floor() - 2.0).max(0.0));
            format!("1/{}×", format::grouped(((s / unit).round() * unit) as u64))
        }
        s => {
            let (scale, name) = if s < 999.5e6 { (1e6, "M") } else { (1e9, "G") };
            format!("1/{} {name}×", trimmed(format::three_digits(s / scale)))
        }
    }
}

/// Without zeros at the end of a fraction.
fn trimmed(number: String) -> String {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.').to_owned() } else { number }
}
