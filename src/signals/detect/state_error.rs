//! What the agent asked for is not possible as things stand: sold out, closed, already done.

use super::outcome::Cause;
use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::StateError,
    find,
};

/// How a failing result says so.
pub(super) const CAUSE: Cause = Cause {
    kind: SignalType::StateError,
    words: &[],
    statuses: &[409, 410, 412, 423, 428],
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.failure(SignalType::StateError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::check_results;

    #[test]
    fn results_that_say_so_fire_and_others_do_not() {
        let fires = [
            "Error: flight HAT030 not available on date 2024-05-13",
            r#"{"ok": false, "reason": "the account is closed"}"#,
            "Error: gift card balance is not enough",
            "Failed to cancel the order: it has been shipped",
        ];
        let silent = [
            r#"{"available": false, "seats": 0}"#,
            "Sold out since May, the band says.",
            "Transfer successful",
            "",
        ];
        check_results(DETECTOR.kind, &fires, &silent);
    }
}
