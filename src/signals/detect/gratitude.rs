//! The user thanks.

use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::Gratitude,
    find,
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.phrase(SignalType::Gratitude)
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
                "Thanks!",
                "thx",
                "thank you so much",
                "I really appreciate your help",
                "You're a lifesaver",
                "thank youuuu",
            ],
        );
    }

    #[test]
    fn false_friends_do_not() {
        silent(
            KIND,
            &[
                "No thanks",
                "write a thank you note",
                "thanks to my boss we are late",
                "thanks for nothing",
                "Thank you for nothing",
                "how do I say thank you in Korean",
            ],
        );
    }
}
