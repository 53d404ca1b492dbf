//! The user gives up, leaves, or goes elsewhere.

use super::{Detector, Finding, Memory, Observed};
use crate::signals::kind::SignalType;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::Quit,
    find,
};

fn find(observed: &Observed<'_>, _memory: &mut Memory) -> Option<Finding> {
    observed.phrase(SignalType::Quit)
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
                "never mind",
                "nvm",
                "forget it",
                "I give up",
                "I'll just do it myself",
                "I'm done with this",
                "don't bother",
                "cancel everything, I'm leaving",
            ],
        );
    }

    #[test]
    fn false_friends_do_not() {
        silent(
            KIND,
            &[
                "Write a story where the hero says forget it",
                "Translate 'I give up' to French",
                "I'm done with the form, what next?",
                "when should I give up?",
                "I won't give up",
                "I quit my job",
                "I quit smoking last week",
                "I gave up my seat",
                "whatever",
                "what is never mind in spanish",
                "I give up smoking tomorrow",
                "how do I quit vim",
            ],
        );
    }
}
