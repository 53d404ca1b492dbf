//! One number for a call's arguments or a result: the same for the same JSON, whatever the order of its keys and its white space,
//! and for the same text. Nothing is copied. JSON is parsed up to a bound; a longer text is hashed as it stands, all of it, since a
//! page or a state that has changed may have changed anywhere.

use std::hash::{BuildHasher, Hash, Hasher};

use crate::signals::steps::took;
use foldhash::quality::FixedState;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Longest text that is parsed, in bytes.
const PARSED: usize = 8 << 10;

/// Odd numbers whose bits look like chance.
const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const FACTOR: u64 = 0xD6E8_FEB8_6659_FD93;

/// The digest of a text; JSON that is cut, nested very deep or malformed is text.
pub(super) fn digest(text: &str) -> u64 {
    took(text.len());
    if text.len() > PARSED {
        // Many times as fast as what hashes the pieces of JSON.
        return FixedState::with_seed(SEED).hash_one(text);
    }
    let text = text.trim();
    let json = if text.starts_with(['{', '[']) {
        serde_json::from_str::<Digest>(text).ok()
    } else {
        None
    };
    json.map_or_else(|| number(text), |Digest(digest)| digest)
}

/// The digest of a call: of its tool and its arguments. None at all are written as `{}` too.
pub(super) fn call(name: &str, arguments: &str) -> u64 {
    let arguments = if arguments.trim_start().is_empty() {
        "{}"
    } else {
        arguments
    };
    number((name, digest(arguments)))
}

/// The hash of anything, the same in every process.
pub(super) fn number(value: impl Hash) -> u64 {
    let mut hasher = Mixer(SEED);
    value.hash(&mut hasher);
    hasher.finish()
}

/// Hashes the many short values of JSON in a few cycles each. Who finds collisions makes a loop of their own calls.
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        took(bytes.len());
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let rest = rest.iter().fold(0, |rest, &byte| rest << 8 | u64::from(byte));
        self.write_u64(rest ^ (bytes.len() as u64) << 56);
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = (product as u64 ^ (product >> 64) as u64).wrapping_add(SEED);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// The digest of a JSON value while it is parsed.
struct Digest(u64);

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Digest)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = u64;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<u64, E> {
        Ok(number(()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<u64, E> {
        Ok(number(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        Ok(number(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u64, E> {
        Ok(number(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<u64, E> {
        Ok(number(value.to_bits()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<u64, E> {
        Ok(number(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<u64, A::Error> {
        let mut sum = number('[');
        while let Some(Digest(item)) = items.next_element()? {
            sum = number((sum, item));
        }
        Ok(sum)
    }

    /// A sum: the order of the fields does not count.
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<u64, A::Error> {
        let mut sum = number('{');
        while let Some((Digest(key), Digest(value))) = fields.next_entry()? {
            sum = sum.wrapping_add(number((key, value)));
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_white_space_do_not_count() {
        let one = digest(r#"{"a": 1, "b": {"c": [1, 2], "d": "x"}}"#);
        assert_eq!(one, digest(r#" {"b":{"d":"x","c":[1,2]},"a":1}"#));
        for other in [
            r#"{"a":1,"b":{"c":[2,1],"d":"x"}}"#,
            r#"{"b":1,"a":{"c":[1,2],"d":"x"}}"#,
            r#"{"a":"1","b":{"c":[1,2],"d":"x"}}"#,
            r#"{"a": 1, "b": {"c": [1, 2], "d": "x"}"#,
        ] {
            assert_ne!(one, digest(other), "{other}");
        }
        assert_eq!(digest("{\"a\": \n"), digest(" {\"a\":"));
        assert_eq!(call("now", ""), call("now", "{}"));
        assert_ne!(call("now", "{}"), call("then", "{}"));
    }

    #[test]
    fn texts_that_differ_a_little_differ() {
        let texts = (0..40_000).map(|n| format!("{{\"progress\": {n}, \"of\": \"{}\"}}", n % 7));
        let mut digests: Vec<u64> = texts.clone().map(|text| digest(&text)).collect();
        digests.extend(texts.map(|text| digest(&text[1..])));
        digests.extend((0..2000).map(|length| digest(&"a".repeat(length))));
        digests.sort_unstable();
        digests.dedup();
        assert_eq!(digests.len(), 82_000);
    }

    #[test]
    fn deep_and_long_texts_are_texts() {
        let deep = "[".repeat(4000) + &"]".repeat(4000);
        assert_ne!(digest(&deep), digest(&deep[1..]));
        let long = "é".repeat(1 << 20);
        assert_ne!(digest(&long), digest(&format!("{long}é")));
        assert_eq!(digest(&long), digest(&long.clone()));
        let mut changed = long.clone();
        changed.replace_range(1 << 20..(1 << 20) + 2, "e ");
        assert_ne!(digest(&long), digest(&changed));
    }
}
