//! `AnyValue` read from the wire. Keeps protobuf's merge rules: a oneof's last field wins, and fields of the same message
//! type that follow each other are one message in pieces. Refuses to allocate for that.

use std::fmt;

use super::KeyValueRef;
use super::view::utf8;
use super::wire::{Field, Raw, bodies, delimited, fields, varint};

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

impl<'a> ValueRef<'a> {
    /// The string, where it is one.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            ValueRef::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, where it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            ValueRef::Int(value) => Some(*value),
            _ => None,
        }
    }
}

/// An `ArrayValue`.
#[derive(Clone, Copy)]
pub struct ArrayRef<'a> {
    pub(super) body: Body<'a>,
}

impl<'a> ArrayRef<'a> {
    /// The values, in order.
    pub fn values(&self) -> impl Iterator<Item = ValueRef<'a>> + use<'a> {
        self.body
            .pieces()
            .flat_map(|piece| bodies(piece, 1))
            .map(|value| last_value(Enclosing::Whole(value)))
    }
}

/// A `KeyValueList`.
#[derive(Clone, Copy)]
pub struct KvListRef<'a> {
    pub(super) body: Body<'a>,
}

impl<'a> KvListRef<'a> {
    /// The entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = KeyValueRef<'a>> + use<'a> {
        self.body
            .pieces()
            .flat_map(|piece| bodies(piece, 1))
            .map(|wire| KeyValueRef { wire })
    }
}

impl fmt::Debug for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueRef::Empty => f.write_str("()"),
            ValueRef::Str(value) => fmt::Debug::fmt(value, f),
            ValueRef::Bool(value) => fmt::Debug::fmt(value, f),
            ValueRef::Int(value) => fmt::Debug::fmt(value, f),
            ValueRef::Double(value) => fmt::Debug::fmt(value, f),
            ValueRef::Bytes(value) => fmt::Debug::fmt(value, f),
            ValueRef::Array(array) => fmt::Debug::fmt(array, f),
            ValueRef::KvList(list) => fmt::Debug::fmt(list, f),
        }
    }
}

impl fmt::Debug for ArrayRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

impl fmt::Debug for KvListRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.entries().map(|entry| (entry.key(), entry.value())))
            .finish()
    }
}

/// Where an `AnyValue` stands.
#[derive(Clone, Copy)]
pub(super) enum Enclosing<'a> {
    /// These are its bytes.
    Whole(&'a [u8]),
    /// All fields of that number in this message are its bytes, one after the other.
    Fields(&'a [u8], u8),
}

impl<'a> Enclosing<'a> {
    #[inline]
    fn fields(self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let (whole, parts) = match self {
            Enclosing::Whole(wire) => (Some(wire), None),
            Enclosing::Fields(wire, tag) => (None, Some(bodies(wire, tag))),
        };
        whole
            .into_iter()
            .chain(parts.into_iter().flatten())
            .flat_map(fields)
            .filter(|field| field.tag <= 8)
    }
}

/// The bytes of an `ArrayValue` or `KeyValueList`.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    /// In one piece, as every encoder writes it.
    One(&'a [u8]),
    /// In pieces: the fields of the `AnyValue` from that position on.
    Pieces(Enclosing<'a>, usize),
}

impl<'a> Body<'a> {
    /// The pieces, whose concatenation is the message.
    #[inline]
    pub(super) fn pieces(self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (one, pieces) = match self {
            Body::One(body) => (Some(body), None),
            Body::Pieces(value, from) => (
                None,
                Some(value.fields().skip(from).filter_map(|field| field.raw.bytes())),
            ),
        };
        one.into_iter().chain(pieces.into_iter().flatten())
    }
}

/// Reads an `AnyValue` in the form that every encoder writes: one field, nothing else. `None` for any other form, which
/// may be as valid.
#[inline]
pub(super) fn usual_value(wire: &[u8]) -> Option<ValueRef<'_>> {
    let (&key, mut rest) = wire.split_first()?;
    let value = match key {
        0x0a => ValueRef::Str(utf8(delimited(&mut rest)?)),
        0x10 => ValueRef::Bool(varint(&mut rest)? != 0),
        0x18 => ValueRef::Int(varint(&mut rest)? as i64),
        0x2a => ValueRef::Array(ArrayRef {
            body: Body::One(delimited(&mut rest)?),
        }),
        0x32 => ValueRef::KvList(KvListRef {
            body: Body::One(delimited(&mut rest)?),
        }),
        _ => return None,
    };
    rest.is_empty().then_some(value)
}

/// Reads an `AnyValue`: the last field of its oneof, merged with those of the same number right before it.
#[inline]
pub(super) fn last_value(value: Enclosing<'_>) -> ValueRef<'_> {
    let mut last: Option<Field<'_>> = None;
    // Position of the first field of the run that the last one ends, and of the next field.
    let (mut run, mut next) = (0, 0);
    for field in value.fields() {
        if last.is_none_or(|last| last.tag != field.tag) {
            run = next;
        }
        next += 1;
        last = Some(field);
    }
    let body = |bytes| {
        if next - run == 1 {
            Body::One(bytes)
        } else {
            Body::Pieces(value, run)
        }
    };
    match last.map(|field| (field.tag, field.raw)) {
        Some((1, Raw::Bytes(text))) => ValueRef::Str(utf8(text)),
        Some((2, Raw::Varint(value))) => ValueRef::Bool(value != 0),
        Some((3, Raw::Varint(value))) => ValueRef::Int(value as i64),
        Some((4, Raw::Fixed64(value))) => ValueRef::Double(f64::from_bits(value)),
        Some((5, Raw::Bytes(bytes))) => ValueRef::Array(ArrayRef { body: body(bytes) }),
        Some((6, Raw::Bytes(bytes))) => ValueRef::KvList(KvListRef { body: body(bytes) }),
        Some((7, Raw::Bytes(bytes))) => ValueRef::Bytes(bytes),
        // 8 is an index into a string table that traces do not have.
        _ => ValueRef::Empty,
    }
}
