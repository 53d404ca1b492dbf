//! The lexicons: phrases by type as data, compiled into one automaton over words, and the guards that decide whether a match
//! means what it says. Promises that a phrase matches whole words in order, outside quotation and code, in the user's own
//! voice. Refuses phrases that may be empty, unknown types, unknown sets and unknown fields, each with file and place.

mod automaton;
mod compile;
mod file;
mod minimize;
mod pattern;
mod subset;

use automaton::Automaton;
pub(super) use compile::Fault;
use file::{Cue, Guard, Place};
pub(super) use file::{LANGUAGES, shipped};

use super::kind::SignalType;
use super::steps::{counted, took};
use super::text::{self, AFTER_COMMA, AFTER_STOP, Vocabulary, Words};

/// Words looked at before a match for a negation.
const NEGATION_REACH: usize = 5;
/// Words looked at before a match for a condition or for somebody else's speech.
const CUE_REACH: usize = 4;
/// Words looked at beside a phrase for where its clause starts or ends.
const CLAUSE_REACH: usize = 16;
/// Matches kept of one message; a message with more repeats itself.
const MOST_HITS: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Signal(SignalType),
    Neutral,
    Mention,
    MentionBehind,
}

#[derive(Debug, PartialEq)]
struct Entry {
    target: Target,
    confidence: f64,
    place: Place,
    at_start: bool,
    guards: Vec<Guard>,
}

/// A phrase found in a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) kind: SignalType,
    pub(super) confidence: f64,
    /// First word, and one past the last.
    pub(super) words: (usize, usize),
}

#[derive(Debug, Clone, Copy)]
struct Match {
    target: Target,
    confidence: f64,
    first: usize,
    last: usize,
    /// The sentence that its first word is in, counted from the start of the message.
    sentence: usize,
}

/// Reusable space for the matches of one message.
#[derive(Debug, Default)]
pub(super) struct Hits {
    candidates: Vec<usize>,
    matches: Vec<Match>,
    /// The first and the last word that say something by themselves, once that was asked.
    content: Option<(usize, usize)>,
    pub(super) found: Vec<Hit>,
}

impl Hits {
    pub(super) fn clear(&mut self) {
        self.found.clear();
    }
}

/// All phrases of all languages, compiled.
#[derive(Debug)]
pub(super) struct Lexicon {
    vocabulary: Vocabulary,
    automaton: Automaton,
    entries: Vec<Entry>,
    cues: Vec<u16>,
}

impl Lexicon {
    pub(super) fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn is(&self, symbol: u32, cue: Cue) -> bool {
        self.cues[symbol as usize] & cue.bit() != 0
    }

    /// Whether a word carries no content of its own.
    pub(super) fn is_function_word(&self, symbol: u32) -> bool {
        self.is(symbol, Cue::Function)
    }

    /// Whether a message holds a negation.
    pub(super) fn negates(&self, words: &Words) -> bool {
        words.tokens.iter().any(|token| self.is(token.symbol, Cue::Negation))
    }

    /// Finds the phrases of a message that mean what they say.
    pub(super) fn find(&self, words: &Words, hits: &mut Hits) {
        hits.matches.clear();
        hits.found.clear();
        hits.content = None;
        let tokens = &words.tokens;
        self.candidates(tokens, &mut hits.candidates);
        let (mut sentence, mut numbered) = (0, 0);
        for at in 0..hits.candidates.len() {
            let first = hits.candidates[at];
            sentence += counted(&tokens[numbered..=first])
                .filter(|token| token.has(AFTER_STOP))
                .count();
            numbered = first + 1;
            let rest = counted(&tokens[first..])
                .enumerate()
                .take_while(|(at, token)| *at == 0 || !token.has(AFTER_STOP));
            let ends = |length| self.ends_clause(words, first + length);
            self.automaton
                .matches(rest.map(|(_, token)| token.symbol), ends, |entry, length| {
                    let entry = &self.entries[entry as usize];
                    let last = first + length;
                    if hits.matches.len() < MOST_HITS && self.holds(entry, words, first, last, &mut hits.content) {
                        hits.matches.push(Match {
                            target: entry.target,
                            confidence: entry.confidence,
                            first,
                            last,
                            sentence,
                        });
                    }
                });
        }
        for at in 0..hits.matches.len() {
            let found = hits.matches[at];
            if let Target::Signal(kind) = found.target
                && !counted(&hits.matches).any(|other| hides(other, &found))
            {
                hits.found.push(Hit {
                    kind,
                    confidence: found.confidence,
                    words: (found.first, found.last),
                });
            }
        }
    }

    /// Words at which a phrase may begin. Most words begin none: they are passed over without a branch.
    fn candidates(&self, tokens: &[text::Token], candidates: &mut Vec<usize>) {
        took(tokens.len());
        candidates.resize(tokens.len(), 0);
        let mut count = 0;
        for (first, token) in tokens.iter().enumerate() {
            let next = tokens.get(first + 1).filter(|next| !next.has(AFTER_STOP));
            candidates[count] = first;
            let begins = self
                .automaton
                .may_begin(token.symbol, next.map_or(automaton::END, |next| next.symbol));
            count += usize::from(begins);
        }
        candidates.truncate(count);
    }

    fn holds(
        &self,
        entry: &Entry,
        words: &Words,
        first: usize,
        last: usize,
        content: &mut Option<(usize, usize)>,
    ) -> bool {
        let mut is_whole = || {
            let (begin, end) = *content.get_or_insert_with(|| self.content(words));
            first <= begin && end <= last
        };
        (entry.place == Place::Anywhere || is_whole())
            && (!entry.at_start || self.starts_clause(words, first))
            && !entry.guards.iter().any(|guard| match guard {
                Guard::Negated => self.is_negated(words, first),
                Guard::Hypothetical => self.cue_before(words, first, Cue::Hypothetical),
                Guard::Reported => self.cue_before(words, first, Cue::Reporting),
            })
    }

    /// The stretch of a message from the first word that says something by itself to behind the last one; where there is none, one
    /// that every phrase covers.
    fn content(&self, words: &Words) -> (usize, usize) {
        let says = |token: &text::Token| !self.is(token.symbol, Cue::Lead) && !self.is(token.symbol, Cue::Tail);
        let tokens = &words.tokens;
        let begin = counted(tokens).position(says).unwrap_or(tokens.len());
        (begin, tokens.iter().rposition(says).map_or(0, |last| last + 1))
    }

    fn starts_clause(&self, words: &Words, first: usize) -> bool {
        counted((0..=first).rev().take(CLAUSE_REACH))
            .find(|&at| words.tokens[at].has(AFTER_COMMA | AFTER_STOP) || !self.leads(words, at))
            .is_some_and(|at| at == 0 || words.tokens[at].has(AFTER_COMMA | AFTER_STOP))
    }

    /// Whether the word before `at` may stand before a phrase that starts a clause.
    fn leads(&self, words: &Words, at: usize) -> bool {
        at > 0 && self.is(words.tokens[at - 1].symbol, Cue::Lead)
    }

    fn ends_clause(&self, words: &Words, last: usize) -> bool {
        let rest = &words.tokens[last..];
        let ends = |token: &text::Token| token.has(AFTER_COMMA | AFTER_STOP) || self.is(token.symbol, Cue::Opener);
        counted(rest.iter().take(CLAUSE_REACH))
            .find(|token| ends(token) || !self.is(token.symbol, Cue::Tail))
            .map_or(rest.len() <= CLAUSE_REACH, ends)
    }

    /// The words before `first` in the same clause, nearest first.
    fn before(words: &Words, first: usize, reach: usize) -> impl Iterator<Item = usize> {
        let starts = move |at: &usize| !words.tokens[*at + 1].has(AFTER_COMMA | AFTER_STOP);
        counted((0..first).rev().take(reach)).take_while(starts)
    }

    fn is_negated(&self, words: &Words, first: usize) -> bool {
        let symbol = |at: usize| words.tokens[at].symbol;
        Self::before(words, first, NEGATION_REACH).any(|at| {
            let taken = self.is(symbol(at + 1), Cue::Unnegated)
                || (at.saturating_sub(2)..at).any(|before| self.is(symbol(before), Cue::Rhetorical));
            self.is(symbol(at), Cue::Negation) && !taken
        })
    }

    fn cue_before(&self, words: &Words, first: usize, cue: Cue) -> bool {
        Self::before(words, first, CUE_REACH).any(|at| self.is(words.tokens[at].symbol, cue))
    }
}

/// Whether `other` takes the meaning from `found`: a longer phrase around it, a false friend that shares a word, or a mention
/// in the same sentence, on the side where mentions of its kind stand.
fn hides(other: &Match, found: &Match) -> bool {
    let around = other.first <= found.first && found.last <= other.last;
    let longer = other.last - other.first > found.last - found.first;
    let one_sentence = other.sentence == found.sentence;
    match other.target {
        Target::Neutral => other.first < found.last && found.first < other.last,
        Target::Signal(_) => around && longer && other.target != found.target,
        Target::Mention => other.first < found.first && one_sentence,
        Target::MentionBehind => found.first < other.first && one_sentence,
    }
}

#[cfg(test)]
mod languages;
#[cfg(test)]
mod tests;
