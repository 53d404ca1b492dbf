//! The agent gave a tool arguments that it cannot take, or that name nothing.

use super::outcome::Cause;
use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::InvalidArgs,
    find,
};

/// How a failing result says so.
pub(super) const CAUSE: Cause = Cause {
    kind: SignalType::InvalidArgs,
    words: &[
        "invalid argument",
        "invalid parameter",
        "invalid input",
        "invalid value",
        "invalid type",
        "invalid format",
        "invalid date",
        "invalid id",
        "invalid request",
        "invalid arguments",
        "invalid params",
        "missing required",
        "missing argument",
        "missing parameter",
        "is required",
        "are required",
        "required property",
        "required field",
        "required parameter",
        "must be",
        "must have",
        "must match",
        "should be",
        "validation",
        "typeerror",
        "valueerror",
        "keyerror",
        "attributeerror",
        "indexerror",
        "bad request",
        "unexpected keyword",
        "unexpected argument",
        "unrecognized argument",
        "out of range",
        "is not a valid",
        "not valid",
        "cannot be empty",
        "may not be empty",
        "does not match",
        "unprocessable",
        "not found",
        "does not exist",
        "doesn't exist",
        "no such file",
        "enoent",
        "filenotfounderror",
        "no user with",
        "unknown user",
        "unknown id",
        "unknown option",
        "cannot find",
        "could not find",
        "couldn't find",
    ],
    statuses: &[400, 404, 405, 406, 411, 414, 415, 422],
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.failure(SignalType::InvalidArgs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::check_results;

    #[test]
    fn results_that_say_so_fire_and_others_do_not() {
        let fires = [
            r#"{"error":"order_id must be an integer"}"#,
            "Error: payment method certificate_1 not found",
            "Error: payment method not found",
            "TypeError: search() missing 1 required positional argument: 'query'",
            r#"{"isError": true, "content": [{"type": "text", "text": "Invalid date: 2024-13-40"}]}"#,
        ];
        let silent = [
            r#"{"must_be": "signed"}"#,
            "The file was not found guilty of anything.",
            r#"{"error": null, "required": true}"#,
        ];
        check_results(DETECTOR.kind, &fires, &silent);
    }
}
