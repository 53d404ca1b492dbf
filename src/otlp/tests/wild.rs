//! Messages as no encoder writes them, made from random bytes along the schema: so that proptest can shrink them.

use crate::otlp::schema::{ANY_VALUE, KEY_VALUE, Kind, Message, REQUEST, RESOURCE_SPANS, SCOPE_SPANS, SPAN};
use crate::otlp::wire::{self, put_varint};

/// Random bytes; zeros after the end.
pub(super) struct Entropy<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Entropy<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Entropy<'a> {
        Entropy { bytes: bytes.iter() }
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or_default()
    }

    fn number(&mut self) -> u64 {
        match self.byte() {
            0..80 => u64::from(self.byte()),
            80..160 => u64::from_le_bytes([0; 8].map(|_: u8| self.byte())),
            160..200 => u64::MAX,
            200..230 => 0,
            _ => 1 << 63,
        }
    }
}

const TEXTS: [&str; 8] = [
    "a",
    "",
    "service.name",
    "k2",
    "日本 🚩",
    "a text that is longer than the sixty-four bytes from where on SIMD checks it",
    "a längerer Text als die vierundsechzig Bytes, ab denen SIMD ihn prüft: é",
    "b",
];

pub(super) fn text(entropy: &mut Entropy<'_>) -> &'static str {
    TEXTS[usize::from(entropy.byte()) % TEXTS.len()]
}

/// A request; valid protobuf but for rare strings.
pub(super) fn request(entropy: &mut Entropy<'_>) -> Vec<u8> {
    message(&REQUEST, entropy, 0)
}

fn message(schema: &'static Message, entropy: &mut Entropy<'_>, depth: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let is = |other: &'static Message| std::ptr::eq(schema, other);
    if is(&SPAN) && entropy.byte() < 230 {
        let seed = entropy.byte() | 1;
        length_delimited(1, &[seed; 16], &mut out);
        length_delimited(2, &[seed; 8], &mut out);
    }
    let fields = match entropy.byte() {
        _ if depth > 12 => 0,
        byte if is(&REQUEST) || is(&RESOURCE_SPANS) || is(&SCOPE_SPANS) => 1 + byte % 5,
        byte if is(&KEY_VALUE) || is(&ANY_VALUE) => 1 + byte % 3,
        byte => byte % 7,
    };
    for _ in 0..fields {
        let choice = usize::from(entropy.byte());
        if choice < 16 {
            unknown(schema.fields.len() as u64 + 1 + choice as u64, entropy, &mut out);
            continue;
        }
        // Twice the chance for what holds the rest.
        let tag = if choice > 160 && (is(&RESOURCE_SPANS) || is(&SCOPE_SPANS)) {
            1
        } else {
            choice % schema.fields.len()
        };
        field(&schema.fields[tag].kind, tag as u64 + 1, entropy, &mut out, depth);
    }
    out
}

fn field(kind: &Kind, tag: u64, entropy: &mut Entropy<'_>, out: &mut Vec<u8>, depth: usize) {
    match kind {
        Kind::Reserved => unknown(tag, entropy, out),
        Kind::Bool | Kind::Int32 | Kind::Uint32 | Kind::Int64 | Kind::Enum(_) => {
            key(tag, wire::VARINT, out);
            put_varint(out, entropy.number());
        }
        Kind::Fixed32 => {
            key(tag, wire::FIXED32, out);
            out.extend_from_slice(&(entropy.number() as u32).to_le_bytes());
        }
        Kind::Fixed64 => {
            key(tag, wire::FIXED64, out);
            out.extend_from_slice(&entropy.number().to_le_bytes());
        }
        Kind::Double => {
            key(tag, wire::FIXED64, out);
            out.extend_from_slice(&f64::from(entropy.byte()).to_le_bytes());
        }
        Kind::Text if entropy.byte() == 255 => length_delimited(tag, &[b'a', 0xc3], out),
        Kind::Text => length_delimited(tag, text(entropy).as_bytes(), out),
        Kind::Blob => length_delimited(tag, &[entropy.byte(), 0xff], out),
        Kind::Id(len) => {
            let byte = entropy.byte();
            let len = if byte.is_multiple_of(16) {
                usize::from(byte / 16)
            } else {
                *len
            };
            length_delimited(tag, &vec![byte; len], out);
        }
        Kind::Message(inner) => {
            let body = message(inner, entropy, depth + 1);
            length_delimited(tag, &body, out);
        }
    }
}

fn unknown(tag: u64, entropy: &mut Entropy<'_>, out: &mut Vec<u8>) {
    match entropy.byte() % 6 {
        0 => {
            key(tag, wire::VARINT, out);
            // Over-long on purpose.
            out.extend_from_slice(&[0x80, 0x80, 0x00]);
        }
        1 => {
            key(tag, wire::FIXED64, out);
            out.extend_from_slice(&[7; 8]);
        }
        2 => {
            key(tag, wire::FIXED32, out);
            out.extend_from_slice(&[7; 4]);
        }
        3 => {
            key(tag, wire::GROUP_START, out);
            unknown(tag + 1, entropy, out);
            key(tag, wire::GROUP_END, out);
        }
        4 => {
            // A field of far away, and the widest key there is.
            key((1 << 29) - 1, wire::VARINT, out);
            out.push(1);
        }
        _ => length_delimited(tag, &[0xff, 0x00], out),
    }
}

fn key(tag: u64, wire_type: u32, out: &mut Vec<u8>) {
    put_varint(out, tag << 3 | u64::from(wire_type));
}

fn length_delimited(tag: u64, body: &[u8], out: &mut Vec<u8>) {
    if tag < 16 && body.len() < 0x80 && (body.len() % 8 == 5 || tag == 3 && body.len() == 1) {
        // An over-long key and an over-long length.
        let key = (tag as u8) << 3 | wire::LEN as u8;
        out.extend_from_slice(&[key | 0x80, 0x80, 0x00, body.len() as u8 | 0x80, 0x00]);
    } else {
        key(tag, wire::LEN, out);
        put_varint(out, body.len() as u64);
    }
    out.extend_from_slice(body);
}

/// The bytes with some of them changed, inserted, removed, or cut off.
pub(super) fn mutated(mut wire: Vec<u8>, damage: &[(u16, u8, u8)]) -> Vec<u8> {
    for &(place, how, value) in damage {
        let place = usize::from(place) % (wire.len() + 1);
        match how % 6 {
            0 => wire.insert(place, value),
            1 if place < wire.len() => {
                wire.remove(place);
            }
            2 => wire.truncate(place),
            3 if place < wire.len() => wire[place] ^= 1 << (value % 8),
            _ if place < wire.len() => wire[place] = value,
            _ => wire.push(value),
        }
    }
    wire
}
