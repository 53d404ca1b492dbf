//! What a tool or a model was given, or gave, is too long for the model.

use super::outcome::Cause;
use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::ContextOverflow,
    find,
};

/// How a failing result says so.
pub(super) const CAUSE: Cause = Cause {
    kind: SignalType::ContextOverflow,
    words: &[
        "context length",
        "context window",
        "context_length_exceeded",
        "maximum context",
        "token limit",
        "too many tokens",
        "maximum number of tokens",
        "prompt is too long",
        "input is too long",
        "exceeds the maximum length",
    ],
    statuses: &[],
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.failure(SignalType::ContextOverflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::check_results;

    #[test]
    fn results_that_say_so_fire_and_others_do_not() {
        let fires = [
            "Error: This model's maximum context length is 8192 tokens",
            r#"{"error":{"code":"context_length_exceeded","message":"too long"}}"#,
        ];
        let silent = [r#"{"model":"x","context_length":8192}"#];
        check_results(DETECTOR.kind, &fires, &silent);
    }
}
