//! Anthropic's messages: what requests and replies say. Passes over what it does not know.

use serde_json::{Map, Value, json};

use super::{chat::content_text, text_at, text_part};
use crate::gateway::exchange::{Call, ReplyFacts, Usage};

/// The system prompt and the messages in the shape of `gen_ai.input.messages`.
pub(super) fn input_messages(system: Option<&Value>, list: &[Value]) -> Vec<Value> {
    let mut messages = Vec::with_capacity(list.len() + 1);
    let parts = content_parts(system);
    if !parts.is_empty() {
        messages.push(json!({"role": "system", "parts": parts}));
    }
    for message in list {
        // Tool results stand in users' messages; each becomes a message of its own, since it is the tool that speaks.
        let is_result = |part: &Value| part["type"] == "tool_call_response";
        let parts = content_parts(message.get("content"));
        let (results, rest): (Vec<Value>, Vec<Value>) = parts.into_iter().partition(is_result);
        let only_results = !results.is_empty() && rest.is_empty();
        messages.extend(results.into_iter().map(|part| json!({"role": "tool", "parts": [part]})));
        if !only_results {
            messages.push(json!({"role": text_at(message, "role"), "parts": rest}));
        }
    }
    messages
}

fn content_parts(content: Option<&Value>) -> Vec<Value> {
    match content {
        Some(Value::String(text)) => vec![text_part(text)],
        Some(Value::Array(blocks)) => blocks.iter().map(content_part).collect(),
        _ => Vec::new(),
    }
}

/// A block without the bytes of what it holds.
fn content_part(block: &Value) -> Value {
    let kind = text_at(block, "type");
    match kind {
        "text" => text_part(text_at(block, "text")),
        "thinking" => json!({"type": "reasoning", "content": text_at(block, "thinking")}),
        "tool_use" => json!({
            "type": "tool_call", "id": block["id"], "name": block["name"], "arguments": block["input"],
        }),
        "tool_result" => json!({
            "type": "tool_call_response",
            "id": block["tool_use_id"],
            "response": content_text(block.get("content")),
        }),
        "image" | "document" => {
            let source = &block["source"];
            match text_at(source, "type") {
                "url" => json!({"type": "uri", "modality": kind, "uri": source["url"]}),
                "file" => json!({"type": "file", "modality": kind, "file_id": source["file_id"]}),
                _ => json!({"type": "blob", "modality": kind, "mime_type": source["media_type"]}),
            }
        }
        _ => json!({"type": kind}),
    }
}

/// Names of the tools of a request.
pub(super) fn tool_names(tree: &Map<String, Value>) -> Vec<String> {
    let tools = tree.get("tools").and_then(Value::as_array).into_iter().flatten();
    tools
        .filter_map(|tool| Some(tool.get("name")?.as_str()?.to_owned()))
        .collect()
}

/// A reply in one piece.
pub(in crate::gateway) fn read_reply(tree: &Map<String, Value>) -> ReplyFacts {
    let text = |key: &str| tree.get(key).and_then(Value::as_str).map(str::to_owned);
    let content = tree.get("content").and_then(Value::as_array);
    let mut facts = ReplyFacts {
        id: text("id"),
        model: text("model"),
        finish_reason: text("stop_reason"),
        complete: content.is_some(),
        ..ReplyFacts::default()
    };
    for block in content.into_iter().flatten() {
        match text_at(block, "type") {
            "text" => facts.text.push_str(text_at(block, "text")),
            "tool_use" => facts.calls.push(call(block)),
            _ => {}
        }
    }
    let mut counts = Counts::default();
    counts.read(tree.get("usage").unwrap_or(&Value::Null));
    facts.usage = counts.usage();
    facts
}

/// The call of a `tool_use` block, its input as text; empty where there is no input, as at the start of a streamed block.
pub(in crate::gateway) fn call(block: &Value) -> Call {
    let input = block.get("input").filter(|input| !input.is_null());
    Call {
        id: text_at(block, "id").to_owned(),
        name: text_at(block, "name").to_owned(),
        arguments: input.map(Value::to_string).unwrap_or_default(),
    }
}

/// Tokens as this API counts them: input without what was read from or written into a cache. Later counts of a stream replace
/// earlier ones.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::gateway) struct Counts {
    input: Option<i64>,
    output: Option<i64>,
    cache_read: Option<i64>,
    cache_creation: Option<i64>,
    thinking: Option<i64>,
}

impl Counts {
    /// Takes over what a `usage` object says.
    pub(in crate::gateway) fn read(&mut self, usage: &Value) {
        let number = |path: &str| usage.pointer(path).and_then(Value::as_i64);
        self.input = number("/input_tokens").or(self.input);
        self.output = number("/output_tokens").or(self.output);
        self.cache_read = number("/cache_read_input_tokens").or(self.cache_read);
        self.cache_creation = number("/cache_creation_input_tokens").or(self.cache_creation);
        self.thinking = number("/output_tokens_details/thinking_tokens").or(self.thinking);
    }

    /// All tokens of the request as `prompt`, as OpenTelemetry and OpenAI count them.
    pub(in crate::gateway) fn usage(&self) -> Usage {
        let cached = self.cache_read.unwrap_or_default();
        let written = self.cache_creation.unwrap_or_default();
        let prompt = self
            .input
            .map(|input| input.saturating_add(cached).saturating_add(written));
        Usage {
            prompt,
            completion: self.output,
            total: prompt
                .zip(self.output)
                .map(|(prompt, output)| prompt.saturating_add(output)),
            cached_input: self.cache_read,
            cache_creation: self.cache_creation,
            reasoning: self.thinking,
        }
    }
}
