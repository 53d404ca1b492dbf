//! Traces in a table, one a line: when, what, how large, how long, what is wrong.

use super::{
    paint::{Ink, Tint, columns, fit, harmless},
    render::length,
    summary::Summary,
};
use crate::values::civil::Civil;

/// Most columns for the root's service and name.
const ROOT_COLUMNS: usize = 60;

/// The table, with a line of headings; ends in a line's end.
pub fn table(summaries: &[Summary], ink: Ink) -> String {
    let heading = [
        "TIME (UTC)",
        "TRACE",
        "ROOT",
        "SPANS",
        "ERRORS",
        "TOKENS",
        "DURATION",
        "FLAG",
    ]
    .map(String::from);
    let mut rows = vec![heading];
    rows.extend(summaries.iter().map(row));
    let mut widths = [0; 8];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (place, (cell, width)) in row.iter().zip(widths).enumerate() {
            let gap = " ".repeat(width - columns(cell));
            line.push_str(if place > 0 { "  " } else { "" });
            match place {
                3..=6 => line.push_str(&format!("{gap}{cell}")),
                _ => line.push_str(&format!("{cell}{gap}")),
            }
        }
        let failed = number > 0 && summaries[number - 1].errors > 0;
        let tint = match number {
            0 => Tint::Bold,
            _ if failed => Tint::Error,
            _ => Tint::Normal,
        };
        ink.put(&mut out, tint, line.trim_end());
        out.push('\n');
    }
    out
}

fn row(summary: &Summary) -> [String; 8] {
    let root = format!("{} {}", summary.service, summary.root);
    [
        time(summary.start_unix_nano),
        harmless(&summary.trace_id).into_owned(),
        fit(&harmless(&root), ROOT_COLUMNS).into_owned(),
        summary.spans.to_string(),
        summary.errors.to_string(),
        summary.tokens.to_string(),
        length(summary.duration_nanos),
        if summary.flags > 0 {
            "🚩".to_owned()
        } else {
            String::new()
        },
    ]
}

/// `2026-11-23 12:44:26`; `-` without a time.
fn time(unix_nano: u64) -> String {
    if unix_nano == 0 {
        return "-".to_owned();
    }
    let at = Civil::from_unix_nanos(unix_nano);
    let (hour, minute, second) = (at.hour, at.minute, at.second);
    format!(
        "{:04}-{:02}-{:02} {hour:02}:{minute:02}:{second:02}",
        at.year, at.month, at.day
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (1, "1970-01-01 00:00:01"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_709_251_199, "2024-02-29 23:59:59"),
            (1_795_437_866, "2026-11-23 12:44:26"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(time(seconds * 1_000_000_000), expected);
        }
        assert_eq!(time(0), "-");
        assert_eq!(time(u64::MAX).len(), 19);
    }

    #[test]
    fn a_table_lines_up() {
        let summary = |name: &str, errors, flags| Summary {
            trace_id: "7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a".into(),
            start_unix_nano: 951_782_400_000_000_000,
            duration_nanos: 8_043_000_000,
            service: "plano(inbound)".into(),
            root: name.into(),
            spans: 10,
            errors,
            flags,
            tokens: 225,
            ..Summary::default()
        };
        let rows = [summary("POST /v1/chat", 0, 1), summary("日本\x1b[2J", 1, 0)];
        let expected = "\
TIME (UTC)           TRACE                             ROOT                          SPANS  ERRORS  TOKENS  DURATION  FLAG
2000-02-29 00:00:00  7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a  plano(inbound) POST /v1/chat     10       0     225     8.04s  🚩
2000-02-29 00:00:00  7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a  plano(inbound) 日本\\x1b[2J       10       1     225     8.04s
";
        assert_eq!(table(&rows, Ink::Plain), expected);
        assert_eq!(table(&[], Ink::Plain).lines().count(), 1);
    }
}
