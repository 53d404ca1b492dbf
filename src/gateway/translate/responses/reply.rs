//! A chat completion in one piece as a response.

use serde_json::Value;

use super::super::reply::reasoning;
use super::{Envelope, Kind, Outcome, call_item, message_item, part, reasoning_item, status, summary};
use crate::gateway::exchange::Usage;
use crate::gateway::providers::{chat, text_at};

/// With `n` above 1, the first choice.
pub(in crate::gateway::translate) fn from_chat(tree: &Value, envelope: &Envelope) -> Value {
    let choice = tree
        .get("choices")
        .and_then(|choices| choices.get(0))
        .unwrap_or(&Value::Null);
    let message = choice.get("message").unwrap_or(&Value::Null);
    let (status, incomplete) = status(text_at(choice, "finish_reason"));
    let mut output: Vec<Value> = Vec::new();
    if let Some(text) = reasoning(message) {
        output.push(reasoning_item(&envelope.item_id("rs", 0), vec![summary(text)]));
    }
    let text = chat::content_text(message.get("content"));
    let parts = [
        (Kind::Text, text.as_ref()),
        (Kind::Refusal, text_at(message, "refusal")),
    ];
    let parts = parts.into_iter().filter(|(_, text)| !text.is_empty());
    let content: Vec<Value> = parts.map(|(kind, text)| part(kind, text)).collect();
    if !content.is_empty() {
        output.push(message_item(&envelope.item_id("msg", output.len()), status, content));
    }
    let calls = chat::calls(message);
    let last = calls.len();
    for (number, mut call) in (1..).zip(calls) {
        let index = output.len();
        call.id = envelope.call_id(&call.id, index);
        if call.arguments.is_empty() {
            call.arguments.push_str("{}");
        }
        // Of a reply that was cut, the last call was.
        let status = if number == last { status } else { "completed" };
        output.push(call_item(&envelope.item_id("fc", index), status, &call));
    }
    let mut usage = Usage::default();
    let told = chat::usage_of(tree);
    if let Some(told) = told {
        chat::read_usage(told, &mut usage);
    }
    let outcome = Outcome {
        status,
        incomplete,
        error: Value::Null,
        output,
        usage: told.map(|_| &usage),
    };
    envelope.response(tree.get("model").unwrap_or(&Value::Null), outcome)
}
