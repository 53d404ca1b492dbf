//! How busy a connection is: counts its requests from their head to the end of the answer's body, so that an idle connection
//! is known from one whose answer still streams.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Activity {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl Activity {
    /// A request has begun; it ends when the answer is dropped.
    pub(super) fn begin(self: &Arc<Activity>) -> Busy {
        self.begun.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Waits until no request was in flight for a whole `limit`; for ever without one. Looks once per `limit`, so it may
    /// take up to twice as long.
    pub(super) async fn idle(&self, limit: Option<Duration>) {
        let Some(limit) = limit else {
            return std::future::pending().await;
        };
        loop {
            let before = self.begun.load(Ordering::Relaxed);
            let busy = before != self.ended.load(Ordering::Relaxed);
            tokio::time::sleep(limit).await;
            if !busy && self.begun.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}

/// Held while a request is in flight.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// An answer's body, which holds its request in flight.
pub(super) struct Counted<B> {
    body: B,
    _busy: Busy,
}

impl<B> Counted<B> {
    pub(super) fn new(body: B, busy: Busy) -> Counted<B> {
        Counted { body, _busy: busy }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Counted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
