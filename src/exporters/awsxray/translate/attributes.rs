//! What becomes of the attributes that no block of a segment took: annotations, which X-Ray indexes and searches, and metadata, which it
//! only shows. Signals are annotations by themselves; everything else as in the Collector.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{
    Attributes, Resource, Settings, Span,
    object::{Object, json, scalar, text},
};
use crate::otlp::{ValueRef, keys, keys::xray};

/// Namespace of metadata that has none of its own.
pub(in crate::exporters::awsxray) const DEFAULT: &str = "default";

/// Longest text that X-Ray takes as an annotation, in characters. The whole of a longer one is kept as metadata.
const LONGEST_ANNOTATION: usize = 1000;

/// What stands before the attributes of a resource.
pub(super) const RESOURCE_PREFIX: &str = "otel.resource.";

/// Annotations and metadata of one segment.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) user: String,
    pub(super) annotations: Map<String, Value>,
    pub(super) metadata: Map<String, Value>,
}

/// Sorts what is left. The resource is told on segments only (`with_resource`), not on each of their parts.
pub(super) fn sort<'a>(
    mut left: Attributes<'a>,
    span: &Span<'a>,
    resource: &Resource<'a>,
    settings: &Settings,
    with_resource: WithResource,
) -> Sorted {
    for key in &settings.indexed {
        // A key that the user asks for is indexed, whatever block of the segment took it.
        if let Some(&(key, value)) = span.attributes.iter().find(|(name, _)| name == key) {
            left.entry(key).or_insert(value);
        }
    }
    let mut sorted = Sorted {
        user: left.remove(xray::ENDUSER_ID).map(text).unwrap_or_default().to_owned(),
        ..Sorted::default()
    };
    let mut indexed: HashSet<&str> = settings.indexed.iter().map(String::as_str).collect();
    if let Some(ValueRef::Array(listed)) = left.get(keys::AWS_XRAY_ANNOTATIONS) {
        indexed.extend(listed.values().filter_map(|key| key.as_str()));
        left.remove(keys::AWS_XRAY_ANNOTATIONS);
    }
    let mut default = Object::default();
    if with_resource == WithResource::Yes {
        for &(key, value) in &resource.0 {
            let key = format!("{RESOURCE_PREFIX}{key}");
            let is_indexed = settings.index_all || indexed.contains(key.as_str());
            match scalar(value).filter(|_| is_indexed) {
                Some(value) => sorted.annotate(&key, value, &mut default),
                None => default.maybe(&key, Some(json(value)).filter(|value| !value.is_null())),
            }
        }
    }
    for (key, value) in left {
        let is_indexed = settings.index_all || indexed.contains(key) || is_signal(key, value);
        if is_indexed {
            if let Some(value) = scalar(value) {
                sorted.annotate(key, value, &mut default);
            }
        } else {
            sorted.tell(key, value, &mut default);
        }
    }
    if span.is_flagged() && !sorted.annotations.contains_key(keys::SIGNALS_FLAGGED) {
        sorted.annotations.insert(keys::SIGNALS_FLAGGED.to_owned(), true.into());
    }
    if !default.0.is_empty() {
        sorted.metadata.insert(DEFAULT.to_owned(), default.into());
    }
    sorted
}

/// Whether a segment tells of its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithResource {
    Yes,
    No,
}

/// Whether the signals processor wrote it.
fn is_signal(key: &str, value: ValueRef<'_>) -> bool {
    key.starts_with(keys::SIGNALS_PREFIX) && scalar(value).is_some()
}

impl Sorted {
    fn annotate(&mut self, key: &str, value: Value, default: &mut Object) {
        let value = match value {
            Value::String(text) if text.chars().nth(LONGEST_ANNOTATION).is_some() => {
                let start = text.chars().take(LONGEST_ANNOTATION).collect();
                default.set(key, text);
                Value::String(start)
            }
            short => short,
        };
        self.annotations.insert(annotation_key(key), value);
    }

    fn tell(&mut self, key: &str, value: ValueRef<'_>, default: &mut Object) {
        let namespace = key.strip_prefix(xray::AWS_XRAY_METADATA_PREFIX);
        match (namespace, value) {
            (Some(namespace), ValueRef::Str(text)) => match serde_json::from_str::<Map<String, Value>>(text) {
                Ok(members) if namespace.eq_ignore_ascii_case(DEFAULT) => default.0.extend(members),
                Ok(members) => {
                    self.metadata.insert(namespace.to_owned(), members.into());
                }
                Err(_) => default.set(key, text),
            },
            _ => default.maybe(key, Some(json(value)).filter(|value| !value.is_null())),
        }
    }
}

/// A key as X-Ray takes it: letters and digits of ASCII, dots, `_` for all others.
fn annotation_key(key: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' };
    key.chars().map(allowed).collect()
}
