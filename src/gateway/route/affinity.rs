//! Sessions that stay with the model that was chosen for them: bounded in number and time, the longest unused go first. Holds hashes
//! of session ids, never the ids.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use lru::LruCache;

/// Sessions that are remembered.
const SESSIONS: NonZeroUsize = NonZeroUsize::new(10_000).expect("more than none");
/// How long after its last request.
const TIME: Duration = Duration::from_secs(600);

/// A session and what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct Session(u64);

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway) struct Pin {
    /// Index of the route.
    pub(in crate::gateway) route: usize,
    /// Index of the target on it.
    pub(in crate::gateway) target: usize,
    /// Index of the preference that led there.
    pub(in crate::gateway) preference: Option<usize>,
}

/// The table.
#[derive(Debug)]
pub(in crate::gateway) struct Affinity {
    hasher: RandomState,
    pins: Mutex<LruCache<Session, (Pin, Instant)>>,
}

impl Default for Affinity {
    fn default() -> Affinity {
        Affinity {
            hasher: RandomState::new(),
            pins: Mutex::new(LruCache::new(SESSIONS)),
        }
    }
}

impl Affinity {
    /// A session of a listener that asks for a model by that name.
    pub(in crate::gateway) fn session(&self, id: &[u8], listener: usize, asked: &str) -> Session {
        Session(self.hasher.hash_one((id, listener, asked)))
    }

    /// What was chosen for it, unless that is too long ago.
    pub(in crate::gateway) fn pinned(&self, session: Session, now: Instant) -> Option<Pin> {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let &(pin, at) = pins.get(&session)?;
        if now.saturating_duration_since(at) < TIME {
            return Some(pin);
        }
        pins.pop(&session);
        None
    }

    /// Keeps a choice.
    pub(in crate::gateway) fn pin(&self, session: Session, pin: Pin, now: Instant) {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        pins.put(session, (pin, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIN: Pin = Pin {
        route: 1,
        target: 2,
        preference: None,
    };

    #[test]
    fn a_session_stays_until_it_is_unused_for_long() {
        let (affinity, now) = (Affinity::default(), Instant::now());
        let session = affinity.session(b"s-1", 0, "smart-llm");
        assert_eq!(affinity.pinned(session, now), None);
        affinity.pin(session, PIN, now);
        let last = now + TIME - Duration::from_secs(1);
        assert_eq!(affinity.pinned(session, last), Some(PIN));
        affinity.pin(session, PIN, last);
        assert_eq!(affinity.pinned(session, now + TIME), Some(PIN));
        assert_eq!(affinity.pinned(session, last + TIME), None);
        assert_ne!(session, affinity.session(b"s-1", 0, "fast-llm"));
        assert_ne!(session, affinity.session(b"s-1", 1, "smart-llm"));
    }

    #[test]
    fn the_longest_unused_goes_first() {
        let (affinity, now) = (Affinity::default(), Instant::now());
        let session = |n: usize| affinity.session(&n.to_le_bytes(), 0, "m");
        for n in 0..SESSIONS.get() {
            affinity.pin(session(n), PIN, now);
        }
        assert!(affinity.pinned(session(0), now).is_some());
        affinity.pin(session(SESSIONS.get()), PIN, now);
        assert!(affinity.pinned(session(0), now).is_some());
        assert!(affinity.pinned(session(1), now).is_none());
    }
}
