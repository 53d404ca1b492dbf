//! What can go wrong with a request, in the words of `error.type`. One list, so that spans, retries and metrics say the same.

/// A class of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorType {
    /// The upstream, or a client with its body, took longer than it may.
    Timeout,
    /// No connection to the upstream, or one that broke before the answer began.
    Connect,
    /// The upstream refused the request (4xx other than 429).
    Upstream4xx,
    /// The upstream failed (5xx).
    Upstream5xx,
    /// The upstream has had too many requests (429), or the client used up a rate limit here.
    RateLimited,
    /// The upstream answered what is no answer: another protocol, no JSON, a redirect.
    InvalidResponse,
    /// The upstream's stream ended before its end.
    StreamInterrupted,
    /// The client went away.
    ClientCancelled,
    /// The client's request is wrong: no JSON, no model.
    InvalidRequest,
    /// The client's key is missing or wrong.
    Unauthorized,
    /// No such path.
    NotFound,
    /// No provider has that model.
    UnknownModel,
    /// The client's body is above the limit.
    TooLarge,
    /// A filter refused the request or the answer.
    FilterRejected,
    /// Agents call each other without end.
    AgentLoop,
    /// A fault of the gateway itself.
    Internal,
}

impl ErrorType {
    /// All of them.
    pub const ALL: [ErrorType; 16] = [
        ErrorType::Timeout,
        ErrorType::Connect,
        ErrorType::Upstream4xx,
        ErrorType::Upstream5xx,
        ErrorType::RateLimited,
        ErrorType::InvalidResponse,
        ErrorType::StreamInterrupted,
        ErrorType::ClientCancelled,
        ErrorType::InvalidRequest,
        ErrorType::Unauthorized,
        ErrorType::NotFound,
        ErrorType::UnknownModel,
        ErrorType::TooLarge,
        ErrorType::FilterRejected,
        ErrorType::AgentLoop,
        ErrorType::Internal,
    ];

    /// The value of `error.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorType::Timeout => "timeout",
            ErrorType::Connect => "connect",
            ErrorType::Upstream4xx => "upstream_4xx",
            ErrorType::Upstream5xx => "upstream_5xx",
            ErrorType::RateLimited => "rate_limited",
            ErrorType::InvalidResponse => "invalid_response",
            ErrorType::StreamInterrupted => "stream_interrupted",
            ErrorType::ClientCancelled => "client_cancelled",
            ErrorType::InvalidRequest => "invalid_request",
            ErrorType::Unauthorized => "unauthorized",
            ErrorType::NotFound => "not_found",
            ErrorType::UnknownModel => "unknown_model",
            ErrorType::TooLarge => "too_large",
            ErrorType::FilterRejected => "filter_rejected",
            ErrorType::AgentLoop => "agent_loop",
            ErrorType::Internal => "internal",
        }
    }

    /// What an upstream's status means; `None` for a success.
    pub fn of_upstream_status(status: u16) -> Option<ErrorType> {
        match status {
            200..300 => None,
            429 => Some(ErrorType::RateLimited),
            400..500 => Some(ErrorType::Upstream4xx),
            500..600 => Some(ErrorType::Upstream5xx),
            _ => Some(ErrorType::InvalidResponse),
        }
    }
}

/// A failure with its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure<'a> {
    /// `error.type`.
    pub kind: ErrorType,
    /// Status message and `error.message`; its first 1,024 bytes. Never message content. Empty: the word of the kind.
    pub message: &'a str,
}

/// How much of a message goes on a span, in bytes.
const MAX_MESSAGE: usize = 1024;

impl<'a> Failure<'a> {
    /// The message as it goes on a span.
    pub(super) fn shown_message(&self) -> &'a str {
        match &self.message[..self.message.floor_char_boundary(MAX_MESSAGE)] {
            "" => self.kind.as_str(),
            message => message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_one_meaning() {
        for (status, expected) in [
            (200, None),
            (204, None),
            (301, Some("invalid_response")),
            (400, Some("upstream_4xx")),
            (429, Some("rate_limited")),
            (503, Some("upstream_5xx")),
        ] {
            let word = ErrorType::of_upstream_status(status).map(ErrorType::as_str);
            assert_eq!(word, expected, "{status}");
        }
    }

    #[test]
    fn words_are_unique() {
        let words: std::collections::HashSet<&str> = ErrorType::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), ErrorType::ALL.len());
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let shown = |message: &str| {
            let kind = ErrorType::Timeout;
            Failure { kind, message }.shown_message().to_owned()
        };
        assert_eq!(shown(&format!("x{}", "é".repeat(600))).len(), 1023);
        assert_eq!(shown(""), "timeout");
    }
}
