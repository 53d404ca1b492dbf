//! What the held spans can be asked for: the keys of their attributes, read off the wire without decoding a span.

use std::collections::BTreeSet;

use super::{
    super::model::Span,
    Held, Store,
    held::{rank, spans},
};
use crate::otlp::SpanId;

/// Most keys that are told. Keys that carry a counter or an id have no end.
const MOST: usize = 2000;

impl Store {
    /// The keys of the attributes of spans and resources, those of newer traces first where there are too many.
    pub fn keys(&self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        for held in self.newest_first() {
            for (resource, _, span) in held.batches().flat_map(spans) {
                for pair in span.attributes().chain(resource.attributes()) {
                    if keys.len() >= MOST {
                        return keys;
                    }
                    if !keys.contains(pair.key()) {
                        keys.insert(pair.key().to_owned());
                    }
                }
            }
        }
        keys
    }

    /// How many traces are held, joined ones as one.
    pub fn held(&self) -> usize {
        self.lock().count()
    }
}

impl Held {
    /// One span, without decoding the others. Where several trace ids have a span of that id, and none is given, the first of them.
    pub fn span(&self, span_id: &str, trace_id: Option<&str>) -> Option<Span> {
        let span_id = SpanId::from_hex(span_id)?;
        let found = self.batches().flat_map(spans).filter(|(_, _, span)| {
            span.span_id() == span_id && trace_id.is_none_or(|id| span.trace_id().to_string() == id)
        });
        let best = found.max_by(|(_, _, a), (_, _, b)| {
            let by_trace = b.trace_id().cmp(&a.trace_id());
            by_trace.then_with(|| rank(a).cmp(&rank(b)))
        });
        best.map(|(resource, scope, span)| Span::decode(&resource, &scope, &span))
    }
}
