//! The user approves.

use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::Confirmation,
    find,
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.phrase(SignalType::Confirmation)
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
                "perfect",
                "This is great",
                "got it",
                "awesome",
                "sounds good",
                "👍",
                "great, another idea please",
                "perfect, now it works",
            ],
        );
    }

    #[test]
    fn false_friends_do_not() {
        silent(
            KIND,
            &[
                "perfect storm",
                "Tell me about the perfect storm",
                "what is a good restaurant",
                "is this good?",
                "great wall of china",
                "that is not good",
                "great, another error",
                "perfect, now it's even worse",
                "oh wonderful, it deleted my files",
                "great, it broke again",
            ],
        );
    }
}
