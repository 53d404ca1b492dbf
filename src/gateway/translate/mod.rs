//! Between the APIs: requests, replies and streams of chat completions as messages, and the other way.
//!
//! What has a counterpart survives, fields that are an extension of the source's API included where the target has a place for
//! them. Sampling parameters without a counterpart are left out; content without one is refused, since leaving it out would
//! change what was asked.

mod content_to_chat;
mod content_to_messages;
mod ends;
mod reply;
mod request_to_chat;
mod request_to_messages;
mod stream_to_chat;
mod stream_to_messages;

use bytes::Bytes;
use serde_json::{Map, Value};

use self::stream_to_chat::ToChat;
use self::stream_to_messages::ToMessages;
use super::exchange::Api;
use super::providers::{BadRequest, Request, chat, messages};
use super::stream::Event;

/// The body of a request for a provider that speaks `to`: its own bytes with the model's name where the APIs are the same,
/// translated where not. `want_usage` as in [`Request::body_for`]; a translated stream always asks, since the other API tells.
///
/// # Errors
///
/// [`BadRequest::Untranslatable`] where the request holds content that `to` has no place for.
pub fn body_for(request: &Request, to: Api, model: &str, want_usage: bool) -> Result<Bytes, BadRequest> {
    let tree = match (request.api, to) {
        (Api::Chat, Api::Messages) => request_to_messages::request(&request.tree()?, model)?,
        (Api::Messages, Api::Chat) => request_to_chat::request(&request.tree()?, model)?,
        (Api::Chat, Api::Chat) | (Api::Messages, Api::Messages) => return Ok(request.body_for(model, want_usage)),
    };
    Ok(Value::Object(tree).to_string().into())
}

/// A provider's answer of success that is no reply of its API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer is no reply of its API")]
pub struct BadReply;

/// A reply in one piece in the other API. `created` (seconds since 1970) is what only chat completions carry.
///
/// # Errors
///
/// [`BadReply`] where the body is no reply.
pub fn reply(from: Api, body: &[u8], created: u64) -> Result<Bytes, BadReply> {
    let tree: Value = serde_json::from_slice(body).map_err(|_| BadReply)?;
    let facts = match from {
        Api::Chat => chat::read_reply(&tree),
        Api::Messages => messages::read_reply(&tree),
    };
    if !facts.complete {
        return Err(BadReply);
    }
    let tree = match from {
        Api::Chat => reply::to_messages(&tree, &facts),
        Api::Messages => reply::to_chat(&tree, &facts, created),
    };
    Ok(tree.to_string().into())
}

/// Turns the events of one provider's stream into those of the other API.
#[derive(Debug)]
pub struct StreamTranslator(Direction);

#[derive(Debug)]
enum Direction {
    ToChat(ToChat),
    ToMessages(ToMessages),
}

/// What a client of chat completions gets of a stream that the events do not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatOptions {
    /// Seconds since 1970.
    pub created: u64,
    /// Whether the client asked for the chunk with usage; see [`Request::client_asked_usage`].
    pub include_usage: bool,
}

impl StreamTranslator {
    /// A translator of a stream of `from`; `options` are for clients of chat completions.
    pub fn new(from: Api, options: ChatOptions) -> Self {
        Self(match from {
            Api::Chat => Direction::ToMessages(ToMessages::default()),
            Api::Messages => Direction::ToChat(ToChat::new(options)),
        })
    }

    /// What the client gets for one event: bytes of none, one or several events.
    pub fn event(&mut self, event: &Event) -> Vec<u8> {
        let mut out = Vec::new();
        let Some(data) = event.data().map(<[u8]>::trim_ascii) else {
            return out;
        };
        if data == b"[DONE]" {
            if let Direction::ToMessages(stream) = &mut self.0 {
                stream.done(&mut out);
            }
        } else if let Ok(tree @ Value::Object(_)) = serde_json::from_slice(data) {
            match &mut self.0 {
                Direction::ToChat(stream) => stream.event(&tree, &mut out),
                Direction::ToMessages(stream) => stream.chunk(&tree, &mut out),
            }
        }
        out
    }

    /// What the client gets when the provider's stream has ended: nothing where that was regular, the missing end where only
    /// that is missing, an error where the reply was cut off.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.0 {
            Direction::ToChat(stream) => stream.finish(&mut out),
            Direction::ToMessages(stream) => stream.done(&mut out),
        }
        out
    }
}

/// What is told of a stream that stops in the middle.
const CUT_OFF: &str = "the provider's stream ended before the reply was complete";

fn untranslatable(place: impl Into<String>, reason: impl Into<String>) -> BadRequest {
    BadRequest::Untranslatable {
        place: place.into(),
        reason: reason.into(),
    }
}

/// Copies the fields that mean the same in both APIs, or are the target's own.
fn copy_fields(from: &Map<String, Value>, names: &[&str], into: &mut Map<String, Value>) {
    for name in names {
        if let Some(value) = from.get(*name).filter(|value| !value.is_null()) {
            into.entry(*name).or_insert_with(|| value.clone());
        }
    }
}

#[cfg(test)]
mod tests;
