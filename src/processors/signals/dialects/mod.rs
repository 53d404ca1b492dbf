//! From a span to the conversation that it carries. One dialect per file, one table; each side of a conversation (input,
//! output) is taken from the first dialect of the table that has it. A span without any dialect's keys is recognised in one
//! pass over its keys, and no value is parsed.

mod indexed;
mod message;
mod node;
mod openinference;
mod openllmetry;
mod otel_events;
mod otel_json;
mod otel_messages;

pub(super) use self::{
    message::{read as read_message, role},
    node::{Node, Tree},
};
use crate::{
    otlp::{AttributeOrEvent, SpanRef, ValueRef, keys},
    signals::{Conversation, Message, Role},
};

/// One convention for carrying conversation content on spans.
pub(super) struct Dialect {
    /// The value of the metrics' label `dialect`.
    pub(super) name: &'static str,
    /// Whether an attribute with this key carries message content.
    carries: fn(&[u8]) -> bool,
    /// Whether an event of this name carries message content.
    carries_event: fn(&str) -> bool,
    /// Reads what the span has of it.
    read: for<'a> fn(&SpanRef<'a>) -> Content<'a>,
}

/// Every dialect, in the order of detection: events, whole-JSON attributes, indexed keys.
static DIALECTS: [&Dialect; 5] = [
    &otel_messages::DIALECT,
    &otel_events::DIALECT,
    &otel_json::DIALECT,
    &openllmetry::DIALECT,
    &openinference::DIALECT,
];

/// Names of all dialects, in the order of detection; [`Found::dialect`] is an index into them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    DIALECTS.iter().map(|dialect| dialect.name)
}

/// What one dialect found on a span.
#[derive(Default)]
struct Content<'a> {
    input: Vec<Message<'a>>,
    output: Vec<Message<'a>>,
    /// Values that should have held messages and could not be read.
    unparsed: usize,
}

/// The conversation of a span.
pub(super) struct Found<'a> {
    pub(super) conversation: Conversation<'a>,
    /// Index of the dialect of the input, else of the output, in [`names`].
    pub(super) dialect: usize,
    /// What the application calls the conversation, the session or the thread that the span belongs to.
    pub(super) conversation_id: Option<&'a str>,
}

/// What [`find`] saw.
pub(super) struct Search<'a> {
    pub(super) found: Option<Found<'a>>,
    /// Whether any key or event of a dialect is there, readable or not.
    pub(super) has_content: bool,
    /// Values that could not be read, by index of the dialect.
    pub(super) unparsed: [usize; DIALECTS.len()],
}

/// Looks for a conversation. Allocates nothing on a span that has none.
pub(super) fn find<'a>(span: &SpanRef<'a>) -> Search<'a> {
    let present = recognise(span);
    let has_content = present.contains(&true);
    let mut search = Search {
        found: None,
        has_content,
        unparsed: [0; DIALECTS.len()],
    };
    if !has_content {
        return search;
    }
    let (mut input, mut output) = (Vec::new(), Vec::new());
    let mut first = None;
    for (i, dialect) in DIALECTS.iter().enumerate().filter(|(i, _)| present[*i]) {
        let content = (dialect.read)(span);
        search.unparsed[i] = content.unparsed;
        for (side, read) in [(&mut input, content.input), (&mut output, content.output)] {
            if side.is_empty() && says_something(&read) {
                *side = read;
                first = first.or(Some(i));
            }
        }
    }
    if let Some(dialect) = first {
        input.append(&mut output);
        search.found = Some(Found {
            conversation: Conversation { messages: input },
            dialect,
            conversation_id: conversation_id(span),
        });
    }
    search
}

/// Where a conversation's id may stand, the surest first.
const CONVERSATION_IDS: [&str; 9] = [
    keys::GEN_AI_CONVERSATION_ID,
    keys::SESSION_ID,
    keys::LANGFUSE_SESSION_ID,
    keys::LANGSMITH_TRACE_SESSION_ID,
    keys::TRACELOOP_ASSOCIATION_PROPERTIES_SESSION_ID,
    keys::TRACELOOP_ASSOCIATION_PROPERTIES_THREAD_ID,
    keys::AI_TELEMETRY_METADATA_SESSION_ID,
    keys::THREAD_ID,
    keys::PLANO_SESSION_ID,
];

/// The id of the conversation, in one pass over the keys.
fn conversation_id<'a>(span: &SpanRef<'a>) -> Option<&'a str> {
    let found = span.attributes().filter_map(|attribute| {
        let key = attribute.key_bytes();
        let rank = CONVERSATION_IDS.iter().position(|id| id.as_bytes() == key)?;
        match attribute.value() {
            ValueRef::Str(id) if !id.is_empty() => Some((rank, id)),
            _ => None,
        }
    });
    found.min_by_key(|(rank, _)| *rank).map(|(_, id)| id)
}

/// Roles alone are no conversation: an emitter that was told to keep content to itself still writes them.
fn says_something(messages: &[Message<'_>]) -> bool {
    messages
        .iter()
        .any(|message| !message.text.is_empty() || !message.tool_calls.is_empty())
}

/// Which dialects have a key or an event on the span.
fn recognise(span: &SpanRef<'_>) -> [bool; DIALECTS.len()] {
    let mut present = [false; DIALECTS.len()];
    for item in span.attributes_and_events() {
        match item {
            AttributeOrEvent::Attribute(attribute) => {
                let key = attribute.key_bytes();
                if is_candidate(key) {
                    mark(&mut present, |dialect| (dialect.carries)(key));
                }
            }
            AttributeOrEvent::Event(event) => {
                let name = event.name();
                if is_candidate_event(name) {
                    mark(&mut present, |dialect| (dialect.carries_event)(name));
                }
            }
        }
    }
    present
}

/// Asks each dialect that is not known to be present: a conversation has many keys of one dialect.
fn mark(present: &mut [bool; DIALECTS.len()], is_there: impl Fn(&Dialect) -> bool) {
    for (present, dialect) in present.iter_mut().zip(DIALECTS) {
        *present = *present || is_there(dialect);
    }
}

/// Cheap first look that every content key passes; almost no other key does.
fn is_candidate(key: &[u8]) -> bool {
    match key.first() {
        Some(b'g') => key.starts_with(b"gen_ai."),
        Some(b'l') => key.starts_with(b"llm."),
        Some(b'i') => key.starts_with(b"input."),
        Some(b'o') => key.starts_with(b"output."),
        Some(b't') => key.starts_with(b"traceloop.entity."),
        _ => false,
    }
}

/// The same for the names of events.
fn is_candidate_event(name: &str) -> bool {
    name.starts_with("gen_ai.")
}

/// Whether an attribute with this key carries message content, in any dialect: what `content: drop` removes.
pub(super) fn is_content_key(key: &[u8]) -> bool {
    is_candidate(key) && DIALECTS.iter().any(|dialect| (dialect.carries)(key))
}

/// Whether an event with this name carries message content, in any dialect.
pub(super) fn is_content_event(name: &str) -> bool {
    is_candidate_event(name) && DIALECTS.iter().any(|dialect| (dialect.carries_event)(name))
}

/// Reads a tree that holds a list of messages, or one message.
fn read_messages<'a>(tree: &Node<'a>, fallback: Role, content: &mut Vec<Message<'a>>) -> usize {
    let items = match tree {
        Node::List(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    let before = content.len();
    content.extend(items.iter().filter_map(|item| message::read(item, fallback)));
    usize::from(content.len() == before && !items.is_empty())
}

#[cfg(test)]
mod tests;
