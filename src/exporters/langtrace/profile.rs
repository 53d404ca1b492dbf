//! A batch in Langtrace's words: its own attributes beside the emitter's, the conversation as events, and on each span what stood around
//! it, since the server forgets resource and scope. What a span says already in Langtrace's words stays as it is.

use std::{borrow::Cow, collections::HashSet, io};

use super::{
    Content,
    around::{Carried, cut},
    content::events,
    wire::{Attribute, Event, Link, Request, Resource, ResourceSpans, ScopeSpans, Span, Status, Value},
};
use crate::{
    dialects::{self, MessageKeys, Scopes, Search},
    otlp::{EventRef, KeyValueRef, SpanRef, TraceBatch, keys},
};

/// Start of the service names of our gateway's parts.
const GATEWAY: &str = "plano(";

/// OpenInference's kinds of spans that are calls of a model, with the operation that they are.
const MODEL_KINDS: [(&str, &str); 2] = [("LLM", "chat"), ("EMBEDDING", "embeddings")];

/// Operations of OTel GenAI that are calls of a model; the others are steps of an agent.
const MODEL_OPERATIONS: [&str; 6] = [
    "chat",
    "completion",
    "embeddings",
    "generate_content",
    "responses",
    "text_completion",
];

/// Providers' names that hold one of these are shown, and priced, under the other.
const VENDORS: [(&str, &str); 9] = [
    ("azure", "azure"),
    ("openai", "openai"),
    ("anthropic", "anthropic"),
    ("bedrock", "aws bedrock"),
    ("gemini", "gemini"),
    ("vertex", "vertexai"),
    ("mistral", "mistral"),
    ("x_ai", "xai"),
    ("xai", "xai"),
];

/// What a span is to Langtrace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A call of a model.
    Model,
    /// A step of an agent, a chain, or our gateway.
    Step,
    /// Anything else.
    Plain,
}

/// How spans are written.
#[derive(Clone, Copy)]
pub(super) struct Profile {
    content: Content,
}

/// What stands around a span.
struct Around<'a> {
    carried: &'a Carried<'a>,
    /// Name and version of the scope.
    scope: (&'a str, &'a str),
    messages: MessageKeys,
}

/// A request as it goes out.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) body: Vec<u8>,
    /// Spans whose end lay before their start.
    pub(super) mended: u64,
}

/// The request would be larger than allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// A body that takes no more than so many bytes.
struct Bounded {
    body: Vec<u8>,
    limit: usize,
}

impl io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.body.len() + more.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.body.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Profile {
    pub(super) fn new(content: Content) -> Profile {
        Profile { content }
    }

    /// The request. Stops where it would be longer than `limit`.
    pub(super) fn write(&self, batch: &TraceBatch, limit: usize) -> Result<Written, TooLong> {
        let resources: Vec<_> = batch.resource_spans().collect();
        let carried: Vec<_> = resources.iter().map(|resource| Carried::of(*resource)).collect();
        let mut scopes = Scopes::default();
        let mut spans = Vec::with_capacity(batch.span_count());
        let mut mended = 0;
        for (resource, carried) in resources.iter().zip(&carried) {
            for scope in resource.scope_spans() {
                let around = Around {
                    carried,
                    scope: (cut(scope.scope_name()), cut(scope.scope_version())),
                    messages: MessageKeys::of_scope(scope.scope_name()),
                };
                for span in scope.spans() {
                    mended += u64::from(span.end_unix_nano() < span.start_unix_nano());
                    let search = dialects::find(&span, &scope, &mut scopes);
                    spans.push(self.span(&span, &search, &around));
                }
            }
        }
        let request = Request {
            resource_spans: [ResourceSpans {
                resource: Resource {
                    attributes: carried.first().map(borrowed).unwrap_or_default(),
                },
                scope_spans: [ScopeSpans { spans }],
            }],
        };
        let mut out = Bounded {
            body: Vec::with_capacity((batch.byte_len() * 2).min(limit)),
            limit,
        };
        serde_json::to_writer(&mut out, &request).map_err(|_| TooLong)?;
        Ok(Written { body: out.body, mended })
    }

    fn span<'a>(&self, span: &SpanRef<'a>, search: &Search<'a>, around: &Around<'a>) -> Span<'a> {
        let said = self.said(span, search);
        let mut attributes: Vec<_> = span
            .attributes()
            .filter(|attribute| !self.is_left_out(attribute.key(), search, &said, around))
            .map(as_it_is)
            .collect();
        let has_messages = search.found.is_some();
        derive(&mut attributes, has_messages, around);
        surround(&mut attributes, span, around);
        let mut events: Vec<_> = span
            .events()
            .filter(|event| !self.is_event_left_out(event.name(), search, &said, around))
            .map(|event| self.event(event))
            .collect();
        events.extend(said);
        let status = span.status();
        Span {
            trace_id: span.trace_id().to_string(),
            span_id: span.span_id().to_string(),
            parent_span_id: span.parent_span_id().map(|id| id.to_string()),
            name: span.name(),
            kind: span.kind(),
            start_time_unix_nano: span.start_unix_nano(),
            end_time_unix_nano: span.end_unix_nano().max(span.start_unix_nano()),
            attributes,
            events,
            links: (span.links())
                .map(|link| Link {
                    trace_id: link.trace_id().to_string(),
                    span_id: link.span_id().to_string(),
                    attributes: link.attributes().map(as_it_is).collect(),
                })
                .collect(),
            status: Status {
                code: status.code,
                message: status.message,
            },
        }
    }

    /// The conversation as events, but for the side that the span has in this form already.
    fn said<'a>(&self, span: &SpanRef<'a>, search: &Search<'_>) -> Vec<Event<'a>> {
        let Some(found) = search.found.as_ref().filter(|_| self.content == Content::Keep) else {
            return Vec::new();
        };
        let messages = &found.conversation.messages;
        let mut said = events(span, &dialects::instructions(span), messages, found.replies);
        said.retain(|event| span.events().all(|there| there.name() != event.name));
        said
    }

    /// Whether an attribute stays here: message content that may not leave, or that is among the events.
    fn is_left_out(&self, key: &str, search: &Search<'_>, said: &[Event<'_>], around: &Around<'_>) -> bool {
        match self.content {
            Content::Drop => {
                key == keys::LLM_USER_MESSAGE_PREVIEW || search.has_content && search.is_content_key(key.as_bytes())
            }
            Content::Keep => !said.is_empty() && around.messages.is_read(key),
        }
    }

    /// The same for an event.
    fn is_event_left_out(&self, name: &str, search: &Search<'_>, said: &[Event<'_>], around: &Around<'_>) -> bool {
        match self.content {
            Content::Drop => search.has_content && search.is_content_event(name),
            Content::Keep => {
                let is_shown = name == keys::GEN_AI_CONTENT_PROMPT || name == keys::GEN_AI_CONTENT_COMPLETION;
                !said.is_empty() && !is_shown && around.messages.is_read_event(name)
            }
        }
    }

    fn event<'a>(&self, event: EventRef<'a>) -> Event<'a> {
        let leaves =
            |attribute: &KeyValueRef<'_>| self.content == Content::Keep || attribute.key() != keys::SIGNAL_SNIPPET;
        Event {
            time_unix_nano: event.time_unix_nano(),
            name: event.name(),
            attributes: event.attributes().filter(leaves).map(as_it_is).collect(),
        }
    }
}

fn as_it_is<'a>(attribute: KeyValueRef<'a>) -> Attribute<'a> {
    Attribute {
        key: Cow::Borrowed(attribute.key()),
        value: attribute.value().into(),
    }
}

/// What the spans of a resource carry, without a copy.
fn borrowed<'a>(carried: &'a Carried<'_>) -> Vec<Attribute<'a>> {
    let attributes = carried.attributes.iter();
    attributes
        .map(|attribute| Attribute {
            key: Cow::Borrowed(attribute.key.as_ref()),
            value: attribute.value.borrowed(),
        })
        .collect()
}

/// The first of these keys that says something.
fn first<'a>(attributes: &[Attribute<'a>], keys: &[&str]) -> Option<Value<'a>> {
    keys.iter().find_map(|key| {
        let found = attributes.iter().find(|attribute| attribute.key == *key)?;
        Some(found.value.clone()).filter(Value::says_something)
    })
}

fn text<'a>(attributes: &[Attribute<'a>], keys: &[&str]) -> Option<Cow<'a, str>> {
    match first(attributes, keys)? {
        Value::Text(text) => Some(text),
        Value::Int(_) => None,
    }
}

/// Adds it, unless the span has it.
fn add<'a>(attributes: &mut Vec<Attribute<'a>>, key: &'a str, value: Option<Value<'a>>) {
    if let Some(value) = value
        && first(attributes, &[key]).is_none()
    {
        attributes.retain(|attribute| attribute.key != key);
        attributes.push(Attribute {
            key: Cow::Borrowed(key),
            value,
        });
    }
}

/// What Langtrace's pages read, from what the emitter calls it.
fn derive<'a>(attributes: &mut Vec<Attribute<'a>>, has_messages: bool, around: &Around<'a>) {
    let kind = kind(attributes, has_messages, around);
    for (key, others) in [
        (keys::SESSION_ID, &keys::CONVERSATION_IDS[..]),
        (keys::USER_ID, &keys::USER_IDS),
    ] {
        let value = first(attributes, others);
        add(attributes, key, value);
    }
    let service = match kind {
        Kind::Plain => return,
        Kind::Step => ("framework", Cow::Borrowed(around.carried.service)),
        Kind::Model => {
            model(attributes);
            let provider = text(attributes, &[keys::GEN_AI_SYSTEM]);
            ("llm", provider.map_or(Cow::Borrowed("unknown"), vendor))
        }
    };
    let words = [
        (keys::LANGTRACE_SERVICE_TYPE, Cow::Borrowed(service.0)),
        (keys::LANGTRACE_SERVICE_NAME, service.1),
        (keys::LANGTRACE_SDK_NAME, Cow::Borrowed(env!("CARGO_PKG_NAME"))),
        (keys::LANGTRACE_VERSION, Cow::Borrowed(env!("CARGO_PKG_VERSION"))),
    ];
    for (key, value) in words {
        add(attributes, key, Some(Value::Text(value)));
    }
}

/// Model, provider, operation and tokens of a model's call.
fn model(attributes: &mut Vec<Attribute<'_>>) {
    let names = [
        (keys::GEN_AI_REQUEST_MODEL, &keys::REQUEST_MODELS[..]),
        (keys::GEN_AI_RESPONSE_MODEL, &keys::RESPONSE_MODELS),
        (keys::GEN_AI_SYSTEM, &keys::PROVIDERS),
        (keys::GEN_AI_OPERATION_NAME, &keys::OPERATIONS),
        (keys::GEN_AI_USAGE_INPUT_TOKENS, &keys::INPUT_TOKENS),
        (keys::GEN_AI_USAGE_OUTPUT_TOKENS, &keys::OUTPUT_TOKENS),
        (keys::GEN_AI_USAGE_TOTAL_TOKENS, &keys::TOTAL_TOKENS),
        (keys::GEN_AI_USAGE_CACHED_TOKENS, &keys::CACHED_TOKENS),
    ];
    for (key, others) in names {
        let value = first(attributes, others);
        add(attributes, key, value);
    }
    let of_kind = text(attributes, &[keys::OPENINFERENCE_SPAN_KIND]);
    let operation = MODEL_KINDS.iter().find(|(kind, _)| of_kind.as_deref() == Some(kind));
    let operation = operation.map_or("chat", |(_, operation)| operation);
    add(
        attributes,
        keys::GEN_AI_OPERATION_NAME,
        Some(Value::Text(Cow::Borrowed(operation))),
    );
    let count = |key| match first(attributes, &[key]) {
        Some(Value::Int(count)) => Some(count),
        _ => None,
    };
    let sum = count(keys::GEN_AI_USAGE_INPUT_TOKENS)
        .zip(count(keys::GEN_AI_USAGE_OUTPUT_TOKENS))
        .and_then(|(input, output)| input.checked_add(output));
    add(attributes, keys::GEN_AI_USAGE_TOTAL_TOKENS, sum.map(Value::Int));
}

fn kind(attributes: &[Attribute<'_>], has_messages: bool, around: &Around<'_>) -> Kind {
    let openinference = text(attributes, &[keys::OPENINFERENCE_SPAN_KIND]);
    let operation = text(attributes, &[keys::GEN_AI_OPERATION_NAME, keys::LLM_REQUEST_TYPE]);
    let is_model = match (&openinference, &operation) {
        (Some(kind), _) => MODEL_KINDS.iter().any(|(name, _)| name == kind),
        (None, Some(operation)) => MODEL_OPERATIONS.contains(&operation.as_ref()),
        (None, None) => {
            let models = [keys::GEN_AI_REQUEST_MODEL, keys::GEN_AI_RESPONSE_MODEL];
            has_messages || first(attributes, &models).is_some()
        }
    };
    let is_step = openinference.is_some()
        || operation.is_some()
        || first(attributes, &[keys::TRACELOOP_SPAN_KIND]).is_some()
        || around.carried.service.starts_with(GATEWAY);
    match (is_model, is_step) {
        (true, _) => Kind::Model,
        (false, true) => Kind::Step,
        (false, false) => Kind::Plain,
    }
}

/// A provider as Langtrace prices and draws it.
fn vendor(provider: Cow<'_, str>) -> Cow<'_, str> {
    let lower = provider.to_lowercase();
    match VENDORS.iter().find(|(part, _)| lower.contains(part)) {
        Some((_, name)) => Cow::Borrowed(name),
        None => provider,
    }
}

/// What the server forgets: the resource, the scope and the status's message, as attributes of the span. What the span itself says stays;
/// time and room grow with the number of attributes, which a stranger decides, and no faster.
fn surround<'a>(attributes: &mut Vec<Attribute<'a>>, span: &SpanRef<'a>, around: &Around<'a>) {
    let (carried, empty): (Vec<_>, Vec<_>) = borrowed(around.carried)
        .into_iter()
        .partition(|attribute| attribute.value.says_something());
    let words = [
        (keys::SERVICE_NAME, around.carried.service),
        (keys::OTEL_SCOPE_NAME, around.scope.0),
        (keys::OTEL_SCOPE_VERSION, around.scope.1),
        (keys::OTEL_STATUS_DESCRIPTION, span.status().message),
    ];
    let words = words.into_iter().filter(|(_, value)| !value.is_empty());
    let words = words.map(|(key, value)| Attribute::text(key, value));
    let saying = attributes.iter().filter(|attribute| attribute.value.says_something());
    let said: HashSet<Cow<'a, str>> = saying.map(|attribute| attribute.key.clone()).collect();
    let mut added: HashSet<Cow<'a, str>> = HashSet::new();
    let mut more = Vec::new();
    for attribute in carried.into_iter().chain(words).chain(empty) {
        if !said.contains(&attribute.key) && added.insert(attribute.key.clone()) {
            more.push(attribute);
        }
    }
    attributes.retain(|attribute| !added.contains(&attribute.key));
    attributes.append(&mut more);
}
