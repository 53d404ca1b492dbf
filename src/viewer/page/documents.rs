//! The answers of the page's API: data out of the store, as JSON. Reads no clock and no socket.

use std::sync::Arc;

use serde::Serialize;

use super::{
    answer::{Document, Fault},
    ask::{Ask, Form, SpanPlace},
};
use crate::viewer::{
    condition::FIELDS,
    conversation::{Conversation, conversation},
    export::Exported,
    json::to_text,
    model::Span,
    outline::Outline,
    query::{Query, Reply},
    store::{Dropped, Held, Store, keys},
    summary::{Session, Summary},
};

/// Traces that are named where the start of an id fits several.
const CANDIDATES: usize = 5;

impl Ask {
    /// The answer out of that store, at that time.
    ///
    /// # Errors
    /// What is wrong with the question, or not there.
    pub(super) fn answer(&self, store: &Store, now_unix_nano: u64) -> Result<Document, Fault> {
        match self {
            Ask::Info => Ok(info(store)),
            Ask::Keys => Ok(known_keys(store)),
            Ask::Live => Err(Fault::absent("news come as a stream only")),
            Ask::Traces(query) => page(store, query, now_unix_nano).map(|reply| Document::json(&reply)),
            Ask::Sessions(query) => sessions(store, query, now_unix_nano),
            Ask::Outline(id) => Ok(Document::json(&Outline::of(&one(store, id)?.decode()))),
            Ask::Span(place) => span(store, place),
            Ask::Download(id, form) => Ok(download(one(store, id)?.as_ref(), *form)),
        }
    }
}

fn info(store: &Store) -> Document {
    #[derive(Serialize)]
    struct Info {
        version: &'static str,
        held: usize,
        newest: u64,
        bytes: usize,
        dropped: Dropped,
        limits: Limits,
    }
    #[derive(Serialize)]
    struct Limits {
        max_traces: usize,
        max_bytes: usize,
    }
    let limits = store.limits();
    Document::json(&Info {
        version: env!("CARGO_PKG_VERSION"),
        held: store.held(),
        newest: *store.subscribe().borrow(),
        bytes: store.bytes(),
        dropped: store.dropped(),
        limits: Limits {
            max_traces: limits.max_traces,
            max_bytes: limits.max_bytes,
        },
    })
}

fn known_keys(store: &Store) -> Document {
    #[derive(Serialize)]
    struct Keys {
        keys: Vec<String>,
    }
    let mut keys = keys(&store.newest_first());
    keys.extend(FIELDS.iter().map(ToString::to_string));
    Document::json(&Keys {
        keys: keys.into_iter().collect(),
    })
}

fn page(store: &Store, query: &Query, now_unix_nano: u64) -> Result<Reply, Fault> {
    let answered = query.of(store, now_unix_nano);
    answered.map_err(|error| Fault::unclear(error.to_string()))
}

fn sessions(store: &Store, query: &Query, now_unix_nano: u64) -> Result<Document, Fault> {
    #[derive(Serialize)]
    struct Sessions {
        sessions: Vec<Session>,
    }
    let mut query = query.clone();
    let mut summaries: Vec<Summary> = Vec::new();
    loop {
        let reply = page(store, &query, now_unix_nano)?;
        summaries.extend(reply.summaries);
        query.cursor = reply.cursor;
        if query.cursor.is_none() {
            return Ok(Document::json(&Sessions {
                sessions: Session::group(&summaries),
            }));
        }
    }
}

/// The one trace that is meant.
fn one(store: &Store, id: &str) -> Result<Arc<Held>, Fault> {
    let is_meant = |held: &Arc<Held>| held.trace_ids.iter().any(|known| known.to_string().starts_with(id));
    let mut found: Vec<Arc<Held>> = store.newest_first().into_iter().filter(is_meant).collect();
    match found.len() {
        0 => Err(Fault::absent(format!(
            "no trace {id} is held; it may have been dropped"
        ))),
        1 => Ok(found.swap_remove(0)),
        _ => {
            let ids = found.iter().flat_map(|held| &held.trace_ids).map(ToString::to_string);
            let ids: Vec<String> = ids.filter(|known| known.starts_with(id)).take(CANDIDATES).collect();
            Err(Fault::unclear(format!(
                "{id} fits more than one trace: {}",
                ids.join(", ")
            )))
        }
    }
}

fn span(store: &Store, place: &SpanPlace) -> Result<Document, Fault> {
    #[derive(Serialize)]
    struct InFull {
        conversation: Option<Conversation>,
        span: Span,
    }
    let span = one(store, &place.trace)?.span(&place.span_id, place.trace_id.as_deref());
    let span = span.ok_or_else(|| Fault::absent(format!("the trace has no span {}", place.span_id)))?;
    Ok(Document::json(&InFull {
        conversation: conversation(&span),
        span,
    }))
}

fn download(held: &Held, form: Form) -> Document {
    const KIND: &str = "application/json; charset=utf-8";
    let trace = held.decode();
    // Hex digits: harmless in a header and as a name.
    let name = trace.trace_id.clone();
    match form {
        Form::Json => Document::of(KIND, to_text(&[trace])).saved_as(format!("trace-{name}.json")),
        Form::Otlp => {
            let mut text = String::from(Box::<str>::from(Exported::of(held, name.clone()).request));
            text.push('\n');
            Document::of(KIND, text).saved_as(format!("trace-{name}.otlp.json"))
        }
    }
}
