//! Turns of conversations by the id of their response, each with the id of the one before it. Bounded in number, in bytes and in
//! time since it was last used; what was used least recently goes first. Pure: the time is an argument.
//!
//! A conversation is one chain, so that its beginning is kept once however long it becomes; whoever uses it uses all of it.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use bytes::Bytes;

use super::Scope;
use crate::gateway::config::StateStorage;

/// What an entry takes beside its texts, in bytes, about.
const OVERHEAD: usize = 320;

/// A response, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) scope: Scope,
    pub(super) id: String,
}

/// One turn: what was asked and what was answered.
#[derive(Debug)]
pub(super) struct Entry {
    /// The response that it goes on with.
    pub(super) previous: Option<String>,
    /// The items as JSON, comma between them.
    pub(super) items: Bytes,
}

/// Why there is no conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Unknown,
    TooLarge,
}

#[derive(Debug)]
struct Kept {
    entry: Entry,
    used: Instant,
    turn: u64,
}

#[derive(Debug)]
pub(super) struct Store {
    bounds: StateStorage,
    entries: HashMap<Key, Kept>,
    /// By when it was last used.
    order: BTreeMap<u64, Key>,
    next_turn: u64,
    bytes: usize,
}

impl Store {
    pub(super) fn new(bounds: StateStorage) -> Store {
        Store {
            bounds,
            entries: HashMap::new(),
            order: BTreeMap::new(),
            next_turn: 0,
            bytes: 0,
        }
    }

    /// The items of a response and of all before it, the oldest first.
    pub(super) fn conversation(&mut self, key: &Key, now: Instant, limit: usize) -> Result<Vec<Bytes>, Missing> {
        self.expire(now);
        let (mut chain, mut items, mut size) = (vec![key.clone()], Vec::new(), 0_usize);
        loop {
            let key = &chain[chain.len() - 1];
            let kept = self.entries.get(key).ok_or(Missing::Unknown)?;
            size += kept.entry.items.len() + 1;
            if size > limit {
                return Err(Missing::TooLarge);
            }
            items.push(kept.entry.items.clone());
            let Some(id) = kept.entry.previous.clone() else { break };
            let scope = key.scope;
            chain.push(Key { scope, id });
        }
        for key in chain {
            self.touch(key, now);
        }
        items.reverse();
        Ok(items)
    }

    /// Keeps a turn, unless it alone is above the bounds.
    pub(super) fn insert(&mut self, key: Key, entry: Entry, now: Instant) {
        self.expire(now);
        self.remove(&key);
        let size = size(&key, &entry);
        if size > self.bounds.max_bytes {
            return;
        }
        self.bytes += size;
        let kept = Kept {
            entry,
            used: now,
            turn: 0,
        };
        self.entries.insert(key.clone(), kept);
        self.touch(key, now);
        while self.bytes > self.bounds.max_bytes || self.entries.len() > self.bounds.max_responses {
            let Some(key) = self.oldest() else { break };
            self.remove(&key);
        }
    }

    fn touch(&mut self, key: Key, now: Instant) {
        let Some(kept) = self.entries.get_mut(&key) else { return };
        self.order.remove(&kept.turn);
        self.next_turn += 1;
        (kept.used, kept.turn) = (now, self.next_turn);
        self.order.insert(self.next_turn, key);
    }

    fn oldest(&self) -> Option<Key> {
        self.order.first_key_value().map(|(_, key)| key.clone())
    }

    fn expire(&mut self, now: Instant) {
        while let Some(key) = self.oldest() {
            let age = self
                .entries
                .get(&key)
                .map(|kept| now.saturating_duration_since(kept.used));
            if age.is_some_and(|age| age <= self.bounds.ttl) {
                return;
            }
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(kept) = self.entries.remove(key) {
            self.order.remove(&kept.turn);
            self.bytes -= size(key, &kept.entry);
        }
    }
}

/// What an entry counts. Its key stands there twice.
fn size(key: &Key, entry: &Entry) -> usize {
    let previous = entry.previous.as_ref().map_or(0, String::len);
    OVERHEAD + 2 * key.id.len() + previous + entry.items.len()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn key(listener: usize, id: &str) -> Key {
        let keys = [0, 0];
        Key {
            scope: Scope { listener, keys },
            id: id.to_owned(),
        }
    }

    fn entry(previous: &str, items: &str) -> Entry {
        Entry {
            previous: Some(previous.to_owned()).filter(|id| !id.is_empty()),
            items: items.to_owned().into(),
        }
    }

    fn store(max_responses: usize, max_bytes: usize) -> Store {
        Store::new(StateStorage {
            max_responses,
            max_bytes,
            ttl: HOUR,
        })
    }

    fn check(store: &mut Store, id: &str, now: Instant, expected: Result<&str, Missing>) {
        let found = store.conversation(&key(0, id), now, 100);
        let found = found.map(|items| {
            items
                .iter()
                .map(|item| String::from_utf8_lossy(item))
                .collect::<String>()
        });
        assert_eq!(found, expected.map(str::to_owned), "{id}");
        let bytes: usize = store.entries.iter().map(|(key, kept)| size(key, &kept.entry)).sum();
        assert_eq!((store.bytes, store.entries.len()), (bytes, store.order.len()));
    }

    #[test]
    fn a_conversation_is_its_turns_in_order() {
        let (mut store, now) = (store(10, 1 << 20), Instant::now());
        for (id, previous, items) in [("1", "", "a"), ("2", "1", "b"), ("3", "2", "c"), ("4", "1", "d")] {
            store.insert(key(0, id), entry(previous, items), now);
        }
        check(&mut store, "3", now, Ok("abc"));
        check(&mut store, "4", now, Ok("ad"));
        check(&mut store, "5", now, Err(Missing::Unknown));
        let other = store.conversation(&key(1, "3"), now, 100);
        assert_eq!(other, Err(Missing::Unknown), "another listener's");
        store.insert(key(0, "long"), entry("1", &"x".repeat(99)), now);
        check(&mut store, "long", now, Err(Missing::TooLarge));
    }

    #[test]
    fn what_was_used_least_recently_goes_first() {
        let (mut store, now) = (store(3, 1 << 20), Instant::now());
        for id in ["1", "2", "3"] {
            store.insert(key(0, id), entry("", id), now);
        }
        check(&mut store, "1", now, Ok("1"));
        store.insert(key(0, "4"), entry("1", "4"), now);
        check(&mut store, "2", now, Err(Missing::Unknown));
        check(&mut store, "4", now, Ok("14"));
        // With its beginning gone, a conversation is.
        for id in ["5", "6"] {
            store.insert(key(0, id), entry("", id), now);
        }
        check(&mut store, "4", now, Err(Missing::Unknown));
    }

    #[test]
    fn bytes_are_bounded() {
        let (mut store, now) = (store(1000, 3000), Instant::now());
        for number in 0..100 {
            store.insert(key(0, &number.to_string()), entry("", &"x".repeat(90)), now);
            assert!(store.bytes <= 3000);
        }
        check(&mut store, "99", now, Ok(&"x".repeat(90)));
        check(&mut store, "0", now, Err(Missing::Unknown));
        store.insert(key(0, "large"), entry("", &"x".repeat(3000)), now);
        check(&mut store, "large", now, Err(Missing::Unknown));
        check(&mut store, "99", now, Ok(&"x".repeat(90)));
    }

    #[test]
    fn what_nobody_uses_ends() {
        let (mut store, now) = (store(10, 1 << 20), Instant::now());
        store.insert(key(0, "1"), entry("", "a"), now);
        store.insert(key(0, "2"), entry("1", "b"), now + HOUR / 2);
        // The whole conversation was used, so that all of it lives on.
        check(&mut store, "2", now + HOUR, Ok("ab"));
        check(&mut store, "2", now + 2 * HOUR, Ok("ab"));
        check(
            &mut store,
            "2",
            now + 3 * HOUR + Duration::from_secs(1),
            Err(Missing::Unknown),
        );
        assert_eq!((store.bytes, store.entries.len()), (0, 0));
    }
}
