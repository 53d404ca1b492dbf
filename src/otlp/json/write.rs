//! OTLP/JSON out of a batch, straight into a buffer: 64-bit integers as strings, ids as lower-case hex, bytes as Base64,
//! doubles that JSON lacks as protobuf's words. Fields at their default are left out, but for those that readers expect.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::otlp::view::utf8;
use crate::otlp::wire::{bodies, fields};
use crate::otlp::{
    EventRef, KeyValueRef, LinkRef, ResourceSpansRef, ScopeSpansRef, SpanRef, StatusRef, TraceBatch, ValueRef,
};

/// Appends the batch as one line of OTLP/JSON, without the line's end. Unknown fields have no JSON and are left out.
pub fn write(batch: &TraceBatch, out: &mut Vec<u8>) {
    let mut request = Object::open(out);
    request.list("resourceSpans", batch.resource_spans(), resource_spans);
    request.close();
}

/// An object under construction.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut Vec<u8>) -> Object<'a> {
        out.push(b'{');
        Object { out, empty: true }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    fn object(&mut self, key: &str) -> Object<'_> {
        Object::open(self.key(key))
    }

    fn list<T>(&mut self, key: &str, items: impl Iterator<Item = T>, write: impl Fn(T, &mut Vec<u8>)) {
        list(self.key(key), items, write);
    }

    /// A list, left out where it is empty.
    fn some<T>(&mut self, key: &str, items: impl Iterator<Item = T>, write: impl Fn(T, &mut Vec<u8>)) {
        let mut items = items.peekable();
        if items.peek().is_some() {
            self.list(key, items, write);
        }
    }

    /// A string, left out where it is empty.
    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            text(value, self.key(key));
        }
    }

    /// A number of at most 32 bits, left out where it is 0.
    fn number(&mut self, key: &str, value: impl Into<i64>) {
        let value = value.into();
        if value != 0 {
            print(self.key(key), format_args!("{value}"));
        }
    }

    fn nanos(&mut self, key: &str, value: u64) {
        print(self.key(key), format_args!("\"{value}\""));
    }

    fn attributes<'b>(&mut self, attributes: impl Iterator<Item = KeyValueRef<'b>>) {
        self.some("attributes", attributes, key_value);
    }
}

fn list<T>(out: &mut Vec<u8>, items: impl Iterator<Item = T>, write: impl Fn(T, &mut Vec<u8>)) {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn print(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a Vec takes everything");
}

fn text(value: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a Vec takes everything");
}

fn resource_spans(resource: ResourceSpansRef<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    let mut inner = object.object("resource");
    inner.attributes(resource.attributes());
    inner.number("droppedAttributesCount", resource.dropped_attributes_count());
    inner.some(
        "entityRefs",
        bodies(resource.wire, 1).flat_map(|resource| bodies(resource, 3)),
        entity_ref,
    );
    inner.close();
    object.list("scopeSpans", resource.scope_spans(), scope_spans);
    object.text("schemaUrl", resource.schema_url());
    object.close();
}

fn entity_ref(wire: &[u8], out: &mut Vec<u8>) {
    let last = |tag| bodies(wire, tag).last().map(utf8).unwrap_or_default();
    let mut object = Object::open(out);
    object.text("schemaUrl", last(1));
    object.text("type", last(2));
    for (tag, key) in [(3, "idKeys"), (4, "descriptionKeys")] {
        let keys = fields(wire)
            .filter(|field| field.tag == tag)
            .filter_map(|field| field.raw.bytes());
        object.some(key, keys.map(utf8), text);
    }
    object.close();
}

fn scope_spans(scope: ScopeSpansRef<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    let mut inner = object.object("scope");
    inner.text("name", scope.scope_name());
    inner.text("version", scope.scope_version());
    inner.attributes(scope.scope_attributes());
    inner.number("droppedAttributesCount", scope.dropped_attributes_count());
    inner.close();
    object.list("spans", scope.spans(), span);
    object.text("schemaUrl", scope.schema_url());
    object.close();
}

fn span(span: SpanRef<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    print(object.key("traceId"), format_args!("\"{}\"", span.trace_id()));
    print(object.key("spanId"), format_args!("\"{}\"", span.span_id()));
    object.text("traceState", span.trace_state());
    if let Some(parent) = span.parent_span_id() {
        print(object.key("parentSpanId"), format_args!("\"{parent}\""));
    }
    object.number("flags", span.flags());
    text(span.name(), object.key("name"));
    print(object.key("kind"), format_args!("{}", span.kind()));
    object.nanos("startTimeUnixNano", span.start_unix_nano());
    object.nanos("endTimeUnixNano", span.end_unix_nano());
    object.attributes(span.attributes());
    object.number("droppedAttributesCount", span.dropped_attributes_count());
    object.some("events", span.events(), event);
    object.number("droppedEventsCount", span.dropped_events_count());
    object.some("links", span.links(), link);
    object.number("droppedLinksCount", span.dropped_links_count());
    let StatusRef { code, message } = span.status();
    let mut status = object.object("status");
    status.text("message", message);
    status.number("code", code);
    status.close();
    object.close();
}

fn event(event: EventRef<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    object.nanos("timeUnixNano", event.time_unix_nano());
    text(event.name(), object.key("name"));
    // Never left out: Langtrace refuses a request with an event that lacks them.
    object.list("attributes", event.attributes(), key_value);
    object.number("droppedAttributesCount", event.dropped_attributes_count());
    object.close();
}

fn link(link: LinkRef<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    print(object.key("traceId"), format_args!("\"{}\"", link.trace_id()));
    print(object.key("spanId"), format_args!("\"{}\"", link.span_id()));
    object.text("traceState", link.trace_state());
    object.attributes(link.attributes());
    object.number("droppedAttributesCount", link.dropped_attributes_count());
    object.number("flags", link.flags());
    object.close();
}

fn key_value(attribute: KeyValueRef<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    text(attribute.key(), object.key("key"));
    value(attribute.value(), object.key("value"));
    object.close();
}

fn value(any: ValueRef<'_>, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    match any {
        ValueRef::Empty => {}
        ValueRef::Str(value) => text(value, object.key("stringValue")),
        ValueRef::Bool(value) => print(object.key("boolValue"), format_args!("{value}")),
        ValueRef::Int(value) => print(object.key("intValue"), format_args!("\"{value}\"")),
        ValueRef::Double(value) => double(value, object.key("doubleValue")),
        ValueRef::Bytes(bytes) => text(&STANDARD.encode(bytes), object.key("bytesValue")),
        ValueRef::Array(array) => {
            let mut inner = object.object("arrayValue");
            inner.list("values", array.values(), value);
            inner.close();
        }
        ValueRef::KvList(map) => {
            let mut inner = object.object("kvlistValue");
            inner.list("values", map.entries(), key_value);
            inner.close();
        }
    }
    object.close();
}

fn double(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        serde_json::to_writer(out, &value).expect("a Vec takes everything");
    } else if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else {
        out.extend_from_slice(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    }
}
