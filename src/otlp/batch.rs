//! `TraceBatch`: the wire bytes of one or more `ExportTraceServiceRequest`s, known to be valid. Cloning, appending and
//! splitting between resources copy nothing; nothing is lost or reordered.

use bytes::Bytes;

use super::ResourceSpansRef;
use super::pack::{self, Packer};
use super::schema::RESOURCE_SPANS_TAG;
use super::wire::bodies;

/// Validated OTLP trace data. The chunks, one after the other, are the bytes of one `ExportTraceServiceRequest`.
#[derive(Debug, Clone, Default)]
pub struct TraceBatch {
    chunks: Vec<Bytes>,
    /// Spans of each chunk.
    counts: Vec<usize>,
    spans: usize,
    bytes: usize,
}

impl TraceBatch {
    /// Bytes that are known to be valid, with the spans in them counted. Only this module's siblings vouch for that.
    pub(super) fn trusted(wire: Bytes, spans: usize) -> TraceBatch {
        let mut batch = TraceBatch::default();
        batch.push(wire, spans);
        batch
    }

    /// Adds trusted bytes; nothing, where there are none.
    pub(super) fn push(&mut self, wire: Bytes, spans: usize) {
        if !wire.is_empty() {
            self.spans += spans;
            self.bytes += wire.len();
            self.chunks.push(wire);
            self.counts.push(spans);
        }
    }

    /// Shows every chunk to `replace`, with the number of its spans, and puts what it answers in the chunk's place. A batch
    /// of which nothing is replaced costs nothing.
    pub(super) fn replace_chunks(
        mut self,
        mut replace: impl FnMut(&Bytes, usize) -> Option<(Bytes, usize)>,
    ) -> TraceBatch {
        let mut replaced = false;
        for (chunk, count) in self.chunks.iter_mut().zip(&mut self.counts) {
            if let Some(new) = replace(chunk, *count) {
                (*chunk, *count) = new;
                replaced = true;
            }
        }
        if !replaced {
            return self;
        }
        let mut batch = TraceBatch::default();
        for (chunk, count) in self.into_counted_chunks() {
            batch.push(chunk, count);
        }
        batch
    }

    /// The chunks, each with the number of its spans.
    pub(super) fn into_counted_chunks(self) -> impl Iterator<Item = (Bytes, usize)> {
        self.chunks.into_iter().zip(self.counts)
    }

    /// Number of spans.
    pub fn span_count(&self) -> usize {
        self.spans
    }

    /// Length on the wire, uncompressed, in bytes.
    pub fn byte_len(&self) -> usize {
        self.bytes
    }

    /// True without any span.
    pub fn is_empty(&self) -> bool {
        self.spans == 0
    }

    /// The pieces whose concatenation is the request; each is a valid request by itself.
    pub fn chunks(&self) -> &[Bytes] {
        &self.chunks
    }

    /// Takes the pieces out, to be written one after the other.
    pub fn into_chunks(self) -> Vec<Bytes> {
        self.chunks
    }

    /// The request in one piece. Copies where there are several.
    pub fn into_contiguous(mut self) -> Bytes {
        match self.chunks.len() {
            0 => Bytes::new(),
            1 => self.chunks.remove(0),
            _ => Bytes::from(self.chunks.concat()),
        }
    }

    /// Adds the other batch's spans behind this one's. Copies no span.
    pub fn append(&mut self, other: TraceBatch) {
        self.spans += other.spans;
        self.bytes += other.bytes;
        self.chunks.extend(other.chunks);
        self.counts.extend(other.counts);
    }

    /// Cuts into batches of at most `max_spans` spans and `max_bytes` bytes (0 = no bound), in order: between resources
    /// where that is enough (no copy), else between scopes, else between spans with the headers repeated. A single span
    /// larger than `max_bytes` stands alone. Where a resource alone takes more than three quarters of `max_bytes`, a part may be twice as large
    /// as the resource: all parts together stay in proportion to the batch.
    pub fn split(self, max_spans: usize, max_bytes: usize) -> Vec<TraceBatch> {
        let bound = |max: usize| if max == 0 { usize::MAX } else { max };
        let mut packer = Packer::new(bound(max_spans), bound(max_bytes));
        if packer.takes(self.spans, self.bytes) {
            return vec![self];
        }
        for (chunk, spans) in self.into_counted_chunks() {
            packer.chunk(&chunk, spans);
        }
        packer.finish()
    }

    /// Parts the batch by resource: all spans of equal resources together, in order of appearance. Copies nothing. What has no
    /// spans is left out, unless nothing has any.
    pub fn by_resource(self) -> Vec<TraceBatch> {
        let parts = pack::by_resource(&self);
        if parts.len() > 1 { parts } else { vec![self] }
    }

    /// Every resource with its scopes and spans, in order.
    pub fn resource_spans(&self) -> impl Iterator<Item = ResourceSpansRef<'_>> {
        let resources = self.chunks.iter().flat_map(|chunk| bodies(chunk, RESOURCE_SPANS_TAG));
        resources.map(|wire| ResourceSpansRef { wire })
    }
}
