//! OTel 1.28–1.36: one event per message, `gen_ai.user.message` and the like, `gen_ai.choice` for the reply; the body's fields
//! are the event's attributes.

use std::borrow::Cow;

use super::{
    Content, Dialect, message,
    node::{self, Node, Tree as _},
};
use crate::{
    otlp::{EventRef, SpanRef, ValueRef, keys},
    signals::{Message, Role},
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "otel_events",
    carries_event: |name| role_of(name).is_some(),
    read,
    ..Dialect::NONE
};

/// Who speaks in an event of this name.
pub(super) fn role_of(event: &str) -> Option<Role> {
    Some(match event {
        "gen_ai.system.message" => Role::System,
        "gen_ai.user.message" => Role::User,
        "gen_ai.assistant.message" | "gen_ai.choice" => Role::Assistant,
        "gen_ai.tool.message" => Role::Tool,
        _ => return None,
    })
}

/// Whether an event of this name is what the model said.
pub(super) fn is_reply(event: &str) -> bool {
    event == keys::GEN_AI_CHOICE
}

fn read<'a>(span: &SpanRef<'a>) -> Content<'a> {
    let mut content = Content::default();
    for event in span.events() {
        let Some(role) = role_of(event.name()) else { continue };
        let side = if is_reply(event.name()) {
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
            "content" => merge(&mut read, content(attribute.value(), role)),
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
            "message" => merge(&mut read, content(attribute.value(), role)),
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

/// Content is plain text, JSON of parts or of a message, or a tree.
fn content(value: ValueRef<'_>, role: Role) -> Option<Message<'_>> {
    match value {
        ValueRef::Str(text) if text.starts_with(['[', '{']) => match node::read(value) {
            // A user may well write a lone JSON value: only what reads as parts is taken for them.
            Some(tree @ Node::List(_)) => {
                let wrapped = Node::Map(vec![(Cow::Borrowed("content"), tree)]);
                message::read(&wrapped, role)
                    .filter(|read| !read.text.is_empty() || !read.tool_calls.is_empty() || read.role != role)
            }
            // A reply's whole message, which names its role or its content.
            Some(tree)
                if ["role", "content", "tool_calls"]
                    .iter()
                    .any(|key| tree.get(key).is_some()) =>
            {
                message::read(&tree, role)
            }
            _ => None,
        }
        .or_else(|| {
            Some(Message {
                text: Cow::Borrowed(text),
                ..message::empty(role)
            })
        }),
        ValueRef::Str(text) => Some(Message {
            text: Cow::Borrowed(text),
            ..message::empty(role)
        }),
        other => {
            let tree = match node::read(other)? {
                tree if tree.get("content").or_else(|| tree.get("tool_calls")).is_some() => tree,
                tree => Node::Map(vec![(Cow::Borrowed("content"), tree)]),
            };
            message::read(&tree, role)
        }
    }
}

fn merge<'a>(into: &mut Message<'a>, from: Option<Message<'a>>) {
    let Some(from) = from else { return };
    // A tool's result may come as a part of anybody's content.
    if from.role == Role::Tool {
        into.role = Role::Tool;
    }
    if !from.text.is_empty() {
        into.text = from.text;
    }
    into.tool_calls.extend(from.tool_calls);
    into.tool_call_id = into.tool_call_id.take().or(from.tool_call_id);
}
