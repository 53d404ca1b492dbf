//! A value of any emitter as one lenient tree: JSON text and OTLP's own arrays and maps read alike, so that a dialect looks
//! for what it knows and passes over the rest. Strings stay borrowed where they hold no escapes. Refuses only text that is
//! no JSON, or nested deeper than serde_json's bound.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::otlp::ValueRef;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::processors::signals) enum Node<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Str(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// The tree of an attribute's value: a string is read as JSON.
    pub(in crate::processors::signals) fn read(value: ValueRef<'a>) -> Option<Node<'a>> {
        match value {
            ValueRef::Str(text) => serde_json::from_str(text).ok(),
            other => Some(Node::of(other)),
        }
    }

    /// The tree of a value whose strings are plain text.
    fn of(value: ValueRef<'a>) -> Node<'a> {
        match value {
            ValueRef::Str(text) => Node::Str(Cow::Borrowed(text)),
            ValueRef::Array(array) => Node::List(array.values().map(Node::of).collect()),
            ValueRef::KvList(list) => Node::Map(
                list.entries()
                    .map(|entry| (Cow::Borrowed(entry.key()), Node::of(entry.value())))
                    .collect(),
            ),
            ValueRef::Bool(value) => Node::Bool(value),
            ValueRef::Int(value) => Node::Int(value),
            ValueRef::Double(value) => Node::Double(value),
            ValueRef::Bytes(_) | ValueRef::Empty => Node::Null,
        }
    }

    /// The value of a map's key.
    pub(in crate::processors::signals) fn get(&self, key: &str) -> Option<&Node<'a>> {
        match self {
            Node::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a string.
    pub(in crate::processors::signals) fn text(&self) -> Option<&Cow<'a, str>> {
        match self {
            Node::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a map's key, empty where there is none.
    pub(in crate::processors::signals) fn text_at(&self, key: &str) -> Cow<'a, str> {
        self.get(key).and_then(Node::text).cloned().unwrap_or_default()
    }

    /// The items of a list; none for anything else.
    pub(in crate::processors::signals) fn items(&self) -> &[Node<'a>] {
        match self {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// The value as text: a string as it is, anything else as JSON. For tool arguments and results, which emitters write
    /// either way.
    pub(in crate::processors::signals) fn to_text(&self) -> Cow<'a, str> {
        match self {
            Node::Str(text) => text.clone(),
            Node::Null => Cow::Borrowed(""),
            tree => {
                let mut json = String::new();
                tree.write_json(&mut json);
                Cow::Owned(json)
            }
        }
    }

    fn write_json(&self, out: &mut String) {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Node::Null => out.push_str("null"),
            Node::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Node::Int(value) => out.push_str(&value.to_string()),
            Node::Double(value) => out.push_str(&value.to_string()),
            Node::Str(text) => out.push_str(&quoted(text)),
            Node::List(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    item.write_json(out);
                }
                out.push(']');
            }
            Node::Map(entries) => {
                out.push('{');
                for (i, (key, value)) in entries.iter().enumerate() {
                    out.push_str(if i > 0 { "," } else { "" });
                    out.push_str(&quoted(key));
                    out.push(':');
                    value.write_json(out);
                }
                out.push('}');
            }
        }
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(i64::try_from(value).map_or(Node::Double(value as f64), Node::Int))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Node::Double(value))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Str(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Str(Cow::Owned(text.to_owned())))
    }
    fn visit_string<E>(self, text: String) -> Result<Node<'de>, E> {
        Ok(Node::Str(Cow::Owned(text)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            entries.push((key, value));
        }
        Ok(Node::Map(entries))
    }
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node<'de>, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

/// A map's key, borrowed where it holds no escapes (serde's own `Cow` never borrows).
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<'de>, D::Error> {
        match deserializer.deserialize_str(TreeVisitor)? {
            Node::Str(text) => Ok(Key(text)),
            _ => Ok(Key(Cow::Borrowed(""))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let tree = Node::read(ValueRef::Str(json));
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
    fn what_is_no_json_is_none() {
        for text in ["", "hello", "{", "[1,]", &"[".repeat(100_000)] {
            check(text, None);
        }
    }

    #[test]
    fn strings_without_escapes_stay_borrowed() {
        let tree = Node::read(ValueRef::Str(r#"{"role":"user","content":"hi"}"#)).expect("JSON");
        assert!(matches!(tree.get("content"), Some(Node::Str(Cow::Borrowed("hi")))));
        assert!(matches!(&tree, Node::Map(entries) if matches!(entries[0].0, Cow::Borrowed("role"))));
    }
}
