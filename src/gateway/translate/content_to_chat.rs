//! A conversation of messages as one of chat completions: the system prompt enters the list, tool results become messages of
//! their own before what else the user says. Thinking, and tools that the provider ran itself, are left out: chat completions
//! have no place for them.

use serde_json::{Value, json};

use super::untranslatable;
use crate::gateway::providers::{BadRequest, chat, messages, text_at};

pub(super) fn conversation(system: Option<&Value>, list: &[Value]) -> Result<Vec<Value>, BadRequest> {
    let mut out = Vec::with_capacity(list.len() + 1);
    let system = chat::content_text(system);
    if !system.is_empty() {
        out.push(json!({"role": "system", "content": system}));
    }
    for (index, message) in list.iter().enumerate() {
        let place = format!("messages[{index}]");
        let content = message.get("content").unwrap_or(&Value::Null);
        match text_at(message, "role") {
            "user" => user(content, &place, &mut out)?,
            "assistant" => out.push(assistant(content, &place)?),
            "system" => out.push(json!({"role": "system", "content": chat::content_text(Some(content))})),
            role => {
                let reason = format!("the role `{role}` has no counterpart");
                return Err(untranslatable(format!("{place}.role"), reason));
            }
        }
    }
    Ok(out)
}

/// Results first: they must follow the calls at once. Their images, which a tool's message cannot carry, go with the user's.
fn user(content: &Value, place: &str, out: &mut Vec<Value>) -> Result<(), BadRequest> {
    let Value::Array(blocks) = content else {
        out.push(json!({"role": "user", "content": content}));
        return Ok(());
    };
    let mut parts = Vec::new();
    let mut results = 0;
    for (index, block) in blocks.iter().enumerate() {
        let place = format!("{place}.content[{index}]");
        if block["type"] != "tool_result" {
            parts.extend(part(block, &place)?);
            continue;
        }
        results += 1;
        out.push(json!({
            "role": "tool",
            "tool_call_id": block["tool_use_id"],
            "content": chat::content_text(block.get("content")),
        }));
        let inner = block.get("content").and_then(Value::as_array).into_iter().flatten();
        for (index, inner) in inner.enumerate().filter(|(_, inner)| inner["type"] != "text") {
            parts.extend(part(inner, &format!("{place}.content[{index}]"))?);
        }
    }
    if !parts.is_empty() || results == 0 {
        out.push(json!({"role": "user", "content": folded(parts)}));
    }
    Ok(())
}

/// A single text as a string.
fn folded(parts: Vec<Value>) -> Value {
    match parts.as_slice() {
        [] => "".into(),
        [part] if part["type"] == "text" => part["text"].clone(),
        _ => parts.into(),
    }
}

fn part(block: &Value, place: &str) -> Result<Vec<Value>, BadRequest> {
    let kind = text_at(block, "type");
    let text = |text: &str| vec![json!({"type": "text", "text": text})];
    match kind {
        "text" => Ok(text(text_at(block, "text"))),
        "image" => {
            let url = url(&block["source"], place)?;
            Ok(vec![json!({"type": "image_url", "image_url": {"url": url}})])
        }
        "document" if block["source"]["type"] == "text" => Ok(text(text_at(&block["source"], "data"))),
        "document" if block["source"]["type"] == "content" => {
            Ok(text(&chat::content_text(block["source"].get("content"))))
        }
        "document" if block["source"]["type"] == "base64" => {
            let name = block.get("title").and_then(Value::as_str).unwrap_or("document.pdf");
            let data = url(&block["source"], place)?;
            Ok(vec![
                json!({"type": "file", "file": {"filename": name, "file_data": data}}),
            ])
        }
        "search_result" => Ok(text(&chat::content_text(block.get("content")))),
        _ => Err(untranslatable(
            place,
            format!("content of type `{kind}` has no counterpart"),
        )),
    }
}

fn url(source: &Value, place: &str) -> Result<String, BadRequest> {
    match text_at(source, "type") {
        "base64" => {
            let (media_type, data) = (text_at(source, "media_type"), text_at(source, "data"));
            Ok(format!("data:{media_type};base64,{data}"))
        }
        "url" => Ok(text_at(source, "url").to_owned()),
        kind => Err(untranslatable(
            format!("{place}.source"),
            format!("a source of type `{kind}` has no counterpart"),
        )),
    }
}

fn assistant(content: &Value, place: &str) -> Result<Value, BadRequest> {
    let Value::Array(blocks) = content else {
        return Ok(json!({"role": "assistant", "content": content}));
    };
    let mut text = String::new();
    let mut calls = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        match text_at(block, "type") {
            "text" => text.push_str(text_at(block, "text")),
            "tool_use" => calls.push(tool_call(block)),
            kind @ ("image" | "document") => {
                let reason = format!("content of type `{kind}` has no counterpart in an assistant's message");
                return Err(untranslatable(format!("{place}.content[{index}]"), reason));
            }
            _ => {}
        }
    }
    let mut out = json!({"role": "assistant", "content": text});
    if !calls.is_empty() {
        if text.is_empty() {
            out["content"] = Value::Null;
        }
        out["tool_calls"] = calls.into();
    }
    Ok(out)
}

/// A call of chat completions for a `tool_use` block.
fn tool_call(block: &Value) -> Value {
    chat_call(&messages::call(block))
}

/// A call as chat completions carry it.
pub(super) fn chat_call(call: &crate::gateway::exchange::Call) -> Value {
    let arguments = if call.arguments.is_empty() {
        "{}"
    } else {
        &call.arguments
    };
    json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}
