//! The page in the browser: an HTTP server that reads the store, with the page's files built in. Takes nothing but reads, from
//! this machine and from itself only; answers with headers that keep whatever a span holds from being more than text.

mod answer;
mod ask;
mod bundle;
mod documents;
mod guard;
mod live;
mod params;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{Method, Request, StatusCode, request::Parts};
use hyper::body::Incoming;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use self::{
    answer::{Answer, Caller, Fault},
    ask::Ask,
    bundle::Bundle,
    live::Live,
};
use super::{access::Access, store::Store};
use crate::net::listen::{self, HalfClose, Peer, Settings};

/// Connections at the same time. Other machines reach the port, too, and are told no only when they ask: so many of them may say
/// nothing without keeping this machine's browser out.
const MAX_CONNECTIONS: usize = 1024;

/// Questions that are worked on at the same time; each may decode a trace of many megabytes.
const MAX_WORK: usize = 4;

/// Longest time to read the head of a request, and for a connection without one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// A peer that takes nothing of its answer for this time is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// What answers in flight get to finish at the end. Streams end at once.
const GRACE: Duration = Duration::from_secs(1);

/// The page's server with its port taken.
pub struct PageServer {
    listener: TcpListener,
    address: SocketAddr,
    store: Arc<Store>,
    access: Access,
}

impl PageServer {
    /// Takes the port (`host:port`).
    ///
    /// # Errors
    /// Why it cannot be taken, in one line.
    pub async fn bind(endpoint: &str, store: Arc<Store>, access: Access) -> io::Result<PageServer> {
        let listener = listen::bind(endpoint).await?;
        Ok(PageServer {
            address: listener.local_addr()?,
            listener,
            store,
            access,
        })
    }

    /// The address taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`; then streams end, and answers in flight finish within a second.
    pub async fn run(self, stop: CancellationToken) {
        let desk = Arc::new(Desk {
            live: Live::new(Arc::clone(&self.store), stop.clone()),
            store: self.store,
            access: self.access,
            bundle: Bundle::new(),
            work: Arc::new(Semaphore::new(MAX_WORK)),
        });
        let service = move |request: Request<Incoming>, peer: Peer| {
            let desk = Arc::clone(&desk);
            async move { desk.answer(&request.into_parts().0, peer).await }
        };
        listen::serve(self.listener, settings(), None, service, stop).await;
    }
}

fn settings() -> Settings {
    Settings {
        max_connections: MAX_CONNECTIONS,
        header_read_timeout: HEADER_TIMEOUT,
        idle_timeout: Some(HEADER_TIMEOUT),
        write_timeout: Some(WRITE_TIMEOUT),
        // Over HTTP/2 the write time-out does not see single streams; no answer takes longer than a stream of events lives.
        stream_timeout: Some(live::MAX_AGE + WRITE_TIMEOUT),
        // A closed tab says so by closing its connection; nothing is to be kept up for it.
        half_close: HalfClose::Gone,
        stream_window: 64 << 10,
        connection_window: 256 << 10,
        max_frame_size: 16 << 10,
        grace: GRACE,
        ..Settings::default()
    }
}

/// What the answers are made of.
struct Desk {
    store: Arc<Store>,
    access: Access,
    bundle: Bundle,
    work: Arc<Semaphore>,
    live: Live,
}

impl Desk {
    async fn answer(&self, head: &Parts, peer: Peer) -> Answer {
        let is_api = is_api(head.uri.path());
        let made = match self.make(head, peer).await {
            Ok(made) => made,
            Err(fault) if is_api => fault.json(),
            Err(fault) => fault.text(),
        };
        answer::finish(made, &head.method)
    }

    async fn make(&self, head: &Parts, peer: Peer) -> Result<Answer, Fault> {
        guard::check(self.access, peer.address, head).map_err(Fault::refused)?;
        if head.method != Method::GET && head.method != Method::HEAD {
            return Err(Fault::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "nothing but GET and HEAD is taken here",
            ));
        }
        if !is_api(head.uri.path()) {
            return self.bundle.answer(head, Caller::of(head, peer));
        }
        match Ask::parse(head.uri.path(), head.uri.query())? {
            Ask::Live => self.live.answer(),
            ask => self.work(ask, Caller::of(head, peer)).await,
        }
    }

    /// Decoding takes a while: on a thread that may take it, and never on all of them.
    async fn work(&self, ask: Ask, caller: Caller) -> Result<Answer, Fault> {
        let slot = Arc::clone(&self.work).acquire_owned().await;
        let slot = slot.expect("the semaphore is never closed");
        let store = Arc::clone(&self.store);
        let working = tokio::task::spawn_blocking(move || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
            let made = ask.answer(&store, now).map(|document| document.answer(caller));
            drop(slot);
            made
        });
        let failed = |error| {
            Fault::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("the question failed: {error}"),
            )
        };
        working.await.unwrap_or_else(|error| Err(failed(error)))
    }
}

fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

#[cfg(test)]
#[path = "page/tests.rs"]
mod tests;
