//! What reads either kind of JSON tree, the borrowed one of the hot path or the one that translations write, is written over
//! [`Json`].

use serde::Serialize;
use serde_json::Value;

use crate::values::json::Node;

/// A tree that can be looked into.
pub(in crate::gateway) trait Json: Serialize + Sized {
    /// The value of an object's key; of a key that stands twice, the last.
    fn get(&self, key: &str) -> Option<&Self>;
    /// The text of a string.
    fn as_str(&self) -> Option<&str>;
    /// The items of a list.
    fn as_array(&self) -> Option<&[Self]>;
    /// A whole number.
    fn as_i64(&self) -> Option<i64>;
    /// Whether it is `null`.
    fn is_null(&self) -> bool;
    /// Whether it is an object.
    fn is_object(&self) -> bool;

    /// The value at a path of keys.
    fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// A string below `key`; empty where there is none.
    fn text_at(&self, key: &str) -> &str {
        self.get(key).and_then(Self::as_str).unwrap_or_default()
    }

    /// The items of a list below `key`; none where there is no list.
    fn items_at(&self, key: &str) -> &[Self] {
        self.get(key).and_then(Self::as_array).unwrap_or_default()
    }
}

impl Json for Value {
    fn get(&self, key: &str) -> Option<&Self> {
        Value::get(self, key)
    }
    fn as_str(&self) -> Option<&str> {
        Value::as_str(self)
    }
    fn as_array(&self) -> Option<&[Self]> {
        Value::as_array(self).map(Vec::as_slice)
    }
    fn as_i64(&self) -> Option<i64> {
        Value::as_i64(self)
    }
    fn is_null(&self) -> bool {
        Value::is_null(self)
    }
    fn is_object(&self) -> bool {
        Value::is_object(self)
    }
}

impl Json for Node<'_> {
    fn get(&self, key: &str) -> Option<&Self> {
        Node::get(self, key)
    }
    fn as_str(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }
    fn as_array(&self) -> Option<&[Self]> {
        match self {
            Node::List(items) => Some(items),
            _ => None,
        }
    }
    fn as_i64(&self) -> Option<i64> {
        match self {
            Node::Number(number) => number.as_i64(),
            _ => None,
        }
    }
    fn is_null(&self) -> bool {
        *self == Node::Null
    }
    fn is_object(&self) -> bool {
        matches!(self, Node::Map(_))
    }
}
