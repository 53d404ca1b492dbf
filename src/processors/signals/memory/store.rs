//! What is remembered, in bounded bytes: a map in shards, each behind a lock of its own that is held for a look or a change and
//! never while something is analyzed. What was not used for long makes room (a clock: second chance). Every byte counts, that
//! of the maps too; what is shared between values counts for each of them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use metrics::{Counter, Gauge};

use super::chain::Link;

/// Most shards: more than threads that meet in one.
const SHARDS: usize = 16;
/// Fewest bytes of a shard, where there is more than one: a long conversation must fit in.
const LEAST: usize = 1 << 20;

/// Values by key, at most so many bytes.
pub(super) struct Store<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    max_bytes: usize,
    bytes: Gauge,
    evictions: Counter,
}

/// Someone else was faster.
#[derive(Debug)]
pub(super) struct Changed;

struct Shard<V> {
    places: HashMap<Link, u32, BuildHasherDefault<Itself>>,
    slots: Vec<Option<Slot<V>>>,
    free: Vec<u32>,
    /// Where the clock's hand stands.
    hand: usize,
    /// Bytes of the values.
    values: usize,
    /// Bytes that the gauge knows of.
    reported: usize,
}

struct Slot<V> {
    key: Link,
    value: Arc<V>,
    bytes: usize,
    /// Whether it was asked for since the hand came by.
    used: bool,
}

/// Takes a key for its own hash: keys are hashes.
#[derive(Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, &byte| sum << 8 | u64::from(byte));
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

impl<V> Store<V> {
    /// Room for that many bytes.
    pub(super) fn new(max_bytes: usize, bytes: Gauge, evictions: Counter) -> Store<V> {
        let shards = (max_bytes / LEAST).clamp(1, SHARDS);
        Store {
            shards: (0..shards).map(|_| Mutex::new(Shard::new())).collect(),
            max_bytes: max_bytes / shards,
            bytes,
            evictions,
        }
    }

    /// A thread that panicked with the lock in its hand leaves a shard that may be half changed: it is forgotten.
    fn shard(&self, key: Link) -> MutexGuard<'_, Shard<V>> {
        let shard = &self.shards[(key >> 64) as usize % self.shards.len()];
        shard.lock().unwrap_or_else(|poisoned| {
            shard.clear_poison();
            let mut shard = poisoned.into_inner();
            let reported = shard.reported;
            *shard = Shard {
                reported,
                ..Shard::new()
            };
            shard
        })
    }

    /// The value of a key.
    pub(super) fn get(&self, key: Link) -> Option<Arc<V>> {
        let mut shard = self.shard(key);
        let place = *shard.places.get(&key)?;
        let slot = shard.slots.get_mut(place as usize)?.as_mut()?;
        slot.used = true;
        Some(Arc::clone(&slot.value))
    }

    /// Sets the value of a key, and what it weighs with all that it holds; the value before. What is too large is let go.
    pub(super) fn put(&self, key: Link, value: V, bytes: usize) -> Option<Arc<V>> {
        self.change(&mut self.shard(key), key, value, bytes)
    }

    /// The same, unless the value has become another one than expected. That it was evicted is no change.
    pub(super) fn swap(&self, key: Link, expected: Option<&Arc<V>>, value: V, bytes: usize) -> Result<(), Changed> {
        let mut shard = self.shard(key);
        let current = shard
            .places
            .get(&key)
            .and_then(|&place| shard.slots[place as usize].as_ref());
        if current.is_some_and(|slot| !expected.is_some_and(|expected| Arc::ptr_eq(expected, &slot.value))) {
            return Err(Changed);
        }
        self.change(&mut shard, key, value, bytes);
        Ok(())
    }

    /// Forgets a key.
    pub(super) fn remove(&self, key: Link) {
        let mut shard = self.shard(key);
        shard.remove(key);
        self.report(&mut shard);
    }

    fn change(&self, shard: &mut Shard<V>, key: Link, value: V, bytes: usize) -> Option<Arc<V>> {
        let before = shard.remove(key);
        while shard.bytes() + bytes > self.max_bytes && shard.evict() {
            self.evictions.increment(1);
        }
        if shard.bytes() + bytes <= self.max_bytes {
            shard.insert(key, Arc::new(value), bytes);
            // The maps may have grown.
            while shard.bytes() > self.max_bytes && shard.evict() {
                self.evictions.increment(1);
            }
        }
        if shard.places.is_empty() && shard.bytes() > self.max_bytes {
            let reported = shard.reported;
            *shard = Shard {
                reported,
                ..Shard::new()
            };
        }
        self.report(shard);
        before
    }

    fn report(&self, shard: &mut Shard<V>) {
        let (now, before) = (shard.bytes(), shard.reported);
        match now.checked_sub(before) {
            Some(more) => self.bytes.increment(more as f64),
            None => self.bytes.decrement((before - now) as f64),
        }
        shard.reported = now;
    }

    /// Bytes of all shards.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let shards = self
            .shards
            .iter()
            .map(|shard| shard.lock().expect("not poisoned").bytes());
        shards.sum()
    }

    /// Keys of all shards.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let shards = self
            .shards
            .iter()
            .map(|shard| shard.lock().expect("not poisoned").places.len());
        shards.sum()
    }
}

impl<V> Drop for Store<V> {
    fn drop(&mut self) {
        for shard in &mut self.shards {
            let shard = shard.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
            self.bytes.decrement(shard.reported as f64);
        }
    }
}

impl<V> Shard<V> {
    fn new() -> Shard<V> {
        Shard {
            places: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            hand: 0,
            values: 0,
            reported: 0,
        }
    }

    /// What the shard takes: the values and all room for them. A map's table holds an eighth more than its capacity, and a byte
    /// of control for each place.
    fn bytes(&self) -> usize {
        let places = self.places.capacity() * 8 / 7 * (size_of::<(Link, u32)>() + 1);
        let slots = self.slots.capacity() * size_of::<Option<Slot<V>>>();
        self.values + places + slots + self.free.capacity() * size_of::<u32>()
    }

    fn insert(&mut self, key: Link, value: Arc<V>, bytes: usize) {
        let slot = Slot {
            key,
            value,
            bytes,
            used: false,
        };
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                let Ok(place) = u32::try_from(self.slots.len()) else {
                    return;
                };
                self.slots.push(None);
                // Giving up a place shall take no room.
                self.free.reserve_exact(self.slots.capacity());
                place
            }
        };
        self.slots[place as usize] = Some(slot);
        self.places.insert(key, place);
        self.values += bytes;
    }

    fn remove(&mut self, key: Link) -> Option<Arc<V>> {
        let place = self.places.remove(&key)?;
        let slot = self.slots[place as usize].take()?;
        self.free.push(place);
        self.values -= slot.bytes;
        Some(slot.value)
    }

    /// Lets the first go that was not used since the hand came by; whether there was any.
    fn evict(&mut self) -> bool {
        if self.places.is_empty() {
            return false;
        }
        loop {
            self.hand = (self.hand + 1) % self.slots.len();
            match &mut self.slots[self.hand] {
                Some(slot) if slot.used => slot.used = false,
                Some(slot) => {
                    let key = slot.key;
                    self.remove(key);
                    return true;
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn store(max_bytes: usize) -> Store<u64> {
        Store::new(max_bytes, Gauge::noop(), Counter::noop())
    }

    fn key(number: u64) -> Link {
        (Link::from(number) << 64) | Link::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    #[test]
    fn what_is_used_stays_and_the_rest_makes_room() {
        let store = store(64 << 10);
        for number in 0..2000 {
            assert!(store.put(key(number), number, 500).is_none());
            assert!(number == 0 || store.get(key(0)).is_some(), "evicted after {number}");
            assert!(store.bytes() <= 64 << 10, "{}", store.bytes());
        }
        assert!(store.len() > 60 && store.get(key(1)).is_none() && store.get(key(1999)).is_some());
        assert_eq!(store.put(key(0), 7, 500).as_deref(), Some(&0));
        store.remove(key(0));
        assert!(store.get(key(0)).is_none());
    }

    #[test]
    fn who_was_slower_learns_it() {
        let store = store(64 << 10);
        assert!(store.swap(key(1), None, 1, 100).is_ok());
        let first = store.get(key(1));
        assert!(store.swap(key(1), None, 2, 100).is_err());
        assert!(store.swap(key(1), first.as_ref(), 2, 100).is_ok());
        assert!(store.swap(key(1), first.as_ref(), 3, 100).is_err());
        store.remove(key(1));
        assert!(store.swap(key(1), first.as_ref(), 3, 100).is_ok());
        assert_eq!(store.get(key(1)).as_deref(), Some(&3));
    }

    #[test]
    fn a_poisoned_lock_is_forgotten_not_passed_on() {
        let store = store(4 << 20);
        store.put(key(0), 1, 100);
        std::thread::scope(|scope| {
            let poison = scope.spawn(|| {
                let _guard = store.shard(key(0));
                panic!("on purpose, with the lock in hand");
            });
            assert!(poison.join().is_err());
        });
        assert!(store.get(key(0)).is_none());
        store.put(key(0), 2, 100);
        assert_eq!(store.get(key(0)).as_deref(), Some(&2));
    }

    proptest! {
        /// Against a plain map: a value is the latest one or gone, and the bound holds after each step.
        #[test]
        fn the_bound_holds_and_no_value_is_wrong(
            max_bytes in prop::sample::select(vec![0_usize, 300, 2000, 5000, 100_000]),
            steps in prop::collection::vec((0..40_u64, 0..3_usize, 1..700_usize), 1..300),
        ) {
            let (store, mut plain) = (store(max_bytes), HashMap::new());
            for (step, (number, what, bytes)) in steps.into_iter().enumerate() {
                match what {
                    0 => { store.remove(key(number)); plain.remove(&number); }
                    1 => {
                        let got = store.get(key(number));
                        prop_assert!(got.is_none() || got.as_deref() == plain.get(&number));
                    }
                    _ => { store.put(key(number), step as u64, bytes); plain.insert(number, step as u64); }
                }
                prop_assert!(store.bytes() <= max_bytes, "{} > {}", store.bytes(), max_bytes);
            }
            if max_bytes == 100_000 {
                prop_assert_eq!(store.len(), plain.len());
            }
        }
    }
}
