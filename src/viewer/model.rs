//! A trace as it is shown: decoded from wire bytes on the listener's side, from JSON on the reader's, the same in both
//! places. The field names are the JSON contract. Values nested deeper than 32 levels are cut, and say so.

use serde::{Deserialize, Serialize};

use crate::otlp::{KeyValueRef, ResourceSpansRef, ScopeSpansRef, SpanRef, ValueRef};

/// Levels of lists and maps inside a value that are shown. JSON readers stop at 128 levels; each of ours takes three.
pub(super) const MAX_NESTING: usize = 32;

/// Spans that belong together, in any order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trace {
    /// Trace id of the root, 32 lower-case hex digits.
    pub trace_id: String,
    /// The spans, by start time.
    pub spans: Vec<Span>,
    /// How many of the spans came again with other content; of each the one is shown that ended last.
    #[serde(skip_serializing_if = "is_none")]
    pub variants: usize,
}

/// One span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Span {
    /// Its own trace id, which in a joined trace may differ from the root's.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits, or empty.
    pub parent_span_id: String,
    /// Name.
    pub name: String,
    /// OTLP's number: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub kind: i32,
    /// Nanoseconds since the Unix epoch.
    #[serde(with = "decimal")]
    pub start_time_unix_nano: u64,
    /// Nanoseconds since the Unix epoch.
    #[serde(with = "decimal")]
    pub end_time_unix_nano: u64,
    /// `service.name` of the resource, or `unknown`.
    pub service: String,
    /// Outcome.
    pub status: Status,
    /// Attributes, in the emitter's order.
    pub attributes: Vec<Attribute>,
    /// Events, in the emitter's order.
    pub events: Vec<Event>,
    /// Links.
    pub links: Vec<Link>,
    /// What emitted it.
    pub resource: Resource,
    /// Which instrumentation recorded it.
    pub scope: Scope,
}

/// A span's outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// 0 unset, 1 ok, 2 error.
    #[serde(skip_serializing_if = "is_zero")]
    pub code: i32,
    /// Message of an error.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// Key.
    pub key: String,
    /// Value; empty where the wire had none.
    #[serde(default)]
    pub value: Value,
}

/// An attribute's value; its JSON form is in `json.rs`.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Value {
    /// No value.
    #[default]
    Empty,
    /// Text.
    Str(String),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<Value>),
    /// A map.
    KvList(Vec<Attribute>),
}

/// Something that happened during a span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Event {
    /// Nanoseconds since the Unix epoch.
    #[serde(with = "decimal")]
    pub time_unix_nano: u64,
    /// Name.
    pub name: String,
    /// Attributes.
    pub attributes: Vec<Attribute>,
}

/// A pointer to another span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Link {
    /// Trace id of the other span.
    pub trace_id: String,
    /// Span id of the other span.
    pub span_id: String,
    /// Attributes.
    pub attributes: Vec<Attribute>,
}

/// What emitted a span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resource {
    /// Attributes.
    pub attributes: Vec<Attribute>,
}

/// Which instrumentation recorded a span.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// Name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(code: &i32) -> bool {
    *code == 0
}

impl Span {
    /// Decodes a span with what stands around it on the wire.
    pub fn decode(resource: &ResourceSpansRef<'_>, scope: &ScopeSpansRef<'_>, span: &SpanRef<'_>) -> Span {
        let status = span.status();
        Span {
            trace_id: span.trace_id().to_string(),
            span_id: span.span_id().to_string(),
            parent_span_id: span.parent_span_id().map(|id| id.to_string()).unwrap_or_default(),
            name: span.name().to_owned(),
            kind: span.kind(),
            start_time_unix_nano: span.start_unix_nano(),
            end_time_unix_nano: span.end_unix_nano(),
            service: resource.service_name().unwrap_or("unknown").to_owned(),
            status: Status {
                code: status.code,
                message: status.message.to_owned(),
            },
            attributes: attributes(span.attributes(), 0),
            events: span
                .events()
                .map(|event| Event {
                    time_unix_nano: event.time_unix_nano(),
                    name: event.name().to_owned(),
                    attributes: attributes(event.attributes(), 0),
                })
                .collect(),
            links: span
                .links()
                .map(|link| Link {
                    trace_id: link.trace_id().to_string(),
                    span_id: link.span_id().to_string(),
                    attributes: attributes(link.attributes(), 0),
                })
                .collect(),
            resource: Resource {
                attributes: attributes(resource.attributes(), 0),
            },
            scope: Scope {
                name: scope.scope_name().to_owned(),
                version: scope.scope_version().to_owned(),
            },
        }
    }

    /// The last attribute with that key; the last one is what later writers meant.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        find(&self.attributes, key)
    }

    /// Its length in nanoseconds; 0 where it ends before it starts.
    pub fn duration_nanos(&self) -> u64 {
        self.end_time_unix_nano.saturating_sub(self.start_time_unix_nano)
    }
}

impl Trace {
    /// Earliest start and latest end, nanoseconds since the Unix epoch; spans without a time are left out.
    pub fn bounds(&self) -> (u64, u64) {
        let timed = || self.spans.iter().filter(|span| span.start_time_unix_nano > 0);
        let start = timed().map(|span| span.start_time_unix_nano).min().unwrap_or(0);
        let end = timed()
            .map(|span| span.end_time_unix_nano.max(span.start_time_unix_nano))
            .max()
            .unwrap_or(0);
        (start, end)
    }
}

impl Value {
    /// As one line of text, as a person would write it: text bare, lists and maps in brackets.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// As a number, where it is one or is text that spells one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Double(number) => Some(*number),
            Value::Str(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    fn write(&self, out: &mut String) {
        use std::fmt::Write as _;
        match self {
            Value::Empty => {}
            Value::Str(text) => out.push_str(text),
            Value::Bool(truth) => write!(out, "{truth}").expect("a String takes all"),
            Value::Int(number) => write!(out, "{number}").expect("a String takes all"),
            Value::Double(number) => write!(out, "{number}").expect("a String takes all"),
            Value::Bytes(bytes) => {
                for byte in bytes {
                    write!(out, "{byte:02x}").expect("a String takes all");
                }
            }
            Value::Array(values) => {
                out.push('[');
                for (index, value) in values.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    value.write(out);
                }
                out.push(']');
            }
            Value::KvList(entries) => {
                out.push('{');
                for (index, entry) in entries.iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    out.push_str(&entry.key);
                    out.push_str(": ");
                    entry.value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// The last value with that key.
pub(super) fn find<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a Value> {
    attributes
        .iter()
        .rev()
        .find(|attribute| attribute.key == key)
        .map(|attribute| &attribute.value)
}

fn attributes<'a>(pairs: impl Iterator<Item = KeyValueRef<'a>>, depth: usize) -> Vec<Attribute> {
    pairs
        .map(|pair| Attribute {
            key: pair.key().to_owned(),
            value: value(pair.value(), depth),
        })
        .collect()
}

fn value(wire: ValueRef<'_>, depth: usize) -> Value {
    let cut = || Value::Str(format!("(nested deeper than {MAX_NESTING} levels)"));
    match wire {
        ValueRef::Empty => Value::Empty,
        ValueRef::Str(text) => Value::Str(text.to_owned()),
        ValueRef::Bool(truth) => Value::Bool(truth),
        ValueRef::Int(number) => Value::Int(number),
        ValueRef::Double(number) => Value::Double(number),
        ValueRef::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Array(_) | ValueRef::KvList(_) if depth >= MAX_NESTING => cut(),
        ValueRef::Array(list) => Value::Array(list.values().map(|inner| value(inner, depth + 1)).collect()),
        ValueRef::KvList(map) => Value::KvList(attributes(map.entries(), depth + 1)),
    }
}

/// 64-bit integers as decimal strings, as JSON in many languages needs them; reads numbers too.
mod decimal {
    use serde::{Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = u64;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number, as a string or a number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
                Ok(number)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
