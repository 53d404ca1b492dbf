//! Who holds which span, and who waits for which parent: the links by which traces under different ids are joined.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{digest, spans};
use crate::otlp::{SpanId, TraceBatch, TraceId};

const FIRST: TraceId = TraceId([0; 16]);
const LAST: TraceId = TraceId([0xff; 16]);

/// Links between trace ids.
#[derive(Default)]
pub(super) struct Links {
    /// Which traces hold a span of that id.
    owners: BTreeSet<(SpanId, TraceId)>,
    /// Which traces name a parent of that id.
    children: BTreeSet<(SpanId, TraceId)>,
}

impl Links {
    /// Whether nothing is left, as it must be when nothing is held.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.owners.is_empty() && self.children.is_empty()
    }

    /// The trace that holds a span of that id; none where several do, since then the link says nothing.
    fn owner(&self, span: SpanId) -> Option<TraceId> {
        let mut owners = self.owners.range((span, FIRST)..=(span, LAST));
        let first = owners.next()?;
        owners.next().is_none().then_some(first.1)
    }
}

/// What is held of one trace id.
#[derive(Default)]
pub(super) struct Entry {
    /// Its newest arrival.
    pub(super) sequence: u64,
    pieces: VecDeque<TraceBatch>,
    /// Digests of the spans with that id: more than one where an emitter sent different ones.
    spans: HashMap<SpanId, Vec<u64>>,
    /// How many spans name that parent.
    parents: HashMap<SpanId, usize>,
}

impl Entry {
    pub(super) fn has(&self, span: SpanId, digest: u64) -> bool {
        self.spans.get(&span).is_some_and(|digests| digests.contains(&digest))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn batches(&self) -> impl Iterator<Item = &TraceBatch> {
        self.pieces.iter()
    }

    /// Adds a piece that holds spans of this trace only.
    pub(super) fn push(&mut self, id: TraceId, piece: TraceBatch, links: &mut Links) {
        for (_, _, span) in spans(&piece) {
            self.spans.entry(span.span_id()).or_default().push(digest(span.wire()));
            links.owners.insert((span.span_id(), id));
            if let Some(parent) = span.parent_span_id() {
                *self.parents.entry(parent).or_default() += 1;
                links.children.insert((parent, id));
            }
        }
        self.pieces.push_back(piece);
    }

    /// Takes the oldest piece out.
    pub(super) fn pop(&mut self, id: TraceId, links: &mut Links) -> Option<TraceBatch> {
        let piece = self.pieces.pop_front()?;
        for (_, _, span) in spans(&piece) {
            if let Some(digests) = self.spans.get_mut(&span.span_id()) {
                let digest = digest(span.wire());
                if let Some(place) = digests.iter().position(|known| *known == digest) {
                    digests.swap_remove(place);
                }
                if digests.is_empty() {
                    self.spans.remove(&span.span_id());
                    links.owners.remove(&(span.span_id(), id));
                }
            }
            let Some(parent) = span.parent_span_id() else {
                continue;
            };
            if let Some(count) = self.parents.get_mut(&parent) {
                *count -= 1;
                if *count == 0 {
                    self.parents.remove(&parent);
                    links.children.remove(&(parent, id));
                }
            }
        }
        Some(piece)
    }

    /// Traces that hold the parent of one of these spans, and traces whose spans have their parent here.
    pub(super) fn neighbors(&self, id: TraceId, links: &Links, all: &HashMap<TraceId, Entry>) -> Vec<TraceId> {
        let missing = self.parents.keys().filter(|parent| !self.spans.contains_key(parent));
        let mut found: Vec<TraceId> = missing.filter_map(|parent| links.owner(*parent)).collect();
        for span in self.spans.keys() {
            let mut waiting = links.children.range((*span, FIRST)..=(*span, LAST)).peekable();
            if waiting.peek().is_none() || links.owner(*span) != Some(id) {
                continue;
            }
            let others = waiting.map(|(_, other)| *other).filter(|other| *other != id);
            found.extend(others.filter(|other| !all[other].spans.contains_key(span)));
        }
        found
    }
}
