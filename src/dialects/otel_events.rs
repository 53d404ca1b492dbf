//! OTel 1.28–1.36: one event per message, `gen_ai.user.message` and the like, `gen_ai.choice` for the reply; the body's fields
//! are the event's attributes.

use std::borrow::Cow;

use super::{
    Content, Dialect,
    items::Item,
    message,
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
    content.output.keep_first_choice();
    content
}

fn read_event<'a>(event: &EventRef<'a>, role: Role, unparsed: &mut usize) -> Item<'a> {
    let (mut read, mut author) = (Item::from(message::empty(role)), role);
    for attribute in event.attributes() {
        match attribute.key() {
            "content" | "message" => {
                if let Some(content) = content(attribute.value(), role) {
                    read.merge(content);
                }
            }
            "role" => {
                if let ValueRef::Str(name) = attribute.value() {
                    author = message::named_role(name, role);
                }
            }
            "id" => {
                if let ValueRef::Str(id) = attribute.value() {
                    read.first.tool_call_id = Some(Cow::Borrowed(id));
                }
            }
            "tool_calls" => match node::read(attribute.value()) {
                Some(tree) => read.add_calls(tree.items().iter().filter_map(message::tool_call)),
                None => *unparsed += 1,
            },
            _ => {}
        }
    }
    read.set_role(author);
    read
}

/// Content is plain text, JSON of parts or of a message, or a tree.
fn content(value: ValueRef<'_>, role: Role) -> Option<Item<'_>> {
    match value {
        ValueRef::Str(text) if text.starts_with(['[', '{']) => match node::read(value) {
            // A user may well write a lone JSON value: only what reads as parts is taken for them.
            Some(tree @ Node::List(_)) => {
                let wrapped = Node::Map(vec![(Cow::Borrowed("content"), tree)]);
                message::read(&wrapped, role).filter(|read| read.says_something() || read.first.role != role)
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
        .or_else(|| Some(Message::new(role, text).into())),
        ValueRef::Str(text) => Some(Message::new(role, text).into()),
        other => {
            let tree = match node::read(other)? {
                tree if tree.get("content").or_else(|| tree.get("tool_calls")).is_some() => tree,
                tree => Node::Map(vec![(Cow::Borrowed("content"), tree)]),
            };
            message::read(&tree, role)
        }
    }
}
