//! Cuts the spans of one resource into requests that the hosted server takes as JSON, where every span carries its resource. Pieces repeat
//! no more of a resource and a scope than the spans carry, so that a large one is not copied into each.

use bytes::Bytes;

use super::{
    around::{Carried, cut},
    wire::Value,
};
use crate::otlp::{TraceBatch, validate};

/// Most bytes of a request. The hosted Langtrace refuses more than 4.5 MB.
pub(super) const MAX_BODY: usize = 4_000_000;

/// About what a span is in JSON beside its own bytes and those that it carries.
const SPAN: usize = 512;

/// Bytes of resource and scopes from which pieces get them trimmed.
const LARGE: usize = 64 << 10;

/// Fields of OTLP: `TracesData.resource_spans`, `ResourceSpans.resource`, `KeyValue.key` and others with the number 1.
const ONE: u8 = 0x0a;

/// Those with the number 2: `ResourceSpans.scope_spans`, `ScopeSpans.spans`, `KeyValue.value`, `InstrumentationScope.version`.
const TWO: u8 = 0x12;

/// `AnyValue.int_value`.
const INT: u8 = 0x18;

/// The requests of one resource, and the number of spans whose resource or scope was cut.
pub(super) fn fit(part: TraceBatch) -> (Vec<TraceBatch>, u64) {
    let (mut per_span, mut cut_spans, mut own) = (0, 0, 0);
    for resource in part.resource_spans() {
        let carried = Carried::of(resource);
        let mut scopes = 0;
        for scope in resource.scope_spans() {
            let (name, version) = (scope.scope_name(), scope.scope_version());
            let (short_name, short_version) = (cut(name), cut(version));
            let is_cut = carried.is_cut || short_name.len() < name.len() || short_version.len() < version.len();
            scopes = scopes.max(2 * (short_name.len() + short_version.len()));
            for span in scope.spans() {
                cut_spans += u64::from(is_cut);
                own += span.wire().len();
            }
        }
        per_span = per_span.max(carried.json_len() + scopes + SPAN);
    }
    let beside = part.byte_len().saturating_sub(own);
    let part = match cut_spans > 0 || beside > LARGE {
        true => trimmed(&part).unwrap_or(part),
        false => part,
    };
    if 2 * part.byte_len() + part.span_count() * per_span <= MAX_BODY {
        return (vec![part], cut_spans);
    }
    // Half of the room for what the spans bring, half for what is added to them.
    let max_spans = (MAX_BODY / 2 / per_span.max(1)).max(1);
    (part.split(max_spans, MAX_BODY / 4), cut_spans)
}

/// The same spans with as much of resource and scopes as they carry.
fn trimmed(part: &TraceBatch) -> Option<TraceBatch> {
    let mut out = Vec::with_capacity(part.byte_len());
    for resource in part.resource_spans() {
        let mut attributes = Vec::new();
        for attribute in Carried::of(resource).attributes {
            let mut value = Vec::new();
            match &attribute.value {
                Value::Text(text) => put(&mut value, ONE, text.as_bytes()),
                Value::Int(number) => {
                    value.push(INT);
                    put_varint(&mut value, *number as u64);
                }
            }
            let mut pair = Vec::with_capacity(attribute.key.len() + value.len() + 8);
            put(&mut pair, ONE, attribute.key.as_bytes());
            put(&mut pair, TWO, &value);
            put(&mut attributes, ONE, &pair);
        }
        let mut message = Vec::with_capacity(resource.wire().len());
        put(&mut message, ONE, &attributes);
        for scope in resource.scope_spans() {
            let mut name = Vec::new();
            put(&mut name, ONE, cut(scope.scope_name()).as_bytes());
            put(&mut name, TWO, cut(scope.scope_version()).as_bytes());
            let mut spans = Vec::with_capacity(scope.wire().len());
            put(&mut spans, ONE, &name);
            scope.spans().for_each(|span| put(&mut spans, TWO, span.wire()));
            put(&mut message, TWO, &spans);
        }
        put(&mut out, ONE, &message);
    }
    let trimmed = validate(Bytes::from(out)).ok()?.batch;
    (trimmed.span_count() == part.span_count()).then_some(trimmed)
}

fn put(out: &mut Vec<u8>, field: u8, body: &[u8]) {
    out.push(field);
    put_varint(out, body.len() as u64);
    out.extend_from_slice(body);
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
