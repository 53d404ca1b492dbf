//! Who holds which span, and who waits for which parent: the links by which traces under different ids are joined. Kept up to
//! date with each span that comes and goes, so that asking for them costs nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    hash::BuildHasher,
    sync::Arc,
};

use foldhash::quality::RandomState;

use super::held::{Piece, spans};
use crate::otlp::{SpanId, TraceId};

const FIRST: TraceId = TraceId([0; 16]);
const LAST: TraceId = TraceId([0xff; 16]);

/// Links between trace ids.
#[derive(Default)]
pub(super) struct Links {
    /// Which traces hold a span of that id.
    owners: BTreeSet<(SpanId, TraceId)>,
    /// Which traces name a parent of that id that they do not hold themselves.
    waiting: BTreeSet<(SpanId, TraceId)>,
    /// By how many parents two traces are joined; each pair both ways round.
    joined: BTreeMap<(TraceId, TraceId), usize>,
    /// Traces that were joined or parted since they were last asked for.
    touched: Vec<TraceId>,
    digests: RandomState,
}

impl Links {
    /// Whether nothing is left, as it must be when nothing is held.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.owners.is_empty() && self.waiting.is_empty() && self.joined.is_empty()
    }

    /// A span's bytes in short, under a key that no emitter knows.
    pub(super) fn digest(&self, wire: &[u8]) -> u64 {
        self.digests.hash_one(wire)
    }

    /// The traces that are joined with that one directly.
    pub(super) fn neighbors(&self, id: TraceId) -> impl Iterator<Item = TraceId> {
        self.joined
            .range((id, FIRST)..=(id, LAST))
            .map(|((_, other), _)| *other)
    }

    /// The traces whose links changed since the last call.
    pub(super) fn take_touched(&mut self) -> Vec<TraceId> {
        std::mem::take(&mut self.touched)
    }

    /// The trace that holds a span of that id; none where several do, since then the link says nothing.
    fn owner(&self, span: SpanId) -> Option<TraceId> {
        let mut owners = self.owners.range((span, FIRST)..=(span, LAST));
        let first = owners.next()?;
        owners.next().is_none().then_some(first.1)
    }

    fn waiting(&self, span: SpanId) -> Vec<TraceId> {
        let waiting = self.waiting.range((span, FIRST)..=(span, LAST));
        waiting.map(|(_, id)| *id).collect()
    }

    fn has_owner(&self, span: SpanId) -> bool {
        self.owners.range((span, FIRST)..=(span, LAST)).next().is_some()
    }

    /// A trace holds a span of that id from now on.
    fn add_owner(&mut self, span: SpanId, id: TraceId) {
        self.stop_waiting(span, id);
        let (before, known) = (self.owner(span), self.has_owner(span));
        self.owners.insert((span, id));
        match before {
            Some(owner) => self.waiting(span).into_iter().for_each(|child| self.part(child, owner)),
            None if !known => self.waiting(span).into_iter().for_each(|child| self.join(child, id)),
            None => {}
        }
    }

    /// A trace holds no span of that id any more.
    fn remove_owner(&mut self, span: SpanId, id: TraceId) {
        let before = self.owner(span);
        self.owners.remove(&(span, id));
        match self.owner(span) {
            Some(owner) => self.waiting(span).into_iter().for_each(|child| self.join(child, owner)),
            None if before.is_some() => self.waiting(span).into_iter().for_each(|child| self.part(child, id)),
            None => {}
        }
    }

    /// A trace names a parent of that id and does not hold it.
    fn wait(&mut self, parent: SpanId, id: TraceId) {
        if self.waiting.insert((parent, id))
            && let Some(owner) = self.owner(parent)
        {
            self.join(id, owner);
        }
    }

    fn stop_waiting(&mut self, parent: SpanId, id: TraceId) {
        if self.waiting.remove(&(parent, id))
            && let Some(owner) = self.owner(parent)
        {
            self.part(id, owner);
        }
    }

    fn join(&mut self, one: TraceId, other: TraceId) {
        for pair in [(one, other), (other, one)] {
            *self.joined.entry(pair).or_default() += 1;
        }
        self.touched.extend([one, other]);
    }

    fn part(&mut self, one: TraceId, other: TraceId) {
        for pair in [(one, other), (other, one)] {
            if let Some(count) = self.joined.get_mut(&pair) {
                *count -= 1;
                if *count == 0 {
                    self.joined.remove(&pair);
                }
            }
        }
        self.touched.extend([one, other]);
    }
}

/// What is held of one trace id.
#[derive(Default)]
pub(super) struct Entry {
    /// Its newest arrival.
    pub(super) sequence: u64,
    /// Its place in the order in which traces go; that of its newest arrival, or of what it is joined with.
    pub(super) age: u64,
    /// The group that it was found to belong to, if nothing changed since.
    pub(super) group: Option<u64>,
    pieces: VecDeque<Arc<Piece>>,
    /// Digests of the spans by id.
    spans: HashMap<SpanId, u64, RandomState>,
    /// Further digests, where an emitter sent different spans of one id.
    more: HashMap<SpanId, Vec<u64>, RandomState>,
    /// How many spans name that parent.
    parents: HashMap<SpanId, u32, RandomState>,
}

impl Entry {
    pub(super) fn has(&self, span: SpanId, digest: u64) -> bool {
        self.spans.get(&span).is_some_and(|first| {
            *first == digest || self.more.get(&span).is_some_and(|digests| digests.contains(&digest))
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = &Arc<Piece>> {
        self.pieces.iter()
    }

    /// Adds a piece that holds spans of this trace only.
    pub(super) fn push(&mut self, id: TraceId, piece: Arc<Piece>, links: &mut Links) {
        for (_, _, span) in spans(&piece.batch) {
            let digest = links.digest(span.wire());
            if let Some(first) = self.spans.get(&span.span_id()) {
                if *first != digest {
                    self.more.entry(span.span_id()).or_default().push(digest);
                }
            } else {
                self.spans.insert(span.span_id(), digest);
                links.add_owner(span.span_id(), id);
            }
            if let Some(parent) = span.parent_span_id() {
                let count = self.parents.entry(parent).or_default();
                *count += 1;
                if *count == 1 && !self.spans.contains_key(&parent) {
                    links.wait(parent, id);
                }
            }
        }
        self.pieces.push_back(piece);
    }

    /// Takes the oldest piece out.
    pub(super) fn pop(&mut self, id: TraceId, links: &mut Links) -> Option<Arc<Piece>> {
        let piece = self.pieces.pop_front()?;
        for (_, _, span) in spans(&piece.batch) {
            self.forget(span.span_id(), links.digest(span.wire()), id, links);
            if let Some(parent) = span.parent_span_id()
                && let Some(count) = self.parents.get_mut(&parent)
            {
                *count -= 1;
                if *count == 0 {
                    self.parents.remove(&parent);
                    links.stop_waiting(parent, id);
                }
            }
        }
        Some(piece)
    }

    fn forget(&mut self, span: SpanId, digest: u64, id: TraceId, links: &mut Links) {
        let Some(first) = self.spans.get_mut(&span) else {
            return;
        };
        if let Some(others) = self.more.get_mut(&span) {
            match others.iter().position(|other| *other == digest) {
                Some(place) => drop(others.swap_remove(place)),
                None => *first = others.pop().unwrap_or(*first),
            }
            if others.is_empty() {
                self.more.remove(&span);
            }
            return;
        }
        self.spans.remove(&span);
        links.remove_owner(span, id);
        if self.parents.contains_key(&span) {
            links.wait(span, id);
        }
    }
}
