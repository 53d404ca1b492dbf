//! A failure told by the fields at the top of a JSON object: `error`, `isError`, `success: false`, `status: "failed"`, a status of HTTP
//! from 400 on. The object may be cut off, and is read at its beginning and its end; what is nested is passed over, but for what is
//! below `error`. What may be data as well (a failed order has a status, too) wants a second sign.

use super::json::{Value, fields, last_fields, objects, says_something};
use super::{Said, Told, is_one_of};

/// Names of fields that say why, without being data.
const BESIDE: &[&str] = &[
    "title",
    "name",
    "details",
    "path",
    "instance",
    "timestamp",
    "param",
    "hint",
    "help",
    "request_id",
    "requestId",
    "trace_id",
    "documentation_url",
    "retry_after",
    "stack",
    "stacktrace",
];

/// What an object says; `tail` is the end of one that is longer than what is read at its beginning.
pub(super) fn said<'a>(head: &'a str, tail: &'a str) -> Option<Said<'a>> {
    let mut read = Fields::default();
    fields(head, |key, value| read.take(key, value));
    if let Some(last) = last_fields(tail) {
        fields(last, |key, value| read.take(key, value));
    }
    if let Some(told) = read.told(head) {
        return Some(Said::Failure(told));
    }
    let parts = read.parts.filter(|_| !read.succeeds)?;
    text_of(parts).map(Said::Text)
}

/// What a list says: what its first part of text says, as MCP has it, or that all of its objects fail. Any other list is data.
pub(super) fn of_list(head: &str) -> Option<Said<'_>> {
    if let Some(text) = text_of(head) {
        return Some(Said::Text(text));
    }
    let (mut first, mut count, mut alike) = (None, 0_usize, true);
    let is_whole = objects(head, |object| {
        let mut read = Fields::default();
        fields(object, |key, value| read.take(key, value));
        let told = read.told(object);
        count += 1;
        // Rows with a column for errors are data.
        alike &= told.is_some() && (count == 1 || !read.bears_data);
        first = first.take().or(told);
    });
    first.filter(|_| alike && is_whole).map(Said::Failure)
}

/// The text of a list's first item, where that is a part of text.
fn text_of(list: &str) -> Option<&str> {
    let (mut found, mut is_first) = (None, true);
    if !list.starts_with('[') {
        return None;
    }
    objects(list, |object| {
        if std::mem::take(&mut is_first) {
            let (mut text, mut is_text) = (None, false);
            fields(object, |key, value| match (key, value) {
                ("type", Value::Text("text")) => is_text = true,
                ("text", Value::Text(words)) => text = Some(words),
                _ => {}
            });
            found = text.filter(|_| is_text);
        }
    });
    found
}

/// What was gathered from the fields of an object.
#[derive(Debug, Default)]
struct Fields<'a> {
    fails: bool,
    succeeds: bool,
    /// Words of the failure itself.
    words: Option<&'a str>,
    /// Words beside it, which say why.
    message: Option<&'a str>,
    /// Other words beside it.
    remark: Option<&'a str>,
    /// A status that is one of HTTP by its name or its place.
    http: Option<u16>,
    /// A status that may be one of HTTP.
    status: Option<u16>,
    code: Option<u16>,
    /// `status: "failed"`, which may be that of what is described.
    bad_state: bool,
    /// `status: "error"`, which seldom is.
    bad_status: bool,
    /// There is something that no report of a failure has.
    bears_data: bool,
    /// And it is an object or a list.
    bears_nested: bool,
    /// A list of parts, as MCP has it.
    parts: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// The failure that the fields report; `object` is all that was read.
    fn told(&self, object: &'a str) -> Option<Told<'a>> {
        let failing = |status: &Option<u16>| status.is_some_and(|status| (400..600).contains(&status));
        let has_message = self.message.is_some();
        let weak = self.bad_state || failing(&self.status);
        let weakly = weak && !self.bears_nested && (has_message || !self.bears_data);
        // A code alone may be anything: a room, a color, a postal code.
        let coded = failing(&self.code) && has_message && !self.bears_data;
        let strongly = failing(&self.http) || self.bad_status && has_message;
        let fails = self.fails || !self.succeeds && (strongly || weakly || coded);
        let words = self.words.or(self.message).or(self.remark).unwrap_or(object);
        let statuses = [self.http, self.status, self.code];
        fails.then(|| Told {
            words,
            status: statuses.into_iter().find(failing).flatten(),
        })
    }

    fn take(&mut self, key: &str, value: Value<'a>) {
        if is_one_of(
            key,
            &[
                "error",
                "errors",
                "err",
                "exception",
                "traceback",
                "errorMessage",
                "error_message",
            ],
        ) {
            self.error(is_one_of(key, &["errors"]), value);
            return;
        }
        match (key, value) {
            ("isError" | "is_error" | "failed", Value::Word("true"))
            | ("success" | "ok" | "succeeded", Value::Word("false")) => self.fails = true,
            ("success" | "ok" | "succeeded", Value::Word("true")) | ("isError" | "is_error", Value::Word("false")) => {
                self.succeeds = true;
            }
            ("status" | "type" | "result" | "outcome" | "state", Value::Text(text)) => {
                self.bad_state |= is_one_of(text, &["error", "failed", "failure", "err"]);
                self.bad_status |= key == "status" && is_one_of(text, &["error", "err"]);
                self.succeeds |= is_one_of(text, &["ok", "success", "succeeded"]);
            }
            ("statusCode" | "status_code" | "http_status", Value::Word(number)) => {
                self.http = self.http.or(number.parse().ok());
            }
            ("status", Value::Word(number)) => self.status = self.status.or(number.parse().ok()),
            ("code", Value::Word(number)) => self.code = number.parse().ok(),
            ("message" | "msg" | "detail" | "reason", Value::Text(text) | Value::Nested(text)) => {
                if !text.trim_ascii().is_empty() {
                    self.message.get_or_insert(text);
                }
            }
            ("content", Value::Nested(list)) if list.starts_with('[') => {
                self.parts.get_or_insert(list);
                self.other(key, value);
            }
            _ => self.other(key, value),
        }
    }

    /// The field that names a failure, and everything below it.
    fn error(&mut self, of_several: bool, value: Value<'a>) {
        match value {
            // "none" and the like are no errors.
            Value::Text(text) if !is_one_of(text.trim(), &["", "none", "null", "false", "no error", "ok"]) => {
                self.fails = true;
                self.words.get_or_insert(text.trim());
            }
            Value::Word("true") => self.fails = true,
            // Numbers alone count the errors.
            Value::Nested(inner) if says_something(inner, !of_several) => {
                self.fails = true;
                // All of it: the kind stands in `code` or `type` as often as in the message.
                self.words.get_or_insert(inner);
                if inner.starts_with('{') {
                    fields(inner, |key, value| {
                        if let ("code" | "status", Value::Word(number)) = (key, value) {
                            self.http = self.http.or(number.parse().ok());
                        }
                    });
                }
            }
            _ => {}
        }
    }

    fn other(&mut self, key: &str, value: Value<'a>) {
        if let ("description" | "content", Value::Text(text) | Value::Nested(text)) = (key, value) {
            self.remark.get_or_insert(text);
        }
        let is_empty = match value {
            Value::Text(text) => text.is_empty(),
            Value::Word(word) => word == "null",
            Value::Nested(inner) => !says_something(inner, true),
        };
        if !is_empty && !is_one_of(key, BESIDE) && !is_one_of(key, &["code", "type", "status", "success", "ok"]) {
            self.bears_data = true;
            self.bears_nested |= matches!(value, Value::Nested(_));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let words = match said(text, "") {
            Some(Said::Failure(told)) => Some(told.words),
            _ => None,
        };
        assert_eq!(words, expected, "{text}");
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

    #[test]
    fn errors_come_in_several_shapes() {
        check(r#"{"Error": "boom"}"#, Some("boom"));
        check(r#"{"ERROR": {"Message": "boom"}}"#, Some(r#"{"Message": "boom"}"#));
        check(r#"{"error": ["x failed"]}"#, Some(r#"["x failed"]"#));
        check(
            r#"{"message": "it is invalid", "errors": {"email": ["is required"]}}"#,
            Some(r#"{"email": ["is required"]}"#),
        );
        check(r#"{"error": { }}"#, None);
        check(r#"{"error": [null, ""]}"#, None);
        check(r#"{"errors": {"total": 0, "fatal": 0}, "files": 3}"#, None);
        check(r#"{"errors": {"total": 3, "fatal": 1}, "files": 3}"#, None);
        check(r#"{"errors": 2}"#, None);
    }

    #[test]
    fn what_may_be_data_wants_a_second_sign() {
        for data in [
            r#"{"code": 501, "description": "Original fit jeans"}"#,
            r#"{"code": 501, "message": "Happy birthday", "from": "Ann"}"#,
            r#"{"order_id": "W1", "status": "failed", "items": ["a"]}"#,
            r#"{"order_id": "W1", "status": "failed", "reason": "card", "items": ["a"]}"#,
            r#"{"type": "error", "color": "red"}"#,
            r#"{"status": 500, "unit": "watt"}"#,
            r#"{"state": "failed", "attempts": 3}"#,
        ] {
            check(data, None);
        }
        check(r#"{"status": "failed"}"#, Some(r#"{"status": "failed"}"#));
        check(
            r#"{"status": "error", "message": "boom", "tool": "search", "data": null}"#,
            Some("boom"),
        );
        check(r#"{"type": "error", "message": "boom"}"#, Some("boom"));
        check(
            r#"{"status": 404, "title": "Gone", "type": "about:blank"}"#,
            Some(r#"{"status": 404, "title": "Gone", "type": "about:blank"}"#),
        );
        check(
            r#"{"status": 503, "message": "down", "service": "billing"}"#,
            Some("down"),
        );
    }

    #[test]
    fn a_list_fails_where_all_of_it_does() {
        for (list, expected) in [
            (r#"[{"error": "no such user"}]"#, true),
            (r#"[{"error": "a"}, {"error": "b", "code": 5}]"#, true),
            (r#"[{"error": "a"}, {"rows": [1]}]"#, false),
            (
                r#"[{"time": 1, "error": "disk full"}, {"time": 2, "error": "disk full"}]"#,
                false,
            ),
            (r#"[{"id": 1, "error": null}]"#, false),
            (r#"[{"error": "a"}, 5]"#, false),
            ("[]", false),
        ] {
            let fails = matches!(of_list(list), Some(Said::Failure(_)));
            assert_eq!(fails, expected, "{list}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[\"{}\\[\\]:,\\\\aé error]{0,60}") {
            let _said = said(&format!("{{{text}"), &text);
            let _list = of_list(&format!("[{text}"));
        }
    }
}
