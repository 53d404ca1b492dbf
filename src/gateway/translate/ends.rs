//! How replies end, in the words of either API, and their usage as either API counts it.

use serde_json::{Map, Value, json};

use crate::gateway::exchange::Usage;

/// OpenAI's finish reason for Anthropic's stop reason.
pub(super) fn finish_reason(stop_reason: &str) -> &'static str {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        _ => "stop",
    }
}

/// Anthropic's stop reason for OpenAI's finish reason. Some providers end a reply with tool calls by `stop`.
pub(super) fn stop_reason(finish_reason: &str, has_calls: Calls) -> &'static str {
    match (finish_reason, has_calls) {
        ("length", _) => "max_tokens",
        ("content_filter", _) => "refusal",
        ("tool_calls" | "function_call", _) | (_, Calls::Some) => "tool_use",
        _ => "end_turn",
    }
}

/// Whether a reply calls tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Calls {
    None,
    Some,
}

/// Usage as chat completions tell it.
pub(super) fn chat_usage(usage: &Usage) -> Value {
    let (prompt, completion) = (usage.prompt.unwrap_or_default(), usage.completion.unwrap_or_default());
    let mut details = Map::new();
    details.insert(
        "cached_tokens".to_owned(),
        usage.cached_input.unwrap_or_default().into(),
    );
    if let Some(written) = usage.cache_creation {
        details.insert("cache_write_tokens".to_owned(), written.into());
    }
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": usage.total.unwrap_or(prompt.saturating_add(completion)),
        "prompt_tokens_details": details,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning.unwrap_or_default()},
    })
}

/// Usage as messages tell it: the input without what was read from or written into a cache.
pub(super) fn messages_usage(usage: &Usage) -> Value {
    let cached = usage.cached_input.unwrap_or_default();
    let written = usage.cache_creation.unwrap_or_default();
    let prompt = usage.prompt.unwrap_or_default();
    json!({
        "input_tokens": prompt.saturating_sub(cached).saturating_sub(written).max(0),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.completion.unwrap_or_default(),
    })
}
