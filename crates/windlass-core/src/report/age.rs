//! How old an image is: whole days between two times of RFC 3339, nothing from a clock.

use crate::name::days_from_civil;

/// Returns how long before `now` the time `then` was, in words; `None` where either cannot be read or `then` is later.
pub(super) fn age(then: &str, now: &str) -> Option<String> {
    let seconds = seconds(now)?.checked_sub(seconds(then)?)?;
    match seconds.div_euclid(86_400) {
        ..0 => None,
        0 => Some("built today".to_owned()),
        1 => Some("built 1 day ago".to_owned()),
        days => Some(format!("built {days} days ago")),
    }
}

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction](Z|+HH:MM|-HH:MM)` as seconds since 1970.
fn seconds(text: &str) -> Option<i64> {
    let part = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let bytes = text.as_bytes();
    if !separators.iter().all(|(at, byte)| bytes[*at] == *byte) || !(1..=12).contains(&month) {
        return None;
    }
    let rest = text.get(19..)?;
    let zone = rest.strip_prefix('.').map_or(rest, |rest| {
        rest.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    let time = hour * 3600 + minute * 60 + second - offset(zone)?;
    Some(days_from_civil(year, month, day) * 86_400 + time)
}

fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let number = |text: &str| text.parse::<i64>().ok().filter(|it| (0..100).contains(it));
    Some(sign * (number(hours)? * 3600 + number(minutes)? * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_whole_days_across_months_leap_days_and_zones() {
        for (then, now, wanted) in [
            (
                "2026-11-23T09:00:00Z",
                "2026-11-23T10:00:00Z",
                Some("built today"),
            ),
            (
                "2026-11-22T09:00:00Z",
                "2026-11-23T10:00:00Z",
                Some("built 1 day ago"),
            ),
            (
                "2024-02-28T00:00:00Z",
                "2024-03-01T00:00:00Z",
                Some("built 2 days ago"),
            ),
            (
                "2023-02-28T00:00:00.123456789Z",
                "2024-02-28T00:00:00Z",
                Some("built 365 days ago"),
            ),
            (
                "2026-11-23T01:00:00+02:00",
                "2026-11-23T22:59:59Z",
                Some("built today"),
            ),
            (
                "2026-11-23T01:00:00+02:00",
                "2026-11-23T23:00:00Z",
                Some("built 1 day ago"),
            ),
            ("2026-11-24T00:00:00Z", "2026-11-23T23:00:00Z", None),
            ("yesterday", "2026-11-23T23:00:00Z", None),
            ("2026-13-01T00:00:00Z", "2027-11-23T23:00:00Z", None),
            ("2026-11-23", "2026-11-23T23:00:00Z", None),
            ("2026-11-23T00:00:00é", "2026-11-23T23:00:00Z", None),
        ] {
            assert_eq!(age(then, now).as_deref(), wanted, "{then}");
        }
    }

    #[test]
    fn the_epoch_is_zero() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-03-01T00:00:00Z"), Some(951_868_800));
    }
}
