//! Vercel AI SDK: `ai.prompt.messages` or `ai.prompt`, `ai.response.text`, `.toolCalls`, `.object`, before v4 `ai.result.…`. Its
//! outer spans repeat the inner ones (see `outer`), its tool spans and its embeddings carry content that is no conversation.

use std::borrow::Cow;

use super::{
    Content, Dialect,
    items::Said,
    message,
    node::{self, Node, Tree as _},
    whole,
};
use crate::{
    otlp::{SpanRef, ValueRef},
    signals::{Message, Role},
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "vercel_ai",
    starts: b"a",
    carries: |key| key.strip_prefix(b"ai.").is_some_and(is_content),
    unread: |key| !matches!(key, b"ai.prompt" | b"ai.prompt.messages") && !is_reply(key),
    read,
    ..Dialect::NONE
};

fn is_content(name: &[u8]) -> bool {
    matches!(
        name,
        b"prompt"
            | b"prompt.messages"
            | b"prompt.tools"
            | b"response.text"
            | b"response.toolCalls"
            | b"response.object"
            | b"response.reasoning"
            | b"response.files"
            | b"result.text"
            | b"result.toolCalls"
            | b"result.object"
            | b"toolCall.args"
            | b"toolCall.result"
            | b"value"
            | b"values"
            | b"embedding"
            | b"embeddings"
    )
}

fn is_reply(key: &[u8]) -> bool {
    let name = (key.strip_prefix(b"ai.response.")).or_else(|| key.strip_prefix(b"ai.result."));
    matches!(name, Some(b"text" | b"toolCalls" | b"object"))
}

fn read<'a>(span: &SpanRef<'a>) -> Content<'a> {
    let mut content = Content::default();
    let (mut prompt, mut reply) = (Said::default(), message::empty(Role::Assistant));
    for attribute in span.attributes() {
        let (value, unparsed) = (attribute.value(), &mut content.unparsed);
        match attribute.key() {
            "ai.prompt.messages" => {
                let read = whole::add(value, Role::User, whole::Plain::Nothing, &mut content.input);
                *unparsed += usize::from(!read || content.input.is_empty());
            }
            "ai.prompt" => *unparsed += usize::from(!read_prompt(value, &mut prompt)),
            "ai.response.text" | "ai.result.text" => reply.text = whole::plain_text(value),
            "ai.response.object" | "ai.result.object" if reply.text.is_empty() => {
                reply.text = whole::plain_text(value);
            }
            "ai.response.toolCalls" | "ai.result.toolCalls" => match node::read(value) {
                Some(calls) => reply
                    .tool_calls
                    .extend(calls.items().iter().filter_map(message::tool_call)),
                None => *unparsed += 1,
            },
            _ => {}
        }
    }
    if content.input.is_empty() {
        content.input = prompt;
    }
    if !reply.text.is_empty() || !reply.tool_calls.is_empty() {
        content.output.push(reply);
    }
    content
}

/// `{"prompt"}` or `{"system", "messages"}`; `false` where it is neither. The system text stands outside the list.
fn read_prompt<'a>(value: ValueRef<'a>, side: &mut Said<'a>) -> bool {
    let tree = match (node::read(value), value) {
        (Some(tree), _) => tree,
        (None, ValueRef::Str(text)) if !text.starts_with(['{', '[']) => Node::Text(Cow::Borrowed(text)),
        (None, _) => return false,
    };
    match tree.get("prompt").unwrap_or(&tree) {
        Node::Text(text) => {
            side.push(Message::new(Role::User, text.clone()));
            true
        }
        inner => whole::messages(inner, Role::User, side),
    }
}
