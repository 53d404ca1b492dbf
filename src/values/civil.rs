//! Calendar dates in UTC from nanoseconds since the Unix epoch, for texts that people read. No time zones, no leap seconds.

/// A moment as calendar and clock show it in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// Year, four digits for the next 7,000 years.
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    /// 1 to 31.
    pub day: u64,
    /// 0 to 23.
    pub hour: u64,
    /// 0 to 59.
    pub minute: u64,
    /// 0 to 59.
    pub second: u64,
    /// 0 to 999,999,999.
    pub nanos: u64,
}

impl Civil {
    /// The moment that many nanoseconds after 1970-01-01 00:00:00 UTC. Days are counted from 0000-03-01, so that a leap day
    /// ends its year (the Gregorian calendar repeats every 146,097 days).
    pub fn from_unix_nanos(unix_nanos: u64) -> Civil {
        let (seconds, nanos) = (unix_nanos / 1_000_000_000, unix_nanos % 1_000_000_000);
        let days = seconds / 86_400 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        Civil {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: seconds / 3_600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            nanos,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn check(seconds: u64, expected: &str) {
        let c = Civil::from_unix_nanos(seconds * 1_000_000_000 + 7);
        let found = format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{}",
            c.year, c.month, c.day, c.hour, c.minute, c.second, c.nanos
        );
        assert_eq!(found, format!("{expected}.7"));
    }

    #[test]
    fn known_moments() {
        check(0, "1970-01-01 00:00:00");
        check(951_782_400, "2000-02-29 00:00:00");
        check(1_581_452_772, "2020-02-11 20:26:12");
        check(4_107_542_399, "2100-02-28 23:59:59");
        check(4_107_542_400, "2100-03-01 00:00:00");
        check(18_446_744_073, "2554-07-21 23:34:33");
    }

    #[test]
    fn agrees_with_the_dates_of_http() {
        let months = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        for day in 0..60_000 {
            let seconds = day * 86_400 + day % 86_400;
            let c = Civil::from_unix_nanos(seconds * 1_000_000_000);
            let http = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
            let month = months[usize::try_from(c.month - 1).unwrap()];
            let ours = format!(
                "{:02} {month} {} {:02}:{:02}:{:02} GMT",
                c.day, c.year, c.hour, c.minute, c.second
            );
            assert!(http.ends_with(&ours), "{http} is not {ours}");
        }
    }
}
