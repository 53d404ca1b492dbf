//! The service behind a tool failed: its fault, not the agent's.

use super::outcome::Cause;
use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::ApiError,
    find,
};

/// How a failing result says so.
pub(super) const CAUSE: Cause = Cause {
    kind: SignalType::ApiError,
    words: &[
        "internal server error",
        "internal error",
        "server error",
        "service unavailable",
        "service is unavailable",
        "bad gateway",
        "temporarily unavailable",
        "currently unavailable",
        "overloaded",
        "upstream",
        "try again later",
        "under maintenance",
        "something went wrong",
        "unexpected error",
        "unknown error",
        "an error occurred",
    ],
    statuses: &[500, 502, 503, 520, 521, 522, 523, 529],
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.failure(SignalType::ApiError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::check_results;

    #[test]
    fn results_that_say_so_fire_and_others_do_not() {
        let fires = [
            "Error: 500 Internal Server Error",
            r#"{"error": {"code": 503, "message": "Service Unavailable"}}"#,
            "HTTP/1.1 502 Bad Gateway",
            r#"{"status":"error","message":"Something went wrong"}"#,
        ];
        let silent = [
            r#"{"title": "Internal server error handling in Rust", "pages": 12}"#,
            "The service was unavailable in May, says the report.",
        ];
        check_results(DETECTOR.kind, &fires, &silent);
    }
}
