//! Zero-copy views over validated wire bytes. A view never fails: what `validate` let in can be read. Where a field is
//! repeated on the wire the last one wins, as in protobuf.

use super::{SpanId, TraceId};

/// A `ResourceSpans` message.
#[derive(Clone, Copy)]
pub struct ResourceSpansRef<'a> {
    pub(super) wire: &'a [u8],
}

impl<'a> ResourceSpansRef<'a> {
    /// Attributes of the resource.
    pub fn attributes(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        std::iter::empty()
    }
    /// `service.name` of the resource, where it is a string.
    pub fn service_name(&self) -> Option<&'a str> {
        todo!()
    }
    /// `schema_url`.
    pub fn schema_url(&self) -> &'a str {
        todo!()
    }
    /// The scopes, in order.
    pub fn scope_spans(&self) -> impl Iterator<Item = ScopeSpansRef<'a>> + use<'a> {
        std::iter::empty()
    }
}

/// A `ScopeSpans` message.
#[derive(Clone, Copy)]
pub struct ScopeSpansRef<'a> {
    pub(super) wire: &'a [u8],
}

impl<'a> ScopeSpansRef<'a> {
    /// Name of the instrumentation scope, empty where absent.
    pub fn scope_name(&self) -> &'a str {
        todo!()
    }
    /// Version of the instrumentation scope, empty where absent.
    pub fn scope_version(&self) -> &'a str {
        todo!()
    }
    /// Attributes of the instrumentation scope.
    pub fn scope_attributes(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        std::iter::empty()
    }
    /// `schema_url`.
    pub fn schema_url(&self) -> &'a str {
        todo!()
    }
    /// The spans, in order.
    pub fn spans(&self) -> impl Iterator<Item = SpanRef<'a>> + use<'a> {
        std::iter::empty()
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
        todo!()
    }
    /// Span id; never zero in validated data.
    pub fn span_id(&self) -> SpanId {
        todo!()
    }
    /// Parent span id, where there is one that is not zero.
    pub fn parent_span_id(&self) -> Option<SpanId> {
        todo!()
    }
    /// `trace_state`.
    pub fn trace_state(&self) -> &'a str {
        todo!()
    }
    /// `flags`.
    pub fn flags(&self) -> u32 {
        todo!()
    }
    /// Name.
    pub fn name(&self) -> &'a str {
        todo!()
    }
    /// `kind` as its number, 0–5.
    pub fn kind(&self) -> i32 {
        todo!()
    }
    /// Start, nanoseconds since the Unix epoch.
    pub fn start_unix_nano(&self) -> u64 {
        todo!()
    }
    /// End, nanoseconds since the Unix epoch.
    pub fn end_unix_nano(&self) -> u64 {
        todo!()
    }
    /// Attributes, in order; a key may stand twice in foreign data.
    pub fn attributes(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        std::iter::empty()
    }
    /// First attribute with that key.
    pub fn attribute(&self, key: &str) -> Option<ValueRef<'a>> {
        let _ = key;
        todo!()
    }
    /// Number of attributes that the emitter dropped.
    pub fn dropped_attributes_count(&self) -> u32 {
        todo!()
    }
    /// Events, in order.
    pub fn events(&self) -> impl Iterator<Item = EventRef<'a>> + use<'a> {
        std::iter::empty()
    }
    /// Number of events that the emitter dropped.
    pub fn dropped_events_count(&self) -> u32 {
        todo!()
    }
    /// Links, in order.
    pub fn links(&self) -> impl Iterator<Item = LinkRef<'a>> + use<'a> {
        std::iter::empty()
    }
    /// Number of links that the emitter dropped.
    pub fn dropped_links_count(&self) -> u32 {
        todo!()
    }
    /// Status; code 0 and an empty message where absent.
    pub fn status(&self) -> StatusRef<'a> {
        todo!()
    }
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
        todo!()
    }
    /// Name.
    pub fn name(&self) -> &'a str {
        todo!()
    }
    /// Attributes, in order.
    pub fn attributes(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        std::iter::empty()
    }
    /// Number of attributes that the emitter dropped.
    pub fn dropped_attributes_count(&self) -> u32 {
        todo!()
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
        todo!()
    }
    /// Span id; zero where absent.
    pub fn span_id(&self) -> SpanId {
        todo!()
    }
    /// `trace_state`.
    pub fn trace_state(&self) -> &'a str {
        todo!()
    }
    /// `flags`.
    pub fn flags(&self) -> u32 {
        todo!()
    }
    /// Attributes, in order.
    pub fn attributes(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        std::iter::empty()
    }
    /// Number of attributes that the emitter dropped.
    pub fn dropped_attributes_count(&self) -> u32 {
        todo!()
    }
}

/// One attribute.
#[derive(Clone, Copy)]
pub struct KeyValueRef<'a> {
    pub(super) wire: &'a [u8],
}

impl<'a> KeyValueRef<'a> {
    /// The key's bytes, which are UTF-8: for comparing without a second check.
    pub fn key_bytes(&self) -> &'a [u8] {
        todo!()
    }
    /// The key.
    pub fn key(&self) -> &'a str {
        todo!()
    }
    /// The value; `Empty` where absent.
    pub fn value(&self) -> ValueRef<'a> {
        todo!()
    }
}

/// An `AnyValue`.
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    /// No value.
    Empty,
    /// A string.
    Str(&'a str),
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// A list of values; see [`ArrayRef::values`].
    Array(ArrayRef<'a>),
    /// A map; see [`KvListRef::entries`].
    KvList(KvListRef<'a>),
}

/// An `ArrayValue`.
#[derive(Clone, Copy)]
pub struct ArrayRef<'a> {
    pub(super) wire: &'a [u8],
}

impl<'a> ArrayRef<'a> {
    /// The values, in order.
    pub fn values(&self) -> impl Iterator<Item = ValueRef<'a>> + use<'a> {
        std::iter::empty()
    }
}

/// A `KeyValueList`.
#[derive(Clone, Copy)]
pub struct KvListRef<'a> {
    pub(super) wire: &'a [u8],
}

impl<'a> KvListRef<'a> {
    /// The entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        std::iter::empty()
    }
}
