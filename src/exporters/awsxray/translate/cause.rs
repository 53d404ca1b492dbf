//! Whether a span failed, by whose fault, and with which exceptions. Takes `http.status_text` off the attributes where it explains a failure.

use serde_json::Value;

use super::{
    Attributes, CLIENT, PRODUCER, Resource, Span,
    object::{Object, json, text},
    stack::{self, Frame},
};
use crate::otlp::{EventRef, ValueRef, keys, keys::xray};

const STATUS_ERROR: i32 = 2;

/// What a segment says of a failure.
#[derive(Debug, Default)]
pub(super) struct Fault {
    /// The caller's fault: a status of 400 to 499.
    pub(super) is_error: bool,
    /// The service's fault.
    pub(super) is_fault: bool,
    /// The caller asked too often: 429.
    pub(super) is_throttle: bool,
    pub(super) cause: Option<Object>,
    /// Whether `http.status_text` was asked for.
    took_status_text: bool,
}

/// One exception, and the one that it was caused by behind it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Exception {
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) stack: Vec<Frame>,
}

impl Fault {
    pub(super) fn of(span: &Span<'_>, resource: &Resource<'_>) -> Fault {
        let status = span.wire.status();
        let mut fault = Fault::default();
        let is_told = |event: &EventRef<'_>| {
            event.name() == xray::EXCEPTION || (span.is_aws_api() && event.name() == xray::HTTP_REQUEST_FAILURE)
        };
        if span.wire.events().any(|event| is_told(&event)) {
            fault.cause = Some(exceptions(span, resource));
        } else if status.code == STATUS_ERROR {
            fault.took_status_text = true;
            let own = Some(status.message).filter(|message| !message.is_empty());
            if let Some(message) = own.or_else(|| span.text(xray::HTTP_STATUS_TEXT)) {
                let mut exception = Object::default();
                exception.set("id", span.derived_id(1));
                exception.set("type", "");
                exception.set("message", message);
                fault.cause = Some(cause(vec![exception.into()]));
            }
        }
        fault.judge(span, status.code == STATUS_ERROR);
        fault
    }

    /// The status of HTTP counts before that of the span, which some instrumentations leave unset.
    fn judge(&mut self, span: &Span<'_>, has_failed: bool) {
        let code = span
            .get(keys::HTTP_STATUS_CODE)
            .or_else(|| span.get(keys::HTTP_RESPONSE_STATUS_CODE));
        match code.and_then(|code| code.as_int()) {
            Some(code @ 400..=499) => (self.is_error, self.is_throttle) = (true, code == 429),
            Some(500..=599) => self.is_fault = true,
            _ => self.is_fault = has_failed,
        }
    }

    /// The attributes that the cause leaves.
    pub(super) fn take<'a>(&self, mut attributes: Attributes<'a>) -> Attributes<'a> {
        if self.took_status_text {
            attributes.remove(xray::HTTP_STATUS_TEXT);
        }
        attributes
    }
}

fn cause(exceptions: Vec<Value>) -> Object {
    let mut cause = Object::default();
    if !exceptions.is_empty() {
        cause.set("exceptions", exceptions);
    }
    cause
}

fn exceptions(span: &Span<'_>, resource: &Resource<'_>) -> Object {
    let language = resource.first_text(keys::TELEMETRY_SDK_LANGUAGE);
    let is_remote = matches!(span.kind, CLIENT | PRODUCER);
    let mut told: Vec<Value> = Vec::new();
    for event in span.wire.events() {
        if event.name() == xray::EXCEPTION {
            for (place, exception) in read(&event, language).into_iter().enumerate() {
                // Ids count from 1: 0 is the segment that two-part spans have between them.
                let id = told.len() + 1;
                if let Some(Value::Object(before)) = told.last_mut().filter(|_| place > 0) {
                    before.insert("cause".to_owned(), span.derived_id(id).into());
                }
                told.push(exception.object(span.derived_id(id), is_remote).into());
            }
        } else if span.is_aws_api() && event.name() == xray::HTTP_REQUEST_FAILURE {
            let id = span.derived_id(told.len() + 1);
            told.extend(attempt(&event, id).map(Value::from));
        }
    }
    cause(told)
}

fn attribute<'a>(event: &EventRef<'a>, key: &str) -> Option<ValueRef<'a>> {
    event
        .attributes()
        .find(|attribute| attribute.key() == key)
        .map(|found| found.value())
}

/// The exception of an event, and those behind it, as far as its language's stack traces tell of them.
fn read(event: &EventRef<'_>, language: &str) -> Vec<Exception> {
    let told = |key: &str| attribute(event, key).map(text).unwrap_or_default();
    let first = Exception {
        kind: told(keys::EXCEPTION_TYPE).to_owned(),
        message: told(keys::EXCEPTION_MESSAGE).to_owned(),
        stack: Vec::new(),
    };
    match told(xray::EXCEPTION_STACKTRACE) {
        "" => vec![first],
        trace => stack::read(trace, language, first),
    }
}

impl Exception {
    fn object(self, id: String, is_remote: bool) -> Object {
        let mut object = Object::default();
        object.set("id", id);
        // Empty ones too, as the Collector does.
        object.set("message", self.message);
        object.set("type", self.kind);
        object.set("remote", is_remote);
        if !self.stack.is_empty() {
            object.set("stack", self.stack.into_iter().map(Frame::object).collect::<Vec<_>>());
        }
        object
    }
}

impl Frame {
    fn object(self) -> Value {
        let mut object = Object::default();
        object.set("path", self.path);
        object.set("line", self.line);
        object.set("label", self.label);
        object.into()
    }
}

/// One failed attempt of an AWS SDK: `code@seconds@message`.
fn attempt(event: &EventRef<'_>, id: String) -> Option<Object> {
    let code = match attribute(event, keys::HTTP_RESPONSE_STATUS_CODE)? {
        ValueRef::Str(code) => code.to_owned(),
        other => json(other).to_string(),
    };
    let message = text(attribute(event, xray::AWS_HTTP_ERROR_MESSAGE)?);
    let micros = event.time_unix_nano() / 1000;
    let mut object = Object::default();
    object.set("id", id);
    object.set("message", format!("{code}@{:.6}@{message}", micros as f64 / 1e6));
    object.set("type", "aws.http.error.event");
    object.set("remote", true);
    Some(object)
}
