//! Holds `validate`, views, edits, builders and splitting equal to prost, on messages that no encoder would write too:
//! fields in any order and any number, over-long varints, unknown fields and groups, flipped bytes.

mod structs;
mod wild;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use proptest::prelude::*;
use prost::Message as _;

use super::{
    Edit, ResourceSpansRef, ScopeSpansRef, SpanBuilder, SpanEdit, SpanId, TraceBatch, TraceId, Value, ValueRef,
    edit_spans, json, validate, wire,
};
use structs::{by_views, decoded, flat, without_bad_spans};
use wild::{Entropy, mutated, request};

fn batch_of(wire: Vec<u8>) -> TraceBatch {
    validate(Bytes::from(wire)).expect("the message is valid").batch
}

fn span(id: u8, name: &str) -> SpanBuilder {
    SpanBuilder::new(TraceId([id; 16]), SpanId([id; 8]), name)
}

fn three_spans() -> TraceBatch {
    let spans = [
        span(1, "one")
            .attribute("a", Value::Str("x"))
            .attribute("b", Value::Int(-1)),
        span(2, "two")
            .parent(SpanId([1; 8]))
            .kind(3)
            .times(5, 9)
            .status(2, "no")
            .flags(0x101)
            .trace_state("k=v"),
        span(3, "three")
            .event(7, "e", &[("k", Value::Double(0.5))])
            .link(TraceId([9; 16]), SpanId([9; 8]), &[]),
    ];
    SpanBuilder::batch(&[("service.name", Value::Str("shop"))], ("lib", "1.0"), spans)
}

#[test]
fn what_is_built_passes_and_reads_back() {
    let batch = three_spans();
    let wire = batch.clone().into_contiguous();
    let validated = validate(wire.clone()).expect("valid");
    assert_eq!((validated.batch.span_count(), validated.rejected_spans), (3, 0));
    assert_eq!(validated.batch.chunks()[0].as_ptr(), wire.as_ptr(), "the very bytes");
    let resource = batch.resource_spans().next().expect("one resource");
    assert_eq!(resource.service_name(), Some("shop"));
    let scope = resource.scope_spans().next().expect("one scope");
    assert_eq!((scope.scope_name(), scope.scope_version()), ("lib", "1.0"));
    let names: Vec<&str> = scope.spans().map(|span| span.name()).collect();
    assert_eq!(names, ["one", "two", "three"]);
    assert_eq!(by_views(&batch), decoded(&batch));
}

#[test]
fn values_of_every_type_are_written_as_prost_reads_them() {
    let tree = three_spans();
    let copied = batch_of(tree.clone().into_contiguous().to_vec());
    let strings = ["a", "", "日本"];
    let list = SpanBuilder::batch(&[], ("", ""), [span(1, "s").attribute("l", Value::Strings(&strings))]);
    let array = first_span_attribute(&list, "l");
    let values = [
        Value::Str("text"),
        Value::Bool(true),
        Value::Bool(false),
        Value::Int(i64::MIN),
        Value::Double(f64::NEG_INFINITY),
        Value::Bytes(&[0, 255]),
        Value::Strings(&strings),
        Value::Copy(ValueRef::Empty),
        Value::Copy(array),
    ];
    for value in values {
        let batch = SpanBuilder::batch(&[("r", value)], ("s", ""), [span(1, "s").attribute("k", value)]);
        assert_eq!(by_views(&batch), structs::as_viewed(decoded(&batch)));
        let read = first_span_attribute(&batch, "k");
        assert!(
            format!("{value:?}").contains(&format!("{read:?}")),
            "{value:?} {read:?}"
        );
    }
    assert_eq!(by_views(&copied), decoded(&tree));
}

fn first_span_attribute<'a>(batch: &'a TraceBatch, key: &str) -> ValueRef<'a> {
    let mut spans = batch
        .resource_spans()
        .flat_map(|r| r.scope_spans())
        .flat_map(|s| s.spans());
    spans
        .next()
        .and_then(|span| span.attribute(key))
        .expect("the attribute")
}

fn check_refused(wire: &[u8], expected: &str) {
    let error = validate(Bytes::copy_from_slice(wire)).expect_err("malformed");
    assert_eq!(error.to_string(), expected);
    assert!(ExportTraceServiceRequest::decode(wire).is_err());
}

#[test]
fn a_malformed_message_is_refused_with_its_place() {
    check_refused(
        &[0x0a],
        "malformed OTLP at byte 1 (resource_spans): a field is longer than the message around it",
    );
    check_refused(
        &[0x08, 0x01],
        "malformed OTLP at byte 1 (resource_spans): the wire type is not that of the field",
    );
    check_refused(
        &[0x0a, 0x05, 0x12, 0x03, 0x1a, 0x01, 0xff],
        "malformed OTLP at byte 5 (resource_spans.scope_spans.schema_url): a string is not UTF-8",
    );
    check_refused(&[0x00], "malformed OTLP at byte 0 (request): a field number is 0");
    check_refused(
        &[0x14],
        "malformed OTLP at byte 1 (request): a group is closed that was not opened",
    );
    check_refused(
        &[0x17],
        "malformed OTLP at byte 0 (request): a wire type is neither of 0 to 5",
    );
}

#[test]
fn a_span_with_bad_ids_is_rejected_by_itself() {
    let mut request = decoded(&three_spans());
    let spans = &mut request[0].scope_spans[0].spans;
    spans[1].trace_id = vec![0; 16];
    spans.push(Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 7],
        ..Span::default()
    });
    let wire = ExportTraceServiceRequest {
        resource_spans: request.clone(),
    }
    .encode_to_vec();
    let validated = validate(Bytes::from(wire)).expect("well-formed");
    assert_eq!(validated.rejected_spans, 2);
    assert_eq!(
        validated.reason,
        r#"span 2 of the request (name "two"): its trace_id is not 16 non-zero bytes"#
    );
    assert_eq!(decoded(&validated.batch), without_bad_spans(request));
    assert_eq!(validated.batch.span_count(), 2);
}

/// A request with one span whose attribute, or whose resource's, is nested `levels` deep, by arrays or by unknown groups.
fn nested(levels: usize, place: u32, groups: bool) -> Vec<u8> {
    let wrap = |tag: u8, body: Vec<u8>| {
        let mut out = Vec::new();
        wire::put_bytes(&mut out, tag, &body);
        out
    };
    let mut body = Vec::new();
    for _ in 0..levels {
        body = if groups {
            [&[0x7b], body.as_slice(), &[0x7c]].concat()
        } else {
            wrap(5, wrap(1, body))
        };
    }
    let attribute = [wrap(1, b"deep".to_vec()), wrap(2, body)].concat();
    let ids = [wrap(1, vec![1; 16]), wrap(2, vec![1; 8])].concat();
    let in_span = if place == 9 {
        wrap(9, attribute.clone())
    } else {
        Vec::new()
    };
    let spans = wrap(2, wrap(2, [ids, in_span].concat()));
    let resource = if place == 1 {
        wrap(1, wrap(1, attribute))
    } else {
        Vec::new()
    };
    wrap(1, [resource, spans].concat())
}

#[test]
fn the_bound_on_nesting_is_that_of_prost() {
    let mut verdicts = Vec::new();
    for (place, groups) in [(1, false), (9, false), (1, true), (9, true)] {
        let deepest = (0..120usize).take_while(|levels| {
            let wire = nested(*levels, place, groups);
            let verdict = validate(Bytes::from(wire.clone())).is_ok();
            assert_eq!(
                verdict,
                ExportTraceServiceRequest::decode(wire.as_slice()).is_ok(),
                "{levels} {place} {groups}"
            );
            verdict
        });
        verdicts.push(deepest.count() - 1);
    }
    assert_eq!(verdicts, [48, 47, 96, 95]);
}

/// A request with one span, with an attribute under its event: arrays, the innermost of which holds a map with an entry
/// that has no value, or an array without items.
fn nested_in_event(arrays: usize, leaf: &[u8]) -> Vec<u8> {
    let wrap = |tag: u8, body: Vec<u8>| {
        let mut out = Vec::new();
        wire::put_bytes(&mut out, tag, &body);
        out
    };
    let value = (0..arrays).fold(leaf.to_vec(), |body, _| wrap(5, wrap(1, body)));
    let event = wrap(11, wrap(3, wrap(2, value)));
    let ids = [wrap(1, vec![1; 16]), wrap(2, vec![1; 8])].concat();
    wrap(1, wrap(2, wrap(2, [ids, event].concat())))
}

#[test]
fn json_comes_back_from_every_depth() {
    // A value that is nothing, one that is an empty array, one that is a map with an entry that is nothing.
    for leaf in [&[][..], &[0x2a, 0], &[0x32, 2, 0x0a, 0]] {
        let deepest = (0..60usize).take_while(|arrays| {
            let Ok(validated) = validate(Bytes::from(nested_in_event(*arrays, leaf))) else {
                return false;
            };
            let mut text = Vec::new();
            json::write(&validated.batch, &mut text);
            let again = json::read(&text).unwrap_or_else(|error| panic!("{arrays} {leaf:?}: {error}"));
            assert_eq!(by_views(&again.batch), by_views(&validated.batch));
            true
        });
        assert!(deepest.count() > 45, "{leaf:?}");
    }
}

#[test]
fn a_copied_tree_never_breaks_the_bound_on_nesting() {
    for levels in 0..=48 {
        let edited = edit_spans(batch_of(nested(levels, 1, false)), |resource, _, _, edit| {
            let value = resource.attributes().next().expect("there").value();
            edit.set("copy", Value::Copy(value));
            edit.add_event(1, "e", &[("copy", Value::Copy(value))]);
            Edit::Apply
        });
        assert_eq!(
            matches!(first_span_attribute(&edited, "copy"), ValueRef::Array(_)),
            (1..=47).contains(&levels)
        );
        assert_eq!(structs::span_count(&decoded(&edited)), 1);
    }
}

/// One random decision about a span, carried out on the wire and on the struct.
fn edit_wire(entropy: &mut Entropy<'_>, edit: &mut SpanEdit, span: &super::SpanRef<'_>) -> Edit {
    let decision = entropy.byte() % 4;
    if decision < 2 {
        return if decision == 0 { Edit::Keep } else { Edit::Drop };
    }
    for _ in 0..entropy.byte() % 6 {
        let key = wild::text(entropy);
        match entropy.byte() % 8 {
            0 => edit.set_name(key),
            1 => edit.append_to_name(key),
            2 | 3 => edit.set(key, Value::Int(7)),
            4 => edit.delete(key),
            5 => edit.add_event(1, key, &[("k", Value::Str(key))]),
            6 => edit.delete_events(key),
            _ => edit.delete_where(span, |attribute| attribute.key() == key),
        }
    }
    Edit::Apply
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 1_500 } else { 20_000 }))]

    #[test]
    fn verdict_and_views_equal_prost(entropy in proptest::collection::vec(any::<u8>(), 0..900)) {
        let wire = request(&mut Entropy::new(&entropy));
        let expected = ExportTraceServiceRequest::decode(wire.as_slice());
        let validated = validate(Bytes::from(wire));
        match (expected, validated) {
            (Ok(expected), Ok(validated)) => {
                let total: usize = structs::span_count(&expected.resource_spans);
                prop_assert_eq!(validated.batch.span_count() + validated.rejected_spans, total);
                prop_assert_eq!(validated.rejected_spans == 0, validated.reason.is_empty());
                let left = without_bad_spans(expected.resource_spans);
                prop_assert_eq!(&structs::decoded(&validated.batch), &left);
                prop_assert_eq!(by_views(&validated.batch), structs::as_viewed(left));
            }
            (expected, validated) => prop_assert!(expected.is_err() && validated.is_err(), "{expected:?} {validated:?}"),
        }
    }

    #[test]
    fn verdict_equals_prost_on_broken_bytes(
        entropy in proptest::collection::vec(any::<u8>(), 0..500),
        damage in proptest::collection::vec(any::<(u16, u8, u8)>(), 1..4),
    ) {
        let wire = mutated(request(&mut Entropy::new(&entropy)), &damage);
        let expected = ExportTraceServiceRequest::decode(wire.as_slice());
        let validated = validate(Bytes::from(wire));
        prop_assert_eq!(expected.is_ok(), validated.is_ok(), "{:?} {:?}", expected, validated);
    }

    #[test]
    fn edits_equal_the_same_edits_on_structs(
        entropy in proptest::collection::vec(any::<u8>(), 0..900),
        decisions in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let Ok(validated) = validate(Bytes::from(request(&mut Entropy::new(&entropy)))) else { return Ok(()) };
        let before = decoded(&validated.batch);
        let mut entropy = Entropy::new(&decisions);
        let edited = edit_spans(validated.batch, |_, _, span, edit| edit_wire(&mut entropy, edit, span));
        let expected = structs::edited(before, &mut Entropy::new(&decisions));
        prop_assert_eq!(edited.span_count(), structs::span_count(&expected));
        prop_assert_eq!(decoded(&edited), expected);
        prop_assert!(validate(edited.into_contiguous()).is_ok_and(|again| again.rejected_spans == 0));
    }

    #[test]
    fn json_and_back_is_the_same(entropy in proptest::collection::vec(any::<u8>(), 0..900)) {
        let Ok(validated) = validate(Bytes::from(request(&mut Entropy::new(&entropy)))) else { return Ok(()) };
        let mut text = Vec::new();
        json::write(&validated.batch, &mut text);
        let again = json::read(&text).expect("what was written can be read");
        prop_assert_eq!(again.rejected_spans, 0);
        prop_assert_eq!(by_views(&again.batch), by_views(&validated.batch));
    }

    #[test]
    fn append_and_split_lose_and_reorder_nothing(
        requests in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..500), 0..4),
        max_spans in 0usize..5,
        max_bytes in prop_oneof![Just(0usize), 1usize..600],
    ) {
        let mut batch = TraceBatch::default();
        for entropy in requests {
            if let Ok(validated) = validate(Bytes::from(request(&mut Entropy::new(&entropy)))) {
                batch.append(validated.batch);
            }
        }
        let all: Vec<ResourceSpans> = decoded(&batch);
        prop_assert_eq!(batch.span_count(), structs::span_count(&all));
        prop_assert_eq!(batch.byte_len(), batch.chunks().iter().map(Bytes::len).sum::<usize>());
        let repeated = repeated_len(&batch);
        let parts = batch.split(max_spans, max_bytes);
        let mut again = Vec::new();
        for part in parts {
            let structs = decoded(&part);
            prop_assert_eq!(part.span_count(), structs::span_count(&structs));
            prop_assert!(max_spans == 0 || part.span_count() <= max_spans);
            let bound = if 4 * repeated <= 3 * max_bytes { max_bytes } else { max_bytes.max(2 * repeated) };
            prop_assert!(max_bytes == 0 || part.byte_len() <= bound || part.span_count() <= 1);
            prop_assert!(validate(part.into_contiguous()).is_ok_and(|valid| valid.rejected_spans == 0));
            again.extend(flat(&structs));
        }
        prop_assert_eq!(again, flat(&all));
    }

    #[test]
    fn parts_by_resource_hold_every_span_once_and_one_resource_each(
        requests in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..500), 0..4),
    ) {
        let mut batch = TraceBatch::default();
        for entropy in requests {
            if let Ok(validated) = validate(Bytes::from(request(&mut Entropy::new(&entropy)))) {
                batch.append(validated.batch.clone());
                batch.append(validated.batch);
            }
        }
        let spans = batch.span_count();
        let mut expected = flat(&decoded(&batch)).into_iter().map(|one| format!("{one:?}")).collect::<Vec<_>>();
        let mut got = Vec::new();
        let parts = batch.by_resource();
        prop_assert_eq!(parts.iter().map(TraceBatch::span_count).sum::<usize>(), spans);
        for part in &parts {
            let structs = decoded(part);
            prop_assert_eq!(part.span_count(), structs::span_count(&structs));
            let with_spans = structs.iter().filter(|one| one.scope_spans.iter().any(|scope| !scope.spans.is_empty()));
            let resources: Vec<_> = with_spans.map(|one| format!("{:?}{}", one.resource, one.schema_url)).collect();
            prop_assert!(resources.windows(2).all(|pair| pair[0] == pair[1]));
            got.extend(flat(&structs).into_iter().map(|one| format!("{one:?}")));
        }
        expected.sort();
        got.sort();
        prop_assert_eq!(got, expected);
    }
}

/// Bytes of the largest resource with its largest scope, both without what is in them, their framing included.
fn repeated_len(batch: &TraceBatch) -> usize {
    let of_resource = |resource: ResourceSpansRef<'_>| {
        let of_scope =
            |scope: ScopeSpansRef<'_>| scope.wire().len() - scope.spans().map(|span| span.wire().len()).sum::<usize>();
        let scopes: usize = resource.scope_spans().map(|scope| scope.wire().len()).sum();
        resource.wire().len() - scopes + resource.scope_spans().map(of_scope).max().unwrap_or(0)
    };
    batch.resource_spans().map(of_resource).max().unwrap_or(0)
}

#[test]
fn a_large_resource_is_not_copied_to_every_span() {
    let text = "x".repeat(100_000);
    let spans = (1..=5000u64).map(|n| SpanBuilder::new(TraceId([7; 16]), SpanId(n.to_be_bytes()), "op").times(1, 2));
    let batch = SpanBuilder::batch(&[("a", Value::Str(&text))], ("scope", "1"), spans);
    let whole = batch.byte_len();
    for max_bytes in [1, 50_000, 99_000, 101_000, 120_000, 200_000] {
        let parts = batch.clone().split(0, max_bytes);
        let bytes: usize = parts.iter().map(TraceBatch::byte_len).sum();
        assert!(
            bytes < 5 * whole,
            "{max_bytes}: {bytes} bytes of {whole} in {} parts",
            parts.len()
        );
        assert_eq!(parts.iter().map(TraceBatch::span_count).sum::<usize>(), 5000);
        assert!(max_bytes < 150_000 || parts.iter().all(|part| part.byte_len() <= max_bytes));
    }
}

#[test]
fn nothing_is_copied_where_nothing_changes() {
    let batch = three_spans();
    let kept = edit_spans(batch.clone(), |_, _, _, _| Edit::Keep);
    assert_eq!(kept.chunks()[0].as_ptr(), batch.chunks()[0].as_ptr());
    let mut two = batch.clone();
    two.append(batch.clone());
    let parts = two.split(3, 0);
    assert_eq!(parts.iter().map(TraceBatch::span_count).collect::<Vec<_>>(), [3, 3]);
    assert!(
        parts
            .iter()
            .all(|part| part.chunks()[0].as_ptr() == batch.chunks()[0].as_ptr())
    );
    let dropped = edit_spans(batch, |_, _, _, _| Edit::Drop);
    assert_eq!(
        (dropped.span_count(), dropped.byte_len(), dropped.chunks().len()),
        (0, 0, 0)
    );
}
