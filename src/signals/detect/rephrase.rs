//! The user says the same request again in other words, or says that they rephrase. Compares the content words of a user turn
//! with those of the one before, and with no other: a request in which content was exchanged ("Paris", then "London") is a
//! new one.

use super::{Detector, Finding, Memory, Observed};
use crate::signals::conversation::Role;
use crate::signals::kind::SignalType;
use crate::signals::report::{Detail, as_f64};
use crate::signals::text::{CONTINUED, NUMBER, Words};

/// Content words that both requests must share.
const COMMON: usize = 3;
/// Content words that suffice where both requests have the same.
const SAME: usize = 2;
/// Least share of common words among all of both.
const OVERLAP: f64 = 0.6;
/// Content words looked at; a longer message is a document.
const MOST: usize = 64;
/// How sure an overlap is; saying so is a phrase's.
const CONFIDENCE: f64 = 0.7;

pub(super) const DETECTOR: Detector = Detector {
    kind: SignalType::Rephrase,
    find,
};

/// Hashes of the content words of the user turn before, sorted.
#[derive(Debug, Default)]
pub(super) struct Request {
    words: Vec<u32>,
    current: Vec<u32>,
    answered: bool,
}

fn find(observed: &Observed<'_>, memory: &mut Memory) -> Option<Finding> {
    let request = &mut memory.request;
    if observed.is(Role::Assistant) {
        request.answered = true;
    }
    if !observed.is(Role::User) {
        return None;
    }
    content_words(observed, &mut request.current);
    let overlap = if request.answered {
        overlap(&request.words, &request.current)
    } else {
        None
    };
    std::mem::swap(&mut request.words, &mut request.current);
    request.answered = false;
    observed.phrase(SignalType::Rephrase).or_else(|| {
        let metadata = vec![("overlap", Detail::Number(overlap?))];
        Some(Finding {
            confidence: CONFIDENCE,
            snippet: None,
            metadata,
        })
    })
}

fn content_words(observed: &Observed<'_>, content: &mut Vec<u32>) {
    content.clear();
    let Words { tokens, .. } = observed.words;
    let carries = |token: &&crate::signals::text::Token| {
        !token.has(CONTINUED)
            && !observed.lexicon.is_function_word(token.symbol)
            && (token.end - token.start > 2 || token.has(NUMBER))
    };
    content.extend(tokens.iter().filter(carries).take(MOST).map(|token| token.hash));
    content.sort_unstable();
    content.dedup();
}

/// The share of common words, where it makes the second request the first one again.
fn overlap(before: &[u32], now: &[u32]) -> Option<f64> {
    let common = now.iter().filter(|word| before.binary_search(word).is_ok()).count();
    let (gone, come) = (before.len() - common, now.len() - common);
    let share = as_f64(common) / as_f64((common + gone + come).max(1));
    let exchanged = gone > 0 && come > 0;
    let enough = common >= COMMON || (common >= SAME && gone + come == 0);
    (enough && share >= OVERLAP && !exchanged).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::detect::tests::{fires, indexes, silent};

    fn check(first: &str, second: &str, expected: bool) {
        let found = indexes(
            DETECTOR.kind,
            &[("u", first), ("a", "Could you say more?"), ("u", second)],
        );
        assert_eq!(found, if expected { vec![2] } else { vec![] }, "{first} / {second}");
    }

    #[test]
    fn the_same_request_in_other_words_fires() {
        check(
            "I want to book a flight to Paris tomorrow",
            "please book me a flight to paris for tomorrow",
            true,
        );
        check("Where is my order 1234?", "where is my order 1234", true);
        check(
            "reset the password of my account",
            "can you reset the account password",
            true,
        );
    }

    #[test]
    fn exchanged_content_short_answers_and_additions_do_not() {
        check(
            "Book a flight to Paris tomorrow morning",
            "Book a flight to London tomorrow morning",
            false,
        );
        check("yes", "yes", false);
        check("status of order 1234 please", "status of order 1235 please", false);
        check(
            "Where is my order?",
            "And how do I change the address of my second order?",
            false,
        );
    }

    #[test]
    fn an_unanswered_message_sent_twice_is_no_rephrase() {
        let twice = [
            ("u", "reset the password of my account"),
            ("u", "reset the password of my account"),
        ];
        assert!(indexes(DETECTOR.kind, &twice).is_empty());
    }

    #[test]
    fn saying_so_fires() {
        fires(
            DETECTOR.kind,
            &[
                "let me rephrase that",
                "What I'm trying to say is that it is blue",
                "in other words, cancel it",
            ],
        );
        silent(
            DETECTOR.kind,
            &[
                "Rephrase this paragraph for me",
                "can you reword my email",
                "how do I rephrase a question",
            ],
        );
    }
}
