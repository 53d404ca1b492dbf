//! Behavioral indicators of a conversation, without any model call: messages in, report out. They say where to look, not what
//! is true. Pure: no I/O, no clock, no runtime, nothing of OTLP; the same conversation always gives the same report, and no
//! text makes it panic. The work on one message is bounded, and nothing is quadratic in the conversation.
//!
//! [`Analyzer::new`] compiles the lexicons once; [`Analyzer::analyze`] may be called from any number of threads.

mod conversation;
mod detect;
mod kind;
mod lexicon;
mod report;
mod suggest;
mod text;

use std::cell::Cell;

pub use conversation::{Conversation, Message, Role, ToolCall};
pub use kind::{Category, SignalType};
pub use report::{Detail, Quality, Report, Signal, Weights};

use detect::{DETECTORS, Detector, Memory, Observed};
use lexicon::{Fault, Hits, LANGUAGES, Lexicon};
use report::Facts;
use text::Words;

/// What an analyzer is made of. Its default is the specification's.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Languages whose phrases are looked for, by ISO 639-1 code; default all of the specification's.
    pub languages: Vec<String>,
    /// Lexicons of the user's own: a name for error messages, usually the file's, and the YAML.
    pub lexicons: Vec<(String, String)>,
    /// Full names of types that are not looked for; default none.
    pub disabled: Vec<String>,
    /// Turns up to which a conversation is efficient (count); default 5.
    pub baseline_turns: u32,
    /// Weights and thresholds of the score.
    pub weights: Weights,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            languages: LANGUAGES.iter().map(|&language| language.to_owned()).collect(),
            lexicons: Vec::new(),
            disabled: Vec::new(),
            baseline_turns: 5,
            weights: Weights::default(),
        }
    }
}

/// Why settings were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A language that the specification does not name.
    #[error("unknown language `{given}`{}; valid are {}", suggest::hint(given, LANGUAGES), LANGUAGES.join(", "))]
    UnknownLanguage {
        /// What was written.
        given: String,
    },
    /// A type that is not in the taxonomy.
    #[error("unknown signal type `{given}`{}; valid are {}", suggest::hint(given, &type_names()), type_names().join(", "))]
    UnknownType {
        /// What was written.
        given: String,
    },
    /// A lexicon with an unknown type.
    #[error("lexicon {name}: signals: unknown signal type `{given}`{}; valid are {}",
        suggest::hint(given, &type_names()), type_names().join(", "))]
    UnknownTypeInLexicon {
        /// The lexicon's name.
        name: String,
        /// What was written.
        given: String,
    },
    /// A lexicon that cannot be read.
    #[error("lexicon {name}: {reason}")]
    Lexicon {
        /// The lexicon's name.
        name: String,
        /// What is wrong, and where.
        reason: String,
    },
}

fn type_names() -> [&'static str; SignalType::ALL.len()] {
    SignalType::ALL.map(SignalType::name)
}

/// Finds the signals of conversations.
#[derive(Debug)]
pub struct Analyzer {
    lexicon: Lexicon,
    detectors: Vec<&'static Detector>,
    baseline_turns: u32,
    weights: Weights,
}

impl Analyzer {
    /// Compiles the lexicons.
    ///
    /// # Errors
    /// An unknown language or type, or a faulty lexicon; the message lists what is valid.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let mut sources = Vec::new();
        for language in &settings.languages {
            if !LANGUAGES.contains(&language.as_str()) {
                return Err(SettingsError::UnknownLanguage {
                    given: language.clone(),
                });
            }
            let new = sources.iter().all(|(name, _)| name != language);
            sources.extend(
                lexicon::shipped(language)
                    .filter(|_| new)
                    .map(|yaml| (language.as_str(), yaml)),
            );
        }
        sources.extend(
            settings
                .lexicons
                .iter()
                .map(|(name, yaml)| (name.as_str(), yaml.as_str())),
        );
        let lexicon = Lexicon::compile(&sources).map_err(|(name, fault)| match fault {
            Fault::UnknownType(given) => SettingsError::UnknownTypeInLexicon { name, given },
            Fault::Malformed(reason) => SettingsError::Lexicon { name, reason },
        })?;
        let mut disabled = Vec::new();
        for name in settings.disabled {
            disabled.push(SignalType::from_name(&name).ok_or(SettingsError::UnknownType { given: name })?);
        }
        let detectors = DETECTORS
            .iter()
            .filter(|detector| !disabled.contains(&detector.kind))
            .collect();
        Ok(Self {
            lexicon,
            detectors,
            baseline_turns: settings.baseline_turns,
            weights: settings.weights,
        })
    }

    /// Reads a conversation and reports what it shows.
    #[must_use]
    pub fn analyze(&self, conversation: &Conversation<'_>) -> Report {
        // A detector that panics takes its space with it; the next conversation gets a new one.
        let mut space = SPACE.take().unwrap_or_default();
        let report = self.analyze_in(conversation, &mut space);
        SPACE.set(Some(space));
        report
    }

    fn analyze_in(&self, conversation: &Conversation<'_>, space: &mut Space) -> Report {
        let Space { words, hits, memory } = space;
        let mut signals = Vec::new();
        memory.start(self.baseline_turns);
        let (mut turn_count, mut user_turns, mut message_count) = (0, 0, 0);
        for (index, message) in conversation.messages.iter().enumerate() {
            hits.clear();
            words.clear();
            message_count += usize::from(message.role != Role::System);
            if message.is_turn() {
                turn_count += 1;
                // Replies are compared with each other only: no phrase is looked for in them.
                if message.role == Role::User {
                    user_turns += 1;
                    words.read(&message.text, Some(self.lexicon.vocabulary()));
                    self.lexicon.find(words, hits);
                }
            }
            let observed = Observed::new(message, words, &hits.found, &self.lexicon);
            memory.read(&observed);
            for detector in &self.detectors {
                signals.extend((detector.find)(&observed, memory).map(|finding| Signal {
                    kind: detector.kind,
                    message_index: index,
                    confidence: finding.confidence,
                    snippet: finding.snippet,
                    metadata: finding.metadata,
                }));
            }
        }
        let newest_turn = conversation.newest_turn();
        let facts = Facts {
            turn_count,
            user_turns,
            message_count,
            newest_turn,
            baseline_turns: self.baseline_turns,
        };
        Report::new(signals, facts, &self.weights)
    }
}

/// What an analysis needs besides its result; kept by each thread, so that only the first conversations allocate.
#[derive(Debug, Default)]
struct Space {
    words: Words,
    hits: Hits,
    memory: Memory,
}

thread_local! {
    static SPACE: Cell<Option<Box<Space>>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests;
