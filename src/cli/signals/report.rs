//! A report as JSON, as a row of the table, and all of them as a summary.

use std::fmt::Write as _;

use serde::Serialize;

use super::{assess::Tally, counted};
use crate::{
    processors::signals::Transcript,
    signals::{Category, Quality, Report},
    viewer::{Ink, Tint, columns, is_harmful},
};

/// A report as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    id: Option<&'a str>,
    quality: Option<&'static str>,
    quality_score: Option<f64>,
    flagged: bool,
    turn_count: usize,
    efficiency_score: f64,
    signals: Vec<Found>,
}

/// A signal, without any text of the conversation.
#[derive(Serialize)]
struct Found {
    r#type: &'static str,
    message_index: usize,
    confidence: f64,
}

/// Adds a report as one line of JSON that no terminal takes for a command.
pub(super) fn json(out: &mut String, transcript: &Transcript<'_>, report: &Report) {
    let signals = report.signals.iter().map(|signal| Found {
        r#type: signal.kind.name(),
        message_index: transcript.indexes[signal.message_index],
        confidence: signal.confidence,
    });
    let line = Line {
        id: transcript.id.as_deref(),
        quality: transcript.is_telling().then(|| report.quality.name()),
        quality_score: transcript.is_telling().then_some(report.score),
        flagged: report.flagged(),
        turn_count: report.turn_count,
        efficiency_score: (report.efficiency * 1000.0).round() / 1000.0,
        signals: signals.collect(),
    };
    let line = serde_json::to_string(&line).expect("plain data");
    if line.is_ascii() && !line.contains('\x7f') {
        out.push_str(&line);
    } else {
        for character in line.chars() {
            if is_harmful(character) {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").expect("a String takes all");
                }
            } else {
                out.push(character);
            }
        }
    }
    out.push('\n');
}

/// Least columns for the names, so that tables of several files line up where names are short.
const LEAST_ID_COLUMNS: usize = "CONVERSATION".len();

/// Columns that the names need.
pub(super) fn id_columns(names: impl Iterator<Item = usize>) -> usize {
    names.max().unwrap_or(0).max(LEAST_ID_COLUMNS)
}

/// The table's first line.
pub(super) fn heading(id_columns: usize, ink: Ink) -> String {
    let mut out = String::new();
    let text = format!("{:id_columns$}  QUALITY    SCORE  TURNS  FLAG  SIGNALS", "CONVERSATION");
    ink.put(&mut out, Tint::Bold, &text);
    out.push('\n');
    out
}

/// In the place of a verdict on a conversation that holds nothing to report on.
const SILENT: &str = "-";

/// A line of the table.
pub(super) struct Row {
    /// Harmless, and of limited width.
    pub(super) name: String,
    rest: String,
}

impl Row {
    pub(super) fn new(name: String, transcript: &Transcript<'_>, report: &Report, ink: Ink) -> Row {
        if !transcript.is_telling() {
            let rest = format!("{SILENT:9}  {SILENT:>5}  {:5}", report.turn_count);
            return Row { name, rest };
        }
        let mut rest = String::new();
        ink.put(&mut rest, tint(report.quality), &format!("{:9}", report.quality.name()));
        let flag = if report.flagged() { "🚩" } else { "  " };
        let counts: Vec<String> = Category::ALL
            .into_iter()
            .filter(|&category| report.category_count(category) > 0)
            .map(|category| {
                let (_, short) = category.name().rsplit_once('.').unwrap_or_default();
                format!("{short} {}", report.category_count(category))
            })
            .collect();
        write!(rest, "  {:5.0}  {:5}  {flag}    ", report.score, report.turn_count).expect("a String takes all");
        rest.push_str(&counts.join(", "));
        Row { name, rest }
    }

    pub(super) fn write(&self, out: &mut String, id_columns: usize) {
        out.push_str(&self.name);
        let gap = id_columns.saturating_sub(columns(&self.name));
        out.extend(std::iter::repeat_n(' ', gap + 2));
        out.push_str(self.rest.trim_end());
        out.push('\n');
    }
}

/// Bad qualities stand out.
pub(super) fn tint(quality: Quality) -> Tint {
    match quality {
        Quality::Severe | Quality::Poor => Tint::Error,
        _ => Tint::Normal,
    }
}

/// All reports in one line.
pub(super) fn summary(total: &Tally) -> String {
    let qualities = Quality::ALL.into_iter().zip(total.by_quality);
    let counts: Vec<String> = qualities
        .map(|(quality, count)| (quality.name(), count))
        .chain([("without text", total.silent)])
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    let conversations = counted(total.conversations, "conversation");
    format!("{conversations}: {}; {} flagged\n", counts.join(", "), total.flagged)
}

/// Why `--fail-on` fails.
pub(super) fn failed(total: &Tally, predicate: &str) -> String {
    let verb = if total.failing == 1 { "is" } else { "are" };
    let more = match total.failing - total.named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "{} of {} {verb} {predicate}: {}{more}",
        total.failing,
        counted(total.conversations, "conversation"),
        total.named.join(", ")
    )
}
