//! `Draft`: a span under construction that keeps its keys unique and leaves out what is absent. What all spans of a request share
//! is written last, so that it may become known late.

use std::borrow::Cow;

use crate::otlp::{SpanBuilder, Value, keys};

use super::{Common, Component, Failure, Place};

/// OTLP's `SpanKind`, as far as the gateway has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Internal = 1,
    Server = 2,
    Client = 3,
}

/// OTLP's `SpanFlags`: it is known whether the parent is remote.
const HAS_IS_REMOTE: u32 = 0x100;
/// OTLP's `SpanFlags`: the parent is remote.
const IS_REMOTE: u32 = 0x200;
/// OTLP's status code of an error.
const STATUS_ERROR: i32 = 2;

/// How much of a text goes on a span, in bytes, and how many of a list of texts: clients choose their length.
const MAX_TEXT: usize = 4 << 10;
const MAX_TEXTS: usize = 256;

/// The text as it goes on a span.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

/// The texts of a list as they go on a span.
fn bounded<'v>(values: &[&'v str]) -> Vec<&'v str> {
    values.iter().take(MAX_TEXTS).map(|text| cut(text)).collect()
}

/// A span with the keys that it has already.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    span: SpanBuilder,
    keys: Vec<Cow<'static, str>>,
}

/// A size or count as OTLP has it: signed.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Draft {
    pub(super) fn new(common: &Common, place: Place, kind: Kind, name: &str) -> Draft {
        let parent = place.parent.filter(|parent| !parent.is_zero());
        let remote = match (kind, parent) {
            (Kind::Server, Some(_)) => HAS_IS_REMOTE | IS_REMOTE,
            _ => HAS_IS_REMOTE,
        };
        let end = place.end_unix_nano.max(place.start_unix_nano);
        let mut span = SpanBuilder::new(common.trace_id, place.span_id, cut(name))
            .kind(kind as i32)
            .times(place.start_unix_nano, end)
            .flags(u32::from(common.trace_flags) | remote);
        if let Some(parent) = parent {
            span = span.parent(parent);
        }
        if !common.trace_state.is_empty() {
            span = span.trace_state(&common.trace_state);
        }
        Draft {
            span,
            keys: Vec::with_capacity(48),
        }
    }

    /// Makes room for long texts that are known to come.
    pub(super) fn reserve(mut self, bytes: usize) -> Draft {
        self.span = self.span.reserve(bytes);
        self
    }

    /// Writes an attribute of ours, whose key is put once: comparing it with all before it would cost more than writing it.
    fn put(mut self, key: &'static str, value: Value<'_>) -> Draft {
        debug_assert!(!self.has(key), "{key} is put twice");
        self.span = self.span.attribute(key, value);
        self.keys.push(Cow::Borrowed(key));
        self
    }

    /// Writes an attribute whose key is made of what clients or the config say, unless the span has one of that key.
    fn put_other(mut self, key: String, value: Value<'_>) -> Draft {
        if !key.is_empty() && !self.has(&key) {
            self.span = self.span.attribute(&key, value);
            self.keys.push(Cow::Owned(key));
        }
        self
    }

    fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|own| own == key)
    }

    /// A string, its first 4 KiB; left out where absent or empty.
    pub(super) fn text<'v>(self, key: &'static str, value: impl Into<Option<&'v str>>) -> Draft {
        self.whole_text(key, value.into().map(cut))
    }

    /// A string of any length: a conversation. Left out where absent or empty.
    pub(super) fn whole_text<'v>(self, key: &'static str, value: impl Into<Option<&'v str>>) -> Draft {
        match value.into().filter(|text| !text.is_empty()) {
            Some(text) => self.put(key, Value::Str(text)),
            None => self,
        }
    }

    /// A list of strings, the first 256 of them; left out where empty.
    pub(super) fn texts(self, key: &'static str, values: &[&str]) -> Draft {
        if values.is_empty() {
            return self;
        }
        self.put(key, Value::Strings(&bounded(values)))
    }

    /// The values of a header; left out where there are none.
    pub(super) fn header(self, key: String, values: &[&str]) -> Draft {
        if values.is_empty() {
            return self;
        }
        self.put_other(key, Value::Strings(&bounded(values)))
    }

    /// An integer.
    pub(super) fn int(self, key: &'static str, value: impl Into<Option<i64>>) -> Draft {
        match value.into() {
            Some(int) => self.put(key, Value::Int(int)),
            None => self,
        }
    }

    /// A number of bytes.
    pub(super) fn size(self, key: &'static str, value: Option<u64>) -> Draft {
        self.int(key, value.map(signed))
    }

    /// A double.
    pub(super) fn double(self, key: &'static str, value: impl Into<Option<f64>>) -> Draft {
        match value.into() {
            Some(double) => self.put(key, Value::Double(double)),
            None => self,
        }
    }

    /// A boolean.
    pub(super) fn boolean(self, key: &'static str, value: bool) -> Draft {
        self.put(key, Value::Bool(value))
    }

    /// An event without attributes.
    pub(super) fn event(mut self, time_unix_nano: u64, name: &str) -> Draft {
        self.span = self.span.event(time_unix_nano, name, &[]);
        self
    }

    /// Status and attributes of a failure.
    pub(super) fn failure(mut self, failure: Option<Failure<'_>>) -> Draft {
        let Some(failure) = failure else {
            return self;
        };
        let message = failure.shown_message();
        self.span = self.span.status(STATUS_ERROR, message);
        self.text(keys::ERROR_TYPE, failure.kind.as_str())
            .text(keys::ERROR_MESSAGE, message)
    }

    /// Adds what all spans of the request share; on a model call the session under OTel's name too.
    pub(super) fn finish(self, common: &Common, component: Component) -> SpanBuilder {
        let session = common.session_id.as_deref();
        let conversation = session.filter(|_| component == Component::Llm);
        let mut draft = self
            .text(keys::GEN_AI_CONVERSATION_ID, conversation)
            .text(keys::PLANO_SESSION_ID, session)
            .text(keys::REQUEST_ID, common.request_id.as_str());
        for (key, value) in &common.custom {
            draft = draft.put_other(key.clone(), Value::Str(cut(value)));
        }
        draft.span
    }
}
