//! A conversation of chat completions as one of messages: system prompts leave the list, tool results become blocks of a user's
//! message, neighbors of the same role become one message.

use serde_json::{Map, Value, json};

use super::untranslatable;
use crate::gateway::exchange::Call;
use crate::gateway::providers::{BadRequest, chat, data_url, text_at};

/// Content parts of messages that clients send as an extension of chat completions.
const OWN_PARTS: &[&str] = &["image", "document", "search_result", "thinking", "redacted_thinking"];

/// What becomes of a list of messages.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) system: Option<Value>,
    pub(super) messages: Vec<Value>,
    /// Whether the last thing said is a tool's result.
    pub(super) ends_with_tool: bool,
}

pub(super) fn conversation(list: &[Value]) -> Result<Conversation, BadRequest> {
    let mut system = Vec::new();
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    let mut function_id = String::new();
    for (index, message) in list.iter().enumerate() {
        let place = format!("messages[{index}]");
        let (role, blocks) = match text_at(message, "role") {
            "system" | "developer" => {
                system.extend(blocks(message.get("content"), &place)?);
                continue;
            }
            "user" => ("user", blocks(message.get("content"), &place)?),
            "assistant" => ("assistant", assistant(message, &place, &mut function_id)?),
            "tool" => (
                "user",
                vec![tool_result(message, text_at(message, "tool_call_id"), &place)?],
            ),
            "function" => ("user", vec![tool_result(message, &function_id, &place)?]),
            role => {
                return Err(untranslatable(
                    format!("{place}.role"),
                    format!("the role `{role}` has no counterpart"),
                ));
            }
        };
        match turns.last_mut() {
            Some((last, content)) if *last == role => content.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    let last_role = list.last().map(|message| text_at(message, "role"));
    let turns = turns.into_iter().filter(|(_, blocks)| !blocks.is_empty());
    Ok(Conversation {
        system: (!system.is_empty()).then(|| folded(system)),
        messages: turns
            .map(|(role, blocks)| json!({"role": role, "content": folded(blocks)}))
            .collect(),
        ends_with_tool: matches!(last_role, Some("tool" | "function")),
    })
}

/// A single text without anything beside it as a string.
fn folded(blocks: Vec<Value>) -> Value {
    match blocks.as_slice() {
        [Value::Object(block)] if block.len() == 2 && block["type"] == "text" => block["text"].clone(),
        _ => blocks.into(),
    }
}

/// Blocks of a message's content; empty texts, which messages refuse, are left out.
fn blocks(content: Option<&Value>, place: &str) -> Result<Vec<Value>, BadRequest> {
    let mut blocks = Vec::new();
    match content {
        Some(Value::String(text)) => blocks.extend(text_block(text)),
        Some(Value::Array(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                let block = block(part, &format!("{place}.content[{index}]"))?;
                blocks.extend(block.map(|block| with_cache_control(block, part)));
            }
        }
        _ => {}
    }
    Ok(blocks)
}

fn text_block(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!({"type": "text", "text": text}))
}

fn with_cache_control(mut block: Value, part: &Value) -> Value {
    if let Some(cache) = part.get("cache_control") {
        block["cache_control"] = cache.clone();
    }
    block
}

fn block(part: &Value, place: &str) -> Result<Option<Value>, BadRequest> {
    let kind = text_at(part, "type");
    match kind {
        "text" => Ok(text_block(text_at(part, "text"))),
        "refusal" => Ok(text_block(text_at(part, "refusal"))),
        "image_url" => {
            let image = &part["image_url"];
            let url = image.as_str().unwrap_or_else(|| text_at(image, "url"));
            Ok(Some(json!({"type": "image", "source": source(url)})))
        }
        "file" => Ok(Some(document(&part["file"], place)?)),
        own if OWN_PARTS.contains(&own) => Ok(Some(part.clone())),
        _ => Err(untranslatable(
            place,
            format!("content of type `{kind}` has no counterpart"),
        )),
    }
}

fn source(url: &str) -> Value {
    match data_url(url) {
        Some((media_type, data)) => json!({"type": "base64", "media_type": media_type, "data": data}),
        None => json!({"type": "url", "url": url}),
    }
}

fn document(file: &Value, place: &str) -> Result<Value, BadRequest> {
    let data = text_at(file, "file_data");
    if data_url(data).is_none() {
        let reason = "a file must bring its content as a data URL, since the provider does not know the other's files";
        return Err(untranslatable(place, reason));
    }
    let mut block = json!({"type": "document", "source": source(data)});
    if let Some(name) = file.get("filename") {
        block["title"] = name.clone();
    }
    Ok(block)
}

/// An assistant's message. `thinking_blocks` are an extension that carries what messages sent before.
fn assistant(message: &Value, place: &str, function_id: &mut String) -> Result<Vec<Value>, BadRequest> {
    let thoughts = message.get("thinking_blocks").and_then(Value::as_array);
    let mut out: Vec<Value> = thoughts.cloned().unwrap_or_default();
    out.extend(blocks(message.get("content"), place)?);
    out.extend(text_block(text_at(message, "refusal")));
    for call in chat::calls(message) {
        let id = if call.id.is_empty() {
            *function_id = format!("{place}_{}", call.name);
            tool_id(function_id)
        } else {
            tool_id(&call.id)
        };
        out.push(json!({"type": "tool_use", "id": id, "name": call.name, "input": input(&call)}));
    }
    Ok(out)
}

/// The arguments as the object that messages demand.
pub(super) fn input(call: &Call) -> Value {
    if call.arguments.trim().is_empty() {
        return Map::new().into();
    }
    match serde_json::from_str(&call.arguments) {
        Ok(input @ Value::Object(_)) => input,
        _ => json!({"arguments": call.arguments}),
    }
}

/// An id of the characters that messages allow.
fn tool_id(id: &str) -> String {
    let sound = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    id.chars().map(sound).collect()
}

fn tool_result(message: &Value, id: &str, place: &str) -> Result<Value, BadRequest> {
    let content = folded(blocks(message.get("content"), place)?);
    let mut result = json!({"type": "tool_result", "tool_use_id": tool_id(id)});
    if content != Value::Array(Vec::new()) {
        result["content"] = content;
    }
    Ok(with_cache_control(result, message))
}
