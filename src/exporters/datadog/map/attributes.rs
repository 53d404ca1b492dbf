//! Attributes as the mapping asks for them: by key, the first of its name counting, on the span and then on its resource. Values as text in
//! the form that Datadog's agent gives them, since people search for that text.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::json;
use crate::otlp::{KeyValueRef, ValueRef};

/// Attributes in their order.
#[derive(Default)]
pub(super) struct Attributes<'a>(Vec<(&'a str, ValueRef<'a>)>);

impl<'a> Attributes<'a> {
    pub(super) fn read(attributes: impl Iterator<Item = KeyValueRef<'a>>) -> Attributes<'a> {
        Attributes(
            attributes
                .map(|attribute| (attribute.key(), attribute.value()))
                .collect(),
        )
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> {
        self.0.iter().copied()
    }

    /// Those that `keep` says yes to.
    pub(super) fn filtered(&self, keep: impl Fn(&str, &ValueRef<'a>) -> bool) -> Attributes<'a> {
        Attributes(self.iter().filter(|(key, value)| keep(key, value)).collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<ValueRef<'a>> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    /// The value where it is text; empty where it is something else. `None` where there is no such attribute.
    pub(super) fn string(&self, key: &str) -> Option<&'a str> {
        self.get(key).map(|value| value.as_str().unwrap_or_default())
    }

    /// Text that is not empty.
    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.string(key).filter(|text| !text.is_empty())
    }

    /// The first of the keys that is there, whatever its value, as text.
    pub(super) fn any(&self, keys: &[&str]) -> Option<Cow<'a, str>> {
        let value = keys.iter().find_map(|key| self.get(key))?;
        Some(as_text(value)).filter(|text| !text.is_empty())
    }
}

/// Where a fact about a span is looked for: on the span, then on its resource.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a, 'b> {
    pub(super) span: &'b Attributes<'a>,
    pub(super) resource: &'b Attributes<'a>,
}

impl<'a> Facts<'a, '_> {
    /// The first of the keys whose value is text and not empty; else empty.
    pub(super) fn text(&self, keys: &[&str]) -> &'a str {
        let one = |key: &&str| self.span.text(key).or_else(|| self.resource.text(key));
        keys.iter().find_map(one).unwrap_or_default()
    }

    /// An integer attribute.
    pub(super) fn integer(&self, key: &str) -> Option<i64> {
        let of = |attributes: &Attributes<'a>| attributes.get(key)?.as_int();
        of(self.span).or_else(|| of(self.resource))
    }

    /// The first of the keys that is an integer or text that reads as a whole number.
    pub(super) fn whole(&self, keys: &[&str]) -> Option<i64> {
        keys.iter().find_map(|key| {
            self.integer(key).or_else(|| {
                let text = self.text(&[key]);
                text.parse().ok().or_else(|| whole(text.parse().ok()?))
            })
        })
    }

    /// The first of the keys that is text or an integer, as text.
    pub(super) fn text_or_integer(&self, keys: &[&str]) -> Option<Cow<'a, str>> {
        keys.iter().find_map(|key| match self.text(&[key]) {
            "" => self.integer(key).map(|number| Cow::Owned(number.to_string())),
            text => Some(Cow::Borrowed(text)),
        })
    }

    /// The first of the keys that is there with any value, on the resource before the span: the order of Datadog's older names.
    pub(super) fn resource_first(&self, keys: &[&str]) -> Option<Cow<'a, str>> {
        self.resource.any(keys).or_else(|| self.span.any(keys))
    }
}

/// A number without a fraction.
fn whole(number: f64) -> Option<i64> {
    let whole = number as i64;
    (whole as f64 == number).then_some(whole)
}

/// Any value as text: lists and maps as JSON, bytes in Base64.
pub(super) fn as_text(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Empty => Cow::Borrowed(""),
        ValueRef::Str(text) => Cow::Borrowed(text),
        ValueRef::Bool(true) => Cow::Borrowed("true"),
        ValueRef::Bool(false) => Cow::Borrowed("false"),
        ValueRef::Int(number) => Cow::Owned(number.to_string()),
        ValueRef::Double(number) => {
            Cow::Owned(json::number(number).unwrap_or_else(|name| format!("json: unsupported value: {name}")))
        }
        ValueRef::Bytes(bytes) => Cow::Owned(STANDARD.encode(bytes)),
        ValueRef::Array(_) | ValueRef::KvList(_) => {
            let mut out = String::new();
            Cow::Owned(json::value(value, &mut out).map_or_else(|_| String::new(), |()| out))
        }
    }
}
