//! A span as wire bytes again, with what a dialect reads of it alone: what the viewer got as JSON is read by the same readers as
//! what the pipeline gets.

use serde::Serialize;

use crate::{
    otlp::{TraceBatch, json},
    processors::signals::MessageKeys,
    viewer::model::{Attribute, Event, Scope, Span, Status},
};

/// Ids say nothing of a conversation; those of the span may be anything.
const TRACE_ID: &str = "00000000000000000000000000000001";
const SPAN_ID: &str = "0000000000000001";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [Resource<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    scope_spans: [InScope<'a>; 1],
}

#[derive(Serialize)]
struct InScope<'a> {
    scope: &'a Scope,
    spans: [One<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    trace_id: &'static str,
    span_id: &'static str,
    name: &'a str,
    kind: i32,
    status: &'a Status,
    attributes: &'a [Attribute],
    events: Vec<&'a Event>,
}

/// The span alone in a batch; `None` for one that was never on the wire.
pub(super) fn encode(span: &Span, keys: &MessageKeys) -> Option<TraceBatch> {
    let events = span.events.iter();
    let request = Request {
        resource_spans: [Resource {
            scope_spans: [InScope {
                scope: &span.scope,
                spans: [One {
                    trace_id: TRACE_ID,
                    span_id: SPAN_ID,
                    name: &span.name,
                    kind: span.kind,
                    status: &span.status,
                    attributes: &span.attributes,
                    events: events
                        .filter(|event| keys.is_read_event(&event.name) || event.name == "exception")
                        .collect(),
                }],
            }],
        }],
    };
    let text = serde_json::to_vec(&request).ok()?;
    json::read(&text).ok().map(|read| read.batch)
}
