//! The one check at the door: everything behind it may trust the bytes. Accepts what prost accepts, plus our rules on ids;
//! refuses malformed protobuf as a whole, with the place, and spans with bad ids one by one.

use bytes::Bytes;

use super::schema::{self, Kind, MAX_DEPTH, Message, TOO_DEEP};
use super::view::SpanRef;
use super::wire::{self, BAD_LENGTH, BAD_VARINT, FIXED32, FIXED64, LEN, VARINT};
use super::{Edit, TraceBatch, edit_spans};

/// What came through the door.
#[derive(Debug)]
pub struct Validated {
    /// The good spans; the very bytes that came in where none was rejected.
    pub batch: TraceBatch,
    /// How many spans were rejected for their ids.
    pub rejected_spans: usize,
    /// Why the first of them was rejected; empty when none was.
    pub reason: String,
}

/// The message is no `ExportTraceServiceRequest`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed OTLP at byte {offset} ({path}): {reason}")]
pub struct Malformed {
    /// Byte offset in the message.
    pub offset: usize,
    /// Field path, such as `resource_spans.scope_spans.spans.attributes.key`.
    pub path: String,
    /// What is wrong.
    pub reason: &'static str,
}

/// Walks the message once: field numbers, wire types, lengths, UTF-8 of every string, id sizes, nesting depth ≤ 100.
///
/// # Errors
/// [`Malformed`] where a strict decoder would refuse the message.
pub fn validate(wire: Bytes) -> Result<Validated, Malformed> {
    let mut door = Door::default();
    if let Err(fault) = door.request(&wire) {
        return Err(fault.in_message(&wire));
    }
    let batch = TraceBatch::trusted(wire, door.spans);
    if door.rejected.is_empty() {
        return Ok(Validated {
            batch,
            rejected_spans: 0,
            reason: String::new(),
        });
    }
    let mut rejected = door.rejected.iter().copied().peekable();
    let mut position = 0..;
    let batch = edit_spans(batch, |_, _, _, _| {
        match rejected.next_if(|rejected| position.next().as_ref() == Some(rejected)) {
            Some(_) => Edit::Drop,
            None => Edit::Keep,
        }
    });
    Ok(Validated {
        batch,
        rejected_spans: door.rejected.len(),
        reason: door.reason,
    })
}

/// Whether a value's body may stand `depth` levels above the limit: for values that are copied from elsewhere.
pub(super) fn fits(message: &'static Message, body: &[u8], depth: u32) -> bool {
    walk(message, body, depth).is_ok()
}

/// Where and why; boxed, so that the good path moves one word.
struct Fault {
    /// Address of the faulty byte.
    at: usize,
    reason: &'static str,
    /// Innermost field first.
    path: Vec<&'static str>,
}

type Checked<T = ()> = Result<T, Box<Fault>>;

impl Fault {
    #[cold]
    fn new(at: &[u8], reason: &'static str) -> Box<Fault> {
        Box::new(Fault {
            at: at.as_ptr().addr(),
            reason,
            path: Vec::new(),
        })
    }

    #[cold]
    fn inside(mut self: Box<Fault>, field: &'static str) -> Box<Fault> {
        self.path.push(field);
        self
    }

    #[cold]
    fn in_message(&self, wire: &[u8]) -> Malformed {
        let path: Vec<&str> = self.path.iter().rev().copied().collect();
        Malformed {
            offset: self.at - wire.as_ptr().addr(),
            path: if path.is_empty() {
                "request".to_string()
            } else {
                path.join(".")
            },
            reason: self.reason,
        }
    }
}

/// What is counted on the way.
#[derive(Default)]
struct Door {
    spans: usize,
    /// Positions of the spans to be cut out, ascending.
    rejected: Vec<usize>,
    reason: String,
}

impl Door {
    fn request(&mut self, wire: &[u8]) -> Checked {
        const RESOURCE_SPANS: u32 = wire::key(schema::RESOURCE_SPANS_TAG, LEN) as u32;
        let mut buf = wire;
        while !buf.is_empty() {
            match key(&mut buf)? {
                RESOURCE_SPANS => {
                    let body = enter(&mut buf, MAX_DEPTH, "resource_spans")?;
                    self.resource_spans(body, MAX_DEPTH - 1)
                        .map_err(|fault| fault.inside("resource_spans"))?;
                }
                other => field(&schema::REQUEST, other, &mut buf, MAX_DEPTH)?,
            }
        }
        Ok(())
    }

    fn resource_spans(&mut self, mut buf: &[u8], depth: u32) -> Checked {
        const SCOPE_SPANS: u32 = wire::key(schema::SCOPE_SPANS_TAG, LEN) as u32;
        while !buf.is_empty() {
            match key(&mut buf)? {
                SCOPE_SPANS => {
                    let body = enter(&mut buf, depth, "scope_spans")?;
                    self.scope_spans(body, depth - 1)
                        .map_err(|fault| fault.inside("scope_spans"))?;
                }
                other => field(&schema::RESOURCE_SPANS, other, &mut buf, depth)?,
            }
        }
        Ok(())
    }

    fn scope_spans(&mut self, mut buf: &[u8], depth: u32) -> Checked {
        const SPANS: u32 = wire::key(schema::SPANS_TAG, LEN) as u32;
        while !buf.is_empty() {
            match key(&mut buf)? {
                SPANS => {
                    let body = enter(&mut buf, depth, "spans")?;
                    self.span(body, depth - 1).map_err(|fault| fault.inside("spans"))?;
                }
                other => field(&schema::SCOPE_SPANS, other, &mut buf, depth)?,
            }
        }
        Ok(())
    }

    fn span(&mut self, wire: &[u8], depth: u32) -> Checked {
        const TRACE_ID: u32 = wire::key(1, LEN) as u32;
        const SPAN_ID: u32 = wire::key(2, LEN) as u32;
        const PARENT_SPAN_ID: u32 = wire::key(4, LEN) as u32;
        const ATTRIBUTES: u32 = wire::key(schema::SPAN_ATTRIBUTES_TAG, LEN) as u32;
        const LINKS: u32 = wire::key(13, LEN) as u32;
        let mut buf = wire;
        let (mut trace_id, mut span_id, mut parent): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
        let mut links = IdRule::Kept;
        while !buf.is_empty() {
            let (plain, rest) = buf.split_at(plain_attributes(buf));
            if !plain.is_empty() {
                // All strings at once: where every byte is ASCII every string is UTF-8.
                if !is_ascii(plain) {
                    walk(&schema::SPAN, plain, depth)?;
                }
                buf = rest;
                continue;
            }
            match key(&mut buf)? {
                ATTRIBUTES => {
                    let body = enter(&mut buf, depth, "attributes")?;
                    if !is_usual_attribute(body, depth - 1) {
                        walk(&schema::KEY_VALUE, body, depth - 1).map_err(|fault| fault.inside("attributes"))?;
                    }
                }
                TRACE_ID => trace_id = bytes(&mut buf, "trace_id")?,
                SPAN_ID => span_id = bytes(&mut buf, "span_id")?,
                PARENT_SPAN_ID => parent = bytes(&mut buf, "parent_span_id")?,
                LINKS => {
                    let body = enter(&mut buf, depth, "links")?;
                    links = links.and(link(body, depth - 1).map_err(|fault| fault.inside("links"))?);
                }
                other => field(&schema::SPAN, other, &mut buf, depth)?,
            }
        }
        let ids = if trace_id.len() != 16 || trace_id.iter().all(|&byte| byte == 0) {
            IdRule::Broken("its trace_id is not 16 non-zero bytes")
        } else if span_id.len() != 8 || span_id.iter().all(|&byte| byte == 0) {
            IdRule::Broken("its span_id is not 8 non-zero bytes")
        } else if !matches!(parent.len(), 0 | 8) {
            IdRule::Broken("its parent_span_id is not 8 bytes")
        } else {
            links
        };
        if let IdRule::Broken(why) = ids {
            self.reject(wire, why);
        }
        self.spans += 1;
        Ok(())
    }

    #[cold]
    fn reject(&mut self, wire: &[u8], why: &str) {
        if self.rejected.is_empty() {
            let name: String = SpanRef { wire }.name().chars().take(64).collect();
            self.reason = format!("span {} of the request (name {name:?}): {why}", self.spans + 1);
        }
        self.rejected.push(self.spans);
    }
}

/// Whether the ids of a span are as they must be.
#[derive(Clone, Copy)]
enum IdRule {
    Kept,
    Broken(&'static str),
}

impl IdRule {
    fn and(self, other: IdRule) -> IdRule {
        if let IdRule::Kept = self { other } else { self }
    }
}

fn link(mut buf: &[u8], depth: u32) -> Checked<IdRule> {
    const TRACE_ID: u32 = wire::key(1, LEN) as u32;
    const SPAN_ID: u32 = wire::key(2, LEN) as u32;
    let (mut trace_id, mut span_id) = (0, 0);
    while !buf.is_empty() {
        match key(&mut buf)? {
            TRACE_ID => trace_id = bytes(&mut buf, "trace_id")?.len(),
            SPAN_ID => span_id = bytes(&mut buf, "span_id")?.len(),
            other => field(&schema::LINK, other, &mut buf, depth)?,
        }
    }
    Ok(match (trace_id, span_id) {
        (0 | 16, 0 | 8) => IdRule::Kept,
        (0 | 16, _) => IdRule::Broken("the span_id of a link is not 8 bytes"),
        _ => IdRule::Broken("the trace_id of a link is not 16 bytes"),
    })
}

fn walk(message: &'static Message, mut buf: &[u8], depth: u32) -> Checked {
    while !buf.is_empty() {
        let key = key(&mut buf)?;
        field(message, key, &mut buf, depth)?;
    }
    Ok(())
}

#[inline(always)]
fn key(buf: &mut &[u8]) -> Checked<u32> {
    let start = *buf;
    wire::field_key(buf).map_err(|reason| Fault::new(start, reason))
}

#[inline(always)]
fn bytes<'a>(buf: &mut &'a [u8], name: &'static str) -> Checked<&'a [u8]> {
    let start = *buf;
    wire::delimited(buf).ok_or_else(|| Fault::new(start, BAD_LENGTH).inside(name))
}

#[inline(always)]
fn enter<'a>(buf: &mut &'a [u8], depth: u32, name: &'static str) -> Checked<&'a [u8]> {
    if depth == 0 {
        return Err(Fault::new(buf, TOO_DEEP).inside(name));
    }
    bytes(buf, name)
}

/// Checks the value of one field, known or unknown, and takes it off the front.
#[inline(always)]
fn field(message: &'static Message, key: u32, buf: &mut &[u8], depth: u32) -> Checked {
    let start = *buf;
    let Some(known) = message.fields.get((key >> 3) as usize - 1) else {
        return wire::skip(buf, key, depth).map_err(|reason| Fault::new(start, reason));
    };
    let verdict = match (known.kind, key & 7) {
        (Kind::Text, LEN) => {
            let text = bytes(buf, known.name)?;
            if is_utf8(text) {
                Ok(())
            } else {
                Err("a string is not UTF-8")
            }
        }
        (Kind::Message(inner), LEN) => {
            let body = enter(buf, depth, known.name)?;
            if std::ptr::eq(inner, &schema::KEY_VALUE) && is_usual_attribute(body, depth - 1) {
                return Ok(());
            }
            return walk(inner, body, depth - 1).map_err(|fault| fault.inside(known.name));
        }
        (Kind::Blob | Kind::Id(_), LEN) => wire::delimited(buf).map(drop).ok_or(BAD_LENGTH),
        (Kind::Bool | Kind::Int32 | Kind::Uint32 | Kind::Int64 | Kind::Enum(_), VARINT) => {
            wire::varint(buf).map(drop).ok_or(BAD_VARINT)
        }
        (Kind::Fixed64 | Kind::Double, FIXED64) => wire::take(buf, 8).map(drop).ok_or(BAD_LENGTH),
        (Kind::Fixed32, FIXED32) => wire::take(buf, 4).map(drop).ok_or(BAD_LENGTH),
        (Kind::Reserved, _) => wire::skip(buf, key, depth),
        _ => Err("the wire type is not that of the field"),
    };
    verdict.map_err(|reason| Fault::new(start, reason).inside(known.name))
}

/// How many bytes at the front of a span are attributes in the form that is by far the most frequent: a key, then a string
/// or an integer below 128, each length one byte. What such attributes hold besides their strings is ASCII too.
#[inline(always)]
fn plain_attributes(wire: &[u8]) -> usize {
    let mut rest = wire;
    while let [0x4a, len @ 0..0x80, 0x0a, key_len @ 0..0x80, behind @ ..] = rest {
        let (len, key_len) = (usize::from(*len), usize::from(*key_len));
        let Some([0x12, value_len @ 2..0x80, kind, value, ..]) = behind.get(key_len..) else {
            break;
        };
        let plain = match kind {
            0x0a => *value == *value_len - 2,
            0x18 => *value < 0x80 && *value_len == 2,
            _ => false,
        };
        match rest.get(2 + len..) {
            Some(next) if plain && len == 4 + key_len + usize::from(*value_len) => rest = next,
            _ => break,
        }
    }
    wire.len() - rest.len()
}

/// Whether an attribute is valid, with a string or number, in the form that every encoder writes: nearly all are, and this
/// is several times faster than the walk along the schema, which has the last word on the others.
#[inline(always)]
fn is_usual_attribute(wire: &[u8], depth: u32) -> bool {
    let Some((name, value)) = wire::usual_key_value(wire) else {
        return false;
    };
    let Some((kind, mut rest)) = value.split_first() else {
        return false;
    };
    let usual = match kind {
        0x0a => wire::delimited(&mut rest).is_some_and(is_utf8) && rest.is_empty(),
        0x10 | 0x18 => wire::varint(&mut rest).is_some() && rest.is_empty(),
        0x21 => rest.len() == 8,
        _ => false,
    };
    usual && depth > 0 && is_utf8(name)
}

/// Most strings are ASCII, and seen to be so faster than in any other way. Of the others the long ones are worth SIMD.
#[inline(always)]
fn is_utf8(text: &[u8]) -> bool {
    is_ascii(text) || simdutf8::basic::from_utf8(text).is_ok()
}

/// The standard library's check for whole blocks of 32 bytes; what is left over it would look at byte by byte.
#[inline(always)]
fn is_ascii(text: &[u8]) -> bool {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let (blocks, tail) = text.split_at(text.len() & !31);
    let (words, bytes) = tail.as_chunks::<8>();
    let mut seen = words.iter().fold(0, |seen, word| seen | u64::from_le_bytes(*word));
    // The last word overlaps what was seen.
    seen |= match text.last_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => bytes.iter().fold(0, |seen, byte| seen | u64::from(*byte)),
    };
    seen & HIGH_BITS == 0 && blocks.is_ascii()
}
