//! What a tool got back could not be read.

use super::outcome::Cause;
use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::MalformedResponse,
    find,
};

/// How a failing result says so.
pub(super) const CAUSE: Cause = Cause {
    kind: SignalType::MalformedResponse,
    words: &[
        "jsondecodeerror",
        "unexpected end of json",
        "unexpected token",
        "unexpected end of input",
        "expecting value: line",
        "could not parse response",
        "failed to parse response",
        "cannot parse response",
        "invalid json response",
        "malformed response",
        "invalid response",
        "could not decode",
        "unicodedecodeerror",
    ],
    statuses: &[],
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.failure(SignalType::MalformedResponse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::check_results;

    #[test]
    fn results_that_say_so_fire_and_others_do_not() {
        let fires = [
            "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
            "Error: Unexpected token < in JSON at position 0",
        ];
        let silent = [r#"{"docs":"JSONDecodeError is raised when the text is no JSON"}"#];
        check_results(DETECTOR.kind, &fires, &silent);
    }
}
