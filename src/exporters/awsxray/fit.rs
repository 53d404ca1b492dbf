//! Makes a segment's document no larger than X-Ray takes: long texts are shortened step by step, then metadata, links and stack traces
//! are left out. A document that lost something says so in its metadata. Gives up where all that is not enough.

use serde_json::{Map, Value};

use super::translate::{self, Document};

/// Largest document, in bytes: the API's documentation says 64 kB.
const LARGEST: usize = 64_000;

/// Longest texts, in bytes, at each step.
const STEPS: [usize; 4] = [8192, 2048, 512, 128];

/// What stands at the end of a shortened text.
const MARK: char = '…';

/// The document as text; `None` where it stays too large.
pub(super) fn text(mut document: Document) -> Option<String> {
    let whole = fitting(&document);
    if whole.is_some() {
        return whole;
    }
    for longest in STEPS {
        let members = document.iter_mut().filter(|(key, _)| *key != "name");
        members.for_each(|(_, value)| shorten(value, longest));
        translate::mark_trimmed(&mut document);
        let shortened = fitting(&document);
        if shortened.is_some() {
            return shortened;
        }
    }
    document.remove("links");
    document.insert("metadata".to_owned(), Map::new().into());
    translate::mark_trimmed(&mut document);
    let without_metadata = fitting(&document);
    if without_metadata.is_some() {
        return without_metadata;
    }
    document.remove("cause");
    fitting(&document)
}

fn fitting(document: &Document) -> Option<String> {
    let text = serde_json::to_string(document).ok()?;
    (text.len() <= LARGEST).then_some(text)
}

fn shorten(value: &mut Value, longest: usize) {
    match value {
        Value::String(text) if text.len() > longest => {
            text.truncate(text.floor_char_boundary(longest - MARK.len_utf8()));
            text.push(MARK);
        }
        Value::Array(values) => values.iter_mut().for_each(|value| shorten(value, longest)),
        Value::Object(members) => members.values_mut().for_each(|value| shorten(value, longest)),
        _ => {}
    }
}
