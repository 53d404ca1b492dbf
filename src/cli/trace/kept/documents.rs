//! JSON documents behind each other, usually one a line: each into spans, or a fault with its line. After a document that is no
//! JSON the next line that begins one is taken.

use serde_json::value::RawValue;

use super::Piece;
use crate::{
    otlp::{Validated, json::JsonError},
    viewer::{Document, read_document},
};

/// Reads a block of whole documents, the first of which is on that line.
pub(super) fn read(file: &str, line: usize, text: &[u8]) -> Vec<Piece> {
    let (mut rest, mut line, mut pieces) = (text, line, Vec::new());
    loop {
        let blank = rest.len() - rest.trim_ascii_start().len();
        line += lines(&rest[..blank]);
        rest = &rest[blank..];
        if rest.is_empty() {
            return pieces;
        }
        let mut documents = serde_json::Deserializer::from_slice(rest).into_iter::<&RawValue>();
        let length = match documents.next() {
            Some(Ok(document)) => {
                document_pieces(&format!("{file}:{line}"), document.get(), &mut pieces);
                documents.byte_offset()
            }
            Some(Err(error)) => {
                pieces.push(Piece::Fault(syntax(file, line, &error)));
                next_document(rest)
            }
            None => rest.len(),
        };
        line += lines(&rest[..length]);
        rest = &rest[length..];
    }
}

/// What a document holds.
pub(super) fn document_pieces(place: &str, text: &str, pieces: &mut Vec<Piece>) {
    match read_document(text) {
        Ok(Document::Spans(validated)) => spans(place, validated, pieces),
        Ok(Document::OtherSignal) => pieces.push(Piece::OtherSignal),
        Err(JsonError { path, reason }) => pieces.push(Piece::Fault(format!("{place}: {path}: {reason}"))),
    }
}

/// The good spans, and a fault for those that were rejected.
pub(super) fn spans(place: &str, validated: Validated, pieces: &mut Vec<Piece>) {
    if !validated.batch.is_empty() {
        pieces.push(Piece::Spans(validated.batch));
    }
    match validated.rejected_spans {
        0 => {}
        1 => pieces.push(Piece::Fault(format!("{place}: {}", validated.reason))),
        many => {
            let more = many - 1;
            let text = format!("{place}: {}; and {more} more like it", validated.reason);
            pieces.push(Piece::Fault(text));
        }
    }
}

fn syntax(file: &str, line: usize, error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    if error.is_eof() {
        return format!("{file}:{line}: the document that begins here is cut off: {what}");
    }
    let line = line + error.line().max(1) - 1;
    format!("{file}:{line}: no JSON at column {}: {what}", error.column())
}

fn lines(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

/// Offset of the first line behind the first one that begins with a bracket.
fn next_document(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text)
        .map(|newline| newline + 1)
        .find(|start| matches!(text.get(*start), Some(b'{' | b'[')))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        r#"{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"x"}]}"#;

    fn check(text: &str, expected: &[&str]) {
        let shown: Vec<String> = read("f", 7, text.as_bytes())
            .into_iter()
            .map(|piece| match piece {
                Piece::Spans(batch) => format!("{} spans", batch.span_count()),
                Piece::Fault(fault) => fault,
                Piece::OtherSignal => "other".to_owned(),
            })
            .collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn documents_are_read_one_by_one_and_faults_name_their_line() {
        check("", &[]);
        check(" \n\n", &[]);
        check(&format!("{GOOD}\n{GOOD} {GOOD}\n"), &["1 spans", "1 spans", "1 spans"]);
        check(
            &format!("{GOOD}\n{{\"resourceSpans\": 7}}\n{{\"resourceLogs\":[]}}\n{GOOD}"),
            &[
                "1 spans",
                "f:8: resourceSpans: expected an array, got a number",
                "other",
                "1 spans",
            ],
        );
        check(
            &format!("\n{{\"a\":\n  oops}}\n{GOOD}"),
            &["f:9: no JSON at column 3: expected value", "1 spans"],
        );
        check(
            &format!("{GOOD}\n{{\"resourceSpans\":[{{"),
            &[
                "1 spans",
                "f:8: the document that begins here is cut off: EOF while parsing an object",
            ],
        );
        check(
            &GOOD.replace("eee19b7ec3c1b174", "0"),
            &["f:7: span 1 of the request (name \"x\"): its span_id is not 8 non-zero bytes"],
        );
        check("7\n", &["f:7: the top level: expected an object, got a number"]);
    }

    #[test]
    fn text_that_is_not_utf_8_is_a_fault() {
        let pieces = read("f", 1, b"{\"resourceSpans\":[],\"a\":\"\xff\"}\n{\"resourceSpans\":[]}");
        assert!(
            matches!(&pieces[..], [Piece::Fault(fault)] if fault.starts_with("f:1: ")),
            "{pieces:?}"
        );
    }
}
