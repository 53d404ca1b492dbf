//! A value of any emitter as one lenient tree: JSON text and OTLP's own arrays and maps read alike, so that a dialect looks
//! for what it knows and passes over the rest. Refuses only text that is no JSON and cannot be mended, or nested deeper than
//! serde_json's bound.

use std::borrow::Cow;

use serde_json::Number;

use super::mended;
use crate::otlp::ValueRef;
pub(crate) use crate::values::json::Node;

/// The tree of an attribute's value: a string is read as JSON.
pub(crate) fn read(value: ValueRef<'_>) -> Option<Node<'_>> {
    match value {
        ValueRef::Str(text) => serde_json::from_str(text).ok().or_else(|| mended::read(text)),
        other => Some(of(other)),
    }
}

/// The tree of a value whose strings are plain text.
fn of(value: ValueRef<'_>) -> Node<'_> {
    match value {
        ValueRef::Str(text) => Node::Text(Cow::Borrowed(text)),
        ValueRef::Array(array) => Node::List(array.values().map(of).collect()),
        ValueRef::KvList(list) => {
            let entries = list.entries();
            Node::Map(
                entries
                    .map(|entry| (Cow::Borrowed(entry.key()), of(entry.value())))
                    .collect(),
            )
        }
        ValueRef::Bool(value) => Node::Bool(value),
        ValueRef::Int(value) => Node::Number(value.into()),
        ValueRef::Double(value) => Number::from_f64(value).map_or(Node::Null, Node::Number),
        ValueRef::Bytes(_) | ValueRef::Empty => Node::Null,
    }
}

/// What dialects ask of a tree.
pub(crate) trait Tree<'a> {
    /// The text of a string.
    fn text(&self) -> Option<&Cow<'a, str>>;

    /// The text of a map's key, empty where there is none.
    fn text_at(&self, key: &str) -> Cow<'a, str>;

    /// The items of a list; none for anything else.
    fn items(&self) -> &[Node<'a>];

    /// The value as text: a string as it is, anything else as JSON. For tool arguments and results, which emitters write
    /// either way.
    fn to_text(&self) -> Cow<'a, str>;
}

impl<'a> Tree<'a> for Node<'a> {
    fn text(&self) -> Option<&Cow<'a, str>> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    fn text_at(&self, key: &str) -> Cow<'a, str> {
        self.get(key).and_then(Tree::text).cloned().unwrap_or_default()
    }

    fn items(&self) -> &[Node<'a>] {
        match self {
            Node::List(items) => items,
            _ => &[],
        }
    }

    fn to_text(&self) -> Cow<'a, str> {
        match self {
            Node::Text(text) => text.clone(),
            Node::Null => Cow::Borrowed(""),
            tree => Cow::Owned(serde_json::to_string(tree).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let tree = read(ValueRef::Str(json));
        assert_eq!(
            tree.as_ref().map(|tree| tree.to_text().into_owned()).as_deref(),
            expected,
            "{json}"
        );
    }

    #[test]
    fn json_comes_back_as_it_went_in() {
        check(
            r#"{"a":[1,-2,2.5,true,null,"x\n"],"b":{}}"#,
            Some(r#"{"a":[1,-2,2.5,true,null,"x\n"],"b":{}}"#),
        );
        check(r#""plain""#, Some("plain"));
        check("null", Some(""));
    }

    #[test]
    fn strings_that_were_cut_inside_a_character_are_read() {
        check(r#"{"a":"look \ud83d"}"#, Some("{\"a\":\"look \u{fffd}\"}"));
        check(
            r#"["\uDE00 \ud83d\ud83d\ude00 \ud83dx \\ud83d \ud83d\n"]"#,
            Some("[\"\u{fffd} \u{fffd}😀 \u{fffd}x \\\\ud83d \u{fffd}\\n\"]"),
        );
        check("[\"a\nb\u{1b}\",\n\"c\"]", Some(r#"["a b ","c"]"#));
        check(r#"{"\ud83d":"a"}"#, Some("{\"\u{fffd}\":\"a\"}"));
        // What is broken otherwise stays so.
        for text in [
            r#"["\ud83d"#,
            r#"["\ud83d",]"#,
            r#"["\ud8"]"#,
            r#"["\ud83d"] x"#,
            "\\ud83d",
            r#"["\"#,
        ] {
            check(text, None);
        }
    }

    #[test]
    fn what_is_no_json_is_none() {
        for text in ["", "hello", "{", "[1,]", &"[".repeat(100_000)] {
            check(text, None);
        }
    }

    #[test]
    fn strings_without_escapes_stay_borrowed() {
        let tree = read(ValueRef::Str(r#"{"role":"user","content":"hi"}"#)).expect("JSON");
        assert!(matches!(tree.get("content"), Some(Node::Text(Cow::Borrowed("hi")))));
        assert!(matches!(&tree, Node::Map(entries) if matches!(entries[0].0, Cow::Borrowed("role"))));
    }
}
