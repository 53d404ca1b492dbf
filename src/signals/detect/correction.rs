//! The user corrects or negates what the assistant understood.

use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::Correction,
    find,
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.phrase(SignalType::Correction)
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
                "no I meant Boston",
                "that's not what I asked",
                "I said blue not red",
                "wrong city",
                "That is incorrect",
                "no, it was supposed to be Monday",
                "but that's not what I need",
                "actually, make it Tuesday",
            ],
        );
    }

    #[test]
    fn false_friends_do_not() {
        silent(
            KIND,
            &[
                "no, I want the blue one",
                "No, I don't have one",
                "what is wrong with my car",
                "I meant well",
                "is this correct?",
                "No, it wasn't made in the last 24 hours",
                "I thought I paid for it, but it's not showing up online",
                "\"that is wrong\" she wrote",
            ],
        );
    }
}
