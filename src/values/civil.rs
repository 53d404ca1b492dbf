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

    /// Nanoseconds since the Unix epoch of a date as RFC 3339 writes it, without its time (midnight), its seconds or its offset (UTC)
    /// where those are left out: `2026-11-23`, `2026-11-23T12:44`, `2026-11-23T12:44:26.5+01:00`. `None` for what is no date from
    /// 1970 to 2554.
    pub fn parse(text: &str) -> Option<u64> {
        let (date, time) = match text.split_once(['T', 't', ' ']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.split('-');
        let mut part = |digits| number(parts.next()?, digits);
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=month_days(year, month)).contains(&day) {
            return None;
        }
        let of_day = time.map_or(Some(0), nanos_of_day)?;
        let nanos = i128::from(days_before(year, month, day)) * 86_400_000_000_000 + of_day;
        u64::try_from(nanos).ok()
    }
}

/// So many digits as a number.
fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to that date; see [`Civil::from_unix_nanos`].
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let of_era = year.rem_euclid(400) * 365 + year.rem_euclid(400) / 4 - year.rem_euclid(400) / 100 + of_year;
    year.div_euclid(400) * 146_097 + of_era - 719_468
}

/// Nanoseconds from midnight UTC of a time of day with its offset.
fn nanos_of_day(text: &str) -> Option<i128> {
    let (clock, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => text.split_at(at),
        None => (text, "Z"),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':');
    let (hour, minute) = (number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |part| number(part, 2))?;
    let digits = (1..=9).contains(&fraction.len());
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 || !digits {
        return None;
    }
    let nanos = number(fraction, fraction.len())? * 10_i64.pow(9 - fraction.len() as u32);
    let east = match offset.as_bytes() {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let (hours, minutes) = std::str::from_utf8(rest).ok()?.split_once(':')?;
            let east = number(hours, 2)? * 60 + number(minutes, 2)?;
            if *sign == b'-' { -east } else { east }
        }
        _ => return None,
    };
    let seconds = (hour * 60 + minute - east) * 60 + second;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(nanos))
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

    fn check_read(text: &str, expected: Option<&str>) {
        let shown = Civil::parse(text).map(|nanos| {
            let c = Civil::from_unix_nanos(nanos);
            let date = format!("{:04}-{:02}-{:02}", c.year, c.month, c.day);
            format!("{date} {:02}:{:02}:{:02}.{:09}", c.hour, c.minute, c.second, c.nanos)
        });
        assert_eq!(shown.as_deref(), expected, "{text}");
    }

    #[test]
    fn dates_are_read_as_rfc_3339_writes_them() {
        check_read("2026-11-23", Some("2026-11-23 00:00:00.000000000"));
        check_read("2024-02-29T12:44", Some("2024-02-29 12:44:00.000000000"));
        check_read("2026-11-23T12:44:26Z", Some("2026-11-23 12:44:26.000000000"));
        check_read("2026-11-23 12:44:26.5", Some("2026-11-23 12:44:26.500000000"));
        check_read(
            "2026-11-23t00:30:00.000000001+01:00",
            Some("2026-11-22 23:30:00.000000001"),
        );
        check_read("2026-12-31T23:30:00-01:30", Some("2027-01-01 01:00:00.000000000"));
        check_read("1970-01-01", Some("1970-01-01 00:00:00.000000000"));
        for text in [
            "",
            "noon",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2100-02-29",
            "2026-11-23T",
            "2026-11-23T24:00",
            "2026-11-23T1:00",
            "2026-11-23T12:00:00.",
            "2026-11-23T12:00:00.0000000001",
            "2026-11-23T12:00+1",
            "2026-11-23T12:00Zx",
            "26-11-23",
            "1969-12-31",
            "9999-01-01",
            "2026-11-23-01",
            "+026-11-23",
            "2026-11-23T12:00:00+é0:00",
        ] {
            check_read(text, None);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for day in 0..70_000_u64 {
            let nanos = (day * 86_400 + day % 86_400) * 1_000_000_000 + day;
            let c = Civil::from_unix_nanos(nanos);
            let date = format!("{:04}-{:02}-{:02}", c.year, c.month, c.day);
            let text = format!("{date}T{:02}:{:02}:{:02}.{:09}Z", c.hour, c.minute, c.second, c.nanos);
            assert_eq!(Civil::parse(&text), Some(nanos), "{text}");
        }
    }
}
