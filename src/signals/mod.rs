//! Behavioral indicators of a conversation, without any model call: messages in, report out. They say where to look, not what
//! is true. Pure: no I/O, no clock, no runtime, nothing of OTLP; the same conversation always gives the same report, and no
//! text makes it panic. The work on one message is bounded, and nothing is quadratic in the conversation.
//!
//! [`Analyzer::new`] compiles the lexicons once; [`Analyzer::analyze`] may be called from any number of threads. A conversation that
//! grows can be taken up where it was left: [`Analysis::state`] and [`Analyzer::resume`].

pub(crate) mod analysis;
mod conversation;
mod detect;
mod kind;
mod lexicon;
mod report;
mod score;
pub(crate) mod steps;
mod suggest;
mod text;

pub use analysis::{Analysis, State};
pub use conversation::{Conversation, Message, Role, ToolCall};
pub use detect::ModelFailure;
pub use kind::{Category, SignalType};
pub use report::{Detail, Quality, Report, Signal, Weights};
pub use score::Term;

use std::sync::{Arc, OnceLock};

use detect::{DETECTORS, Detector, REPORTED};
use lexicon::{Fault, LANGUAGES, Lexicon};

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

impl Settings {
    /// Whether every name is known; the types that are switched off. Reads no lexicon.
    ///
    /// # Errors
    /// An unknown language or type; the message lists what is valid.
    pub fn check(&self) -> Result<Vec<SignalType>, SettingsError> {
        let unknown = |language: &&String| !LANGUAGES.contains(&language.as_str());
        if let Some(given) = self.languages.iter().find(unknown) {
            return Err(SettingsError::UnknownLanguage { given: given.clone() });
        }
        let known = |name: &String| {
            SignalType::from_name(name).ok_or_else(|| SettingsError::UnknownType { given: name.clone() })
        };
        self.disabled.iter().map(known).collect()
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
    lexicon: Arc<Lexicon>,
    detectors: Vec<&'static Detector>,
    baseline_turns: u32,
    weights: Weights,
}

impl Analyzer {
    /// Compiles the lexicons; those that ship, all of them and without others, once a process.
    ///
    /// # Errors
    /// An unknown language or type, or a faulty lexicon; the message lists what is valid.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let disabled = settings.check()?;
        let lexicon = if settings.lexicons.is_empty() && settings.languages == LANGUAGES {
            static SHIPPED: OnceLock<Arc<Lexicon>> = OnceLock::new();
            let compile = || compile(&settings).expect("the lexicons that ship compile");
            SHIPPED.get_or_init(|| Arc::new(compile())).clone()
        } else {
            Arc::new(compile(&settings)?)
        };
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
        let mut analysis = self.begin();
        analysis.read(&conversation.messages);
        analysis.report()
    }

    /// Takes in that the call of the model failed whose conversation was reported on. A failure from outside is a signal of the
    /// newest message, of that index: the reply never came. It is none of the conversation's messages, so an analysis that goes on
    /// knows nothing of it.
    pub fn add_failure(&self, report: &mut Report, failure: &ModelFailure<'_>, message_index: usize) {
        let of_kind = |kind: &SignalType| self.detectors.iter().any(|detector| detector.kind == *kind);
        let Some(kind) = failure.kind().filter(of_kind) else {
            return;
        };
        let is_it = |signal: &Signal| (signal.kind, signal.message_index) == (kind, message_index);
        if !report.signals.iter().any(is_it) {
            let signal = Signal {
                kind,
                message_index,
                confidence: REPORTED,
                snippet: None,
                metadata: Vec::new(),
            };
            report.add_newest(signal, &self.weights);
        }
    }

    /// Begins with a conversation's first message.
    #[must_use]
    pub fn begin(&self) -> Analysis<'_> {
        Analysis::new(self, &State::default())
    }

    /// Goes on behind the messages that led to the state, which must be of this analyzer. Reports the same as if it had read
    /// all messages at once.
    #[must_use]
    pub fn resume(&self, state: &State) -> Analysis<'_> {
        Analysis::new(self, state)
    }
}

/// One lexicon of the languages and the lexicons that are set.
fn compile(settings: &Settings) -> Result<Lexicon, SettingsError> {
    let mut sources = Vec::new();
    for language in &settings.languages {
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
    Lexicon::compile(&sources).map_err(|(name, fault)| match fault {
        Fault::UnknownType(given) => SettingsError::UnknownTypeInLexicon { name, given },
        Fault::Malformed(reason) => SettingsError::Lexicon { name, reason },
    })
}

#[cfg(test)]
mod tests;
