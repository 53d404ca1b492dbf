//! A tool or model was asked too often.

use super::outcome::Cause;
use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::RateLimit,
    find,
};

/// How a failing result says so.
pub(super) const CAUSE: Cause = Cause {
    kind: SignalType::RateLimit,
    words: &[
        "rate limit",
        "rate-limit",
        "ratelimit",
        "rate_limit",
        "too many requests",
        "quota|",
        "quotas|",
        "throttl",
        "requests per minute",
    ],
    statuses: &[429],
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.failure(SignalType::RateLimit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::check_results;

    #[test]
    fn results_that_say_so_fire_and_others_do_not() {
        let fires = [
            r#"{"error":"Rate limit exceeded, retry in 20 s"}"#,
            "Error: 429 Too Many Requests",
            "ThrottlingException: Rate exceeded",
        ];
        let silent = [r#"{"plan":"pro","rate limit":"600 per minute"}"#];
        check_results(DETECTOR.kind, &fires, &silent);
    }
}
