//! Responses for providers that speak chat completions, or messages by way of these: what a response object is made of.
//!
//! The object repeats the request's settings, as OpenAI's does, and has ids of the gateway's own.

pub(super) mod reply;
pub(super) mod request;
pub(super) mod stream;

mod items;

use serde_json::{Map, Value, json};

use super::Terms;
use crate::gateway::exchange::{Call, Usage};

/// The API that a provider is asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Base {
    Chat,
    Messages,
}

/// What a response says that its request decides.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// What makes the ids different from all others.
    seed: String,
    created: u64,
    model: String,
    settings: Map<String, Value>,
}

/// Settings that a response repeats, and what they are where the request does not say.
fn defaults() -> [(&'static str, Value); 15] {
    [
        ("background", json!(false)),
        ("instructions", Value::Null),
        ("max_output_tokens", Value::Null),
        ("metadata", json!({})),
        ("parallel_tool_calls", json!(true)),
        ("previous_response_id", Value::Null),
        ("reasoning", json!({"effort": null, "summary": null})),
        ("store", json!(true)),
        ("temperature", json!(1.0)),
        ("text", json!({"format": {"type": "text"}})),
        ("tool_choice", json!("auto")),
        ("tools", json!([])),
        ("top_p", json!(1.0)),
        ("truncation", json!("disabled")),
        ("user", Value::Null),
    ]
}

/// How a response ended, if it has.
#[derive(Debug)]
struct Outcome<'a> {
    status: &'static str,
    /// Why it is not whole.
    incomplete: Option<&'static str>,
    error: Value,
    output: Vec<Value>,
    usage: Option<&'a Usage>,
}

impl Envelope {
    pub(super) fn new(tree: &Map<String, Value>, terms: Terms<'_>) -> Self {
        let setting = |(key, default): (&str, Value)| {
            let told = tree.get(key).filter(|value| !value.is_null()).cloned();
            (key.to_owned(), told.unwrap_or(default))
        };
        Self {
            seed: format!("{:032x}", terms.seed),
            created: terms.created,
            model: terms.model.to_owned(),
            settings: defaults().into_iter().map(setting).collect(),
        }
    }

    /// Seconds since 1970.
    pub(super) fn created(&self) -> u64 {
        self.created
    }

    fn id(&self) -> String {
        format!("resp_{}", self.seed)
    }

    /// The id of the item at that place of the output.
    fn item_id(&self, prefix: &str, index: usize) -> String {
        format!("{prefix}_{}{index:04x}", self.seed)
    }

    /// The id of a call that the provider gave none.
    fn call_id(&self, id: &str, index: usize) -> String {
        match id {
            "" => self.item_id("call", index),
            id => id.to_owned(),
        }
    }

    /// The response object; `model` as the provider tells it.
    fn response(&self, model: &Value, outcome: Outcome<'_>) -> Value {
        let mut response = json!({
            "id": self.id(),
            "object": "response",
            "created_at": self.created,
            "status": outcome.status,
            "error": outcome.error,
            "incomplete_details": outcome.incomplete.map(|reason| json!({"reason": reason})),
            "model": model.as_str().unwrap_or(&self.model),
            "output": outcome.output,
            "usage": outcome.usage.map(usage),
        });
        if let Value::Object(response) = &mut response {
            response.extend(self.settings.clone());
        }
        response
    }
}

/// The status of a response, and why it is not whole, by the reason that chat completions give for a reply's end.
fn status(finish_reason: &str) -> (&'static str, Option<&'static str>) {
    match finish_reason {
        "length" => ("incomplete", Some("max_output_tokens")),
        "content_filter" => ("incomplete", Some("content_filter")),
        _ => ("completed", None),
    }
}

/// Usage as responses tell it.
fn usage(usage: &Usage) -> Value {
    let (input, output) = (usage.prompt.unwrap_or_default(), usage.completion.unwrap_or_default());
    json!({
        "input_tokens": input,
        "input_tokens_details": {"cached_tokens": usage.cached_input.unwrap_or_default()},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning.unwrap_or_default()},
        "total_tokens": usage.total.unwrap_or(input.saturating_add(output)),
    })
}

/// A part of a message that the model said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
}

fn part(kind: Kind, text: &str) -> Value {
    match kind {
        Kind::Text => json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []}),
        Kind::Refusal => json!({"type": "refusal", "refusal": text}),
    }
}

fn message_item(id: &str, status: &str, content: Vec<Value>) -> Value {
    json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content})
}

fn summary(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

fn reasoning_item(id: &str, summary: Vec<Value>) -> Value {
    json!({"id": id, "type": "reasoning", "summary": summary})
}

fn call_item(id: &str, status: &str, call: &Call) -> Value {
    json!({
        "id": id,
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    })
}
