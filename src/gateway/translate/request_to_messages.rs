//! A request of chat completions as one of messages: parameters, tools and their choice. The conversation is
//! `content_to_messages`' part.

use serde_json::{Map, Value, json};

use super::content_to_messages::{self, Conversation};
use super::{copy_fields, untranslatable};
use crate::gateway::providers::{BadRequest, text_at};

/// What a reply may be at most where the client does not say; messages demand a number, and every model allows this one.
const DEFAULT_MAX_TOKENS: i64 = 4096;

/// The least that a model may be given to think.
const MIN_THINKING: i64 = 1024;

/// Fields that mean the same in both APIs, and fields of messages that clients send as an extension of chat completions.
const SAME: &[&str] = &[
    "stream",
    "thinking",
    "output_config",
    "container",
    "context_management",
    "mcp_servers",
    "cache_control",
    "inference_geo",
];

pub(super) fn request(tree: &Map<String, Value>, model: &str) -> Result<Map<String, Value>, BadRequest> {
    let list = tree.get("messages").and_then(Value::as_array);
    let conversation = content_to_messages::conversation(list.map(Vec::as_slice).unwrap_or_default())?;
    let tools = tools(tree)?;
    let choice = if tools.is_empty() { None } else { tool_choice(tree) };
    let (max_tokens, thinking) = thinking(tree, model, &conversation, choice.as_ref());

    if tree.get("n").and_then(Value::as_i64).is_some_and(|choices| choices > 1) {
        return Err(untranslatable(
            "n",
            "this model gives one choice; ask several times for more",
        ));
    }

    let mut out = Map::new();
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(key.to_owned(), value);
        }
    };
    set("model", Some(model.into()));
    set("max_tokens", Some(max_tokens.into()));
    set("system", conversation.system);
    set("messages", Some(conversation.messages.into()));
    set("tools", Some(tools).filter(|tools| !tools.is_empty()).map(Value::from));
    set("tool_choice", choice);
    set("stop_sequences", stop_sequences(tree));
    // A model that thinks samples as it wants to.
    if thinking.is_none() {
        // OpenAI's goes up to 2, Anthropic's up to 1.
        let temperature = tree.get("temperature").and_then(Value::as_f64);
        set("temperature", temperature.map(|value| value.min(1.0).into()));
        for key in ["top_p", "top_k"] {
            set(key, tree.get(key).filter(|value| value.is_number()).cloned());
        }
    }
    set("metadata", metadata(tree));
    set("service_tier", service_tier(tree));
    set("thinking", thinking);
    set("output_config", output_config(tree));
    copy_fields(tree, SAME, &mut out);
    Ok(out)
}

/// The bound on the reply, and thinking where `reasoning_effort` asks for it and it can be had: on models with a thinking
/// budget, not in the middle of a tool round (which would need the thinking before it back), not with a forced tool.
fn thinking(
    tree: &Map<String, Value>,
    model: &str,
    conversation: &Conversation,
    choice: Option<&Value>,
) -> (i64, Option<Value>) {
    let number = |key: &str| tree.get(key).and_then(Value::as_i64);
    let asked = number("max_completion_tokens").or_else(|| number("max_tokens"));
    if let Some(own) = tree.get("thinking").filter(|own| own.is_object()) {
        let budget = own.get("budget_tokens").and_then(Value::as_i64).unwrap_or_default();
        return (asked.unwrap_or(DEFAULT_MAX_TOKENS.saturating_add(budget)), None);
    }
    let forced = choice.is_some_and(|choice| matches!(text_at(choice, "type"), "any" | "tool"));
    let budget = match tree.get("reasoning_effort").and_then(Value::as_str) {
        _ if forced || conversation.ends_with_tool || !has_thinking_budget(model) => None,
        Some("low") => Some(MIN_THINKING),
        Some("medium") => Some(4 * MIN_THINKING),
        Some("high" | "xhigh" | "max") => Some(16 * MIN_THINKING),
        _ => None,
    };
    let budget = budget
        .map(|budget| asked.map_or(budget, |max| budget.min(max / 2)))
        .filter(|budget| *budget >= MIN_THINKING);
    let max_tokens = asked.unwrap_or(DEFAULT_MAX_TOKENS + budget.unwrap_or_default());
    (
        max_tokens,
        budget.map(|budget| json!({"type": "enabled", "budget_tokens": budget})),
    )
}

/// Claude 3.7 up to 4.6 take a budget; older ones do not think, newer ones decide themselves.
fn has_thinking_budget(model: &str) -> bool {
    let Some(version) = ["opus-4", "sonnet-4", "haiku-4"]
        .iter()
        .find_map(|family| model.split_once(family))
    else {
        return model.contains("claude-3-7-");
    };
    let minor = version.1.trim_start_matches(['-', '.']).split(['-', '@']).next();
    minor
        .and_then(|minor| minor.parse::<u64>().ok())
        .is_none_or(|minor| !(7..100).contains(&minor))
}

fn tools(tree: &Map<String, Value>) -> Result<Vec<Value>, BadRequest> {
    let mut tools = Vec::new();
    let list = |key: &str| {
        tree.get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
    };
    for (index, tool) in list("tools") {
        match text_at(tool, "type") {
            "function" => tools.push(function(tool.get("function").unwrap_or(&Value::Null), tool)),
            "custom" if tool.get("custom").is_some() => {
                let reason = "tools with free-form input have no counterpart";
                return Err(untranslatable(format!("tools[{index}]"), reason));
            }
            // A tool of the messages API itself.
            _ => tools.push(tool.clone()),
        }
    }
    tools.extend(list("functions").map(|(_, tool)| function(tool, tool)));
    Ok(tools)
}

fn function(function: &Value, tool: &Value) -> Value {
    let mut out = Map::new();
    out.insert("name".to_owned(), function["name"].clone());
    if let Some(description) = function.get("description").filter(|text| text.is_string()) {
        out.insert("description".to_owned(), description.clone());
    }
    let schema = function.get("parameters").filter(|schema| schema.is_object());
    let schema = schema
        .cloned()
        .unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    out.insert("input_schema".to_owned(), schema);
    for place in [tool, function] {
        if let Some(cache) = place.get("cache_control") {
            out.insert("cache_control".to_owned(), cache.clone());
        }
    }
    out.into()
}

fn tool_choice(tree: &Map<String, Value>) -> Option<Value> {
    let asked = ["tool_choice", "function_call"].iter().find_map(|key| tree.get(*key));
    let choice = match asked {
        Some(Value::String(word)) => match word.as_str() {
            "none" => Some(json!({"type": "none"})),
            "required" => Some(json!({"type": "any"})),
            _ => Some(json!({"type": "auto"})),
        },
        Some(Value::Object(object)) => {
            let function = object.get("function").unwrap_or(asked?);
            match function.get("name").filter(|name| name.is_string()) {
                Some(name) => Some(json!({"type": "tool", "name": name})),
                None if asked?["allowed_tools"]["mode"] == "required" => Some(json!({"type": "any"})),
                None => Some(json!({"type": "auto"})),
            }
        }
        _ => None,
    };
    if tree.get("parallel_tool_calls") != Some(&Value::Bool(false)) {
        return choice;
    }
    let mut choice = choice.unwrap_or_else(|| json!({"type": "auto"}));
    if choice["type"] != "none" {
        choice["disable_parallel_tool_use"] = true.into();
    }
    Some(choice)
}

/// Sequences of white space only are refused by messages, and never needed.
fn stop_sequences(tree: &Map<String, Value>) -> Option<Value> {
    let stop = tree.get("stop").or_else(|| tree.get("stop_sequences"))?;
    let list = match stop {
        Value::String(_) => vec![stop.clone()],
        Value::Array(list) => list.clone(),
        _ => return None,
    };
    let sound = |stop: &Value| stop.as_str().is_none_or(|stop| !stop.trim().is_empty());
    let list: Vec<Value> = list.into_iter().filter(sound).collect();
    (!list.is_empty()).then(|| list.into())
}

fn metadata(tree: &Map<String, Value>) -> Option<Value> {
    let inner = tree.get("metadata").and_then(|metadata| metadata.get("user_id"));
    let user = inner
        .or_else(|| tree.get("user"))
        .or_else(|| tree.get("safety_identifier"));
    user.filter(|user| user.is_string())
        .map(|user| json!({"user_id": user}))
}

fn service_tier(tree: &Map<String, Value>) -> Option<Value> {
    match tree.get("service_tier")?.as_str()? {
        "auto" | "priority" => Some("auto".into()),
        "default" | "standard_only" => Some("standard_only".into()),
        _ => None,
    }
}

/// A schema that the reply must keep to.
fn output_config(tree: &Map<String, Value>) -> Option<Value> {
    let format = tree.get("response_format")?;
    let schema = format.get("json_schema")?.get("schema")?;
    let mut config = match tree.get("output_config") {
        Some(Value::Object(config)) => config.clone(),
        _ => Map::new(),
    };
    config.insert("format".to_owned(), json!({"type": "json_schema", "schema": schema}));
    Some(config.into())
}
