//! The stand-in's answers in the shapes of both APIs, in one piece and as the events of a stream. Pure.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::asked::{Asked, Said};
use crate::gateway::{exchange::Api, stream};

/// An answer, before it has a shape.
pub(super) struct Answer<'a> {
    pub(super) asked: &'a Asked,
    pub(super) said: Said,
    /// 24 characters; answers and calls have it in their ids.
    pub(super) id: String,
}

impl Answer<'_> {
    /// In one piece.
    pub(super) fn whole(&self) -> Value {
        match self.asked.api {
            // The gateway translates responses, so that nobody asks the stand-in for them.
            Api::Chat | Api::Responses => self.chat(),
            Api::Messages => self.message(self.content(), Some(self.stop_reason()), self.completion()),
        }
    }

    /// As events, each of which is sent by itself.
    pub(super) fn events(&self) -> Vec<Vec<u8>> {
        match self.asked.api {
            Api::Chat | Api::Responses => self.chat_events(),
            Api::Messages => self.message_events(),
        }
    }

    /// A word counts as a token.
    fn prompt(&self) -> usize {
        self.asked.words()
    }

    fn completion(&self) -> usize {
        match &self.said {
            Said::Text(text) => text.split_whitespace().count().max(1),
            Said::Call { arguments, .. } => arguments.to_string().len().div_ceil(4),
        }
    }

    fn chat_usage(&self) -> Value {
        let (prompt, completion) = (self.prompt(), self.completion());
        json!({
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
        })
    }

    fn finish_reason(&self) -> &'static str {
        match self.said {
            Said::Text(_) => "stop",
            Said::Call { .. } => "tool_calls",
        }
    }

    fn call_id(&self) -> String {
        format!("call_{}", self.id)
    }

    fn chat(&self) -> Value {
        let mut message = json!({"role": "assistant", "content": null, "refusal": null, "annotations": []});
        match &self.said {
            Said::Text(text) => message["content"] = json!(text),
            Said::Call { name, arguments } => {
                message["tool_calls"] = json!([{"id": self.call_id(), "type": "function",
                    "function": {"name": name, "arguments": arguments.to_string()}}]);
            }
        }
        json!({
            "id": format!("chatcmpl-{}", self.id), "object": "chat.completion", "created": now(),
            "model": self.asked.model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": self.finish_reason()}],
            "usage": self.chat_usage(), "service_tier": "default", "system_fingerprint": "fp_stand_in",
        })
    }

    fn chunk(&self, choices: Value, usage: Value) -> Vec<u8> {
        let chunk = json!({
            "id": format!("chatcmpl-{}", self.id), "object": "chat.completion.chunk", "created": now(),
            "model": self.asked.model, "service_tier": "default", "system_fingerprint": "fp_stand_in",
            "choices": choices, "usage": usage,
        });
        event("", &chunk.to_string())
    }

    fn chat_events(&self) -> Vec<Vec<u8>> {
        let delta = |delta: Value, reason: Value| {
            self.chunk(
                json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}]),
                Value::Null,
            )
        };
        let mut events = vec![delta(
            json!({"role": "assistant", "content": "", "refusal": null}),
            Value::Null,
        )];
        match &self.said {
            Said::Text(text) => {
                events.extend(pieces(text).map(|piece| delta(json!({"content": piece}), Value::Null)));
            }
            Said::Call { name, arguments } => {
                let first = json!({"tool_calls": [{"index": 0, "id": self.call_id(), "type": "function",
                    "function": {"name": name, "arguments": ""}}]});
                events.push(delta(first, Value::Null));
                events.extend(pieces(&arguments.to_string()).map(|piece| {
                    let more = json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]});
                    delta(more, Value::Null)
                }));
            }
        }
        events.push(delta(json!({}), json!(self.finish_reason())));
        if self.asked.wants_usage() {
            events.push(self.chunk(json!([]), self.chat_usage()));
        }
        events.push(event("", "[DONE]"));
        events
    }

    fn stop_reason(&self) -> &'static str {
        match self.said {
            Said::Text(_) => "end_turn",
            Said::Call { .. } => "tool_use",
        }
    }

    fn content(&self) -> Value {
        match &self.said {
            Said::Text(text) => json!([{"type": "text", "text": text}]),
            Said::Call { name, arguments } => {
                json!([{"type": "tool_use", "id": format!("toolu_{}", self.id), "name": name, "input": arguments}])
            }
        }
    }

    fn message(&self, content: Value, stop_reason: Option<&str>, output_tokens: usize) -> Value {
        json!({
            "id": format!("msg_{}", self.id), "type": "message", "role": "assistant", "model": self.asked.model,
            "content": content, "stop_reason": stop_reason, "stop_sequence": null,
            "usage": {"input_tokens": self.prompt(), "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "output_tokens": output_tokens, "service_tier": "standard"},
        })
    }

    fn message_events(&self) -> Vec<Vec<u8>> {
        let typed = |name: &str, mut data: Value| {
            data["type"] = json!(name);
            event(name, &data.to_string())
        };
        let block = match &self.said {
            Said::Text(_) => json!({"type": "text", "text": ""}),
            Said::Call { name, .. } => {
                json!({"type": "tool_use", "id": format!("toolu_{}", self.id), "name": name, "input": {}})
            }
        };
        let mut events = vec![
            typed("message_start", json!({"message": self.message(json!([]), None, 1)})),
            typed("content_block_start", json!({"index": 0, "content_block": block})),
            typed("ping", json!({})),
        ];
        let (text, kind, key) = match &self.said {
            Said::Text(text) => (text.clone(), "text_delta", "text"),
            Said::Call { arguments, .. } => (arguments.to_string(), "input_json_delta", "partial_json"),
        };
        events.extend(pieces(&text).map(|piece| {
            let delta = json!({"index": 0, "delta": {"type": kind, key: piece}});
            typed("content_block_delta", delta)
        }));
        let end = json!({"delta": {"stop_reason": self.stop_reason(), "stop_sequence": null},
            "usage": {"output_tokens": self.completion()}});
        events.push(typed("content_block_stop", json!({"index": 0})));
        events.push(typed("message_delta", end));
        events.push(typed("message_stop", json!({})));
        events
    }
}

fn event(name: &str, data: &str) -> Vec<u8> {
    let mut out = Vec::new();
    stream::write(&mut out, name, data);
    out
}

/// The text in pieces of a few words, as models give it.
fn pieces(text: &str) -> impl Iterator<Item = String> {
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let pieces: Vec<String> = words.chunks(3).map(|words| words.concat()).collect();
    pieces.into_iter()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
