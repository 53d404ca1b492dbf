//! The store's laws: order of arrival does not matter, limits hold, what is dropped is counted.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::otlp::{SpanBuilder, Value};

fn trace(number: u8) -> TraceId {
    TraceId([number; 16])
}

fn span(number: u64) -> SpanId {
    SpanId(number.to_be_bytes())
}

/// One span in a batch of its own: `trace/span<parent@start`, parent and start optional.
fn batch(text: &str) -> TraceBatch {
    let (trace_number, rest) = text.split_once('/').expect("trace/span");
    let (ids, start) = rest.split_once('@').unwrap_or((rest, "1"));
    let (id, parent) = ids.split_once('<').unwrap_or((ids, "0"));
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let start = number(start) * 1_000_000;
    let mut builder = SpanBuilder::new(trace(number(trace_number) as u8), span(number(id)), text)
        .times(start, start + 1_000_000)
        .attribute("text", Value::Str(text));
    if parent != "0" {
        builder = builder.parent(span(number(parent)));
    }
    SpanBuilder::batch(&[("service.name", Value::Str("test"))], ("scope", "1"), [builder])
}

fn fill(limits: Limits, spans: &[&str]) -> Store {
    let store = Store::new(limits);
    for text in spans {
        store.take(batch(text));
    }
    store
}

/// Every trace as `root: spans`, newest first.
fn shown(store: &Store) -> Vec<String> {
    let traces = store.newest_first().into_iter().map(|held| held.decode());
    let line = |trace: Trace| {
        let names: Vec<&str> = trace.spans.iter().map(|span| span.name.as_str()).collect();
        format!("{}: {}", &trace.trace_id[..2], names.join(" "))
    };
    traces.map(line).collect()
}

fn check(spans: &[&str], expected: &[&str]) {
    assert_eq!(shown(&fill(Limits::default(), spans)), expected, "{spans:?}");
}

#[test]
fn spans_gather_by_trace_newest_first() {
    check(&["1/1", "2/2", "3/3"], &["03: 3/3", "02: 2/2", "01: 1/1"]);
    check(&["1/1", "2/2", "1/3<1@2"], &["01: 1/1 1/3<1@2", "02: 2/2"]);
    check(&["1/2<1@5", "1/1@3"], &["01: 1/1@3 1/2<1@5"]);
}

#[test]
fn traces_that_are_linked_by_a_parent_are_one_under_the_root_s_id() {
    check(&["1/1@1", "2/2<1@2"], &["01: 1/1@1 2/2<1@2"]);
    check(&["2/2<1@2", "1/1@1"], &["01: 1/1@1 2/2<1@2"]);
    check(&["3/3<2@3", "1/1@1", "2/2<1@2"], &["01: 1/1@1 2/2<1@2 3/3<2@3"]);
    // A parent in the span's own trace is its parent, whoever else has that id.
    check(&["1/1", "2/1", "2/2<1@2"], &["02: 2/1 2/2<1@2", "01: 1/1"]);
    // Two traces with such a span: the link says nothing.
    check(&["1/1", "2/1", "3/3<1"], &["03: 3/3<1", "02: 2/1", "01: 1/1"]);
}

#[test]
fn a_span_that_comes_twice_is_shown_once() {
    let store = fill(Limits::default(), &["1/1", "1/1"]);
    assert_eq!(shown(&store), ["01: 1/1"]);
    let once = fill(Limits::default(), &["1/1"]).bytes();
    assert_eq!(store.bytes(), once, "the second copy is not held");
    check(&["1/1@1", "1/1@9"], &["01: 1/1@9"]);
    check(&["1/1@9", "1/1@1"], &["01: 1/1@9"]);
}

#[test]
fn the_oldest_trace_goes_first_and_is_counted() {
    let limits = Limits {
        max_traces: 2,
        ..Limits::default()
    };
    let store = fill(limits, &["1/1", "1/11<1", "2/2", "3/3"]);
    assert_eq!(shown(&store), ["03: 3/3", "02: 2/2"]);
    assert_eq!(store.dropped(), Dropped { traces: 1, spans: 2 });
    // What still grows is young, and so is what is joined with it.
    let store = fill(limits, &["1/1", "2/2", "1/3<1@2", "4/4"]);
    assert_eq!(shown(&store), ["04: 4/4", "01: 1/1 1/3<1@2"]);
    let limits = Limits {
        max_traces: 3,
        ..Limits::default()
    };
    let store = fill(limits, &["1/1@1", "3/3", "2/2<1@2", "4/4"]);
    assert_eq!(shown(&store), ["04: 4/4", "01: 1/1@1 2/2<1@2"]);
}

#[test]
fn one_trace_that_is_too_large_loses_its_oldest_spans() {
    let one = fill(Limits::default(), &["1/1"]).bytes();
    let limits = Limits {
        max_bytes: one * 3,
        ..Limits::default()
    };
    let store = fill(limits, &["1/1", "1/2", "1/3", "1/4", "1/5"]);
    assert_eq!(shown(&store), ["01: 1/3 1/4 1/5"]);
    assert_eq!(store.dropped(), Dropped { traces: 0, spans: 2 });
}

#[test]
fn a_batch_of_many_traces_is_sorted_out() {
    let spans = (1..=200_u64).map(|number| SpanBuilder::new(trace((number % 100) as u8 + 1), span(number), "s"));
    let store = Store::new(Limits::default());
    store.take(SpanBuilder::batch(&[], ("", ""), spans));
    let held = store.newest_first();
    assert_eq!(held.len(), 100);
    assert!(held.iter().all(|held| held.decode().spans.len() == 2));
    store.take(TraceBatch::default());
    assert_eq!(store.newest_first().len(), 100);
}

/// Spans over few traces, some of them linked across traces; ids are unique over all.
fn forest() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec((1_u8..5, 0_u64..20, 1_u64..9), 1..20).prop_map(|spans| {
        let numbered = spans.iter().zip(1_u64..);
        numbered
            .map(|((trace, parent, start), id)| format!("{trace}/{id}<{parent}@{start}"))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_of_arrival_gives_the_same_traces(
        (spans, mixed) in forest().prop_flat_map(|spans| (Just(spans.clone()), Just(spans).prop_shuffle())),
        together in 1_usize..5,
    ) {
        let traces = |spans: &[String], together: usize| {
            let store = Store::new(Limits::default());
            for some in spans.chunks(together) {
                let mut whole = TraceBatch::default();
                some.iter().for_each(|text| whole.append(batch(text)));
                store.take(whole);
            }
            let held = store.newest_first();
            held.iter().map(|held| serde_json::to_string(&held.decode()).expect("plain data")).collect::<BTreeSet<_>>()
        };
        prop_assert_eq!(traces(&spans, 1), traces(&mixed, together));
    }

    #[test]
    fn limits_hold_and_nothing_is_lost_uncounted(spans in forest(), max_traces in 1_usize..4, max_bytes in 300_usize..3000) {
        let store = Store::new(Limits { max_traces, max_bytes });
        let mut taken = 0;
        for text in &spans {
            store.take(batch(text));
            taken += 1;
            prop_assert!(store.bytes() <= max_bytes);
            let held = store.newest_first();
            prop_assert!(held.iter().map(|held| held.trace_ids.len()).sum::<usize>() <= max_traces);
            let shown: usize = held.iter().map(|held| held.decode().spans.len()).sum();
            prop_assert_eq!(shown as u64 + store.dropped().spans, taken);
        }
        let mut inner = store.lock();
        let ids: Vec<TraceId> = inner.entries.keys().copied().collect();
        ids.into_iter().for_each(|id| inner.remove(id));
        prop_assert_eq!(inner.bytes, 0);
        prop_assert!(inner.by_age.is_empty() && inner.links.is_empty());
    }
}
