//! The user did not understand the answer, or asks for it again.

use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::Clarification,
    find,
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.phrase(SignalType::Clarification)
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
                "I don't understand",
                "what do you mean",
                "huh?",
                "Could you clarify?",
                "please repeat that",
                "i didn't catch that",
            ],
        );
    }

    #[test]
    fn false_friends_do_not() {
        silent(
            KIND,
            &[
                "Why?",
                "what is this",
                "why is that",
                "do you understand French",
                "repeat customers get a discount",
                "I understand",
            ],
        );
    }
}
