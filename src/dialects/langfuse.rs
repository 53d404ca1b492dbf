//! Langfuse: `langfuse.observation.input` and `.output` of a generation, usually JSON of OpenAI messages;
//! `langfuse.trace.input` and `.output` only where the span has no observation of its own, since they repeat it.

use super::{Content, Dialect, whole};
use crate::otlp::{SpanRef, keys};

pub(super) static DIALECT: Dialect = Dialect {
    name: "langfuse",
    starts: b"l",
    carries: |key| {
        [
            keys::LANGFUSE_OBSERVATION_INPUT,
            keys::LANGFUSE_OBSERVATION_OUTPUT,
            keys::LANGFUSE_TRACE_INPUT,
            keys::LANGFUSE_TRACE_OUTPUT,
        ]
        .iter()
        .any(|content| content.as_bytes() == key)
    },
    read,
    ..Dialect::NONE
};

fn read<'a>(span: &SpanRef<'a>) -> Content<'a> {
    let plain = whole::Plain::Message;
    let (input, output) = (keys::LANGFUSE_OBSERVATION_INPUT, keys::LANGFUSE_OBSERVATION_OUTPUT);
    let content = whole::read(span, input, output, plain);
    if content.unparsed > 0 || !content.input.is_empty() || !content.output.is_empty() {
        return content;
    }
    whole::read(span, keys::LANGFUSE_TRACE_INPUT, keys::LANGFUSE_TRACE_OUTPUT, plain)
}
