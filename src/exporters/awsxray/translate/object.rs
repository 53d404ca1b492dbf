//! JSON objects as segments need them: what is empty is left out or null, as in the documents of the Collector. Refuses nothing: numbers
//! that JSON cannot hold become text.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use crate::otlp::{KeyValueRef, ValueRef};

/// A JSON object under construction.
#[derive(Debug, Clone, Default)]
pub(super) struct Object(pub(super) Map<String, Value>);

impl Object {
    /// Sets a member.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Sets a member, where there is a text for it.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.set(name, text);
        }
    }

    /// Sets a member to the text, or to null without one.
    pub(super) fn text_or_null(&mut self, name: &str, text: &str) {
        let value = if text.is_empty() { Value::Null } else { text.into() };
        self.set(name, value);
    }

    /// Sets a member, where it has anything in it.
    pub(super) fn filled(&mut self, name: &str, value: Map<String, Value>) {
        if !value.is_empty() {
            self.set(name, value);
        }
    }

    /// Sets a member, where there is one.
    pub(super) fn maybe(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Value {
        Value::Object(object.0)
    }
}

/// The text of a value; empty where it is of another type.
pub(super) fn text(value: ValueRef<'_>) -> &str {
    value.as_str().unwrap_or_default()
}

/// Any value as JSON: bytes in base64, no value as null.
pub(super) fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Empty => Value::Null,
        ValueRef::Bytes(bytes) => STANDARD.encode(bytes).into(),
        ValueRef::Array(array) => array.values().map(json).collect(),
        ValueRef::KvList(list) => object(list.entries()).into(),
        plain => scalar(plain).unwrap_or_default(),
    }
}

/// Attributes as JSON.
pub(super) fn object<'a>(attributes: impl Iterator<Item = KeyValueRef<'a>>) -> Object {
    let members = attributes.map(|attribute| (attribute.key().to_owned(), json(attribute.value())));
    Object(members.collect())
}

/// A string, boolean or number as JSON, which are the types that X-Ray can index; `None` for others.
pub(super) fn scalar(value: ValueRef<'_>) -> Option<Value> {
    match value {
        ValueRef::Str(text) => Some(text.into()),
        ValueRef::Bool(truth) => Some(truth.into()),
        ValueRef::Int(number) => Some(number.into()),
        ValueRef::Double(number) if number.is_finite() => Some(number.into()),
        ValueRef::Double(number) => Some(number.to_string().into()),
        _ => None,
    }
}
