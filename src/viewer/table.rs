//! Traces in a table, one a line: when, what, how large, how long, what is wrong.

use super::{
    paint::{Ink, Tint, columns, fit, harmless},
    render::{dollars, length},
    summary::{Session, Summary},
};
use crate::values::civil::Civil;

/// Most columns for the root's service and name.
const ROOT_COLUMNS: usize = 60;

/// The table, with a line of headings; ends in a line's end.
pub fn table(summaries: &[Summary], ink: Ink) -> String {
    let rows: Vec<Vec<String>> = std::iter::once(heading()).chain(summaries.iter().map(row)).collect();
    let failed = |number: usize| number > 0 && summaries[number - 1].errors > 0;
    lay_out(&rows, &TRACES_RIGHT, &[], failed, ink)
}

/// A line of the table by itself, for one that grows; its headings without a trace. Columns are as wide as most need.
pub fn table_row(summary: Option<&Summary>, ink: Ink) -> String {
    let least = [19, 32, 40];
    let cells = summary.map_or_else(heading, row);
    let failed = summary.is_some_and(|summary| summary.errors > 0);
    match summary {
        None => lay_out(&[cells], &TRACES_RIGHT, &least, |_| false, ink),
        Some(_) => {
            let text = lay_out(&[heading(), cells], &TRACES_RIGHT, &least, |_| failed, ink);
            text.split_inclusive('\n').skip(1).collect()
        }
    }
}

/// The sessions in a table, with a line of headings; ends in a line's end.
pub fn session_table(sessions: &[Session], ink: Ink) -> String {
    let heading = [
        "BEGAN (UTC)",
        "SESSION",
        "TRACES",
        "SPANS",
        "ERRORS",
        "FLAGS",
        "TOKENS",
        "COST",
        "LASTED",
        "WORST",
        "NOW",
    ];
    let quality = |quality: &Option<String>| {
        quality
            .as_deref()
            .map_or("-".to_owned(), |text| harmless(text).into_owned())
    };
    let row = |session: &Session| {
        vec![
            time(session.start_unix_nano),
            fit(&harmless(&session.session), ROOT_COLUMNS).into_owned(),
            session.trace_ids.len().to_string(),
            session.spans.to_string(),
            session.errors.to_string(),
            session.flags.to_string(),
            session.tokens.to_string(),
            session.cost_usd.map_or("-".to_owned(), dollars),
            length(session.end_unix_nano.saturating_sub(session.start_unix_nano)),
            quality(&session.quality),
            quality(&session.last_quality),
        ]
    };
    let heading = heading.map(String::from).to_vec();
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(sessions.iter().map(row)).collect();
    let failed = |number: usize| number > 0 && sessions[number - 1].errors > 0;
    lay_out(&rows, &[2, 3, 4, 5, 6, 7, 8], &[], failed, ink)
}

/// Places of the columns of numbers in a table of traces.
const TRACES_RIGHT: [usize; 4] = [3, 4, 5, 6];

fn heading() -> Vec<String> {
    let heading = [
        "TIME (UTC)",
        "TRACE",
        "ROOT",
        "SPANS",
        "ERRORS",
        "TOKENS",
        "DURATION",
        "FLAG",
    ];
    heading.map(String::from).to_vec()
}

/// Rows under each other, the first one being headings; numbers to the right.
fn lay_out(rows: &[Vec<String>], right: &[usize], least: &[usize], failed: impl Fn(usize) -> bool, ink: Ink) -> String {
    let mut widths = least.to_vec();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = " ".repeat(width - columns(cell));
            line.push_str(if place > 0 { "  " } else { "" });
            match right.contains(&place) {
                true => line.push_str(&format!("{gap}{cell}")),
                false => line.push_str(&format!("{cell}{gap}")),
            }
        }
        let tint = match number {
            0 => Tint::Bold,
            _ if failed(number) => Tint::Error,
            _ => Tint::Normal,
        };
        ink.put(&mut out, tint, line.trim_end());
        out.push('\n');
    }
    out
}

fn row(summary: &Summary) -> Vec<String> {
    let root = format!("{} {}", summary.service, summary.root);
    vec![
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
        let growing = table_row(None, Ink::Plain) + &table_row(Some(&rows[0]), Ink::Plain);
        let places: Vec<Option<usize>> = growing
            .lines()
            .map(|line| line.find("8.04s").or(line.find("DURATION")))
            .collect();
        assert_eq!(places[0].map(|at| at + 3), places[1], "{growing}");
        let sessions = [Session {
            session: "a\u{1b}".into(),
            trace_ids: vec![String::new(); 3],
            start_unix_nano: 951_782_400_000_000_000,
            end_unix_nano: 951_782_401_000_000_000,
            spans: 7,
            quality: Some("Severe".into()),
            ..Session::default()
        }];
        let expected = "\
BEGAN (UTC)          SESSION  TRACES  SPANS  ERRORS  FLAGS  TOKENS  COST  LASTED  WORST   NOW
2000-02-29 00:00:00  a\\x1b         3      7       0      0       0     -   1.00s  Severe  -
";
        assert_eq!(session_table(&sessions, Ink::Plain), expected);
    }
}
