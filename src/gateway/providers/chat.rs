//! OpenAI's chat completions: what requests, replies and chunks say. Reads what compatible providers write beside it
//! (`reasoning_content`, usage in `x_groq`, calls without an index), and passes over what it does not know.

use std::borrow::Cow;

use super::{
    conversation::{Arguments, Field, Message, Part},
    data_url,
    json::Json,
};
use crate::gateway::exchange::{Call, ReplyFacts, Usage};
use crate::values::json::Node;

/// Messages in the shape of `gen_ai.input.messages`.
pub(super) fn input_messages<'a>(list: &'a [Node<'a>]) -> Vec<Message<'a>> {
    list.iter().map(input_message).collect()
}

fn input_message<'a>(message: &'a Node<'a>) -> Message<'a> {
    let role = match message.text_at("role") {
        "function" => "tool",
        role => role,
    };
    let mut parts = Vec::new();
    if role == "tool" {
        let id = match message.text_at("tool_call_id") {
            "" => message.text_at("name"),
            id => id,
        };
        let response = content_text(message.get("content"));
        parts.push(Part::ToolCallResponse {
            id: id.into(),
            response,
        });
        return Message { role, parts };
    }
    match message.text_at("reasoning_content") {
        "" => {}
        content => parts.push(Part::Reasoning { content }),
    }
    match message.get("content") {
        Some(Node::Text(content)) => parts.push(Part::Text { content }),
        Some(Node::List(content)) => parts.extend(content.iter().map(content_part)),
        _ => {}
    }
    match message.text_at("refusal") {
        "" => {}
        content => parts.push(Part::Text { content }),
    }
    for (id, function) in called(message) {
        parts.push(Part::ToolCall {
            id: id.into(),
            name: function.text_at("name").into(),
            arguments: Arguments::Text(arguments(function)),
        });
    }
    Message { role, parts }
}

/// A part without the bytes of what it holds.
fn content_part<'a>(part: &'a Node<'a>) -> Part<'a> {
    let kind = part.text_at("type");
    let blob = |modality, mime_type: Option<Cow<'a, str>>| Part::Blob {
        modality,
        mime_type: mime_type.map_or(Field::Tree(None), Field::Text),
    };
    let media_type = |url: &'a str| data_url(url).map(|(media_type, _)| Cow::Borrowed(media_type));
    match kind {
        "text" | "input_text" | "output_text" => Part::Text {
            content: part.text_at("text"),
        },
        "refusal" => Part::Text {
            content: part.text_at("refusal"),
        },
        "image_url" => {
            let image = part.get("image_url");
            let url = image.map_or("", |image| image.as_str().unwrap_or_else(|| image.text_at("url")));
            if url.starts_with("data:") {
                blob("image", media_type(url))
            } else {
                Part::Uri {
                    modality: "image",
                    uri: url.into(),
                }
            }
        }
        "input_audio" => {
            let format = part.get("input_audio").map_or("", |audio| audio.text_at("format"));
            blob("audio", Some(Cow::Owned(format!("audio/{format}"))))
        }
        "file" => match part.at(&["file", "file_id"]).and_then(Json::as_str) {
            Some(id) => Part::File {
                modality: "document",
                file_id: id.into(),
            },
            None => blob(
                "document",
                media_type(part.get("file").map_or("", |file| file.text_at("file_data"))),
            ),
        },
        kind => Part::Other { kind },
    }
}

/// The text of a message's content, its parts joined by LF.
pub(in crate::gateway) fn content_text<T: Json>(content: Option<&T>) -> Cow<'_, str> {
    let Some(content) = content else {
        return Cow::Borrowed("");
    };
    match (content.as_str(), content.as_array()) {
        (Some(text), _) => Cow::Borrowed(text),
        (None, Some(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            Cow::Owned(texts.collect::<Vec<_>>().join("\n"))
        }
        (None, None) => Cow::Borrowed(""),
    }
}

/// The calls of an assistant's message, those of the older `function_call` included.
pub(in crate::gateway) fn calls<T: Json>(message: &T) -> Vec<Call> {
    let calls = called(message).map(|(id, function)| Call {
        id: id.to_owned(),
        name: function.text_at("name").to_owned(),
        arguments: arguments(function).to_owned(),
    });
    calls.collect()
}

/// The id of each call of a message, and what is called.
fn called<T: Json>(message: &T) -> impl Iterator<Item = (&str, &T)> {
    let list = message.items_at("tool_calls").iter().map(|call| {
        let function = call.get("function").or_else(|| call.get("custom")).unwrap_or(call);
        (call.text_at("id"), function)
    });
    let older = message.get("function_call").filter(|function| function.is_object());
    list.chain(older.map(|function| ("", function)))
}

fn arguments<T: Json>(function: &T) -> &str {
    match function.text_at("arguments") {
        "" => function.text_at("input"),
        arguments => arguments,
    }
}

/// Names of the tools of a request.
pub(super) fn tool_names(tree: &Node<'_>) -> Vec<String> {
    let tools = ["tools", "functions"].iter().flat_map(|key| tree.items_at(key));
    let name = |tool: &Node<'_>| {
        let inner = tool.get("function").or_else(|| tool.get("custom")).unwrap_or(tool);
        Some(inner.get("name")?.as_str()?.to_owned())
    };
    tools.filter_map(name).collect()
}

/// A reply in one piece.
pub(in crate::gateway) fn read_reply<T: Json>(tree: &T) -> ReplyFacts {
    let text = |key: &str| tree.get(key).and_then(Json::as_str).map(str::to_owned);
    let first = tree.items_at("choices").first();
    let mut facts = ReplyFacts {
        id: text("id"),
        model: text("model"),
        finish_reason: first
            .and_then(|choice| choice.get("finish_reason")?.as_str())
            .map(str::to_owned),
        complete: first.is_some(),
        ..ReplyFacts::default()
    };
    if let Some(message) = first.and_then(|choice| choice.get("message")) {
        facts.text = (content_text(message.get("content")) + message.text_at("refusal")).into_owned();
        facts.calls = calls(message);
    }
    if let Some(usage) = usage_of(tree) {
        read_usage(usage, &mut facts.usage);
    }
    facts
}

/// The usage of a reply or a chunk.
pub(in crate::gateway) fn usage_of<T: Json>(tree: &T) -> Option<&T> {
    let usage = tree.get("usage").filter(|usage| usage.is_object());
    usage.or_else(|| tree.at(&["x_groq", "usage"]))
}

/// Takes over what a `usage` object says.
pub(in crate::gateway) fn read_usage<T: Json>(usage: &T, into: &mut Usage) {
    let set = |field: &mut Option<i64>, paths: &[&[&str]]| {
        let number = |path: &&[&str]| usage.at(path).and_then(Json::as_i64);
        *field = paths.iter().find_map(number).or(*field);
    };
    set(&mut into.prompt, &[&["prompt_tokens"]]);
    set(&mut into.completion, &[&["completion_tokens"]]);
    set(&mut into.total, &[&["total_tokens"]]);
    set(
        &mut into.cached_input,
        &[
            &["prompt_tokens_details", "cached_tokens"],
            &["prompt_cache_hit_tokens"],
        ],
    );
    set(
        &mut into.cache_creation,
        &[
            &["prompt_tokens_details", "cache_write_tokens"],
            &["cache_creation_input_tokens"],
        ],
    );
    set(
        &mut into.reasoning,
        &[&["completion_tokens_details", "reasoning_tokens"]],
    );
}
