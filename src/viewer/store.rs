//! The bounded trace store: wire bytes by trace id, in whatever order they come. Promises: the same spans make the same
//! trace in any order of arrival; memory and number of traces never exceed their limits; what is dropped is the oldest,
//! and is counted. Refuses nothing: a sink has no one to refuse to.

mod index;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};

use self::index::Entry;
use super::model::{Span, Trace};
use crate::{
    otlp::{Edit, ResourceSpansRef, ScopeSpansRef, SpanId, SpanRef, TraceBatch, TraceId, edit_spans, validate},
    pipeline::Sink,
};

/// Spans that are sorted into traces at a time; bounds the work on a batch of many traces.
const PART_SPANS: usize = 64;

/// What the index costs a span beside its wire bytes, in bytes.
const SPAN_OVERHEAD: usize = 160;

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

/// What was dropped to stay within the limits, since the start.
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
    inner: Mutex<Inner>,
}

/// One trace as held: the wire bytes of every trace id that is joined in it. Cheap to clone, decoded on demand.
#[derive(Debug, Clone)]
pub struct Held {
    /// Grows with each arrival: a larger one is newer. Names a place in the order of traces.
    pub sequence: u64,
    /// The trace ids, ascending.
    pub trace_ids: Vec<TraceId>,
    batches: Vec<TraceBatch>,
}

#[derive(Default)]
struct Inner {
    entries: HashMap<TraceId, Entry>,
    /// Trace ids by their newest arrival.
    by_age: BTreeSet<(u64, TraceId)>,
    links: index::Links,
    next_sequence: u64,
    bytes: usize,
    dropped: Dropped,
}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Store {
        Store {
            limits,
            inner: Mutex::default(),
        }
    }

    /// What it may hold.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Every trace, newest first: the one that a span came for last is the newest.
    pub fn newest_first(&self) -> Vec<Held> {
        let inner = self.lock();
        let mut seen = HashSet::new();
        let mut held = Vec::with_capacity(inner.entries.len());
        for (sequence, id) in inner.by_age.iter().rev() {
            if seen.contains(id) {
                continue;
            }
            let mut members = inner.component(*id);
            members.sort_unstable();
            seen.extend(members.iter().copied());
            let batches = members.iter().flat_map(|id| inner.entries[id].batches()).cloned();
            held.push(Held {
                sequence: *sequence,
                batches: batches.collect(),
                trace_ids: members,
            });
        }
        held
    }

    /// What was dropped since the start.
    pub fn dropped(&self) -> Dropped {
        self.lock().dropped
    }

    /// Bytes held now, counted as the limit counts them.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Poisoning is no reason to stop: every change below leaves the counts true even if a later one panicked.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Store {
    fn take(&self, batch: TraceBatch) {
        for part in batch.split(PART_SPANS, 0) {
            let mut inner = self.lock();
            let mut ids: Vec<TraceId> = spans(&part).map(|(_, _, span)| span.trace_id()).collect();
            ids.sort_unstable();
            ids.dedup();
            for id in ids {
                let known = inner.entries.get(&id);
                let piece = edit_spans(part.clone(), |_, _, span, _| {
                    let wanted = span.trace_id() == id
                        && !known.is_some_and(|entry| entry.has(span.span_id(), digest(span.wire())));
                    if wanted { Edit::Keep } else { Edit::Drop }
                });
                if let Some(piece) = own(&piece) {
                    inner.insert(id, piece);
                }
            }
            inner.shrink(self.limits);
        }
    }
}

impl Inner {
    fn insert(&mut self, id: TraceId, piece: TraceBatch) {
        self.next_sequence += 1;
        let entry = self.entries.entry(id).or_default();
        self.by_age.remove(&(entry.sequence, id));
        entry.sequence = self.next_sequence;
        self.by_age.insert((entry.sequence, id));
        self.bytes += cost(&piece);
        entry.push(id, piece, &mut self.links);
    }

    /// Drops the oldest until the limits hold.
    fn shrink(&mut self, limits: Limits) {
        while self.entries.len() > limits.max_traces || self.bytes > limits.max_bytes {
            let Some((sequence, id)) = self.by_age.first().copied() else {
                return;
            };
            let members = self.component(id);
            if members.len() == self.entries.len() {
                self.drop_oldest_piece(id);
                continue;
            }
            let newest = members.iter().map(|id| self.entries[id].sequence).max();
            if let Some(newest) = newest.filter(|newest| *newest > sequence) {
                // Part of a trace that is still growing: it is as young as its youngest part.
                self.by_age.remove(&(sequence, id));
                self.by_age.insert((newest, id));
                self.entries.get_mut(&id).expect("what has an age is held").sequence = newest;
                continue;
            }
            for id in members {
                self.remove(id);
            }
        }
    }

    /// Where one trace alone is too large, its oldest spans go.
    fn drop_oldest_piece(&mut self, id: TraceId) {
        let entry = self.entries.get_mut(&id).expect("what has an age is held");
        if let Some(piece) = entry.pop(id, &mut self.links) {
            self.bytes -= cost(&piece);
            self.dropped.spans += piece.span_count() as u64;
        }
        if self.entries[&id].is_empty() {
            self.remove(id);
        }
    }

    fn remove(&mut self, id: TraceId) {
        let Some(mut entry) = self.entries.remove(&id) else {
            return;
        };
        self.by_age.remove(&(entry.sequence, id));
        while let Some(piece) = entry.pop(id, &mut self.links) {
            self.bytes -= cost(&piece);
            self.dropped.spans += piece.span_count() as u64;
        }
        self.dropped.traces += 1;
    }

    /// The trace ids that are joined with that one, itself included.
    fn component(&self, id: TraceId) -> Vec<TraceId> {
        let mut members = vec![id];
        let mut known = HashSet::from([id]);
        let mut next = 0;
        while let Some(member) = members.get(next).copied() {
            next += 1;
            for neighbor in self.entries[&member].neighbors(member, &self.links, &self.entries) {
                if known.insert(neighbor) {
                    members.push(neighbor);
                }
            }
        }
        members
    }
}

impl Held {
    /// The spans, each once, by start time, under the root's trace id.
    pub fn decode(&self) -> Trace {
        let mut chosen: HashMap<(TraceId, SpanId), Found<'_>> = HashMap::new();
        for found in self.batches.iter().flat_map(spans) {
            let span = found.2;
            chosen
                .entry((span.trace_id(), span.span_id()))
                .and_modify(|best| {
                    if rank(&best.2) < rank(&span) {
                        *best = found;
                    }
                })
                .or_insert(found);
        }
        let mut spans: Vec<Span> = chosen
            .into_values()
            .map(|(resource, scope, span)| Span::decode(&resource, &scope, &span))
            .collect();
        spans.sort_by(|a, b| order(a).cmp(&order(b)));
        let parents = super::tree::parents(&spans);
        let root = spans
            .iter()
            .find(|span| span.parent_span_id.is_empty())
            .or_else(|| {
                spans
                    .iter()
                    .zip(&parents)
                    .find(|(_, parent)| parent.is_none())
                    .map(|(span, _)| span)
            })
            .or(spans.first());
        Trace {
            trace_id: root.map(|root| root.trace_id.clone()).unwrap_or_default(),
            spans,
        }
    }
}

/// A span with what stands around it.
type Found<'a> = (ResourceSpansRef<'a>, ScopeSpansRef<'a>, SpanRef<'a>);

fn spans(batch: &TraceBatch) -> impl Iterator<Item = Found<'_>> {
    batch.resource_spans().flat_map(|resource| {
        resource
            .scope_spans()
            .flat_map(move |scope| scope.spans().map(move |span| (resource, scope, span)))
    })
}

fn order(span: &Span) -> (u64, u64, &str, &str) {
    let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
    (start, end, &span.trace_id, &span.span_id)
}

/// Of several spans with one id the one that ended last and says most is shown, whichever came first.
fn rank<'a>(span: &SpanRef<'a>) -> (u64, usize, &'a [u8]) {
    (span.end_unix_nano(), span.wire().len(), span.wire())
}

fn digest(wire: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    wire.hash(&mut hasher);
    hasher.finish()
}

fn cost(piece: &TraceBatch) -> usize {
    piece.byte_len() + piece.span_count() * SPAN_OVERHEAD
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
mod tests;
