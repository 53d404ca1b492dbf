//! JSON as hot paths read it: a tree that borrows its texts from what it was read from and hashes no keys, a third of the work of
//! `serde_json::Value`. What is written or kept has the latter. Refuses what is no JSON.

use std::{borrow::Cow, fmt};

use serde::{
    Serialize, Serializer,
    de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;

/// A tree that borrows.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string, borrowed where it has no escapes.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Node<'a>>),
    /// An object, its keys in order; one may stand twice.
    Map(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// Reads a body.
///
/// # Errors
/// Where it is no JSON, and why.
pub fn read(body: &[u8]) -> serde_json::Result<Node<'_>> {
    // The whole text is checked at once, several times as fast as string by string.
    match simdutf8::basic::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    }
}

impl<'a> Node<'a> {
    /// The value of an object's key; of a key that stands twice, the last.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        match self {
            Node::Map(entries) => entries.iter().rev().find(|(own, _)| own == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Node::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    /// Whether a key of an object stands there more than once.
    pub fn repeats(&self, key: &str) -> bool {
        match self {
            Node::Map(entries) => entries.iter().filter(|(own, _)| own == key).nth(1).is_some(),
            _ => false,
        }
    }

    /// `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Node::Bool(bool) => Some(*bool),
            _ => None,
        }
    }
}

impl Serialize for Node<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Null => to.serialize_unit(),
            Node::Bool(bool) => to.serialize_bool(*bool),
            Node::Number(number) => number.serialize(to),
            Node::Text(text) => to.serialize_str(text),
            Node::List(items) => to.collect_seq(items),
            Node::Map(entries) => to.collect_map(entries.iter().map(|(key, value)| (key, value))),
        }
    }
}

/// A key, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub struct Key<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any JSON value")
    }
    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }
    fn visit_bool<E>(self, bool: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(bool))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(number.into()))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(number.into()))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Node<'de>, E> {
        Ok(Number::from_f64(number).map_or(Node::Null, Node::Number))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let written = read(json.as_bytes())
            .ok()
            .map(|tree| serde_json::to_string(&tree).expect("JSON"));
        assert_eq!(written.as_deref(), expected, "{json}");
    }

    #[test]
    fn json_comes_back_as_it_went_in() {
        let all = r#"{"a":[1,-2,2.5,18446744073709551615,true,null,"x\n"],"b":{},"a":2}"#;
        check(all, Some(all));
        check("\"plain\"", Some("\"plain\""));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "hello", "{", "[1,]", "1e999", &"[".repeat(100_000)] {
            check(text, None);
        }
    }

    #[test]
    fn strings_without_escapes_stay_borrowed() {
        let tree = read(br#"{"role":"user","content":"hi"}"#).expect("JSON");
        assert!(matches!(tree.get("content"), Some(Node::Text(Cow::Borrowed("hi")))));
        assert!(matches!(&tree, Node::Map(entries) if matches!(entries[0].0, Cow::Borrowed("role"))));
    }
}
