//! What the demo shows: the trace of each conversation's last request, then one line for each conversation. Text only.

use unicode_width::UnicodeWidthStr;

use super::talk::Talked;
use crate::viewer::{Detail, Page, Span, Trace, harmless, render};

/// The sign of a conversation that went wrong.
const FLAG: &str = "🚩";

/// A conversation and the trace of its last request.
pub(super) struct Seen {
    pub(super) talked: Talked,
    pub(super) trace: Trace,
}

/// Every conversation with its last trace.
pub(super) fn traces(all: &[Seen], page: Page) -> String {
    let mut out = String::new();
    for (number, seen) in (1..).zip(all) {
        let conversation = seen.talked.conversation;
        out.push_str(&format!("{number}  {}: {}\n", conversation.name, conversation.about));
        let last = conversation.turns.last();
        let (user, reply) = last.map_or(("", ""), |turn| (turn.user, turn.reply));
        let answer = seen.talked.refused.as_deref().unwrap_or(reply);
        out.push_str(&format!("   user:      {user}\n   assistant: {}\n", harmless(answer)));
        out.push('\n');
        out.push_str(&render(&seen.trace, page, Detail::Compact));
        out.push('\n');
    }
    out
}

/// One line for each conversation.
pub(super) fn summary(all: &[Seen]) -> String {
    let mut rows = vec![["conversation", "", "requests", "quality", "found"].map(str::to_owned)];
    rows.extend(all.iter().map(row));
    let widths: Vec<usize> = (0..5)
        .map(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let padding = width - cell.width();
            format!("{cell}{}", " ".repeat(padding))
        });
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}

fn row(seen: &Seen) -> [String; 5] {
    let flag = if is_flagged(&seen.trace) { FLAG } else { "" };
    let text = |key: &str| analyzed(&seen.trace).and_then(|span| Some(span.attribute(key)?.text()));
    let mut found = found(&seen.trace);
    if let Some(refused) = &seen.talked.refused {
        found.insert(0, format!("HTTP {}", refused.split(' ').next().unwrap_or_default()));
    }
    [
        seen.talked.conversation.name.to_owned(),
        flag.to_owned(),
        seen.talked.request_ids.len().to_string(),
        text("signals.quality").unwrap_or_default(),
        found.join(", "),
    ]
}

/// Whether a span of the trace has the flag.
pub(super) fn is_flagged(trace: &Trace) -> bool {
    trace.spans.iter().any(|span| span.name.contains(FLAG))
}

/// The span on which the conversation was analyzed.
fn analyzed(trace: &Trace) -> Option<&Span> {
    trace
        .spans
        .iter()
        .find(|span| span.attribute("signals.quality").is_some())
}

/// The kinds of signals on it, with how many there are of each.
fn found(trace: &Trace) -> Vec<String> {
    let attributes = analyzed(trace)
        .map(|span| span.attributes.as_slice())
        .unwrap_or_default();
    let counts = attributes.iter().filter_map(|attribute| {
        let kind = attribute.key.strip_prefix("signals.")?.strip_suffix(".count")?;
        let count = attribute.value.number().filter(|count| *count > 0.0)?;
        Some(format!("{} {count}", kind.replace('.', " ")))
    });
    let mut found: Vec<String> = counts.collect();
    let escalates = |attribute: &&crate::viewer::Attribute| {
        attribute.key == "signals.escalation.requested" && attribute.value.text() == "true"
    };
    if attributes.iter().any(|attribute| escalates(&attribute)) {
        found.push("escalation requested".to_owned());
    }
    found
}
