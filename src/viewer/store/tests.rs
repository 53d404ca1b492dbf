//! The store's laws: order of arrival does not matter, limits hold, what is dropped is counted.

use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;

use super::*;
use crate::{
    otlp::{SpanBuilder, SpanId, Value},
    viewer::Trace,
};

fn trace(number: u8) -> TraceId {
    TraceId([number; 16])
}

fn span(number: u64) -> SpanId {
    SpanId(number.to_be_bytes())
}

/// One span in a batch of its own: `trace/span<parent@start`, parent and start optional.
pub(super) fn batch(text: &str) -> TraceBatch {
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
pub(super) fn shown(store: &Store) -> Vec<String> {
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
    let limits = Limits {
        max_bytes: fill(Limits::default(), &["1/1", "1/2", "1/3"]).bytes(),
        ..Limits::default()
    };
    let store = fill(limits, &["1/1", "1/2", "1/3", "1/4", "1/5"]);
    assert_eq!(shown(&store), ["01: 1/3 1/4 1/5"]);
    assert_eq!(store.dropped(), Dropped { traces: 0, spans: 2 });
}

#[test]
fn a_span_that_can_never_fit_takes_nothing_with_it() {
    let limits = Limits {
        max_bytes: fill(Limits::default(), &["1/1", "2/2"]).bytes(),
        ..Limits::default()
    };
    let store = fill(limits, &["1/1", "2/2"]);
    let large = SpanBuilder::new(trace(3), span(3), &"x".repeat(limits.max_bytes + 1));
    store.take(SpanBuilder::batch(&[], ("", ""), [large]));
    assert_eq!(shown(&store).len(), 2);
    assert_eq!(store.dropped(), Dropped { traces: 0, spans: 1 });
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

#[test]
fn a_change_is_told_and_what_changes_nothing_is_not() {
    let store = fill(Limits::default(), &["1/1"]);
    let mut newest = store.subscribe();
    assert_eq!(*newest.borrow_and_update(), 1);
    store.take(batch("1/1"));
    assert!(!newest.has_changed().expect("the store lives"));
    store.take(batch("2/2"));
    assert!(newest.has_changed().expect("the store lives"));
    assert_eq!(*newest.borrow_and_update(), store.newest_first()[0].sequence);
    drop(store);
    assert!(newest.has_changed().is_err(), "the end is told, too");
}

#[test]
fn what_did_not_change_is_neither_grouped_nor_judged_again() {
    let store = fill(Limits::default(), &["1/1", "2/2", "3/3"]);
    let before = store.newest_first();
    store.take(batch("4/4<2"));
    let after = store.newest_first();
    assert_eq!(after[0].trace_ids, [trace(2), trace(4)]);
    assert!(!after.iter().any(|held| Arc::ptr_eq(held, &before[1])));
    assert!(Arc::ptr_eq(&after[1], &before[0]) && Arc::ptr_eq(&after[2], &before[2]));
    let judged = std::cell::Cell::new(0);
    let judge = |question: &str| {
        let (verdict, decoded) = after[0].verdict(&question.into(), |trace| {
            judged.set(judged.get() + 1);
            Verdict {
                holds: trace.spans.len() == 2,
                knows: [true].into(),
            }
        });
        assert!(verdict.holds);
        decoded.is_some()
    };
    assert!(judge("a") && !judge("a") && judge("b") && !judge("a"));
    for other in ["c", "d", "e"] {
        assert!(judge(other));
    }
    assert!(judge("a"), "few are remembered");
    assert_eq!(judged.get(), 6);
}

/// The groups by the rule: a trace belongs to the one that alone holds the parent that its span names and it does not hold.
fn groups_by_the_rule(state: &State) -> BTreeSet<Vec<TraceId>> {
    let mut owners: HashMap<SpanId, BTreeSet<TraceId>> = HashMap::new();
    let mut named: BTreeSet<(TraceId, SpanId)> = BTreeSet::new();
    for (id, entry) in &state.entries {
        for (_, _, span) in entry.pieces().flat_map(|piece| spans(&piece.batch)) {
            owners.entry(span.span_id()).or_default().insert(*id);
            named.extend(span.parent_span_id().map(|parent| (*id, parent)));
        }
    }
    let mut groups: Vec<BTreeSet<TraceId>> = state.entries.keys().map(|id| BTreeSet::from([*id])).collect();
    for (child, parent) in named {
        let Some(owners) = owners.get(&parent) else { continue };
        if owners.contains(&child) || owners.len() > 1 {
            continue;
        }
        let joined = |group: &mut BTreeSet<TraceId>| group.contains(&child) || !group.is_disjoint(owners);
        let parts: Vec<_> = groups.extract_if(.., joined).collect();
        groups.push(parts.into_iter().flatten().collect());
    }
    groups.into_iter().map(|group| group.into_iter().collect()).collect()
}

/// Spans over few traces, some of them linked across traces; ids are unique over all.
pub(super) fn forest() -> impl Strategy<Value = Vec<String>> {
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
    fn groups_follow_the_rule_whatever_comes_and_goes(
        spans in prop::collection::vec((1_u8..6, 1_u64..9, 0_u64..9, 1_u64..4), 1..40),
        max_traces in 1_usize..6,
        asked in prop::collection::vec(any::<bool>(), 40),
    ) {
        let store = Store::new(Limits { max_traces, max_bytes: 12_000 });
        for ((trace, id, parent, start), asked) in spans.into_iter().zip(asked) {
            store.take(batch(&format!("{trace}/{id}<{parent}@{start}")));
            if asked {
                let shown: BTreeSet<Vec<TraceId>> =
                    store.newest_first().iter().map(|held| held.trace_ids.clone()).collect();
                prop_assert_eq!(shown, groups_by_the_rule(&store.lock()));
            }
        }
    }

    #[test]
    fn limits_hold_and_nothing_is_lost_uncounted(spans in forest(), max_traces in 1_usize..4, max_bytes in 300_usize..12_000) {
        let store = Store::new(Limits { max_traces, max_bytes });
        for (text, taken) in spans.iter().zip(1_u64..) {
            store.take(batch(text));
            prop_assert!(store.bytes() <= max_bytes);
            let held = store.newest_first();
            prop_assert!(held.iter().map(|held| held.trace_ids.len()).sum::<usize>() <= max_traces);
            let shown: usize = held.iter().map(|held| held.decode().spans.len()).sum();
            prop_assert_eq!(shown as u64 + store.dropped().spans, taken);
        }
        let mut state = store.lock();
        let ids: Vec<TraceId> = state.entries.keys().copied().collect();
        ids.into_iter().for_each(|id| state.remove(id));
        prop_assert_eq!(state.bytes, 0);
        prop_assert!(state.by_age.is_empty() && state.links.is_empty());
        prop_assert!(state.newest_first().is_empty());
    }
}
