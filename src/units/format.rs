//! How numbers are written, on the screen and on the terminal alike.
//!
//! Thousands are grouped by a thin gap (a space) from 1 000 on, decimals use a point, three significant digits unless
//! the caller needs more, and a unit goes with every number. "–" stands for "not applicable", never `NaN`.

/// Groups the digits of a whole number by threes: `896 112`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// Three significant digits without an exponent: `0.0123`, `1.23`, `12.3`, `123`, `1 234`.
pub fn three_digits(value: f64) -> String {
    significant(value, 3)
}

/// `digits` significant digits; whole numbers beyond them keep all their digits.
pub fn significant(value: f64, digits: i32) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let sign = if value < 0.0 { "−" } else { "" };
    let size = value.abs();
    let exponent = size.log10().floor() as i32;
    let decimals = (digits - 1 - exponent).max(0) as usize;
    let text = format!("{size:.decimals$}");
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{sign}{}.{fraction}", grouped(whole.parse().unwrap_or(0))),
        None => format!("{sign}{}", grouped(text.parse().unwrap_or(0))),
    }
}

/// A value with the decimal prefix that leaves one to three digits before the point: `71.8 k`, `5.60 P`.
pub fn prefixed(value: f64) -> String {
    const STEPS: [(f64, &str); 7] =
        [(1e18, " E"), (1e15, " P"), (1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, "")];
    let size = value.abs();
    let (scale, prefix) = STEPS.into_iter().find(|&(scale, _)| size >= scale).unwrap_or((1.0, ""));
    format!("{}{prefix}", three_digits(value / scale))
}

/// A value with its prefixed unit: `71.8 ktok/s`, `532 tok/s`.
pub fn quantity(value: f64, unit: &str) -> String {
    let number = prefixed(value);
    let gap = if number.ends_with(|c: char| c.is_alphabetic()) { "" } else { " " };
    format!("{number}{gap}{unit}")
}

/// A count of parameters: `12.9 B`, `111 M`.
pub fn parameters(count: u64) -> String {
    let count = count as f64;
    match count {
        c if c >= 1e12 => format!("{} T", three_digits(c / 1e12)),
        c if c >= 1e9 => format!("{} B", three_digits(c / 1e9)),
        c if c >= 1e6 => format!("{} M", three_digits(c / 1e6)),
        c if c >= 1e3 => format!("{} k", three_digits(c / 1e3)),
        c => three_digits(c),
    }
}

/// A duration in the unit that a person would use: ns, µs, ms, s, min, h, d.
pub fn duration(seconds: f64) -> String {
    let (value, unit) = duration_parts(seconds);
    format!("{} {unit}", three_digits(value))
}

/// The value and the unit of [`duration`], for callers that style them apart.
pub fn duration_parts(seconds: f64) -> (f64, &'static str) {
    match seconds.abs() {
        0.0 => (0.0, "s"),
        s if s < 1e-6 => (seconds * 1e9, "ns"),
        s if s < 1e-3 => (seconds * 1e6, "µs"),
        s if s < 1.0 => (seconds * 1e3, "ms"),
        s if s < 120.0 => (seconds, "s"),
        s if s < 7_200.0 => (seconds / 60.0, "min"),
        s if s < 172_800.0 => (seconds / 3_600.0, "h"),
        _ => (seconds / 86_400.0, "d"),
    }
}

/// Cycles as `cyc`, `kcyc`, `Mcyc`, `Gcyc`.
pub fn cycles(count: u64) -> String {
    match count as f64 {
        c if c < 1e3 => format!("{count} cyc"),
        c if c < 1e6 => format!("{} kcyc", three_digits(c / 1e3)),
        c if c < 1e9 => format!("{} Mcyc", three_digits(c / 1e6)),
        c => format!("{} Gcyc", three_digits(c / 1e9)),
    }
}

/// SRAM of one core in KiB: `38.2`. The unit is left to the caller.
pub fn kib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1024.0)
}

/// Model or wafer sizes in decimal GB, MB or kB.
pub fn bytes(count: u64) -> String {
    match count as f64 {
        c if c >= 1e15 => format!("{} PB", three_digits(c / 1e15)),
        c if c >= 1e12 => format!("{} TB", three_digits(c / 1e12)),
        c if c >= 1e9 => format!("{} GB", three_digits(c / 1e9)),
        c if c >= 1e6 => format!("{} MB", three_digits(c / 1e6)),
        c if c >= 1e3 => format!("{} kB", three_digits(c / 1e3)),
        _ => format!("{count} B"),
    }
}

/// A share in 0..=1 as a percentage: `43 %`, `0.4 %`.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if !value.is_finite() {
        return "–".to_owned();
    }
    let decimals = usize::from(value != 0.0 && value.abs() < 9.95);
    format!("{value:.decimals$} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_the_style_guide() {
        assert_eq!(grouped(896_112), "896 112");
        assert_eq!(grouped(999), "999");
        assert_eq!(three_digits(71.84), "71.8");
        assert_eq!(three_digits(0.001234), "0.00123");
        assert_eq!(three_digits(-3.0), "−3.00");
        assert_eq!(three_digits(f64::NAN), "–");
        assert_eq!(prefixed(5.6e15), "5.60 P");
        assert_eq!(quantity(71_840.0, "tok/s"), "71.8 ktok/s");
        assert_eq!(quantity(532.0, "tok/s"), "532 tok/s");
        assert_eq!(duration(0.1345), "134 ms");
        assert_eq!(duration(86_400.0 * 90.0), "90.0 d");
        assert_eq!(parameters(12_853_954_560), "12.9 B");
        assert_eq!(percent(0.434), "43 %");
        assert_eq!(percent(0.0123), "1.2 %");
        assert_eq!(kib(49_152), "48.0");
    }
}
