//! OTel GenAI, current (≥ 1.37): `gen_ai.input.messages` and `gen_ai.output.messages`, on the span or on the event
//! `gen_ai.client.inference.operation.details`. System instructions stand outside the list of messages and carry no signal.

use super::{
    Content, Dialect,
    node::{self},
    read_messages,
};
use crate::{
    otlp::{KeyValueRef, SpanRef, keys},
    signals::Role,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "otel",
    starts: b"g",
    carries: |key| {
        [
            keys::GEN_AI_INPUT_MESSAGES,
            keys::GEN_AI_OUTPUT_MESSAGES,
            keys::GEN_AI_SYSTEM_INSTRUCTIONS,
            // Content that is no conversation: of requests, of tools, of searches.
            keys::GEN_AI_TOOL_DEFINITIONS,
            keys::GEN_AI_TOOL_CALL_ARGUMENTS,
            keys::GEN_AI_TOOL_CALL_RESULT,
            "gen_ai.retrieval.query.text",
            "gen_ai.retrieval.documents",
        ]
        .iter()
        .any(|content| content.as_bytes() == key)
    },
    unread: |key| {
        let read = [keys::GEN_AI_INPUT_MESSAGES, keys::GEN_AI_OUTPUT_MESSAGES];
        !read.iter().any(|content| content.as_bytes() == key)
    },
    carries_event: |name| name == DETAILS,
    read,
    ..Dialect::NONE
};

const DETAILS: &str = "gen_ai.client.inference.operation.details";

fn read<'a>(span: &SpanRef<'a>) -> Content<'a> {
    let mut content = Content::default();
    for attribute in span.attributes() {
        add(attribute, &mut content);
    }
    if content.input.is_empty() && content.output.is_empty() {
        for event in span.events().filter(|event| event.name() == DETAILS) {
            for attribute in event.attributes() {
                add(attribute, &mut content);
            }
        }
    }
    content.output.keep_first_choice();
    content
}

fn add<'a>(attribute: KeyValueRef<'a>, content: &mut Content<'a>) {
    let (side, role) = match attribute.key() {
        keys::GEN_AI_INPUT_MESSAGES => (&mut content.input, Role::User),
        keys::GEN_AI_OUTPUT_MESSAGES => (&mut content.output, Role::Assistant),
        _ => return,
    };
    content.unparsed += match node::read(attribute.value()) {
        Some(tree) => read_messages(&tree, role, side),
        None => 1,
    };
}
