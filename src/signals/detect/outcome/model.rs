//! Whether the call of the model itself failed for want of something outside: time, quota, network, room for the context. Says nothing
//! of calls that were wrong or broken off: the taxonomy has no type for them, and they are the application's own doing.

use super::marked;
use crate::signals::kind::{Category, SignalType};

/// What a span says of the failure of its model's call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ModelFailure<'a> {
    /// What it is called: a class (`openai.RateLimitError`), a word (`timeout`) or a status (`429`); empty where unknown.
    pub names: [&'a str; 2],
    /// What is said of it; empty where nothing is.
    pub words: [&'a str; 2],
}

/// Names of failures from outside, in small letters, by how they end.
const NAMES: [(&str, SignalType); 13] = [
    ("ratelimiterror", SignalType::RateLimit),
    ("rate_limit_error", SignalType::RateLimit),
    ("rate_limited", SignalType::RateLimit),
    ("rate_limit_exceeded", SignalType::RateLimit),
    ("timeout", SignalType::Timeout),
    ("timeouterror", SignalType::Timeout),
    ("connect", SignalType::Network),
    ("connectionerror", SignalType::Network),
    ("internalservererror", SignalType::ApiError),
    ("overloaded_error", SignalType::ApiError),
    ("overloadederror", SignalType::ApiError),
    ("upstream_5xx", SignalType::ApiError),
    ("invalid_response", SignalType::MalformedResponse),
];
/// Names of failures that are the caller's.
const CALLERS: [&str; 11] = [
    "upstream_4xx",
    "client_cancelled",
    "cancellederror",
    "invalid_request",
    "invalid_request_error",
    "badrequesterror",
    "unauthorized",
    "authenticationerror",
    "permissiondeniederror",
    "not_found",
    "notfounderror",
];

impl ModelFailure<'_> {
    /// The type of signal that it is; none where it is none.
    pub(in crate::signals) fn kind(&self) -> Option<SignalType> {
        let names = self.names.iter().filter(|name| !name.is_empty());
        let named = |name: &&str| {
            let known = NAMES.iter().find(|(known, _)| ends_with(name, known));
            known.map(|(_, kind)| *kind).or_else(|| of_status(name))
        };
        if let Some(kind) = names.clone().find_map(named) {
            return Some(kind);
        }
        let is_callers = |name: &str| {
            let status = name.parse().is_ok_and(|status: u16| (400..500).contains(&status));
            status || CALLERS.iter().any(|known| ends_with(name, known))
        };
        let callers = names.clone().any(|name| is_callers(name));
        let mut words = self.words.iter().filter(|words| !words.is_empty());
        // A context too long is refused as a bad request.
        words.find_map(|words| {
            let kind = marked(words);
            let fits = kind.category() == Category::Exhaustion && (!callers || kind == SignalType::ContextOverflow);
            fits.then_some(kind)
        })
    }
}

/// Whether a name is this one, or one with something before it, in any case of ASCII letters.
fn ends_with(name: &str, known: &str) -> bool {
    let start = name.len().checked_sub(known.len());
    start.is_some_and(|start| name.as_bytes()[start..].eq_ignore_ascii_case(known.as_bytes()))
}

fn of_status(name: &str) -> Option<SignalType> {
    Some(match name.parse::<u16>().ok()? {
        429 => SignalType::RateLimit,
        408 | 504 => SignalType::Timeout,
        500..600 => SignalType::ApiError,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_first_and_words_where_they_do_not() {
        use SignalType::{ApiError, ContextOverflow, MalformedResponse, Network, RateLimit, Timeout};
        for (name, words, expected) in [
            ("429", "Rate limit reached", Some(RateLimit)),
            ("openai.RateLimitError", "", Some(RateLimit)),
            ("APITimeoutError", "", Some(Timeout)),
            ("openai.APIConnectionError", "", Some(Network)),
            ("503", "", Some(ApiError)),
            ("upstream_5xx", "", Some(ApiError)),
            ("invalid_response", "", Some(MalformedResponse)),
            (
                "",
                "Error code: 429 - {'message': 'Too many requests'}",
                Some(RateLimit),
            ),
            ("_OTHER", "Connection error.", Some(Network)),
            (
                "400",
                "This model's maximum context length is 8192 tokens.",
                Some(ContextOverflow),
            ),
            // The caller's own.
            ("400", "rate limit must be a number", None),
            ("upstream_4xx", "the upstream answered with 400", None),
            ("openai.AuthenticationError", "Incorrect API key provided", None),
            ("CancelledError", "", None),
            ("ValueError", "no such city", None),
            ("", "", None),
        ] {
            let failure = ModelFailure {
                names: [name, ""],
                words: [words, ""],
            };
            assert_eq!(failure.kind(), expected, "{name} {words}");
        }
    }
}
