//! Turns the events of one provider's stream into those of its client's API. Promises whole events, one end, and nothing after it.

use serde_json::Value;

use super::responses::{Envelope, stream::ToResponses};
use super::stream_to_chat::ToChat;
use super::stream_to_messages::ToMessages;
use super::{Back, ChatOptions};
use crate::gateway::exchange::Api;
use crate::gateway::providers::errors;
use crate::gateway::stream::{self, Event};

/// Translates one stream.
#[derive(Debug)]
pub struct StreamTranslator(Direction);

#[derive(Debug)]
enum Direction {
    ToChat(ToChat),
    ToMessages(ToMessages),
    /// From chat completions.
    ToResponses(Box<ToResponses>),
    /// From messages by way of chat completions.
    Twice(Box<(ToChat, ToResponses)>),
}

/// An event of a stream of chat completions.
#[derive(Debug)]
pub(super) enum ChatEvent {
    Chunk(Value),
    Error(Value),
    Done,
}

impl ChatEvent {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            ChatEvent::Chunk(chunk) => stream::write(out, "", &chunk.to_string()),
            ChatEvent::Error(error) => out.extend(errors::event_of(Api::Chat, error)),
            ChatEvent::Done => stream::write(out, "", "[DONE]"),
        }
    }

    fn pass(&self, to: &mut ToResponses, out: &mut Vec<u8>) {
        match self {
            ChatEvent::Chunk(tree) | ChatEvent::Error(tree) => to.chunk(tree, out),
            ChatEvent::Done => to.done(out),
        }
    }
}

impl StreamTranslator {
    pub(super) fn new(back: Back) -> Self {
        let twice = |envelope: Envelope| {
            let options = ChatOptions {
                created: envelope.created(),
                include_usage: true,
            };
            Direction::Twice(Box::new((ToChat::new(options), ToResponses::new(envelope))))
        };
        Self(match back {
            Back::ChatToMessages => Direction::ToMessages(ToMessages::default()),
            Back::MessagesToChat(options) => Direction::ToChat(ToChat::new(options)),
            Back::ChatToResponses(envelope) => Direction::ToResponses(Box::new(ToResponses::new(envelope))),
            Back::MessagesToResponses(envelope) => twice(envelope),
        })
    }

    /// What the client gets for one event: bytes of none, one or several events.
    pub fn event(&mut self, event: &Event) -> Vec<u8> {
        let mut out = Vec::new();
        let Some(data) = event.data().map(<[u8]>::trim_ascii) else {
            return out;
        };
        if data == b"[DONE]" {
            match &mut self.0 {
                Direction::ToMessages(to) => to.done(&mut out),
                Direction::ToResponses(to) => to.done(&mut out),
                Direction::ToChat(_) | Direction::Twice(_) => {}
            }
        } else if let Ok(tree @ Value::Object(_)) = serde_json::from_slice(data) {
            match &mut self.0 {
                Direction::ToMessages(to) => to.chunk(&tree, &mut out),
                Direction::ToResponses(to) => to.chunk(&tree, &mut out),
                Direction::ToChat(_) | Direction::Twice(_) => {
                    self.by_chat(|to, events| to.event(&tree, events), &mut out);
                }
            }
        }
        out
    }

    /// What the client gets when the provider's stream has ended: nothing where that was regular, the missing end where only
    /// that is missing, an error where the reply was cut off.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.0 {
            Direction::ToMessages(to) => to.done(&mut out),
            Direction::ToResponses(to) => to.done(&mut out),
            Direction::ToChat(_) | Direction::Twice(_) => self.by_chat(ToChat::finish, &mut out),
        }
        out
    }

    /// What the client gets where the gateway gives the stream up: an error, and nothing after it.
    pub fn fail(&mut self, status: u16, message: &str) -> Vec<u8> {
        let mut out = Vec::new();
        match &mut self.0 {
            Direction::ToChat(to) => {
                to.close();
                out = errors::error_event(Api::Chat, status, message, None);
            }
            Direction::ToMessages(to) => {
                to.close();
                out = errors::error_event(Api::Messages, status, message, None);
            }
            Direction::ToResponses(to) => to.give_up(status, message, &mut out),
            Direction::Twice(both) => {
                both.0.close();
                both.1.give_up(status, message, &mut out);
            }
        }
        out
    }

    /// The whole response once it has come to its end, for clients of responses; given once.
    pub fn take_response(&mut self) -> Option<Value> {
        match &mut self.0 {
            Direction::ToChat(_) | Direction::ToMessages(_) => None,
            Direction::ToResponses(to) => to.take_response(),
            Direction::Twice(both) => both.1.take_response(),
        }
    }

    fn by_chat(&mut self, step: impl FnOnce(&mut ToChat, &mut Vec<ChatEvent>), out: &mut Vec<u8>) {
        let mut events = Vec::new();
        match &mut self.0 {
            Direction::ToChat(to) => {
                step(to, &mut events);
                events.iter().for_each(|event| event.write(out));
            }
            Direction::Twice(both) => {
                step(&mut both.0, &mut events);
                events.iter().for_each(|event| event.pass(&mut both.1, out));
            }
            Direction::ToMessages(_) | Direction::ToResponses(_) => {}
        }
    }
}
