//! From a span to the conversation that it carries. One dialect per file, one table; each side of a conversation (input,
//! output) is taken from the first dialect of the table that has it. A span without any dialect's keys is recognised in one
//! pass over its keys, and no value is parsed. A span that repeats what the spans inside it say is left out (see `outer`).
//!
//! System instructions that stand outside the list of messages carry no signal and stay outside: an index into the conversation
//! is an index into the client's own list.

mod conversation_id;
mod failure;
mod generic;
mod genkit;
mod google_adk;
mod indexed;
mod instructions;
mod items;
mod langfuse;
mod langtrace;
mod litellm;
mod mended;
mod message;
mod mlflow;
mod node;
mod openinference;
mod openllmetry;
mod otel_events;
mod otel_json;
mod otel_messages;
mod outer;
mod pydantic_ai;
mod scopes;
mod spoken;
mod strands;
mod traceloop_entity;
mod vercel_ai;
mod whole;

pub(crate) use self::{
    instructions::instructions,
    items::Places,
    mended::{LineEnds, mended},
    message::{read as read_message, role, role_names},
    node::{Node, Tree},
    scopes::Scopes,
};
use self::{items::Said, scopes::Open};
pub use self::{
    outer::Standing,
    spoken::{Spoken, spoken},
};
use crate::{
    otlp::{AttributeOrEvent, ScopeSpansRef, SpanRef},
    signals::{Conversation, ModelFailure, Role},
};

/// One convention for carrying conversation content on spans.
pub(crate) struct Dialect {
    /// The value of the metrics' label `dialect`.
    pub(crate) name: &'static str,
    /// Whether it may stand under a scope of this name. For names that anybody may use.
    scope: fn(&str) -> bool,
    /// First bytes of its keys: a quick no before [`Dialect::carries`].
    starts: &'static [u8],
    /// Whether an attribute with this key carries message content.
    carries: fn(&[u8]) -> bool,
    /// Which of the attributes that it carries its reader passes over: content that is no message.
    unread: fn(&[u8]) -> bool,
    /// Whether an event of this name carries message content.
    carries_event: fn(&str) -> bool,
    /// Reads what the span has of it.
    read: for<'a> fn(&SpanRef<'a>) -> Content<'a>,
}

impl Dialect {
    /// What a dialect is that says nothing of itself: of any scope, without keys, without events.
    const NONE: Dialect = Dialect {
        name: "",
        scope: |_| true,
        starts: b"",
        carries: |_| false,
        unread: |_| false,
        carries_event: |_| false,
        read: |_| Content::default(),
    };

    fn carries_key(&self, key: &[u8]) -> bool {
        key.first().is_some_and(|first| self.starts.contains(first)) && (self.carries)(key)
    }
}

/// Every dialect, in the order of detection: backends' own keys, dialects of a scope, span events, whole-JSON attributes,
/// indexed keys, whatever an input and an output are.
static DIALECTS: [&Dialect; 16] = [
    &langfuse::DIALECT,
    &vercel_ai::DIALECT,
    &pydantic_ai::DIALECT,
    &strands::DIALECT,
    &google_adk::DIALECT,
    &langtrace::DIALECT,
    &otel_events::DIALECT,
    &otel_messages::DIALECT,
    &otel_json::DIALECT,
    &litellm::DIALECT,
    &openllmetry::DIALECT,
    &openinference::DIALECT,
    &genkit::DIALECT,
    &mlflow::DIALECT,
    &traceloop_entity::DIALECT,
    &generic::DIALECT,
];

/// All but the last: the generic keys are content only where a conversation is found in them, or may be.
const DISTINCT: usize = DIALECTS.len() - 1;

/// Names of all dialects, in the order of detection; [`Found::dialect`] is an index into them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    DIALECTS.iter().map(|dialect| dialect.name)
}

/// What one dialect found on a span.
#[derive(Default)]
struct Content<'a> {
    input: Said<'a>,
    output: Said<'a>,
    /// Values that should have held messages and could not be read.
    unparsed: usize,
    /// Whether a value of a key that need not be a dialect's could not be read, and may hold messages all the same.
    may_hide_messages: bool,
}

/// The conversation of a span.
pub(crate) struct Found<'a> {
    pub(crate) conversation: Conversation<'a>,
    /// How many of the messages, the last ones, are the model's answer.
    pub(crate) replies: usize,
    /// Where its messages stand in the client's list.
    pub(crate) places: Places,
    /// Index of the dialect of the input, else of the output, in [`names`].
    pub(crate) dialect: usize,
    /// What the application calls the conversation, the session or the thread that the span belongs to.
    pub(crate) conversation_id: Option<&'a str>,
    /// What the span says of its failure, where it failed.
    pub(crate) failure: Option<ModelFailure<'a>>,
}

/// Which keys and events of a scope's spans hold messages, for who looks at keys alone.
#[derive(Debug, Clone, Copy)]
pub struct MessageKeys {
    open: Open,
}

impl MessageKeys {
    /// Those of a scope of that name.
    #[must_use]
    pub fn of_scope(name: &str) -> MessageKeys {
        MessageKeys {
            open: DIALECTS.map(|dialect| (dialect.scope)(name)),
        }
    }

    fn dialects(&self) -> impl Iterator<Item = &'static Dialect> {
        let all = DIALECTS.iter().zip(self.open);
        all.filter_map(|(dialect, open)| open.then_some(*dialect))
    }

    /// Whether messages are read from the attribute, if its value holds any.
    #[must_use]
    pub fn is_read(&self, key: &str) -> bool {
        let key = key.as_bytes();
        is_candidate(key) && (self.dialects()).any(|dialect| dialect.carries_key(key) && !(dialect.unread)(key))
    }

    /// Whether messages are read from events of that name.
    #[must_use]
    pub fn is_read_event(&self, name: &str) -> bool {
        is_candidate_event(name) && self.dialects().any(|dialect| (dialect.carries_event)(name))
    }
}

/// What [`find`] saw.
pub(crate) struct Search<'a> {
    pub(crate) found: Option<Found<'a>>,
    /// Whether any key or event of a dialect is there, readable or not. Of the generic keys: whether there are messages in them, or
    /// may be.
    pub(crate) has_content: bool,
    /// Values that could not be read, by index of the dialect.
    pub(crate) unparsed: [usize; DIALECTS.len()],
    /// Which dialects may stand under the span's scope.
    open: Open,
}

impl Search<'_> {
    /// Whether an attribute with this key carries message content, in any dialect of the scope: what `content: drop` removes.
    pub(crate) fn is_content_key(&self, key: &[u8]) -> bool {
        let mut open = DIALECTS.iter().zip(self.open).filter(|(_, open)| *open);
        is_candidate(key) && open.any(|(dialect, _)| dialect.carries_key(key))
    }

    /// Whether an event with this name carries message content.
    pub(crate) fn is_content_event(&self, name: &str) -> bool {
        let mut open = DIALECTS.iter().zip(self.open).filter(|(_, open)| *open);
        is_candidate_event(name) && open.any(|(dialect, _)| (dialect.carries_event)(name))
    }
}

/// Looks for a conversation. Allocates nothing on a span that has none.
pub(crate) fn find<'a>(span: &SpanRef<'a>, scope: &ScopeSpansRef<'_>, scopes: &mut Scopes) -> Search<'a> {
    find_unless(span, scope, scopes, outer::is_outer)
}

/// The conversation of a span, be it one that repeats what the spans inside it say.
pub(crate) fn find_repeated<'a>(span: &SpanRef<'a>, scope: &ScopeSpansRef<'_>) -> Option<(Found<'a>, Standing)> {
    let standing = Standing::of(span);
    let none = |_: &SpanRef<'_>| standing == Standing::NoConversation;
    let found = find_unless(span, scope, &mut Scopes::default(), none).found?;
    Some((found, standing))
}

fn find_unless<'a>(
    span: &SpanRef<'a>,
    scope: &ScopeSpansRef<'_>,
    scopes: &mut Scopes,
    is_left_out: impl Fn(&SpanRef<'a>) -> bool,
) -> Search<'a> {
    let mut search = Search {
        found: None,
        has_content: false,
        unparsed: [0; DIALECTS.len()],
        open: [false; DIALECTS.len()],
    };
    let mut present = recognise(span);
    if !present.contains(&true) {
        return search;
    }
    search.open = scopes.open(scope);
    for (present, open) in present.iter_mut().zip(search.open) {
        *present &= open;
    }
    if is_left_out(span) {
        search.has_content = present.contains(&true);
        return search;
    }
    read(span, &present, &mut search);
    search.has_content |= search.found.is_some() || present[..DISTINCT].contains(&true);
    search
}

/// Reads each side from the first dialect that has it.
fn read<'a>(span: &SpanRef<'a>, present: &[bool; DIALECTS.len()], search: &mut Search<'a>) {
    let (mut input, mut output) = (Said::default(), Said::default());
    let mut first = None;
    for (i, dialect) in DIALECTS.iter().enumerate().filter(|(i, _)| present[*i]) {
        let content = (dialect.read)(span);
        search.unparsed[i] = content.unparsed;
        search.has_content |= content.may_hide_messages;
        for (side, read) in [(&mut input, content.input), (&mut output, content.output)] {
            if side.is_empty() && read.says_something() {
                *side = read;
                first = first.or(Some(i));
            }
        }
        if !input.is_empty() && !output.is_empty() {
            break;
        }
    }
    if let Some(dialect) = first {
        let replies = output.messages.len();
        input.append(output);
        let Said { messages, places } = input;
        search.found = Some(Found {
            conversation: Conversation { messages },
            replies,
            places,
            dialect,
            conversation_id: conversation_id::of(span),
            failure: failure::of(span),
        });
    }
}

/// Which dialects have a key or an event on the span.
fn recognise(span: &SpanRef<'_>) -> [bool; DIALECTS.len()] {
    let mut present = [false; DIALECTS.len()];
    for item in span.attributes_and_events() {
        match item {
            AttributeOrEvent::Attribute(attribute) => {
                let key = attribute.key_bytes();
                if is_candidate(key) {
                    mark(&mut present, |dialect| dialect.carries_key(key));
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
        Some(b'a') => key.starts_with(b"ai.") || key == b"all_messages_events",
        Some(b'e') => key == b"events" || key.starts_with(b"embedding."),
        Some(b'f') => key == b"final_result",
        Some(b'g') => {
            key.starts_with(b"gen_ai.") || key.starts_with(b"gcp.vertex.agent.") || key.starts_with(b"genkit:")
        }
        Some(b'i') => key.starts_with(b"input"),
        Some(b'l') => key.starts_with(b"llm.") || key.starts_with(b"langfuse."),
        Some(b'm') => key.starts_with(b"mlflow.span") || key == b"model_request_parameters",
        Some(b'o') => key.starts_with(b"output"),
        Some(b'p') => key == b"pydantic_ai.all_messages",
        Some(b'r') => {
            matches!(key, b"request_data" | b"response_data")
                || key.starts_with(b"retrieval.")
                || key.starts_with(b"reranker.")
        }
        Some(b't') => key.starts_with(b"traceloop.") || key.starts_with(b"tool_") || key.starts_with(b"tool."),
        _ => false,
    }
}

/// The same for the names of events.
fn is_candidate_event(name: &str) -> bool {
    name.starts_with("gen_ai.") || name == langtrace::CHUNK
}

/// Reads a tree that holds a list of messages, or one message.
fn read_messages<'a>(tree: &Node<'a>, fallback: Role, content: &mut Said<'a>) -> usize {
    let items = match tree {
        Node::List(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    let is_readable = |item: &Node<'a>| matches!(item, Node::Map(_) | Node::Text(_) | Node::List(_));
    if !items.iter().any(is_readable) {
        return usize::from(!items.is_empty());
    }
    content.extend(items.iter().map(|item| whole::any(item, fallback)));
    0
}

#[cfg(test)]
mod tests;
