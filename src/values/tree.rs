//! A tree of values read into the type of a config. Promises that a mapping is written as a mapping: serde would also take a
//! list whose elements stand in the order of a struct's fields, which nobody means.

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, Error as _, IntoDeserializer, Unexpected, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Value};

/// Reads a tree; null fields are not the same as absent ones here.
///
/// # Errors
/// The first fault, with its path.
pub fn read<T: DeserializeOwned>(tree: &Value) -> Result<T, serde_path_to_error::Error<Error>> {
    serde_path_to_error::deserialize(Tree(tree))
}

#[derive(Clone, Copy)]
struct Tree<'a>(&'a Value);

impl<'de> IntoDeserializer<'de, Error> for Tree<'de> {
    type Deserializer = Tree<'de>;

    fn into_deserializer(self) -> Tree<'de> {
        self
    }
}

impl<'de> Deserializer<'de> for Tree<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => {
                let mut inner = SeqDeserializer::new(items.iter().map(Tree));
                let value = visitor.visit_seq(&mut inner)?;
                inner.end().map(|()| value)
            }
            Value::Object(map) => {
                let mut inner = MapDeserializer::new(map.iter().map(|(key, value)| (key.as_str(), Tree(value))));
                let value = visitor.visit_map(&mut inner)?;
                inner.end().map(|()| value)
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(_) => Err(Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Outer {
        inner: Option<Inner>,
        list: Vec<Inner>,
        map: BTreeMap<String, Inner>,
        pair: (u8, u8),
        word: Option<Word>,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Inner {
        on: bool,
        size: usize,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Yes,
    }

    fn check_fault(tree: Value, path: &str, words: &str) {
        let fault = read::<Outer>(&tree).expect_err("a fault");
        assert_eq!(fault.path().to_string(), path, "{tree}");
        assert!(fault.inner().to_string().starts_with(words), "{tree}: {fault}");
    }

    #[test]
    fn a_list_is_no_mapping_at_any_depth() {
        check_fault(json!([null]), ".", "invalid type: sequence, expected struct Outer");
        check_fault(json!({"inner": [true, 1]}), "inner", "invalid type: sequence, expected");
        check_fault(
            json!({"list": [{}, [true]]}),
            "list[1]",
            "invalid type: sequence, expected",
        );
        check_fault(
            json!({"map": {"x": [true]}}),
            "map.x",
            "invalid type: sequence, expected",
        );
    }

    #[test]
    fn everything_else_is_read_as_serde_reads_it() {
        let tree = json!({
            "inner": {"on": true, "size": 1}, "list": [{"on": false, "size": 2}], "map": {"x": {"on": true, "size": 3}},
            "pair": [1, 2], "word": "yes",
        });
        let value: Outer = read(&tree).expect("valid");
        assert_eq!(serde_json::to_value(&value).expect("plain data"), tree);
        assert_eq!(
            read::<Outer>(&json!({"inner": null, "word": null})).expect("valid"),
            Outer::default()
        );
        check_fault(json!({"pair": [1, 2, 3]}), "pair", "invalid length 3");
        check_fault(json!({"word": "no"}), "word", "unknown variant `no`, expected `yes`");
        check_fault(json!({"inner": {"sise": 1}}), "inner.sise", "unknown field `sise`");
        check_fault(
            json!({"inner": {"size": -1}}),
            "inner.size",
            "invalid value: integer `-1`",
        );
        check_fault(json!({"inner": null, "list": null}), "list", "invalid type: null");
    }
}
