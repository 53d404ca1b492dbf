//! What is held now, behind the store's lock: traces by id, in the order in which they go, and grouped into what is shown as one
//! trace. Nothing in here takes longer than the change that it is told, so that nobody who brings spans waits for a reader.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use super::{
    Dropped, Limits,
    held::{Held, Piece},
    index::{Entry, Links},
    journal::Changes,
};
use crate::otlp::{TraceBatch, TraceId};

/// What a span costs beside its wire bytes: its part in the index. Measured, see `benches/viewer`.
const SPAN_OVERHEAD: usize = 100;
/// What a piece costs beside its spans.
const PIECE_OVERHEAD: usize = 360;
/// What a trace costs beside its pieces: its maps and its line in lists.
const TRACE_OVERHEAD: usize = 1200;

#[derive(Default)]
pub(super) struct State {
    pub(super) entries: HashMap<TraceId, Entry>,
    /// Trace ids by age.
    pub(super) by_age: BTreeSet<(u64, TraceId)>,
    pub(super) links: Links,
    /// What is shown as one trace, by its newest arrival.
    groups: BTreeMap<u64, Arc<Held>>,
    /// Traces whose group must be found again.
    loose: BTreeSet<TraceId>,
    /// The newest arrival.
    pub(super) sequence: u64,
    pub(super) bytes: usize,
    pub(super) dropped: Dropped,
    /// Counts pieces that came or went.
    pub(super) changed: u64,
    /// What a file does not have yet; none where there is no file that can be written now.
    pub(super) unsaved: Option<Changes>,
}

impl State {
    /// Takes a piece of that trace as the newest.
    pub(super) fn insert(&mut self, id: TraceId, batch: TraceBatch) {
        let piece = Arc::new(Piece {
            sequence: self.sequence + 1,
            batch,
        });
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.put(Arc::clone(&piece));
        }
        self.restore(id, piece);
    }

    /// Takes a piece with the place that it has had, newer than all that are here.
    pub(super) fn restore(&mut self, id: TraceId, piece: Arc<Piece>) {
        self.sequence = piece.sequence;
        self.changed += 1;
        if !self.entries.contains_key(&id) {
            self.bytes += TRACE_OVERHEAD;
        }
        self.bytes += cost(&piece);
        let entry = self.entries.entry(id).or_default();
        self.by_age.remove(&(entry.age, id));
        entry.sequence = piece.sequence;
        entry.age = piece.sequence;
        self.by_age.insert((entry.age, id));
        entry.push(id, piece, &mut self.links);
        self.loosen(id);
        self.loosen_touched();
    }

    /// Drops the oldest until the limits hold.
    pub(super) fn shrink(&mut self, limits: Limits) {
        while self.entries.len() > limits.max_traces || self.bytes > limits.max_bytes {
            let Some((age, id)) = self.by_age.first().copied() else {
                return;
            };
            let members = self.component(id);
            if members.len() == self.entries.len() {
                self.drop_oldest_piece(id);
                continue;
            }
            let newest = members.iter().map(|id| self.entries[id].age).max();
            if let Some(newest) = newest.filter(|newest| *newest > age) {
                // Part of a trace that is still growing: it is as young as its youngest part.
                self.by_age.remove(&(age, id));
                self.by_age.insert((newest, id));
                self.entries.get_mut(&id).expect("what has an age is held").age = newest;
                continue;
            }
            for id in members {
                self.remove(id);
            }
        }
    }

    /// Where one trace alone is too large, its oldest spans go.
    fn drop_oldest_piece(&mut self, id: TraceId) {
        self.loosen(id);
        self.pop(id);
        if self.entries[&id].is_empty() {
            self.remove(id);
        }
        self.loosen_touched();
    }

    fn pop(&mut self, id: TraceId) -> bool {
        let entry = self.entries.get_mut(&id);
        let Some(piece) = entry.and_then(|entry| entry.pop(id, &mut self.links)) else {
            return false;
        };
        self.changed += 1;
        self.bytes -= cost(&piece);
        self.dropped.spans += piece.batch.span_count() as u64;
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.remove(piece.sequence);
        }
        true
    }

    pub(super) fn remove(&mut self, id: TraceId) {
        if !self.entries.contains_key(&id) {
            return;
        }
        self.loosen(id);
        while self.pop(id) {}
        if let Some(entry) = self.entries.remove(&id) {
            self.by_age.remove(&(entry.age, id));
        }
        self.loose.remove(&id);
        self.bytes -= TRACE_OVERHEAD;
        self.dropped.traces += 1;
        self.loosen_touched();
    }

    /// The trace ids that are joined with that one, itself included.
    fn component(&self, id: TraceId) -> Vec<TraceId> {
        let mut members = vec![id];
        let mut known = HashSet::from([id]);
        let mut next = 0;
        while let Some(member) = members.get(next).copied() {
            next += 1;
            members.extend(self.links.neighbors(member).filter(|other| known.insert(*other)));
        }
        members
    }

    fn loosen_touched(&mut self) {
        for id in self.links.take_touched() {
            self.loosen(id);
        }
    }

    /// What that trace was grouped with is to be found again.
    fn loosen(&mut self, id: TraceId) {
        let Some(group) = self.entries.get(&id).map(|entry| entry.group) else {
            return;
        };
        let held = group.and_then(|group| self.groups.remove(&group));
        for member in held.iter().flat_map(|held| &held.trace_ids) {
            if let Some(entry) = self.entries.get_mut(member) {
                entry.group = None;
                self.loose.insert(*member);
            }
        }
        self.loose.insert(id);
    }

    /// Every trace, newest first. What did not change since the last call costs a pointer.
    pub(super) fn newest_first(&mut self) -> Vec<Arc<Held>> {
        self.group();
        self.groups.values().rev().cloned().collect()
    }

    /// How many traces there are, joined ones as one.
    pub(super) fn count(&mut self) -> usize {
        self.group();
        self.groups.len()
    }

    /// Finds the groups of what changed.
    fn group(&mut self) {
        while let Some(id) = self.loose.first().copied() {
            let mut members = self.component(id);
            members.sort_unstable();
            let pieces = members
                .iter()
                .flat_map(|id| self.entries[id].pieces())
                .cloned()
                .collect();
            let sequence = members.iter().map(|id| self.entries[id].sequence).max().unwrap_or(0);
            for member in &members {
                self.loose.remove(member);
                self.entries.get_mut(member).expect("a member is held").group = Some(sequence);
            }
            self.groups
                .insert(sequence, Arc::new(Held::new(sequence, members, pieces)));
        }
    }

    /// Every piece that is held.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &Arc<Piece>> {
        self.entries.values().flat_map(Entry::pieces)
    }
}

fn cost(piece: &Piece) -> usize {
    piece.batch.byte_len() + piece.batch.span_count() * SPAN_OVERHEAD + PIECE_OVERHEAD
}
