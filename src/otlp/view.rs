//! Zero-copy views over validated wire bytes. A view never fails: what `validate` let in can be read. Where a field is
//! repeated on the wire the last one wins, as in protobuf.

use super::schema::{SPAN_ATTRIBUTES_TAG, SPAN_EVENTS_TAG};
use super::value::{Enclosing, last_value, usual_value};
use super::wire::{LEN, Raw, bodies, fields, key, step, usual_key, usual_key_value};
use super::{SpanId, TraceId, ValueRef};

/// The last value of a string field; empty where absent.
#[inline]
fn text(wire: &[u8], tag: u8) -> &str {
    utf8(bytes(wire, tag))
}

/// The text of validated bytes. A second check costs less than `unsafe`.
#[inline]
pub(super) fn utf8(bytes: &[u8]) -> &str {
    simdutf8::basic::from_utf8(bytes).unwrap_or_default()
}

/// The last value of a length-delimited field; empty where absent.
#[inline]
fn bytes(wire: &[u8], tag: u8) -> &[u8] {
    bodies(wire, tag).last().unwrap_or_default()
}

/// The last value of a number field; 0 where absent.
#[inline]
fn number(wire: &[u8], tag: u32) -> u64 {
    fields(wire)
        .filter(|field| field.tag == tag)
        .last()
        .map_or(0, |field| field.raw.number())
}

/// The last value of a `uint32` or `fixed32` field; wider values lose their high bits, as in every decoder.
#[inline]
fn count(wire: &[u8], tag: u32) -> u32 {
    number(wire, tag) as u32
}

/// The attributes of a message.
#[inline]
fn attributes(wire: &[u8], tag: u8) -> impl Iterator<Item = KeyValueRef<'_>> {
    bodies(wire, tag).map(|wire| KeyValueRef { wire })
}

/// A `ResourceSpans` message.
#[derive(Clone, Copy)]
pub struct ResourceSpansRef<'a> {
    pub(super) wire: &'a [u8],
}

impl<'a> ResourceSpansRef<'a> {
    /// The encoded message, without its length prefix.
    pub fn wire(&self) -> &'a [u8] {
        self.wire
    }
    /// Attributes of the resource.
    pub fn attributes(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        bodies(self.wire, 1).flat_map(|resource| attributes(resource, 1))
    }
    /// `service.name` of the resource, where it is a string.
    pub fn service_name(&self) -> Option<&'a str> {
        let found = self
            .attributes()
            .find(|attribute| attribute.key_bytes() == super::keys::SERVICE_NAME.as_bytes());
        match found?.value() {
            ValueRef::Str(name) => Some(name),
            _ => None,
        }
    }
    /// Number of resource attributes that the emitter dropped.
    pub fn dropped_attributes_count(&self) -> u32 {
        bodies(self.wire, 1)
            .flat_map(fields)
            .filter(|field| field.tag == 2)
            .last()
            .map_or(0, |field| field.raw.number() as u32)
    }
    /// `schema_url`.
    pub fn schema_url(&self) -> &'a str {
        text(self.wire, 3)
    }
    /// The scopes, in order.
    pub fn scope_spans(&self) -> impl Iterator<Item = ScopeSpansRef<'a>> + use<'a> {
        bodies(self.wire, 2).map(|wire| ScopeSpansRef { wire })
    }
}

/// A `ScopeSpans` message.
#[derive(Clone, Copy)]
pub struct ScopeSpansRef<'a> {
    pub(super) wire: &'a [u8],
}

impl<'a> ScopeSpansRef<'a> {
    /// The encoded message, without its length prefix.
    pub fn wire(&self) -> &'a [u8] {
        self.wire
    }
    /// Name of the instrumentation scope, empty where absent.
    pub fn scope_name(&self) -> &'a str {
        bodies(self.wire, 1)
            .filter_map(|scope| bodies(scope, 1).last())
            .last()
            .map(utf8)
            .unwrap_or_default()
    }
    /// Version of the instrumentation scope, empty where absent.
    pub fn scope_version(&self) -> &'a str {
        bodies(self.wire, 1)
            .filter_map(|scope| bodies(scope, 2).last())
            .last()
            .map(utf8)
            .unwrap_or_default()
    }
    /// Attributes of the instrumentation scope.
    pub fn scope_attributes(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        bodies(self.wire, 1).flat_map(|scope| attributes(scope, 3))
    }
    /// Number of scope attributes that the emitter dropped.
    pub fn dropped_attributes_count(&self) -> u32 {
        bodies(self.wire, 1)
            .flat_map(fields)
            .filter(|field| field.tag == 4)
            .last()
            .map_or(0, |field| field.raw.number() as u32)
    }
    /// `schema_url`.
    pub fn schema_url(&self) -> &'a str {
        text(self.wire, 3)
    }
    /// The spans, in order.
    pub fn spans(&self) -> impl Iterator<Item = SpanRef<'a>> + use<'a> {
        bodies(self.wire, 2).map(|wire| SpanRef { wire })
    }
}

/// A `Span` message.
#[derive(Clone, Copy)]
pub struct SpanRef<'a> {
    pub(super) wire: &'a [u8],
}

impl<'a> SpanRef<'a> {
    /// The encoded span, without its length prefix.
    pub fn wire(&self) -> &'a [u8] {
        self.wire
    }
    /// Trace id; never zero in validated data.
    pub fn trace_id(&self) -> TraceId {
        TraceId::from_slice(bytes(self.wire, 1)).unwrap_or_default()
    }
    /// Span id; never zero in validated data.
    pub fn span_id(&self) -> SpanId {
        SpanId::from_slice(bytes(self.wire, 2)).unwrap_or_default()
    }
    /// Parent span id, where there is one that is not zero.
    pub fn parent_span_id(&self) -> Option<SpanId> {
        SpanId::from_slice(bytes(self.wire, 4)).filter(|parent| !parent.is_zero())
    }
    /// `trace_state`.
    pub fn trace_state(&self) -> &'a str {
        text(self.wire, 3)
    }
    /// `flags`.
    pub fn flags(&self) -> u32 {
        count(self.wire, 16)
    }
    /// Name.
    pub fn name(&self) -> &'a str {
        text(self.wire, 5)
    }
    /// `kind` as its number, 0–5.
    pub fn kind(&self) -> i32 {
        number(self.wire, 6) as i32
    }
    /// Start, nanoseconds since the Unix epoch.
    pub fn start_unix_nano(&self) -> u64 {
        number(self.wire, 7)
    }
    /// End, nanoseconds since the Unix epoch.
    pub fn end_unix_nano(&self) -> u64 {
        number(self.wire, 8)
    }
    /// Attributes, in order; a key may stand twice in foreign data.
    pub fn attributes(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        attributes(self.wire, 9)
    }
    /// Attributes and events in one pass, in the order of the wire.
    pub fn attributes_and_events(&self) -> impl Iterator<Item = AttributeOrEvent<'a>> + use<'a> {
        const ATTRIBUTE: u8 = key(SPAN_ATTRIBUTES_TAG, LEN);
        const EVENT: u8 = key(SPAN_EVENTS_TAG, LEN);
        let mut rest = self.wire;
        std::iter::from_fn(move || {
            loop {
                match step(&mut rest)? {
                    (ATTRIBUTE, wire) => return Some(AttributeOrEvent::Attribute(KeyValueRef { wire })),
                    (EVENT, wire) => return Some(AttributeOrEvent::Event(EventRef { wire })),
                    _ => {}
                }
            }
        })
    }
    /// First attribute with that key.
    pub fn attribute(&self, key: &str) -> Option<ValueRef<'a>> {
        self.attributes()
            .find(|attribute| attribute.key_bytes() == key.as_bytes())
            .map(|found| found.value())
    }
    /// Number of attributes that the emitter dropped.
    pub fn dropped_attributes_count(&self) -> u32 {
        count(self.wire, 10)
    }
    /// Events, in order.
    pub fn events(&self) -> impl Iterator<Item = EventRef<'a>> + use<'a> {
        bodies(self.wire, 11).map(|wire| EventRef { wire })
    }
    /// Number of events that the emitter dropped.
    pub fn dropped_events_count(&self) -> u32 {
        count(self.wire, 12)
    }
    /// Links, in order.
    pub fn links(&self) -> impl Iterator<Item = LinkRef<'a>> + use<'a> {
        bodies(self.wire, 13).map(|wire| LinkRef { wire })
    }
    /// Number of links that the emitter dropped.
    pub fn dropped_links_count(&self) -> u32 {
        count(self.wire, 14)
    }
    /// Status; code 0 and an empty message where absent.
    pub fn status(&self) -> StatusRef<'a> {
        let mut status = StatusRef { code: 0, message: "" };
        for field in bodies(self.wire, 15).flat_map(fields) {
            match (field.tag, field.raw) {
                (2, Raw::Bytes(message)) => status.message = utf8(message),
                (3, Raw::Varint(code)) => status.code = code as i32,
                _ => {}
            }
        }
        status
    }
}

/// What [`SpanRef::attributes_and_events`] yields.
#[derive(Clone, Copy)]
pub enum AttributeOrEvent<'a> {
    /// An attribute.
    Attribute(KeyValueRef<'a>),
    /// An event.
    Event(EventRef<'a>),
}

/// A span's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRef<'a> {
    /// 0 unset, 1 ok, 2 error.
    pub code: i32,
    /// Message of an error.
    pub message: &'a str,
}

/// An event of a span.
#[derive(Clone, Copy)]
pub struct EventRef<'a> {
    pub(super) wire: &'a [u8],
}

impl<'a> EventRef<'a> {
    /// Time, nanoseconds since the Unix epoch.
    pub fn time_unix_nano(&self) -> u64 {
        number(self.wire, 1)
    }
    /// Name.
    pub fn name(&self) -> &'a str {
        text(self.wire, 2)
    }
    /// Attributes, in order.
    pub fn attributes(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        attributes(self.wire, 3)
    }
    /// Number of attributes that the emitter dropped.
    pub fn dropped_attributes_count(&self) -> u32 {
        count(self.wire, 4)
    }
}

/// A link of a span.
#[derive(Clone, Copy)]
pub struct LinkRef<'a> {
    pub(super) wire: &'a [u8],
}

impl<'a> LinkRef<'a> {
    /// Trace id; zero where absent.
    pub fn trace_id(&self) -> TraceId {
        TraceId::from_slice(bytes(self.wire, 1)).unwrap_or_default()
    }
    /// Span id; zero where absent.
    pub fn span_id(&self) -> SpanId {
        SpanId::from_slice(bytes(self.wire, 2)).unwrap_or_default()
    }
    /// `trace_state`.
    pub fn trace_state(&self) -> &'a str {
        text(self.wire, 3)
    }
    /// `flags`.
    pub fn flags(&self) -> u32 {
        count(self.wire, 6)
    }
    /// Attributes, in order.
    pub fn attributes(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        attributes(self.wire, 4)
    }
    /// Number of attributes that the emitter dropped.
    pub fn dropped_attributes_count(&self) -> u32 {
        count(self.wire, 5)
    }
}

/// One attribute.
#[derive(Clone, Copy)]
pub struct KeyValueRef<'a> {
    pub(super) wire: &'a [u8],
}

impl<'a> KeyValueRef<'a> {
    /// The key's bytes, which are UTF-8: for comparing without a second check.
    #[inline]
    pub fn key_bytes(&self) -> &'a [u8] {
        usual_key(self.wire).unwrap_or_else(|| self.last_key())
    }
    #[inline(never)]
    fn last_key(&self) -> &'a [u8] {
        bytes(self.wire, 1)
    }
    /// The key.
    pub fn key(&self) -> &'a str {
        utf8(self.key_bytes())
    }
    /// The value; `Empty` where absent.
    pub fn value(&self) -> ValueRef<'a> {
        match usual_key_value(self.wire) {
            Some((_, value)) => usual_value(value).unwrap_or_else(|| last_value(Enclosing::Whole(value))),
            None => last_value(Enclosing::Fields(self.wire, 2)),
        }
    }
}
