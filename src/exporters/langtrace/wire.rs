//! The request as Langtrace's server reads it, to be written as JSON. Everything that the server touches is there, empty or not: it
//! answers 404 to a span without times and to an event without attributes. Values are strings and integers, since it drops all others.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap as _, SerializeSeq as _},
};

use crate::otlp::ValueRef;

/// Largest integer that JavaScript's numbers hold exactly.
const EXACT: u64 = (1 << 53) - 1;

/// An `ExportTraceServiceRequest` of one resource and one scope: older servers read the first scope alone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request<'a> {
    pub(super) resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceSpans<'a> {
    pub(super) resource: Resource<'a>,
    pub(super) scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
pub(super) struct Resource<'a> {
    pub(super) attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
pub(super) struct ScopeSpans<'a> {
    pub(super) spans: Vec<Span<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span<'a> {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent_span_id: Option<String>,
    pub(super) name: &'a str,
    pub(super) kind: i32,
    #[serde(serialize_with = "as_text")]
    pub(super) start_time_unix_nano: u64,
    #[serde(serialize_with = "as_text")]
    pub(super) end_time_unix_nano: u64,
    pub(super) attributes: Vec<Attribute<'a>>,
    pub(super) events: Vec<Event<'a>>,
    pub(super) links: Vec<Link<'a>>,
    pub(super) status: Status<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(serialize_with = "as_text")]
    pub(super) time_unix_nano: u64,
    pub(super) name: &'a str,
    pub(super) attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link<'a> {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
pub(super) struct Status<'a> {
    pub(super) code: i32,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) message: &'a str,
}

#[derive(Serialize)]
pub(super) struct Attribute<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: Value<'a>,
}

impl<'a> Attribute<'a> {
    /// A text under that key.
    pub(super) fn text(key: &'a str, value: impl Into<Cow<'a, str>>) -> Attribute<'a> {
        Attribute {
            key: Cow::Borrowed(key),
            value: Value::Text(value.into()),
        }
    }
}

/// A value that survives there.
#[derive(Serialize, Clone)]
pub(super) enum Value<'a> {
    #[serde(rename = "stringValue")]
    Text(Cow<'a, str>),
    #[serde(rename = "intValue", serialize_with = "as_number")]
    Int(i64),
}

impl Value<'_> {
    /// Whether it is more than an empty text.
    pub(super) fn says_something(&self) -> bool {
        !matches!(self, Value::Text(text) if text.is_empty())
    }

    /// The same without a copy.
    pub(super) fn borrowed(&self) -> Value<'_> {
        match self {
            Value::Text(text) => Value::Text(Cow::Borrowed(text.as_ref())),
            Value::Int(number) => Value::Int(*number),
        }
    }

    /// Its bytes as a text; of a number, the most.
    pub(super) fn byte_len(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::Int(_) => 20,
        }
    }
}

impl<'a> From<ValueRef<'a>> for Value<'a> {
    fn from(value: ValueRef<'a>) -> Value<'a> {
        match value {
            ValueRef::Str(text) => Value::Text(Cow::Borrowed(text)),
            ValueRef::Int(number) => Value::Int(number),
            ValueRef::Empty => Value::Text(Cow::Borrowed("")),
            ValueRef::Bytes(bytes) => Value::Text(Cow::Owned(STANDARD.encode(bytes))),
            ValueRef::Double(number) if !number.is_finite() => Value::Text(Cow::Borrowed(unusual(number))),
            tree => Value::Text(Cow::Owned(
                serde_json::to_string(&Plain(tree)).expect("plain data has a text"),
            )),
        }
    }
}

/// The word for a number that JSON lacks.
fn unusual(number: f64) -> &'static str {
    match number {
        _ if number.is_nan() => "NaN",
        _ if number > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

/// A value as the JSON that a person would write.
struct Plain<'a>(ValueRef<'a>);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ValueRef::Empty => serializer.serialize_unit(),
            ValueRef::Str(text) => serializer.serialize_str(text),
            ValueRef::Bool(value) => serializer.serialize_bool(value),
            ValueRef::Int(value) => serializer.serialize_i64(value),
            ValueRef::Double(value) if value.is_finite() => serializer.serialize_f64(value),
            ValueRef::Double(value) => serializer.serialize_str(unusual(value)),
            ValueRef::Bytes(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            ValueRef::Array(array) => {
                let mut list = serializer.serialize_seq(None)?;
                for value in array.values() {
                    list.serialize_element(&Plain(value))?;
                }
                list.end()
            }
            ValueRef::KvList(entries) => {
                let mut map = serializer.serialize_map(None)?;
                for entry in entries.entries() {
                    map.serialize_entry(entry.key(), &Plain(entry.value()))?;
                }
                map.end()
            }
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// A number, so that the server's sums are sums; a text where JavaScript would round it. OTLP/JSON allows both.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn as_number<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.unsigned_abs() <= EXACT {
        serializer.serialize_i64(*number)
    } else {
        serializer.collect_str(number)
    }
}
