//! OpenAI's responses: what requests and replies say. A conversation is a list of items there, and what a model says in one turn
//! (reasoning, text, calls) is several of them. Passes over what it does not know.

use super::{
    chat::content_text,
    conversation::{Arguments, Field, Message, Part},
    data_url,
    json::Json,
};
use crate::gateway::exchange::{Call, ReplyFacts, Usage};
use crate::values::json::Node;

/// The instructions and the items in the shape of `gen_ai.input.messages`, and the number of items.
pub(super) fn input_messages<'a>(
    instructions: Option<&'a Node<'a>>,
    input: Option<&'a Node<'a>>,
) -> (Vec<Message<'a>>, usize) {
    let mut messages = Vec::new();
    if let Some(Node::Text(content)) = instructions {
        let parts = vec![Part::Text { content }];
        messages.push(Message { role: "system", parts });
    }
    let count = match input {
        Some(Node::Text(content)) => {
            let parts = vec![Part::Text { content }];
            messages.push(Message { role: "user", parts });
            1
        }
        Some(Node::List(items)) => {
            for item in items {
                add_item(item, &mut messages);
            }
            items.len()
        }
        _ => 0,
    };
    (messages, count)
}

/// Neighbors that the assistant said become one message, as in the other APIs.
fn add_item<'a>(item: &'a Node<'a>, messages: &mut Vec<Message<'a>>) {
    let (role, parts) = item_parts(item);
    match messages.last_mut() {
        Some(last) if role == "assistant" && last.role == role => last.parts.extend(parts),
        _ => messages.push(Message { role, parts }),
    }
}

fn item_parts<'a>(item: &'a Node<'a>) -> (&'a str, Vec<Part<'a>>) {
    let field = |key: &str| Field::Tree(item.get(key));
    match item.text_at("type") {
        "" | "message" => (item.text_at("role"), content_parts(item.get("content"))),
        "function_call" => {
            let arguments = Arguments::Text(item.text_at("arguments"));
            ("assistant", vec![tool_call(item, arguments)])
        }
        "custom_tool_call" => ("assistant", vec![tool_call(item, Arguments::Tree(item.get("input")))]),
        "function_call_output" | "custom_tool_call_output" => {
            let response = content_text(item.get("output"));
            let id = field("call_id");
            ("tool", vec![Part::ToolCallResponse { id, response }])
        }
        "reasoning" => {
            let texts = ["summary", "content"].iter().flat_map(|key| item.items_at(key));
            let parts = texts.map(|part| Part::Reasoning {
                content: part.text_at("text"),
            });
            ("assistant", parts.collect())
        }
        kind => ("assistant", vec![Part::Other { kind }]),
    }
}

fn tool_call<'a>(item: &'a Node<'a>, arguments: Arguments<'a>) -> Part<'a> {
    Part::ToolCall {
        id: Field::Tree(item.get("call_id")),
        name: Field::Tree(item.get("name")),
        arguments,
    }
}

fn content_parts<'a>(content: Option<&'a Node<'a>>) -> Vec<Part<'a>> {
    match content {
        Some(Node::Text(content)) => vec![Part::Text { content }],
        Some(Node::List(parts)) => parts.iter().map(content_part).collect(),
        _ => Vec::new(),
    }
}

/// A part without the bytes of what it holds.
fn content_part<'a>(part: &'a Node<'a>) -> Part<'a> {
    match part.text_at("type") {
        "input_text" | "output_text" | "text" => Part::Text {
            content: part.text_at("text"),
        },
        "refusal" => Part::Text {
            content: part.text_at("refusal"),
        },
        "input_image" => held(part, "image", "image_url"),
        "input_file" if part.get("file_url").is_some() => held(part, "document", "file_url"),
        "input_file" => held(part, "document", "file_data"),
        kind => Part::Other { kind },
    }
}

/// What stands in a file that the provider has, in a data URL or elsewhere.
fn held<'a>(part: &'a Node<'a>, modality: &'a str, key: &str) -> Part<'a> {
    if let Some(id) = part.get("file_id").filter(|id| !id.is_null()) {
        let file_id = Field::Tree(Some(id));
        return Part::File { modality, file_id };
    }
    let url = part.text_at(key);
    match data_url(url) {
        Some((media_type, _)) => Part::Blob {
            modality,
            mime_type: media_type.into(),
        },
        None if key == "file_data" || url.starts_with("data:") => Part::Blob {
            modality,
            mime_type: Field::Tree(None),
        },
        None => Part::Uri {
            modality,
            uri: url.into(),
        },
    }
}

/// Names of the tools of a request; of one that the provider runs itself, its type.
pub(super) fn tool_names(tree: &Node<'_>) -> Vec<String> {
    let name = |tool: &Node<'_>| {
        let name = tool.get("name").or_else(|| tool.get("type"));
        Some(name?.as_str()?.to_owned())
    };
    tree.items_at("tools").iter().filter_map(name).collect()
}

/// A reply in one piece, or the one that a stream's last event carries.
pub(in crate::gateway) fn read_reply<T: Json>(tree: &T) -> ReplyFacts {
    let text = |key: &str| tree.get(key).and_then(Json::as_str).map(str::to_owned);
    let output = tree.get("output").and_then(Json::as_array);
    let mut facts = ReplyFacts {
        id: text("id"),
        model: text("model"),
        finish_reason: finish_reason(tree),
        complete: output.is_some(),
        ..ReplyFacts::default()
    };
    for item in output.into_iter().flatten() {
        if item.text_at("type") == "message" {
            for part in item.items_at("content") {
                facts.text.push_str(part.text_at("text"));
                facts.text.push_str(part.text_at("refusal"));
            }
        }
        facts.calls.extend(call(item));
    }
    if let Some(usage) = tree.get("usage") {
        read_usage(usage, &mut facts.usage);
    }
    facts
}

/// Why a reply ended: what made it incomplete, else its status.
pub(super) fn finish_reason<T: Json>(response: &T) -> Option<String> {
    let reason = response.at(&["incomplete_details", "reason"]).and_then(Json::as_str);
    let reason = reason.or_else(|| response.get("status").and_then(Json::as_str));
    reason.map(str::to_owned)
}

/// The call that an item is, if it is one.
pub(super) fn call<T: Json>(item: &T) -> Option<Call> {
    let arguments = match item.text_at("type") {
        "function_call" => item.text_at("arguments"),
        "custom_tool_call" => item.text_at("input"),
        _ => return None,
    };
    Some(Call {
        id: item.text_at("call_id").to_owned(),
        name: item.text_at("name").to_owned(),
        arguments: arguments.to_owned(),
    })
}

/// Takes over what a `usage` object says.
pub(super) fn read_usage<T: Json>(usage: &T, into: &mut Usage) {
    let set = |field: &mut Option<i64>, path: &[&str]| {
        *field = usage.at(path).and_then(Json::as_i64).or(*field);
    };
    set(&mut into.prompt, &["input_tokens"]);
    set(&mut into.completion, &["output_tokens"]);
    set(&mut into.total, &["total_tokens"]);
    set(&mut into.cached_input, &["input_tokens_details", "cached_tokens"]);
    set(&mut into.reasoning, &["output_tokens_details", "reasoning_tokens"]);
}
