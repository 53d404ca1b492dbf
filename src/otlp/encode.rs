//! Attributes, values and events written to the wire, sizes first, so that each byte is written once. What it writes is
//! valid wherever it is put. Refuses to know where that is.

use std::ops::Range;

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

/// The length of a plain value's `AnyValue`; `None` for lists and trees.
#[inline(always)]
fn plain_len(value: &Value<'_>) -> Option<usize> {
    Some(match *value {
        Value::Str(text) | Value::Copy(ValueRef::Str(text)) => field_len(text.len()),
        Value::Bool(_) | Value::Copy(ValueRef::Bool(_)) => 2,
        Value::Int(int) | Value::Copy(ValueRef::Int(int)) => 1 + varint_len(int as u64),
        Value::Double(_) | Value::Copy(ValueRef::Double(_)) => 9,
        Value::Bytes(bytes) | Value::Copy(ValueRef::Bytes(bytes)) => field_len(bytes.len()),
        Value::Copy(ValueRef::Empty) => 0,
        Value::Strings(_) | Value::Copy(ValueRef::Array(_) | ValueRef::KvList(_)) => return None,
    })
}

/// Writes the `AnyValue` of a plain value; nothing for lists and trees.
#[inline(always)]
fn put_plain(out: &mut Vec<u8>, value: &Value<'_>) {
    match *value {
        Value::Str(text) | Value::Copy(ValueRef::Str(text)) => put_bytes(out, STRING, text.as_bytes()),
        Value::Bool(value) | Value::Copy(ValueRef::Bool(value)) => put_uint(out, BOOL, u64::from(value)),
        Value::Int(int) | Value::Copy(ValueRef::Int(int)) => put_uint(out, INT, int as u64),
        Value::Double(double) | Value::Copy(ValueRef::Double(double)) => put_fixed64(out, DOUBLE, double.to_bits()),
        Value::Bytes(bytes) | Value::Copy(ValueRef::Bytes(bytes)) => put_bytes(out, BYTES, bytes),
        Value::Copy(ValueRef::Empty | ValueRef::Array(_) | ValueRef::KvList(_)) | Value::Strings(_) => {}
    }
}

/// The bodies of a copied tree's `AnyValue`: its field and that field's pieces. `None` where the value is no tree, or would
/// be nested too deep in its new place: it is written as no value then.
fn tree<'a>(value: &Value<'a>) -> Option<(u8, Body<'a>)> {
    let (tag, message, body) = match *value {
        Value::Copy(ValueRef::Array(array)) => (ARRAY, &schema::ARRAY_VALUE, array.body),
        Value::Copy(ValueRef::KvList(list)) => (KVLIST, &schema::KEY_VALUE_LIST, list.body),
        _ => return None,
    };
    let mut pieces = body.pieces();
    let fits = pieces.all(|piece| fits(message, piece, MAX_DEPTH - LEVELS_ABOVE_BODY));
    fits.then_some((tag, body))
}

fn pieces_len(body: Body<'_>) -> usize {
    body.pieces().map(<[u8]>::len).sum()
}

/// The length of a value's `AnyValue`.
#[inline]
fn value_len(value: &Value<'_>) -> usize {
    plain_len(value).unwrap_or_else(|| match value {
        Value::Strings(texts) => field_len(strings_len(texts)),
        other => tree(other).map_or(0, |(_, body)| field_len(pieces_len(body))),
    })
}

/// Writes the `AnyValue` of a list or tree.
#[inline(never)]
fn put_tree(out: &mut Vec<u8>, value: &Value<'_>) {
    if let Value::Strings(texts) = value {
        put_frame(out, ARRAY, strings_len(texts));
        for text in *texts {
            put_frame(out, 1, field_len(text.len()));
            put_bytes(out, STRING, text.as_bytes());
        }
    } else if let Some((tag, body)) = tree(value) {
        put_frame(out, tag, pieces_len(body));
        body.pieces().for_each(|piece| out.extend_from_slice(piece));
    }
}

fn strings_len(texts: &[&str]) -> usize {
    texts.iter().map(|text| field_len(field_len(text.len()))).sum()
}

/// The length of an attribute, given that of its `AnyValue`.
#[inline]
fn attribute_len(key: &str, value_len: usize) -> usize {
    field_len(key.len()) + field_len(value_len)
}

/// Writes an attribute as the field `tag` of whatever message comes around it. Says where in `out` the key stands.
#[inline]
pub(super) fn put_attribute(out: &mut Vec<u8>, tag: u8, key: &str, value: Value<'_>) -> Range<usize> {
    let plain = plain_len(&value);
    let len = plain.unwrap_or_else(|| value_len(&value));
    put_frame(out, tag, attribute_len(key, len));
    put_frame(out, 1, key.len());
    let start = out.len();
    out.extend_from_slice(key.as_bytes());
    put_frame(out, 2, len);
    match plain {
        Some(_) => put_plain(out, &value),
        None => put_tree(out, &value),
    }
    start..start + key.len()
}

/// Writes an event as a field of a span.
pub(super) fn put_event(out: &mut Vec<u8>, time_unix_nano: u64, name: &str, attributes: &[(&str, Value<'_>)]) {
    let attributes_len: usize = attributes
        .iter()
        .map(|(key, value)| field_len(attribute_len(key, value_len(value))))
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
