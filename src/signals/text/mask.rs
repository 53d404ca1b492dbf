//! Finds the stretches of a text that are somebody else's words: quotation and code. Errs towards the user's own voice: a
//! quote that never closes is none. Looks at each byte a bounded number of times.

mod closings;

use std::ops::Range;

use closings::Closings;

use crate::signals::steps::took;

/// A sign of code or of a quoted line: one of `;<=>{|}&`.
const CODE: u8 = 1;
/// `"` or a backtick.
const QUOTE: u8 = 2;
const APOSTROPHE: u8 = 4;
/// A byte beyond ASCII.
const BEYOND: u8 = 8;
/// A capital E, without which there is no SQL.
const CAPITAL_E: u8 = 16;
/// Frequent in prose, and code only beside certain others.
const COLON: u8 = 32;

/// Which kinds of signs stand in a text; a loop over all bytes without a branch, so that it runs many bytes at a time.
fn signs(bytes: &[u8]) -> u8 {
    let kind = |byte: u8| {
        let code = (byte.wrapping_sub(b';') <= b'>' - b';') | (byte.wrapping_sub(b'{') <= b'}' - b'{') | (byte == b'&');
        let quote = (byte == b'"') | (byte == b'`');
        (u8::from(code) * CODE)
            | (u8::from(quote) * QUOTE)
            | (u8::from(byte == b'\'') * APOSTROPHE)
            | (u8::from(byte == b'E') * CAPITAL_E)
            | (u8::from(byte == b':') * COLON)
            | ((byte >> 7) * BEYOND)
    };
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut last = [0; 32];
    last[..rest.len()].copy_from_slice(rest);
    let mut found = [0; 32];
    for block in blocks.iter().chain([&last]) {
        for (found, &byte) in found.iter_mut().zip(block) {
            *found |= kind(byte);
        }
    }
    found.iter().fold(0, |all, found| all | found)
}

/// Adds the masked stretches of `part` to `masks`, in order and without overlap.
pub(super) fn find(text: &str, part: Range<usize>, masks: &mut Vec<Range<usize>>) {
    let mut fence: Option<usize> = None;
    let mut line_start = part.start;
    while line_start < part.end {
        let rest = &text.as_bytes()[line_start..part.end];
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &text[line_start..line_start + length];
        let line_end = (line_start + length + 1).min(part.end);
        took(length);
        let signs = signs(line.as_bytes());
        let is_fence = signs & QUOTE != 0 && line.trim_start().starts_with("```");
        match (fence, is_fence) {
            (None, true) => fence = Some(line_start),
            (Some(open), true) => {
                masks.push(open..line_end);
                fence = None;
            }
            (Some(_), false) => {}
            (None, false) if is_quoted_or_code(line, signs) => masks.push(line_start..line_end),
            (None, false) => find_in_line(line, signs, line_start, masks),
        }
        line_start = line_end;
    }
    if let Some(open) = fence {
        masks.push(open..part.end);
    }
}

/// Whether a whole line is a quoted mail, a log, a statement of a programming language, or SQL.
fn is_quoted_or_code(line: &str, signs: u8) -> bool {
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
    let may_log = matches!(line.as_bytes(), [b'C' | b'D' | b'E' | b'F' | b'I' | b'T' | b'W', ..]);
    if may_log
        && LOG
            .iter()
            .any(|&mark| line.starts_with(mark) && line.len() > mark.len() + 8)
        || starts_with_date(line)
    {
        return true;
    }
    if line.starts_with("at ") && line.contains('(') {
        return true;
    }
    if signs & CODE != 0 {
        let ends_as_code = line.ends_with([';', '{', '}']) && line.contains(['=', '(', '{', '}']);
        if line.starts_with('>') || ends_as_code || line.as_bytes().windows(2).any(is_code_sign) {
            return true;
        }
    }
    signs & COLON != 0 && has_code_colon(line.as_bytes()) || signs & CAPITAL_E != 0 && is_sql(line)
}

/// A path of a programming language, or a key of JSON.
fn has_code_colon(line: &[u8]) -> bool {
    memchr::memchr_iter(b':', line).any(|at| at > 0 && matches!(line[at - 1], b':' | b'"'))
}

/// Two signs that prose never has side by side, one of them marked as [`CODE`].
fn is_code_sign(pair: &[u8]) -> bool {
    matches!(
        pair,
        b");" | b"=>" | b"==" | b"!=" | b"&&" | b"||" | b"</" | b"/>" | b"${" | b"{\""
    )
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
fn find_in_line(line: &str, signs: u8, base: usize, masks: &mut Vec<Range<usize>>) {
    if signs & (QUOTE | APOSTROPHE | BEYOND) == 0 {
        return;
    }
    let bytes = line.as_bytes();
    let next = |at: usize| match signs & (QUOTE | APOSTROPHE | BEYOND) {
        APOSTROPHE => memchr::memchr(b'\'', &bytes[at..]),
        QUOTE => memchr::memchr2(b'"', b'`', &bytes[at..]),
        _ => bytes[at..]
            .iter()
            .position(|&byte| matches!(byte, b'"' | b'`' | b'\'' | 0xC2 | 0xE2 | 0xE3)),
    };
    let mut closings = Closings::of(line);
    let mut at = 0;
    while let Some(ahead) = next(at) {
        at += ahead;
        match closings.behind(at) {
            Some(end) => {
                masks.push(base + at..base + end);
                at = end;
            }
            None => at += 1,
        }
    }
}
