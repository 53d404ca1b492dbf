//! Where the values stand that the gateway replaces in a request's bytes, and the replacing. All other bytes stay as they are.
//!
//! A key that stands twice is replaced twice: which of them a provider reads is not ours to guess.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::values::json::Key;

/// Places in a body, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) model: Vec<Range<usize>>,
    pub(super) stream_options: Vec<Range<usize>>,
    /// The closing brace.
    pub(super) end: usize,
}

impl Places {
    /// Finds them in the bytes of a JSON object.
    pub(super) fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        let end = body.iter().rposition(|byte| *byte == b'}').unwrap_or_default();
        let members = Members {
            base: body.as_ptr() as usize,
            places: Places {
                end,
                ..Places::default()
            },
        };
        serde_json::Deserializer::from_slice(body).deserialize_map(members)
    }
}

struct Members {
    base: usize,
    places: Places,
}

impl<'de> Visitor<'de> for Members {
    type Value = Places;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Places, A::Error> {
        while let Some(key) = map.next_key::<Key<'de>>()? {
            let text = map.next_value::<&'de RawValue>()?.get();
            // The text is borrowed from the body, so that its distance from the body's start is its place.
            let start = text.as_ptr() as usize - self.base;
            let place = start..start + text.len();
            match key.0.as_ref() {
                "model" => self.places.model.push(place),
                "stream_options" => self.places.stream_options.push(place),
                _ => {}
            }
        }
        Ok(self.places)
    }
}

/// The body with each place replaced by its text.
pub(super) fn splice(body: &Bytes, mut edits: Vec<(Range<usize>, String)>) -> Bytes {
    if edits.is_empty() {
        return body.clone();
    }
    edits.sort_by_key(|(place, _)| place.start);
    let added: usize = edits.iter().map(|(_, text)| text.len()).sum();
    let mut out = Vec::with_capacity(body.len() + added);
    let mut at = 0;
    for (place, text) in edits {
        out.extend_from_slice(&body[at..place.start]);
        out.extend_from_slice(text.as_bytes());
        at = place.end;
    }
    out.extend_from_slice(&body[at..]);
    out.into()
}
