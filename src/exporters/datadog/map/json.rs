//! JSON in the form in which Datadog's agent writes it: numbers in the shortest form that reads back, maps sorted by key, `<`, `>`, `&` and
//! the line separators escaped. Refuses numbers that JSON does not have.

use std::{collections::BTreeMap, fmt::Write};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::otlp::ValueRef;

/// A value has a number in it that JSON cannot write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unwritable;

/// A number as text.
///
/// # Errors
/// The name of what is no number.
pub(super) fn number(number: f64) -> Result<String, &'static str> {
    if number.is_nan() {
        return Err("NaN");
    }
    if number.is_infinite() {
        return Err(if number > 0.0 { "+Inf" } else { "-Inf" });
    }
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return Ok(number.to_string());
    }
    let text = format!("{number:e}");
    Ok(match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    })
}

/// Writes a value.
///
/// # Errors
/// [`Unwritable`]; what was written so far is then worth nothing.
pub(super) fn value(value: ValueRef<'_>, out: &mut String) -> Result<(), Unwritable> {
    match value {
        ValueRef::Empty => out.push_str("null"),
        ValueRef::Str(text) => string(text, out),
        ValueRef::Bool(flag) => out.push_str(if flag { "true" } else { "false" }),
        ValueRef::Int(number) => push(out, format_args!("{number}")),
        ValueRef::Double(double) => out.push_str(&number(double).map_err(|_| Unwritable)?),
        ValueRef::Bytes(bytes) => push(out, format_args!("\"{}\"", STANDARD.encode(bytes))),
        ValueRef::Array(array) => {
            out.push('[');
            for (at, item) in array.values().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                self::value(item, out)?;
            }
            out.push(']');
        }
        ValueRef::KvList(list) => {
            let sorted: BTreeMap<_, _> = list.entries().map(|entry| (entry.key(), entry.value())).collect();
            object(sorted.into_iter(), out, |item, out| self::value(item, out))?;
        }
    }
    Ok(())
}

/// Writes an object.
pub(super) fn object<'a, V>(
    entries: impl Iterator<Item = (&'a str, V)>,
    out: &mut String,
    mut write: impl FnMut(V, &mut String) -> Result<(), Unwritable>,
) -> Result<(), Unwritable> {
    out.push('{');
    for (at, (key, item)) in entries.enumerate() {
        if at > 0 {
            out.push(',');
        }
        string(key, out);
        out.push(':');
        write(item, out)?;
    }
    out.push('}');
    Ok(())
}

/// Writes a string.
pub(super) fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                push(out, format_args!("\\u{:04x}", u32::from(c)))
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

/// Writes into a string, which cannot fail.
pub(super) fn push(out: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_read_back() {
        let check = |value: f64, expected: &str| assert_eq!(number(value).as_deref(), Ok(expected), "{value:?}");
        check(0.0, "0");
        check(-0.0, "-0");
        check(1.0, "1");
        check(0.1, "0.1");
        check(1e20, "100000000000000000000");
        check(1e21, "1e+21");
        check(0.000_001, "0.000001");
        check(0.000_000_12, "1.2e-7");
        check(-5e-324, "-5e-324");
        assert_eq!(
            [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|none| number(none).unwrap_err()),
            ["NaN", "+Inf", "-Inf"]
        );
    }

    #[test]
    fn strings_are_safe_in_pages() {
        let mut out = String::new();
        string("a\"b\\c\n\r\t\u{8}\u{c}\0\u{1f}\u{7f}<&>\u{2028}é🚩", &mut out);
        assert_eq!(
            out,
            "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0000\\u001f\u{7f}\\u003c\\u0026\\u003e\\u2028é🚩\""
        );
    }
}
