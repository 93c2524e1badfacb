//! A day of the calendar, for expiry dates: no time, no zone.

use std::fmt;

use super::InvalidName;

/// A day as `YYYY-MM-DD`, UTC. Earlier days compare as smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::struct_field_names,
    reason = "a day of a month is called a day"
)]
pub struct Day {
    year: i64,
    month: i64,
    day: i64,
}

impl Day {
    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// [`InvalidName`] where the text has another form, or the calendar has no such day.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let form = || InvalidName(format!("`{text}` is no date of the form YYYY-MM-DD"));
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts[..] else {
            return Err(form());
        };
        let number = |digits: &str, length: usize| {
            let good = digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit());
            good.then(|| digits.parse::<i64>().ok()).flatten()
        };
        let found = (number(year, 4), number(month, 2), number(day, 2));
        let (Some(year), Some(month), Some(day)) = found else {
            return Err(form());
        };
        if !(1..=12).contains(&month) || !(1..=days_of_month(year, month)).contains(&day) {
            return Err(InvalidName(format!("there is no day `{text}`")));
        }
        Ok(Self { year, month, day })
    }

    /// Returns the day that is `number` days after 1970-01-01, before it where negative (H. Hinnant, "chrono-compatible low-level date algorithms").
    pub fn of_number(number: i64) -> Self {
        let shifted = number + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: of_year - (153 * shifted_month + 2) / 5 + 1,
        }
    }

    /// Returns the days since 1970-01-01, negative before it.
    pub fn number(self) -> i64 {
        days_from_civil(self.year, self.month, self.day)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days since 1970-01-01 of a date of the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_counted_and_compared() {
        let day = |text: &str| Day::parse(text).expect("a day");
        assert_eq!(day("1970-01-01").number(), 0);
        assert_eq!(day("2027-03-31").number() - day("2027-03-01").number(), 30);
        assert!(day("2026-12-31") < day("2027-01-01"));
        assert_eq!(day("2024-02-29").to_string(), "2024-02-29");
    }

    #[test]
    fn numbers_become_days_and_back() {
        for (number, wanted) in [
            (-1, "1969-12-31"),
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_780, "2026-11-23"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            let day = Day::of_number(number);
            assert_eq!(day.to_string(), wanted);
            assert_eq!(day.number(), number);
        }
    }

    #[test]
    fn what_the_calendar_does_not_have_is_refused() {
        for bad in [
            "2023-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-4-1",
            "soon",
            "",
            "2026-01-01T00:00:00Z",
        ] {
            assert!(Day::parse(bad).is_err(), "{bad}");
        }
    }
}
