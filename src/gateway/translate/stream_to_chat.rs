//! Events of messages as chunks of a chat completion: the role first, an index for each tool call, the reason of the end, usage
//! where it was asked for, `[DONE]`.

use serde_json::{Value, json};

use super::ends::{chat_usage, finish_reason};
use super::stream::ChatEvent;
use super::{CUT_OFF, ChatOptions};
use crate::gateway::exchange::Api;
use crate::gateway::providers::{errors, messages, text_at};

/// How far the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The reply goes on.
    Open,
    /// The reason of its end was given.
    Stopped,
    /// Nothing comes any more.
    Closed,
}

/// A tool call whose block is open.
#[derive(Debug)]
struct Call {
    block: Option<u64>,
    index: usize,
    /// What the block's start brought; given where no delta comes.
    input: String,
    has_arguments: bool,
}

#[derive(Debug)]
pub(super) struct ToChat {
    options: ChatOptions,
    id: Value,
    model: Value,
    counts: messages::Counts,
    call: Option<Call>,
    calls: usize,
    state: State,
}

impl ToChat {
    pub(super) fn new(options: ChatOptions) -> Self {
        Self {
            options,
            id: Value::Null,
            model: Value::Null,
            counts: messages::Counts::default(),
            call: None,
            calls: 0,
            state: State::Open,
        }
    }

    pub(super) fn event(&mut self, tree: &Value, out: &mut Vec<ChatEvent>) {
        if self.state == State::Closed {
            return;
        }
        let part = |key: &str| tree.get(key).unwrap_or(&Value::Null);
        match part("type").as_str().unwrap_or_default() {
            "message_start" => {
                let message = part("message");
                (self.id, self.model) = (message["id"].clone(), message["model"].clone());
                self.counts.read(&message["usage"]);
                self.delta(json!({"role": "assistant", "content": "", "refusal": null}), out);
            }
            "content_block_start" => self.block_start(part("index").as_u64(), part("content_block"), out),
            "content_block_delta" => self.block_delta(part("index").as_u64(), part("delta"), out),
            "content_block_stop" => self.block_stop(out),
            "message_delta" => {
                self.counts.read(part("usage"));
                if let Some(reason) = part("delta").get("stop_reason").and_then(Value::as_str) {
                    self.block_stop(out);
                    self.state = State::Stopped;
                    let choice =
                        json!({"index": 0, "delta": {}, "logprobs": null, "finish_reason": finish_reason(reason)});
                    self.chunk(json!([choice]), None, out);
                }
            }
            "message_stop" => self.end(out),
            "error" => {
                self.state = State::Closed;
                let error = errors::translate_tree(Api::Chat, None, part("error"));
                out.push(ChatEvent::Error(error));
            }
            _ => {}
        }
    }

    pub(super) fn finish(&mut self, out: &mut Vec<ChatEvent>) {
        match self.state {
            State::Open => {
                self.state = State::Closed;
                out.push(ChatEvent::Error(errors::error_tree(
                    Api::Chat,
                    502,
                    CUT_OFF,
                    None,
                    None,
                )));
            }
            State::Stopped => self.end(out),
            State::Closed => {}
        }
    }

    /// Nothing comes any more.
    pub(super) fn close(&mut self) {
        self.state = State::Closed;
    }

    fn end(&mut self, out: &mut Vec<ChatEvent>) {
        self.state = State::Closed;
        if self.options.include_usage {
            self.chunk(json!([]), Some(chat_usage(&self.counts.usage())), out);
        }
        out.push(ChatEvent::Done);
    }

    fn block_start(&mut self, block: Option<u64>, content: &Value, out: &mut Vec<ChatEvent>) {
        match text_at(content, "type") {
            "text" => self.text("content", text_at(content, "text"), out),
            "thinking" => self.text("reasoning_content", text_at(content, "thinking"), out),
            "tool_use" => {
                self.block_stop(out);
                let call = messages::call(content);
                let index = self.calls;
                self.calls += 1;
                let start = json!({
                    "index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""},
                });
                self.delta(json!({"tool_calls": [start]}), out);
                self.call = Some(Call {
                    block,
                    index,
                    input: if call.arguments.is_empty() {
                        "{}".to_owned()
                    } else {
                        call.arguments
                    },
                    has_arguments: false,
                });
            }
            _ => {}
        }
    }

    fn block_delta(&mut self, block: Option<u64>, delta: &Value, out: &mut Vec<ChatEvent>) {
        match text_at(delta, "type") {
            "text_delta" => self.text("content", text_at(delta, "text"), out),
            "thinking_delta" => self.text("reasoning_content", text_at(delta, "thinking"), out),
            "input_json_delta" => {
                let json = text_at(delta, "partial_json");
                let Some(call) = self
                    .call
                    .as_mut()
                    .filter(|call| call.block == block && !json.is_empty())
                else {
                    return;
                };
                call.has_arguments = true;
                let index = call.index;
                self.arguments(index, json, out);
            }
            _ => {}
        }
    }

    /// A call without arguments still needs JSON.
    fn block_stop(&mut self, out: &mut Vec<ChatEvent>) {
        if let Some(call) = self.call.take().filter(|call| !call.has_arguments) {
            self.arguments(call.index, &call.input, out);
        }
    }

    fn arguments(&self, index: usize, json: &str, out: &mut Vec<ChatEvent>) {
        let piece = json!({"index": index, "function": {"arguments": json}});
        self.delta(json!({"tool_calls": [piece]}), out);
    }

    fn text(&self, key: &str, text: &str, out: &mut Vec<ChatEvent>) {
        if !text.is_empty() {
            self.delta(json!({key: text}), out);
        }
    }

    fn delta(&self, delta: Value, out: &mut Vec<ChatEvent>) {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": null});
        self.chunk(json!([choice]), None, out);
    }

    /// Where usage was asked for, every other chunk carries none of it.
    fn chunk(&self, choices: Value, usage: Option<Value>, out: &mut Vec<ChatEvent>) {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.options.created,
            "model": self.model,
            "choices": choices,
        });
        if self.options.include_usage {
            chunk["usage"] = usage.unwrap_or_default();
        }
        out.push(ChatEvent::Chunk(chunk));
    }
}
