//! What a span says of itself beyond its fields: which component recorded it, whether it failed and why, its tokens, its
//! flag. One place for the names that different instrumentations use for the same thing.

use super::{
    model::{Span, Trace, Value},
    usage::Usage,
};
use crate::{otlp::keys, signals::Quality};

/// The component of the gateway that recorded a span, from its service name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `plano(inbound)`.
    Inbound,
    /// `plano(handoff)`, in older data `plano(outbound)`.
    Handoff,
    /// `plano(orchestrator)`.
    Orchestrator,
    /// `plano(routing)`.
    Routing,
    /// `plano(agent)`.
    Agent,
    /// `plano(llm)`.
    Llm,
    /// `plano(filter)`.
    Filter,
    /// Any other service.
    Other,
}

impl Role {
    /// By the service's name.
    pub fn of(service: &str) -> Role {
        match service {
            "plano(inbound)" => Role::Inbound,
            "plano(handoff)" | "plano(outbound)" => Role::Handoff,
            "plano(orchestrator)" => Role::Orchestrator,
            "plano(routing)" => Role::Routing,
            "plano(agent)" => Role::Agent,
            "plano(llm)" => Role::Llm,
            "plano(filter)" => Role::Filter,
            _ => Role::Other,
        }
    }
}

/// The mark that the signals processor puts on a name.
pub(super) const FLAG: char = '\u{1F6A9}';

/// Whether the span carries a concerning conversation.
pub(super) fn is_flagged(span: &Span) -> bool {
    span.name.ends_with(FLAG) || matches!(span.attribute("signals.flagged"), Some(Value::Bool(true)))
}

/// The quality of the span's conversation.
pub(super) fn quality(span: &Span) -> Option<Quality> {
    match span.attribute(keys::SIGNALS_QUALITY)? {
        Value::Str(name) => quality_named(name),
        _ => None,
    }
}

/// The quality of that name.
pub(super) fn quality_named(name: &str) -> Option<Quality> {
    Quality::ALL.into_iter().find(|quality| quality.name() == name)
}

/// The session that the span belongs to.
pub(super) fn session(span: &Span) -> Option<String> {
    first_text(span, &keys::CONVERSATION_IDS)
}

/// What emitters call the model: the gateway's own name first, then the one that answered before the one that was asked.
const MODEL: [&str; 6] = [
    keys::LLM_MODEL,
    keys::GEN_AI_RESPONSE_MODEL,
    keys::AI_RESPONSE_MODEL,
    keys::GEN_AI_REQUEST_MODEL,
    keys::LLM_RESPONSE_MODEL_NAME,
    keys::LLM_MODEL_NAME,
];

/// The model that the span is a call of.
pub(super) fn model(span: &Span) -> Option<String> {
    first_text(span, &MODEL)
}

/// The first of those attributes that holds text.
pub(super) fn first_text(span: &Span, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| match span.attribute(key) {
        Some(Value::Str(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    })
}

/// HTTP status, by its older or its stable name.
pub(super) fn http_status(span: &Span) -> Option<u16> {
    ["http.status_code", "http.response.status_code"]
        .iter()
        .find_map(|key| span.attribute(key)?.number())
        .filter(|code| (100.0..1000.0).contains(code))
        .map(|code| code as u16)
}

/// Whether that attribute tells of a failure.
pub(super) fn is_error_key(key: &str, value: &Value) -> bool {
    match key {
        "error" => {
            !matches!(value, Value::Bool(false) | Value::Empty) && !matches!(value.text().as_str(), "false" | "")
        }
        "http.status_code" | "http.response.status_code" => value.number().is_some_and(|code| code >= 400.0),
        _ => key.starts_with("error.") && !value.text().is_empty(),
    }
}

/// Why the span failed, in a few words: status message, else `error.*`, else the exception, else the HTTP status.
/// `None` for a span that did not fail.
pub(super) fn error(span: &Span) -> Option<String> {
    let text = |key: &str| {
        span.attribute(key)
            .map(Value::text)
            .filter(|text| !text.is_empty() && text != "false")
    };
    let attributes = || {
        let (kind, message) = (text("error.type"), text("error.message").or_else(|| text("error")));
        match (kind, message) {
            (Some(kind), Some(message)) if kind != message => Some(format!("{kind}: {message}")),
            (kind, message) => message.or(kind),
        }
    };
    let exception = || {
        let event = span.events.iter().find(|event| event.name == "exception")?;
        let part = |key| super::model::find(&event.attributes, key).map(Value::text);
        match (part("exception.type"), part("exception.message")) {
            (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
            (kind, message) => Some(kind.or(message).unwrap_or_else(|| "exception".to_owned())),
        }
    };
    let http = || {
        http_status(span)
            .filter(|code| *code >= 400)
            .map(|code| format!("HTTP {code}"))
    };
    let other = || span.attributes.iter().any(|pair| is_error_key(&pair.key, &pair.value));
    if span.status.code == 2 && !span.status.message.is_empty() {
        return Some(span.status.message.clone());
    }
    let found = attributes().or_else(exception).or_else(http);
    found.or_else(|| (span.status.code == 2 || other()).then(|| "error".to_owned()))
}

/// What a whole trace amounts to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Facts {
    /// Spans that failed.
    pub errors: usize,
    /// Spans with a flag.
    pub flags: usize,
    /// Tokens sent to models.
    pub tokens_in: u64,
    /// Tokens that models wrote.
    pub tokens_out: u64,
    /// Shortest and longest time to the first token of a model call, milliseconds.
    pub first_token: Option<(f64, f64)>,
    /// What the model calls cost, USD: what their spans say, else the list price of their tokens. None where that is known of none.
    pub cost_usd: Option<f64>,
    /// Model calls that cost something, but nobody knows what.
    pub unpriced: usize,
}

impl Facts {
    /// Sums over the trace. Where a span's descendant counts tokens too, only the descendant counts: an agent's own span
    /// often repeats the sum of its model calls.
    pub fn of(trace: &Trace) -> Facts {
        let parents = super::tree::parents(&trace.spans);
        let usage: Vec<_> = trace.spans.iter().map(Usage::of).collect();
        let mut counted_below = vec![false; trace.spans.len()];
        for (index, _) in usage.iter().enumerate().filter(|(_, usage)| usage.is_some()) {
            let mut above = parents[index];
            while let Some(parent) = above.filter(|parent| !counted_below[*parent]) {
                counted_below[parent] = true;
                above = parents[parent];
            }
        }
        let mut facts = Facts::default();
        for (index, span) in trace.spans.iter().enumerate() {
            facts.errors += usize::from(error(span).is_some());
            facts.flags += usize::from(is_flagged(span));
            if let Some(usage) = usage[index].filter(|_| !counted_below[index]) {
                facts.tokens_in = facts.tokens_in.saturating_add(usage.input);
                facts.tokens_out = facts.tokens_out.saturating_add(usage.output);
                match usage.cost_usd {
                    Some(cost) => facts.cost_usd = Some(facts.cost_usd.unwrap_or(0.0) + cost),
                    None => facts.unpriced += 1,
                }
            }
            if let Some(wait) = span.attribute("llm.time_to_first_token").and_then(Value::number) {
                let (low, high) = facts.first_token.unwrap_or((wait, wait));
                facts.first_token = Some((low.min(wait), high.max(wait)));
            }
        }
        facts
    }
}
