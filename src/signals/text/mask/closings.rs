//! Where the quotations of a line end. Each mark that closes one is looked for once, however many open one before it: from every
//! opening mark of a line that is full of them, the search would go over the same bytes again.

use crate::signals::steps::took;

/// Longest quotation in one line that is still taken for one, in bytes.
const LONGEST: usize = 600;

/// What opens a quotation and what closes it. Those beyond ASCII begin with 0xC2, 0xE2 or 0xE3.
const PAIRS: [(&str, &str); 10] = [
    ("`", "`"),
    ("\"", "\""),
    ("“", "”"),
    ("„", "“"),
    ("«", "»"),
    ("「", "」"),
    ("『", "』"),
    ("《", "》"),
    ("‹", "›"),
    ("‘", "’ "),
];

/// The ends of the quotations of one line, asked for from left to right.
pub(super) struct Closings<'t> {
    line: &'t str,
    /// For each pair where its closing mark stands next, from the last place on from which it was looked for: [`NOWHERE`] if it
    /// does not. None before that.
    marks: [Option<usize>; PAIRS.len()],
    apostrophe: Option<usize>,
}

/// Behind the end of any line.
const NOWHERE: usize = usize::MAX;

impl<'t> Closings<'t> {
    /// Of a line that nobody has looked at.
    pub(super) fn of(line: &'t str) -> Closings<'t> {
        Closings {
            line,
            marks: [None; PAIRS.len()],
            apostrophe: None,
        }
    }

    /// The place behind the quotation that the mark at `at` opens; none where there is no mark, or where nothing closes it.
    pub(super) fn behind(&mut self, at: usize) -> Option<usize> {
        let bytes = self.line.as_bytes();
        match bytes[at..] {
            [b'\'', ..] => return self.behind_apostrophe(at),
            [b'`' | b'"', ..] | [0xC2, 0xAB, ..] | [0xE2 | 0xE3, 0x80, ..] => {}
            _ => return None,
        }
        let pair = PAIRS
            .iter()
            .position(|(open, _)| bytes[at..].starts_with(open.as_bytes()))?;
        let (open, close) = PAIRS[pair];
        let from = at + open.len();
        let next = match self.marks[pair] {
            Some(next) if next >= from => next,
            _ => find(bytes, from, close.as_bytes()),
        };
        self.marks[pair] = Some(next);
        // Nothing between the marks is no quotation.
        let is_quotation = next > from && next != NOWHERE && next + close.len() <= from + LONGEST;
        match is_quotation {
            true => Some(next + close.len()),
            false if open == "‘" && self.line.ends_with('’') => Some(self.line.len()),
            false => None,
        }
    }

    fn behind_apostrophe(&mut self, open: usize) -> Option<usize> {
        let bytes = self.line.as_bytes();
        if !opens(bytes, open) {
            return None;
        }
        let from = open + 2;
        let next = match self.apostrophe {
            Some(next) if next >= from => next,
            _ => find_apostrophe(bytes, from),
        };
        self.apostrophe = Some(next);
        (next != NOWHERE && next < open + LONGEST).then(|| next + 1)
    }
}

/// The first place of a mark from `from` on.
fn find(bytes: &[u8], from: usize, mark: &[u8]) -> usize {
    // Most marks begin alike and differ in the third byte.
    let telling = mark.len().min(3) - 1;
    let rest = &bytes[from..];
    let found = memchr::memchr_iter(mark[telling], rest)
        .filter_map(|at| at.checked_sub(telling))
        .find(|&at| rest[at..].starts_with(mark));
    took(found.unwrap_or(rest.len()));
    found.map_or(NOWHERE, |at| from + at)
}

/// An apostrophe that begins a quotation: behind a space, before a letter.
fn opens(bytes: &[u8], at: usize) -> bool {
    let before = at == 0 || matches!(bytes[at - 1], b' ' | b'(' | b'[' | b'\t' | b':' | b',' | b'=');
    before
        && bytes
            .get(at + 1)
            .is_some_and(|next| !next.is_ascii_whitespace() && *next != b'\'')
}

/// The first apostrophe from `from` on that ends a quotation: behind no space, before no letter.
fn find_apostrophe(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let closes = |at: &usize| {
        let at = from + at;
        bytes[at - 1] != b' ' && bytes.get(at + 1).is_none_or(|next| !next.is_ascii_alphanumeric())
    };
    let found = memchr::memchr_iter(b'\'', rest).find(closes);
    took(found.unwrap_or(rest.len()));
    found.map_or(NOWHERE, |at| from + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(line: &str, expected: Option<&str>) {
        let at = line.find(|c: char| PAIRS.iter().any(|(open, _)| open.starts_with(c)) || c == '\'');
        let at = at.expect("a mark");
        let end = Closings::of(line).behind(at);
        assert_eq!(end.map(|end| &line[at..end]), expected, "{line:?}");
    }

    #[test]
    fn every_mark_has_its_end() {
        for (open, close) in PAIRS {
            let quotation = format!("{open}ä b{close}");
            check(&format!("x {quotation}z {close}"), Some(&quotation));
            check(&format!("x {open}{close}"), None);
            check(&format!("x {open} y"), None);
            let long = format!("{open}{}{close}", "x".repeat(LONGEST - close.len()));
            check(&long, Some(&long));
            check(&format!("{open}{}{close}", "x".repeat(LONGEST + 1 - close.len())), None);
        }
        check("x ‘a b’", Some("‘a b’"));
        check("x 'a b's c' d", Some("'a b's c'"));
        check("x 'a b ' d", None);
        check("it's a' b", None);
        check("x 'a", None);
        check("'", None);
    }

    proptest! {
        #[test]
        fn what_was_found_before_changes_nothing(line in "[a '’‘\"`«»„“”「」『』《》‹›]{0,60}", gap in 0_usize..700) {
            let line = line.replace("a", &"a".repeat(gap % 300 + 1));
            let mut closings = Closings::of(&line);
            for (at, _) in line.char_indices() {
                prop_assert_eq!(closings.behind(at), Closings::of(&line).behind(at));
            }
        }
    }
}
