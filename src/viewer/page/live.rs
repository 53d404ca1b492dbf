//! News for pages that are open: which arrival is the newest, as server-sent events. Sends numbers only, at most four times a
//! second, whatever comes in; the page asks for what it wants to see. A slow page misses news, never slows anything down.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Fault};
use crate::viewer::store::Store;

/// Streams at the same time.
const MAX_STREAMS: usize = 16;

/// Shortest time between two events of a stream.
const GAP: Duration = Duration::from_millis(250);

/// Longest time without a line, so that what stands between does not take the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Longest life of a stream; browsers come back by themselves.
pub(super) const MAX_AGE: Duration = Duration::from_secs(3600);

/// Where streams come from.
pub(super) struct Live {
    store: Arc<Store>,
    slots: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Live {
    pub(super) fn new(store: Arc<Store>, stop: CancellationToken) -> Live {
        Live {
            store,
            slots: Arc::new(Semaphore::new(MAX_STREAMS)),
            stop,
        }
    }

    /// A stream that tells what is there at once, and then what changes.
    ///
    /// # Errors
    /// Where there are too many.
    pub(super) fn answer(&self) -> Result<Answer, Fault> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| {
            let why = format!("{MAX_STREAMS} pages are open already; close one of them");
            Fault::new(StatusCode::SERVICE_UNAVAILABLE, why)
        })?;
        let news = News {
            newest: self.store.subscribe(),
            store: Arc::clone(&self.store),
            stop: self.stop.clone(),
            due: None,
            end: Instant::now() + MAX_AGE,
            _slot: slot,
        };
        let pieces = stream::unfold(news, async |mut news| {
            let text = news.next().await?;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from(text))), news))
        });
        let mut answer = Response::new(StreamBody::new(pieces).boxed_unsync());
        let headers = answer.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream; charset=utf-8"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(answer)
    }
}

/// One stream.
struct News {
    newest: watch::Receiver<u64>,
    store: Arc<Store>,
    stop: CancellationToken,
    /// When the next event may go out; none before the first.
    due: Option<Instant>,
    end: Instant,
    _slot: OwnedSemaphorePermit,
}

impl News {
    /// The next lines; none at the end of the server, of the store or of the stream's life.
    async fn next(&mut self) -> Option<String> {
        let (stop, end) = (self.stop.clone(), self.end);
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            () = sleep_until(end) => None,
            lines = self.lines() => lines,
        }
    }

    async fn lines(&mut self) -> Option<String> {
        if let Some(due) = self.due {
            sleep_until(due).await;
            match timeout(KEEP_ALIVE, self.newest.changed()).await {
                Ok(changed) => changed.ok()?,
                Err(_) => return Some(": nothing new\n\n".to_owned()),
            }
        }
        self.due = Some(Instant::now() + GAP);
        let newest = *self.newest.borrow_and_update();
        let held = self.store.held();
        Some(format!(
            "event: newest\ndata: {{\"newest\":{newest},\"held\":{held}}}\n\n"
        ))
    }
}
