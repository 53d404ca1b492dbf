//! What a queue holds and what of it is to be sent next: requests merge into one open batch, full batches stand ready,
//! failed ones wait for their next attempt. Pure: time comes as an argument, nothing is sent, nothing is dropped.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, VecDeque},
    mem,
    sync::{Arc, Mutex},
};

use tokio::{sync::oneshot, time::Instant};

use super::{Delivery, RetrySettings, Sizer, retry::Retry};
use crate::{otlp::TraceBatch, pipeline::Refused};

/// Tells a sender that waits for it what became of its batch.
pub(super) type Waiter = oneshot::Sender<Result<(), Refused>>;

/// When batches are closed and when they must be cut; from the settings, with "no bound" spelt `usize::MAX`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    sizer: Sizer,
    min: usize,
    max: usize,
    max_bytes: usize,
    flush_timeout: std::time::Duration,
}

impl Limits {
    pub(super) fn new(delivery: &Delivery) -> Limits {
        let batch = &delivery.sending_queue.batch;
        let merging = batch.enabled && delivery.sending_queue.enabled;
        Limits {
            sizer: batch.sizer,
            min: if merging { batch.min_size } else { 0 },
            max: bound(if batch.enabled { batch.max_size } else { 0 }),
            max_bytes: bound(delivery.max_request_bytes),
            flush_timeout: batch.flush_timeout,
        }
    }

    /// The most spans and bytes of one request, as [`TraceBatch::split`] takes them.
    pub(super) fn split_at(&self) -> (usize, usize) {
        let spans = if self.sizer == Sizer::Items { self.max } else { 0 };
        let bytes = if self.sizer == Sizer::Bytes {
            self.max
        } else {
            usize::MAX
        };
        (unbound(spans), unbound(bytes.min(self.max_bytes)))
    }

    /// Whether a batch must be cut before it is sent.
    pub(super) fn exceeded_by(&self, batch: &TraceBatch) -> bool {
        batch.byte_len() > self.max_bytes || (self.sizer != Sizer::Requests && self.sizer.of(batch) > self.max)
    }
}

/// 0 in a config means no bound.
fn bound(size: usize) -> usize {
    if size == 0 { usize::MAX } else { size }
}

fn unbound(size: usize) -> usize {
    if size == usize::MAX { 0 } else { size }
}

/// What has to be given back when the last piece of a batch is done: room in the queue, and an answer to those who wait.
#[derive(Debug)]
pub(super) struct Claim {
    /// Room taken, in the queue's own sizer.
    pub(super) room: usize,
    /// Who waits for the outcome.
    pub(super) waiters: Vec<Waiter>,
    /// The first failure among the pieces.
    pub(super) failure: Mutex<Option<Refused>>,
}

/// One request to be sent.
#[derive(Debug)]
pub(super) struct Parcel {
    /// The data.
    pub(super) batch: TraceBatch,
    /// Shared by the pieces of one split batch.
    pub(super) claim: Arc<Claim>,
    /// Absent before the first attempt.
    pub(super) retry: Option<Retry>,
    /// Whether it was cut already; what still exceeds a limit then is a single large span.
    pub(super) cut: Cut,
}

/// Whether a parcel has been held against the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Not yet.
    Due,
    /// Yes.
    Done,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Next {
    /// Send this now.
    Send(Parcel),
    /// Nothing before that time, unless something comes in.
    Until(Instant),
    /// Nothing, unless something comes in.
    Wait,
}

/// Whether the one who waits for work must look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// There is something to send, or an earlier time to wait for.
    Yes,
    /// What came in changes nothing for them.
    No,
}

#[derive(Debug)]
struct Open {
    batch: TraceBatch,
    size: usize,
    room: usize,
    waiters: Vec<Waiter>,
    since: Instant,
}

/// The content of a queue.
#[derive(Debug)]
pub(super) struct Batcher {
    limits: Limits,
    open: Option<Open>,
    ready: VecDeque<Parcel>,
    /// Since when something has been ready without a break.
    ready_since: Instant,
    parked: BinaryHeap<Parked>,
    sequence: u64,
    hurry: bool,
    last_taken: Instant,
}

impl Batcher {
    pub(super) fn new(limits: Limits, now: Instant) -> Batcher {
        Batcher {
            limits,
            open: None,
            ready: VecDeque::new(),
            ready_since: now,
            parked: BinaryHeap::new(),
            sequence: 0,
            hurry: false,
            last_taken: now,
        }
    }

    /// Takes a request in. `room` is what it occupies in the queue.
    pub(super) fn push(&mut self, batch: TraceBatch, room: usize, waiter: Option<Waiter>, now: Instant) -> Wake {
        let size = self.limits.sizer.of(&batch);
        let before = self.ready.len();
        if self.open.as_ref().is_some_and(|open| !self.fits(open, &batch, size)) {
            self.seal(now);
        }
        let fresh = self.open.is_none();
        let open = self.open.get_or_insert_with(|| Open {
            batch: TraceBatch::default(),
            size: 0,
            room: 0,
            waiters: Vec::new(),
            since: now,
        });
        if fresh {
            open.batch = batch;
        } else {
            open.batch.append(batch);
        }
        open.size += size;
        open.room += room;
        open.waiters.extend(waiter);
        let full = open.size >= self.limits.min.min(self.limits.max) || open.batch.byte_len() >= self.limits.max_bytes;
        if full {
            self.seal(now);
        }
        if fresh || self.hurry || self.ready.len() > before {
            Wake::Yes
        } else {
            Wake::No
        }
    }

    fn fits(&self, open: &Open, batch: &TraceBatch, size: usize) -> bool {
        open.size.saturating_add(size) <= self.limits.max
            && open.batch.byte_len().saturating_add(batch.byte_len()) <= self.limits.max_bytes
    }

    fn seal(&mut self, now: Instant) {
        let Some(open) = self.open.take() else { return };
        if self.ready.is_empty() {
            self.ready_since = now;
        }
        self.ready.push_back(Parcel {
            batch: open.batch,
            claim: Arc::new(Claim {
                room: open.room,
                waiters: open.waiters,
                failure: Mutex::new(None),
            }),
            retry: None,
            cut: Cut::Due,
        });
    }

    /// What is to be sent now: what waits for another attempt before what is new, since it is older.
    pub(super) fn take(&mut self, now: Instant) -> Next {
        if self.parked.peek().is_some_and(|first| first.due <= now) {
            let parked = self.parked.pop().expect("there is a first one");
            self.last_taken = now;
            return Next::Send(parked.parcel);
        }
        if self.ready.is_empty() && self.flush_at().is_some_and(|at| at <= now) {
            self.seal(now);
        }
        if let Some(parcel) = self.ready.pop_front() {
            self.last_taken = now;
            return Next::Send(parcel);
        }
        let parked = self.parked.peek().map(|first| first.due);
        match [parked, self.flush_at()].into_iter().flatten().min() {
            Some(at) => Next::Until(at),
            None => Next::Wait,
        }
    }

    fn flush_at(&self) -> Option<Instant> {
        let open = self.open.as_ref()?;
        Some(if self.hurry {
            open.since
        } else {
            open.since + self.limits.flush_timeout
        })
    }

    /// Sets a parcel aside until its next attempt.
    pub(super) fn park(&mut self, parcel: Parcel, due: Instant) {
        self.sequence += 1;
        self.parked.push(Parked {
            due,
            sequence: self.sequence,
            parcel,
        });
    }

    /// Puts the pieces of a split parcel in front of everything that stands ready, in order.
    pub(super) fn put_back(&mut self, pieces: impl DoubleEndedIterator<Item = Parcel>, now: Instant) {
        if self.ready.is_empty() {
            self.ready_since = now;
        }
        for piece in pieces.rev() {
            self.ready.push_front(piece);
        }
    }

    /// From now on nothing waits for company, and what was set aside is due at once (once: later
    /// back-offs count again).
    pub(super) fn hurry(&mut self, now: Instant) {
        self.hurry = true;
        let parked = mem::take(&mut self.parked).into_sorted_vec();
        for waiting in parked.into_iter().rev() {
            self.park(waiting.parcel, now);
        }
    }

    /// Takes everything out.
    pub(super) fn empty(&mut self, now: Instant) -> Vec<Parcel> {
        self.seal(now);
        let parked = mem::take(&mut self.parked).into_iter().map(|parked| parked.parcel);
        mem::take(&mut self.ready).into_iter().chain(parked).collect()
    }

    /// Since when something could have been sent and nothing was taken; `None` where there is nothing to send.
    pub(super) fn idle_since(&self, now: Instant) -> Option<Instant> {
        let ready = (!self.ready.is_empty()).then_some(self.ready_since);
        let parked = self.parked.peek().map(|first| first.due);
        let due = [ready, parked, self.flush_at()].into_iter().flatten().min()?;
        (due <= now).then_some(due.max(self.last_taken))
    }
}

impl Sizer {
    /// The size of a batch.
    pub(super) fn of(self, batch: &TraceBatch) -> usize {
        match self {
            Sizer::Requests => 1,
            Sizer::Items => batch.span_count(),
            Sizer::Bytes => batch.byte_len(),
        }
    }
}

impl Parcel {
    /// The parcel's history of attempts, which begins now if this is the first.
    pub(super) fn retry(&mut self, settings: &RetrySettings, now: Instant) -> &mut Retry {
        self.retry.get_or_insert_with(|| Retry::new(settings, now))
    }
}

/// A parcel that waits for its next attempt. The one that is due first is the greatest, for the heap's sake.
#[derive(Debug)]
struct Parked {
    due: Instant,
    sequence: u64,
    parcel: Parcel,
}

impl Ord for Parked {
    fn cmp(&self, other: &Parked) -> Ordering {
        (other.due, other.sequence).cmp(&(self.due, self.sequence))
    }
}

impl PartialOrd for Parked {
    fn partial_cmp(&self, other: &Parked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Parked {
    fn eq(&self, other: &Parked) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Parked {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        otlp::{SpanBuilder, SpanId, TraceId},
        pipeline::queue::QueueBatch,
    };

    fn spans(count: usize) -> TraceBatch {
        let span = || SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "work");
        SpanBuilder::batch(&[], ("test", ""), (0..count).map(|_| span()))
    }

    proptest! {
        /// Whatever goes in comes out: all spans, all room, in parcels within the bounds (but for single requests that
        /// exceed them, which are cut later), and none later than the flush time-out.
        #[test]
        fn everything_comes_out_in_time(
            requests in prop::collection::vec((1_usize..12, 0_u64..300), 1..40),
            min in 0_usize..20,
            beyond in 0_usize..10,
        ) {
            let mut delivery = Delivery::default();
            let max = if beyond == 0 { 0 } else { min + beyond };
            delivery.sending_queue.batch = QueueBatch { min_size: min, max_size: max, ..QueueBatch::default() };
            let start = Instant::now();
            let mut batcher = Batcher::new(Limits::new(&delivery), start);
            let (mut now, mut sent, mut room) = (start, 0, 0);
            for (size, pause) in &requests {
                batcher.push(spans(*size), 1, None, now);
                loop {
                    match batcher.take(now) {
                        Next::Send(parcel) => {
                            let spans = parcel.batch.span_count();
                            prop_assert!(max == 0 || spans <= max || parcel.claim.room == 1);
                            (sent, room) = (sent + spans, room + parcel.claim.room);
                        }
                        Next::Until(at) => {
                            prop_assert!(at > now && at <= now + Duration::from_millis(200));
                            break;
                        }
                        Next::Wait => break,
                    }
                }
                now += Duration::from_millis(*pause);
            }
            let left = batcher.empty(now);
            sent += left.iter().map(|parcel| parcel.batch.span_count()).sum::<usize>();
            room += left.iter().map(|parcel| parcel.claim.room).sum::<usize>();
            prop_assert_eq!(sent, requests.iter().map(|(size, _)| size).sum::<usize>());
            prop_assert_eq!(room, requests.len());
            prop_assert!(matches!(batcher.take(now), Next::Wait));
        }
    }
}
