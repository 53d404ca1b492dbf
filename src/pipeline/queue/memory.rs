//! The queue's store in memory, shared by those who put in and those who take out. Room is reserved first and filled
//! later, so that a batch goes into all queues of a pipeline or into none; it is given back when the data was sent or
//! given up, not when it was taken out, so the bound holds for everything that is alive.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{self, Notify, Semaphore},
    time::{Instant, sleep_until, timeout},
};

use super::{
    Delivery, Sizer,
    batcher::{Batcher, Claim, Cut, Limits, Next, Parcel, Waiter, Wake},
};
use crate::{otlp::TraceBatch, pipeline::Refused};

/// Longest time between two looks at whether the queue is empty.
const GLANCE: Duration = Duration::from_millis(50);

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pipeline) enum Room {
    /// Full now.
    Full,
    /// Closed: the process is ending.
    Closed,
}

/// What the queue's users see of one exporter's waiting data.
pub(super) struct Queue {
    sizer: Sizer,
    capacity: usize,
    limits: Limits,
    room: Semaphore,
    content: Mutex<Content>,
    /// Wakes the one consumer that waits for work. It stores a permit, so no wake is lost.
    work: Notify,
    /// Held by the consumer that waits for work; the others stand in line.
    turn: sync::Mutex<()>,
    /// Told when room is given back after the queue was closed.
    emptied: Notify,
    gauge: metrics::Gauge,
    /// Whether the log has said that the queue is full.
    full: AtomicBool,
}

struct Content {
    batcher: Batcher,
    /// Nothing goes in any more, reserved or not.
    sealed: bool,
}

impl Queue {
    pub(super) fn new(delivery: &Delivery, gauge: metrics::Gauge) -> Queue {
        let settings = &delivery.sending_queue;
        let limits = Limits::new(delivery);
        let capacity = settings.queue_size.clamp(1, Semaphore::MAX_PERMITS);
        gauge.set(0.0);
        Queue {
            sizer: settings.sizer,
            capacity,
            limits,
            room: Semaphore::new(capacity),
            content: Mutex::new(Content {
                batcher: Batcher::new(limits, Instant::now()),
                sealed: false,
            }),
            work: Notify::new(),
            turn: sync::Mutex::new(()),
            emptied: Notify::new(),
            gauge,
            full: AtomicBool::new(false),
        }
    }

    /// Most that it holds.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The room that a batch takes. One larger than the whole queue takes all of it: it gets in when the queue is empty,
    /// instead of being refused for ever.
    pub(super) fn room_for(&self, batch: &TraceBatch) -> usize {
        self.sizer.of(batch).min(self.capacity).min(u32::MAX as usize)
    }

    /// Takes room, to be filled by [`Queue::fill`] or given back by [`Queue::release`].
    pub(super) fn reserve(&self, room: usize) -> Result<(), Room> {
        match self.room.try_acquire_many(permits(room)) {
            Ok(permit) => {
                permit.forget();
                self.gauge.increment(room as f64);
                Ok(())
            }
            Err(sync::TryAcquireError::NoPermits) => Err(Room::Full),
            Err(sync::TryAcquireError::Closed) => Err(Room::Closed),
        }
    }

    /// The same, waiting for it in line. Cancelled, it has taken nothing.
    pub(super) async fn wait_for_room(&self, room: usize) -> Result<(), Room> {
        match self.room.acquire_many(permits(room)).await {
            Ok(permit) => {
                permit.forget();
                self.gauge.increment(room as f64);
                Ok(())
            }
            Err(_) => Err(Room::Closed),
        }
    }

    /// Gives room back.
    pub(super) fn release(&self, room: usize) {
        self.room.add_permits(room);
        self.gauge.decrement(room as f64);
        if self.room.available_permits() > self.capacity / 2 {
            self.full.store(false, Ordering::Relaxed);
        }
        if self.room.is_closed() {
            self.emptied.notify_waiters();
        }
    }

    /// True once per period of being full.
    pub(super) fn turned_full(&self) -> bool {
        !self.full.load(Ordering::Relaxed) && !self.full.swap(true, Ordering::Relaxed)
    }

    /// Puts a batch into the room that was reserved for it.
    ///
    /// # Errors
    /// The queue was sealed in between; the room is given back.
    pub(super) fn fill(&self, batch: TraceBatch, room: usize, waiter: Option<Waiter>) -> Result<(), Room> {
        let mut content = self.lock();
        if content.sealed {
            drop(content);
            self.release(room);
            return Err(Room::Closed);
        }
        // The clock is read under the lock: the batcher's times never go back.
        let wake = content.batcher.push(batch, room, waiter, Instant::now());
        drop(content);
        if wake == Wake::Yes {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Waits for the next parcel. Cancelled, it has taken nothing.
    pub(super) async fn next(&self) -> Parcel {
        let _turn = self.turn.lock().await;
        loop {
            let next = self.lock().batcher.take(Instant::now());
            match next {
                Next::Send(parcel) => return parcel,
                Next::Until(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = self.work.notified() => {}
                },
                Next::Wait => self.work.notified().await,
            }
        }
    }

    /// Cuts a parcel into pieces within the limits, and these into the backend's `requests`; the first one comes back, the others
    /// go to the head of the queue.
    pub(super) fn cut(&self, mut parcel: Parcel, requests: impl Fn(TraceBatch) -> Vec<TraceBatch>) -> Parcel {
        if parcel.cut == Cut::Done {
            return parcel;
        }
        parcel.cut = Cut::Done;
        let batches = self.split(mem::take(&mut parcel.batch));
        self.apart(parcel, batches.into_iter().flat_map(requests).collect())
    }

    /// The parcel with the first of these batches, which are its content; the others stand in front of everything that is ready.
    pub(super) fn apart(&self, mut parcel: Parcel, batches: Vec<TraceBatch>) -> Parcel {
        let mut batches = batches.into_iter();
        parcel.batch = batches.next().expect("a batch splits into at least one");
        if batches.len() == 0 {
            return parcel;
        }
        let claim = Arc::clone(&parcel.claim);
        let pieces = batches.map(|batch| Parcel {
            batch,
            claim: Arc::clone(&claim),
            retry: None,
            cut: Cut::Done,
        });
        self.lock().batcher.put_back(pieces, Instant::now());
        self.work.notify_one();
        parcel
    }

    /// Cuts a batch into requests within the limits.
    pub(super) fn split(&self, batch: TraceBatch) -> Vec<TraceBatch> {
        if !self.limits.exceeded_by(&batch) {
            return vec![batch];
        }
        let (spans, bytes) = self.limits.split_at();
        batch.split(spans, bytes)
    }

    /// Sets a parcel aside until its next attempt.
    pub(super) fn park(&self, parcel: Parcel, due: Instant) {
        self.lock().batcher.park(parcel, due);
        self.work.notify_one();
    }

    /// The end of a parcel. With the last piece of what was one batch the room is given back and those who wait are told.
    pub(super) fn finish(&self, claim: Arc<Claim>, outcome: Result<(), Refused>) {
        if let Err(refused) = outcome {
            let mut failure = claim.failure.lock().expect("nobody panics with it");
            failure.get_or_insert(refused);
        }
        let Some(claim) = Arc::into_inner(claim) else { return };
        let outcome = match claim.failure.into_inner().expect("nobody panics with it") {
            Some(refused) => Err(refused),
            None => Ok(()),
        };
        for waiter in claim.waiters {
            // Whoever waited may have gone; the data was handled all the same.
            let _ = waiter.send(outcome.clone());
        }
        self.release(claim.room);
    }

    /// No new reservations; what is inside is to be sent without waiting for company.
    pub(super) fn close(&self) {
        self.room.close();
        self.lock().batcher.hurry(Instant::now());
        self.work.notify_one();
        self.emptied.notify_waiters();
    }

    /// Whether it was closed.
    pub(super) fn is_closed(&self) -> bool {
        self.room.is_closed()
    }

    /// Waits until everything that was accepted or reserved is done. Only after [`Queue::close`]. Looks by itself now and
    /// then, since the room that a waiting sender had half together comes back without a word when that sender goes.
    pub(super) async fn drained(&self) {
        loop {
            let changed = self.emptied.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.room.available_permits() >= self.capacity {
                return;
            }
            let _ = timeout(GLANCE, changed).await;
        }
    }

    /// Lets nothing in any more and takes out what is left.
    pub(super) fn seal(&self) -> Vec<Parcel> {
        let mut content = self.lock();
        content.sealed = true;
        content.batcher.empty(Instant::now())
    }

    /// Since when there was something to send and nobody took anything.
    pub(super) fn idle_since(&self, now: Instant) -> Option<Instant> {
        self.lock().batcher.idle_since(now)
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().expect("nobody panics while holding the queue")
    }
}

fn permits(room: usize) -> u32 {
    u32::try_from(room).expect("`room_for` bounds it")
}
