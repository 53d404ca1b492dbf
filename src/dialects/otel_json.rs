//! OTel 1.26–1.27: the whole prompt and the whole completion as JSON of OpenAI messages, in `gen_ai.prompt` and
//! `gen_ai.completion`, on the events `gen_ai.content.prompt` and `gen_ai.content.completion` or on the span. Emitters: Langtrace
//! SDKs, OpenLIT, Semantic Kernel, LangSmith's OTel exporter.

use std::borrow::Cow;

use super::{
    Content, Dialect, message,
    node::{self, Node, Tree as _},
    read_messages,
};
use crate::{
    otlp::{KeyValueRef, SpanRef, ValueRef, keys},
    signals::{Message, Role},
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "otel_json",
    starts: b"g",
    carries: |key| {
        [
            keys::GEN_AI_PROMPT,
            keys::GEN_AI_COMPLETION,
            keys::GEN_AI_PROMPT_JSON,
            keys::GEN_AI_COMPLETION_JSON,
        ]
        .iter()
        .any(|content| content.as_bytes() == key)
    },
    // Pieces of a stream (`gen_ai.content.completion.chunk`) repeat the completion: content, never read.
    carries_event: |name| name.starts_with("gen_ai.content."),
    read,
    ..Dialect::NONE
};

fn is_whole(event: &str) -> bool {
    matches!(event, "gen_ai.content.prompt" | "gen_ai.content.completion")
}

fn read<'a>(span: &SpanRef<'a>) -> Content<'a> {
    let mut content = Content::default();
    for event in span.events().filter(|event| is_whole(event.name())) {
        for attribute in event.attributes() {
            add(attribute, &mut content);
        }
    }
    if content.input.is_empty() && content.output.is_empty() {
        for attribute in span.attributes() {
            add(attribute, &mut content);
        }
    }
    content.output.keep_first_choice();
    content
}

fn add<'a>(attribute: KeyValueRef<'a>, content: &mut Content<'a>) {
    let (side, role) = match attribute.key() {
        keys::GEN_AI_PROMPT | keys::GEN_AI_PROMPT_JSON => (&mut content.input, Role::User),
        keys::GEN_AI_COMPLETION | keys::GEN_AI_COMPLETION_JSON => (&mut content.output, Role::Assistant),
        _ => return,
    };
    if !side.is_empty() {
        return;
    }
    match (node::read(attribute.value()), attribute.value()) {
        (Some(tree), _) => {
            // An assistant message with tool calls may be the bare, nested array of its calls.
            let calls: Vec<_> = flat(&tree).filter_map(message::tool_call).collect();
            if calls.is_empty() {
                let list = ["messages", "choices"]
                    .iter()
                    .find_map(|key| tree.get(key))
                    .unwrap_or(&tree);
                content.unparsed += read_messages(list, role, side);
            } else {
                side.push(Message {
                    tool_calls: calls,
                    ..message::empty(role)
                });
            }
        }
        // Plain text: some emitters write a completion prompt as it is.
        (None, ValueRef::Str(text)) if !text.starts_with(['{', '[']) && !text.is_empty() => {
            side.push(Message {
                text: Cow::Borrowed(text),
                ..message::empty(role)
            });
        }
        (None, ValueRef::Str("")) => {}
        (None, _) => content.unparsed += 1,
    }
}

/// The items of a list of lists that are function calls and no messages.
fn flat<'t, 'a>(tree: &'t Node<'a>) -> impl Iterator<Item = &'t Node<'a>> {
    let inner = |item: &'t Node<'a>| match item {
        Node::List(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    tree.items()
        .iter()
        .flat_map(inner)
        .filter(|item| item.get("function").is_some() && item.get("role").is_none())
}
