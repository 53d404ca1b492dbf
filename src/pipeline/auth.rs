//! Credentials that an extension puts on the requests of exporters: what `auth: {authenticator: ID}` of an exporter leads to. Knows neither
//! of the two.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;

/// Which requests an extension can put credentials on, and which an exporter needs them on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Authenticates {
    /// None at all.
    Nothing,
    /// One of HTTP, whose whole body is known before it is sent.
    Http,
    /// Any, a gRPC call included.
    Any,
}

/// What an exporter wants to be authenticated by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthWanted {
    /// Id of an extension, as it is written.
    pub authenticator: String,
    /// What it has to be able to do.
    pub on: Authenticates,
}

/// A request on its way out.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// Where it goes.
    pub url: &'a str,
    /// Its headers, to which credentials are added.
    pub headers: &'a mut HeaderMap,
    /// Its body in pieces, as it goes on the wire. Empty in gRPC.
    pub body: &'a [Bytes],
}

/// Puts credentials on requests.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Whether requests to that URL can be authenticated at all; reads nothing but the config.
    ///
    /// # Errors
    /// What has to be written for them.
    fn check(&self, url: &str) -> anyhow::Result<()> {
        let _ = url;
        Ok(())
    }

    /// Adds the headers that say who sends. Gives when these credentials were looked up.
    ///
    /// # Errors
    /// There are no credentials now; there may be later.
    async fn authorize(&self, request: Outgoing<'_>) -> anyhow::Result<Instant>;

    /// The server does not believe the credentials: whatever is remembered of them is stale, and is looked up anew.
    fn doubt(&self) {}
}

/// Age from which credentials that a server does not believe may have expired since: others are looked up and tried once more. Younger
/// ones are wrong.
const MAY_BE_STALE: Duration = Duration::from_secs(30);

/// Whether a request that was refused for its credentials, looked up at that time, may pass with others.
#[must_use]
pub fn may_pass_with_others(looked_up: Instant, now: Instant) -> bool {
    now.saturating_duration_since(looked_up) >= MAY_BE_STALE
}

/// The authenticators of a process by the ids of their extensions, as they are written.
#[derive(Clone, Default)]
pub struct Authenticators(Arc<HashMap<String, Arc<dyn Authenticator>>>);

impl Authenticators {
    /// The one of that extension.
    ///
    /// # Errors
    /// There is none of that id, or it authenticates nobody's requests.
    pub fn find(&self, id: &str) -> anyhow::Result<Arc<dyn Authenticator>> {
        let found = self.0.get(id).cloned();
        found.ok_or_else(|| anyhow::anyhow!("auth::authenticator: extension {id:?} puts no credentials on requests"))
    }
}

impl FromIterator<(String, Arc<dyn Authenticator>)> for Authenticators {
    fn from_iter<I: IntoIterator<Item = (String, Arc<dyn Authenticator>)>>(all: I) -> Authenticators {
        Authenticators(Arc::new(all.into_iter().collect()))
    }
}

impl fmt::Debug for Authenticators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
