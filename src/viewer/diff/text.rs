//! The difference of two traces as text: a line a span with both durations, what changed about it below, totals at the end.

use super::{Change, Diff, Row, Side};
use crate::viewer::{
    paint::{Tint, columns, fit, harmless},
    render::{Page, dollars, length},
};

/// Columns of a duration.
const TIME: usize = 9;
/// Fewest columns for service and name.
const LABEL_LEAST: usize = 24;
/// Most columns for service and name where there is no terminal to say.
const LABEL_MOST: usize = 72;
/// Levels that are indented.
const LEVELS: usize = 24;
/// Most columns of a value.
const VALUE: usize = 60;

/// The difference as text, ending in a line's end.
pub fn diff_text(diff: &Diff, page: Page) -> String {
    let mut out = String::new();
    for (name, side) in [("A", &diff.a), ("B", &diff.b)] {
        page.ink.put(&mut out, Tint::Bold, name);
        let spans = match side.spans {
            1 => "1 span".to_owned(),
            spans => format!("{spans} spans"),
        };
        let id = harmless(&side.trace_id);
        out.push_str(&format!("  {id}  {}  {spans}\n", length(side.duration_nanos)));
    }
    out.push('\n');
    let widest = diff
        .spans
        .iter()
        .map(|row| 2 * row.depth.min(LEVELS) + columns(&label(row)));
    let most = page
        .width
        .map_or(LABEL_MOST, |width| width.saturating_sub(2 + 2 * TIME + 14));
    let width = widest.max().unwrap_or(0).min(most.max(LABEL_LEAST));
    for row in &diff.spans {
        line(&mut out, row, width, page);
        below(&mut out, row, page);
    }
    out.push('\n');
    totals(&mut out, &diff.a, &diff.b, page);
    out
}

fn label(row: &Row) -> String {
    harmless(&format!("{} {}", row.service, row.name)).trim_end().to_owned()
}

fn line(out: &mut String, row: &Row, width: usize, page: Page) {
    let (mark, tint) = match row.change {
        Change::Same => (' ', Tint::Normal),
        Change::Changed => ('~', Tint::Mark),
        Change::Added => ('+', Tint::Good),
        Change::Removed => ('-', Tint::Error),
    };
    let indent = " ".repeat(2 * row.depth.min(LEVELS));
    let text = label(row);
    let text = fit(&text, width.saturating_sub(indent.len()).max(1));
    page.ink.put(out, tint, &format!("{mark} {indent}{text}"));
    let gap = " ".repeat(width.saturating_sub(indent.len() + columns(&text)));
    let time = |half: &Option<super::Half>| half.as_ref().map(|half| half.duration_nanos);
    let (a, b) = (time(&row.a), time(&row.b));
    let shown = |nanos: Option<u64>| nanos.map(length).unwrap_or_default();
    let arrow = if a.is_some() && b.is_some() { "→" } else { " " };
    let (left, right) = (shown(a), shown(b));
    let (before, after) = (pad(&left), pad(&right));
    let mut rest = format!("{gap}  {before}{left} {arrow} {after}{right}");
    if let (Some(a), Some(b)) = (a, b) {
        rest.push_str(&format!("  {}", by(a, b)));
    }
    out.push_str(rest.trim_end());
    out.push('\n');
}

fn pad(text: &str) -> String {
    " ".repeat(TIME.saturating_sub(columns(text)))
}

/// How much longer, as a share of the first.
fn by(a: u64, b: u64) -> String {
    if a == 0 {
        return if b == 0 { "±0%" } else { "" }.to_owned();
    }
    let share = (b as f64 - a as f64) / a as f64 * 100.0;
    match share.round() {
        0.0 => "±0%".to_owned(),
        share if share > 999.0 => format!("×{:.0}", b as f64 / a as f64),
        share => format!("{share:+.0}%"),
    }
}

/// What changed, or why a span that only one trace has failed.
fn below(out: &mut String, row: &Row, page: Page) {
    let indent = " ".repeat(2 + 2 * row.depth.min(LEVELS) + 4);
    let value = |text: &Option<String>| match text {
        None => "(none)".to_owned(),
        Some(text) => fit(&harmless(text), VALUE).into_owned(),
    };
    for changed in &row.changes {
        out.push_str(&indent);
        page.ink.put(out, Tint::Dim, &format!("{}:", harmless(&changed.key)));
        let failed = changed.key == "error" && changed.b.is_some();
        out.push_str(&format!(" {} → ", value(&changed.a)));
        page.ink
            .put(out, if failed { Tint::Error } else { Tint::Normal }, &value(&changed.b));
        out.push('\n');
    }
    let (Row {
        a: Some(half), b: None, ..
    }
    | Row {
        a: None, b: Some(half), ..
    }) = row
    else {
        return;
    };
    if half.error.is_some() {
        out.push_str(&indent);
        page.ink.put(out, Tint::Dim, "error:");
        out.push(' ');
        page.ink.put(out, Tint::Error, &value(&half.error));
        out.push('\n');
    }
}

/// What both amount to.
fn totals(out: &mut String, a: &Side, b: &Side, page: Page) {
    let heading = Total::text("", Some("A".to_owned()), Some("B".to_owned()), String::new());
    let rows: Vec<Total> = [heading].into_iter().chain(figures(a, b)).flatten().collect();
    let width = |cell: fn(&Total) -> &str| rows.iter().map(|row| columns(cell(row))).max().unwrap_or(0);
    let (labels, left, right) = (width(|row| row.label), width(|row| &row.a), width(|row| &row.b));
    for (place, Total { label, a, b, change }) in rows.iter().enumerate() {
        let gap = |cell: &str, width: usize| " ".repeat(width - columns(cell));
        let (one, two, three) = (gap(label, labels), gap(a, left), gap(b, right));
        let line = format!("{label}{one}  {two}{a}  {three}{b}  {change}");
        let tint = if place == 0 { Tint::Bold } else { Tint::Normal };
        page.ink.put(out, tint, line.trim_end());
        out.push('\n');
    }
}

/// The figures; `None` where one says nothing about either trace.
fn figures(a: &Side, b: &Side) -> [Option<Total>; 9] {
    let share = |a: Option<f64>, b: Option<f64>| match (a, b) {
        // Whole numbers of a size at which no digit matters that is left out.
        (Some(a), Some(b)) => by((a * 1e6) as u64, (b * 1e6) as u64),
        _ => String::new(),
    };
    let millis = |ms: Option<f64>| ms.map(|ms| format!("{ms:.0}ms"));
    let (first_a, first_b) = (a.first_token_ms, b.first_token_ms);
    let word = |text: &Option<String>| text.as_deref().map(|text| harmless(text).into_owned());
    let (long_a, long_b) = (a.duration_nanos, b.duration_nanos);
    let (long, cost) = (by(long_a, long_b), share(a.cost_usd, b.cost_usd));
    [
        Total::text("duration", Some(length(long_a)), Some(length(long_b)), long),
        Total::number("spans", a.spans as u64, b.spans as u64),
        Total::number("errors", a.errors as u64, b.errors as u64),
        Total::number("flags", a.flags as u64, b.flags as u64),
        Total::number("tokens in", a.tokens_in, b.tokens_in),
        Total::number("tokens out", a.tokens_out, b.tokens_out),
        Total::text(
            "time to first token",
            millis(first_a),
            millis(first_b),
            share(first_a, first_b),
        ),
        Total::text("cost", a.cost_usd.map(dollars), b.cost_usd.map(dollars), cost),
        Total::text("quality", word(&a.quality), word(&b.quality), String::new()),
    ]
}

/// A line of the totals.
struct Total {
    label: &'static str,
    a: String,
    b: String,
    change: String,
}

impl Total {
    fn text(label: &'static str, a: Option<String>, b: Option<String>, change: String) -> Option<Total> {
        if a.is_none() && b.is_none() {
            return None;
        }
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let (a, b) = (or_none(a), or_none(b));
        Some(Total { label, a, b, change })
    }

    fn number(label: &'static str, a: u64, b: u64) -> Option<Total> {
        if a == 0 && b == 0 {
            return None;
        }
        let change = match i128::from(b) - i128::from(a) {
            0 => String::new(),
            change => format!("{change:+}"),
        };
        Total::text(label, Some(a.to_string()), Some(b.to_string()), change)
    }
}
