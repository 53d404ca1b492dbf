//! Whether a way in turns things away: a receiver requests that it has not decoded yet, a feed spans. The log tells when that
//! begins and when it ends, not every time; what is let in between refusals ends nothing.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tracing::{info, warn};

use super::Refused;

/// Time without a refusal after which there is room again.
const CALM: Duration = Duration::from_secs(1);

/// What a closed door means for what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// Requests are refused; whoever sent them may send them again.
    Refuses,
    /// Spans are dropped; nobody sends them again.
    Drops,
}

/// The state of one way in.
pub(super) struct Door {
    receiver: String,
    closed: Closed,
    refusing: AtomicBool,
    /// When something was turned away last.
    last: Mutex<Option<Instant>>,
}

impl Door {
    pub(super) fn new(receiver: &str, closed: Closed) -> Door {
        Door {
            receiver: receiver.to_owned(),
            closed,
            refusing: AtomicBool::new(false),
            last: Mutex::new(None),
        }
    }

    /// Something was turned away. True where it was the first.
    pub(super) fn closed(&self, why: &Refused) -> bool {
        *self.last.lock().expect("no holder panics") = Some(Instant::now());
        let begins = !self.refusing.swap(true, Ordering::Relaxed);
        if begins {
            let receiver = &self.receiver;
            match self.closed {
                Closed::Refuses => warn!(receiver, reason = %why, "no room for requests; refusing them"),
                Closed::Drops => warn!(receiver, reason = %why, "no room for spans; dropping them"),
            }
        }
        begins
    }

    /// Something was let in. True where that ended the refusing.
    pub(super) fn open(&self) -> bool {
        if !self.refusing.load(Ordering::Relaxed) {
            return false;
        }
        let last = *self.last.lock().expect("no holder panics");
        let ends = last.is_none_or(|last| last.elapsed() >= CALM) && self.refusing.swap(false, Ordering::Relaxed);
        if ends {
            info!(receiver = self.receiver, "there is room again");
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tells_the_beginning_and_the_end() {
        let (door, full) = (Door::new("otlp", Closed::Refuses), Refused::retry("no memory"));
        assert!(!door.open());
        assert_eq!([door.closed(&full), door.closed(&full)], [true, false]);
        assert!(!door.open(), "a small request that fits ends nothing");
        tokio::time::advance(CALM / 2).await;
        assert!(!door.closed(&full));
        tokio::time::advance(CALM / 2).await;
        assert!(!door.open());
        tokio::time::advance(CALM / 2).await;
        assert_eq!([door.open(), door.open()], [true, false]);
        assert!(door.closed(&full), "it begins anew");
    }
}
