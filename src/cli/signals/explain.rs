//! A report with its reasons: each message in which something was found, the words marked, and the terms of the score. Texts are the
//! conversation's own; they reach the terminal harmless, and long ones around their marks only.

use std::{fmt::Write as _, ops::Range};

use super::{counted, report::tint};
use crate::{
    processors::signals::Transcript,
    signals::{Detail, Message, Report, Signal, Term, Weights},
    viewer::{Ink, Lines, Page, Tint, harmless, role_name, three_decimals},
};

/// Columns before a text.
const INDENT: usize = 4;
/// Columns where the output is no terminal.
const WIDTH: usize = 100;
/// Bytes that are shown before and after what is marked, and of a text without marks.
const AROUND: usize = 160;
const UNMARKED: usize = 240;

/// Adds the report of one conversation with its reasons.
pub(super) fn explain(
    out: &mut String,
    name: &str,
    transcript: &Transcript<'_>,
    report: &Report,
    weights: &Weights,
    page: Page,
) {
    if !transcript.is_telling() {
        page.ink.put(out, Tint::Bold, name);
        out.push_str("  holds no text\n\n");
        return;
    }
    heading(out, name, report, page.ink);
    for found in report
        .signals
        .chunk_by(|one, next| one.message_index == next.message_index)
    {
        let message = &transcript.conversation.messages[found[0].message_index];
        let index = transcript.indexes[found[0].message_index];
        page.ink.put(
            out,
            Tint::Dim,
            &format!("  message {index}, {}", role_name(message.role)),
        );
        out.push('\n');
        excerpt(out, message, found, page);
        for signal in found {
            reason(out, message, signal, page.ink);
        }
    }
    score(out, report, weights);
    out.push('\n');
}

fn heading(out: &mut String, name: &str, report: &Report, ink: Ink) {
    ink.put(out, Tint::Bold, name);
    out.push_str("  ");
    let verdict = format!("{} {:.0}", report.quality.name(), report.score);
    ink.put(out, tint(report.quality), &verdict);
    write!(out, "  {}", counted(report.turn_count, "turn")).expect("a String takes all");
    let reasons: Vec<&str> = report.flag_reasons().collect();
    if !reasons.is_empty() {
        write!(out, "  🚩 {}", reasons.join(", ")).expect("a String takes all");
    }
    out.push('\n');
}

fn page_lines(out: &mut String, page: Page) -> Lines<'_> {
    Lines::new(out, page.ink, page.width.unwrap_or(WIDTH), "", INDENT)
}

/// The message's text with what was found in it marked.
fn excerpt(out: &mut String, message: &Message<'_>, found: &[Signal], page: Page) {
    let marks = union(found.iter().filter_map(|signal| signal.snippet.clone()));
    let text = message.text.as_ref();
    let mut lines = page_lines(out, page);
    let mut at = 0;
    for shown in windows(text, &marks) {
        if shown.start > at {
            lines.text("… ", Tint::Dim);
        }
        at = shown.start;
        for mark in marks
            .iter()
            .filter(|mark| shown.start <= mark.start && mark.end <= shown.end)
        {
            lines.text(slice(text, at..mark.start), Tint::Normal);
            lines.mark(slice(text, mark.clone()));
            at = mark.end;
        }
        lines.text(slice(text, at..shown.end), Tint::Normal);
        at = shown.end;
    }
    if at < text.len() {
        lines.text(" …", Tint::Dim);
    }
    lines.end();
    for call in &message.tool_calls {
        let arguments = slice(&call.arguments, 0..UNMARKED);
        let rest = if arguments.len() < call.arguments.len() {
            " …"
        } else {
            ""
        };
        let mut lines = page_lines(out, page);
        lines.text(&format!("{}({arguments}{rest})", call.name), Tint::Dim);
        lines.end();
    }
}

/// The text of a range, moved to the characters' bounds.
fn slice(text: &str, range: Range<usize>) -> &str {
    let start = text.floor_char_boundary(range.start);
    let end = text.floor_char_boundary(range.end).max(start);
    &text[start..end]
}

/// Sorted ranges that do not overlap.
fn union(ranges: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = ranges.collect();
    ranges.sort_by_key(|range| range.start);
    let mut out: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

/// The parts of a text that are shown.
fn windows(text: &str, marks: &[Range<usize>]) -> Vec<Range<usize>> {
    if marks.is_empty() {
        let is_short = text.len() <= UNMARKED + AROUND;
        let end = if is_short { text.len() } else { UNMARKED };
        return std::iter::once(0..text.floor_char_boundary(end)).collect();
    }
    union(marks.iter().map(|mark| {
        let start = text.floor_char_boundary(mark.start.saturating_sub(AROUND));
        start..text.ceil_char_boundary((mark.end + AROUND).min(text.len()))
    }))
}

/// Why a signal is there: its words, and what else is known.
fn reason(out: &mut String, message: &Message<'_>, signal: &Signal, ink: Ink) {
    out.push_str("      ");
    ink.put(out, Tint::Mark, signal.kind.name());
    write!(out, " {:.2}", signal.confidence).expect("a String takes all");
    if let Some(snippet) = &signal.snippet {
        let words = slice(&message.text, snippet.start..snippet.end.min(snippet.start + UNMARKED));
        write!(out, "  “{}”", harmless(words)).expect("a String takes all");
    }
    for (key, detail) in &signal.metadata {
        match detail {
            Detail::Number(number) => write!(out, "  {key} {}", three_decimals(*number)),
            Detail::Name(name) => write!(out, "  {key} {}", harmless(name)),
        }
        .expect("a String takes all");
    }
    out.push('\n');
}

/// The terms that count, their sum, and what was made of it.
fn score(out: &mut String, report: &Report, weights: &Weights) {
    let terms = report.terms(weights);
    let sum: f64 = terms.iter().map(Term::points).sum();
    for term in terms.iter().filter(|term| term.points() != 0.0) {
        let how = match (term.times, term.weight) {
            (1.0, _) => String::new(),
            (times, weight) => format!(": {} × {}", three_decimals(times), three_decimals(weight.abs())),
        };
        writeln!(out, "  {:+7.1}  {}{how}", term.points(), term.name).expect("a String takes all");
    }
    let clamped = if sum == report.score {
        ""
    } else {
        ", kept within 0 to 100"
    };
    let at_once = match report.severe_at_once(weights) {
        Some(why) => format!(", at once: {why}"),
        None => String::new(),
    };
    let quality = report.quality.name();
    writeln!(out, "  {:7.1}  {quality}{clamped}{at_once}", report.score).expect("a String takes all");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::signals::Role;
    use crate::viewer::{columns, is_harmful};

    fn check(text: &str, marks: &[(usize, usize)], width: usize, expected: &str) {
        let signal = |&(start, end): &(usize, usize)| Signal {
            kind: crate::signals::SignalType::Quit,
            message_index: 0,
            confidence: 1.0,
            snippet: Some(start..end),
            metadata: Vec::new(),
        };
        let found: Vec<Signal> = marks.iter().map(signal).collect();
        let page = Page {
            width: Some(width),
            ink: Ink::Plain,
        };
        let mut out = String::new();
        excerpt(&mut out, &Message::new(Role::User, text), &found, page);
        assert_eq!(out, expected, "{text:?}");
    }

    #[test]
    fn marks_stand_in_the_text() {
        check("a bad day", &[(2, 5)], 80, "    a »bad« day\n");
        check("a bad day", &[(2, 5), (4, 9)], 80, "    a »bad day«\n");
        check("a\r\n\nb\tc", &[], 80, "    a\n    b   c\n");
        check("", &[], 80, "");
        check("\u{c55}x", &[(3, 4)], 80, "    \u{c55}»x«\n");
        check("é", &[(1, 2)], 80, "    »é«\n");
        check("\x1b[31m\u{202e}x", &[(0, 1)], 80, "    »\\x1b«[31m\\u{202e}x\n");
    }

    #[test]
    fn lines_keep_to_the_width() {
        check(
            "one two three four five",
            &[(4, 7)],
            24,
            "    one »two« three four\n    five\n",
        );
        check(
            &"x".repeat(45),
            &[],
            24,
            &format!("    {0}\n    {0}\n    xxxxx\n", "x".repeat(20)),
        );
        check(
            &"日".repeat(12),
            &[],
            24,
            &format!("    {}\n    日日\n", "日".repeat(10)),
        );
        let wide_space = format!("{}\u{2000}", "x".repeat(20));
        check(&wide_space, &[], 24, &format!("    {}\n    \u{2000}\n", "x".repeat(20)));
    }

    #[test]
    fn a_long_text_is_shown_around_its_marks() {
        let text = format!("{}bad{}", "a ".repeat(1000), " z".repeat(1000));
        let mut out = String::new();
        let mark = 2000..2003;
        let shown = windows(&text, std::slice::from_ref(&mark));
        assert_eq!((shown.len(), shown[0].clone()), (1, 2000 - AROUND..2003 + AROUND));
        let page = Page {
            width: None,
            ink: Ink::Color,
        };
        let signal = Signal {
            kind: crate::signals::SignalType::Quit,
            message_index: 0,
            confidence: 1.0,
            snippet: Some(mark),
            metadata: Vec::new(),
        };
        excerpt(&mut out, &Message::new(Role::User, text.as_str()), &[signal], page);
        assert!(out.contains("\x1b[1;33mbad\x1b[0m"), "{out}");
        assert!(out.contains('…') && out.len() < 600, "{out}");
    }

    proptest! {
        #[test]
        fn any_text_is_shown_harmless_and_within_the_width(
            text in any::<String>(),
            marks in prop::collection::vec((0_usize..60, 0_usize..60), 0..4),
            width in 24_usize..60,
        ) {
            let page = Page { width: Some(width), ink: Ink::Plain };
            let found: Vec<Signal> = marks
                .into_iter()
                .map(|(start, length)| Signal {
                    kind: crate::signals::SignalType::Quit,
                    message_index: 0,
                    confidence: 1.0,
                    snippet: Some(start.min(text.len())..(start + length).min(text.len())),
                    metadata: Vec::new(),
                })
                .collect();
            let mut out = String::new();
            excerpt(&mut out, &Message::new(Role::User, text.as_str()), &found, page);
            prop_assert!(!out.chars().any(|c| c != '\n' && is_harmful(c)), "{out:?}");
            prop_assert!(out.lines().all(|line| columns(line) <= width), "{out}");
        }
    }
}
