//! A request of messages as one of chat completions: parameters, tools and their choice. The conversation is `content_to_chat`'s
//! part.

use serde_json::{Map, Value, json};

use super::{content_to_chat, copy_fields, untranslatable};
use crate::gateway::providers::{BadRequest, text_at};

/// Fields that mean the same in both APIs, and fields of chat completions that clients send as an extension of messages.
const SAME: &[&str] = &[
    "stream",
    "temperature",
    "top_p",
    "frequency_penalty",
    "logit_bias",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "store",
    "user",
    "verbosity",
    "web_search_options",
];

pub(super) fn request(tree: &Map<String, Value>, model: &str) -> Result<Map<String, Value>, BadRequest> {
    let list = tree.get("messages").and_then(Value::as_array);
    let list = list.map(Vec::as_slice).unwrap_or_default();
    let messages = content_to_chat::conversation(tree.get("system"), list)?;
    let tools = tools(tree)?;
    let choice = tree.get("tool_choice").filter(|_| !tools.is_empty());

    let mut out = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(key.to_owned(), value);
        }
    };
    set("model", Some(model.into()));
    set("messages", Some(messages.into()));
    set(max_tokens_key(model), tree.get("max_tokens").cloned());
    set("tools", Some(tools).filter(|tools| !tools.is_empty()).map(Value::from));
    set("tool_choice", choice.and_then(tool_choice));
    let single = choice.is_some_and(|choice| choice["disable_parallel_tool_use"] == true);
    set("parallel_tool_calls", single.then_some(Value::Bool(false)));
    set(
        "stop",
        tree.get("stop_sequences").filter(|stop| stop.is_array()).cloned(),
    );
    let user = tree.get("metadata").and_then(|metadata| metadata.get("user_id"));
    set("user", user.filter(|user| user.is_string()).cloned());
    set("service_tier", service_tier(tree));
    set("reasoning_effort", reasoning_effort(tree, model).map(Value::from));
    set("response_format", response_format(tree));
    if tree.get("stream") == Some(&Value::Bool(true)) {
        set("stream_options", Some(json!({"include_usage": true})));
    }
    copy_fields(tree, SAME, &mut out);
    Ok(out)
}

/// OpenAI's newer models refuse `max_tokens`, other providers may know nothing else.
pub(super) fn max_tokens_key(model: &str) -> &'static str {
    let name = base_name(model);
    if name.starts_with("gpt-") || name.starts_with("chatgpt-") || is_o_series(name) {
        "max_completion_tokens"
    } else {
        "max_tokens"
    }
}

fn base_name(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

fn is_o_series(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next() == Some(b'o') && bytes.next().is_some_and(|byte| byte.is_ascii_digit())
}

/// How much to reason; models that do not reason refuse the field.
fn reasoning_effort(tree: &Map<String, Value>, model: &str) -> Option<&'static str> {
    let name = base_name(model);
    if !(name.starts_with("gpt-5") || name.starts_with("gpt-oss") || is_o_series(name)) {
        return None;
    }
    let thinking = tree.get("thinking")?;
    if thinking["type"] == "disabled" {
        return None;
    }
    let effort = tree.get("output_config").map_or("", |config| text_at(config, "effort"));
    let budget = thinking.get("budget_tokens").and_then(Value::as_i64);
    match (effort, budget) {
        ("low", _) => Some("low"),
        ("medium", _) => Some("medium"),
        ("high" | "xhigh" | "max", _) => Some("high"),
        (_, Some(..4096)) => Some("low"),
        (_, Some(16384..)) => Some("high"),
        _ => Some("medium"),
    }
}

fn tools(tree: &Map<String, Value>) -> Result<Vec<Value>, BadRequest> {
    let list = tree.get("tools").and_then(Value::as_array).into_iter().flatten();
    let translate = |(index, tool): (usize, &Value)| {
        let kind = text_at(tool, "type");
        if !matches!(kind, "" | "custom") {
            let reason = format!("tools of type `{kind}` run at the other provider only");
            return Err(untranslatable(format!("tools[{index}]"), reason));
        }
        let mut function = Map::new();
        let keys = [
            ("name", "name"),
            ("description", "description"),
            ("input_schema", "parameters"),
            ("strict", "strict"),
        ];
        for (from, to) in keys {
            if let Some(value) = tool.get(from) {
                function.insert(to.to_owned(), value.clone());
            }
        }
        Ok(json!({"type": "function", "function": function}))
    };
    list.enumerate().map(translate).collect()
}

fn tool_choice(choice: &Value) -> Option<Value> {
    match text_at(choice, "type") {
        "auto" => Some("auto".into()),
        "any" => Some("required".into()),
        "none" => Some("none".into()),
        "tool" => Some(json!({"type": "function", "function": {"name": choice["name"]}})),
        _ => None,
    }
}

fn service_tier(tree: &Map<String, Value>) -> Option<Value> {
    match tree.get("service_tier")?.as_str()? {
        "standard_only" => Some("default".into()),
        tier @ ("auto" | "default" | "flex" | "priority") => Some(tier.into()),
        _ => None,
    }
}

/// A schema that the reply must keep to. Not `strict`: OpenAI then refuses schemas with optional properties.
fn response_format(tree: &Map<String, Value>) -> Option<Value> {
    let format = tree.get("output_config")?.get("format")?;
    let schema = format.get("schema")?;
    Some(json!({"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}))
}
