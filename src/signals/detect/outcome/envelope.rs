//! A failure told by the fields at the top of a JSON object: `error`, `isError`, `success: false`, `status: "failed"`, a status of HTTP
//! from 400 on. The object may be cut off; what is nested is passed over, but for the object below `error`.

use super::{Told, is_one_of};
use crate::signals::steps::took;

/// A value as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    /// A string, without its quotes; escapes as they are.
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Word(&'a str),
    /// An object or a list, from its bracket on; cut where the text is.
    Nested(&'a str),
}

/// What the object says of a failure; none where it says of none.
pub(super) fn told(text: &str) -> Option<Told<'_>> {
    let mut said = Said::default();
    fields(text, |key, value| said.take(key, value));
    // A code alone may be anything: a room, a color, a postal code.
    let code = said.code.filter(|_| said.fails || said.message.is_some());
    let status = said.status.or(code).filter(|status| (400..600).contains(status));
    let fails = said.fails || (status.is_some() && !said.succeeds);
    let words = said.words.or(said.message).unwrap_or(text);
    fails.then_some(Told { words, status })
}

/// What was gathered from the fields.
#[derive(Debug, Default)]
struct Said<'a> {
    fails: bool,
    succeeds: bool,
    /// Words of the failure itself.
    words: Option<&'a str>,
    /// Words beside it.
    message: Option<&'a str>,
    status: Option<u16>,
    code: Option<u16>,
}

impl<'a> Said<'a> {
    fn take(&mut self, key: &str, value: Value<'a>) {
        match (key, value) {
            ("error" | "err" | "exception" | "traceback" | "errorMessage" | "error_message", Value::Text(text)) => {
                // "none" and the like are no errors.
                let text = text.trim();
                if !is_one_of(text, &["", "none", "null", "false", "no error", "ok"]) {
                    self.fails = true;
                    self.words.get_or_insert(text);
                }
            }
            ("error" | "isError" | "is_error" | "failed", Value::Word("true"))
            | ("success" | "ok" | "succeeded", Value::Word("false")) => self.fails = true,
            ("success" | "ok" | "succeeded", Value::Word("true")) => self.succeeds = true,
            ("error", Value::Nested(inner)) if inner.starts_with('{') && inner.trim_end() != "{}" => {
                self.fails = true;
                // All of it: the kind stands in `code` or `type` as often as in the message.
                self.words.get_or_insert(inner);
                fields(inner, |key, value| {
                    if let ("code" | "status", Value::Word(number)) = (key, value) {
                        self.status = self.status.or(number.parse().ok());
                    }
                });
            }
            ("errors", Value::Nested(inner)) if inner.starts_with('[') && !inner[1..].trim_start().starts_with(']') => {
                self.fails = true;
                self.words.get_or_insert(inner);
            }
            ("status" | "type" | "result" | "outcome" | "state", Value::Text(text)) => {
                self.fails |= is_one_of(text, &["error", "failed", "failure", "err"]);
                self.succeeds |= is_one_of(text, &["ok", "success", "succeeded"]);
            }
            ("status" | "statusCode" | "status_code" | "http_status", Value::Word(number)) => {
                self.status = self.status.or(number.parse().ok());
            }
            ("code", Value::Word(number)) => self.code = number.parse().ok(),
            ("message" | "detail" | "reason" | "description" | "content", Value::Text(text) | Value::Nested(text)) => {
                self.message.get_or_insert(text);
            }
            _ => {}
        }
    }
}

/// Every field at the top of an object, as far as the text goes.
fn fields<'a>(object: &'a str, mut each: impl FnMut(&'a str, Value<'a>)) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(told(text).map(|told| told.words), expected, "{text}");
    }

    #[test]
    fn the_fields_at_the_top_tell() {
        check(r#"{"error": "no such user"}"#, Some("no such user"));
        check(r#"{"data": {"error": "quoted"}, "n": 1}"#, None);
        check(r#"{"error": null}"#, None);
        check(r#"{"error": ""}"#, None);
        check(r#"{"error": {}}"#, None);
        check(r#"{"errors": []}"#, None);
        check(
            r#"{"error": {"message": "no \"x\"", "code": 5}}"#,
            Some(r#"{"message": "no \"x\"", "code": 5}"#),
        );
        check(r#"{"success": false, "message": "sold out"}"#, Some("sold out"));
        check(r#"{"success": true, "code": 404}"#, None);
        check(r#"{"code": 1024}"#, None);
        check(r#"{"code": 404, "room": "east wing"}"#, None);
        check(r#"{"code": 404, "message": "gone"}"#, Some("gone"));
        check(r#"{"status": "failed", "reason": "late"}"#, Some("late"));
        check(
            r#"{"status": "confirmed", "message": "an error was found in your draft"}"#,
            None,
        );
        check(r#"{"a": "}{\"error\": 1", "b": [1, {"error": "x"}]}"#, None);
        check(r#"{"error": "cut off in the mid"#, Some("cut off in the mid"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[\"{}\\[\\]:,\\\\aé error]{0,60}") {
            let _told = told(&format!("{{{text}"));
        }
    }
}
