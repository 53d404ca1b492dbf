//! Chunks of a chat completion as events of messages: `message_start`, blocks one after the other, `message_delta` with the
//! reason of the end and usage, `message_stop`.
//!
//! The end is held back until the provider's stream says that it is over, since usage comes after the reason.

use serde_json::{Map, Value, json};

use super::CUT_OFF;
use super::ends::{Calls, messages_usage, stop_reason};
use super::reply::reasoning;
use crate::gateway::exchange::{Api, Usage};
use crate::gateway::providers::{chat, errors, text_at};
use crate::gateway::stream;

/// The most calls that are followed in one reply.
const MAX_CALLS: usize = 1024;

/// What the open block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Text,
    Thinking,
    /// By its place in the list of calls.
    Call(usize),
}

/// A call as far as it came; its block starts with its name.
#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    /// Arguments that came before the name.
    waiting: String,
    block: Option<usize>,
}

#[derive(Debug, Default)]
pub(super) struct ToMessages {
    started: bool,
    closed: bool,
    /// The open block and its number.
    open: Option<(Block, usize)>,
    blocks: usize,
    calls: Vec<Call>,
    finish_reason: Option<String>,
    usage: Usage,
}

impl ToMessages {
    pub(super) fn chunk(&mut self, tree: &Value, out: &mut Vec<u8>) {
        if self.closed {
            return;
        }
        if let Some(error) = tree.get("error").filter(|error| !error.is_null()) {
            self.closed = true;
            let error = errors::translate_tree(Api::Messages, None, error);
            out.extend(errors::event_of(Api::Messages, &error));
            return;
        }
        if let Some(usage) = chat::usage_of(tree) {
            chat::read_usage(usage, &mut self.usage);
        }
        let choices = tree.get("choices").and_then(Value::as_array);
        let first = |choice: &&Value| choice.get("index").is_none_or(|index| *index == 0);
        let Some(choice) = choices.and_then(|choices| choices.iter().find(first)) else {
            return;
        };
        self.start(tree, out);
        let delta = choice.get("delta").unwrap_or(&Value::Null);
        if let Some(thinking) = reasoning(delta) {
            let number = self.block(Block::Thinking, out);
            block_delta(number, json!({"type": "thinking_delta", "thinking": thinking}), out);
        }
        for key in ["content", "refusal"] {
            let text = text_at(delta, key);
            if !text.is_empty() {
                let number = self.block(Block::Text, out);
                block_delta(number, json!({"type": "text_delta", "text": text}), out);
            }
        }
        for piece in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            self.call(piece, out);
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            self.finish_reason = Some(reason.to_owned());
        }
    }

    /// The provider's stream is over.
    pub(super) fn done(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        let Some(reason) = self.finish_reason.take() else {
            out.extend(errors::error_event(Api::Messages, 502, CUT_OFF, None));
            return;
        };
        self.stop_block(out);
        let calls = if self.calls.is_empty() {
            Calls::None
        } else {
            Calls::Some
        };
        let end = json!({"stop_reason": stop_reason(&reason, calls), "stop_sequence": null});
        event(
            "message_delta",
            json!({"delta": end, "usage": messages_usage(&self.usage)}),
            out,
        );
        event("message_stop", json!({}), out);
    }

    /// Nothing comes any more.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    fn start(&mut self, tree: &Value, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let message = json!({
            "id": tree.get("id"),
            "type": "message",
            "role": "assistant",
            "model": tree.get("model"),
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": messages_usage(&self.usage),
        });
        event("message_start", json!({"message": message}), out);
    }

    /// One piece of a call. A piece that comes after another call has begun still goes to its own block's number.
    fn call(&mut self, piece: &Value, out: &mut Vec<u8>) {
        let Some(at) = self.call_at(piece) else { return };
        let function = piece.get("function").unwrap_or(&Value::Null);
        let call = &mut self.calls[at];
        for (key, tree, into) in [("id", piece, &mut call.id), ("name", function, &mut call.name)] {
            if into.is_empty() {
                text_at(tree, key).clone_into(into);
            }
        }
        call.waiting.push_str(text_at(function, "arguments"));
        if call.name.is_empty() {
            return;
        }
        let json = std::mem::take(&mut call.waiting);
        let number = match call.block {
            Some(number) => number,
            None => self.block(Block::Call(at), out),
        };
        if !json.is_empty() {
            block_delta(number, json!({"type": "input_json_delta", "partial_json": json}), out);
        }
    }

    /// The call that a piece belongs to; see `ReplyReader` for providers that give every call the same index, or none.
    fn call_at(&mut self, piece: &Value) -> Option<usize> {
        let index = piece.get("index").and_then(Value::as_u64);
        let id = text_at(piece, "id");
        let known = match index {
            Some(_) => self.calls.iter().rposition(|call| call.index == index),
            None => self.calls.len().checked_sub(1),
        };
        let continued = known.filter(|at| id.is_empty() || self.calls[*at].id.is_empty() || self.calls[*at].id == id);
        if continued.is_some() || self.calls.len() == MAX_CALLS {
            return continued;
        }
        self.calls.push(Call {
            index,
            ..Call::default()
        });
        Some(self.calls.len() - 1)
    }

    /// The number of the open block of that kind, opened where another is.
    fn block(&mut self, block: Block, out: &mut Vec<u8>) -> usize {
        if let Some((open, number)) = self.open
            && open == block
        {
            return number;
        }
        self.stop_block(out);
        let number = self.blocks;
        self.blocks += 1;
        let content = match block {
            Block::Text => json!({"type": "text", "text": ""}),
            Block::Thinking => json!({"type": "thinking", "thinking": "", "signature": ""}),
            Block::Call(at) => {
                let call = &mut self.calls[at];
                call.block = Some(number);
                json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}})
            }
        };
        event(
            "content_block_start",
            json!({"index": number, "content_block": content}),
            out,
        );
        self.open = Some((block, number));
        number
    }

    fn stop_block(&mut self, out: &mut Vec<u8>) {
        if let Some((_, number)) = self.open.take() {
            event("content_block_stop", json!({"index": number}), out);
        }
    }
}

fn block_delta(number: usize, delta: Value, out: &mut Vec<u8>) {
    event("content_block_delta", json!({"index": number, "delta": delta}), out);
}

/// An event repeats its name as the first field of its data.
fn event(name: &str, fields: Value, out: &mut Vec<u8>) {
    let mut data = Map::new();
    data.insert("type".to_owned(), name.into());
    if let Value::Object(fields) = fields {
        data.extend(fields);
    }
    stream::write(out, name, &Value::Object(data).to_string());
}
