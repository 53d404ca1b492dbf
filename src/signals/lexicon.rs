//! The lexicons: phrases by type as data, compiled into one automaton over words, and the guards that decide whether a match
//! means what it says. Promises that a phrase matches whole words in order, outside quotation and code, in the user's own
//! voice. Refuses phrases that may be empty, unknown types, unknown sets and unknown fields, each with file and place.

mod automaton;
mod minimize;
mod pattern;
mod subset;

use std::collections::BTreeMap;

use serde::Deserialize;

use automaton::{Automaton, Builder};
use pattern::Sets;

use super::kind::SignalType;
use super::steps::{counted, took};
use super::text::{self, AFTER_COMMA, AFTER_STOP, Vocabulary, Words};

/// Languages of the specification.
pub(super) const LANGUAGES: &[&str] = &["en", "de", "fr", "es", "pt", "zh", "ja", "ru"];
/// The lexicons that ship, by language.
const SHIPPED: &[(&str, &str)] = &[
    ("en", include_str!("lexicons/en.yaml")),
    ("de", include_str!("lexicons/de.yaml")),
    ("fr", include_str!("lexicons/fr.yaml")),
    ("es", include_str!("lexicons/es.yaml")),
    ("pt", include_str!("lexicons/pt.yaml")),
    ("zh", include_str!("lexicons/zh.yaml")),
    ("ja", include_str!("lexicons/ja.yaml")),
    ("ru", include_str!("lexicons/ru.yaml")),
];

/// Words looked at before a match for a negation.
const NEGATION_REACH: usize = 5;
/// Words looked at before a match for a condition or for somebody else's speech.
const CUE_REACH: usize = 4;
/// Words looked at beside a phrase for where its clause starts or ends.
const CLAUSE_REACH: usize = 16;
/// Matches kept of one message; a message with more repeats itself.
const MOST_HITS: usize = 64;
/// How sure a phrase is when its group does not say.
const CONFIDENCE: f64 = 0.9;

/// Words that change what stands beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Cue {
    /// "not", "never", "no".
    Negation,
    /// Behind a negation these take its force: "I don't *know* how to reach an agent".
    Unnegated,
    /// Before a negation these take its force: "*can*'t I talk to a human", "*why* don't you".
    Rhetorical,
    /// "if", "when", "should": what follows is not said to be so.
    Hypothetical,
    /// "says", "thinks": what follows is somebody else's.
    Reporting,
    /// May stand before a phrase that starts a clause: "well", "but".
    Lead,
    /// May stand behind a phrase that ends a clause: "please", "again".
    Tail,
    /// Begins a new clause even where the comma is missing: "I", "but".
    Opener,
    /// Carries no content of its own when requests are compared.
    Function,
}

impl Cue {
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// When a phrase does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Guard {
    /// A negation stands before it.
    Negated,
    /// It is a condition or a question whether.
    Hypothetical,
    /// Somebody else says it.
    Reported,
}

/// Where the phrases of a group must stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    #[default]
    Anywhere,
    /// The message says nothing else.
    Message,
}

/// Phrases that share their conditions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Group {
    phrases: Vec<String>,
    at: Place,
    unless: Vec<Guard>,
    confidence: f64,
}

impl Default for Group {
    fn default() -> Self {
        let unless = vec![Guard::Negated, Guard::Hypothetical, Guard::Reported];
        Self {
            phrases: Vec::new(),
            at: Place::Anywhere,
            unless,
            confidence: CONFIDENCE,
        }
    }
}

/// A lexicon file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    /// The words that a spelling stands for, by those words.
    words: BTreeMap<String, Vec<String>>,
    sets: Sets,
    cues: BTreeMap<Cue, Vec<String>>,
    /// False friends: a match hides every match that shares a word with it.
    neutral: Vec<String>,
    /// What makes the rest of the sentence a topic: "how do you say", "the meaning of".
    mention: Vec<String>,
    /// What makes the sentence before it a topic, in languages that say so at the end: "を英語に訳して".
    mention_behind: Vec<String>,
    signals: BTreeMap<String, Vec<Group>>,
}

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

/// What is wrong with a lexicon.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The text, its fields or a phrase.
    Malformed(String),
    /// A type that there is not.
    UnknownType(String),
}

/// All phrases of all languages, compiled.
#[derive(Debug)]
pub(super) struct Lexicon {
    vocabulary: Vocabulary,
    automaton: Automaton,
    entries: Vec<Entry>,
    cues: Vec<u16>,
}

/// The words of a written word in a phrase.
fn split_words(word: &str) -> Vec<String> {
    text::fold(word)
}

/// The shipped lexicon of a language; none where the language has no phrases yet.
pub(super) fn shipped(language: &str) -> Option<&'static str> {
    SHIPPED
        .iter()
        .find(|(name, _)| *name == language)
        .map(|(_, text)| *text)
}

struct Compiler {
    vocabulary: Vocabulary,
    builder: Builder,
    entries: Vec<Entry>,
    cues: Vec<(u32, Cue)>,
}

impl Lexicon {
    /// Compiles lexicons, given as name and YAML. The error names the one at fault.
    pub(super) fn compile(sources: &[(&str, &str)]) -> Result<Self, (String, Fault)> {
        let mut compiler = Compiler {
            vocabulary: Vocabulary::default(),
            builder: Builder::new(),
            entries: Vec::new(),
            cues: Vec::new(),
        };
        let mut files = Vec::with_capacity(sources.len());
        for (name, yaml) in sources {
            let fail = |fault| ((*name).to_owned(), fault);
            let file: File = serde_yaml::from_str(yaml).map_err(|error| fail(Fault::Malformed(error.to_string())))?;
            // Spellings first, in every file: phrases are read through them.
            compiler
                .spellings(&file)
                .map_err(|reason| fail(Fault::Malformed(reason)))?;
            files.push((name, file));
        }
        for (name, file) in files {
            compiler.file(&file).map_err(|fault| ((*name).to_owned(), fault))?;
        }
        compiler.finish().ok_or_else(|| {
            let name = sources.last().map_or_else(String::new, |(name, _)| (*name).to_owned());
            (
                name,
                Fault::Malformed("the phrases have too many combinations: use fewer alternatives".into()),
            )
        })
    }

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

impl Compiler {
    fn spellings(&mut self, file: &File) -> Result<(), String> {
        for (words, variants) in &file.words {
            let mut symbols = Vec::new();
            for word in split_words(words) {
                symbols.extend_from_slice(self.vocabulary.intern(&word));
            }
            for variant in variants {
                let [folded] = split_words(variant)
                    .try_into()
                    .map_err(|_| format!("words: `{variant}` is not one word"))?;
                if !self.vocabulary.alias(&folded, &symbols) {
                    return Err(format!("words: `{variant}` stands twice"));
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, file: &File) -> Result<(), Fault> {
        for (&cue, words) in &file.cues {
            for word in words.iter().flat_map(|word| split_words(word)) {
                let symbols = self.vocabulary.intern(&word).to_vec();
                self.cues.extend(symbols.into_iter().map(|symbol| (symbol, cue)));
            }
        }
        let plain = |phrases: &[String]| Group {
            phrases: phrases.to_vec(),
            unless: Vec::new(),
            ..Group::default()
        };
        self.group(&plain(&file.neutral), Target::Neutral, &file.sets)?;
        self.group(&plain(&file.mention), Target::Mention, &file.sets)?;
        self.group(&plain(&file.mention_behind), Target::MentionBehind, &file.sets)?;
        for (name, groups) in &file.signals {
            let kind = SignalType::from_name(name).ok_or_else(|| Fault::UnknownType(name.clone()))?;
            for group in groups {
                self.group(group, Target::Signal(kind), &file.sets)?;
            }
        }
        Ok(())
    }

    fn group(&mut self, group: &Group, target: Target, sets: &Sets) -> Result<(), Fault> {
        if !(0.0..=1.0).contains(&group.confidence) {
            return Err(Fault::Malformed(format!(
                "confidence {} is not between 0 and 1",
                group.confidence
            )));
        }
        for phrase in &group.phrases {
            let pattern = pattern::parse(phrase, sets)
                .map_err(|reason| Fault::Malformed(format!("phrase `{phrase}`: {reason}")))?;
            let entry = self.entry(Entry {
                target,
                confidence: group.confidence,
                place: group.at,
                at_start: pattern.at_start,
                guards: group.unless.clone(),
            });
            self.builder.add(&pattern.parts, entry, &mut self.vocabulary);
        }
        Ok(())
    }

    /// The number of an entry. Phrases of equal meaning and conditions share one, which keeps the automaton small.
    fn entry(&mut self, entry: Entry) -> u32 {
        let known = self.entries.iter().position(|other| *other == entry);
        let number = known.unwrap_or_else(|| {
            self.entries.push(entry);
            self.entries.len() - 1
        });
        u32::try_from(number).expect("a file has fewer than 2^32 phrases")
    }

    fn finish(mut self) -> Option<Lexicon> {
        self.vocabulary.finish();
        let symbols = self.vocabulary.symbol_count();
        let mut cues = vec![0; symbols];
        for (symbol, cue) in self.cues {
            cues[symbol as usize] |= cue.bit();
        }
        let automaton = self.builder.build(symbols)?;
        Some(Lexicon {
            vocabulary: self.vocabulary,
            automaton,
            entries: self.entries,
            cues,
        })
    }
}

#[cfg(test)]
mod languages;
#[cfg(test)]
mod tests;
