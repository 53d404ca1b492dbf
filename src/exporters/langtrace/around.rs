//! What of a resource goes onto each of its spans, within bounds: the server forgets the resource, so every span carries it, and one that
//! is large would be multiplied by the number of spans. Keeps the first of each key that says something, `service.name` before all others.

use std::{borrow::Cow, collections::HashMap};

use super::wire::{Attribute, Value};
use crate::otlp::{ResourceSpansRef, keys};

/// Most bytes of one text that spans carry for their resource or scope; what is longer is cut.
pub(super) const MAX_TEXT: usize = 8 << 10;

/// Most attributes of a resource that a span carries.
pub(super) const MAX_ATTRIBUTES: usize = 64;

/// Most bytes of keys and values together.
pub(super) const MAX_IN_ALL: usize = 32 << 10;

/// A resource as its spans carry it.
pub(super) struct Carried<'a> {
    pub(super) attributes: Vec<Attribute<'a>>,
    /// Name of the service, never empty.
    pub(super) service: &'a str,
    /// Whether something had to be cut or left out.
    pub(super) is_cut: bool,
    /// Bytes of keys and values.
    in_all: usize,
    places: HashMap<&'a str, usize>,
}

impl<'a> Carried<'a> {
    pub(super) fn of(resource: ResourceSpansRef<'a>) -> Carried<'a> {
        let name = resource.service_name().unwrap_or_default();
        let mut carried = Carried {
            attributes: Vec::new(),
            service: match cut(name) {
                "" => "unknown_service",
                name => name,
            },
            is_cut: name.len() > MAX_TEXT,
            in_all: 0,
            places: HashMap::new(),
        };
        if !name.is_empty() {
            carried.take(keys::SERVICE_NAME, Value::Text(Cow::Borrowed(carried.service)));
        }
        for attribute in resource.attributes() {
            let key = attribute.key();
            if carried.attributes.len() == MAX_ATTRIBUTES && !carried.places.contains_key(key) {
                carried.is_cut = true;
                break;
            }
            // An empty name of the service stands nowhere.
            let value = Value::from(attribute.value());
            if key != keys::SERVICE_NAME || value.says_something() {
                carried.take(key, value);
            }
        }
        carried
    }

    fn take(&mut self, key: &'a str, value: Value<'a>) {
        let place = self.places.get(key).copied();
        if place.is_some_and(|at| self.attributes[at].value.says_something()) {
            return;
        }
        let value = match value {
            Value::Text(text) if text.len() > MAX_TEXT => {
                self.is_cut = true;
                Value::Text(match text {
                    Cow::Borrowed(text) => Cow::Borrowed(cut(text)),
                    Cow::Owned(text) => Cow::Owned(cut(&text).to_owned()),
                })
            }
            value => value,
        };
        let more = key.len() + value.byte_len();
        if key.len() > MAX_TEXT || self.in_all + more > MAX_IN_ALL {
            self.is_cut = true;
            return;
        }
        self.in_all += more;
        if let Some(at) = place {
            self.attributes[at].value = value;
            return;
        }
        self.places.insert(key, self.attributes.len());
        self.attributes.push(Attribute {
            key: Cow::Borrowed(key),
            value,
        });
    }

    /// About what it adds to the JSON of a span; texts may double when they are escaped.
    pub(super) fn json_len(&self) -> usize {
        2 * self.in_all + 40 * self.attributes.len() + 4 * self.service.len()
    }
}

/// The start of a text that spans carry.
pub(super) fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
