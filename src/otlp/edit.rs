//! Edits on wire bytes: one copy of an edited span with the length prefixes around it fixed; everything else, unknown
//! fields included, stays as it came. Keys stay unique. Knows nothing of what the edits mean.

use std::ops::Range;

use super::encode::{put_attribute, put_event};
use super::schema::{SPAN_ATTRIBUTES_TAG, SPAN_EVENTS_TAG, SPAN_NAME_TAG};
use super::splice::Plan;
use super::wire::{LEN, bodies, key, put_frame};
use super::{EventRef, KeyValueRef, ResourceSpansRef, ScopeSpansRef, SpanRef, TraceBatch, ValueRef};

/// A value to be written.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A string.
    Str(&'a str),
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// A list of strings.
    Strings(&'a [&'a str]),
    /// A value copied from elsewhere. A tree that would be nested too deep in its new place is written as no value.
    Copy(ValueRef<'a>),
}

/// What becomes of one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Leave it, byte for byte.
    Keep,
    /// Remove it. Scopes and resources that become empty go with it.
    Drop,
    /// Apply what was written into the [`SpanEdit`].
    Apply,
}

/// The changes to one span, collected in buffers that are reused from span to span. What is set, added or appended goes to
/// the end of the span: attributes, events and the name, each in the order of the calls.
#[derive(Debug, Default)]
pub struct SpanEdit {
    /// Keys, names and encoded fields of one chunk's edits, one after the other.
    scratch: Vec<u8>,
    rename: Rename,
    new_name: String,
    sets: Vec<Set>,
    /// Keys to be removed.
    deletes: Vec<Range<usize>>,
    /// Encoded events to be added.
    events: Vec<Range<usize>>,
    /// Names of events to be removed.
    event_deletes: Vec<Range<usize>>,
    /// Addresses of the bodies of attributes and events to be removed, ascending per call.
    cut: Vec<usize>,
    /// Bit n is set if a key of length n (mod 64) is set or deleted: most attributes need no comparison.
    key_lengths: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Rename {
    #[default]
    No,
    Replace,
    Append,
}

#[derive(Debug)]
struct Set {
    key: Range<usize>,
    field: Range<usize>,
}

impl SpanEdit {
    /// Replaces the name.
    pub fn set_name(&mut self, name: &str) {
        self.rename = Rename::Replace;
        self.new_name.clear();
        self.new_name.push_str(name);
    }

    /// Appends to the name.
    pub fn append_to_name(&mut self, suffix: &str) {
        if self.rename == Rename::No {
            self.rename = Rename::Append;
            self.new_name.clear();
        }
        self.new_name.push_str(suffix);
    }

    /// Sets an attribute, whether or not the key is there. Of several calls with one key the last one counts.
    pub fn set(&mut self, key: &str, value: Value<'_>) {
        self.forget(key);
        self.key_lengths |= length_bit(key.as_bytes());
        let start = self.scratch.len();
        let key = put_attribute(&mut self.scratch, SPAN_ATTRIBUTES_TAG, key, value);
        let field = start..self.scratch.len();
        self.sets.push(Set { key, field });
    }

    /// Removes the attributes with that key, those that were set before this call too.
    pub fn delete(&mut self, key: &str) {
        self.forget(key);
        self.key_lengths |= length_bit(key.as_bytes());
        let key = self.keep_text(key);
        self.deletes.push(key);
    }

    /// Removes those attributes of `span`, the span that is being edited, that `unwanted` picks. One pass over the span, so
    /// this is the way to remove many.
    pub fn delete_where(&mut self, span: &SpanRef<'_>, mut unwanted: impl FnMut(&KeyValueRef<'_>) -> bool) {
        let picked = span.attributes().filter(|attribute| unwanted(attribute));
        self.cut.extend(picked.map(|attribute| attribute.wire.as_ptr().addr()));
    }

    /// Adds an event behind those that are there.
    pub fn add_event(&mut self, time_unix_nano: u64, name: &str, attributes: &[(&str, Value<'_>)]) {
        let start = self.scratch.len();
        put_event(&mut self.scratch, time_unix_nano, name, attributes);
        self.events.push(start..self.scratch.len());
    }

    /// Removes the events with that name from those that the span came with.
    pub fn delete_events(&mut self, name: &str) {
        let name = self.keep_text(name);
        self.event_deletes.push(name);
    }

    /// Removes those events of `span`, the span that is being edited, that `unwanted` picks.
    pub fn delete_events_where(&mut self, span: &SpanRef<'_>, mut unwanted: impl FnMut(&EventRef<'_>) -> bool) {
        let picked = span.events().filter(|event| unwanted(event));
        self.cut.extend(picked.map(|event| event.wire.as_ptr().addr()));
    }

    /// True as long as nothing was asked for.
    pub fn is_empty(&self) -> bool {
        self.rename == Rename::No
            && self.sets.is_empty()
            && self.deletes.is_empty()
            && self.events.is_empty()
            && self.event_deletes.is_empty()
            && self.cut.is_empty()
    }

    fn keep_text(&mut self, text: &str) -> Range<usize> {
        let start = self.scratch.len();
        self.scratch.extend_from_slice(text.as_bytes());
        start..self.scratch.len()
    }

    fn forget(&mut self, key: &str) {
        if self.key_lengths & length_bit(key.as_bytes()) != 0 {
            let scratch = &self.scratch;
            self.sets.retain(|set| scratch[set.key.clone()] != *key.as_bytes());
        }
    }

    /// Forgets the last span's changes. What they wrote stays in `scratch` until [`SpanEdit::start_chunk`].
    pub(super) fn start_span(&mut self) {
        self.rename = Rename::No;
        self.sets.clear();
        self.deletes.clear();
        self.events.clear();
        self.event_deletes.clear();
        self.cut.clear();
        self.key_lengths = 0;
    }

    /// Forgets everything.
    pub(super) fn start_chunk(&mut self) {
        self.start_span();
        self.scratch.clear();
    }

    /// What the ranges that [`SpanEdit::added`] yields point into.
    pub(super) fn scratch(&self) -> &[u8] {
        &self.scratch
    }

    /// Gets ready to be applied: sorts what is searched.
    pub(super) fn finish(&mut self) -> Changes<'_> {
        self.cut.sort_unstable();
        Changes { edit: self }
    }
}

/// The bit of [`SpanEdit::key_lengths`] for a key.
#[inline]
fn length_bit(key: &[u8]) -> u64 {
    1 << (key.len() & 63)
}

/// A finished edit: which of the span's fields stay, and what is added.
pub(super) struct Changes<'a> {
    edit: &'a mut SpanEdit,
}

impl Changes<'_> {
    /// Whether a field of the span, as [`step`](super::wire::step) has it, stays as it is.
    #[inline]
    pub(super) fn keeps(&self, field: u8, body: &[u8]) -> bool {
        const NAME: u8 = key(SPAN_NAME_TAG, LEN);
        const ATTRIBUTE: u8 = key(SPAN_ATTRIBUTES_TAG, LEN);
        const EVENT: u8 = key(SPAN_EVENTS_TAG, LEN);
        match field {
            ATTRIBUTE => self.keeps_attribute(body) && !self.is_cut(body),
            NAME => self.edit.rename == Rename::No,
            EVENT => self.keeps_event(body) && !self.is_cut(body),
            _ => true,
        }
    }

    fn is_cut(&self, wire: &[u8]) -> bool {
        !self.edit.cut.is_empty() && self.edit.cut.binary_search(&wire.as_ptr().addr()).is_ok()
    }

    #[inline]
    fn keeps_attribute(&self, wire: &[u8]) -> bool {
        if self.edit.key_lengths == 0 {
            return true;
        }
        let key = KeyValueRef { wire }.key_bytes();
        self.edit.key_lengths & length_bit(key) == 0 || !self.names(key)
    }

    /// Whether that very key is set or deleted.
    fn names(&self, key: &[u8]) -> bool {
        let edit = &*self.edit;
        let mut keys = edit.sets.iter().map(|set| &set.key).chain(&edit.deletes);
        keys.any(|range| edit.scratch[range.clone()] == *key)
    }

    fn keeps_event(&self, wire: &[u8]) -> bool {
        if self.edit.event_deletes.is_empty() {
            return true;
        }
        let name = bodies(wire, 2).last().unwrap_or_default();
        self.edit
            .event_deletes
            .iter()
            .all(|range| self.edit.scratch[range.clone()] != *name)
    }

    /// Ranges of the scratch buffer that are appended to the span, whose name was `old_name`. The new name comes last: it
    /// is written only now, so that all of them are one piece in most cases.
    pub(super) fn added(&mut self, old_name: &[u8]) -> impl Iterator<Item = Range<usize>> {
        let edit = &mut *self.edit;
        let kept = match edit.rename {
            Rename::Append => old_name,
            Rename::No | Rename::Replace => &[],
        };
        let start = edit.scratch.len();
        if edit.rename != Rename::No {
            put_frame(&mut edit.scratch, SPAN_NAME_TAG, kept.len() + edit.new_name.len());
            edit.scratch.extend_from_slice(kept);
            edit.scratch.extend_from_slice(edit.new_name.as_bytes());
        }
        let name = Some(start..edit.scratch.len()).filter(|name| !name.is_empty());
        let sets = edit.sets.iter().map(|set| set.field.clone());
        sets.chain(edit.events.iter().cloned()).chain(name)
    }
}

/// Shows every span to `decide` with its resource and scope, and carries out what it answers. Returns the batch itself,
/// same bytes, when every answer was [`Edit::Keep`].
pub fn edit_spans<F>(batch: TraceBatch, mut decide: F) -> TraceBatch
where
    F: FnMut(&ResourceSpansRef<'_>, &ScopeSpansRef<'_>, &SpanRef<'_>, &mut SpanEdit) -> Edit,
{
    let mut edit = SpanEdit::default();
    let mut plan = Plan::default();
    batch.replace_chunks(|chunk, spans| {
        edit.start_chunk();
        plan.make(chunk, &mut edit, &mut decide);
        let left = plan.outcome(spans)?;
        Some((plan.carry_out(chunk, edit.scratch()), left))
    })
}
