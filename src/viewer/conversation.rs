//! The conversation that a span carries, in any dialect, for people to read: who said what, which tools were called, and which
//! words the signals were found in. Bounded, and compiled once: the lexicons are read with the first conversation that is shown.

mod found;
mod pieces;
mod wire;

use std::{ops::Range, sync::LazyLock};

use serde::{Deserialize, Serialize};

use self::found::Verdict;
pub use self::{found::three_decimals, pieces::role_name};
use super::{
    facts,
    model::{Attribute, Span, Value},
};
use crate::{
    otlp::keys,
    processors::signals::{MessageKeys, Spoken, Standing, spoken},
    signals::{self, Analyzer, Settings},
};

/// Most messages that are shown; the newest are.
const MOST_MESSAGES: usize = 2_000;
/// Most bytes of text that are shown of one conversation, arguments of calls included; the newest are.
const MOST_BYTES: usize = 4 << 20;

/// Most bytes of a user's words in a line about a conversation.
const MOST_GIST: usize = 400;

/// What a span says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conversation {
    /// How the messages travel on the span, such as `openinference`; empty where there are none.
    pub dialect: String,
    /// The session that it belongs to.
    pub session: Option<String>,
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// What was found in messages that are not here.
    pub signals: Vec<Found>,
    /// The verdict, such as `Severe`. The one on the span where it carries one: whoever wrote it may have seen more of the
    /// conversation, or have had other settings. Else that of an analysis of these messages with the settings as shipped.
    pub quality: Option<String>,
    /// From 0 to 100, from where `quality` is from.
    pub score: Option<f64>,
    /// Why someone should look at it: `frustration`, `looping`, `escalation`, `quality`.
    pub flag_reasons: Vec<String>,
    /// What is missing, and why.
    pub note: Option<String>,
}

/// One message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Message {
    /// `system`, `user`, `assistant` or `tool`.
    pub role: String,
    /// Name of the author, or of the tool that answers.
    pub name: Option<String>,
    /// The text, in pieces in order.
    pub text: Vec<Piece>,
    /// Calls that the model asks for.
    pub tool_calls: Vec<ToolCall>,
    /// Of a result: the call that it answers.
    pub tool_call_id: Option<String>,
    /// What was found in it.
    pub signals: Vec<Found>,
}

impl Message {
    /// The whole text.
    #[must_use]
    pub fn plain(&self) -> String {
        self.text.iter().map(|piece| piece.text.as_str()).collect()
    }
}

/// A part of a text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Piece {
    /// The words.
    pub text: String,
    /// Types of the signals that were found in these words; none in most.
    pub signals: Vec<String>,
}

/// A call that the model asks for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolCall {
    /// Its id, which the result names.
    pub id: Option<String>,
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them, usually JSON.
    pub arguments: String,
}

/// A signal that was found in a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// Its type, such as `interaction.disengagement.escalation`.
    pub r#type: String,
    /// How sure it is, 0 to 1.
    pub confidence: f64,
    /// The words, figures and names that it rests on; empty where there is no more to say.
    pub why: String,
}

/// The analyzer with the settings as shipped.
static ANALYZER: LazyLock<Analyzer> =
    LazyLock::new(|| Analyzer::new(Settings::default()).expect("the lexicons that ship compile"));

/// The conversation of a span; `None` where it carries none. Decodes and analyzes: for a span that is looked at, not for a list.
///
/// What was found is what the span's events tell, where it carries a report with events; the messages are read again for the words
/// alone. Without events, what is found in them now.
pub fn conversation(span: &Span) -> Option<Conversation> {
    let keys = message_keys(span);
    let verdict = Verdict::of(span);
    let read = with_messages(span, &keys, |spoken| of(spoken, span, verdict.as_ref()));
    let found = read.or_else(|| verdict.as_ref().map(|verdict| found::without_messages(span, verdict)))?;
    Some(Conversation {
        session: facts::session(span),
        ..found
    })
}

/// Whether [`conversation`] will most likely find one, from keys and names of events and a look at few values.
pub fn has_conversation(span: &Span) -> bool {
    carries(span, &message_keys(span)) || span.attribute(keys::SIGNALS_QUALITY).is_some()
}

/// Which attributes and events of a span hold messages.
pub(super) fn message_keys(span: &Span) -> MessageKeys {
    MessageKeys::of_scope(&span.scope.name)
}

/// Whether the span most likely carries messages of its own.
pub(super) fn has_messages(span: &Span) -> bool {
    let keys = message_keys(span);
    standing(span) == Standing::Own && carries(span, &keys)
}

/// The number of messages and what a user said last, without an analysis.
pub(super) fn gist(span: &Span) -> Option<(usize, String)> {
    let keys = message_keys(span);
    let of_user = |message: &&signals::Message<'_>| message.role == signals::Role::User && message.is_turn();
    with_messages(span, &keys, |spoken| {
        let messages = &spoken.conversation.messages;
        let last = messages.iter().rfind(of_user)?;
        let text = &last.text[..last.text.floor_char_boundary(MOST_GIST)];
        Some((messages.len(), text.to_owned()))
    })?
}

/// What the messages of a span tell, where it carries any.
fn with_messages<T>(span: &Span, keys: &MessageKeys, tell: impl FnOnce(&Spoken<'_>) -> T) -> Option<T> {
    let batch = carries(span, keys).then(|| wire::encode(span, keys)).flatten()?;
    let resource = batch.resource_spans().next()?;
    let scope = resource.scope_spans().next()?;
    spoken(&scope, &scope.spans().next()?).map(|spoken| tell(&spoken))
}

fn standing(span: &Span) -> Standing {
    let said = |attribute: &Attribute| {
        let text = match &attribute.value {
            Value::Str(text) => Some(text.as_str()),
            _ => None,
        };
        Standing::said_by(&attribute.key, text, span.kind)
    };
    span.attributes.iter().map(said).max().unwrap_or(Standing::Own)
}

fn carries(span: &Span, keys: &MessageKeys) -> bool {
    let event = |name: &str| keys.is_read_event(name);
    standing(span) < Standing::NoConversation
        && (span.attributes.iter().any(|attribute| may_tell(attribute, keys, span))
            || span
                .events
                .iter()
                .any(|one| event(&one.name) && !one.attributes.is_empty()))
}

/// Attributes whose value holds a whole side: of JSON in it, only messages make a conversation.
const WHOLE: [&str; 20] = [
    "all_messages_events",
    "events",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "genkit:input",
    "genkit:output",
    "input",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    "output",
    "pydantic_ai.all_messages",
    "request_data",
    "response_data",
    keys::INPUT_VALUE,
    keys::LANGFUSE_OBSERVATION_INPUT,
    keys::LANGFUSE_OBSERVATION_OUTPUT,
    keys::LANGFUSE_TRACE_INPUT,
    keys::LANGFUSE_TRACE_OUTPUT,
    keys::OUTPUT_VALUE,
    keys::TRACELOOP_ENTITY_INPUT,
];

/// What JSON of messages has somewhere.
const NAMES: [&str; 5] = ["\"role\"", "\"parts\"", "\"content\"", "\"call_id\"", "\"gen_ai."];

/// Whether an attribute's value may hold a message: a look, no reading.
fn may_tell(attribute: &Attribute, keys: &MessageKeys, span: &Span) -> bool {
    let Attribute { key, value } = attribute;
    if !keys.is_read(key) || key.ends_with(".role") || key.ends_with(".finish_reason") {
        return false;
    }
    match value {
        Value::Str(text) if WHOLE.contains(&key.as_str()) || key == keys::TRACELOOP_ENTITY_OUTPUT => {
            let is_llm =
                matches!(span.attribute(keys::OPENINFERENCE_SPAN_KIND), Some(Value::Str(kind)) if kind == "LLM");
            let is_text = key.starts_with("langfuse.") || (key.ends_with(".value") && is_llm);
            match text.trim_start().starts_with(['{', '[']) {
                true => NAMES.iter().any(|name| text.contains(name)),
                false => is_text && !text.is_empty(),
            }
        }
        Value::Str(text) => !matches!(text.as_str(), "" | "[]" | "{}" | "__REDACTED__"),
        Value::Array(list) => !list.is_empty(),
        Value::KvList(map) => !map.is_empty(),
        _ => false,
    }
}

/// The messages with what was found in them.
fn of(spoken: &Spoken<'_>, span: &Span, verdict: Option<&Verdict>) -> Conversation {
    let mut report = ANALYZER.analyze(&spoken.conversation);
    let said = &spoken.conversation.messages;
    if let (Some(failure), Some(newest)) = (&spoken.failure, said.len().checked_sub(1)) {
        ANALYZER.add_failure(&mut report, failure, newest);
    }
    let placed = found::placed(span, spoken, &report);
    let kept = kept(said);
    let mut out = Conversation {
        dialect: spoken.dialect.to_owned(),
        note: kept.note(said.len()),
        signals: placed.elsewhere,
        ..Conversation::default()
    };
    let is_new = |text: &str| said.iter().all(|message| message.text.as_ref() != text);
    let instructions = spoken.instructions.iter().filter(|text| is_new(text));
    out.messages.extend(instructions.map(|text| instruction(text)));
    for (at, message) in said.iter().enumerate().skip(kept.messages.start) {
        // What is no message takes a place in the client's list all the same.
        let is_nothing =
            message.role == signals::Role::System && message.text.is_empty() && message.tool_calls.is_empty();
        let mut shown = pieces::message(
            message,
            &placed.marks[at],
            if at == kept.messages.start { kept.cut } else { 0 },
        );
        if shown.name.is_none() {
            shown.name = answered(&said[..at], message);
        }
        if !is_nothing || !shown.signals.is_empty() {
            out.messages.push(shown);
        }
    }
    match verdict {
        Some(verdict) => verdict.write(&mut out),
        None if spoken.standing != Standing::Own => {
            out.note
                .get_or_insert_with(|| "repeats what the spans inside it say, whose signals these are".to_owned());
        }
        None => {
            out.quality = Some(report.quality.name().to_owned());
            out.score = Some(report.score);
            out.flag_reasons = report.flag_reasons().map(str::to_owned).collect();
        }
    }
    out
}

fn instruction(text: &str) -> Message {
    let text = &text[..text.floor_char_boundary(MOST_BYTES)];
    Message {
        role: "system".to_owned(),
        text: vec![Piece {
            text: text.to_owned(),
            signals: Vec::new(),
        }],
        ..Message::default()
    }
}

/// The tool whose call a result answers.
fn answered(before: &[signals::Message<'_>], result: &signals::Message<'_>) -> Option<String> {
    let id = result.tool_call_id.as_deref().filter(|id| !id.is_empty())?;
    let calls = before.iter().rev().take(50).flat_map(|message| &message.tool_calls);
    let mut answered = calls.filter(|call| call.id == id && !call.name.is_empty());
    answered.next().map(|call| call.name.clone().into_owned())
}

/// What is shown of the messages.
struct Kept {
    messages: Range<usize>,
    /// Bytes at the head of the first one's text that are left out.
    cut: usize,
}

impl Kept {
    fn note(&self, all: usize) -> Option<String> {
        let (left_out, cut) = (all - self.messages.len(), self.cut);
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        match (left_out, cut) {
            (0, 0) => None,
            (0, cut) => Some(format!("… {cut} more bytes before the first message that is shown")),
            (count, 0) => Some(format!("… {count} more message{} before these", plural(count))),
            (count, cut) => Some(format!(
                "… {count} more message{} before these, and {cut} bytes of the first",
                plural(count)
            )),
        }
    }
}

/// The newest messages, as many as the bounds allow.
fn kept(said: &[signals::Message<'_>]) -> Kept {
    let mut left = MOST_BYTES;
    let mut start = said.len();
    for message in said.iter().rev().take(MOST_MESSAGES) {
        let calls = message
            .tool_calls
            .iter()
            .map(|call| call.name.len() + call.arguments.len());
        let bytes = message.text.len() + calls.sum::<usize>();
        start -= 1;
        if bytes > left {
            let cut = (bytes - left).min(message.text.len());
            return Kept {
                messages: start..said.len(),
                cut: message.text.ceil_char_boundary(cut),
            };
        }
        left -= bytes;
    }
    Kept {
        messages: start..said.len(),
        cut: 0,
    }
}

#[cfg(test)]
pub(super) mod tests;
