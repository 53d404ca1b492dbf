//! `SpanBuilder`: writes a span straight into wire bytes, for the gateway's hot path, generators and tests. What it makes
//! passes `validate` by construction.

use super::{SpanId, TraceBatch, TraceId, Value};

/// One span under construction.
#[derive(Debug)]
pub struct SpanBuilder {
    _private: (),
}

impl SpanBuilder {
    /// A span with its ids and name. The ids must not be zero.
    pub fn new(trace_id: TraceId, span_id: SpanId, name: &str) -> SpanBuilder {
        let _ = (trace_id, span_id, name);
        todo!()
    }
    /// Parent span id.
    pub fn parent(self, parent: SpanId) -> SpanBuilder {
        let _ = parent;
        todo!()
    }
    /// Kind, 0–5.
    pub fn kind(self, kind: i32) -> SpanBuilder {
        let _ = kind;
        todo!()
    }
    /// Start and end, nanoseconds since the Unix epoch.
    pub fn times(self, start_unix_nano: u64, end_unix_nano: u64) -> SpanBuilder {
        let _ = (start_unix_nano, end_unix_nano);
        todo!()
    }
    /// Adds an attribute. The caller keeps keys unique.
    pub fn attribute(self, key: &str, value: Value<'_>) -> SpanBuilder {
        let _ = (key, value);
        todo!()
    }
    /// Adds an event.
    pub fn event(self, time_unix_nano: u64, name: &str, attributes: &[(&str, Value<'_>)]) -> SpanBuilder {
        let _ = (time_unix_nano, name, attributes);
        todo!()
    }
    /// Status: 0 unset, 1 ok, 2 error, with the message of an error.
    pub fn status(self, code: i32, message: &str) -> SpanBuilder {
        let _ = (code, message);
        todo!()
    }
    /// A batch of the spans, under one resource and one scope.
    pub fn batch(
        resource: &[(&str, Value<'_>)],
        scope: (&str, &str),
        spans: impl IntoIterator<Item = SpanBuilder>,
    ) -> TraceBatch {
        let _ = (resource, scope, spans.into_iter());
        todo!()
    }
}
