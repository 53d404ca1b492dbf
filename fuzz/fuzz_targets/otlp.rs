//! Any bytes: `validate` gives prost's verdict, and what it lets in can be walked, split, edited and written as JSON.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use plano::otlp::{Edit, TraceBatch, Value, edit_spans, json, validate};
use prost::Message as _;

fuzz_target!(|wire: &[u8]| {
    let expected = ExportTraceServiceRequest::decode(wire);
    let validated = validate(Bytes::copy_from_slice(wire));
    assert_eq!(expected.is_ok(), validated.is_ok(), "{expected:?} {validated:?}");
    let Ok(validated) = validated else { return };
    let batch = validated.batch;
    assert_eq!(walk(&batch), batch.span_count());
    let spans: usize = batch
        .clone()
        .split(2, 300)
        .iter()
        .map(|part| revalidated(part.clone()))
        .sum();
    assert_eq!(spans, batch.span_count());
    let mut text = Vec::new();
    json::write(&batch, &mut text);
    let read = json::read(&text).expect("what was written can be read");
    assert_eq!((read.batch.span_count(), read.rejected_spans), (batch.span_count(), 0));
    let edited = edit_spans(batch.clone(), |resource, _, span, edit| {
        edit.append_to_name("!");
        edit.delete("a");
        if let Some(first) = resource.attributes().next() {
            edit.set("copied", Value::Copy(first.value()));
            edit.add_event(1, "e", &[("copied", Value::Copy(first.value()))]);
        }
        if span.kind() == 1 { Edit::Keep } else { Edit::Apply }
    });
    assert_eq!(revalidated(edited), batch.span_count());
});

fn revalidated(batch: TraceBatch) -> usize {
    let again = validate(batch.into_contiguous()).expect("what is valid stays valid");
    assert_eq!(again.rejected_spans, 0);
    again.batch.span_count()
}

/// Reads everything there is, and counts the spans.
fn walk(batch: &TraceBatch) -> usize {
    let mut spans = 0;
    for resource in batch.resource_spans() {
        let _ = (
            resource.service_name(),
            resource.schema_url(),
            resource.attributes().count(),
        );
        for scope in resource.scope_spans() {
            let _ = (
                scope.scope_name(),
                scope.scope_version(),
                scope.schema_url(),
                scope.scope_attributes().count(),
            );
            for span in scope.spans() {
                spans += 1;
                assert!(!span.trace_id().is_zero() && !span.span_id().is_zero());
                let _ = (
                    span.parent_span_id(),
                    span.name(),
                    span.status(),
                    span.start_unix_nano(),
                    span.flags(),
                );
                span.attributes().for_each(|attribute| {
                    let _ = format!("{} {:?}", attribute.key(), attribute.value());
                });
                span.events()
                    .for_each(|event| assert!(event.attributes().count() <= span.wire().len()));
                span.links()
                    .for_each(|link| assert!(link.attributes().count() <= span.wire().len()));
            }
        }
    }
    spans
}
