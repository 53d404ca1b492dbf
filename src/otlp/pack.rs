//! Splitting: fills batches greedily within two bounds, whole chunks and resources as slices, and what is too large by scope
//! and by span with the headers repeated. Loses and reorders nothing.

use std::{borrow::Cow, collections::HashMap};

use bytes::Bytes;

use super::TraceBatch;
use super::schema::{RESOURCE_SPANS_TAG, SCOPE_SPANS_TAG, SPANS_TAG};
use super::wire::{Field, Raw, bodies, field_len, fields, put_frame};

/// Fills batches, one after the other.
pub(super) struct Packer {
    max_spans: usize,
    max_bytes: usize,
    full: Vec<TraceBatch>,
    current: TraceBatch,
}

/// A part of a resource under construction: the header that every part repeats, and the items taken so far.
struct Part<'a> {
    /// Fields of the message that are not its items, in order.
    header: Vec<&'a [u8]>,
    header_len: usize,
    items: Vec<Cow<'a, [u8]>>,
    items_len: usize,
    spans: usize,
}

impl<'a> Part<'a> {
    fn new(wire: &'a [u8], item_tag: u8) -> Part<'a> {
        let header: Vec<&[u8]> = fields(wire)
            .filter(|field| field.tag != u32::from(item_tag))
            .map(|field| field.whole)
            .collect();
        Part {
            header_len: header.iter().map(|field| field.len()).sum(),
            header,
            items: Vec::new(),
            items_len: 0,
            spans: 0,
        }
    }

    /// Length of the message with `more` bytes of items added.
    fn len_with(&self, more: usize) -> usize {
        self.header_len + self.items_len + more
    }

    /// Takes one more item, with its spans.
    fn add(&mut self, item: Cow<'a, [u8]>, spans: usize) {
        self.items_len += item.len();
        self.spans += spans;
        self.items.push(item);
    }

    /// The message as a field, with the number of its spans. Starts anew with the same header.
    fn flush(&mut self, tag: u8) -> (Vec<u8>, usize) {
        let len = self.len_with(0);
        let mut out = Vec::with_capacity(field_len(len));
        put_frame(&mut out, tag, len);
        self.header.iter().for_each(|field| out.extend_from_slice(field));
        self.items.drain(..).for_each(|item| out.extend_from_slice(&item));
        self.items_len = 0;
        (out, std::mem::take(&mut self.spans))
    }
}

impl Packer {
    /// With bounds that are not 0.
    pub(super) fn new(max_spans: usize, max_bytes: usize) -> Packer {
        Packer {
            max_spans,
            max_bytes,
            full: Vec::new(),
            current: TraceBatch::default(),
        }
    }

    /// Whether so much more fits into the current batch.
    pub(super) fn takes(&self, spans: usize, bytes: usize) -> bool {
        self.current.span_count() + spans <= self.max_spans && self.current.byte_len() + bytes <= self.max_bytes
    }

    /// Whether so much fits into a batch of its own.
    fn can_ever_take(&self, spans: usize, bytes: usize) -> bool {
        spans <= self.max_spans && bytes <= self.max_bytes
    }

    fn next_batch(&mut self) {
        if self.current.byte_len() > 0 {
            self.full.push(std::mem::take(&mut self.current));
        }
    }

    /// All batches.
    pub(super) fn finish(mut self) -> Vec<TraceBatch> {
        self.next_batch();
        self.full
    }

    /// Adds a chunk: whole where it fits, else resource by resource, neighbors as one slice.
    pub(super) fn chunk(&mut self, chunk: &Bytes, spans: usize) {
        if self.takes(spans, chunk.len()) {
            return self.current.push(chunk.clone(), spans);
        }
        // The slice that grows as long as the current batch takes more of it.
        let (mut from, mut to, mut sliced) = (0, 0, 0);
        for field in fields(chunk) {
            let spans = match field.raw {
                Raw::Bytes(resource) if field.tag == u32::from(RESOURCE_SPANS_TAG) => count_spans(resource),
                _ => 0,
            };
            let end = to + field.whole.len();
            if !self.takes(sliced + spans, end - from) {
                self.current.push(chunk.slice(from..to), sliced);
                (from, sliced) = (to, 0);
                match field.raw {
                    Raw::Bytes(resource) if spans > 0 && !self.can_ever_take(spans, field.whole.len()) => {
                        self.resource(resource);
                        from = end;
                    }
                    _ => {
                        self.next_batch();
                        sliced = spans;
                    }
                }
            } else {
                sliced += spans;
            }
            to = end;
        }
        self.current.push(chunk.slice(from..to), sliced);
    }

    /// Adds a resource that is too large for one batch. Where what every part repeats takes most of a batch, each part has at least as many
    /// bytes of spans as of that, however large it is: a resource of 4 MB would else be copied to every span.
    fn resource(&mut self, wire: &[u8]) {
        let repeated = repeated_len(wire);
        if repeated <= self.max_bytes / 4 * 3 {
            return self.scopes(wire);
        }
        self.next_batch();
        let max_bytes = self.max_bytes;
        self.max_bytes = max_bytes.max(2 * repeated);
        self.scopes(wire);
        self.next_batch();
        self.max_bytes = max_bytes;
    }

    /// Adds a resource scope by scope.
    fn scopes(&mut self, wire: &[u8]) {
        let mut resource = Part::new(wire, SCOPE_SPANS_TAG);
        for field in fields(wire).filter(|field| field.tag == u32::from(SCOPE_SPANS_TAG)) {
            let Some(body) = field.raw.bytes() else { continue };
            let spans = bodies(body, SPANS_TAG).count();
            let alone = field_len(resource.header_len + field.whole.len());
            if !self.takes(resource.spans + spans, field_len(resource.len_with(field.whole.len()))) {
                if spans > 0 && !self.can_ever_take(spans, alone) {
                    self.scope(&mut resource, body);
                    continue;
                }
                self.close(&mut resource);
                self.next_batch();
            }
            resource.add(Cow::Borrowed(field.whole), spans);
        }
        self.close(&mut resource);
    }

    /// Adds a scope that is too large for one batch, span by span.
    fn scope(&mut self, resource: &mut Part<'_>, wire: &[u8]) {
        let mut scope = Part::new(wire, SPANS_TAG);
        for field in fields(wire).filter(|field| field.tag == u32::from(SPANS_TAG)) {
            let more = field_len(scope.len_with(field.whole.len()));
            if !self.takes(resource.spans + scope.spans + 1, field_len(resource.len_with(more))) {
                close_scope(&mut scope, resource);
                self.close(resource);
                self.next_batch();
            }
            scope.add(Cow::Borrowed(field.whole), 1);
        }
        close_scope(&mut scope, resource);
    }

    /// Puts what was collected of a resource into the current batch.
    fn close(&mut self, resource: &mut Part<'_>) {
        if !resource.items.is_empty() {
            let (wire, spans) = resource.flush(RESOURCE_SPANS_TAG);
            self.current.push(Bytes::from(wire), spans);
        }
    }
}

fn close_scope(scope: &mut Part<'_>, resource: &mut Part<'_>) {
    if !scope.items.is_empty() {
        let (wire, spans) = scope.flush(SCOPE_SPANS_TAG);
        resource.add(Cow::Owned(wire), spans);
    }
}

/// The resources of a batch that have spans, equal ones in one part; see [`TraceBatch::by_resource`].
pub(super) fn by_resource(batch: &TraceBatch) -> Vec<TraceBatch> {
    let mut parts: Vec<TraceBatch> = Vec::new();
    // What a resource is, is all that its message holds beside the scopes.
    let mut places: HashMap<Vec<&[u8]>, usize> = HashMap::new();
    for chunk in batch.chunks() {
        for field in fields(chunk).filter(|field| field.tag == u32::from(RESOURCE_SPANS_TAG)) {
            let Some(resource) = field.raw.bytes() else { continue };
            let spans = count_spans(resource);
            if spans == 0 {
                continue;
            }
            let is_header = |field: &Field<'_>| field.tag != u32::from(SCOPE_SPANS_TAG);
            let identity = fields(resource).filter(is_header).map(|field| field.whole).collect();
            let place = *places.entry(identity).or_insert(parts.len());
            if place == parts.len() {
                parts.push(TraceBatch::default());
            }
            parts[place].push(chunk.slice_ref(field.whole), spans);
        }
    }
    parts
}

/// Bytes that parts of a resource repeat at most: what the resource is, and its largest scope without spans.
fn repeated_len(resource: &[u8]) -> usize {
    let scopes = bodies(resource, SCOPE_SPANS_TAG).map(|scope| Part::new(scope, SPANS_TAG).header_len);
    Part::new(resource, SCOPE_SPANS_TAG).header_len + scopes.max().unwrap_or(0)
}

fn count_spans(resource: &[u8]) -> usize {
    bodies(resource, SCOPE_SPANS_TAG)
        .map(|scope| bodies(scope, SPANS_TAG).count())
        .sum()
}
