//! The time, in UTC, as texts.

use std::time::{SystemTime, UNIX_EPOCH};

use windlass_core::name::Day;

/// Returns the time now, in seconds since 1970.
pub(crate) fn seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// Returns the time now, RFC 3339 in UTC, whole seconds.
pub(crate) fn now() -> String {
    let seconds = seconds();
    let (day, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    format!(
        "{}T{:02}:{:02}:{:02}Z",
        Day::of_number(day),
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// Returns the day of a time that [`now`] returned, `YYYY-MM-DD`.
pub(crate) fn day(now: &str) -> &str {
    now.get(..10).unwrap_or(now)
}
