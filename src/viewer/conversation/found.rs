//! What was found in a conversation: by the report that the span carries, else by reading its messages now.

use super::{
    Conversation, Found,
    pieces::{Mark, words},
};
use crate::{
    otlp::keys,
    processors::signals::Spoken,
    signals::{Detail, Quality, Report, Signal},
    viewer::{
        facts,
        model::{Event, Span, Value, find},
    },
};

/// The report on the span.
pub(super) struct Verdict {
    quality: String,
    score: Option<f64>,
    flag_reasons: Vec<String>,
}

impl Verdict {
    /// The span's own; `None` where it carries none.
    pub(super) fn of(span: &Span) -> Option<Verdict> {
        let Value::Str(quality) = span.attribute(keys::SIGNALS_QUALITY)? else {
            return None;
        };
        let number = |key| span.attribute(key).and_then(Value::number);
        let above = |key, least: f64| number(key).is_some_and(|number| number > least);
        let is_true = |key| matches!(span.attribute(key), Some(Value::Str(text)) if text == "true");
        let is_low = facts::quality(span).is_some_and(|quality| quality <= Quality::Poor);
        let reasons = [
            (above(keys::SIGNALS_FRUSTRATION_SEVERITY, 0.0), "frustration"),
            (
                above(keys::SIGNALS_REPETITION_COUNT, 2.0) || above(keys::SIGNALS_EXECUTION_LOOPS_COUNT, 0.0),
                "looping",
            ),
            (is_true(keys::SIGNALS_ESCALATION_REQUESTED), "escalation"),
            (is_low, "quality"),
        ];
        let reasons = reasons.into_iter().filter(|(holds, _)| *holds);
        Some(Verdict {
            quality: quality.clone(),
            score: number(keys::SIGNALS_QUALITY_SCORE),
            flag_reasons: reasons.map(|(_, reason)| reason.to_owned()).collect(),
        })
    }

    /// Writes it on a conversation.
    pub(super) fn write(&self, conversation: &mut Conversation) {
        conversation.quality = Some(self.quality.clone());
        conversation.score = self.score;
        conversation.flag_reasons.clone_from(&self.flag_reasons);
    }
}

/// What is known of a conversation whose messages are gone.
pub(super) fn without_messages(span: &Span, verdict: &Verdict) -> Conversation {
    let mut out = Conversation {
        signals: events(span).filter_map(elsewhere).collect(),
        note: Some(
            "the messages were not kept: `tracing: {capture_content: true}` keeps them in the gateway, \
             `content: keep` in the processor signals"
                .to_owned(),
        ),
        ..Conversation::default()
    };
    verdict.write(&mut out);
    out
}

/// Signals by the message in which they lie.
pub(super) struct Placed {
    /// For each message of the conversation.
    pub(super) marks: Vec<Vec<Mark>>,
    /// Those of messages that are not there.
    pub(super) elsewhere: Vec<Found>,
}

/// The signals of the span's events, where it carries a report with events; else those of an analysis of its messages.
pub(super) fn placed(span: &Span, spoken: &Spoken<'_>, report: &Report) -> Placed {
    let messages = &spoken.conversation.messages;
    let mut placed = Placed {
        marks: messages.iter().map(|_| Vec::new()).collect(),
        elsewhere: Vec::new(),
    };
    if span.attribute(keys::SIGNALS_QUALITY).is_none() || events(span).next().is_none() {
        for signal in &report.signals {
            if let Some(message) = messages.get(signal.message_index) {
                placed.marks[signal.message_index].push(Mark {
                    found: explained(signal, &message.text),
                    words: signal.snippet.clone(),
                });
            }
        }
        return placed;
    }
    for event in events(span) {
        let Some(found) = Found::of(event) else { continue };
        let index = message_index(event);
        let places = || (0..messages.len()).filter(|at| Some(spoken.indexes[*at]) == index);
        let again = |at: usize| {
            (report.signals.iter()).find(|signal| signal.message_index == at && signal.kind.name() == found.r#type)
        };
        // One item of the client's list may be several messages.
        let again = places().find_map(again);
        let Some(at) = again.map(|signal| signal.message_index).or_else(|| places().next()) else {
            placed.elsewhere.extend(elsewhere(event));
            continue;
        };
        let text = messages[at].text.as_ref();
        let snippet = text_at(event, keys::SIGNAL_SNIPPET).filter(|words| !words.is_empty());
        let of_snippet = || snippet.and_then(|words| Some(text.find(words)?..text.find(words)? + words.len()));
        let range = again.and_then(|signal| signal.snippet.clone()).or_else(of_snippet);
        let why = [range.as_ref().map(|range| words(text, range)), Some(found.why.clone())];
        placed.marks[at].push(Mark {
            found: Found {
                why: joined(why.into_iter().flatten()),
                ..found
            },
            words: range,
        });
    }
    placed
}

fn events(span: &Span) -> impl Iterator<Item = &Event> {
    (span.events.iter()).filter(|event| event.name.starts_with(keys::SIGNAL_EVENT_PREFIX))
}

fn text_at<'a>(event: &'a Event, key: &str) -> Option<&'a str> {
    match find(&event.attributes, key)? {
        Value::Str(text) => Some(text),
        _ => None,
    }
}

fn message_index(event: &Event) -> Option<usize> {
    match find(&event.attributes, keys::SIGNAL_MESSAGE_INDEX)? {
        Value::Int(index) => usize::try_from(*index).ok(),
        _ => None,
    }
}

impl Found {
    /// What an event of a report tells, without its words.
    fn of(event: &Event) -> Option<Found> {
        let name = event.name.strip_prefix(keys::SIGNAL_EVENT_PREFIX)?;
        let confidence = find(&event.attributes, keys::SIGNAL_CONFIDENCE).and_then(Value::number);
        Some(Found {
            r#type: text_at(event, keys::SIGNAL_TYPE).unwrap_or(name).to_owned(),
            confidence: confidence.unwrap_or_default(),
            why: text_at(event, keys::SIGNAL_METADATA).map(metadata).unwrap_or_default(),
        })
    }
}

/// The signal of an event whose message is not there.
fn elsewhere(event: &Event) -> Option<Found> {
    let found = Found::of(event)?;
    let place = message_index(event).map(|index| format!("in message {index}"));
    let words = text_at(event, keys::SIGNAL_SNIPPET).map(|text| words(text, &(0..text.len())));
    let why = joined(place.into_iter().chain(words).chain([found.why]));
    Some(Found { why, ..found })
}

/// A signal of an analysis.
fn explained(signal: &Signal, text: &str) -> Found {
    let details = signal.metadata.iter().map(|(key, detail)| match detail {
        Detail::Number(number) => format!("{key} {}", three_decimals(*number)),
        Detail::Name(name) => format!("{key} {name}"),
    });
    let words = signal.snippet.as_ref().map(|range| words(text, range));
    Found {
        r#type: signal.kind.name().to_owned(),
        confidence: signal.confidence,
        why: joined(words.into_iter().chain(details)),
    }
}

/// The numbers, ids and names of an event's JSON.
fn metadata(json: &str) -> String {
    let read = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json);
    joined(read.unwrap_or_default().into_iter().map(|(key, value)| match value {
        serde_json::Value::String(name) => format!("{key} {name}"),
        serde_json::Value::Number(number) => format!("{key} {}", three_decimals(number.as_f64().unwrap_or_default())),
        other => format!("{key} {other}"),
    }))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// A number with at most three decimals.
#[must_use]
pub fn three_decimals(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
