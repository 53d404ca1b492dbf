//! Langtrace: the events `gen_ai.content.prompt` and `.completion` as in OTel 1.26 under its own scopes, and of older SDKs
//! `llm.prompts` and `llm.responses`, JSON strings. The pieces of a stream repeat the reply.

use super::{Content, Dialect, otel_json, whole};
use crate::otlp::SpanRef;

pub(super) static DIALECT: Dialect = Dialect {
    name: "langtrace",
    scope: |name| name.starts_with("langtrace"),
    starts: b"gl",
    carries: |key| is_older(key) || (otel_json::DIALECT.carries)(key),
    carries_event: |name| name == CHUNK || (otel_json::DIALECT.carries_event)(name),
    read,
    ..Dialect::NONE
};

/// Event of a piece of a stream: content, never read.
pub(super) const CHUNK: &str = "stream.output";

fn is_older(key: &[u8]) -> bool {
    key == b"llm.prompts" || key == b"llm.responses"
}

fn read<'a>(span: &SpanRef<'a>) -> Content<'a> {
    let content = (otel_json::DIALECT.read)(span);
    if content.unparsed > 0 || !content.input.is_empty() || !content.output.is_empty() {
        return content;
    }
    whole::read(span, "llm.prompts", "llm.responses", whole::Plain::Message)
}
