//! Between the APIs: requests, replies and streams of chat completions as messages and the other way, responses as either.
//!
//! What has a counterpart survives, fields that are an extension of the source's API included where the target has a place for
//! them. Sampling parameters without a counterpart are left out; content without one is refused, since leaving it out would
//! change what was asked. Nothing is translated to responses; see [`Way`].

mod content_to_chat;
mod content_to_messages;
mod ends;
mod reply;
mod request_to_chat;
mod request_to_messages;
mod responses;
mod stream;
mod stream_to_chat;
mod stream_to_messages;

use bytes::Bytes;
use serde_json::{Map, Value};

use self::responses::{Base, Envelope};
use super::exchange::{Crossing, Way};
use super::providers::{BadRequest, Request, chat, messages};

pub use stream::StreamTranslator;

/// How a request is sent, beside what it says itself.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The model's name at the provider.
    pub model: &'a str,
    /// Whether a stream of chat completions shall tell its usage, where nothing is translated; a translated one always does,
    /// since the other API tells. See [`Request::body_for`].
    pub want_usage: bool,
    /// When the reply began to be made, in seconds since 1970.
    pub created: u64,
    /// A number that no other request has; the ids that the gateway gives are made of it.
    pub seed: u128,
}

/// What is sent to a provider.
#[derive(Debug)]
pub struct Sent {
    /// The body in the provider's API.
    pub body: Bytes,
    /// What turns the answer into the client's API; none where that is the provider's.
    pub back: Option<Back>,
}

/// The body of a request for a provider: its own bytes with the model's name where the APIs are the same, translated where not.
///
/// # Errors
///
/// [`BadRequest::Untranslatable`] where the request holds content that the provider's API has no place for.
pub fn request(request: &Request, way: Way, terms: Terms<'_>) -> Result<Sent, BadRequest> {
    let Way::Across(crossing) = way else {
        let body = request.body_for(terms.model, terms.want_usage);
        return Ok(Sent { body, back: None });
    };
    let tree = request.tree()?;
    let (tree, back) = match crossing {
        Crossing::ChatToMessages => {
            let options = ChatOptions {
                created: terms.created,
                include_usage: request.client_asked_usage(),
            };
            (
                request_to_messages::request(&tree, terms.model)?,
                Back::MessagesToChat(options),
            )
        }
        Crossing::MessagesToChat => (request_to_chat::request(&tree, terms.model)?, Back::ChatToMessages),
        Crossing::ResponsesToChat => (
            responses::request::request(&tree, terms.model, Base::Chat)?,
            Back::ChatToResponses(Envelope::new(&tree, terms)),
        ),
        Crossing::ResponsesToMessages => {
            let chat = responses::request::request(&tree, terms.model, Base::Messages)?;
            let sent = request_to_messages::request(&chat, terms.model).map_err(|fault| match fault {
                BadRequest::Untranslatable { reason, .. } => untranslatable("input", reason),
                other => other,
            })?;
            (sent, Back::MessagesToResponses(Envelope::new(&tree, terms)))
        }
    };
    let body = Value::Object(tree).to_string().into();
    Ok(Sent { body, back: Some(back) })
}

/// A provider's answer of success that is no reply of its API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer is no reply of its API")]
pub struct BadReply;

/// Turns what a provider answers to one request into its client's API.
#[derive(Debug, Clone)]
pub enum Back {
    /// For a client of messages.
    ChatToMessages,
    /// For a client of chat completions.
    MessagesToChat(ChatOptions),
    /// For a client of responses, from chat completions.
    ChatToResponses(Envelope),
    /// For a client of responses, from messages.
    MessagesToResponses(Envelope),
}

/// What a client of chat completions gets of a reply that the provider does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatOptions {
    /// Seconds since 1970.
    pub created: u64,
    /// Whether the client asked for the chunk with usage; see [`Request::client_asked_usage`].
    pub include_usage: bool,
}

impl Back {
    /// A reply in one piece.
    ///
    /// # Errors
    ///
    /// [`BadReply`] where the body is no reply.
    pub fn reply(&self, body: &[u8]) -> Result<Bytes, BadReply> {
        let tree: Value = serde_json::from_slice(body).map_err(|_| BadReply)?;
        let facts = match self {
            Back::ChatToMessages | Back::ChatToResponses(_) => chat::read_reply(&tree),
            Back::MessagesToChat(_) | Back::MessagesToResponses(_) => messages::read_reply(&tree),
        };
        if !facts.complete {
            return Err(BadReply);
        }
        let tree = match self {
            Back::ChatToMessages => reply::to_messages(&tree, &facts),
            Back::MessagesToChat(options) => reply::to_chat(&tree, &facts, options.created),
            Back::ChatToResponses(envelope) => responses::reply::from_chat(&tree, envelope),
            Back::MessagesToResponses(envelope) => {
                responses::reply::from_chat(&reply::to_chat(&tree, &facts, envelope.created()), envelope)
            }
        };
        Ok(tree.to_string().into())
    }

    /// A stream.
    pub fn stream(self) -> StreamTranslator {
        StreamTranslator::new(self)
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
