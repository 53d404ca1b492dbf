//! The two methods that the listener answers beside what it receives: `GetTraces`, which existing clients ask (no
//! request, the newest traces as JSON), and `Query`, our own, with filters and pages. Both answer this machine only,
//! unless told otherwise.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    access::{Access, Reader},
    model::Trace,
    query::{PAGE_BYTES, Query, QueryError, json_len},
    store::Store,
};
use crate::pipeline::SideMethod;

/// Path of the method of existing clients.
pub const GET_TRACES: &str = "/plano.TraceQuery/GetTraces";
/// Path of our own method.
pub const QUERY: &str = "/plano.TraceQuery/Query";

// Status codes of gRPC.
const INVALID_ARGUMENT: u32 = 3;
const NOT_FOUND: u32 = 5;
const PERMISSION_DENIED: u32 = 7;
const INTERNAL: u32 = 13;

/// `{"traces":[…]}`, newest first: as many as fit into what gRPC clients take by default (4 MiB), at least one.
pub struct GetTraces {
    store: Arc<Store>,
    access: Access,
}

/// A [`Query`] as JSON in, a [`super::Reply`] as JSON out.
pub struct QueryMethod {
    store: Arc<Store>,
    access: Access,
}

impl GetTraces {
    /// Answers from that store.
    pub fn new(store: Arc<Store>, access: Access) -> GetTraces {
        GetTraces { store, access }
    }
}

impl QueryMethod {
    /// Answers from that store.
    pub fn new(store: Arc<Store>, access: Access) -> QueryMethod {
        QueryMethod { store, access }
    }
}

#[async_trait]
impl SideMethod for GetTraces {
    fn path(&self) -> &'static str {
        GET_TRACES
    }

    async fn call(&self, peer: SocketAddr, authority: &str, _request: Bytes) -> Result<Bytes, (u32, String)> {
        permit(self.access, peer, authority)?;
        let store = Arc::clone(&self.store);
        away(move || Ok(Bytes::from(all(&store)))).await
    }
}

#[async_trait]
impl SideMethod for QueryMethod {
    fn path(&self) -> &'static str {
        QUERY
    }

    async fn call(&self, peer: SocketAddr, authority: &str, request: Bytes) -> Result<Bytes, (u32, String)> {
        permit(self.access, peer, authority)?;
        let query: Query = match request.as_ref() {
            b"" => Query::default(),
            text => serde_json::from_slice(text).map_err(|error| (INVALID_ARGUMENT, error.to_string()))?,
        };
        let store = Arc::clone(&self.store);
        away(move || answer(&store, &query)).await
    }
}

fn permit(access: Access, peer: SocketAddr, authority: &str) -> Result<(), (u32, String)> {
    access
        .check(Reader { peer, authority })
        .map_err(|why| (PERMISSION_DENIED, why.to_owned()))
}

/// Decoding a large store takes a while: on a thread that may take it.
async fn away<F>(work: F) -> Result<Bytes, (u32, String)>
where
    F: FnOnce() -> Result<Bytes, (u32, String)> + Send + 'static,
{
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.unwrap_or_else(|error| Err((INTERNAL, format!("the query failed: {error}"))))
}

fn answer(store: &Store, query: &Query) -> Result<Bytes, (u32, String)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    let reply = query.of(store, now).map_err(|error| match error {
        QueryError::Invalid(why) => (INVALID_ARGUMENT, why),
        QueryError::UnknownKey(why) => (NOT_FOUND, why),
    })?;
    let text = serde_json::to_vec(&reply).map_err(|error| (INTERNAL, error.to_string()))?;
    Ok(Bytes::from(text))
}

fn all(store: &Store) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct Document {
        traces: Vec<Trace>,
    }
    let mut traces = Vec::new();
    let mut bytes = 0;
    for held in store.newest_first() {
        let trace = held.decode();
        bytes += json_len(&trace);
        if bytes > PAGE_BYTES && !traces.is_empty() {
            break;
        }
        traces.push(trace);
    }
    serde_json::to_vec(&Document { traces }).expect("plain data into memory")
}

#[cfg(test)]
#[path = "serve/tests.rs"]
mod tests;
