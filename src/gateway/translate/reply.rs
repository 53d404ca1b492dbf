//! Replies in one piece, as the other API writes them.

use serde_json::{Value, json};

use super::content_to_chat::chat_call;
use super::content_to_messages::input;
use super::ends::{Calls, chat_usage, finish_reason, messages_usage, stop_reason};
use crate::gateway::exchange::ReplyFacts;
use crate::gateway::providers::text_at;

/// A chat completion as a message. With `n` above 1, the first choice.
pub(super) fn to_messages(tree: &Value, facts: &ReplyFacts) -> Value {
    let choice = tree.get("choices").and_then(|choices| choices.get(0));
    let message = choice.and_then(|choice| choice.get("message")).unwrap_or(&Value::Null);
    let mut content = Vec::new();
    if let Some(thinking) = reasoning(message) {
        content.push(json!({"type": "thinking", "thinking": thinking, "signature": ""}));
    }
    if !facts.text.is_empty() {
        content.push(json!({"type": "text", "text": facts.text}));
    }
    for call in &facts.calls {
        content.push(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input(call)}));
    }
    let calls = if facts.calls.is_empty() {
        Calls::None
    } else {
        Calls::Some
    };
    json!({
        "id": facts.id,
        "type": "message",
        "role": "assistant",
        "model": facts.model,
        "content": content,
        "stop_reason": stop_reason(facts.finish_reason.as_deref().unwrap_or_default(), calls),
        "stop_sequence": null,
        "usage": messages_usage(&facts.usage),
    })
}

/// What a compatible provider tells of the model's reasoning, in a message or a delta.
pub(super) fn reasoning(message: &Value) -> Option<&str> {
    let keys = ["reasoning_content", "reasoning"].iter();
    keys.map(|key| text_at(message, key)).find(|text| !text.is_empty())
}

/// A message as a chat completion.
pub(super) fn to_chat(tree: &Value, facts: &ReplyFacts, created: u64) -> Value {
    let mut message = json!({"role": "assistant", "content": facts.text, "refusal": null});
    if facts.text.is_empty() && !facts.calls.is_empty() {
        message["content"] = Value::Null;
    }
    let blocks = tree.get("content").and_then(Value::as_array).into_iter().flatten();
    let thinking: String = blocks.map(|block| text_at(block, "thinking")).collect();
    if !thinking.is_empty() {
        message["reasoning_content"] = thinking.into();
    }
    if !facts.calls.is_empty() {
        message["tool_calls"] = facts.calls.iter().map(chat_call).collect();
    }
    json!({
        "id": facts.id,
        "object": "chat.completion",
        "created": created,
        "model": facts.model,
        "choices": [{
            "index": 0,
            "message": message,
            "logprobs": null,
            "finish_reason": finish_reason(facts.finish_reason.as_deref().unwrap_or_default()),
        }],
        "usage": chat_usage(&facts.usage),
    })
}
