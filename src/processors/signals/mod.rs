//! The processor `signals`: finds the conversation on a span, has it analyzed, writes the report on the span. Spans without a
//! conversation pass byte for byte; a span that carries a report already is left as it is. Content that cannot be read is
//! counted, never an error.

mod attach;
mod compiled;
mod labels;
mod lexicons;
mod memory;
mod meters;
mod origin;
mod transcript;

use serde::{Deserialize, Serialize};

pub use crate::dialects::{MessageKeys, Spoken, Standing, spoken};
use crate::{
    dialects,
    otlp::{Edit, SpanEdit, SpanRef, TraceBatch, edit_spans},
    pipeline::{Build, Fault, Host, Processor, Refused},
    signals::{Settings, SignalType, Weights},
    values::suggest,
};
pub use transcript::{BadTranscript, Transcript, last_boundary, transcripts};

use attach::{Names, Style};
use compiled::Compiled;
use labels::Labeled;
use memory::{News, Outcome, Owner};
use meters::Meters;
use origin::Origin;

/// Config of the processor `signals`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Append 🚩 to the names of concerning spans and set `signals.flagged`; off: neither. true.
    pub flag: bool,
    /// Attributes to write: `core` = the flat names, `layered` = by category. [core, layered].
    pub attributes: Vec<AttributeGroup>,
    /// Write one span event per signal. true.
    pub events: bool,
    /// Put the matched words on the events. false.
    pub snippets: bool,
    /// Message content after the analysis: `keep` or `drop`. keep.
    pub content: Content,
    /// Languages whose lexicons are used. All that ship.
    pub languages: Vec<String>,
    /// Files with phrases of one's own. [].
    pub lexicons: Vec<String>,
    /// Types of signals that are switched off. [].
    pub disabled: Vec<String>,
    /// Turns that a conversation may take before its efficiency falls. 5.
    pub baseline_turns: u32,
    /// Weights and thresholds of the score, each by its name.
    pub weights: Weights,
    /// Replace a report that a span carries already. false.
    pub overwrite: bool,
    /// List what was written in `aws.xray.annotations`. false.
    pub xray_annotations: bool,
    /// What may be remembered of conversations.
    pub memory: MemoryConfig,
    /// The signal metrics.
    pub metrics: MetricsConfig,
}

/// `memory`: what may be remembered of conversations, so that only their new messages are analyzed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryConfig {
    /// Bound in bytes; 0: nothing is remembered, and every span counts as a conversation of its own. 67108864.
    pub max_bytes: usize,
}

impl Default for MemoryConfig {
    fn default() -> MemoryConfig {
        MemoryConfig { max_bytes: 64 << 20 }
    }
}

/// `metrics`: what the signal metrics carry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Resource attributes to put on the metrics, such as `service.name`, which becomes the label `service_name`. At most 100 sets of
    /// values; what comes later is counted as `other`. [].
    pub labels: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        let settings = Settings::default();
        Config {
            flag: true,
            attributes: vec![AttributeGroup::Core, AttributeGroup::Layered],
            events: true,
            snippets: false,
            content: Content::Keep,
            languages: settings.languages,
            lexicons: Vec::new(),
            disabled: Vec::new(),
            baseline_turns: settings.baseline_turns,
            weights: settings.weights,
            overwrite: false,
            xray_annotations: false,
            memory: MemoryConfig::default(),
            metrics: MetricsConfig::default(),
        }
    }
}

/// A group of attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeGroup {
    /// The flat names.
    Core,
    /// The counts and severities by category.
    Layered,
}

/// What becomes of message content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// It goes on as it came.
    Keep,
    /// Attributes and events that carry messages are removed after the analysis.
    Drop,
}

impl Config {
    fn settings(&self, lexicons: Vec<(String, String)>) -> Settings {
        Settings {
            languages: self.languages.clone(),
            lexicons,
            disabled: self.disabled.clone(),
            baseline_turns: self.baseline_turns,
            weights: self.weights.clone(),
        }
    }

    fn unknown_languages(&self) -> Vec<Fault> {
        let known = Settings::default().languages;
        let unknown = |(index, given): (usize, &String)| {
            (!known.contains(given)).then(|| {
                let reason = format!("unknown language {given:?} (valid values: [{}])", known.join(" "));
                Fault::at(format!("languages::{index}"), reason)
            })
        };
        self.languages.iter().enumerate().filter_map(unknown).collect()
    }

    fn unknown_types(&self) -> Vec<Fault> {
        let known = SignalType::ALL.map(SignalType::name);
        let unknown = |(index, given): (usize, &String)| {
            SignalType::from_name(given).is_none().then(|| {
                let hint = match meant(given) {
                    Some(name) => format!("did you mean {name:?}?"),
                    None => format!("valid values: [{}]", known.join(" ")),
                };
                Fault::at(
                    format!("disabled::{index}"),
                    format!("unknown signal type {given:?} ({hint})"),
                )
            })
        };
        self.disabled.iter().enumerate().filter_map(unknown).collect()
    }
}

/// The type of signal that was most likely meant; its last word alone may stand for it.
fn meant(given: &str) -> Option<&'static str> {
    let names = SignalType::ALL.map(SignalType::name);
    let last = |name: &'static str| name.rsplit('.').next().unwrap_or(name);
    suggest::nearest(given, names).or_else(|| {
        let words = names.map(last);
        let word = words.into_iter().find(|word| *word == given);
        let word = word.or_else(|| suggest::nearest(given, words))?;
        names.into_iter().find(|name| last(name) == word)
    })
}

impl Build<dyn Processor> for Config {
    const TYPE: &'static str = "signals";

    fn validate(&self) -> Vec<Fault> {
        let mut faults = self.unknown_languages();
        faults.extend(self.unknown_types());
        faults.extend(
            self.weights
                .faults()
                .into_iter()
                .map(|(name, reason)| Fault::at(format!("weights::{name}"), reason)),
        );
        faults.extend(labels::faults(&self.metrics.labels));
        faults.extend(lexicons::faults(&self.lexicons, &self.settings(Vec::new())));
        faults
    }

    fn build(self, _host: &Host) -> anyhow::Result<Box<dyn Processor>> {
        let lexicons = lexicons::read(&self.lexicons)?;
        Ok(Box::new(Signals {
            analyzer: Compiled::new(self.settings(lexicons))?,
            style: Style {
                names: (self.attributes.iter())
                    .map(|group| match group {
                        AttributeGroup::Core => Names::Core,
                        AttributeGroup::Layered => Names::Layered,
                    })
                    .collect(),
                flag: self.flag,
                events: self.events,
                snippets: self.snippets,
                xray_annotations: self.xray_annotations,
            },
            content: self.content,
            overwrite: self.overwrite,
            memory: memory::Memory::new(self.memory.max_bytes),
            meters: Labeled::new(&self.metrics.labels),
        }))
    }
}

struct Signals {
    analyzer: Compiled,
    style: Style,
    content: Content,
    overwrite: bool,
    memory: Option<memory::Memory>,
    meters: Labeled,
}

impl Processor for Signals {
    fn process(&self, batch: TraceBatch) -> Result<TraceBatch, Refused> {
        let (mut scopes, mut origin) = (dialects::Scopes::default(), Origin::default());
        Ok(edit_spans(batch, |resource, scope, span, edit| {
            let search = dialects::find(span, scope, &mut scopes);
            if search.has_content {
                let meters = origin.enter(resource, scope, &self.meters);
                self.enrich(search, &origin, &meters, span, edit)
            } else {
                Edit::Keep
            }
        }))
    }
}

impl Signals {
    fn enrich(
        &self,
        mut search: dialects::Search<'_>,
        origin: &Origin,
        meters: &Meters,
        span: &SpanRef<'_>,
        edit: &mut SpanEdit,
    ) -> Edit {
        meters.unparsed(&search.unparsed);
        let mut verdict = Edit::Keep;
        let enriched = attach::is_enriched(span);
        if let Some(found) = search.found.take().filter(|_| self.overwrite || !enriched) {
            if enriched {
                attach::clear(span, edit);
            }
            let owner = Owner {
                service: &origin.service,
                scope: &origin.scope,
                conversation: found.conversation_id,
                trace: span.trace_id(),
            };
            let Outcome { report, first, news } = meters.time(|| self.analyze(&found, &owner));
            attach::attach(span, &found, &report, first, &self.style, edit);
            meters.report(found.dialect, &report, &news);
            verdict = Edit::Apply;
        }
        if self.content == Content::Drop {
            edit.delete_where(span, |attribute| search.is_content_key(attribute.key_bytes()));
            edit.delete_events_where(span, |event| search.is_content_event(event.name()));
            verdict = Edit::Apply;
        }
        verdict
    }

    fn analyze(&self, found: &dialects::Found<'_>, owner: &Owner<'_>) -> Outcome {
        let (analyzer, messages) = (self.analyzer.get(), &found.conversation.messages);
        let mut outcome = match &self.memory {
            Some(memory) => memory.analyze(analyzer, messages, owner),
            None => Outcome {
                report: analyzer.analyze(&found.conversation),
                first: 0,
                news: News::default(),
            },
        };
        if let (Some(failure), Some(newest)) = (&found.failure, messages.len().checked_sub(1)) {
            analyzer.add_failure(&mut outcome.report, failure, outcome.first + newest);
        }
        outcome
    }
}

#[cfg(test)]
mod captured;
#[cfg(test)]
pub(crate) mod tests;
