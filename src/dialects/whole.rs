//! A whole side of a conversation in one value: JSON of messages, of a request or a reply that holds them, or plain text. What the
//! dialects with one key for the input and one for the output share.

use std::borrow::Cow;

use super::{
    Content,
    items::{Item, Said},
    message,
    node::{self, Node, Tree as _},
};
use crate::{
    otlp::{SpanRef, ValueRef},
    signals::{Message, Role},
};

/// What stands in place of content that the emitter was told to keep to itself.
const REDACTED: &str = "__REDACTED__";

/// Under which keys requests and replies hold their messages: OpenAI, Gemini, Responses, Genkit.
const LISTS: [&str; 6] = ["messages", "choices", "contents", "candidates", "message", "output"];

/// Under which keys they hold their one text, where there are no messages.
const TEXTS: [&str; 6] = ["prompt", "input", "content", "text", "completion", "output"];

/// How text that is no JSON of messages is taken.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Plain {
    /// As the side's one message.
    Message,
    /// As nothing: the key holds anything, and only messages tell that it is a conversation.
    Nothing,
}

/// Reads the sides from one key each.
pub(super) fn read<'a>(span: &SpanRef<'a>, input: &str, output: &str, plain: Plain) -> Content<'a> {
    let mut content = Content::default();
    for attribute in span.attributes() {
        let key = attribute.key_bytes();
        let (side, role) = if key == input.as_bytes() {
            (&mut content.input, Role::User)
        } else if key == output.as_bytes() {
            (&mut content.output, Role::Assistant)
        } else {
            continue;
        };
        content.unparsed += usize::from(!add(attribute.value(), role, plain, side));
    }
    content
}

/// Adds what a value says to a side; `false` where it should have been JSON and is none.
pub(super) fn add<'a>(value: ValueRef<'a>, role: Role, plain: Plain, side: &mut Said<'a>) -> bool {
    let text = match value {
        ValueRef::Str(text) => text,
        ValueRef::Array(_) | ValueRef::KvList(_) => "",
        _ => return true,
    };
    if text == REDACTED {
        return true;
    }
    match node::read(value) {
        Some(tree @ (Node::Map(_) | Node::List(_))) => {
            if !messages(&tree, role, side)
                && plain == Plain::Message
                && let Some(said) = TEXTS.iter().find_map(|key| tree.get(key)?.text())
            {
                side.push(Message::new(role, said.clone()));
            }
            true
        }
        Some(Node::Text(said)) if plain == Plain::Message && !said.is_empty() => {
            side.push(Message::new(role, said));
            true
        }
        Some(_) => true,
        None if text.starts_with(['{', '[']) => false,
        // What a model says may begin with white space and a bracket.
        None if plain == Plain::Nothing && text.trim_start().starts_with(['{', '[']) => false,
        None => {
            if plain == Plain::Message && !text.is_empty() {
                side.push(Message::new(role, text));
            }
            true
        }
    }
}

/// Adds the messages of a tree, at any of the places where requests and replies have them; `false` where there are none.
pub(super) fn messages<'a>(tree: &Node<'a>, role: Role, side: &mut Said<'a>) -> bool {
    let list = LISTS
        .iter()
        .filter_map(|key| Some((*key, tree.get(key)?)))
        .find(|(_, inner)| matches!(inner, Node::List(_) | Node::Map(_)));
    let items = match list.map_or(tree, |(_, list)| list) {
        // Further choices are alternatives to the first, not what was said after it.
        Node::List(items) if matches!(list, Some(("choices" | "candidates", _))) => &items[..items.len().min(1)],
        Node::List(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    if !items.iter().any(is_message) {
        return false;
    }
    side.extend(items.iter().map(|item| any(item, role)));
    true
}

/// What an item says. What is none still takes its place, so that the indexes stay the client's own.
pub(super) fn any<'a>(item: &Node<'a>, role: Role) -> Item<'a> {
    match item {
        // Langtrace writes an assistant message with calls as the bare list of them, under OpenAI's names or without any.
        Node::List(calls) => Message {
            tool_calls: calls.iter().filter_map(message::tool_call).collect(),
            ..message::empty(Role::Assistant)
        }
        .into(),
        item => message::read(item, role).unwrap_or_else(|| message::empty(Role::System).into()),
    }
}

/// Whether a tree is surely a message: it has a role, or nests one that has.
fn is_message(tree: &Node<'_>) -> bool {
    let has_text = |key| tree.get(key).and_then(|node: &Node<'_>| node.text()).is_some();
    match tree {
        Node::Map(_) => {
            has_text("role")
                || has_text("call_id")
                || (has_text("type") && tree.get("content").is_some())
                || ["message", "content"]
                    .iter()
                    .any(|key| tree.get(key).is_some_and(is_message))
                || tree.get("parts").is_some()
        }
        _ => false,
    }
}

/// Text of a JSON string, or as it is.
pub(super) fn plain_text(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Str(text) => Cow::Borrowed(text),
        other => node::read(other).map_or(Cow::Borrowed(""), |tree| Cow::Owned(tree.to_text().into_owned())),
    }
}
