//! What clients of responses may go on from: the conversations behind `previous_response_id`, for providers that keep none.
//!
//! A conversation belongs to the listener and to the keys that its client came with; nobody else finds it. `store: false` keeps
//! nothing. What a provider of responses keeps itself is not here.

mod store;

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json, value::RawValue};

use self::store::{Entry, Key, Missing, Store};
use super::{
    config::StateStorage,
    exchange::{Api, RequestFacts, Way},
    headers::KEYS,
    providers::{BadRequest, Request},
    translate::{self, Sent, Terms},
};
use crate::values::foreign::harmless;

/// Most characters of a client's id in an answer.
const MAX_SHOWN: usize = 100;

/// Whose a conversation is: a listener's, and of the client with these keys. Keys are hashed, with a secret of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    listener: usize,
    keys: [u64; 2],
}

/// A request as it is sent.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) sent: Sent,
    /// What keeps the answer, where the gateway is to remember it.
    pub(super) keeper: Option<Keeper>,
    /// What the request says with the conversation that it goes on with, where it does.
    pub(super) whole: Option<Arc<RequestFacts>>,
}

/// All conversations.
#[derive(Debug)]
pub(super) struct Conversations {
    store: Mutex<Store>,
    secrets: [RandomState; 2],
}

impl Conversations {
    pub(super) fn new(bounds: &StateStorage) -> Conversations {
        Conversations {
            store: Mutex::new(Store::new(bounds.clone())),
            secrets: Default::default(),
        }
    }

    /// Whose the conversations of a request are. To be called while its headers still have the key of the listener.
    pub(super) fn scope(&self, listener: usize, headers: &HeaderMap) -> Scope {
        let keys: Vec<&[u8]> = KEYS
            .iter()
            .flat_map(|name| headers.get_all(*name).iter().map(|value| value.as_bytes()))
            .collect();
        Scope {
            listener,
            keys: [self.secrets[0].hash_one(&keys), self.secrets[1].hash_one(&keys)],
        }
    }

    /// A request for a provider, with the conversation that it goes on with where the gateway remembers that. `limit`: the longest
    /// that the conversation may be, in bytes.
    ///
    /// # Errors
    /// Where the conversation is not known or too long, or the provider's API has no place for something.
    pub(super) fn prepare(
        self: &Arc<Self>,
        scope: Scope,
        request: &Request,
        way: Way,
        terms: Terms<'_>,
        limit: usize,
    ) -> Result<Prepared, BadRequest> {
        let whole = self.resolved(scope, request, way, limit)?;
        Ok(Prepared {
            sent: translate::request(whole.as_ref().unwrap_or(request), way, terms)?,
            keeper: self.keeper(scope, request, way),
            whole: whole.map(|whole| whole.facts),
        })
    }

    /// A request with the whole conversation that it goes on with, where it is to be translated and names one; else none: it goes
    /// as it is.
    fn resolved(&self, scope: Scope, request: &Request, way: Way, limit: usize) -> Result<Option<Request>, BadRequest> {
        if !is_ours(way) {
            return Ok(None);
        }
        let turn = Turn::read(request)?;
        let Some(id) = turn.previous else { return Ok(None) };
        let key = Key { scope, id };
        let found = self.lock().conversation(&key, Instant::now(), limit);
        let mut items = found.map_err(|missing| match missing {
            Missing::Unknown => BadRequest::UnknownResponse {
                id: harmless(&key.id, MAX_SHOWN),
            },
            Missing::TooLarge => BadRequest::ConversationTooLarge { limit },
        })?;
        items.push(turn.items);
        Ok(Some(request.with_input(&joined(&items))?))
    }

    /// What keeps the answer to a request, unless the client does not want that or the provider does it. `request` as it came.
    fn keeper(self: &Arc<Self>, scope: Scope, request: &Request, way: Way) -> Option<Keeper> {
        let turn = Some(request).filter(|_| is_ours(way)).map(Turn::read)?.ok()?;
        turn.is_kept.then(|| Keeper {
            conversations: Arc::clone(self),
            scope,
            turn,
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it is for the gateway to remember.
fn is_ours(way: Way) -> bool {
    way.client() == Api::Responses && way.crosses()
}

/// Keeps one answer with what was asked.
#[derive(Debug)]
pub(super) struct Keeper {
    conversations: Arc<Conversations>,
    scope: Scope,
    turn: Turn,
}

impl Keeper {
    /// To be called before the client can know of the response. What is none is not kept.
    pub(super) fn keep(self, response: &[u8]) {
        #[derive(serde::Deserialize)]
        struct Response<'a> {
            id: String,
            #[serde(borrow)]
            output: &'a RawValue,
        }
        let Ok(response) = serde_json::from_slice::<Response<'_>>(response) else {
            return;
        };
        let key = Key {
            scope: self.scope,
            id: response.id,
        };
        let output = inside(response.output.get()).to_owned();
        let entry = Entry {
            previous: self.turn.previous,
            items: joined_inside(&[self.turn.items, output.into()]).into(),
        };
        self.conversations.lock().insert(key, entry, Instant::now());
    }
}

/// What a request adds to a conversation.
#[derive(Debug)]
struct Turn {
    previous: Option<String>,
    /// Its items as JSON, comma between them.
    items: Bytes,
    is_kept: bool,
}

impl Turn {
    fn read(request: &Request) -> Result<Turn, BadRequest> {
        let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(request.body())?;
        let field = |key: &str| -> Value {
            let raw = fields.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok());
            raw.unwrap_or_default()
        };
        let input = fields.get("input").map_or("", |raw| raw.get());
        let items = match serde_json::from_str::<String>(input) {
            Ok(text) => json!({"type": "message", "role": "user", "content": text}).to_string(),
            Err(_) => inside(input).to_owned(),
        };
        Ok(Turn {
            previous: match field("previous_response_id") {
                Value::Null => None,
                Value::String(id) => Some(id),
                other => Some(other.to_string()),
            },
            items: items.into(),
            is_kept: field("store") != Value::Bool(false),
        })
    }
}

/// What stands between the brackets of a list; nothing where it is none.
fn inside(list: &str) -> &str {
    let list = list.trim().strip_prefix('[').and_then(|list| list.strip_suffix(']'));
    list.unwrap_or_default().trim()
}

fn joined(items: &[Bytes]) -> String {
    format!("[{}]", joined_inside(items))
}

fn joined_inside(items: &[Bytes]) -> String {
    let texts = items.iter().map(|items| String::from_utf8_lossy(items));
    let some: Vec<_> = texts.filter(|items| !items.is_empty()).collect();
    some.join(",")
}

#[cfg(test)]
mod tests;
