//! JSON as it stands in a text that may be cut off: its fields and items without a parse, forwards from its beginning and backwards
//! from its end. What is malformed yields less, never a fault.

use std::borrow::Cow;

use crate::signals::steps::took;

/// A value as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A string, without its quotes; escapes as they are.
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Word(&'a str),
    /// An object or a list, from its bracket on; cut where the text is.
    Nested(&'a str),
}

/// Every field at the top of an object, as far as the text goes.
pub(super) fn fields<'a>(object: &'a str, mut each: impl FnMut(&'a str, Value<'a>)) {
    let mut at = 1;
    while let Some((key, behind)) = string(object, at) {
        let Some(colon) = object[behind..].find(':').map(|colon| behind + colon + 1) else {
            return;
        };
        let start = colon + object[colon..].len() - object[colon..].trim_ascii_start().len();
        let end = match object.as_bytes().get(start) {
            Some(b'"') => {
                let Some((text, end)) = string(object, start) else {
                    return;
                };
                each(key, Value::Text(text));
                end
            }
            Some(b'{' | b'[') => {
                let end = nested(object, start);
                each(key, Value::Nested(&object[start..end]));
                end
            }
            Some(_) => {
                let rest = &object[start..];
                let length = rest.find([',', '}', '\n', ' ']).unwrap_or(rest.len());
                each(key, Value::Word(&rest[..length]));
                start + length
            }
            None => return,
        };
        at = end;
    }
}

/// The next string from there on, and the place behind it; of one that is cut off what there is.
fn string(text: &str, from: usize) -> Option<(&str, usize)> {
    let start = from + memchr::memchr2(b'"', b'}', text.as_bytes().get(from..)?)? + 1;
    if text.as_bytes()[start - 1] != b'"' {
        return None;
    }
    took(start - from);
    let mut at = start;
    while let Some(length) = memchr::memchr2(b'"', b'\\', text.as_bytes().get(at..).unwrap_or_default()) {
        at += length;
        took(length + 2);
        if text.as_bytes()[at] == b'"' {
            return Some((&text[start..at], at + 1));
        }
        // Whatever is escaped ends no string.
        at += 2;
    }
    Some((&text[start..], text.len()))
}

/// The place behind the object or list that begins there.
fn nested(text: &str, start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while let Some(&byte) = text.as_bytes().get(at) {
        took(1);
        match byte {
            b'"' => match string(text, at) {
                Some((_, behind)) => at = behind - 1,
                None => return text.len(),
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The part of an object's end in which its last whole fields stand, from the comma before the first of them on; `tail` begins
/// anywhere in the object. None where that cannot be told.
pub(super) fn last_fields(tail: &str) -> Option<&str> {
    let bytes = tail.trim_ascii_end().as_bytes();
    if bytes.last() != Some(&b'}') {
        return None;
    }
    let (mut depth, mut at, mut first) = (0_usize, bytes.len(), None);
    while at > 0 {
        at -= 1;
        took(1);
        match bytes[at] {
            b'}' | b']' => depth += 1,
            b'{' | b'[' if depth <= 1 => break,
            b'{' | b'[' => depth -= 1,
            b',' if depth == 1 => first = Some(at),
            b'"' => match opening(bytes, at) {
                Some(open) => at = open,
                None => break,
            },
            _ => {}
        }
    }
    first.map(|first| &tail[first..])
}

/// The quote that opens the string which ends at `close`.
fn opening(bytes: &[u8], close: usize) -> Option<usize> {
    let mut end = close;
    while let Some(quote) = memchr::memrchr(b'"', &bytes[..end]) {
        let escapes = bytes[..quote].iter().rev().take_while(|&&byte| byte == b'\\').count();
        took(end - quote + escapes);
        if escapes == quote {
            // What stands before is not there to tell.
            return None;
        }
        if escapes % 2 == 0 {
            return Some(quote);
        }
        end = quote - escapes;
    }
    None
}

/// Every object in a list, up to what is no object or is cut off; whether these were all items.
pub(super) fn objects<'a>(list: &'a str, mut each: impl FnMut(&'a str)) -> bool {
    let mut rest = list[1..].trim_ascii_start();
    while rest.starts_with('{') {
        let end = nested(rest, 0);
        each(&rest[..end]);
        rest = rest[end..]
            .trim_ascii_start()
            .trim_start_matches(',')
            .trim_ascii_start();
    }
    rest.starts_with(']')
}

/// Whether an object or a list holds a text that says something, or, if numbers count, a number or `true`; at any depth.
pub(super) fn says_something(json: &str, numbers: bool) -> bool {
    let mut at = 0;
    while let Some(&byte) = json.as_bytes().get(at) {
        took(1);
        at += 1;
        match byte {
            b'"' => {
                let Some((text, behind)) = string(json, at - 1) else {
                    return false;
                };
                let is_key = json
                    .get(behind..)
                    .unwrap_or_default()
                    .trim_ascii_start()
                    .starts_with(':');
                if !is_key && !text.trim_ascii().is_empty() {
                    return true;
                }
                at = behind;
            }
            b'1'..=b'9' | b't' if numbers => return true,
            _ => {}
        }
    }
    false
}

/// A string of JSON as a text, as far as it goes; what is escaped by its number stays as it is.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    took(text.len());
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, rest.clone().next()) {
            ('\\', Some('u')) => plain.push(c),
            ('\\', Some(escaped)) => {
                rest.next();
                plain.push(match escaped {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    other => other,
                });
            }
            _ => plain.push(c),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(tail: &str, expected: Option<&str>) {
        assert_eq!(last_fields(tail), expected, "{tail}");
    }

    #[test]
    fn the_last_fields_are_found_from_the_end() {
        check(
            r#"1], "a": {"b": 1, "c": 2}, "d": "x, \"y, "} "#,
            Some(r#", "a": {"b": 1, "c": 2}, "d": "x, \"y, "} "#),
        );
        check(r#"{"a": 1}"#, None);
        check(r#"{"a": 1, "b": 2}"#, Some(r#", "b": 2}"#));
        check(r#"half a text, and", "c": 1, "b": 2}"#, Some(r#", "c": 1, "b": 2}"#));
        check(r#", "b": 2"#, None);
        check("", None);
    }

    #[test]
    fn empty_values_say_nothing() {
        for (json, text, number) in [
            ("{}", false, false),
            ("{ }", false, false),
            (r#"{"a": "", "b": [null, false, 0]}"#, false, false),
            (r#"{"a": 401}"#, false, true),
            (r#"["x"]"#, true, true),
            (r#"{"a": {"b": ["", "x"]}}"#, true, true),
        ] {
            assert_eq!(
                (says_something(json, false), says_something(json, true)),
                (text, number),
                "{json}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[\"{}\\[\\]:,\\\\aé0]{0,60}") {
            let _last = last_fields(&text);
            let _says = says_something(&text, true);
            let _plain = unescaped(&text);
            let _all = objects(&format!("[{text}"), |_| {});
            fields(&format!("{{{text}"), |_, _| {});
        }

        #[test]
        fn fields_from_the_end_are_the_objects_own(
            texts in prop::collection::vec("[\"{}\\[\\]:,\\\\a]{0,6}", 1..6), from in 0..40_usize,
        ) {
            let object: serde_json::Map<_, _> =
                texts.iter().enumerate().map(|(n, text)| (n.to_string(), serde_json::json!([text, {"k": text}]))).collect();
            let json = serde_json::to_string(&object).unwrap();
            let tail = &json[json.ceil_char_boundary(from.min(json.len()))..];
            if let Some(last) = last_fields(tail) {
                let found: serde_json::Map<String, serde_json::Value> =
                    serde_json::from_str(&format!("{{{}", &last[1..])).unwrap();
                prop_assert!(found.iter().all(|(key, value)| object.get(key) == Some(value)));
            }
        }
    }
}
