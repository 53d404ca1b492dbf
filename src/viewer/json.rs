//! The viewer's JSON: the shape of an attribute's value, and the text that is printed. What is printed holds no character
//! that could steer a terminal; such characters are written as `\u` escapes, which mean the same to a JSON reader.

use std::{fmt, io};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess},
    ser::SerializeMap,
};

use super::model::{Attribute, Trace, Value};
use super::paint::is_harmful;

/// `{"traces":[…]}`, indented, ending in a line's end.
pub fn to_text(traces: &[Trace]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        traces: &'a [Trace],
    }
    json_text(&Document { traces })
}

/// `{"trace_ids":[…]}`, indented, ending in a line's end.
pub fn trace_ids(ids: &[String]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        trace_ids: &'a [String],
    }
    json_text(&Document { trace_ids: ids })
}

/// A document on a line of its own.
pub fn json_line(document: &impl Serialize) -> String {
    harmless_json(&serde_json::to_string(document).expect("plain data into memory"))
}

/// A JSON text as a line of its own, harmful characters escaped. Those stand in strings only, where an escape means the same;
/// white space between values stays.
pub fn harmless_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => out.push(' '),
            c if is_harmful(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('\n');
    out
}

/// A document, indented, ending in a line's end.
pub fn json_text(document: &impl Serialize) -> String {
    let mut out = Vec::new();
    let formatter = Harmless(serde_json::ser::PrettyFormatter::new());
    document
        .serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))
        .expect("plain data into memory");
    out.push(b'\n');
    String::from_utf8(out).expect("serde_json writes UTF-8")
}

/// serde_json's indented form with harmful characters escaped.
struct Harmless<'a>(serde_json::ser::PrettyFormatter<'a>);

impl serde_json::ser::Formatter for Harmless<'_> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, character)) = rest.char_indices().find(|(_, character)| is_harmful(*character)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + character.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }
    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }
    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }
    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }
    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }
    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }
    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[derive(Serialize, Deserialize)]
struct Values {
    #[serde(default)]
    values: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
struct Entries {
    #[serde(default)]
    values: Vec<Attribute>,
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct List<'a, T> {
            values: &'a [T],
        }
        let mut map = serializer.serialize_map(Some(usize::from(*self != Value::Empty)))?;
        match self {
            Value::Empty => {}
            Value::Str(text) => map.serialize_entry("stringValue", text)?,
            Value::Bool(truth) => map.serialize_entry("boolValue", truth)?,
            Value::Int(number) => map.serialize_entry("intValue", &number.to_string())?,
            Value::Double(number) if number.is_finite() => map.serialize_entry("doubleValue", number)?,
            Value::Double(number) => map.serialize_entry("doubleValue", infinite(*number))?,
            Value::Bytes(bytes) => map.serialize_entry("bytesValue", &STANDARD.encode(bytes))?,
            Value::Array(values) => map.serialize_entry("arrayValue", &List { values })?,
            Value::KvList(values) => map.serialize_entry("kvlistValue", &List { values })?,
        }
        map.end()
    }
}

/// Protobuf's JSON names of the numbers that JSON has no form for.
fn infinite(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_map(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> de::Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute value such as {\"stringValue\":\"x\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut value = Value::Empty;
        while let Some(key) = map.next_key::<String>()? {
            value = match key.as_str() {
                "stringValue" => Value::Str(map.next_value()?),
                "boolValue" => Value::Bool(map.next_value()?),
                "intValue" => Value::Int(number(&map.next_value()?)?),
                "doubleValue" => Value::Double(number(&map.next_value()?)?),
                "bytesValue" => {
                    let text: String = map.next_value()?;
                    Value::Bytes(STANDARD.decode(text).map_err(de::Error::custom)?)
                }
                "arrayValue" => Value::Array(map.next_value::<Values>()?.values),
                "kvlistValue" => Value::KvList(map.next_value::<Entries>()?.values),
                _ => {
                    map.next_value::<de::IgnoredAny>()?;
                    value
                }
            };
        }
        Ok(value)
    }
}

/// A number written as a number or as a string.
fn number<T, E>(raw: &serde_json::Value) -> Result<T, E>
where
    T: std::str::FromStr<Err: fmt::Display>,
    E: de::Error,
{
    match raw {
        serde_json::Value::String(text) => text.parse().map_err(E::custom),
        other => other.to_string().parse().map_err(E::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: Value, expected: &str) {
        let text = serde_json::to_string(&value).expect("plain data");
        assert_eq!(text, expected);
        let back: Value = serde_json::from_str(&text).expect("what was written can be read");
        assert_eq!(format!("{back:?}"), format!("{value:?}"));
    }

    #[test]
    fn values_have_the_shape_of_otlp_json() {
        check(Value::Empty, "{}");
        check(Value::Str("a\nb".into()), r#"{"stringValue":"a\nb"}"#);
        check(Value::Int(i64::MIN), r#"{"intValue":"-9223372036854775808"}"#);
        check(Value::Bool(false), r#"{"boolValue":false}"#);
        check(Value::Double(0.5), r#"{"doubleValue":0.5}"#);
        check(Value::Double(f64::NAN), r#"{"doubleValue":"NaN"}"#);
        check(Value::Double(f64::NEG_INFINITY), r#"{"doubleValue":"-Infinity"}"#);
        check(Value::Bytes(vec![0, 255]), r#"{"bytesValue":"AP8="}"#);
        check(
            Value::Array(vec![Value::Str("x".into()), Value::Empty]),
            r#"{"arrayValue":{"values":[{"stringValue":"x"},{}]}}"#,
        );
        check(
            Value::KvList(vec![Attribute {
                key: "k".into(),
                value: Value::Int(1),
            }]),
            r#"{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"1"}}]}}"#,
        );
    }

    #[test]
    fn numbers_are_read_in_both_forms_and_unknown_forms_are_passed_over() {
        for (text, expected) in [
            (r#"{"intValue":7}"#, Value::Int(7)),
            (r#"{"doubleValue":7}"#, Value::Double(7.0)),
            (r#"{"newValue":{"a":[1]}}"#, Value::Empty),
        ] {
            assert_eq!(serde_json::from_str::<Value>(text).expect(text), expected);
        }
        for text in [
            r#"{"intValue":"x"}"#,
            r#"{"intValue":1.5}"#,
            r#"{"bytesValue":"%"}"#,
            "7",
        ] {
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn printed_text_is_harmless_and_means_the_same() {
        let id = "\u{9b}31m\u{202e}x\u{1b}[2J\u{e0041}\"é🚩".to_owned();
        let text = trace_ids(std::slice::from_ref(&id));
        assert!(!text.chars().any(|c| c != '\n' && is_harmful(c)), "{text:?}");
        let back: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(back["trace_ids"][0], serde_json::Value::String(id.clone()));
        let line = json_line(&id);
        assert!(
            line.ends_with('\n') && !line.trim_end().chars().any(is_harmful),
            "{line:?}"
        );
        assert_eq!(serde_json::from_str::<String>(&line).expect("JSON"), id);
        assert_eq!(harmless_json("{\n\t\"a\":1}"), "{  \"a\":1}\n");
    }
}
