//! What every call of a filter carries beside the body: the request's path, id and trace context, and the config's headers. Nothing
//! of the client's own headers: a filter sees the conversation, not the client's keys.

use std::time::Instant;

use ::http::{HeaderMap, HeaderValue, header};

use crate::{
    gateway::{config::Filter, record::Clock, spans::Direction},
    otlp::SpanId,
    propagation::Trace,
};

/// What the calls of one request's filters have in common.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Envelope {
    path: String,
    request_id: HeaderValue,
    trace: Trace,
    /// The request's clock.
    pub(super) clock: Clock,
    /// When the request's time is up.
    pub(super) deadline: Instant,
}

impl Envelope {
    /// The envelope for the calls of a request: its path as the client wrote it, its id, its trace.
    pub(in crate::gateway) fn new(
        path: &str,
        request_id: &HeaderValue,
        trace: &Trace,
        clock: Clock,
        deadline: Instant,
    ) -> Envelope {
        Envelope {
            path: path.to_owned(),
            request_id: request_id.clone(),
            trace: trace.clone(),
            clock,
            deadline,
        }
    }

    /// The path of the client's request.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The headers of a call, but for those of its body. The filter's parent is the span of that id.
    pub(super) fn headers(&self, filter: &Filter, direction: Direction, span: SpanId) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(filter.headers.len() + 8);
        for (name, value) in &filter.headers {
            headers.insert(name, value.clone());
        }
        let (traceparent, tracestate) = self.trace.outgoing(span.0);
        for (name, value) in [("traceparent", Some(traceparent.as_str())), ("tracestate", tracestate)] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        // Answers are checked, so they come as they are.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert("x-request-id", self.request_id.clone());
        let direction = HeaderValue::from_static(direction.as_str());
        headers.insert("x-plano-filter-direction", direction);
        headers
    }
}
