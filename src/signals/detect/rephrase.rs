//! The user says the same request again in other words, or says that they rephrase. Compares the content words of a user turn
//! with those of the one before, and with no other: a request in which content was exchanged ("Paris", then "London") is a
//! new one.

use super::{Detector, Finding, Memory, Observed};
use crate::signals::conversation::Role;
use crate::signals::kind::SignalType;
use crate::signals::report::{Detail, as_f64};
use crate::signals::steps::counted;
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

/// The content words of the user turn before, and space for those of the turn at hand.
#[derive(Debug, Default)]
pub(super) struct Request {
    before: Content,
    current: Content,
    answered: bool,
}

/// The content words of the latest user turn, and whether it was answered.
#[derive(Debug, Default, Clone)]
pub(super) struct Saved {
    before: Content,
    answered: bool,
}

/// Hashes of content words, and a bit for each of them.
#[derive(Debug, Default, Clone)]
struct Content {
    words: Vec<u32>,
    bits: [u64; 4],
}

impl Request {
    /// Forgets the requests and keeps the space.
    pub(super) fn clear(&mut self) {
        self.before.clear();
        self.answered = false;
    }

    pub(super) fn save(&self) -> Saved {
        Saved {
            before: self.before.clone(),
            answered: self.answered,
        }
    }

    pub(super) fn load(&mut self, saved: &Saved) {
        self.before.words.clone_from(&saved.before.words);
        self.before.bits = saved.before.bits;
        self.answered = saved.answered;
    }
}

impl Saved {
    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.before.words.capacity() * size_of::<u32>()
    }
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
        overlap(&mut request.before, &mut request.current)
    } else {
        None
    };
    std::mem::swap(&mut request.before, &mut request.current);
    request.answered = false;
    observed.phrase(SignalType::Rephrase).or_else(|| {
        let share = overlap?;
        let metadata = vec![("overlap", Detail::Number(share))];
        Some(Finding {
            confidence: CONFIDENCE,
            snippet: None,
            metadata,
        })
    })
}

fn content_words(observed: &Observed<'_>, content: &mut Content) {
    content.clear();
    let Words { tokens, .. } = observed.words;
    // Written first and kept by the count: whether a word carries content cannot be foretold by a processor.
    content.words.resize(MOST, 0);
    let mut count = 0;
    for token in counted(tokens) {
        let long = (token.end - token.start > 2) | token.has(NUMBER);
        let carries = !token.has(CONTINUED) & long & !observed.lexicon.is_function_word(token.symbol);
        content.words[count] = token.hash;
        content.bits[(token.hash >> 30) as usize] |= u64::from(carries) << (token.hash >> 24 & 63);
        count += usize::from(carries);
        if count == MOST {
            break;
        }
    }
    content.words.truncate(count);
}

impl Content {
    fn clear(&mut self) {
        self.words.clear();
        self.bits = [0; 4];
    }

    /// Whether each word may be among the other's.
    fn may_be_within(&self, other: &Self) -> bool {
        self.bits
            .iter()
            .zip(&other.bits)
            .all(|(mine, other)| mine & !other == 0)
    }

    fn sort(&mut self) {
        self.words.sort_unstable();
        self.words.dedup();
    }
}

/// The share of common words, where it makes the second request the first one again: no content was exchanged, so one holds
/// all words of the other.
fn overlap(before: &mut Content, now: &mut Content) -> Option<f64> {
    if !before.may_be_within(now) && !now.may_be_within(before) {
        return None;
    }
    before.sort();
    now.sort();
    let (before, now) = (&before.words, &now.words);
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
