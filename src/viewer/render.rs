//! A trace as text: a heading, what failed, the tree with times and bars, a footer. On a terminal it fits the width and
//! has bars; elsewhere it is the same tree in plain lines. Every character of a name or value is harmless when it leaves.

mod messages;
mod row;
mod talk;

pub use self::messages::messages;
use self::row::{Columns, Heard};
use super::{
    conversation::conversation,
    facts::{self, Facts},
    model::{Span, Trace},
    notes::notes,
    paint::{Ink, Tint, fit, harmless},
    tree::{Branch, branches},
};

/// Where the text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Columns of the terminal; `None` where it is no terminal: no bars, nothing is cut to a width.
    pub width: Option<usize>,
    /// Colors or none.
    pub ink: Ink,
}

/// How much of each span is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The attributes that matter for the component.
    Compact,
    /// Every attribute that is there: for a trace that was trimmed to what the user asked for.
    Attributes,
    /// Every attribute, one a line, and ids, events, links and resource attributes; messages as a conversation.
    Everything,
    /// The same with messages as they came: for a trace that was trimmed to what the user asked for.
    Raw,
}

/// Where lines wrap when there is no terminal.
const WRAP_PIPED: usize = 120;
/// Errors that are listed above the tree.
const ERRORS_LISTED: usize = 5;

/// The trace as text, ending in a line's end.
pub fn render(trace: &Trace, page: Page, detail: Detail) -> String {
    let lines = branches(&trace.spans);
    let facts = Facts::of(trace);
    let mut out = String::new();
    heading(&mut out, trace, &facts, page.ink);
    errors(&mut out, trace, &lines, page);
    out.push('\n');
    let columns = Columns::measure(trace, &lines, page);
    let mut heard = Heard::default();
    for line in &lines {
        let span = &trace.spans[line.span];
        columns.row(&mut out, trace, line);
        let found = (detail == Detail::Everything).then(|| conversation(span)).flatten();
        columns.details(&mut out, span, line, detail, found.as_ref());
        if detail == Detail::Compact {
            columns.gist(&mut out, span, line, &mut heard);
        }
        if let Some(found) = found {
            columns.talk(&mut out, &found, line);
        }
    }
    out.push('\n');
    footer(&mut out, trace, &facts, page.ink);
    for note in notes(trace, &lines) {
        page.ink.put(&mut out, Tint::Dim, &note);
        out.push('\n');
    }
    out
}

fn heading(out: &mut String, trace: &Trace, facts: &Facts, ink: Ink) {
    let (start, end) = trace.bounds();
    ink.put(out, Tint::Bold, "Trace");
    out.push(' ');
    out.push_str(&harmless(&trace.trace_id));
    out.push_str(&format!(
        "  {}  {}",
        length(end - start),
        count(trace.spans.len(), "span")
    ));
    if facts.errors > 0 {
        out.push_str("  ");
        ink.put(out, Tint::Error, &count(facts.errors, "error"));
    }
    if facts.flags > 0 {
        out.push_str(&format!("  {} 🚩", facts.flags));
    }
    out.push('\n');
}

/// What failed, before anything else.
fn errors(out: &mut String, trace: &Trace, lines: &[Branch], page: Page) {
    let mut failed = lines.iter().filter_map(|line| {
        let span = &trace.spans[line.span];
        Some((span, facts::error(span)?))
    });
    for (span, why) in failed.by_ref().take(ERRORS_LISTED) {
        let text = format!("✗ {} {}: {}", span.service, span.name, why);
        let text = harmless(&text);
        let line = page
            .width
            .map_or(text.clone(), |width| fit(&text, width).into_owned().into());
        page.ink.put(out, Tint::Error, &line);
        out.push('\n');
    }
    match failed.count() {
        0 => {}
        more => {
            page.ink.put(out, Tint::Error, &format!("✗ and {more} more"));
            out.push('\n');
        }
    }
}

fn footer(out: &mut String, trace: &Trace, facts: &Facts, ink: Ink) {
    let mut parts = vec![count(trace.spans.len(), "span"), count(facts.errors, "error")];
    parts.extend(amounts(facts));
    ink.put(out, Tint::Dim, &parts.join("  "));
    out.push('\n');
}

/// What the model calls took, each amount by itself: tokens, time to the first token, cost.
pub fn amounts(facts: &Facts) -> Vec<String> {
    let mut parts = Vec::new();
    if facts.tokens_in > 0 || facts.tokens_out > 0 {
        parts.push(format!("tokens {} in, {} out", facts.tokens_in, facts.tokens_out));
    }
    match facts.first_token {
        Some((low, high)) if low.round() < high.round() => parts.push(format!("first token {low:.0}-{high:.0}ms")),
        Some((low, _)) => parts.push(format!("first token {low:.0}ms")),
        None => {}
    }
    parts.extend(cost(facts));
    parts
}

/// What the model calls cost: `cost $0.0042`; `at least` where the price of some is not known.
fn cost(facts: &Facts) -> Option<String> {
    let cost = facts.cost_usd?;
    let least = if facts.unpriced > 0 { "at least " } else { "" };
    Some(format!("cost {least}{}", dollars(cost)))
}

/// An amount with as many digits as tell something: `$12.34`, `$0.0042`, `$0.00`.
pub fn dollars(amount: f64) -> String {
    match amount {
        0.0 => "$0.00".to_owned(),
        0.000_001..0.01 => {
            let digits = (-amount.log10()).ceil() as usize + 1;
            format!("${amount:.digits$}")
        }
        ..0.01 => "<$0.000001".to_owned(),
        0.01..1.0 => format!("${amount:.3}"),
        _ => format!("${amount:.2}"),
    }
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A length of time for a heading: `312µs`, `843ms`, `8.04s`, `2m 03s`, `1h 02m`, `3d 04h`.
pub fn length(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    match nanos {
        0 => "0ms".to_owned(),
        1..1_000_000 => format!("{}µs", nanos.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{}ms", nanos / 1_000_000),
        _ if seconds < 60 => format!("{}.{:02}s", seconds, nanos / 10_000_000 % 100),
        _ if seconds < 3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ if seconds < 86_400 => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A time in a column of the tree: milliseconds as far as they can be read.
fn millis(nanos: u64) -> String {
    match nanos {
        1..1_000_000 | 100_000_000_000.. => length(nanos),
        _ => format!("{}ms", nanos / 1_000_000),
    }
}

/// The span's name with its flag, harmless.
fn title(span: &Span) -> String {
    let mut name = harmless(&span.name).into_owned();
    if facts::is_flagged(span) && !name.ends_with(facts::FLAG) {
        name.push_str(" 🚩");
    }
    name
}

#[cfg(test)]
mod tests;
