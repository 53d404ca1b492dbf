//! Pydantic AI and Logfire. v1: `events`, a JSON list of OTel's events with `event.name`; later versions write the current OTel
//! attributes, which their own dialect reads. Logfire's own instrumentations: `request_data` and `response_data`. What an agent
//! span says of the whole run (`all_messages_events`, `pydantic_ai.all_messages`) repeats its model calls: content, never read.
//! Names that anybody may use count under these two scopes only.

use super::{
    Content, Dialect, message,
    node::{self, Node, Tree as _},
    otel_events, whole,
};
use crate::{
    otlp::SpanRef,
    signals::{Message, Role},
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "pydantic_ai",
    scope: |name| name == "pydantic-ai" || name == "logfire" || name.starts_with("logfire."),
    starts: b"eamprtf",
    carries: |key| {
        matches!(
            key,
            b"events"
                | b"all_messages_events"
                | b"pydantic_ai.all_messages"
                // Definitions of tools and instructions.
                | b"model_request_parameters"
                | b"request_data"
                | b"response_data"
                | b"tool_arguments"
                | b"tool_response"
                | b"final_result"
        )
    },
    unread: |key| {
        let is_list = matches!(key, b"events" | b"all_messages_events" | b"pydantic_ai.all_messages");
        !is_list && !matches!(key, b"request_data" | b"response_data")
    },
    read,
    ..Dialect::NONE
};

fn read<'a>(span: &SpanRef<'a>) -> Content<'a> {
    let mut content = Content::default();
    for attribute in span.attributes() {
        match attribute.key() {
            // An agent's whole list is read for who shows it: spans with one are outer.
            "events" | "all_messages_events" => match node::read(attribute.value()) {
                Some(tree) => tree.items().iter().for_each(|event| add_event(event, &mut content)),
                None => content.unparsed += 1,
            },
            "pydantic_ai.all_messages" => {
                let read = whole::add(attribute.value(), Role::User, whole::Plain::Nothing, &mut content.input);
                content.unparsed += usize::from(!read);
            }
            "request_data" if content.input.is_empty() => {
                let read = whole::add(attribute.value(), Role::User, whole::Plain::Nothing, &mut content.input);
                content.unparsed += usize::from(!read);
            }
            "response_data" if content.output.is_empty() => match node::read(attribute.value()) {
                Some(tree) => add_response(&tree, &mut content),
                None => content.unparsed += 1,
            },
            _ => {}
        }
    }
    content.output.keep_first_choice();
    content
}

fn add_event<'a>(event: &Node<'a>, content: &mut Content<'a>) {
    let name = event.text_at("event.name");
    let Some(role) = otel_events::role_of(&name) else {
        return;
    };
    let Some(mut item) = message::read(event, role) else {
        return;
    };
    if role == Role::Tool && item.first.tool_call_id.is_none() {
        item.first.tool_call_id = event.get("id").and_then(Node::text).cloned();
    }
    if otel_events::is_reply(&name) {
        content.output.push(item);
    } else {
        content.input.push(item);
    }
}

/// `{"message": {…}}`, or of a stream `{"combined_chunk_content": "…"}`.
fn add_response<'a>(tree: &Node<'a>, content: &mut Content<'a>) {
    match tree.get("combined_chunk_content") {
        Some(Node::Text(text)) => {
            content.output.push(Message::new(Role::Assistant, text.clone()));
        }
        _ => {
            whole::messages(tree, Role::Assistant, &mut content.output);
        }
    }
}
