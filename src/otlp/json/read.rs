//! OTLP/JSON into wire bytes, along the schema; the wire bytes then pass through the one door, `validate`, as all others do.

use std::{borrow::Cow, ptr};

use super::JsonError;
use super::tree::Tree;
use crate::otlp::schema::{ANY_VALUE, Field, Kind, Label, Message, REQUEST};
use crate::otlp::wire::{FIXED32, FIXED64, LEN, VARINT, put_varint};
use crate::otlp::{Validated, validate};
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

/// Protobuf's JSON mapping accepts Base64 with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads an `ExportTraceServiceRequest` (or `TracesData`) from JSON. Text is nested at most 160 deep, which everything is that
/// [`write`](super::write()) writes.
///
/// # Errors
/// [`JsonError`] with the path of the first fault.
pub fn read(text: &[u8]) -> Result<Validated, JsonError> {
    let value = Tree::read(text).map_err(|error| syntax(&error))?;
    let mut wire = Vec::with_capacity(text.len() / 2);
    if let Tree::Array(_) = value {
        return Err(JsonError {
            path: TOP.to_string(),
            reason: r#"an array, but a request is an object: {"resourceSpans": [...]}"#.to_string(),
        });
    }
    object(&value)
        .and_then(|fields| message(&REQUEST, fields, &mut wire))
        .map_err(|fault| fault.into_error())?;
    validate(Bytes::from(wire)).map_err(|malformed| JsonError {
        path: malformed.path,
        reason: malformed.reason.to_string(),
    })
}

const TOP: &str = "the top level";

fn syntax(error: &serde_json::Error) -> JsonError {
    let reason = error.to_string();
    JsonError {
        path: format!("line {} column {}", error.line(), error.column()),
        reason: reason.split(" at line ").next().unwrap_or_default().to_string(),
    }
}

/// Why, and where: the innermost step first.
struct Fault {
    reason: String,
    steps: Vec<String>,
}

type Read<T = ()> = Result<T, Box<Fault>>;

impl Fault {
    fn new(reason: impl Into<String>) -> Box<Fault> {
        Box::new(Fault {
            reason: reason.into(),
            steps: Vec::new(),
        })
    }

    fn inside(mut self: Box<Fault>, step: String) -> Box<Fault> {
        self.steps.push(step);
        self
    }

    fn into_error(self) -> JsonError {
        let path: String = self.steps.iter().rev().map(String::as_str).collect();
        let path = path.strip_prefix('.').unwrap_or(TOP).to_string();
        let reason = self.reason;
        JsonError { path, reason }
    }
}

fn message(schema: &'static Message, object: &[(Cow<'_, str>, Tree<'_>)], out: &mut Vec<u8>) -> Read {
    // The fields that were met, by number; no message has as many as there are bits.
    let mut met = 0u64;
    for (name, value) in object {
        let known = schema
            .fields
            .iter()
            .zip(1u32..)
            .find(|(field, _)| field.json == name && !name.is_empty());
        let Some((field, tag)) = known else {
            if let Some(meant) = schema
                .fields
                .iter()
                .find(|field| field.name == name && !name.is_empty())
            {
                let reason = format!("OTLP/JSON spells this key \"{}\"", meant.json);
                return Err(Fault::new(reason).inside(format!(".{name}")));
            }
            continue;
        };
        if met & 1 << tag != 0 {
            return Err(
                Fault::new("the key stands twice; a list has one key for all its items").inside(format!(".{name}"))
            );
        }
        met |= 1 << tag;
        if !matches!(value, Tree::Null) {
            values(field, tag, value, out).map_err(|fault| fault.inside(format!(".{name}")))?;
        }
    }
    Ok(())
}

fn values(field: &'static Field, tag: u32, value: &Tree<'_>, out: &mut Vec<u8>) -> Read {
    if field.label == Label::One {
        let start = out.len();
        one(&field.kind, tag, value, out)?;
        // An empty value means the same as none, which `write` spells out: not written, it costs no level of nesting.
        if matches!(field.kind, Kind::Message(inner) if ptr::eq(inner, &ANY_VALUE)) && out[start..].len() == 2 {
            out.truncate(start);
        }
        return Ok(());
    }
    let Tree::Array(items) = value else {
        return Err(expected("an array", value));
    };
    for (index, item) in items.iter().enumerate() {
        one(&field.kind, tag, item, out).map_err(|fault| fault.inside(format!("[{index}]")))?;
    }
    Ok(())
}

fn one(kind: &'static Kind, tag: u32, value: &Tree<'_>, out: &mut Vec<u8>) -> Read {
    match kind {
        Kind::Reserved => {}
        Kind::Bool => {
            let Tree::Bool(truth) = value else {
                return Err(expected("true or false", value));
            };
            put_number(tag, u64::from(*truth), out);
        }
        Kind::Int32 => put_number(tag, i64::from(integer::<i32>(value)?) as u64, out),
        Kind::Uint32 => put_number(tag, u64::from(integer::<u32>(value)?), out),
        Kind::Int64 => put_number(tag, integer::<i64>(value)? as u64, out),
        Kind::Enum(names) => put_number(tag, i64::from(enumeration(names, value)?) as u64, out),
        Kind::Fixed32 => {
            put_key(tag, FIXED32, out);
            out.extend_from_slice(&integer::<u32>(value)?.to_le_bytes());
        }
        Kind::Fixed64 => {
            put_key(tag, FIXED64, out);
            out.extend_from_slice(&integer::<u64>(value)?.to_le_bytes());
        }
        Kind::Double => {
            put_key(tag, FIXED64, out);
            out.extend_from_slice(&double(value)?.to_le_bytes());
        }
        Kind::Text => put_bytes(tag, text(value)?.as_bytes(), out),
        Kind::Blob => put_bytes(tag, &blob(text(value)?)?, out),
        Kind::Id(len) => put_bytes(tag, &id(text(value)?, *len)?, out),
        Kind::Message(inner) => {
            put_key(tag, LEN, out);
            let start = out.len();
            if !matches!(value, Tree::Null) {
                message(inner, object(value)?, out)?;
            }
            insert_length(out, start);
        }
    }
    Ok(())
}

/// Puts the length of what was written since `start` in front of it.
fn insert_length(out: &mut Vec<u8>, start: usize) {
    let end = out.len();
    put_varint(out, (end - start) as u64);
    out[start..].rotate_left(end - start);
}

fn put_key(tag: u32, wire_type: u32, out: &mut Vec<u8>) {
    put_varint(out, u64::from(tag << 3 | wire_type));
}

fn put_number(tag: u32, value: u64, out: &mut Vec<u8>) {
    put_key(tag, VARINT, out);
    put_varint(out, value);
}

fn put_bytes(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_key(tag, LEN, out);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn expected(what: &str, got: &Tree<'_>) -> Box<Fault> {
    Fault::new(format!("expected {what}, got {}", got.kind()))
}

fn object<'t, 'a>(value: &'t Tree<'a>) -> Read<&'t [(Cow<'a, str>, Tree<'a>)]> {
    match value {
        Tree::Object(entries) => Ok(entries),
        _ => Err(expected("an object", value)),
    }
}

fn text<'t>(value: &'t Tree<'_>) -> Read<&'t str> {
    match value {
        Tree::Null => Ok(""),
        Tree::Text(text) => Ok(text),
        _ => Err(expected("a string", value)),
    }
}

/// An integer, as number or string; an exponent is fine where the value is whole.
fn integer<T: TryFrom<i128>>(value: &Tree<'_>) -> Read<T> {
    let whole = |double: f64| (double.fract() == 0.0 && double.abs() < 2f64.powi(64)).then_some(double as i128);
    let (read, shown) = match value {
        Tree::Null => (Some(0), String::new()),
        Tree::Int(number) => (Some(i128::from(*number)), number.to_string()),
        Tree::Uint(number) => (Some(i128::from(*number)), number.to_string()),
        Tree::Double(number) => (whole(*number), number.to_string()),
        Tree::Text(text) => {
            let read = text.parse().ok().or_else(|| text.parse().ok().and_then(whole));
            (read, format!("{text:?}"))
        }
        _ => return Err(expected("an integer, as number or string", value)),
    };
    let reason = || format!("{shown} is no integer that fits {}", std::any::type_name::<T>());
    read.and_then(|read: i128| T::try_from(read).ok())
        .ok_or_else(|| Fault::new(reason()))
}

fn enumeration(names: &[&str], value: &Tree<'_>) -> Read<i32> {
    let Tree::Text(name) = value else {
        return integer(value);
    };
    let number = names.iter().zip(0..).find(|(known, _)| *known == name);
    number
        .map(|(_, number)| number)
        .ok_or_else(|| Fault::new(format!("{name:?} is none of {}", names.join(", "))))
}

fn double(value: &Tree<'_>) -> Read<f64> {
    match value {
        Tree::Int(number) => Ok(*number as f64),
        Tree::Uint(number) => Ok(*number as f64),
        Tree::Double(number) => Ok(*number),
        Tree::Text(text) => match text.as_ref() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => {
                let finite = text.parse().ok().filter(|double: &f64| double.is_finite());
                finite.ok_or_else(|| Fault::new(format!("{text:?} is no number")))
            }
        },
        _ => Err(expected("a number", value)),
    }
}

fn blob(text: &str) -> Read<Vec<u8>> {
    let standard = text.replace('-', "+").replace('_', "/");
    BASE64
        .decode(standard)
        .map_err(|error| Fault::new(format!("no Base64: {error}")))
}

/// An id from hex. One of a wrong length stays one, for `validate` to reject its span.
fn id(hex: &str, len: usize) -> Read<Vec<u8>> {
    let digits = hex.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8));
    let Some(digits) = digits.collect::<Option<Vec<u8>>>() else {
        return Err(Fault::new(format!(
            "{hex:?} is not hex: OTLP/JSON writes this id as {} hex digits",
            2 * len
        )));
    };
    let mut id: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect();
    if digits.len() % 2 == 1 && id.len() == len {
        id.push(0);
    }
    Ok(id)
}
