//! A tool could not reach what it needs.

use super::outcome::Cause;
use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::Network,
    find,
};

/// How a failing result says so.
pub(super) const CAUSE: Cause = Cause {
    kind: SignalType::Network,
    words: &[
        "connection refused",
        "connection reset",
        "connection aborted",
        "connection closed",
        "connection error",
        "connectionerror",
        "connecterror",
        "econnrefused",
        "econnreset",
        "enotfound",
        "eai_again",
        "ehostunreach",
        "getaddrinfo",
        "name or service not known",
        "name resolution",
        "could not resolve host",
        "network is unreachable",
        "network error",
        "no route to host",
        "host unreachable",
        "socket hang up",
        "failed to connect",
        "could not connect",
        "unable to connect",
        "cannot connect",
        "ssl",
        "certificate verify failed",
        "remote end closed connection",
        "broken pipe",
    ],
    statuses: &[],
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.failure(SignalType::Network)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::check_results;

    #[test]
    fn results_that_say_so_fire_and_others_do_not() {
        let fires = [
            "requests.exceptions.ConnectionError: HTTPConnectionPool: Max retries exceeded",
            "Error: connect ECONNREFUSED 127.0.0.1:5432",
            "curl: (6) Could not resolve host: example.invalid",
        ];
        let silent = [r#"{"topic":"connection refused","answers":3}"#];
        check_results(DETECTOR.kind, &fires, &silent);
    }
}
