//! A text as JSON documents behind each other, usually one a line. Tells where a text may be cut without reading it, so that a
//! large one can be taken in blocks; and where to go on after a fault. A string with half a character in it is no fault.

use std::cell::OnceCell;

use super::{BadTranscript, Node};
use crate::{
    dialects::{LineEnds, mended},
    signals::steps::took,
};

/// One JSON document.
pub(super) struct Document<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
    pub(super) tree: Node<'a>,
}

/// The last place where one document ends and another begins: a line's end between a closing bracket and an opening one. Inside a
/// valid document there is none, since no string holds a line's end and values never follow each other bare. Offset of the
/// second document; `None` where there is no such place.
pub fn last_boundary(text: &[u8]) -> Option<usize> {
    let mut rest = text;
    while let Some(newline) = memchr::memrchr(b'\n', rest) {
        // White space is stepped over once, however many lines' ends it holds: they have the same neighbours.
        let behind = text[newline + 1..].trim_ascii_start();
        let before = rest[..newline].trim_ascii_end();
        let blank = text.len() - behind.len() - before.len();
        took(rest.len() - newline + blank);
        if matches!(behind.first(), Some(b'{' | b'[')) && matches!(before.last(), Some(b'}' | b']')) {
            return Some(newline + 1);
        }
        rest = before;
    }
    took(rest.len());
    None
}

type Sink<'s> = dyn FnMut(Result<Document<'_>, BadTranscript>) + 's;

/// Reads one document after the other. After a fault it goes on at the next line that begins with a bracket: what a broken
/// document had swallowed is found again.
pub(super) fn each(text: &[u8], line: usize, sink: &mut Sink<'_>) {
    let (mut rest, mut line) = (text, line);
    // The whole text is checked at once, several times as fast as document by document.
    while let Err(error) = simdutf8::compat::from_utf8(rest) {
        let bad = error.valid_up_to();
        let start = memchr::memrchr(b'\n', &rest[..bad]).map_or(0, |newline| newline + 1);
        let (good, from) = rest.split_at(start);
        each_of_text(std::str::from_utf8(good).unwrap_or_default(), line, sink);
        line += count_lines(good);
        let reason = format!("not UTF-8 at byte {} of the line", bad - start + 1);
        sink(Err(BadTranscript { line, reason }));
        let next = next_document(from);
        line += count_lines(&from[..next]);
        rest = &from[next..];
    }
    each_of_text(std::str::from_utf8(rest).unwrap_or_default(), line, sink);
}

fn each_of_text(text: &str, line: usize, sink: &mut Sink<'_>) {
    let (mut at, mut line) = (0, line);
    // The whole text once, however many documents are broken.
    let whole_mended = OnceCell::new();
    let mend = || {
        took(text.len());
        mended(text, LineEnds::Kept)
    };
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start().len();
        took(blank + 1);
        line += count_lines(&rest.as_bytes()[..blank]);
        at += blank;
        let rest = &text[at..];
        if rest.is_empty() {
            return;
        }
        let read = first(rest, line, sink).or_else(|error| match whole_mended.get_or_init(mend) {
            // What begins with anything else is no document: control characters would become white space.
            Some(mended) if rest.starts_with(['{', '[']) => first(&mended[at..], line, sink),
            _ => Err(error),
        });
        let length = read.unwrap_or_else(|error| {
            let reason = fault(&error, line);
            sink(Err(BadTranscript { line, reason }));
            next_document(rest.as_bytes())
        });
        took(length);
        line += count_lines(&rest.as_bytes()[..length]);
        at += length;
    }
}

/// Hands over the document that a text begins with; its length.
fn first(text: &str, line: usize, sink: &mut Sink<'_>) -> serde_json::Result<usize> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Node<'_>>();
    let Some(tree) = documents.next().transpose()? else {
        return Ok(text.len());
    };
    let text = &text[..documents.byte_offset()];
    sink(Ok(Document { line, text, tree }));
    Ok(text.len())
}

/// What is wrong, and where: in the line that is named already, or further on.
fn fault(error: &serde_json::Error, line: usize) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    let place = match error.line() {
        0 | 1 => String::new(),
        later => format!("line {} ", line + later - 1),
    };
    let cut = if error.is_eof() { "; was it cut off?" } else { "" };
    format!("not valid JSON: {what} at {place}column {}{cut}", error.column())
}

fn count_lines(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

/// Offset of the first line behind the first one that begins with a bracket.
fn next_document(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text)
        .map(|newline| newline + 1)
        .find(|&start| matches!(text.get(start), Some(b'{' | b'[')))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::steps;

    fn check(text: &str, expected: Option<usize>) {
        assert_eq!(last_boundary(text.as_bytes()), expected, "{text:?}");
    }

    #[test]
    fn a_text_is_cut_between_documents_only() {
        check("{}\n{}", Some(3));
        check("{}\r\n\n [", Some(5));
        check("{}\n{}\n", Some(3));
        check("[\n{},\n{}\n]", None);
        check("{\"a\":\n{}}", None);
        check("{}", None);
        check("", None);
        check("1\n{}", None);
        check("{}\n{\n\"a\": [\n[]\n]\n}", Some(3));
        check("{}\n\n{}\n \n\t\n", Some(4));
        check("{} \n \r\n\t[1,\n\n2]", Some(7));
        check("\n\n \n", None);
        check("\n\n{}", None);
    }

    #[test]
    fn what_is_cut_at_a_boundary_reads_the_same() {
        let text = "{\"a\":[\n{},\n[1,\n\"}\\n{\"]\n]}\n[{}]\n\n{\"b\":{}}\n";
        let read = |text: &'static str, line| {
            let mut found = Vec::new();
            each(text.as_bytes(), line, &mut |document| {
                let document = document.expect("valid");
                found.push((document.line, document.text.to_owned()));
            });
            found
        };
        let at = last_boundary(text.as_bytes()).expect("three documents");
        let line = 1 + count_lines(&text.as_bytes()[..at]);
        let apart = [read(&text[..at], 1), read(&text[at..], line)].concat();
        assert_eq!(read(text, 1), apart);
        assert_eq!(apart.len(), 3);
    }

    #[test]
    fn broken_documents_are_mended_in_linear_time() {
        for unit in [
            "[\"\\ud83d\"\n",
            "{\"a\":\"\\ud83d\n",
            "[\"\\ud83d\",\n[],\n",
            "{\"a\t\":1}\n",
        ] {
            let of_times = |times: usize| {
                let text = unit.repeat(times);
                steps::of(|| each(text.as_bytes(), 1, &mut |_| {})) as f64
            };
            let growth = of_times(2000) / of_times(1000);
            assert!(growth <= 2.4, "{unit:?}: {growth}");
        }
    }

    #[test]
    fn blank_lines_take_linear_time() {
        let shapes = [
            ("{}", "\n", ""),
            ("{}", " \n", "x"),
            ("", "\n", "{}"),
            ("", "{}\n\n", ""),
            ("", "x \n", ""),
        ];
        for (before, unit, behind) in shapes {
            let growth = |work: &dyn Fn(&[u8])| {
                let of_times = |times: usize| {
                    let text = format!("{before}{}{behind}", unit.repeat(times));
                    steps::of(|| work(text.as_bytes()))
                };
                of_times(2000) as f64 / of_times(1000) as f64
            };
            let cut = growth(&|text| {
                let _boundary = last_boundary(text);
            });
            let read = growth(&|text| each(text, 1, &mut |_| {}));
            assert!(
                cut <= 2.4 && read <= 2.4,
                "{before:?} {unit:?} {behind:?}: {cut}, {read}"
            );
        }
    }
}
