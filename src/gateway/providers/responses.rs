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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use crate::gateway::exchange::{Api, Call, ReplyFacts};
    use crate::gateway::providers::{BadRequest, ReplyReader, read_reply, read_request};
    use crate::gateway::stream::{self, Parser};

    fn body(tree: &Value) -> Bytes {
        tree.to_string().into()
    }

    #[test]
    fn a_request_is_read() {
        let tree = json!({
            "model": "m", "instructions": "Be brief.", "max_output_tokens": 9, "temperature": 0.5, "stream": true,
            "metadata": {"user_id": "u"},
            "tools": [{"type": "function", "name": "look"}, {"type": "web_search"}],
            "input": [
                {"role": "user", "content": "Look."},
                {"type": "message", "role": "user", "content": [
                    {"type": "input_text", "text": "At this."},
                    {"type": "input_image", "image_url": "data:image/png;base64,AAAA"},
                    {"type": "input_image", "file_id": "file-1"},
                    {"type": "input_file", "file_url": "https://example.com/a.pdf"},
                    {"type": "input_file", "file_data": "AAAA"}]},
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
                {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{\"at\":1}"},
                {"type": "function_call_output", "call_id": "c1", "output": "a cat"},
                {"type": "web_search_call", "id": "ws_1"},
            ],
        });
        let facts = read_request(Api::Responses, &body(&tree)).expect("a request").facts;
        let expected = json!([
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Look."}]},
            {"role": "user", "parts": [
                {"type": "text", "content": "At this."},
                {"type": "blob", "modality": "image", "mime_type": "image/png"},
                {"type": "file", "modality": "image", "file_id": "file-1"},
                {"type": "uri", "modality": "document", "uri": "https://example.com/a.pdf"},
                {"type": "blob", "modality": "document", "mime_type": null}]},
            {"role": "assistant", "parts": [
                {"type": "reasoning", "content": "Hm."},
                {"type": "text", "content": "I look."},
                {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": 1}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "a cat"}]},
            {"role": "assistant", "parts": [{"type": "web_search_call"}]},
        ]);
        assert_eq!(serde_json::from_str::<Value>(&facts.messages).expect("JSON"), expected);
        assert_eq!(
            (facts.message_count, facts.max_tokens, facts.stream),
            (7, Some(9), true)
        );
        assert_eq!(facts.tools, ["look", "web_search"]);
        assert_eq!(
            (facts.last_user_text.as_str(), facts.session_id.as_deref()),
            ("At this.", Some("u"))
        );
    }

    #[test]
    fn input_must_be_there() {
        for (tree, expected) in [
            (json!({"model": "m"}), Some(BadRequest::NoInput)),
            (json!({"model": "m", "input": {}}), Some(BadRequest::NoInput)),
            (json!({"model": "m", "messages": []}), Some(BadRequest::NoInput)),
            (
                json!({"model": "m", "previous_response_id": null}),
                Some(BadRequest::NoInput),
            ),
            (json!({"input": "Hi"}), None),
            (json!({"model": "m", "previous_response_id": "resp_1"}), None),
            (json!({"model": "m", "prompt": {"id": "p"}}), None),
            (json!({"model": "m", "input": []}), None),
        ] {
            assert_eq!(read_request(Api::Responses, &body(&tree)).err(), expected, "{tree}");
        }
    }

    #[test]
    fn a_reply_is_read() {
        let tree = json!({
            "id": "resp_1", "model": "m", "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"},
            "error": null, "output": [
                {"type": "reasoning", "summary": []},
                {"type": "message", "content": [{"type": "output_text", "text": "Hel"}, {"type": "refusal", "refusal": "lo"}]},
                {"type": "custom_tool_call", "call_id": "c1", "name": "look", "input": "here"}],
            "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
        });
        let facts = read_reply(Api::Responses, &body(&tree)).expect("an object");
        assert_eq!((facts.text.as_str(), facts.complete), ("Hello", true));
        assert_eq!(facts.finish_reason.as_deref(), Some("max_output_tokens"));
        assert_eq!(facts.calls, [call("c1", "look", "here")]);
        assert_eq!(facts.usage.total, Some(5));
        let failed =
            json!({"status": "failed", "output": [], "error": {"code": "rate_limit_exceeded", "message": "no"}});
        let error = read_reply(Api::Responses, &body(&failed))
            .and_then(|facts| facts.error)
            .expect("an error");
        assert_eq!((error.status, error.message.as_str()), (429, "no"));
    }

    fn call(id: &str, name: &str, arguments: &str) -> Call {
        let [id, name, arguments] = [id, name, arguments].map(str::to_owned);
        Call { id, name, arguments }
    }

    /// Reads a stream; gives what it said, where its first token was, and the reader.
    fn read(events: &[Value]) -> (ReplyFacts, Option<usize>, ReplyReader) {
        let mut bytes = Vec::new();
        for event in events {
            stream::write(&mut bytes, event["type"].as_str().expect("a type"), &event.to_string());
        }
        let (mut parser, mut reader, mut first) = (Parser::default(), ReplyReader::new(Api::Responses), None);
        parser.feed(&bytes);
        let mut at = 0;
        while let Some(event) = parser.next_event().expect("small events") {
            if reader.read(&event).first_token {
                assert_eq!(first.replace(at), None);
            }
            at += 1;
        }
        (reader.facts().clone(), first, reader)
    }

    #[test]
    fn a_stream_is_read() {
        let item =
            |at: usize, item: Value| json!({"type": "response.output_item.added", "output_index": at, "item": item});
        let function = json!({"type": "function_call", "call_id": "c1", "name": "look", "arguments": ""});
        let late = json!({"type": "function_call", "call_id": "c2", "name": "find", "arguments": "{}"});
        let part = |kind: &str, at: usize, delta: &str| json!({"type": kind, "output_index": at, "delta": delta});
        let usage = json!({"input_tokens": 3, "output_tokens": 2, "total_tokens": 5,
            "input_tokens_details": {"cached_tokens": 1}, "output_tokens_details": {"reasoning_tokens": 1}});
        let (facts, first, _) = read(&[
            json!({"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "model": "m", "error": null}}),
            item(0, json!({"type": "message", "content": []})),
            part("response.output_text.delta", 0, "Hel"),
            part("response.output_text.delta", 0, "lo"),
            item(1, function.clone()),
            part("response.function_call_arguments.delta", 1, "{\"a\""),
            part("response.function_call_arguments.delta", 7, "nobody's"),
            part("response.function_call_arguments.delta", 1, ":1}"),
            json!({"type": "response.output_item.done", "output_index": 1, "item": function}),
            json!({"type": "response.output_item.done", "output_index": 2, "item": late}),
            json!({"type": "response.unknown"}),
            json!({"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "usage": usage}}),
        ]);
        assert_eq!(
            (facts.id.as_deref(), facts.model.as_deref()),
            (Some("resp_1"), Some("m"))
        );
        assert_eq!((facts.text.as_str(), facts.complete, first), ("Hello", true, Some(2)));
        assert_eq!(facts.calls, [call("c1", "look", "{\"a\":1}"), call("c2", "find", "{}")]);
        assert_eq!(
            (facts.usage.prompt, facts.usage.cached_input, facts.usage.reasoning),
            (Some(3), Some(1), Some(1))
        );
        assert_eq!(facts.finish_reason.as_deref(), Some("completed"));
    }

    #[test]
    fn a_stream_that_fails_is_read() {
        let told =
            json!({"type": "error", "sequence_number": 4, "code": "rate_limit_exceeded", "message": "slow down"});
        let (facts, first, reader) = read(std::slice::from_ref(&told));
        let error = facts.error.expect("an error");
        assert_eq!(
            (error.status, error.message.as_str(), facts.complete, first),
            (429, "slow down", false, None)
        );
        let next = String::from_utf8(reader.error_event(502, "cut")).expect("text");
        assert!(
            next.starts_with("event: error\n") && next.contains("\"sequence_number\":5"),
            "{next}"
        );

        let error = json!({"code": "server_error", "message": "no"});
        let failed =
            json!({"type": "response.failed", "response": {"id": "resp_1", "status": "failed", "error": error}});
        let (facts, ..) = read(&[failed]);
        assert_eq!(
            (facts.error.expect("an error").status, facts.finish_reason.as_deref()),
            (500, Some("failed"))
        );
        let (facts, ..) = read(&[told, json!({"type": "response.failed", "response": {}})]);
        assert_eq!(facts.error.expect("still there").message, "slow down");
    }
}
