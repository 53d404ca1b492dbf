//! The APIs that models are asked in, one file each: what a request and a reply say, and their bytes with another model's name.
//!
//! Pure: bytes in, bytes and facts out. What passes through stays byte for byte what it was, apart from the model's name and
//! the wish for usage. Refuses bodies that name no model or are no JSON; everything else is the provider's to judge.

pub mod errors;

pub(super) mod chat;
mod conversation;
pub(super) mod json;
pub(super) mod messages;
mod reader;
pub(super) mod responses;
mod splice;
mod values;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde_json::{Map, Value, value::RawValue};

pub use reader::{ReplyReader, Seen};
pub(super) use values::are_too_many;

use self::{json::Json, splice::Places};
use super::exchange::{Api, ReplyError, ReplyFacts, RequestFacts};
use crate::values::json::{self as tree, Node};

/// Why a request's body cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// It is no JSON.
    #[error("the body is no valid JSON: {reason} (line {line}, column {column})")]
    InvalidJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What was wrong there.
        reason: String,
    },
    /// It is JSON, but no object.
    #[error("the body is no JSON object")]
    NotAnObject,
    /// `model` is not there or empty where it must be given, or no text.
    #[error("`model` is missing: it must be the name of a model")]
    MissingModel,
    /// It holds more values than a tree is built of.
    #[error("the body holds more than {} JSON values", values::MAX_VALUES)]
    TooManyValues,
    /// `messages` is not there or no list.
    #[error("`messages` must be a list")]
    MessagesNotAList,
    /// `input` is not there where it must be, or neither text nor a list.
    #[error("`input` must be text or a list of items")]
    NoInput,
    /// The conversation that it goes on with is not known, or not any more.
    #[error("Previous response with id {id:?} not found: it was not kept, or not for this client")]
    UnknownResponse {
        /// As the client wrote it, made harmless and cut.
        id: String,
    },
    /// The conversation that it goes on with is too long with it.
    #[error("the conversation behind `previous_response_id` is larger than max_request_body_size, {limit} bytes")]
    ConversationTooLarge {
        /// In bytes.
        limit: usize,
    },
    /// It holds something that the provider's API has no place for.
    #[error("`{place}` cannot be sent to this model's provider: {reason}")]
    Untranslatable {
        /// Where, as a path: `messages[2].content[0]`.
        place: String,
        /// What has no counterpart.
        reason: String,
    },
}

impl BadRequest {
    /// The field at fault, for the error's `param`.
    pub fn param(&self) -> Option<&str> {
        match self {
            BadRequest::InvalidJson { .. } | BadRequest::NotAnObject | BadRequest::TooManyValues => None,
            BadRequest::MissingModel => Some("model"),
            BadRequest::MessagesNotAList => Some("messages"),
            BadRequest::NoInput => Some("input"),
            BadRequest::UnknownResponse { .. } | BadRequest::ConversationTooLarge { .. } => {
                Some("previous_response_id")
            }
            BadRequest::Untranslatable { place, .. } => Some(place),
        }
    }

    /// The error's `code`, where there is one.
    pub fn code(&self) -> Option<&'static str> {
        matches!(self, BadRequest::UnknownResponse { .. }).then_some("previous_response_not_found")
    }

    /// Whether it asks for more than is served, rather than being wrong.
    pub fn is_too_large(&self) -> bool {
        matches!(
            self,
            BadRequest::TooManyValues | BadRequest::ConversationTooLarge { .. }
        )
    }
}

impl From<serde_json::Error> for BadRequest {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default().to_owned();
        BadRequest::InvalidJson {
            line: error.line(),
            column: error.column(),
            reason,
        }
    }
}

/// A request that was read.
#[derive(Debug, Clone)]
pub struct Request {
    /// The API it is spoken in.
    pub api: Api,
    /// What it says.
    pub facts: Arc<RequestFacts>,
    client_asked_usage: bool,
    /// Whether `model` stands there more than once.
    repeats_model: bool,
    body: Bytes,
}

/// Reads a request's body.
///
/// # Errors
///
/// [`BadRequest`] says which rule it breaks. A request may name no model: whether one is chosen for it is not known here.
pub fn read_request(api: Api, body: &Bytes) -> Result<Request, BadRequest> {
    if values::are_too_many(body) {
        return Err(BadRequest::TooManyValues);
    }
    let tree = tree::read(body)?;
    if !matches!(tree, Node::Map(_)) {
        return Err(BadRequest::NotAnObject);
    }
    let model = tree.text_at("model");
    if model.is_empty()
        && tree
            .get("model")
            .is_some_and(|model| !model.is_null() && model.as_str().is_none())
    {
        return Err(BadRequest::MissingModel);
    }
    let (messages, message_count) = conversation_of(api, &tree)?;
    let tools = match api {
        Api::Chat => chat::tool_names(&tree),
        Api::Messages => messages::tool_names(&tree),
        Api::Responses => responses::tool_names(&tree),
    };
    let metadata = |name: &str| tree.at(&["metadata", name])?.as_str().map(str::to_owned);
    let facts = RequestFacts {
        model: model.to_owned(),
        stream: tree.get("stream").and_then(Node::as_bool).unwrap_or_default(),
        temperature: tree.get("temperature").and_then(Node::as_f64),
        top_p: tree.get("top_p").and_then(Node::as_f64),
        max_tokens: ["max_completion_tokens", "max_tokens", "max_output_tokens"]
            .iter()
            .find_map(|name| tree.get(name)?.as_i64()),
        tools,
        session_id: metadata("user_id").or_else(|| metadata("session_id")),
        last_user_text: conversation::last_user_text(&messages),
        message_count,
        messages: conversation::to_json(&messages),
    };
    let asked = tree.at(&["stream_options", "include_usage"]).and_then(Node::as_bool);
    Ok(Request {
        api,
        facts: Arc::new(facts),
        client_asked_usage: asked.unwrap_or_default(),
        repeats_model: tree.repeats("model"),
        body: body.clone(),
    })
}

/// The messages of a request, and how many its client counts.
fn conversation_of<'a>(api: Api, tree: &'a Node<'a>) -> Result<(Vec<conversation::Message<'a>>, usize), BadRequest> {
    let list = || {
        let list = tree.get("messages").and_then(Node::as_array);
        list.ok_or(BadRequest::MessagesNotAList)
    };
    match api {
        Api::Chat => list().map(|list| (chat::input_messages(list), list.len())),
        Api::Messages => list().map(|list| (messages::input_messages(tree.get("system"), list), list.len())),
        Api::Responses => {
            // What these name is input too.
            let elsewhere = ["previous_response_id", "conversation", "prompt"];
            let is_there = |key: &&str| tree.get(key).is_some_and(|value| *value != Node::Null);
            match tree.get("input") {
                Some(Node::Text(_) | Node::List(_)) => {}
                None | Some(Node::Null) if elsewhere.iter().any(is_there) => {}
                _ => return Err(BadRequest::NoInput),
            }
            Ok(responses::input_messages(tree.get("instructions"), tree.get("input")))
        }
    }
}

impl Request {
    /// The same request of responses with other input, a list of items as JSON.
    ///
    /// # Errors
    ///
    /// Those of [`read_request`]: it may have become too large.
    pub(super) fn with_input(&self, items: &str) -> Result<Request, BadRequest> {
        let mut fields: BTreeMap<String, &RawValue> = serde_json::from_slice(&self.body)?;
        fields.insert("input".to_owned(), serde_json::from_str(items)?);
        read_request(self.api, &serde_json::to_vec(&fields)?.into())
    }

    /// The body as it came.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as a tree, its keys in the client's order.
    ///
    /// # Errors
    ///
    /// Those of [`read_request`], which has read it before.
    pub fn tree(&self) -> Result<Map<String, Value>, BadRequest> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The body in the API it came in, byte for byte, with the model's name replaced. `want_usage` asks for usage at the end
    /// of a stream of chat completions, where the client did not; see [`Request::client_asked_usage`].
    pub fn body_for(&self, model: &str, want_usage: bool) -> Bytes {
        let renames = model != self.facts.model || self.repeats_model;
        let asks = want_usage && self.api == Api::Chat && self.facts.stream && !self.client_asked_usage();
        let Some(places) = (renames || asks).then(|| Places::read(&self.body).ok()).flatten() else {
            return self.body.clone();
        };
        let mut edits = Vec::new();
        if renames {
            let name = Value::from(model).to_string();
            match places.model.as_slice() {
                [] => edits.push((places.end..places.end, format!(r#","model":{name}"#))),
                named => edits.extend(named.iter().map(|place| (place.clone(), name.clone()))),
            }
        }
        if asks {
            // Of those that stand twice, the last is what was read; what is no object is no wish.
            let last = places.stream_options.last();
            let options = last.and_then(|place| serde_json::from_slice(&self.body[place.clone()]).ok());
            let mut options: Map<String, Value> = options.unwrap_or_default();
            options.insert("include_usage".to_owned(), Value::Bool(true));
            let options = Value::Object(options).to_string();
            match places.stream_options.as_slice() {
                [] => edits.push((places.end..places.end, format!(r#","stream_options":{options}"#))),
                wishes => edits.extend(wishes.iter().map(|place| (place.clone(), options.clone()))),
            }
        }
        splice::splice(&self.body, edits)
    }

    /// Whether the client itself wants the chunk with usage at the end of its stream.
    pub fn client_asked_usage(&self) -> bool {
        self.client_asked_usage
    }
}

/// Reads a reply in one piece; none where the body is no JSON object. An object that is no reply gives no facts, and is not
/// complete.
pub fn read_reply(api: Api, body: &[u8]) -> Option<ReplyFacts> {
    let tree = tree::read(body).ok().filter(Json::is_object)?;
    let mut facts = match api {
        Api::Chat => chat::read_reply(&tree),
        Api::Messages => messages::read_reply(&tree),
        Api::Responses => responses::read_reply(&tree),
    };
    facts.error = error_of(&tree);
    Some(facts)
}

/// An error, where the tree tells of one.
fn error_of(tree: &impl Json) -> Option<ReplyError> {
    let error = tree.get("error").filter(|error| !error.is_null())?;
    Some(ReplyError {
        message: error.as_str().unwrap_or_else(|| error.text_at("message")).to_owned(),
        status: errors::status_told(error),
    })
}

/// A string below `key`; empty where there is none.
pub(super) fn text_at<'a>(tree: &'a Value, key: &str) -> &'a str {
    tree.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What stands between `data:` and the content of a data URL: its media type, and whether it is base64; then the content.
pub(super) fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, content) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    Some((media_type.split(';').next().unwrap_or_default(), content))
}

#[cfg(test)]
mod tests;
