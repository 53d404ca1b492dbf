//! The bounded trace store: wire bytes by trace id, in whatever order they come. Promises: the same spans make the same
//! trace in any order of arrival; memory and number of traces never exceed their limits; what is dropped is the oldest,
//! and is counted. With a file, what was taken is in it before its sender is told so; without one it refuses nothing.

mod file;
mod held;
mod index;
mod journal;
mod keys;
mod state;
mod whole;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use tokio::sync::watch;

pub use self::{
    file::{Opening, StoreError},
    held::Held,
};
pub(super) use self::{held::Verdict, keys::keys};
use self::{held::spans, journal::Journal, state::State};
use crate::{
    otlp::{Edit, TraceBatch, TraceId, edit_spans, validate},
    pipeline::{ExportError, Sink},
};

/// Spans that are sorted into traces at a time; bounds the work on a batch of many traces.
const PART_SPANS: usize = 64;

/// What the store may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Trace ids. 1000.
    pub max_traces: usize,
    /// Bytes: wire bytes plus a fixed share for the index. 256 MiB.
    pub max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_traces: 1000,
            max_bytes: 256 << 20,
        }
    }
}

/// What was dropped to stay within the limits, since the start; with a file, since the file was begun.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Dropped {
    /// Traces that are gone as a whole.
    pub traces: u64,
    /// Spans, those of the dropped traces included.
    pub spans: u64,
}

/// Holds traces, for the exporter that feeds it and the methods that ask it.
pub struct Store {
    limits: Limits,
    state: Arc<Mutex<State>>,
    newest: watch::Sender<u64>,
    journal: Option<Journal>,
}

impl Store {
    /// An empty store, gone with the process.
    pub fn new(limits: Limits) -> Store {
        Store {
            limits,
            state: Arc::default(),
            newest: watch::Sender::new(0),
            journal: None,
        }
    }

    /// A store that is kept in that file, with what the file has. Where it has more than the limits allow, the newest stay.
    ///
    /// # Errors
    /// Why that file cannot be a store. It is left as it was.
    pub fn open(limits: Limits, path: &Path, opening: &Arc<Opening>) -> Result<Store, StoreError> {
        let state = Arc::new(Mutex::new(State::default()));
        let journal = Journal::open(path, &state, limits, opening)?;
        let store = Store {
            limits,
            state,
            newest: watch::Sender::new(0),
            journal: Some(journal),
        };
        store.newest.send_replace(store.lock().sequence);
        Ok(store)
    }

    /// What it may hold.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Every trace, newest first: the one that a span came for last is the newest.
    pub fn newest_first(&self) -> Vec<Arc<Held>> {
        self.lock().newest_first()
    }

    /// What was dropped.
    pub fn dropped(&self) -> Dropped {
        self.lock().dropped
    }

    /// Tells the newest sequence whenever it changed. Whoever is slow sees the last value only, so nobody is waited for.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Bytes held now, counted as the limit counts them.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Poisoning is no reason to stop: every change leaves the counts true even if a later one panicked.
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Takes up to [`PART_SPANS`] spans.
    fn take_part(&self, part: &TraceBatch) {
        // In the order of the batch: what stands later in it is newer.
        let mut ids: Vec<TraceId> = Vec::new();
        for (_, _, span) in spans(part) {
            if !ids.contains(&span.trace_id()) {
                ids.push(span.trace_id());
            }
        }
        // The copies are made outside the lock.
        let pieces: Vec<(TraceId, TraceBatch)> = ids
            .into_iter()
            .filter_map(|id| Some((id, own(&only(part, |trace, _, _| trace == id))?)))
            .collect();
        let mut state = self.lock();
        for (id, piece) in pieces {
            let Some(new) = state.new_of(id, piece) else {
                continue;
            };
            // What can never fit is dropped by itself, and not with everything else.
            if new.byte_len() > self.limits.max_bytes {
                state.dropped.spans += new.span_count() as u64;
                continue;
            }
            state.insert(id, new);
        }
        state.shrink(self.limits);
        let newest = state.sequence;
        drop(state);
        // Several threads may come here in another order than they held the lock in.
        self.newest.send_if_modified(|known| {
            let changed = newest > *known;
            *known = newest.max(*known);
            changed
        });
    }
}

impl State {
    /// What of that piece is not held yet.
    fn new_of(&self, id: TraceId, piece: TraceBatch) -> Option<TraceBatch> {
        let Some(entry) = self.entries.get(&id) else {
            return Some(piece);
        };
        let known = |span, wire: &[u8]| entry.has(span, self.links.digest(wire));
        if !spans(&piece).any(|(_, _, span)| known(span.span_id(), span.wire())) {
            return Some(piece);
        }
        own(&only(&piece, |_, span, wire| !known(span, wire)))
    }
}

impl Sink for Store {
    fn take(&self, batch: TraceBatch) -> Option<BoxFuture<'_, Result<(), ExportError>>> {
        for part in batch.split(PART_SPANS, 0) {
            self.take_part(&part);
        }
        let journal = self.journal.as_ref()?;
        // Also where nothing was new: what was the same may not be in the file yet.
        let changed = self.lock().changed;
        journal.pending(changed)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Those spans of the batch that are wanted, by trace id, span id and bytes.
fn only(batch: &TraceBatch, wanted: impl Fn(TraceId, crate::otlp::SpanId, &[u8]) -> bool) -> TraceBatch {
    edit_spans(batch.clone(), |_, _, span, _| {
        match wanted(span.trace_id(), span.span_id(), span.wire()) {
            true => Edit::Keep,
            false => Edit::Drop,
        }
    })
}

/// A copy in memory of its own, so that one kept span does not keep a whole request alive. `None` without any span.
fn own(piece: &TraceBatch) -> Option<TraceBatch> {
    if piece.is_empty() {
        return None;
    }
    let mut wire = BytesMut::with_capacity(piece.byte_len());
    for chunk in piece.chunks() {
        wire.extend_from_slice(chunk);
    }
    validate(Bytes::from(wire)).ok().map(|validated| validated.batch)
}

#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod tests;
