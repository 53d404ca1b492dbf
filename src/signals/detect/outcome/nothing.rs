//! Whether a tool's result says that there is nothing: it looked and found no match. Told by the form of a short result.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::is_one_of;

/// Longest text that says that nothing was found (bytes); a longer one says something.
const REMARK: usize = 120;
/// Words after a denial among which it is said what there is none of.
const NEAR: usize = 3;

/// Whether a result says that there is nothing: an empty list or object, "No results found".
pub(in crate::signals::detect) fn finds_nothing(result: &str) -> bool {
    if result.len() > REMARK {
        return false;
    }
    let result = result.trim();
    // Most objects hold no list at all; nothing of them needs to be parsed.
    let inner = result.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    if let Some(fields) = inner.filter(|fields| !fields.contains('[')) {
        return fields.trim_ascii().is_empty();
    }
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
