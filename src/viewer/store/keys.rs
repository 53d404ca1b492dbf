//! What the held spans can be asked for: the keys of their attributes, read off the wire without decoding a span.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    super::model::Span,
    Held, Store,
    held::{rank, spans},
};
use crate::otlp::SpanId;

/// Most keys that are told. Keys that carry a counter or an id have no end.
const MOST: usize = 2000;

/// The keys of the attributes of spans and resources, those of the first traces where there are too many.
pub(in crate::viewer) fn keys(held: &[Arc<Held>]) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for key in held.iter().flat_map(|held| held.keys()) {
        if keys.len() >= MOST {
            break;
        }
        if !keys.contains(key) {
            keys.insert(key.to_owned());
        }
    }
    keys
}

impl Store {
    /// How many traces are held, joined ones as one.
    pub fn held(&self) -> usize {
        self.lock().count()
    }
}

impl Held {
    /// The key of every attribute of every span and its resource, as often as it stands there.
    pub(in crate::viewer) fn keys(&self) -> impl Iterator<Item = &str> {
        let spans = self.batches().flat_map(spans);
        spans.flat_map(|(resource, _, span)| span.attributes().chain(resource.attributes()).map(|pair| pair.key()))
    }

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
