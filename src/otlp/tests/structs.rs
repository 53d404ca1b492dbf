//! The same trace data as prost's structs: read through our views, edited and filtered by plain code.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;

use super::wild::{self, Entropy};
use crate::otlp::{KeyValueRef, SpanRef, TraceBatch, ValueRef};

pub(super) fn decoded(batch: &TraceBatch) -> Vec<ResourceSpans> {
    let wire = batch.clone().into_contiguous();
    ExportTraceServiceRequest::decode(wire)
        .expect("prost reads what validate let in")
        .resource_spans
}

pub(super) fn span_count(all: &[ResourceSpans]) -> usize {
    all.iter()
        .flat_map(|resource| &resource.scope_spans)
        .map(|scope| scope.spans.len())
        .sum()
}

/// A span with the headers that it stands under: resource and its schema URL, scope and its schema URL.
pub(super) type Headed = (Option<Resource>, String, Option<InstrumentationScope>, String, Span);

/// Each span with the headers that it stands under.
pub(super) fn flat(all: &[ResourceSpans]) -> Vec<Headed> {
    let mut spans = Vec::new();
    for resource in all {
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                spans.push((
                    resource.resource.clone(),
                    resource.schema_url.clone(),
                    scope.scope.clone(),
                    scope.schema_url.clone(),
                    span.clone(),
                ));
            }
        }
    }
    spans
}

/// Keeps the spans that `keep` keeps, and removes the scopes and resources that become empty by that.
fn retain(all: &mut Vec<ResourceSpans>, mut keep: impl FnMut(&mut Span) -> bool) {
    all.retain_mut(|resource| {
        let before = resource.scope_spans.len();
        resource.scope_spans.retain_mut(|scope| {
            let before = scope.spans.len();
            scope.spans.retain_mut(&mut keep);
            !scope.spans.is_empty() || before == 0
        });
        !resource.scope_spans.is_empty() || before == 0
    });
}

pub(super) fn without_bad_spans(mut all: Vec<ResourceSpans>) -> Vec<ResourceSpans> {
    let nonzero = |id: &[u8]| id.iter().any(|&byte| byte != 0);
    retain(&mut all, |span| {
        span.trace_id.len() == 16
            && nonzero(&span.trace_id)
            && span.span_id.len() == 8
            && nonzero(&span.span_id)
            && [0, 8].contains(&span.parent_span_id.len())
            && span
                .links
                .iter()
                .all(|link| [0, 16].contains(&link.trace_id.len()) && [0, 8].contains(&link.span_id.len()))
    });
    all
}

/// The decisions of `edit_wire`, on structs.
pub(super) fn edited(mut all: Vec<ResourceSpans>, entropy: &mut Entropy<'_>) -> Vec<ResourceSpans> {
    retain(&mut all, |span| {
        let decision = entropy.byte() % 4;
        if decision < 2 {
            return decision == 0;
        }
        let came: Vec<KeyValue> = std::mem::take(&mut span.attributes);
        let events: Vec<Event> = std::mem::take(&mut span.events);
        let (mut gone, mut sets, mut gone_events, mut added) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..entropy.byte() % 6 {
            let key = wild::text(entropy);
            match entropy.byte() % 8 {
                0 => span.name = key.to_string(),
                1 => span.name.push_str(key),
                2 | 3 => {
                    sets.retain(|set: &KeyValue| set.key != key);
                    sets.push(attribute(key, Any::IntValue(7)));
                    gone.push(key);
                }
                4 => {
                    sets.retain(|set: &KeyValue| set.key != key);
                    gone.push(key);
                }
                5 => added.push(Event {
                    time_unix_nano: 1,
                    name: key.to_string(),
                    attributes: vec![attribute("k", Any::StringValue(key.to_string()))],
                    dropped_attributes_count: 0,
                }),
                6 => gone_events.push(key),
                _ => gone.push(key),
            }
        }
        span.attributes = came
            .into_iter()
            .filter(|kv| !gone.contains(&kv.key.as_str()))
            .chain(sets)
            .collect();
        span.events = events
            .into_iter()
            .filter(|event| !gone_events.contains(&event.name.as_str()))
            .chain(added)
            .collect();
        true
    });
    all
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue {
        key: key.to_string(),
        value: Some(AnyValue { value: Some(value) }),
        key_strindex: 0,
    }
}

/// The batch as structs, by our views.
pub(super) fn by_views(batch: &TraceBatch) -> Vec<ResourceSpans> {
    let resources = batch.resource_spans().map(|resource| ResourceSpans {
        resource: Some(Resource {
            attributes: resource.attributes().map(key_value).collect(),
            dropped_attributes_count: resource.dropped_attributes_count(),
            entity_refs: Vec::new(),
        })
        .filter(|resource| *resource != Resource::default()),
        schema_url: resource.schema_url().to_string(),
        scope_spans: resource
            .scope_spans()
            .map(|scope| ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: scope.scope_name().to_string(),
                    version: scope.scope_version().to_string(),
                    attributes: scope.scope_attributes().map(key_value).collect(),
                    dropped_attributes_count: scope.dropped_attributes_count(),
                })
                .filter(|scope| *scope != InstrumentationScope::default()),
                schema_url: scope.schema_url().to_string(),
                spans: scope.spans().map(|view| span(&view)).collect(),
            })
            .collect(),
    });
    resources.collect()
}

fn span(view: &SpanRef<'_>) -> Span {
    let (status, parent) = (view.status(), view.parent_span_id());
    Span {
        trace_id: view.trace_id().0.to_vec(),
        span_id: view.span_id().0.to_vec(),
        trace_state: view.trace_state().to_string(),
        parent_span_id: parent.map(|id| id.0.to_vec()).unwrap_or_default(),
        flags: view.flags(),
        name: view.name().to_string(),
        kind: view.kind(),
        start_time_unix_nano: view.start_unix_nano(),
        end_time_unix_nano: view.end_unix_nano(),
        attributes: view.attributes().map(key_value).collect(),
        dropped_attributes_count: view.dropped_attributes_count(),
        events: view
            .events()
            .map(|event| Event {
                time_unix_nano: event.time_unix_nano(),
                name: event.name().to_string(),
                attributes: event.attributes().map(key_value).collect(),
                dropped_attributes_count: event.dropped_attributes_count(),
            })
            .collect(),
        dropped_events_count: view.dropped_events_count(),
        links: view
            .links()
            .map(|link| Link {
                trace_id: link.trace_id().0.to_vec(),
                span_id: link.span_id().0.to_vec(),
                trace_state: link.trace_state().to_string(),
                attributes: link.attributes().map(key_value).collect(),
                dropped_attributes_count: link.dropped_attributes_count(),
                flags: link.flags(),
            })
            .collect(),
        dropped_links_count: view.dropped_links_count(),
        status: Some(Status {
            message: status.message.to_string(),
            code: status.code,
        })
        .filter(|status| *status != Status::default()),
    }
}

fn key_value(view: KeyValueRef<'_>) -> KeyValue {
    assert_eq!(view.key().as_bytes(), view.key_bytes());
    KeyValue {
        key: view.key().to_string(),
        value: any(view.value()),
        key_strindex: 0,
    }
}

fn any(view: ValueRef<'_>) -> Option<AnyValue> {
    let value = match view {
        ValueRef::Empty => return None,
        ValueRef::Str(text) => Any::StringValue(text.to_string()),
        ValueRef::Bool(value) => Any::BoolValue(value),
        ValueRef::Int(value) => Any::IntValue(value),
        ValueRef::Double(value) => Any::DoubleValue(value),
        ValueRef::Bytes(bytes) => Any::BytesValue(bytes.to_vec()),
        ValueRef::Array(array) => Any::ArrayValue(ArrayValue {
            values: array.values().map(|value| any(value).unwrap_or_default()).collect(),
        }),
        ValueRef::KvList(list) => Any::KvlistValue(KeyValueList {
            values: list.entries().map(key_value).collect(),
        }),
    };
    Some(AnyValue { value: Some(value) })
}

/// Prost's structs without what the views do not tell: string-table indexes, entity references, and whether an empty message
/// is absent or there.
pub(super) fn as_viewed(mut all: Vec<ResourceSpans>) -> Vec<ResourceSpans> {
    for resource in &mut all {
        if let Some(inner) = &mut resource.resource {
            inner.entity_refs.clear();
            attributes_as_viewed(&mut inner.attributes);
        }
        resource.resource = resource.resource.take().filter(|inner| *inner != Resource::default());
        for scope in &mut resource.scope_spans {
            if let Some(inner) = &mut scope.scope {
                attributes_as_viewed(&mut inner.attributes);
            }
            scope.scope = scope
                .scope
                .take()
                .filter(|inner| *inner != InstrumentationScope::default());
            scope.spans.iter_mut().for_each(span_as_viewed);
        }
    }
    all
}

fn span_as_viewed(span: &mut Span) {
    attributes_as_viewed(&mut span.attributes);
    span.events
        .iter_mut()
        .for_each(|event| attributes_as_viewed(&mut event.attributes));
    for link in &mut span.links {
        attributes_as_viewed(&mut link.attributes);
        link.trace_id.resize(16, 0);
        link.span_id.resize(8, 0);
    }
    if span.parent_span_id == [0; 8] {
        span.parent_span_id.clear();
    }
    span.status = span.status.take().filter(|status| *status != Status::default());
}

fn attributes_as_viewed(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        attribute.key_strindex = 0;
        attribute.value = attribute.value.take().and_then(|mut value| {
            value_as_viewed(&mut value);
            value.value.is_some().then_some(value)
        });
    }
}

fn value_as_viewed(value: &mut AnyValue) {
    match &mut value.value {
        Some(Any::StringValueStrindex(_)) => value.value = None,
        Some(Any::ArrayValue(array)) => array.values.iter_mut().for_each(value_as_viewed),
        Some(Any::KvlistValue(list)) => attributes_as_viewed(&mut list.values),
        _ => {}
    }
}
