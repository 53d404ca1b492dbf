//! A tool took too long.

use super::outcome::Cause;
use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::Timeout,
    find,
};

/// How a failing result says so.
pub(super) const CAUSE: Cause = Cause {
    kind: SignalType::Timeout,
    words: &[
        "timed out",
        "timeout",
        "time-out",
        "time out",
        "deadline exceeded",
        "etimedout",
        "took too long",
    ],
    statuses: &[408, 504, 524],
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.failure(SignalType::Timeout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::check_results;

    #[test]
    fn results_that_say_so_fire_and_others_do_not() {
        let fires = [
            "Error: Request timed out after 30 seconds",
            r#"{"success": false, "message": "deadline exceeded"}"#,
            "TimeoutError: page.goto: Timeout 30000ms exceeded",
        ];
        let silent = [
            r#"{"timeout": 30, "retries": 2}"#,
            "The talks timed out in 1998 and went on a year later.",
        ];
        check_results(DETECTOR.kind, &fires, &silent);
    }
}
