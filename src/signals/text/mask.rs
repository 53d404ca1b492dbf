//! Finds the stretches of a text that are somebody else's words: quotation and code. Errs towards the user's own voice: a
//! quote that never closes is none. Looks at each byte a bounded number of times.

use std::ops::Range;

/// Longest quotation in one line that is still taken for one, in bytes.
const LONGEST_QUOTE: usize = 600;

/// Adds the masked stretches of `part` to `masks`, in order and without overlap.
pub(super) fn find(text: &str, part: Range<usize>, masks: &mut Vec<Range<usize>>) {
    let mut fence: Option<usize> = None;
    let mut line_start = part.start;
    while line_start < part.end {
        let rest = &text.as_bytes()[line_start..part.end];
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &text[line_start..line_start + length];
        let line_end = (line_start + length + 1).min(part.end);
        let is_fence = line.trim_start().starts_with("```");
        match (fence, is_fence) {
            (None, true) => fence = Some(line_start),
            (Some(open), true) => {
                masks.push(open..line_end);
                fence = None;
            }
            (Some(_), false) => {}
            (None, false) if is_quoted_or_code(line) => masks.push(line_start..line_end),
            (None, false) => find_in_line(line, line_start, masks),
        }
        line_start = line_end;
    }
    if let Some(open) = fence {
        masks.push(open..part.end);
    }
}

/// Whether a whole line is a quoted mail, a log, a statement of a programming language, or SQL.
fn is_quoted_or_code(line: &str) -> bool {
    const INSIDE: &[&str] = &[
        "();", "=>", "==", "!=", "&&", "||", "</", "/>", "::", "${", "\":", "{\"", ");",
    ];
    const LOG: &[&str] = &[
        "ERROR",
        "WARN",
        "INFO ",
        "DEBUG",
        "FATAL",
        "Traceback (",
        "Caused by:",
        "Exception in",
    ];
    let line = line.trim();
    if line.starts_with('>') || line.starts_with("at ") && line.contains('(') {
        return true;
    }
    if LOG
        .iter()
        .any(|&mark| line.starts_with(mark) && line.len() > mark.len() + 8)
        || starts_with_date(line)
    {
        return true;
    }
    if !line.bytes().any(|byte| {
        matches!(
            byte,
            b';' | b'{' | b'}' | b'=' | b'&' | b'|' | b'<' | b'>' | b':' | b')'
        )
    }) {
        return is_sql(line);
    }
    let ends_as_code = line.ends_with([';', '{', '}']) && line.contains(['=', '(', '{', '}']);
    ends_as_code || INSIDE.iter().any(|&sign| line.contains(sign)) || is_sql(line)
}

fn starts_with_date(line: &str) -> bool {
    let line = line.trim_start_matches('[').as_bytes();
    line.len() > 10 && line[..4].iter().all(u8::is_ascii_digit) && line[4] == b'-' && line[7] == b'-'
}

fn is_sql(line: &str) -> bool {
    const PAIRS: &[(&str, &str)] = &[
        ("SELECT ", " FROM "),
        ("INSERT INTO ", "VALUES"),
        ("UPDATE ", " SET "),
        ("DELETE FROM ", " WHERE "),
    ];
    PAIRS
        .iter()
        .any(|(first, second)| line.find(first).is_some_and(|at| line[at..].contains(second)))
}

/// Quotations and code inside one line.
fn find_in_line(line: &str, base: usize, masks: &mut Vec<Range<usize>>) {
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let close = match bytes[at] {
            b'`' => closing(line, at + 1, "`"),
            b'"' => closing(line, at + 1, "\""),
            b'\'' if opens(bytes, at) => closing_apostrophe(line, at),
            0..=0x7F => None,
            _ => closing_pair(line, at),
        };
        match close {
            Some(end) => {
                masks.push(base + at..base + end);
                at = end;
            }
            None => at += 1,
        }
    }
}

/// The place behind the closing mark.
fn closing(line: &str, from: usize, mark: &str) -> Option<usize> {
    let length = line[from..]
        .find(mark)
        .filter(|&length| (1..LONGEST_QUOTE).contains(&length))?;
    Some(from + length + mark.len())
}

/// Marks beyond ASCII that come in pairs.
fn closing_pair(line: &str, at: usize) -> Option<usize> {
    const PAIRS: &[(&str, &str)] = &[
        ("“", "”"),
        ("„", "“"),
        ("«", "»"),
        ("「", "」"),
        ("『", "』"),
        ("‹", "›"),
        ("‘", "’ "),
    ];
    let rest = line.get(at..)?;
    let (open, close) = PAIRS.iter().find(|(open, _)| rest.starts_with(open))?;
    let end = closing(line, at + open.len(), close);
    if *open == "‘" && end.is_none() && line.ends_with('’') {
        Some(line.len())
    } else {
        end
    }
}

/// An apostrophe that begins a quotation: behind a space, before a letter.
fn opens(bytes: &[u8], at: usize) -> bool {
    let before = at == 0 || matches!(bytes[at - 1], b' ' | b'(' | b'[' | b'\t' | b':' | b',' | b'=');
    before
        && bytes
            .get(at + 1)
            .is_some_and(|next| !next.is_ascii_whitespace() && *next != b'\'')
}

fn closing_apostrophe(line: &str, open: usize) -> Option<usize> {
    let bytes = line.as_bytes();
    let last = bytes.len().min(open + LONGEST_QUOTE);
    let close = (open + 2..last).find(|&at| {
        bytes[at] == b'\''
            && bytes[at - 1] != b' '
            && bytes.get(at + 1).is_none_or(|next| !next.is_ascii_alphanumeric())
    })?;
    Some(close + 1)
}
