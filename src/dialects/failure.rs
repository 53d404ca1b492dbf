//! What a span says of the failure of its own call: the status, `error.type`, an exception event. Every convention has these from
//! OpenTelemetry, so it is no dialect's.

use crate::{
    otlp::{SpanRef, ValueRef, keys},
    signals::ModelFailure,
};

/// The status of a span whose call failed.
const ERROR: i32 = 2;

/// What is said of a failure; none of a span that does not end with one.
pub(super) fn of<'a>(span: &SpanRef<'a>) -> Option<ModelFailure<'a>> {
    let status = span.status();
    if status.code != ERROR {
        return None;
    }
    let mut failure = ModelFailure::default();
    failure.words[0] = status.message;
    if let Some(ValueRef::Str(name)) = span.attribute(keys::ERROR_TYPE) {
        failure.names[0] = name;
    }
    // Attempts may have failed before: the last one tells of the end.
    if let Some(exception) = span.events().filter(|event| event.name() == "exception").last() {
        for attribute in exception.attributes() {
            match (attribute.key(), attribute.value()) {
                (keys::EXCEPTION_TYPE, ValueRef::Str(name)) => failure.names[1] = name,
                (keys::EXCEPTION_MESSAGE, ValueRef::Str(words)) => failure.words[1] = words,
                _ => {}
            }
        }
    }
    Some(failure)
}
