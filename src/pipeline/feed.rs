//! The way from another runtime of the process into a pipeline: the gateway offers batches to a [`Feed`], the receiver of the
//! pipeline takes them from its [`Source`] and carries them through the processors in a task of its own. An offer never
//! waits: where there is no room, it is a counter. What was let in is carried on at the end; what was not is counted as
//! dropped.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    Inlet, Refused,
    door::{Closed, Door},
    metrics::FeedCounts,
};
use crate::otlp::TraceBatch;

/// After what was carried on, so long a batch waits for company: under load the pipeline's runtime is woken some hundred times a
/// second, not for every request; and what it is woken for is done before a request could feel it.
pub(super) const GATHER: Duration = Duration::from_millis(2);
/// Bytes from which gathered batches are carried on together, without waiting for more.
const PIECE: usize = 1 << 20;

/// What may wait between the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedLimits {
    /// Most batches; at least one. 4096.
    pub batches: usize,
    /// Most bytes of OTLP, the batch in the processors included; a larger batch is let in when nothing else is there.
    /// 64 MiB.
    pub bytes: usize,
}

impl Default for FeedLimits {
    fn default() -> FeedLimits {
        FeedLimits {
            batches: 4096,
            bytes: 64 << 20,
        }
    }
}

/// The sending half: of any runtime, or of none. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    sender: mpsc::Sender<Waiting>,
    shared: Arc<Shared>,
}

/// The receiving half, in [`Host::sources`](super::Host::sources) for the one receiver that takes it.
#[derive(Clone)]
pub struct Source(Arc<Mutex<Option<Incoming>>>);

/// What a receiver took from its [`Source`]. Dropped, it closes the feed; what still waits then is counted as dropped.
pub struct Incoming {
    receiver: mpsc::Receiver<Waiting>,
    shared: Arc<Shared>,
}

struct Shared {
    /// Bytes of the batches that are alive between the two sides.
    bytes: AtomicUsize,
    most_bytes: usize,
    counts: FeedCounts,
    door: Door,
}

struct Waiting {
    batch: TraceBatch,
    purpose: Purpose,
    /// Given back when the batch was carried on or dropped.
    _room: Room,
}

/// What a batch is handed over for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To be exported.
    Export,
    /// To be looked at by the processors alone.
    Measure,
}

struct Room {
    bytes: usize,
    shared: Arc<Shared>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.shared.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Shared {
    fn reserve(self: &Arc<Shared>, bytes: usize) -> Option<Room> {
        let fits = |held: usize| {
            let wanted = held.checked_add(bytes)?;
            (held == 0 || wanted <= self.most_bytes).then_some(wanted)
        };
        let reserved = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        reserved.ok().map(|_held| Room {
            bytes,
            shared: Arc::clone(self),
        })
    }
}

impl Feed {
    /// Both halves. Makes the counters, under the recorder that is current now.
    pub fn channel(limits: FeedLimits) -> (Feed, Source) {
        let (sender, receiver) = mpsc::channel(limits.batches.clamp(1, Semaphore::MAX_PERMITS));
        let shared = Arc::new(Shared {
            bytes: AtomicUsize::new(0),
            most_bytes: limits.bytes,
            counts: FeedCounts::new(),
            door: Door::new("gateway", Closed::Drops),
        });
        let incoming = Incoming {
            receiver,
            shared: Arc::clone(&shared),
        };
        let source = Source(Arc::new(Mutex::new(Some(incoming))));
        (Feed { sender, shared }, source)
    }

    /// Hands a batch over. Never waits and runs no processor; what it cannot hand over is dropped and counted. An empty batch
    /// is fine.
    ///
    /// # Errors
    /// Retryable where there is no room now, permanent where the pipeline has ended.
    pub fn offer(&self, batch: TraceBatch) -> Result<(), Refused> {
        let spans = batch.span_count() as u64;
        self.shared.counts.offered.increment(spans);
        self.hand_over(batch, Purpose::Export)
    }

    /// Hands over a batch of an unsampled trace: the processors see it, so that their metrics cover all traffic, and then it is
    /// let go. Never waits. Is counted, as offered and dropped, only where it cannot be handed over.
    ///
    /// # Errors
    /// As [`Feed::offer`].
    pub fn measure(&self, batch: TraceBatch) -> Result<(), Refused> {
        let spans = batch.span_count() as u64;
        let measured = self.hand_over(batch, Purpose::Measure);
        if measured.is_err() {
            self.shared.counts.offered.increment(spans);
        }
        measured
    }

    fn hand_over(&self, batch: TraceBatch, purpose: Purpose) -> Result<(), Refused> {
        let spans = batch.span_count() as u64;
        if spans == 0 {
            return Ok(());
        }
        let counts = &self.shared.counts;
        let waiting = self
            .shared
            .reserve(batch.byte_len())
            .map(|_room| Waiting { batch, purpose, _room });
        let handed_over = waiting.is_some_and(|waiting| self.sender.try_send(waiting).is_ok());
        if handed_over {
            self.shared.door.open();
            Ok(())
        } else if self.sender.is_closed() {
            counts.closed.increment(spans);
            Err(Refused::permanent("the pipeline has ended"))
        } else {
            counts.full.increment(spans);
            let full = Refused::retry("too many spans wait for the pipeline");
            self.shared.door.closed(&full);
            Err(full)
        }
    }
}

impl Source {
    /// The receiving half; none where it was taken before.
    pub fn take(&self) -> Option<Incoming> {
        self.0.lock().expect("no holder panics").take()
    }
}

impl Incoming {
    /// Carries what is offered into the pipeline until `stop`, then what waits, and returns. Batches that wait together go on as
    /// one. What the pipeline refuses (a full queue of an exporter) is dropped and counted; nobody waits for a word on it.
    pub async fn carry(mut self, inlet: &Inlet, stop: CancellationToken) {
        loop {
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                next = self.receiver.recv() => next,
            };
            match next {
                Some(first) => {
                    if self.carry_on(first, inlet) < PIECE {
                        stop.run_until_cancelled(sleep(GATHER)).await;
                    }
                }
                // Who offered has ended before the pipeline, which is the usual order.
                None => stop.cancelled().await,
            }
        }
        self.receiver.close();
        while let Some(first) = self.receiver.recv().await {
            self.carry_on(first, inlet);
        }
    }

    /// Carries on a batch and those behind it, up to a piece. Gives the number of bytes.
    fn carry_on(&mut self, first: Waiting, inlet: &Inlet) -> usize {
        let (mut exported, mut measured) = (TraceBatch::default(), TraceBatch::default());
        let (mut rooms, mut bytes, mut next) = (Vec::new(), 0, Some(first));
        while let Some(Waiting { batch, purpose, _room }) = next {
            bytes += batch.byte_len();
            rooms.push(_room);
            match purpose {
                Purpose::Export => exported.append(batch),
                Purpose::Measure => measured.append(batch),
            }
            next = (bytes < PIECE).then(|| self.receiver.try_recv().ok()).flatten();
        }
        let spans = exported.span_count() as u64;
        if inlet.offer(exported).is_err() {
            self.shared.counts.refused.increment(spans);
        }
        if !measured.is_empty() {
            inlet.measure(measured);
        }
        bytes
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.receiver.close();
        while let Ok(waiting) = self.receiver.try_recv() {
            let (counts, spans) = (&self.shared.counts, waiting.batch.span_count() as u64);
            if waiting.purpose == Purpose::Measure {
                counts.offered.increment(spans);
            }
            counts.closed.increment(spans);
        }
    }
}
