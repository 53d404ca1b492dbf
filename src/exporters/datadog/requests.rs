//! Cuts a batch into requests that stay below what Datadog's intake takes, between traces where that is enough: an entry span is recognized
//! among the spans that it is sent with. Estimates what a span becomes rather than map it twice; the exporter measures what it sends.

use std::collections::HashMap;

use crate::otlp::{Edit, ResourceSpansRef, SpanRef, TraceBatch, TraceId, edit_spans};

/// Most bytes of a request before compression.
pub(super) const LIMIT: usize = 3_200_000;
/// Bytes that a span gains beside its attributes: its ids in hex, its names, its scope's, and the framing of each tag.
const GAINED: usize = 512;

/// The requests that a batch is sent in.
pub(super) fn split(batch: TraceBatch, limit: usize) -> Vec<TraceBatch> {
    // A resource's tags are repeated on each of its spans.
    let longest = batch
        .resource_spans()
        .map(|resource| tags_of(&resource))
        .max()
        .unwrap_or(0);
    if batch.byte_len() * 2 + batch.span_count() * (longest + GAINED) <= limit {
        return vec![batch];
    }
    let places = places(&batch, limit);
    let count = places.iter().max().map_or(0, |last| last + 1);
    let part = |wanted: usize| {
        let mut rest = places.iter();
        edit_spans(batch.clone(), |_, _, _, _| match rest.next() {
            Some(place) if *place != wanted => Edit::Drop,
            _ => Edit::Keep,
        })
    };
    (0..count).map(part).collect()
}

/// The request that each span goes into, spans in order. A trace stays together unless it alone is too large.
fn places(batch: &TraceBatch, limit: usize) -> Vec<usize> {
    let sizes: Vec<(TraceId, usize)> = sizes(batch).collect();
    let mut traces: HashMap<TraceId, usize> = HashMap::new();
    for (id, size) in &sizes {
        *traces.entry(*id).or_default() += size;
    }
    let mut room = Room {
        limit,
        place: 0,
        taken: 0,
    };
    let mut chosen: HashMap<TraceId, usize> = HashMap::new();
    sizes
        .iter()
        .map(|(id, size)| match traces[id] {
            whole if whole <= limit => *chosen.entry(*id).or_insert_with(|| room.take(whole)),
            _ => room.take(*size),
        })
        .collect()
}

/// Requests that are filled one after the other.
struct Room {
    limit: usize,
    place: usize,
    taken: usize,
}

impl Room {
    fn take(&mut self, size: usize) -> usize {
        if self.taken > 0 && self.taken + size > self.limit {
            self.place += 1;
            self.taken = 0;
        }
        self.taken += size;
        self.place
    }
}

fn sizes(batch: &TraceBatch) -> impl Iterator<Item = (TraceId, usize)> {
    batch.resource_spans().flat_map(|resource| {
        let shared = tags_of(&resource);
        let scopes = resource.scope_spans();
        scopes.flat_map(move |scope| {
            let scope_len: usize = scope.scope_attributes().map(|one| one.key_bytes().len() * 2 + 64).sum();
            scope
                .spans()
                .map(move |span| (span.trace_id(), size_of(&span) + shared + scope_len))
        })
    })
}

/// JSON and text are longer than the wire's numbers: twice, to be safe.
fn size_of(span: &SpanRef<'_>) -> usize {
    span.wire().len() * 2 + GAINED
}

fn tags_of(resource: &ResourceSpansRef<'_>) -> usize {
    let spans: usize = resource.scope_spans().map(|scope| scope.wire().len()).sum();
    2 * resource.wire().len().saturating_sub(spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::{SpanBuilder, SpanId, Value};

    /// Traces of so many spans of some 1000 bytes each, the spans of all traces in turns.
    fn batch(traces: u8, spans: u8) -> TraceBatch {
        let text = "x".repeat(1000);
        let mut batch = TraceBatch::default();
        for number in 1..=spans {
            for trace in 1..=traces {
                let span = SpanBuilder::new(TraceId([trace; 16]), SpanId([number; 8]), "op")
                    .attribute("text", Value::Str(&text));
                batch.append(SpanBuilder::batch(
                    &[("service.name", Value::Str("shop"))],
                    ("", ""),
                    [span],
                ));
            }
        }
        batch
    }

    /// The traces and spans of each request.
    fn parts(batch: TraceBatch, limit: usize) -> Vec<Vec<(u8, u8)>> {
        let ids = |part: &TraceBatch| {
            let scopes = part.resource_spans().flat_map(|resource| resource.scope_spans());
            scopes
                .flat_map(|scope| scope.spans())
                .map(|span| (span.trace_id().0[0], span.span_id().0[0]))
                .collect()
        };
        split(batch, limit).iter().map(ids).collect()
    }

    #[test]
    fn what_fits_stays_whole() {
        assert_eq!(parts(batch(2, 2), LIMIT).len(), 1);
        assert_eq!(parts(TraceBatch::default(), LIMIT), [[]]);
    }

    #[test]
    fn traces_stay_together() {
        let found = parts(batch(3, 2), 10_000);
        assert_eq!(
            found,
            [vec![(1, 1), (1, 2)], vec![(2, 1), (2, 2)], vec![(3, 1), (3, 2)]].map(|mut part| {
                part.sort_unstable();
                part
            })
        );
    }

    #[test]
    fn a_trace_that_is_too_large_is_cut() {
        let found = parts(batch(1, 6), 6_000);
        assert_eq!(found.concat(), (1..=6).map(|number| (1, number)).collect::<Vec<_>>());
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2]);
        assert_eq!(parts(batch(1, 2), 1).len(), 2, "a span that is too large stands alone");
    }
}
