//! Whether a tool's result reports a failure, and of which kind. A result is judged by how it is put, not by the words in it: by the
//! fields at the top of a JSON object, or by how a text begins. A word in a document or a field's name is no failure. Reads a bounded
//! part of the result; pure.

mod envelope;
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

/// A kind of failure and how a failing result names it.
#[derive(Debug)]
pub(super) struct Cause {
    /// The type.
    pub(super) kind: SignalType,
    /// Words that name it, in lower case.
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

/// The kind of failure that a tool's result reports; none where it reports none.
pub(super) fn failure(result: &str) -> Option<SignalType> {
    told(result).map(|told| cause(&told))
}

/// The kind of failure where the result is marked as one, whatever its text.
pub(super) fn marked(result: &str) -> SignalType {
    let (words, status) = (result.trim_ascii_start(), None);
    cause(&told(result).unwrap_or(Told { words, status }))
}

fn told(result: &str) -> Option<Told<'_>> {
    let text = result.trim_ascii_start();
    let head = &text[..text.floor_char_boundary(PART)];
    took(text.len().min(2 * PART));
    match head.as_bytes().first()? {
        b'{' => envelope::told(head),
        // A list is data.
        b'[' if !head.starts_with("[error") && !head.starts_with("[Error") && !head.starts_with("[ERROR") => None,
        _ => prose::told(head, &text[text.ceil_char_boundary(text.len().saturating_sub(PART))..]),
    }
}

fn cause(told: &Told<'_>) -> SignalType {
    // The colon stands for the start, so that a cause may ask for its words at the start of a clause.
    let words = Lowered::<{ WORDS + 2 }>::new(&[": ", told.words]);
    let words = words.as_str();
    let named = CAUSES
        .iter()
        .find(|cause| cause.words.iter().any(|word| words.contains(word)));
    let by_status = || {
        let status = told.status?;
        CAUSES.iter().find(|cause| cause.statuses.contains(&status))
    };
    named
        .or_else(by_status)
        .map_or(SignalType::StateError, |cause| cause.kind)
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
    fn the_middle_of_a_long_result_is_not_read() {
        let long = format!("{{\"rows\": [{}], \"error\": \"too late\"}}", "1,".repeat(1 << 20));
        assert_eq!(failure(&long), None);
        let trace = format!(
            "Traceback (most recent call last):\n{}\nValueError: bad",
            "  File x\n".repeat(9999)
        );
        assert_eq!(failure(&trace), Some(SignalType::InvalidArgs));
    }
}
