//! OpenAI's chat completions: what requests, replies and chunks say. Reads what compatible providers write beside it
//! (`reasoning_content`, usage in `x_groq`, calls without an index), and passes over what it does not know.

use serde_json::{Map, Value, json};

use super::{data_url, parsed, text_at, text_part};
use crate::gateway::exchange::{Call, ReplyFacts, Usage};

/// Messages in the shape of `gen_ai.input.messages`.
pub(super) fn input_messages(list: &[Value]) -> Vec<Value> {
    list.iter().map(input_message).collect()
}

fn input_message(message: &Value) -> Value {
    let role = match text_at(message, "role") {
        "function" => "tool",
        role => role,
    };
    let mut parts = Vec::new();
    if role == "tool" {
        let id = match text_at(message, "tool_call_id") {
            "" => text_at(message, "name"),
            id => id,
        };
        let response = content_text(message.get("content"));
        parts.push(json!({"type": "tool_call_response", "id": id, "response": response}));
        return json!({"role": role, "parts": parts});
    }
    match text_at(message, "reasoning_content") {
        "" => {}
        reasoning => parts.push(json!({"type": "reasoning", "content": reasoning})),
    }
    match message.get("content") {
        Some(Value::String(text)) => parts.push(text_part(text)),
        Some(Value::Array(content)) => parts.extend(content.iter().map(content_part)),
        _ => {}
    }
    match text_at(message, "refusal") {
        "" => {}
        refusal => parts.push(text_part(refusal)),
    }
    for call in calls(message) {
        parts.push(json!({
            "type": "tool_call", "id": call.id, "name": call.name, "arguments": parsed(&call.arguments),
        }));
    }
    json!({"role": role, "parts": parts})
}

/// A part without the bytes of what it holds.
fn content_part(part: &Value) -> Value {
    let kind = text_at(part, "type");
    match kind {
        "text" | "input_text" | "output_text" => text_part(text_at(part, "text")),
        "refusal" => text_part(text_at(part, "refusal")),
        "image_url" => {
            let url = part["image_url"].as_str();
            let url = url.unwrap_or_else(|| text_at(&part["image_url"], "url"));
            match url.strip_prefix("data:") {
                None => json!({"type": "uri", "modality": "image", "uri": url}),
                Some(_) => {
                    let media_type = data_url(url).map(|(media_type, _)| media_type);
                    json!({"type": "blob", "modality": "image", "mime_type": media_type})
                }
            }
        }
        "input_audio" => {
            let media_type = format!("audio/{}", text_at(&part["input_audio"], "format"));
            json!({"type": "blob", "modality": "audio", "mime_type": media_type})
        }
        "file" => match part["file"]["file_id"].as_str() {
            Some(id) => json!({"type": "file", "modality": "document", "file_id": id}),
            None => {
                let media_type = data_url(text_at(&part["file"], "file_data")).map(|(media_type, _)| media_type);
                json!({"type": "blob", "modality": "document", "mime_type": media_type})
            }
        },
        _ => json!({"type": kind}),
    }
}

/// The text of a message's content, its parts joined by LF.
pub(in crate::gateway) fn content_text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// The calls of an assistant's message, those of the older `function_call` included.
pub(in crate::gateway) fn calls(message: &Value) -> Vec<Call> {
    let call = |id: &str, function: &Value| Call {
        id: id.to_owned(),
        name: text_at(function, "name").to_owned(),
        arguments: match text_at(function, "arguments") {
            "" => text_at(function, "input").to_owned(),
            arguments => arguments.to_owned(),
        },
    };
    let list = message.get("tool_calls").and_then(Value::as_array);
    let mut found: Vec<Call> = list
        .into_iter()
        .flatten()
        .map(|tree| {
            let function = tree.get("function").or_else(|| tree.get("custom")).unwrap_or(tree);
            call(text_at(tree, "id"), function)
        })
        .collect();
    if let Some(function @ Value::Object(_)) = message.get("function_call") {
        found.push(call("", function));
    }
    found
}

/// Names of the tools of a request.
pub(super) fn tool_names(tree: &Map<String, Value>) -> Vec<String> {
    let lists = ["tools", "functions"]
        .iter()
        .filter_map(|key| tree.get(*key)?.as_array());
    let name = |tool: &Value| {
        let inner = tool.get("function").or_else(|| tool.get("custom")).unwrap_or(tool);
        Some(inner.get("name")?.as_str()?.to_owned())
    };
    lists.flatten().filter_map(name).collect()
}

/// A reply in one piece.
pub(in crate::gateway) fn read_reply(tree: &Map<String, Value>) -> ReplyFacts {
    let text = |key: &str| tree.get(key).and_then(Value::as_str).map(str::to_owned);
    let first = tree.get("choices").and_then(|choices| choices.get(0));
    let message = first.and_then(|choice| choice.get("message")).unwrap_or(&Value::Null);
    let mut facts = ReplyFacts {
        id: text("id"),
        model: text("model"),
        text: content_text(message.get("content")) + text_at(message, "refusal"),
        calls: calls(message),
        finish_reason: first
            .and_then(|choice| choice.get("finish_reason")?.as_str())
            .map(str::to_owned),
        complete: first.is_some(),
        ..ReplyFacts::default()
    };
    if let Some(usage) = usage_of(tree) {
        read_usage(usage, &mut facts.usage);
    }
    facts
}

/// The usage of a reply or a chunk.
pub(in crate::gateway) fn usage_of(tree: &Map<String, Value>) -> Option<&Value> {
    let usage = tree.get("usage").filter(|usage| usage.is_object());
    usage.or_else(|| tree.get("x_groq")?.get("usage"))
}

/// Takes over what a `usage` object says.
pub(in crate::gateway) fn read_usage(usage: &Value, into: &mut Usage) {
    let number = |path: &str| usage.pointer(path).and_then(Value::as_i64);
    let mut set = |field: fn(&mut Usage) -> &mut Option<i64>, paths: &[&str]| {
        if let Some(count) = paths.iter().find_map(|path| number(path)) {
            *field(into) = Some(count);
        }
    };
    set(|usage| &mut usage.prompt, &["/prompt_tokens"]);
    set(|usage| &mut usage.completion, &["/completion_tokens"]);
    set(|usage| &mut usage.total, &["/total_tokens"]);
    set(
        |usage| &mut usage.cached_input,
        &["/prompt_tokens_details/cached_tokens", "/prompt_cache_hit_tokens"],
    );
    set(
        |usage| &mut usage.cache_creation,
        &[
            "/prompt_tokens_details/cache_write_tokens",
            "/cache_creation_input_tokens",
        ],
    );
    set(
        |usage| &mut usage.reasoning,
        &["/completion_tokens_details/reasoning_tokens"],
    );
}
