//! Attributes, values and events written to the wire, sizes first, so that each byte is written once. What it writes is
//! valid wherever it is put. Refuses to know where that is.

use super::schema::{self, MAX_DEPTH};
use super::validate::fits;
use super::value::Body;
use super::wire::{field_len, key, put_bytes, put_fixed64, put_frame, put_uint, put_varint, varint_len};
use super::{Value, ValueRef};

/// Field numbers of `AnyValue`.
const STRING: u8 = 1;
const BOOL: u8 = 2;
const INT: u8 = 3;
const DOUBLE: u8 = 4;
const ARRAY: u8 = 5;
const KVLIST: u8 = 6;
const BYTES: u8 = 7;

/// Levels that lie above the body of a value in an event's attribute, the deepest place that is written to: request,
/// resource, scope, span, event, attribute, value.
const LEVELS_ABOVE_BODY: u32 = 7;

/// A value whose size is known.
enum Sized<'a> {
    Value(Value<'a>),
    Message(u8, Body<'a>),
}

/// A value with the length of its `AnyValue`.
struct Measured<'a> {
    value: Sized<'a>,
    len: usize,
}

impl<'a> Measured<'a> {
    #[inline]
    fn new(value: Value<'a>) -> Measured<'a> {
        let plain = |value, len| Measured {
            value: Sized::Value(value),
            len,
        };
        match value {
            Value::Str(text) => plain(value, field_len(text.len())),
            Value::Bool(_) => plain(value, 2),
            Value::Int(int) => plain(value, 1 + varint_len(int as u64)),
            Value::Double(_) => plain(value, 9),
            Value::Bytes(bytes) => plain(value, field_len(bytes.len())),
            Value::Strings(texts) => plain(value, field_len(strings_len(texts))),
            Value::Copy(copied) => match copied {
                ValueRef::Empty => plain(value, 0),
                ValueRef::Str(text) => Measured::new(Value::Str(text)),
                ValueRef::Bool(value) => Measured::new(Value::Bool(value)),
                ValueRef::Int(value) => Measured::new(Value::Int(value)),
                ValueRef::Double(value) => Measured::new(Value::Double(value)),
                ValueRef::Bytes(bytes) => Measured::new(Value::Bytes(bytes)),
                ValueRef::Array(array) => Measured::message(ARRAY, array.body),
                ValueRef::KvList(list) => Measured::message(KVLIST, list.body),
            },
        }
    }

    /// A copied tree; written as no value at all where it would be nested too deep in its new place.
    fn message(tag: u8, body: Body<'a>) -> Measured<'a> {
        let message = if tag == ARRAY {
            &schema::ARRAY_VALUE
        } else {
            &schema::KEY_VALUE_LIST
        };
        let mut len = 0;
        for piece in body.pieces() {
            if !fits(message, piece, MAX_DEPTH - LEVELS_ABOVE_BODY) {
                return Measured {
                    value: Sized::Value(Value::Copy(ValueRef::Empty)),
                    len: 0,
                };
            }
            len += piece.len();
        }
        Measured {
            value: Sized::Message(tag, body),
            len: field_len(len),
        }
    }

    #[inline]
    fn put(&self, out: &mut Vec<u8>) {
        match self.value {
            Sized::Value(Value::Str(text)) => put_bytes(out, STRING, text.as_bytes()),
            Sized::Value(Value::Bool(value)) => put_uint(out, BOOL, u64::from(value)),
            Sized::Value(Value::Int(value)) => put_uint(out, INT, value as u64),
            Sized::Value(Value::Double(value)) => put_fixed64(out, DOUBLE, value.to_bits()),
            Sized::Value(Value::Bytes(bytes)) => put_bytes(out, BYTES, bytes),
            Sized::Value(Value::Strings(texts)) => {
                put_frame(out, ARRAY, strings_len(texts));
                for text in texts {
                    put_frame(out, 1, field_len(text.len()));
                    put_bytes(out, STRING, text.as_bytes());
                }
            }
            Sized::Value(Value::Copy(_)) => {}
            Sized::Message(tag, body) => {
                put_frame(out, tag, body.pieces().map(<[u8]>::len).sum());
                body.pieces().for_each(|piece| out.extend_from_slice(piece));
            }
        }
    }

    fn attribute_len(&self, key: &str) -> usize {
        field_len(key.len()) + field_len(self.len)
    }

    fn put_attribute(&self, out: &mut Vec<u8>, tag: u8, key: &str) {
        put_frame(out, tag, self.attribute_len(key));
        put_bytes(out, 1, key.as_bytes());
        put_frame(out, 2, self.len);
        self.put(out);
    }
}

fn strings_len(texts: &[&str]) -> usize {
    texts.iter().map(|text| field_len(field_len(text.len()))).sum()
}

/// Writes an attribute as the field `tag` of whatever message comes around it.
pub(super) fn put_attribute(out: &mut Vec<u8>, tag: u8, key: &str, value: Value<'_>) {
    Measured::new(value).put_attribute(out, tag, key);
}

/// Writes an event as a field of a span.
pub(super) fn put_event(out: &mut Vec<u8>, time_unix_nano: u64, name: &str, attributes: &[(&str, Value<'_>)]) {
    let attributes_len: usize = attributes
        .iter()
        .map(|(key, value)| field_len(Measured::new(*value).attribute_len(key)))
        .sum();
    put_frame(out, schema::SPAN_EVENTS_TAG, 9 + field_len(name.len()) + attributes_len);
    put_fixed64(out, 1, time_unix_nano);
    put_bytes(out, 2, name.as_bytes());
    for (key, value) in attributes {
        put_attribute(out, 3, key, *value);
    }
}

/// Writes a four-byte field, whose number may need two bytes.
pub(super) fn put_fixed32(out: &mut Vec<u8>, tag: u8, value: u32) {
    put_varint(out, u64::from(tag) << 3 | u64::from(key(0, super::wire::FIXED32)));
    out.extend_from_slice(&value.to_le_bytes());
}
