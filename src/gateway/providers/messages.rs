//! Anthropic's messages: what requests and replies say. Passes over what it does not know.

use super::{
    chat::content_text,
    conversation::{Arguments, Field, Message, Part},
    json::Json,
};
use crate::gateway::exchange::{Call, ReplyFacts, Usage};
use crate::values::json::Node;

/// The system prompt and the messages in the shape of `gen_ai.input.messages`.
pub(super) fn input_messages<'a>(system: Option<&'a Node<'a>>, list: &'a [Node<'a>]) -> Vec<Message<'a>> {
    let mut messages = Vec::with_capacity(list.len() + 1);
    let parts = content_parts(system);
    if !parts.is_empty() {
        messages.push(Message { role: "system", parts });
    }
    for message in list {
        // Tool results stand in users' messages; each becomes a message of its own, since it is the tool that speaks.
        let is_result = |part: &Part<'_>| matches!(part, Part::ToolCallResponse { .. });
        let parts = content_parts(message.get("content"));
        let (results, rest): (Vec<Part<'_>>, Vec<Part<'_>>) = parts.into_iter().partition(is_result);
        let only_results = !results.is_empty() && rest.is_empty();
        messages.extend(results.into_iter().map(|part| Message {
            role: "tool",
            parts: vec![part],
        }));
        if !only_results {
            messages.push(Message {
                role: message.text_at("role"),
                parts: rest,
            });
        }
    }
    messages
}

fn content_parts<'a>(content: Option<&'a Node<'a>>) -> Vec<Part<'a>> {
    match content {
        Some(Node::Text(content)) => vec![Part::Text { content }],
        Some(Node::List(blocks)) => blocks.iter().map(content_part).collect(),
        _ => Vec::new(),
    }
}

/// A block without the bytes of what it holds.
fn content_part<'a>(block: &'a Node<'a>) -> Part<'a> {
    let field = |key: &str| Field::Tree(block.get(key));
    match block.text_at("type") {
        "text" => Part::Text {
            content: block.text_at("text"),
        },
        "thinking" => Part::Reasoning {
            content: block.text_at("thinking"),
        },
        "tool_use" => Part::ToolCall {
            id: field("id"),
            name: field("name"),
            arguments: Arguments::Tree(block.get("input")),
        },
        "tool_result" => Part::ToolCallResponse {
            id: field("tool_use_id"),
            response: content_text(block.get("content")),
        },
        modality @ ("image" | "document") => {
            let source = block.get("source");
            let field = |key: &str| Field::Tree(source.and_then(|source| source.get(key)));
            match source.map_or("", |source| source.text_at("type")) {
                "url" => Part::Uri {
                    modality,
                    uri: field("url"),
                },
                "file" => Part::File {
                    modality,
                    file_id: field("file_id"),
                },
                _ => Part::Blob {
                    modality,
                    mime_type: field("media_type"),
                },
            }
        }
        kind => Part::Other { kind },
    }
}

/// Names of the tools of a request.
pub(super) fn tool_names(tree: &Node<'_>) -> Vec<String> {
    let tools = tree.items_at("tools").iter();
    tools
        .filter_map(|tool| Some(tool.get("name")?.as_str()?.to_owned()))
        .collect()
}

/// A reply in one piece.
pub(in crate::gateway) fn read_reply<T: Json>(tree: &T) -> ReplyFacts {
    let text = |key: &str| tree.get(key).and_then(Json::as_str).map(str::to_owned);
    let content = tree.get("content").and_then(Json::as_array);
    let mut facts = ReplyFacts {
        id: text("id"),
        model: text("model"),
        finish_reason: text("stop_reason"),
        complete: content.is_some(),
        ..ReplyFacts::default()
    };
    for block in content.into_iter().flatten() {
        match block.text_at("type") {
            "text" => facts.text.push_str(block.text_at("text")),
            "tool_use" => facts.calls.push(call(block)),
            _ => {}
        }
    }
    let mut counts = Counts::default();
    if let Some(usage) = tree.get("usage") {
        counts.read(usage);
    }
    facts.usage = counts.usage();
    facts
}

/// The call of a `tool_use` block, its input as text; empty where there is no input, as at the start of a streamed block.
pub(in crate::gateway) fn call<T: Json>(block: &T) -> Call {
    let input = block.get("input").filter(|input| !input.is_null());
    Call {
        id: block.text_at("id").to_owned(),
        name: block.text_at("name").to_owned(),
        arguments: input
            .and_then(|input| serde_json::to_string(input).ok())
            .unwrap_or_default(),
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
    pub(in crate::gateway) fn read<T: Json>(&mut self, usage: &T) {
        let number = |path: &[&str]| usage.at(path).and_then(Json::as_i64);
        self.input = number(&["input_tokens"]).or(self.input);
        self.output = number(&["output_tokens"]).or(self.output);
        self.cache_read = number(&["cache_read_input_tokens"]).or(self.cache_read);
        self.cache_creation = number(&["cache_creation_input_tokens"]).or(self.cache_creation);
        self.thinking = number(&["output_tokens_details", "thinking_tokens"]).or(self.thinking);
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
