//! The user asks for a human, for support or for a supervisor.

use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::Escalation,
    find,
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.phrase(SignalType::Escalation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::{fires, silent};

    const KIND: SignalType = DETECTOR.kind;

    #[test]
    fn phrases_that_mean_it_fire() {
        fires(
            KIND,
            &[
                "I want to talk to a human",
                "agent please",
                "Let me speak to your manager",
                "can you transfer me to a representative",
                "SPEAK TO SOMEONE",
                "why can't I talk to a real person",
                "I don't want to talk to a bot",
                "is there a human I can talk to",
            ],
        );
    }

    #[test]
    fn false_friends_do_not() {
        silent(
            KIND,
            &[
                "I don't want to talk to a human",
                "Should I talk to a doctor?",
                "talk to me about Rust",
                "I want to speak to a native speaker",
                "call me",
                "my travel agent booked it",
                "let me speak to the manager of the store in my story",
                "my manager is on holiday",
                "he said he wants to speak to a manager",
                "human_agent = 1",
                "How do I write a manager class that talks to customer support APIs",
            ],
        );
    }
}
