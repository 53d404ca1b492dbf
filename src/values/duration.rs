//! Durations as configs write them: Go syntax (`300ms`, `1.5h`, `2h45m`), or a bare integer of nanoseconds. Refuses negative
//! ones and unknown units, with an example of what would be right.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serializer, de};

/// Reads Go's syntax for durations.
///
/// # Errors
/// What is wrong, with an example.
pub fn parse(text: &str) -> Result<Duration, String> {
    let fault = || format!("invalid duration {text:?}; write it like 300ms, 1.5h or 2h45m");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(fault());
    }
    let mut nanos = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c != '.' && !c.is_ascii_digit()).ok_or_else(fault)?;
        let (number, tail) = rest.split_at(digits);
        let unit_len = tail
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return Err(fault()),
        };
        nanos += number.parse::<f64>().map_err(|_| fault())? * scale;
        rest = tail;
    }
    if nanos > i64::MAX as f64 {
        return Err(format!("duration {text:?} is longer than 292 years"));
    }
    Ok(Duration::from_nanos(nanos.round() as u64))
}

/// Writes Go's form without its zeros: `1m30s`, `200ms`, `1.5ms`.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000_000 {
        let units = [("ms", 1_000_000.0), ("µs", 1_000.0)];
        let nanos = nanos as f64;
        let (unit, scale) = units
            .into_iter()
            .find(|(_, scale)| nanos >= *scale)
            .unwrap_or(("ns", 1.0));
        return format!("{}{unit}", nanos / scale);
    }
    let (hours, minutes) = (nanos / 3_600_000_000_000, nanos / 60_000_000_000 % 60);
    let seconds = (nanos % 60_000_000_000) as f64 / 1e9;
    let mut text = String::new();
    for (amount, unit) in [(hours, 'h'), (minutes, 'm')] {
        if amount > 0 {
            text.push_str(&format!("{amount}{unit}"));
        }
    }
    if seconds > 0.0 {
        text.push_str(&format!("{seconds}s"));
    }
    text
}

/// For `#[serde(with = "…")]`.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Duration;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 300ms, 1.5h or 2h45m")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }
    fn visit_u64<E: de::Error>(self, nanos: u64) -> Result<Duration, E> {
        Ok(Duration::from_nanos(nanos))
    }
    fn visit_i64<E: de::Error>(self, nanos: i64) -> Result<Duration, E> {
        u64::try_from(nanos)
            .map(Duration::from_nanos)
            .map_err(|_| E::custom("a duration must not be negative"))
    }
}

/// For `#[serde(with = "…")]`.
///
/// # Errors
/// Where the value is no duration.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Visitor)
}

/// A duration field that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        deserialize(deserializer).map(Span)
    }
}

impl serde::Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Duration>) {
        assert_eq!(parse(text).ok(), expected, "{text:?}");
    }

    #[test]
    fn reads_go_syntax() {
        check("300ms", Some(Duration::from_millis(300)));
        check("1.5h", Some(Duration::from_secs(5400)));
        check("2h45m", Some(Duration::from_secs(9900)));
        check("1us", Some(Duration::from_micros(1)));
        check("0", Some(Duration::ZERO));
        for wrong in ["", "5", "s", "-1s", "1d", "1.2.3s", "1 s", "ms1", "99999999999h"] {
            check(wrong, None);
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in [
            "0s",
            "200ms",
            "1.5s",
            "1m30s",
            "2h45m",
            "1h",
            "7µs",
            "3ns",
            "380.84262ms",
            "1.5µs",
            "1m0.25s",
        ] {
            assert_eq!(format(parse(text).expect("valid")), text);
        }
    }
}
