//! The form of a lexicon file: words by cue, false friends, mentions, and the phrases of each signal with their conditions; and
//! the files that ship. Refuses unknown fields, cues, guards and places.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::pattern::Sets;

/// Languages of the specification.
pub(in crate::signals) const LANGUAGES: &[&str] = &["en", "de", "fr", "es", "pt", "zh", "ja", "ru"];
/// The lexicons that ship, by language.
const SHIPPED: &[(&str, &str)] = &[
    ("en", include_str!("../lexicons/en.yaml")),
    ("de", include_str!("../lexicons/de.yaml")),
    ("fr", include_str!("../lexicons/fr.yaml")),
    ("es", include_str!("../lexicons/es.yaml")),
    ("pt", include_str!("../lexicons/pt.yaml")),
    ("zh", include_str!("../lexicons/zh.yaml")),
    ("ja", include_str!("../lexicons/ja.yaml")),
    ("ru", include_str!("../lexicons/ru.yaml")),
];

/// How sure a phrase is when its group does not say.
const CONFIDENCE: f64 = 0.9;

/// Words that change what stands beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cue {
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
    pub(super) const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// When a phrase does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Guard {
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
pub(super) enum Place {
    #[default]
    Anywhere,
    /// The message says nothing else.
    Message,
}

/// Phrases that share their conditions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Group {
    pub(super) phrases: Vec<String>,
    pub(super) at: Place,
    pub(super) unless: Vec<Guard>,
    pub(super) confidence: f64,
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
pub(super) struct File {
    /// The words that a spelling stands for, by those words.
    pub(super) words: BTreeMap<String, Vec<String>>,
    pub(super) sets: Sets,
    pub(super) cues: BTreeMap<Cue, Vec<String>>,
    /// False friends: a match hides every match that shares a word with it.
    pub(super) neutral: Vec<String>,
    /// What makes the rest of the sentence a topic: "how do you say", "the meaning of".
    pub(super) mention: Vec<String>,
    /// What makes the sentence before it a topic, in languages that say so at the end: "を英語に訳して".
    pub(super) mention_behind: Vec<String>,
    pub(super) signals: BTreeMap<String, Vec<Group>>,
}

/// The shipped lexicon of a language; none where the language has no phrases yet.
pub(in crate::signals) fn shipped(language: &str) -> Option<&'static str> {
    SHIPPED
        .iter()
        .find(|(name, _)| *name == language)
        .map(|(_, text)| *text)
}
