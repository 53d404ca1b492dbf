//! One exporter as the engine sees it: its queue, its consumers, and what becomes of an attempt. An attempt is bounded in
//! time and its panics are caught; a retryable failure frees its consumer until the next attempt is due; what is given up
//! is counted and logged.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    Delivery,
    batcher::{Parcel, Waiter},
    memory::{Queue, Room},
    retry::{Mode, Retry},
};
use crate::{
    otlp::TraceBatch,
    pipeline::{
        ComponentId, ExportError, Exporter, Rarely, Refused, health::Progress, metrics::ExporterCounts, panic_text,
    },
};

/// What a sender is told when the process is ending.
const ENDING: &str = "shutting down";

/// An exporter with its queue.
pub(in crate::pipeline) struct Outlet {
    id: String,
    exporter: Arc<dyn Exporter>,
    delivery: Delivery,
    queue: Queue,
    counts: ExporterCounts,
    /// Consumers that are sending.
    busy: AtomicUsize,
    /// Whether the last attempt failed: the log tells the changes, not every attempt.
    failing: AtomicBool,
    /// Spans given up since the drain began.
    unsent: AtomicUsize,
    /// When it was last told that data was dropped.
    dropping: Rarely,
    /// Ends every attempt at once.
    cut: CancellationToken,
}

/// What to do about a failed attempt.
enum Verdict {
    TryAgain(Duration),
    GiveUp(Refused),
}

impl Outlet {
    /// Makes the queue and the counters, under the recorder that is current now.
    pub(in crate::pipeline) fn new(id: &ComponentId, exporter: Arc<dyn Exporter>, delivery: Delivery) -> Outlet {
        let counts = ExporterCounts::new(id);
        let queue = Queue::new(&delivery, counts.queue_size.clone());
        counts.queue_capacity.set(queue.capacity() as f64);
        Outlet {
            id: id.to_string(),
            exporter,
            delivery,
            queue,
            counts,
            busy: AtomicUsize::new(0),
            failing: AtomicBool::new(false),
            unsent: AtomicUsize::new(0),
            dropping: Rarely::default(),
            cut: CancellationToken::new(),
        }
    }

    /// The exporter's id.
    pub(in crate::pipeline) fn id(&self) -> &str {
        &self.id
    }

    /// The exporter itself.
    pub(in crate::pipeline) fn exporter(&self) -> &dyn Exporter {
        &*self.exporter
    }

    /// How many consumers shall run [`Outlet::consume`].
    pub(in crate::pipeline) fn consumers(&self) -> usize {
        self.delivery.sending_queue.num_consumers.max(1)
    }

    /// Whether a sender that waits exports by itself, without the queue.
    pub(in crate::pipeline) fn is_direct(&self) -> bool {
        !self.delivery.sending_queue.enabled
    }

    /// Whether a sender that waits shall learn the outcome.
    pub(in crate::pipeline) fn tells_outcome(&self) -> bool {
        self.is_direct() || self.delivery.sending_queue.wait_for_result
    }

    /// Whether a sender that waits shall wait for room.
    pub(in crate::pipeline) fn blocks(&self) -> bool {
        self.delivery.sending_queue.block_on_overflow
    }

    /// Most that the queue holds.
    pub(in crate::pipeline) fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    /// Room that the batch takes in the queue.
    pub(in crate::pipeline) fn room_for(&self, batch: &TraceBatch) -> usize {
        self.queue.room_for(batch)
    }

    /// See [`Queue::reserve`].
    pub(in crate::pipeline) fn reserve(&self, room: usize) -> Result<(), Room> {
        self.queue.reserve(room)
    }

    /// See [`Queue::wait_for_room`].
    pub(in crate::pipeline) async fn wait_for_room(&self, room: usize) -> Result<(), Refused> {
        let waited = self.queue.wait_for_room(room).await;
        waited.map_err(|_closed| Refused::retry(ENDING))
    }

    /// See [`Queue::release`].
    pub(in crate::pipeline) fn release(&self, room: usize) {
        self.queue.release(room);
    }

    /// Puts a batch where room was reserved for it.
    pub(in crate::pipeline) fn fill(
        &self,
        batch: TraceBatch,
        room: usize,
        waiter: Option<Waiter>,
    ) -> Result<(), Refused> {
        let filled = self.queue.fill(batch, room, waiter);
        filled.map_err(|_closed| Refused::retry(ENDING))
    }

    /// Turns a lack of room into the answer for the sender, counted and logged.
    pub(in crate::pipeline) fn refuse(&self, room: Room, spans: usize) -> Refused {
        self.counts.enqueue_failed.increment(spans as u64);
        if room == Room::Closed {
            return Refused::retry(ENDING);
        }
        if self.queue.turned_full() {
            warn!(
                exporter = self.id,
                capacity = self.queue.capacity(),
                "sending queue is full; refusing data"
            );
        }
        Refused::retry("sending queue is full")
    }

    /// Keeps reserved room for a batch that the caller sends by itself.
    pub(in crate::pipeline) fn occupy(&self, room: usize) -> Occupied<'_> {
        Occupied { outlet: self, room }
    }

    async fn send_pieces(&self, batch: TraceBatch) -> Result<(), Refused> {
        let pieces = self.queue.split(batch).into_iter();
        let mut pieces: VecDeque<_> = pieces.flat_map(|piece| self.exporter.requests(piece)).collect();
        while let Some(piece) = pieces.pop_front() {
            let mut retry = Retry::new(&self.delivery.retry_on_failure, Instant::now());
            while let Err(failure) = self.attempt(&piece).await {
                if let Some(halves) = self.halves(&failure, &piece) {
                    halves.into_iter().rev().for_each(|half| pieces.push_front(half));
                    break;
                }
                match self.judge(failure, &mut retry, piece.span_count()) {
                    Verdict::TryAgain(delay) => sleep(delay).await,
                    Verdict::GiveUp(refused) => return Err(refused),
                }
            }
        }
        Ok(())
    }

    /// One consumer: sends parcel after parcel until `done`.
    pub(in crate::pipeline) async fn consume(self: Arc<Self>, done: CancellationToken) {
        while let Some(parcel) = done.run_until_cancelled(self.queue.next()).await {
            self.busy.fetch_add(1, Ordering::Relaxed);
            let requests = |batch| self.exporter.requests(batch);
            self.handle(self.queue.cut(parcel, requests)).await;
            self.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }

    async fn handle(&self, mut parcel: Parcel) {
        while let Some(rest) = self.handle_once(parcel).await {
            parcel = rest;
        }
    }

    /// Attempts a parcel; what comes back is a part of it that is to be attempted at once.
    async fn handle_once(&self, mut parcel: Parcel) -> Option<Parcel> {
        let settings = &self.delivery.retry_on_failure;
        let mut retry = *parcel.retry(settings, Instant::now());
        let Some(outcome) = self.cut.run_until_cancelled(self.attempt(&parcel.batch)).await else {
            self.abandon(parcel);
            return None;
        };
        let Err(failure) = outcome else {
            self.queue.finish(parcel.claim, Ok(()));
            return None;
        };
        if let Some(halves) = self.halves(&failure, &parcel.batch) {
            return Some(self.queue.apart(parcel, halves));
        }
        match self.judge(failure, &mut retry, parcel.batch.span_count()) {
            Verdict::TryAgain(delay) => {
                parcel.retry = Some(retry);
                self.queue.park(parcel, Instant::now() + delay);
            }
            Verdict::GiveUp(refused) => self.queue.finish(parcel.claim, Err(refused)),
        }
        None
    }

    /// The halves of a request that the backend found too large; `None` where it failed otherwise or is a single span.
    fn halves(&self, failure: &ExportError, request: &TraceBatch) -> Option<Vec<TraceBatch>> {
        let spans = request.span_count();
        if spans < 2 || !matches!(failure, ExportError::TooLarge { .. }) {
            return None;
        }
        debug!(
            exporter = self.id,
            spans,
            error = %failure,
            "a request is too large for the backend; sending its halves"
        );
        Some(request.clone().split(spans.div_ceil(2), 0))
    }

    /// One attempt: bounded in time, panics caught, success counted.
    async fn attempt(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        let export = AssertUnwindSafe(async { self.exporter.export(batch).await }).catch_unwind();
        let limit = self.delivery.timeout;
        let outcome = if limit.is_zero() {
            Ok(export.await)
        } else {
            timeout(limit, export).await
        };
        match outcome {
            Ok(Ok(Ok(()))) => {
                self.counts.sent.increment(batch.span_count() as u64);
                if self.failing.load(Ordering::Relaxed) && self.failing.swap(false, Ordering::Relaxed) {
                    info!(exporter = self.id, "exporting works again");
                }
                Ok(())
            }
            Ok(Ok(Err(failure))) => Err(failure),
            Ok(Err(panic)) => Err(ExportError::Refused {
                source: anyhow::anyhow!("the exporter panicked: {}", panic_text(&*panic)),
            }),
            Err(_elapsed) => Err(ExportError::Retry {
                after: None,
                source: anyhow::anyhow!("no answer within {}", crate::values::duration::format(limit)),
            }),
        }
    }

    /// Decides about a failed attempt; a failure that ends it is counted and logged here.
    fn judge(&self, failure: ExportError, retry: &mut Retry, spans: usize) -> Verdict {
        let error = failure.to_string();
        let ExportError::Retry { after, .. } = failure else {
            self.count_lost(spans);
            if let Some(unlogged_before) = self.dropping.may_log(Instant::now().into_std()) {
                error!(
                    exporter = self.id,
                    spans, error, unlogged_before, "exporting failed for good; dropping data"
                );
            }
            return Verdict::GiveUp(Refused::permanent(error));
        };
        let settings = &self.delivery.retry_on_failure;
        let mode = if self.queue.is_closed() {
            Mode::Draining
        } else {
            Mode::Normal
        };
        let Some(delay) = retry.next(settings, after, mode, Instant::now(), fastrand::f64()) else {
            self.count_lost(spans);
            if !self.is_direct() {
                if let Some(unlogged_before) = self.dropping.may_log(Instant::now().into_std()) {
                    let asked_to_wait = crate::values::duration::format(after.unwrap_or_default());
                    error!(
                        exporter = self.id,
                        spans,
                        error,
                        asked_to_wait,
                        unlogged_before,
                        "exporting failed, no more retries left; dropping data"
                    );
                }
            } else if !self.failing.swap(true, Ordering::Relaxed) {
                warn!(
                    exporter = self.id,
                    spans, error, "exporting failed; senders are told to try again"
                );
            }
            return Verdict::GiveUp(Refused::Retry {
                after,
                reason: error.into(),
            });
        };
        let interval = crate::values::duration::format(Duration::from_millis(delay.as_millis() as u64));
        if self.failing.swap(true, Ordering::Relaxed) {
            debug!(
                exporter = self.id,
                spans, error, interval, "exporting failed; will retry"
            );
        } else {
            warn!(
                exporter = self.id,
                spans, error, interval, "exporting failed; will retry"
            );
        }
        Verdict::TryAgain(delay)
    }

    fn count_lost(&self, spans: usize) {
        self.counts.failed.increment(spans as u64);
        if self.queue.is_closed() {
            self.unsent.fetch_add(spans, Ordering::Relaxed);
        }
    }

    /// The end came before the parcel was sent.
    fn abandon(&self, parcel: Parcel) {
        self.count_lost(parcel.batch.span_count());
        self.queue.finish(parcel.claim, Err(Refused::retry(ENDING)));
    }

    /// No new data; what is inside is sent without waiting for company.
    pub(in crate::pipeline) fn close(&self) {
        self.queue.close();
    }

    /// Waits until everything accepted was sent or given up. Only after [`Outlet::close`].
    pub(in crate::pipeline) async fn drained(&self) {
        self.queue.drained().await;
    }

    /// Ends every attempt that is under way.
    pub(in crate::pipeline) fn cut(&self) {
        self.cut.cancel();
    }

    /// Gives up what is left, once the consumers have ended; how many spans were given up since [`Outlet::close`].
    pub(in crate::pipeline) fn settle(&self) -> usize {
        for parcel in self.queue.seal() {
            self.abandon(parcel);
        }
        let unsent = self.unsent.load(Ordering::Relaxed);
        if unsent > 0 {
            error!(
                exporter = self.id,
                spans = unsent,
                "could not send everything before the end"
            );
        }
        unsent
    }
}

/// Room for a batch that never enters the queue; given back when dropped, so that the drain waits for the sender.
pub(in crate::pipeline) struct Occupied<'a> {
    outlet: &'a Outlet,
    room: usize,
}

impl Occupied<'_> {
    /// Exports in the caller's task, with retries, and tells the outcome.
    pub(in crate::pipeline) async fn send(self, batch: TraceBatch) -> Result<(), Refused> {
        if batch.is_empty() {
            return Ok(());
        }
        let outlet = self.outlet;
        let sending = outlet.cut.run_until_cancelled(outlet.send_pieces(batch)).await;
        sending.unwrap_or_else(|| Err(Refused::retry(ENDING)))
    }
}

impl Drop for Occupied<'_> {
    fn drop(&mut self) {
        self.outlet.release(self.room);
    }
}

impl Progress for Outlet {
    fn idle_since(&self, now: Instant) -> Option<Instant> {
        let free = self.busy.load(Ordering::Relaxed) < self.consumers();
        self.queue.idle_since(now).filter(|_| free)
    }
}
