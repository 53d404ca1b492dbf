//! Whether a tool's result reports a failure, and of which kind. A result is judged by how it is put, not by the words in it: by the
//! fields at the top of a JSON object, or by how a text begins. A word in a document or a field's name is no failure. Reads a bounded
//! part of the result; pure.

mod envelope;
mod json;
mod model;
mod nothing;
mod prose;

pub use model::ModelFailure;
pub(super) use nothing::finds_nothing;

use super::{
    api_error, auth_misuse, bad_query, context_overflow, invalid_args, malformed_response, network, rate_limit,
    state_error, timeout, tool_not_found,
};
use crate::signals::kind::SignalType;
use crate::signals::steps::took;

/// What is read of a result, at its beginning and at its end each, in bytes.
const PART: usize = 4 << 10;
/// What is read of the words of a failure, in bytes; what matters stands first.
const WORDS: usize = 512;

/// Stands before the words of a failure, so that a cause may ask for its words at the start of a clause.
const START: &str = ": ";

/// A kind of failure and how a failing result names it.
#[derive(Debug)]
pub(super) struct Cause {
    /// The type.
    pub(super) kind: SignalType,
    /// Words that name it, in lower case; each matches where a word begins, and one that ends in `|` must end there, too.
    pub(super) words: &'static [&'static str],
    /// Statuses of HTTP that mean it.
    pub(super) statuses: &'static [u16],
}

/// Every kind, the ones with the surest words first; the last takes what no other does.
static CAUSES: [&Cause; 11] = [
    &rate_limit::CAUSE,
    &context_overflow::CAUSE,
    &timeout::CAUSE,
    &malformed_response::CAUSE,
    &tool_not_found::CAUSE,
    &bad_query::CAUSE,
    &network::CAUSE,
    &auth_misuse::CAUSE,
    &invalid_args::CAUSE,
    &api_error::CAUSE,
    &state_error::CAUSE,
];

/// A failing result's own words and status.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told<'a> {
    words: &'a str,
    status: Option<u16>,
}

/// What a result in JSON says.
#[derive(Debug, PartialEq, Eq)]
enum Said<'a> {
    /// That it failed.
    Failure(Told<'a>),
    /// What this text says, which stands in it as one of JSON.
    Text(&'a str),
}

/// The kind of failure that a tool's result reports; none where it reports none.
pub(super) fn failure(result: &str) -> Option<SignalType> {
    match said(result)? {
        Said::Failure(told) => Some(cause(&told)),
        // No deeper: a text in a text is quoted.
        Said::Text(inner) => match said(&json::unescaped(inner))? {
            Said::Failure(told) => Some(cause(&told)),
            Said::Text(_) => None,
        },
    }
}

/// The kind of failure where the result is marked as one, whatever its text.
pub(super) fn marked(result: &str) -> SignalType {
    let (words, status) = (result.trim_ascii_start(), None);
    failure(result).unwrap_or_else(|| cause(&Told { words, status }))
}

fn said(result: &str) -> Option<Said<'_>> {
    let text = result.trim_ascii_start();
    let head = &text[..text.floor_char_boundary(PART)];
    let tail = &text[text.ceil_char_boundary(text.len().saturating_sub(PART))..];
    took(text.len().min(2 * PART));
    let is_log = head.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("[err"));
    match head.as_bytes().first()? {
        b'{' => envelope::said(head, if head.len() < text.len() { tail } else { "" }),
        b'[' if !is_log => envelope::of_list(head),
        _ => prose::told(head, tail).map(Said::Failure),
    }
}

fn cause(told: &Told<'_>) -> SignalType {
    let words = Lowered::<{ WORDS + START.len() }>::new(&[START, told.words]);
    let words = words.as_str();
    let named = CAUSES
        .iter()
        .find(|cause| cause.words.iter().any(|word| names(words, told.words, word)));
    let by_status = || {
        let status = told.status?;
        CAUSES.iter().find(|cause| cause.statuses.contains(&status))
    };
    named
        .or_else(by_status)
        .map_or(SignalType::StateError, |cause| cause.kind)
}

/// Whether a text holds the words where a word begins. `lowered` is the text in small letters behind [`START`]; of a name that is
/// put together (`ConnectTimeout`) the text itself tells where its words begin.
fn names(lowered: &str, text: &str, word: &str) -> bool {
    let (word, is_whole) = word.strip_suffix('|').map_or((word, false), |word| (word, true));
    if !word.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return lowered.contains(word);
    }
    let text = text.as_bytes();
    let begins = |at: usize| at == 0 || at >= text.len() || parts(text, at);
    lowered.match_indices(word).any(|(at, _)| {
        let start = at - START.len();
        begins(start) && (!is_whole || begins(start + word.len()))
    })
}

/// Whether one word ends and another begins there.
fn parts(text: &[u8], at: usize) -> bool {
    let (before, here) = (text[at - 1], text[at]);
    if !before.is_ascii_alphanumeric() || !here.is_ascii_alphanumeric() {
        return true;
    }
    let next = text.get(at + 1).is_some_and(u8::is_ascii_lowercase);
    // The `n` of an escaped line's end belongs to no word.
    let escaped = at >= 2 && text[at - 2] == b'\\' && matches!(before, b'n' | b't' | b'r');
    escaped || here.is_ascii_uppercase() && (!before.is_ascii_uppercase() || next)
}

/// Whether a text is one of those, in any case of ASCII letters.
fn is_one_of(text: &str, others: &[&str]) -> bool {
    others.iter().any(|other| text.eq_ignore_ascii_case(other))
}

/// The beginning of some texts, one behind the other, in small letters of ASCII, on the stack.
struct Lowered<const MOST: usize> {
    bytes: [u8; MOST],
    length: usize,
}

impl<const MOST: usize> Lowered<MOST> {
    /// As many bytes of the texts as there is room for, whole characters.
    fn new(texts: &[&str]) -> Self {
        let mut lowered = Lowered {
            bytes: [0; MOST],
            length: 0,
        };
        for text in texts {
            let text = &text[..text.floor_char_boundary(MOST - lowered.length)];
            let end = lowered.length + text.len();
            let part = &mut lowered.bytes[lowered.length..end];
            part.copy_from_slice(text.as_bytes());
            part.make_ascii_lowercase();
            lowered.length = end;
        }
        lowered
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("whole characters were copied")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_count_where_words_say_nothing() {
        for (result, expected) in [
            (r#"{"error": true, "status": 429}"#, SignalType::RateLimit),
            (r#"{"statusCode": 504, "body": ""}"#, SignalType::Timeout),
            (r#"{"error": {"code": 401}}"#, SignalType::AuthMisuse),
            ("HTTP 500", SignalType::ApiError),
            ("Error: E17", SignalType::StateError),
        ] {
            assert_eq!(failure(result), Some(expected), "{result}");
        }
    }

    #[test]
    fn causes_are_named_by_whole_words() {
        for (result, expected) in [
            ("Error: invalid quotation id 5", SignalType::StateError),
            ("Error: the lossless codec is not there", SignalType::StateError),
            ("Error: you exceeded your current quota", SignalType::RateLimit),
            (r#"{"error":{"code":"insufficient_quota"}}"#, SignalType::RateLimit),
            (r#"{"error":{"reason":"quotaExceeded"}}"#, SignalType::RateLimit),
            ("Error: SSL: CERTIFICATE_VERIFY_FAILED", SignalType::Network),
            ("ssl.SSLError: bad record", SignalType::Network),
            ("requests.exceptions.ConnectTimeout: x", SignalType::Timeout),
            ("openai.APITimeoutError: x", SignalType::Timeout),
            (r#"{"error": "two lines:\ntimeout"}"#, SignalType::Timeout),
            ("Error: quota", SignalType::RateLimit),
        ] {
            assert_eq!(failure(result), Some(expected), "{result}");
        }
    }

    #[test]
    fn the_end_of_a_long_result_is_read() {
        let rows = r#"{"note": "an \"error\": \"x\"}, {", "n": [1]},"#.repeat(1000);
        let long = format!(r#"{{"rows": [{rows} 1], "n": {{"error": "no"}}, "error": "too late, sold out"}}"#);
        assert_eq!(failure(&long), Some(SignalType::StateError));
        let calm = format!(r#"{{"rows": [{rows} {{"error": "x"}}], "n": {{"error": "no"}}, "pages": 3}}"#);
        assert_eq!(failure(&calm), None);
        let cut = format!(r#"{{"rows": [{rows} "error": "x""#);
        assert_eq!(failure(&cut), None);
    }

    #[test]
    fn the_texts_in_a_result_tell() {
        for (result, expected) in [
            (r#"[{"type":"text","text":"Error: no such user"}]"#, true),
            (r#"[{"type":"text","text":"{\"error\":\"no such user\"}"}]"#, true),
            (r#"{"content":[{"type":"text","text":"Error: no such user"}]}"#, true),
            (
                r#"{"content":[{"type":"text","text":"Error: x"}],"isError":false}"#,
                false,
            ),
            (r#"[{"type":"text","text":"Errors and how to avoid them"}]"#, false),
            (
                r#"[{"type":"text","text":"ok"},{"type":"text","text":"Error: quoted"}]"#,
                false,
            ),
        ] {
            assert_eq!(failure(result).is_some(), expected, "{result}");
        }
    }

    #[test]
    fn the_middle_of_a_long_result_is_not_read() {
        let rows = "1,".repeat(1 << 20);
        let middle = format!("{{\"rows\": [{rows}], \"error\": \"sold out\", \"more\": [{rows}1]}}");
        assert_eq!(failure(&middle), None);
        let trace = format!(
            "Traceback (most recent call last):\n{}\nValueError: bad",
            "  File x\n".repeat(9999)
        );
        assert_eq!(failure(&trace), Some(SignalType::InvalidArgs));
    }
}
