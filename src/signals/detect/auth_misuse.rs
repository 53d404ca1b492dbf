//! The agent called a tool without the right to do so, or with a wrong key.

use super::outcome::Cause;
use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::AuthMisuse,
    find,
};

/// How a failing result says so.
pub(super) const CAUSE: Cause = Cause {
    kind: SignalType::AuthMisuse,
    words: &[
        "unauthorized",
        "unauthorised",
        "unauthenticated",
        "forbidden",
        "permission denied",
        "access denied",
        "not authorized",
        "not authorised",
        "authentication",
        "invalid api key",
        "incorrect api key",
        "invalid token",
        "token expired",
        "expired token",
        "invalid credentials",
        "bad credentials",
        "insufficient permission",
        "insufficient scope",
        "insufficient privilege",
        "not permitted",
        "login required",
        "not logged in",
        "permissionerror",
        "eacces",
        "eperm",
    ],
    statuses: &[401, 403, 407],
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.failure(SignalType::AuthMisuse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::check_results;

    #[test]
    fn results_that_say_so_fire_and_others_do_not() {
        let fires = [
            r#"{"error":{"status":401,"message":"Invalid API key provided"}}"#,
            "Permission denied: /etc/shadow",
            "403 Forbidden",
        ];
        let silent = [r#"{"user":"root","permission":"denied by default"}"#];
        check_results(DETECTOR.kind, &fires, &silent);
    }
}
