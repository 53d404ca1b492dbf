//! The way into the pipelines of one receiver: `send` waits and tells the outcome, `offer` never waits.

use super::{Admission, Refused};
use crate::otlp::TraceBatch;

/// A receiver's or the gateway's way in. Cheap to clone.
#[derive(Clone)]
pub struct Inlet {
    _private: (),
}

impl Inlet {
    /// Asks for room for the bytes of one request, before they are decoded (and before they are read, where their number
    /// is known). Hold the answer until the request is answered.
    ///
    /// # Errors
    /// Retryable, where there is no room now.
    pub fn admit(&self, bytes: usize) -> Result<Admission, Refused> {
        let _ = bytes;
        todo!()
    }

    /// Carries the batch through the processors into the queue of every exporter, all or none. `Ok` is the promise that it
    /// is there. An empty batch is fine.
    ///
    /// # Errors
    /// [`Refused`]: nothing was accepted.
    pub async fn send(&self, batch: TraceBatch) -> Result<(), Refused> {
        let _ = batch;
        todo!()
    }

    /// The same without ever waiting: where `send` would wait for room, this refuses.
    ///
    /// # Errors
    /// [`Refused`]: nothing was accepted.
    pub fn offer(&self, batch: TraceBatch) -> Result<(), Refused> {
        let _ = batch;
        todo!()
    }

    /// Counts spans that the receiver itself refused (bad ids, a malformed request with a known number).
    pub fn refused(&self, spans: usize) {
        let _ = spans;
        todo!()
    }

    /// The same inlet for requests that come over another transport, for the `transport` label of its metrics.
    #[must_use]
    pub fn transport(&self, name: &'static str) -> Inlet {
        let _ = name;
        self.clone()
    }
}
