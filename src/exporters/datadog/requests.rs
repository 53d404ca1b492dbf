//! Cuts a batch into requests that stay below what Datadog's intake takes, between traces where that is enough: an entry span is recognized
//! among the spans that it is sent with. Estimates what a span becomes rather than map it twice; the exporter measures what it sends.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::map;
use crate::otlp::{
    Edit, KeyValueRef, ResourceSpansRef, ScopeSpansRef, SpanRef, TraceBatch, TraceId, ValueRef, edit_spans,
};

/// Most bytes of a request before compression.
pub(super) const LIMIT: usize = 3_200_000;
/// Bytes that a span gains beside its attributes: its ids in hex, its names, its scope's, and the framing of each tag.
const GAINED: usize = 512;
/// Bytes of a tag beside its key and its value.
const FRAMING: usize = 16;
/// Most bytes of resources and scopes that requests repeat. Beyond it requests are larger, and the engine halves each when its turn comes.
const COPIES: usize = 64 << 20;

/// The requests that a batch is sent in. Spans whose resource can never be sent are in one of their own, so that they are refused at once.
pub(super) fn split(batch: TraceBatch, limit: usize) -> Vec<TraceBatch> {
    if estimate(&batch) <= limit {
        return vec![batch];
    }
    if batch.resource_spans().all(|resource| can_send(&resource)) {
        return cut(batch, limit);
    }
    let parts = batch.by_resource().into_iter();
    let (good, bad): (Vec<_>, Vec<_>) = parts.partition(|part| part.resource_spans().all(|one| can_send(&one)));
    let whole = |parts: Vec<TraceBatch>| {
        parts.into_iter().reduce(|mut whole, part| {
            whole.append(part);
            whole
        })
    };
    let mut requests = whole(good).map_or_else(Vec::new, |good| cut(good, limit));
    requests.extend(whole(bad));
    requests
}

/// Bytes that a request of these spans has at most, more or less.
pub(super) fn estimate(batch: &TraceBatch) -> usize {
    sizes(batch).map(|(_, size)| size).sum()
}

/// Whether no span can be sent, since what their resources give to each is too much for a request.
pub(super) fn is_hopeless(batch: &TraceBatch) -> bool {
    !batch.is_empty() && batch.resource_spans().all(|resource| !can_send(&resource))
}

fn can_send(resource: &ResourceSpansRef<'_>) -> bool {
    let tags: usize = resource.attributes().map(|one| tag_of(&one, 1)).sum();
    tags < LIMIT
}

fn cut(batch: TraceBatch, limit: usize) -> Vec<TraceBatch> {
    let mut limit = limit;
    let mut chosen = places(&batch, limit);
    while chosen.iter().any(|place| *place > 0) && copied(&batch, &chosen) > COPIES {
        limit = limit.saturating_mul(2);
        chosen = places(&batch, limit);
    }
    let count = chosen.iter().max().map_or(0, |last| last + 1);
    let mut requests = Vec::with_capacity(count);
    part(batch, &chosen, 0..count, &mut requests);
    requests
}

/// Halves the places until each has a batch: every span is looked at as often as the number of requests can be halved.
fn part(batch: TraceBatch, places: &[usize], range: Range<usize>, requests: &mut Vec<TraceBatch>) {
    if range.len() < 2 {
        requests.push(batch);
        return;
    }
    let middle = range.start.midpoint(range.end);
    for half in [range.start..middle, middle..range.end] {
        let mut rest = places.iter();
        let spans = edit_spans(batch.clone(), |_, _, _, _| match rest.next() {
            Some(place) if half.contains(place) => Edit::Keep,
            _ => Edit::Drop,
        });
        let own: Vec<usize> = places.iter().copied().filter(|place| half.contains(place)).collect();
        part(spans, &own, half, requests);
    }
}

/// Bytes of resources and scopes in all requests together.
fn copied(batch: &TraceBatch, places: &[usize]) -> usize {
    let mut rest = places.iter();
    let mut seen: HashSet<(usize, Option<usize>, usize)> = HashSet::new();
    let mut bytes = 0;
    for (number, resource) in batch.resource_spans().enumerate() {
        let whole = header(&resource);
        for (place_of_scope, scope) in resource.scope_spans().enumerate() {
            let own = scope_header(&scope);
            for (_, place) in scope.spans().zip(rest.by_ref()) {
                if seen.insert((number, None, *place)) {
                    bytes += whole;
                }
                if seen.insert((number, Some(place_of_scope), *place)) {
                    bytes += own;
                }
            }
        }
    }
    bytes
}

/// Bytes of a resource beside its scopes.
fn header(resource: &ResourceSpansRef<'_>) -> usize {
    let scopes: usize = resource.scope_spans().map(|scope| scope.wire().len()).sum();
    resource.wire().len().saturating_sub(scopes)
}

/// Bytes of a scope beside its spans.
fn scope_header(scope: &ScopeSpansRef<'_>) -> usize {
    let spans: usize = scope.spans().map(|span| span.wire().len()).sum();
    scope.wire().len().saturating_sub(spans)
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
        // A resource's tags are repeated on each of its spans.
        let shared: usize = resource.attributes().map(|one| tag_of(&one, 2)).sum();
        let scopes = resource.scope_spans();
        scopes.flat_map(move |scope| {
            let tags: usize = scope.scope_attributes().map(|one| tag_of(&one, 2)).sum();
            // Under two names each.
            let names = 2 * (scope.scope_name().len() + scope.scope_version().len());
            scope
                .spans()
                .map(move |span| (span.trace_id(), size_of(&span) + shared + tags + names))
        })
    })
}

/// JSON and text are longer than the wire's numbers: twice, to be safe.
fn size_of(span: &SpanRef<'_>) -> usize {
    span.wire().len() * 2 + GAINED
}

/// Bytes of an attribute as a tag, its text so many times, but no more than the mapping leaves of it.
fn tag_of(attribute: &KeyValueRef<'_>, times: usize) -> usize {
    let (key, text) = (attribute.key(), times * length(attribute.value()));
    map::longest(key).map_or(key.len() + text, |(keys, values)| {
        key.len().min(keys) + text.min(values)
    }) + FRAMING
}

/// Bytes of a value as text.
fn length(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Str(text) => text.len(),
        ValueRef::Bytes(bytes) => bytes.len() / 3 * 4 + 4,
        ValueRef::Array(list) => list.values().map(|one| length(one) + 3).sum::<usize>() + 2,
        ValueRef::KvList(map) => {
            let entries = map.entries().map(|one| one.key_bytes().len() + length(one.value()) + 6);
            entries.sum::<usize>() + 2
        }
        ValueRef::Empty | ValueRef::Bool(_) | ValueRef::Int(_) | ValueRef::Double(_) => 24,
    }
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

    /// One resource with so many attributes of so many bytes, and many tiny spans, each a trace.
    fn heavy(attributes: usize, len: usize, spans: u16) -> TraceBatch {
        let text = "x".repeat(len);
        let keys: Vec<String> = (0..attributes).map(|number| format!("key.{number}")).collect();
        let resource: Vec<_> = keys.iter().map(|key| (key.as_str(), Value::Str(&text))).collect();
        let spans = (1..=spans).map(|number| {
            let mut id = [1; 16];
            id[14..].copy_from_slice(&number.to_be_bytes());
            SpanBuilder::new(TraceId(id), SpanId([1; 8]), "op")
        });
        SpanBuilder::batch(&resource, ("", ""), spans)
    }

    #[test]
    fn a_large_resource_is_not_multiplied_without_bound() {
        // Of one attribute that is cut, and of many that are not.
        for (attributes, len) in [(1, 1_750_000), (100, 17_500)] {
            let batch = heavy(attributes, len, 5000);
            let whole = batch.byte_len();
            let requests = split(batch, LIMIT);
            let bytes: usize = requests.iter().map(TraceBatch::byte_len).sum();
            assert!(bytes <= COPIES + whole, "{bytes} bytes in {} requests", requests.len());
            assert_eq!(requests.iter().map(TraceBatch::span_count).sum::<usize>(), 5000);
            assert!(requests.iter().all(|request| !is_hopeless(request)));
        }
    }

    #[test]
    fn what_a_resource_makes_impossible_is_one_request() {
        let mut mixed = batch(1, 2);
        mixed.append(heavy(200, 25_000, 300));
        let requests = split(mixed, LIMIT);
        assert_eq!(
            requests.iter().map(TraceBatch::span_count).collect::<Vec<_>>(),
            [2, 300]
        );
        assert_eq!(requests.iter().map(is_hopeless).collect::<Vec<_>>(), [false, true]);
        assert!(!is_hopeless(&heavy(1, 5_000_000, 1)), "an attribute is cut");
        assert!(!is_hopeless(&TraceBatch::default()));
    }
}
