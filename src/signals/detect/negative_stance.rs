//! Complaint, insult or profanity at the assistant, and shouting. Capitals and marks count only together with a second sign or
//! where they are new in the user's voice: some people always write in capitals, and many are glad with three marks.

use super::{Detector, Finding, Memory, Observed};
use crate::signals::conversation::Role;
use crate::signals::kind::{Category, SignalType};
use crate::signals::report::Detail;
use crate::signals::text::Shape;

/// Marks in a row that are shouting.
const MARKS: u32 = 3;
/// Words in capitals that are shouting.
const CAPITALS: u32 = 3;
/// How sure shouting is; what is said weighs more.
const CONFIDENCE: f64 = 0.6;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::NegativeStance,
    find,
};

/// How the user wrote before.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Voice {
    /// A turn in ordinary letters.
    spoke: bool,
}

fn find(observed: &Observed<'_>, memory: &mut Memory) -> Option<Finding> {
    if !observed.is(Role::User) {
        return None;
    }
    let shape = observed.words.shape;
    let spoke = memory.voice.spoke;
    memory.voice.spoke |= shape.lower > shape.capitals;
    observed
        .phrase(SignalType::NegativeStance)
        .or_else(|| shouting(observed, shape, spoke))
}

fn shouting(observed: &Observed<'_>, shape: Shape, spoke: bool) -> Option<Finding> {
    if observed
        .hits
        .iter()
        .any(|hit| hit.kind.category() == Category::Satisfaction)
    {
        return None;
    }
    let capitals = shape.capitals >= CAPITALS && shape.lower * 4 <= shape.capitals;
    let negated = shape.bangs > 0 && observed.lexicon.negates(observed.words);
    let shouted = (shape.questions >= MARKS && (spoke || negated || capitals))
        || (shape.bangs >= MARKS && (negated || capitals))
        || (capitals && (spoke || negated));
    shouted.then(|| Finding {
        confidence: CONFIDENCE,
        snippet: None,
        metadata: vec![("marks", Detail::Number(f64::from(shape.bangs.max(shape.questions))))],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::{fires, indexes, silent};

    const KIND: SignalType = DETECTOR.kind;

    #[test]
    fn complaints_insults_and_anger_fire() {
        fires(
            KIND,
            &[
                "This is useless",
                "you are sooo useless",
                "th1s is us3less",
                "ＴＨＩＳ　ＩＳ　ＵＳＥＬＥＳＳ",
                "you're not listening",
                "I've asked this three times already",
                "Still wrong",
                "thanks, but it still fails",
                "ugh",
                "\u{1F621}",
                "I am frustrated",
                "stupid bot",
                "you don't understand",
                "it's not working",
                "it still doesn't work!",
                "Thank you for nothing",
                "I hate this bot",
                "I hate it",
                "wtf is this",
            ],
        );
    }

    #[test]
    fn other_objects_quotation_and_code_do_not() {
        silent(
            KIND,
            &[
                "my boss is useless",
                "what does 'you are useless' mean",
                "translate you idiot to German",
                "My printer isn't working, can you help?",
                "the login button still doesn't work after the update",
                "this isn't useless",
                "he says this is ridiculous",
                "```\nthis is useless\n```",
                "Is this useless?",
                "I hate it when it rains",
                "I hate this song",
                "wtf does WTF mean",
                "this is sick!!",
                "\u{1F621}\u{1F621} emoji meaning?",
                "it's not working with my printer, how do I fix that?",
                "If you don't understand, ask.",
            ],
        );
    }

    #[test]
    fn shouting_wants_a_second_sign() {
        fires(KIND, &["WHY IS THIS STILL NOT FIXED!!", "I did not order this!!!"]);
        silent(
            KIND,
            &[
                "MY ORDER NUMBER IS WXYZABCDEF",
                "SELECT NAME, ADDRESS FROM CUSTOMERS WHERE ACTIVE",
                "wow!!! amazing",
                "Hello!!!",
                "why is the sky blue???",
                "why is the sky blue???",
                "Is 4 factorial written 4!! or 4!?",
                "let value = a ??? b;",
            ],
        );
        for shouted in ["TELL ME WHERE IT IS", "so where is it???"] {
            assert_eq!(
                indexes(
                    KIND,
                    &[("u", "where is my order"), ("a", "On its way."), ("u", shouted)]
                ),
                [2]
            );
        }
    }
}
