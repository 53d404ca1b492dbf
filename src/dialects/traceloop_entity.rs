//! Traceloop's `traceloop.entity.input` and `.output`, JSON of what a function was given and gave. Read where that is messages and
//! the span does not say that it is a workflow, a task, an agent or a tool (see `outer`). What a prompt was made of is content that is
//! never read.

use super::{Dialect, whole};
use crate::otlp::keys;

pub(super) static DIALECT: Dialect = Dialect {
    name: "traceloop_entity",
    starts: b"t",
    carries: |key| {
        [
            keys::TRACELOOP_ENTITY_INPUT,
            keys::TRACELOOP_ENTITY_OUTPUT,
            "traceloop.prompt.template",
            "traceloop.prompt.template_variables",
        ]
        .iter()
        .any(|content| content.as_bytes() == key)
    },
    unread: |key| key.starts_with(b"traceloop.prompt."),
    read: |span| {
        let (input, output) = (keys::TRACELOOP_ENTITY_INPUT, keys::TRACELOOP_ENTITY_OUTPUT);
        whole::read(span, input, output, whole::Plain::Nothing)
    },
    ..Dialect::NONE
};
