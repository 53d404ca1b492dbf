//! A trace as it came on the wire, every span once: what an export writes. Loses nothing that the views and the JSON of the
//! viewer leave out: trace state, flags, counts of what was dropped, attributes of scopes, schema URLs.

use std::collections::HashMap;

use super::held::{Held, rank, spans};
use crate::otlp::{Edit, SpanId, SpanRef, TraceBatch, TraceId, edit_spans};

impl Held {
    /// The spans on the wire. Of several with one id it is the one that [`Held::decode`] shows.
    pub fn batch(&self) -> TraceBatch {
        let mut chosen: HashMap<(TraceId, SpanId), SpanRef<'_>> = HashMap::new();
        let mut count = 0;
        for (_, _, span) in self.batches().flat_map(spans) {
            count += 1;
            chosen
                .entry((span.trace_id(), span.span_id()))
                .and_modify(|best| {
                    if rank(best) < rank(&span) {
                        *best = span;
                    }
                })
                .or_insert(span);
        }
        let mut whole = TraceBatch::default();
        for batch in self.batches() {
            whole.append(batch.clone());
        }
        if chosen.len() == count {
            return whole;
        }
        edit_spans(whole, |_, _, span, _| {
            let id = (span.trace_id(), span.span_id());
            // Taken out with its first appearance, so that one that came twice stands once.
            match chosen.get(&id).is_some_and(|best| best.wire() == span.wire()) {
                true => {
                    chosen.remove(&id);
                    Edit::Keep
                }
                false => Edit::Drop,
            }
        })
    }
}
