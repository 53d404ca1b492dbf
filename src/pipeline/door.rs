//! Whether a receiver turns requests away before it decodes them. The log tells when that begins and when it ends, not every
//! request; requests that are let in between refusals end nothing.

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

/// The state of one receiver.
pub(super) struct Door {
    receiver: String,
    refusing: AtomicBool,
    /// When the last request was turned away.
    last: Mutex<Option<Instant>>,
}

impl Door {
    pub(super) fn new(receiver: &str) -> Door {
        Door {
            receiver: receiver.to_owned(),
            refusing: AtomicBool::new(false),
            last: Mutex::new(None),
        }
    }

    /// A request was turned away. True where it was the first of them.
    pub(super) fn closed(&self, why: &Refused) -> bool {
        *self.last.lock().expect("no holder panics") = Some(Instant::now());
        let begins = !self.refusing.swap(true, Ordering::Relaxed);
        if begins {
            warn!(receiver = self.receiver, reason = %why, "no room for requests; refusing them");
        }
        begins
    }

    /// A request was let in. True where that ended the refusing.
    pub(super) fn open(&self) -> bool {
        if !self.refusing.load(Ordering::Relaxed) {
            return false;
        }
        let last = *self.last.lock().expect("no holder panics");
        let ends = last.is_none_or(|last| last.elapsed() >= CALM) && self.refusing.swap(false, Ordering::Relaxed);
        if ends {
            info!(receiver = self.receiver, "there is room for requests again");
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tells_the_beginning_and_the_end() {
        let (door, full) = (Door::new("otlp"), Refused::retry("no memory"));
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
