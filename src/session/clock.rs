//! The outside clock, as people read it.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Local};

/// Seconds since 1970.
pub(super) fn now_unix_seconds() -> u64 {
    since_1970().as_secs()
}

/// Time since 1970; none on a clock that is set before it.
pub(super) fn since_1970() -> std::time::Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A moment as a local time: `14:02`, or `27 Nov 14:02` if it was on another day than `now`.
pub(super) fn time_of_day(unix_seconds: u64, now_unix_seconds: u64) -> String {
    let local = |seconds: u64| {
        let seconds = i64::try_from(seconds).ok()?;
        DateTime::from_timestamp(seconds, 0).map(|time| time.with_timezone(&Local))
    };
    match (local(unix_seconds), local(now_unix_seconds)) {
        (Some(time), Some(now)) if time.date_naive() == now.date_naive() => time.format("%H:%M").to_string(),
        (Some(time), _) => time.format("%-d %b %H:%M").to_string(),
        (None, _) => "an unknown time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::time_of_day;

    #[test]
    fn another_day_is_named() {
        let noon = 1_764_331_200;
        let today = time_of_day(noon, noon + 60);
        assert!(today.len() == 5 && today.as_bytes()[2] == b':', "{today}");
        let before = time_of_day(noon, noon + 3 * 86_400);
        assert!(before.ends_with(&today) && before.contains("Nov"), "{before}");
    }
}
