//! Whether a tool's result tells of a failure, or of nothing found. Looks at the form of a result, never for a word anywhere in
//! it: a document about errors is no error.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

/// Longest JSON that is read for its fields (bytes); reports of failures are short.
const LONGEST: usize = 8 << 10;
/// Longest beginning of a text that can name a failure (bytes): "Error calling the tool get_weather: …".
const HEADING: usize = 80;
/// Longest text that says that nothing was found (bytes); a longer one says something.
const REMARK: usize = 120;
/// Words after a denial among which it is said what there is none of.
const NEAR: usize = 3;
/// Least status of HTTP that is a failure.
const BAD_STATUS: f64 = 400.0;

/// Fields by which results tell of failures, in the spellings that tools use.
#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Report<'a> {
    error: Option<&'a RawValue>,
    errors: Option<&'a RawValue>,
    exception: Option<&'a RawValue>,
    failed: Option<&'a RawValue>,
    is_error: Option<&'a RawValue>,
    #[serde(rename = "isError")]
    is_error_in_mcp: Option<&'a RawValue>,
    ok: Option<&'a RawValue>,
    success: Option<&'a RawValue>,
    status: Option<&'a RawValue>,
    status_code: Option<&'a RawValue>,
    #[serde(rename = "statusCode")]
    status_of_http: Option<&'a RawValue>,
}

/// Whether a result reports a failure.
pub(super) fn fails(result: &str) -> bool {
    if result.len() <= LONGEST && result.trim_start().starts_with('{') {
        return serde_json::from_str::<Report<'_>>(result).is_ok_and(|report| report.fails());
    }
    heads_a_failure(&result[..result.floor_char_boundary(HEADING)])
}

impl Report<'_> {
    fn fails(&self) -> bool {
        fn any<const N: usize>(fields: [Option<&RawValue>; N], judge: fn(&str) -> bool) -> bool {
            fields.into_iter().flatten().any(|field| judge(field.get()))
        }
        let failures = [self.error, self.errors, self.exception, self.failed];
        any(failures, says_something)
            || any([self.is_error, self.is_error_in_mcp], says_something)
            || any([self.ok, self.success], |field| field == "false")
            || any([self.status, self.status_code, self.status_of_http], is_bad_status)
    }
}

fn says_something(field: &str) -> bool {
    !matches!(field, "null" | "false" | "0" | "\"\"" | "[]" | "{}")
}

fn is_bad_status(field: &str) -> bool {
    let status = field.trim_matches('"');
    is_one_of(status, &["error", "failed", "failure"]) || status.parse().is_ok_and(|status: f64| status >= BAD_STATUS)
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

/// "Error: …", "ValueError: …", "Request failed: …", "Error", "Traceback (most recent call last):".
fn heads_a_failure(start: &str) -> bool {
    let line = start.trim_start().lines().next().unwrap_or_default();
    let names = |word: &str| {
        let word = word.trim_end_matches(['.', '!']);
        let ends_with = |end: &str| {
            let start = word.len().checked_sub(end.len());
            start
                .and_then(|start| word.get(start..))
                .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
        };
        ends_with("error") || ends_with("exception") || is_one_of(word, &["traceback", "failed", "failure", "fatal"])
    };
    let Some((heading, _)) = line.split_once(':') else {
        // Without a colon the word is one of a sentence, unless it is all there is.
        return line.split_whitespace().count() == 1 && names(line.trim_end());
    };
    let mut words = heading.split_whitespace();
    let first = words.next().unwrap_or_default();
    let denied = is_one_of(first, &["no", "without", "0"]);
    names(first) || !denied && words.next_back().is_some_and(names)
}

/// Whether a result says that there is nothing: an empty list or object, "No results found".
pub(super) fn finds_nothing(result: &str) -> bool {
    if result.len() > REMARK {
        return false;
    }
    let result = result.trim();
    if result.starts_with(['{', '[', 'n']) && serde_json::from_str::<IgnoredAny>(result).is_ok() {
        return holds_nothing(result);
    }
    let mut words = result
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let denies = words
        .next()
        .is_some_and(|word| is_one_of(word, &["no", "none", "nothing", "0", "not"]));
    let things = [
        "found", "result", "results", "match", "matches", "matching", "hits", "records", "rows", "items",
    ];
    denies && words.take(NEAR).any(|word| is_one_of(word, &things))
}

/// `[]`, `{}`, `null`, and an object with an empty list and no other list: `{"items": [], "total": 0}`.
fn holds_nothing(json: &str) -> bool {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match serde_json::from_str(json) {
        Ok(Value::Object(fields)) if !fields.is_empty() => {
            let mut lists = fields.values().filter(|value| value.is_array()).peekable();
            lists.peek().is_some() && lists.all(empty)
        }
        Ok(value) => empty(&value),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(judge: fn(&str) -> bool, yes: &[&str], no: &[&str]) {
        assert_eq!(yes.iter().filter(|text| !judge(text)).collect::<Vec<_>>(), [&""; 0]);
        assert_eq!(no.iter().filter(|text| judge(text)).collect::<Vec<_>>(), [&""; 0]);
    }

    #[test]
    fn failures_are_told_by_their_form() {
        let yes = [
            "Error: user not found",
            "error",
            "ValueError: invalid literal",
            "Request failed: 503",
            "Error calling the tool get_weather: no such city",
            "requests.exceptions.HTTPError: 500",
            r#"{"status":"error","statusCode":200}"#,
            "Traceback (most recent call last):\n  File …",
            r#"{"error":"temporarily unavailable"}"#,
            r#" {"success": false, "data": null}"#,
            r#"{"status": 404}"#,
            r#"{"status":"FAILED"}"#,
            r#"{"isError":true,"content":[]}"#,
        ];
        let no = [
            "",
            "ok",
            "Error handling is described in chapter 3 and in the appendix that stands at the end of the book: read it",
            "The build succeeded, 0 errors",
            "No error: all is well",
            "error in the title of a book",
            r#"{"error":null,"data":[1]}"#,
            r#"{"errors":[],"id":7}"#,
            r#"{"status":200}"#,
            r#"{"status":"delivered","note":"Error: none"}"#,
            r#"{"error""#,
            "[]",
        ];
        check(fails, &yes, &no);
    }

    #[test]
    fn nothing_is_told_by_its_form() {
        let yes = [
            "[]",
            " {} ",
            "null",
            "No results found",
            "No matching records",
            "0 results",
            r#"{"items":[],"total":0}"#,
        ];
        let no = [
            "",
            "ok",
            "No, the flight leaves at nine",
            "Found 3 results",
            r#"{"items":[1]}"#,
            r#"{"a":[],"b":[1]}"#,
            r#"{"progress":0}"#,
            "null and void",
        ];
        check(finds_nothing, &yes, &no);
    }
}
