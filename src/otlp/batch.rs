//! `TraceBatch`: the wire bytes of one or more `ExportTraceServiceRequest`s, known to be valid. Cloning, appending and
//! splitting between resources copy nothing; nothing is lost or reordered.

use bytes::Bytes;

use super::ResourceSpansRef;

/// Validated OTLP trace data. The chunks, one after the other, are the bytes of one `ExportTraceServiceRequest`.
#[derive(Debug, Clone, Default)]
pub struct TraceBatch {
    chunks: Vec<Bytes>,
    spans: usize,
    bytes: usize,
}

impl TraceBatch {
    /// Bytes that are known to be valid, with the spans in them counted. Only this module's siblings vouch for that.
    pub(super) fn trusted(wire: Bytes, spans: usize) -> TraceBatch {
        let bytes = wire.len();
        TraceBatch {
            chunks: vec![wire],
            spans,
            bytes,
        }
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

    /// Adds the other batch's spans behind this one's. Copies no span.
    pub fn append(&mut self, other: TraceBatch) {
        self.spans += other.spans;
        self.bytes += other.bytes;
        self.chunks.extend(other.chunks);
    }

    /// Cuts into batches of at most `max_spans` spans and `max_bytes` bytes (0 = no bound), in order: between resources
    /// where that is enough (no copy), else between scopes, else between spans with the headers repeated. A single span
    /// larger than `max_bytes` stands alone.
    pub fn split(self, max_spans: usize, max_bytes: usize) -> Vec<TraceBatch> {
        let _ = (max_spans, max_bytes);
        todo!()
    }

    /// Every resource with its scopes and spans, in order.
    pub fn resource_spans(&self) -> impl Iterator<Item = ResourceSpansRef<'_>> {
        std::iter::empty()
    }
}
