//! `SpanBuilder`: writes a span straight into wire bytes, for the gateway's hot path, generators and tests. What it makes
//! passes `validate` by construction.

use bytes::Bytes;

use super::encode::{put_attribute, put_event, put_fixed32};
use super::schema::{RESOURCE_SPANS_TAG, SCOPE_SPANS_TAG, SPAN_ATTRIBUTES_TAG, SPAN_NAME_TAG, SPANS_TAG};
use super::wire::{field_len, put_bytes, put_fixed64, put_frame, put_uint};
use super::{SpanId, TraceBatch, TraceId, Value};

/// One span under construction.
#[derive(Debug, Clone)]
pub struct SpanBuilder {
    wire: Vec<u8>,
}

impl SpanBuilder {
    /// A span with its ids and name. The ids must not be zero.
    pub fn new(trace_id: TraceId, span_id: SpanId, name: &str) -> SpanBuilder {
        debug_assert!(!trace_id.is_zero() && !span_id.is_zero(), "ids are not zero");
        let mut wire = Vec::with_capacity(512);
        put_bytes(&mut wire, 1, &trace_id.0);
        put_bytes(&mut wire, 2, &span_id.0);
        put_bytes(&mut wire, SPAN_NAME_TAG, name.as_bytes());
        SpanBuilder { wire }
    }
    /// Parent span id.
    pub fn parent(mut self, parent: SpanId) -> SpanBuilder {
        put_bytes(&mut self.wire, 4, &parent.0);
        self
    }
    /// W3C `tracestate`.
    pub fn trace_state(mut self, trace_state: &str) -> SpanBuilder {
        put_bytes(&mut self.wire, 3, trace_state.as_bytes());
        self
    }
    /// Flags: the W3C trace flags in the low byte, and whether the parent is remote (`SpanFlags`).
    pub fn flags(mut self, flags: u32) -> SpanBuilder {
        put_fixed32(&mut self.wire, 16, flags);
        self
    }
    /// Kind, 0–5.
    pub fn kind(mut self, kind: i32) -> SpanBuilder {
        put_uint(&mut self.wire, 6, kind as u64);
        self
    }
    /// Start and end, nanoseconds since the Unix epoch.
    pub fn times(mut self, start_unix_nano: u64, end_unix_nano: u64) -> SpanBuilder {
        put_fixed64(&mut self.wire, 7, start_unix_nano);
        put_fixed64(&mut self.wire, 8, end_unix_nano);
        self
    }
    /// Adds an attribute. The caller keeps keys unique.
    pub fn attribute(mut self, key: &str, value: Value<'_>) -> SpanBuilder {
        put_attribute(&mut self.wire, SPAN_ATTRIBUTES_TAG, key, value);
        self
    }
    /// Adds an event.
    pub fn event(mut self, time_unix_nano: u64, name: &str, attributes: &[(&str, Value<'_>)]) -> SpanBuilder {
        put_event(&mut self.wire, time_unix_nano, name, attributes);
        self
    }
    /// Adds a link to another span. The ids must not be zero.
    pub fn link(mut self, trace_id: TraceId, span_id: SpanId, attributes: &[(&str, Value<'_>)]) -> SpanBuilder {
        let mut link = Vec::with_capacity(64);
        put_bytes(&mut link, 1, &trace_id.0);
        put_bytes(&mut link, 2, &span_id.0);
        for (key, value) in attributes {
            put_attribute(&mut link, 4, key, *value);
        }
        put_bytes(&mut self.wire, 13, &link);
        self
    }
    /// Status: 0 unset, 1 ok, 2 error, with the message of an error.
    pub fn status(mut self, code: i32, message: &str) -> SpanBuilder {
        let mut status = Vec::with_capacity(message.len() + 16);
        if !message.is_empty() {
            put_bytes(&mut status, 2, message.as_bytes());
        }
        put_uint(&mut status, 3, code as u64);
        put_bytes(&mut self.wire, 15, &status);
        self
    }
    /// Length of the encoded span so far, in bytes.
    pub fn byte_len(&self) -> usize {
        self.wire.len()
    }
    /// Makes room for so many bytes, where it is known that they come.
    pub fn reserve(mut self, bytes: usize) -> SpanBuilder {
        self.wire.reserve(bytes);
        self
    }
    /// A batch of the spans, under one resource and one scope (name and version).
    pub fn batch(
        resource: &[(&str, Value<'_>)],
        scope: (&str, &str),
        spans: impl IntoIterator<Item = SpanBuilder>,
    ) -> TraceBatch {
        BatchHead::new(resource, scope).batch(spans)
    }
}

/// A resource and a scope, encoded once for many batches.
#[derive(Debug, Clone)]
pub struct BatchHead {
    resource: Vec<u8>,
    scope: Vec<u8>,
}

impl BatchHead {
    /// Attributes of the resource; name and version of the scope.
    pub fn new(resource: &[(&str, Value<'_>)], scope: (&str, &str)) -> BatchHead {
        let mut resource_wire = Vec::with_capacity(256);
        for (key, value) in resource {
            put_attribute(&mut resource_wire, 1, key, *value);
        }
        let mut scope_wire = Vec::with_capacity(64);
        for (tag, text) in [(1, scope.0), (2, scope.1)] {
            if !text.is_empty() {
                put_bytes(&mut scope_wire, tag, text.as_bytes());
            }
        }
        BatchHead {
            resource: resource_wire,
            scope: scope_wire,
        }
    }

    /// A batch of the spans below it.
    pub fn batch(&self, spans: impl IntoIterator<Item = SpanBuilder>) -> TraceBatch {
        let spans: Vec<SpanBuilder> = spans.into_iter().collect();
        if spans.is_empty() {
            return TraceBatch::default();
        }
        let spans_len: usize = spans.iter().map(|span| field_len(span.wire.len())).sum();
        let scope_spans_len = field_len(self.scope.len()) + spans_len;
        let resource_spans_len = field_len(self.resource.len()) + field_len(scope_spans_len);
        let mut wire = Vec::with_capacity(field_len(resource_spans_len));
        put_frame(&mut wire, RESOURCE_SPANS_TAG, resource_spans_len);
        put_bytes(&mut wire, 1, &self.resource);
        put_frame(&mut wire, SCOPE_SPANS_TAG, scope_spans_len);
        put_bytes(&mut wire, 1, &self.scope);
        for span in &spans {
            put_bytes(&mut wire, SPANS_TAG, &span.wire);
        }
        TraceBatch::trusted(Bytes::from(wire), spans.len())
    }
}
