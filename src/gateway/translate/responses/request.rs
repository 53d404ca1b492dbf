//! A request of responses as one of chat completions: parameters, tools and their choice. The conversation is `items`' part.

use serde_json::{Map, Value, json};

use super::super::{copy_fields, request_to_chat::max_tokens_key, untranslatable};
use super::{Base, items};
use crate::gateway::providers::{BadRequest, text_at};

/// Fields that mean the same in both APIs, and fields of chat completions that clients send as an extension of responses. Not
/// `store`: what is kept of a translated response, the gateway keeps.
const SAME: &[&str] = &[
    "stream",
    "temperature",
    "top_p",
    "frequency_penalty",
    "metadata",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "user",
];

/// What only OpenAI itself has.
const NOT_HERE: &[(&str, &str)] = &[
    (
        "conversation",
        "the provider keeps no conversations; send `input`, or `previous_response_id`",
    ),
    (
        "prompt",
        "the provider keeps no prompts; send `instructions` and `input`",
    ),
];

pub(in crate::gateway::translate) fn request(
    tree: &Map<String, Value>,
    model: &str,
    base: Base,
) -> Result<Map<String, Value>, BadRequest> {
    for (key, reason) in NOT_HERE {
        if tree.get(*key).is_some_and(|value| !value.is_null()) {
            return Err(untranslatable(*key, *reason));
        }
    }
    if tree.get("background") == Some(&Value::Bool(true)) {
        return Err(untranslatable("background", "the provider answers at once only"));
    }
    let (tools, choice) = tools(tree)?;
    let mut out = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            out.insert(key.to_owned(), value);
        }
    };
    set("model", Some(model.into()));
    set("messages", Some(items::conversation(tree, base)?.into()));
    set(max_tokens_key(model), tree.get("max_output_tokens").cloned());
    set("tool_choice", choice.filter(|_| !tools.is_empty()));
    set("tools", Some(tools).filter(|tools| !tools.is_empty()).map(Value::from));
    let reasoning = tree.get("reasoning").and_then(|reasoning| reasoning.get("effort"));
    set("reasoning_effort", reasoning.cloned());
    let text = tree.get("text");
    set(
        "response_format",
        text.and_then(|text| response_format(text.get("format")?)),
    );
    set("verbosity", text.and_then(|text| text.get("verbosity")).cloned());
    if tree.get("stream") == Some(&Value::Bool(true)) {
        set("stream_options", Some(json!({"include_usage": true})));
    }
    copy_fields(tree, SAME, &mut out);
    if !out.contains_key("tools") {
        out.remove("parallel_tool_calls");
    }
    Ok(out)
}

/// The functions that may be called, and the choice among them. Of `allowed_tools`, only these are sent.
fn tools(tree: &Map<String, Value>) -> Result<(Vec<Value>, Option<Value>), BadRequest> {
    let (choice, allowed) = match tree.get("tool_choice") {
        None | Some(Value::Null) => (None, None),
        Some(Value::String(word)) => (Some(word.as_str().into()), None),
        Some(choice) => match text_at(choice, "type") {
            "function" => {
                let name = json!({"name": choice["name"]});
                (Some(json!({"type": "function", "function": name})), None)
            }
            "allowed_tools" => (
                choice.get("mode").cloned(),
                choice.get("tools").and_then(Value::as_array),
            ),
            kind => {
                let reason = format!("the choice `{kind}` has no counterpart");
                return Err(untranslatable("tool_choice", reason));
            }
        },
    };
    let mut tools = Vec::new();
    let list = tree.get("tools").and_then(Value::as_array).into_iter().flatten();
    for (index, tool) in list.enumerate() {
        let kind = text_at(tool, "type");
        if kind != "function" {
            let reason = format!("tools of type `{kind}` run at OpenAI only; offer functions");
            return Err(untranslatable(format!("tools[{index}]"), reason));
        }
        let is_named = |other: &Value| text_at(other, "name") == text_at(tool, "name");
        if allowed.is_none_or(|allowed| allowed.iter().any(is_named)) {
            tools.push(function(tool));
        }
    }
    Ok((tools, choice))
}

fn function(tool: &Value) -> Value {
    let mut function = Map::new();
    for key in ["name", "description", "parameters", "strict"] {
        if let Some(value) = tool.get(key).filter(|value| !value.is_null()) {
            function.insert(key.to_owned(), value.clone());
        }
    }
    json!({"type": "function", "function": function})
}

fn response_format(format: &Value) -> Option<Value> {
    match text_at(format, "type") {
        "json_object" => Some(json!({"type": "json_object"})),
        "json_schema" => {
            let mut schema = Map::new();
            for key in ["name", "description", "schema", "strict"] {
                if let Some(value) = format.get(key).filter(|value| !value.is_null()) {
                    schema.insert(key.to_owned(), value.clone());
                }
            }
            Some(json!({"type": "json_schema", "json_schema": schema}))
        }
        _ => None,
    }
}
