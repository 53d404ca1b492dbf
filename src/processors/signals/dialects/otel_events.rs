//! OTel 1.28–1.36: one event per message, `gen_ai.user.message` and the like, `gen_ai.choice` for the reply; the body's fields
//! are the event's attributes.

use std::borrow::Cow;

use super::{
    Content, Dialect, message,
    node::{self, Node, Tree as _},
};
use crate::{
    otlp::{EventRef, SpanRef, ValueRef},
    signals::{Message, Role},
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "otel_events",
    carries: |_| false,
    carries_event: |name| role_of(name).is_some(),
    read,
};

fn role_of(event: &str) -> Option<Role> {
    Some(match event {
        "gen_ai.system.message" => Role::System,
        "gen_ai.user.message" => Role::User,
        "gen_ai.assistant.message" | "gen_ai.choice" => Role::Assistant,
        "gen_ai.tool.message" => Role::Tool,
        _ => return None,
    })
}

fn read<'a>(span: &SpanRef<'a>) -> Content<'a> {
    let mut content = Content::default();
    for event in span.events() {
        let Some(role) = role_of(event.name()) else { continue };
        let side = if event.name() == "gen_ai.choice" {
            &mut content.output
        } else {
            &mut content.input
        };
        side.push(read_event(&event, role, &mut content.unparsed));
    }
    content
}

fn read_event<'a>(event: &EventRef<'a>, role: Role, unparsed: &mut usize) -> Message<'a> {
    let mut read = message::empty(role);
    for attribute in event.attributes() {
        match attribute.key() {
            "content" => merge(&mut read, content(attribute.value())),
            "role" => {
                if let ValueRef::Str(name) = attribute.value() {
                    read.role = message::role(name).unwrap_or(role);
                }
            }
            "id" => {
                if let ValueRef::Str(id) = attribute.value() {
                    read.tool_call_id = Some(Cow::Borrowed(id));
                }
            }
            "message" => merge(
                &mut read,
                node::read(attribute.value()).and_then(|tree| message::read(&tree, role)),
            ),
            "tool_calls" => match node::read(attribute.value()) {
                Some(tree) => read
                    .tool_calls
                    .extend(tree.items().iter().filter_map(message::tool_call)),
                None => *unparsed += 1,
            },
            _ => {}
        }
    }
    read
}

/// Content is plain text, JSON of parts, or a tree.
fn content(value: ValueRef<'_>) -> Option<Message<'_>> {
    match value {
        ValueRef::Str(text) if text.starts_with(['[', '{']) => match node::read(value) {
            // A user may well write a lone JSON value: only what reads as parts is taken for them.
            Some(tree @ Node::List(_)) => {
                let wrapped = Node::Map(vec![(Cow::Borrowed("content"), tree)]);
                message::read(&wrapped, Role::User).filter(|read| !read.text.is_empty() || !read.tool_calls.is_empty())
            }
            _ => None,
        }
        .or_else(|| {
            Some(Message {
                text: Cow::Borrowed(text),
                ..message::empty(Role::User)
            })
        }),
        ValueRef::Str(text) => Some(Message {
            text: Cow::Borrowed(text),
            ..message::empty(Role::User)
        }),
        other => {
            let tree = Node::Map(vec![(Cow::Borrowed("content"), node::read(other)?)]);
            message::read(&tree, Role::User)
        }
    }
}

fn merge<'a>(into: &mut Message<'a>, from: Option<Message<'a>>) {
    let Some(from) = from else { return };
    if !from.text.is_empty() {
        into.text = from.text;
    }
    into.tool_calls.extend(from.tool_calls);
    into.tool_call_id = into.tool_call_id.take().or(from.tool_call_id);
}
