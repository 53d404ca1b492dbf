//! Bounds the bytes of all requests that one receiver holds at a time, on the wire and inflated, whatever the number of
//! connections, streams and limits: what does not fit is refused retryably. Knows nothing of the process's memory, which
//! is `memory_limiter`'s.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::intake::Intake;
use crate::{
    otlp::TraceBatch,
    pipeline::{Admission, Refused},
};

/// Most bytes of requests in flight, unless single requests may be so large that few of them would fit.
const ROOM: usize = 256 << 20;
/// So many requests of the largest size that is allowed always fit.
const LARGEST: usize = 4;

/// The room of a receiver. Cheap to clone.
#[derive(Clone)]
pub(super) struct Room {
    left: Arc<AtomicUsize>,
}

impl Room {
    /// Room where a single request may have that many bytes.
    pub(super) fn for_requests_of(limit: usize) -> Room {
        Room {
            left: Arc::new(AtomicUsize::new(ROOM.max(limit.saturating_mul(LARGEST)))),
        }
    }

    fn take(&self, bytes: usize) -> Result<Admission, Refused> {
        let taken = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        if taken.is_err() {
            return Err(Refused::retry("too many bytes of requests are in flight"));
        }
        let left = Arc::clone(&self.left);
        Ok(Admission::new(move || {
            left.fetch_add(bytes, Ordering::Relaxed);
        }))
    }
}

/// An intake with bounded room before it.
#[derive(Clone)]
pub(super) struct Bounded<I> {
    inner: I,
    room: Room,
}

impl<I> Bounded<I> {
    /// That intake behind that room.
    pub(super) fn new(inner: I, room: &Room) -> Bounded<I> {
        Bounded {
            inner,
            room: room.clone(),
        }
    }
}

impl<I: Intake> Intake for Bounded<I> {
    fn admit(&self, bytes: usize) -> Result<Admission, Refused> {
        let room = self.room.take(bytes);
        let room = room.inspect_err(|refused| self.inner.turned_away(refused))?;
        Ok(room.and(self.inner.admit(bytes)?))
    }

    fn send(&self, batch: TraceBatch) -> impl Future<Output = Result<(), Refused>> + Send {
        self.inner.send(batch)
    }

    fn refused(&self, spans: usize) {
        self.inner.refused(spans);
    }

    fn turned_away(&self, why: &Refused) {
        self.inner.turned_away(why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts what was turned away, and takes everything.
    #[derive(Clone, Default)]
    struct Count(Arc<AtomicUsize>);

    impl Intake for Count {
        fn admit(&self, _bytes: usize) -> Result<Admission, Refused> {
            Ok(Admission::default())
        }
        async fn send(&self, _batch: TraceBatch) -> Result<(), Refused> {
            Ok(())
        }
        fn refused(&self, _spans: usize) {}
        fn turned_away(&self, _why: &Refused) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let count = Count::default();
        let bounded = Bounded::new(count.clone(), &Room::for_requests_of(1));
        assert!(bounded.admit(ROOM).is_ok() && bounded.admit(ROOM + 1).is_err());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn room_is_bounded_and_given_back() {
        let room = Room::for_requests_of(1);
        let all = room.take(ROOM).expect("as much as there is");
        let refused = room.clone().take(1).map(|_| ()).unwrap_err();
        assert_eq!(refused, Refused::retry("too many bytes of requests are in flight"));
        drop(all);
        assert!(room.take(ROOM + 1).is_err() && room.take(ROOM).is_ok());
        assert!(Room::for_requests_of(ROOM).take(ROOM * LARGEST).is_ok());
        assert!(Room::for_requests_of(usize::MAX).take(usize::MAX).is_ok());
    }
}
