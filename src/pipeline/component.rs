//! What a component is: receiver, processor, exporter, extension, and the answers that they may give. Components do not
//! count, queue, batch, retry or time out; the engine does that once for all of them.

use std::{borrow::Cow, net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::{Authenticator, Health, Inlet};
use crate::otlp::TraceBatch;

/// Takes trace data from outside.
#[async_trait]
pub trait Receiver: Send {
    /// The transports that it counts apart, with [`Inlet::transport`]: `grpc`, `http`. A closed list, never chosen by a
    /// client; empty where the label has no meaning.
    fn transports(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The endpoints (`host:port`) that [`Receiver::bind`] will take.
    fn endpoints(&self) -> Vec<String> {
        Vec::new()
    }

    /// Takes its ports. Called for all receivers before any data moves, so that failures are early.
    async fn bind(&mut self) -> anyhow::Result<Vec<SocketAddr>>;

    /// Serves until `stop`, then finishes the requests in flight and returns.
    async fn run(self: Box<Self>, inlet: Inlet, stop: CancellationToken) -> anyhow::Result<()>;
}

/// Changes a batch. Pure: no await, no clock of its own, no socket. Called from many tasks at once.
pub trait Processor: Send + Sync {
    /// The batch as it shall go on, or the reason why it may not.
    ///
    /// # Errors
    /// [`Refused`]: the sender is told so; nothing was accepted.
    fn process(&self, batch: TraceBatch) -> Result<TraceBatch, Refused>;

    /// Asked before the bytes of a request are decoded; the answer is held until the request is answered.
    ///
    /// # Errors
    /// [`Refused::Retry`] where there is no room for that many bytes now.
    fn admit(&self, bytes: usize) -> Result<Admission, Refused> {
        let _ = bytes;
        Ok(Admission::default())
    }

    /// How often the engine shall call [`Processor::tick`]; `None` for never.
    fn interval(&self) -> Option<Duration> {
        None
    }

    /// Called by the engine at each interval with what it measured.
    fn tick(&self, vitals: &Vitals) {
        let _ = vitals;
    }

    /// Batch sizes for the exporter queues of the pipelines that this processor stands in.
    fn batching(&self) -> Option<BatchSettings> {
        None
    }
}

/// What the engine measures for processors, which have no clock and do no I/O.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vitals {
    /// Resident memory of the process, in bytes.
    pub rss_bytes: u64,
    /// Memory that the process may use (container limit, else the machine's), in bytes.
    pub memory_total_bytes: u64,
}

/// When a queue's batcher sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSettings {
    /// Longest time that a span waits for company.
    pub flush_timeout: Duration,
    /// Spans from which a batch is sent at once.
    pub min_spans: usize,
    /// Spans that a batch never exceeds; 0 = no bound.
    pub max_spans: usize,
}

/// Room that was granted for the bytes of one request; given back when dropped.
#[derive(Default)]
pub struct Admission {
    release: Vec<Box<dyn FnOnce() + Send + Sync>>,
}

impl Admission {
    /// Room whose return calls `release`.
    pub fn new(release: impl FnOnce() + Send + Sync + 'static) -> Admission {
        Admission {
            release: vec![Box::new(release)],
        }
    }

    /// Both: what this one and the other one hold.
    #[must_use]
    pub fn and(mut self, mut other: Admission) -> Admission {
        self.release.append(&mut other.release);
        self
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        for release in self.release.drain(..) {
            release();
        }
    }
}

/// Sends trace data on. One call is one attempt on one request; the engine does the rest.
#[async_trait]
pub trait Exporter: Send + Sync {
    /// Tries whether [`Exporter::open`] would work now, and changes nothing: a config that is to replace the running one is
    /// asked first.
    ///
    /// # Errors
    /// What could not be opened and why.
    async fn check(&self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Opens what must be there before data moves (a file, say). Called once, at start; a fault here ends the start.
    ///
    /// # Errors
    /// What could not be opened and why.
    async fn open(&self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Cuts a batch into the requests that the backend takes, where it wants more than small ones. Asked once for a batch, before
    /// the first attempt; the engine sends, tries again and counts each request by itself.
    fn requests(&self, batch: TraceBatch) -> Vec<TraceBatch> {
        vec![batch]
    }

    /// Sends one request.
    ///
    /// # Errors
    /// [`ExportError::Retry`] where the same bytes may succeed later, [`ExportError::TooLarge`] where smaller requests may
    /// succeed, [`ExportError::Refused`] where they never will.
    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError>;

    /// Flushes and closes. Called once, after the last export.
    async fn close(&self) {}
}

/// Something beside the pipelines, such as the health check.
#[async_trait]
pub trait Extension: Send {
    /// What puts credentials on the requests of exporters that name this extension.
    fn authenticator(&self) -> Option<Arc<dyn Authenticator>> {
        None
    }

    /// The endpoints (`host:port`) that [`Extension::bind`] will take.
    fn endpoints(&self) -> Vec<String> {
        Vec::new()
    }

    /// Takes its ports.
    ///
    /// # Errors
    /// A port that cannot be taken.
    async fn bind(&mut self) -> anyhow::Result<Vec<SocketAddr>> {
        Ok(Vec::new())
    }

    /// Serves until `stop`, which comes after everything else has stopped.
    ///
    /// # Errors
    /// What ended it before.
    async fn run(self: Box<Self>, health: Health, stop: CancellationToken) -> anyhow::Result<()> {
        let _ = health;
        stop.cancelled().await;
        Ok(())
    }
}

/// Takes batches inside the process, such as the viewer's store. Must not block.
pub trait Sink: Send + Sync {
    /// Takes one batch. `None`: it is as safe as it gets; else it is once the future has ended well, and the sender waits.
    fn take(&self, batch: TraceBatch) -> Option<BoxFuture<'_, Result<(), ExportError>>>;
}

/// A gRPC method of the program's own that a receiver answers on its port beside what it receives, such as the viewer's
/// query.
#[async_trait]
pub trait SideMethod: Send + Sync {
    /// Path of the method, such as `/plano.TraceQuery/GetTraces`.
    fn path(&self) -> &'static str;

    /// Answers one call. `authority` is what the client believes to talk to.
    ///
    /// # Errors
    /// A gRPC status code and message.
    async fn call(&self, peer: SocketAddr, authority: &str, request: Bytes) -> Result<Bytes, (u32, String)>;
}

/// Why a batch was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not now: the sender may try again.
    #[error("{reason}")]
    Retry {
        /// When to try again, where that is known.
        after: Option<Duration>,
        /// For the sender.
        reason: Cow<'static, str>,
    },
    /// Never: the same data will be refused again.
    #[error("{reason}")]
    Permanent {
        /// For the sender.
        reason: Cow<'static, str>,
    },
}

impl Refused {
    /// Retryable, with no word on when.
    pub fn retry(reason: impl Into<Cow<'static, str>>) -> Refused {
        Refused::Retry {
            after: None,
            reason: reason.into(),
        }
    }

    /// For good.
    pub fn permanent(reason: impl Into<Cow<'static, str>>) -> Refused {
        Refused::Permanent { reason: reason.into() }
    }
}

/// Why an attempt to export failed.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The same bytes may succeed later.
    #[error("{source:#}")]
    Retry {
        /// The server's word on when, where it gave one.
        after: Option<Duration>,
        /// What happened.
        source: anyhow::Error,
    },
    /// The same spans may succeed in smaller requests: the engine halves the request. A single span is refused.
    #[error("{source:#}")]
    TooLarge {
        /// What happened.
        source: anyhow::Error,
    },
    /// The same bytes will never succeed.
    #[error("{source:#}")]
    Refused {
        /// What happened.
        source: anyhow::Error,
    },
}
