//! A span's conversation as the two events that Langtrace shows: what the model was asked and what it answered, lists of messages in
//! OpenAI's form.

use std::borrow::Cow;

use serde::Serialize;

use super::wire::{Attribute, Event};
use crate::{
    otlp::{SpanRef, keys},
    signals::{Message, Role},
};

/// A message in OpenAI's form.
#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl<'a> Said<'a> {
    fn of(message: &'a Message<'_>) -> Said<'a> {
        Said {
            role: match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::Tool => "tool",
            },
            content: &message.text,
            tool_calls: message.tool_calls.iter().map(Call::of).collect(),
            tool_call_id: message.tool_call_id.as_deref(),
            name: message.name.as_deref(),
        }
    }

    fn instructions(text: &'a str) -> Said<'a> {
        Said {
            role: "system",
            content: text,
            tool_calls: Vec::new(),
            tool_call_id: None,
            name: None,
        }
    }
}

impl<'a> Call<'a> {
    fn of(call: &'a crate::signals::ToolCall<'_>) -> Call<'a> {
        Call {
            id: &call.id,
            kind: "function",
            function: Function {
                name: &call.name,
                arguments: &call.arguments,
            },
        }
    }
}

/// The events of a conversation whose last `replies` messages are the model's answer, at the times of the span's start and end. None
/// for a side that has nothing.
pub(super) fn events<'a>(
    span: &SpanRef<'a>,
    instructions: &[Cow<'_, str>],
    messages: &[Message<'_>],
    replies: usize,
) -> Vec<Event<'a>> {
    let (asked, answered) = messages.split_at(messages.len() - replies.min(messages.len()));
    let outside = instructions.iter().map(|text| Said::instructions(text));
    let prompt: Vec<Said<'_>> = outside.chain(asked.iter().map(Said::of)).collect();
    let completion: Vec<Said<'_>> = answered.iter().map(Said::of).collect();
    let sides = [
        (
            keys::GEN_AI_CONTENT_PROMPT,
            keys::GEN_AI_PROMPT,
            prompt,
            span.start_unix_nano(),
        ),
        (
            keys::GEN_AI_CONTENT_COMPLETION,
            keys::GEN_AI_COMPLETION,
            completion,
            span.end_unix_nano(),
        ),
    ];
    let there = sides.into_iter().filter(|(.., said, _)| !said.is_empty());
    there
        .map(|(name, key, said, time_unix_nano)| Event {
            time_unix_nano,
            name,
            attributes: vec![Attribute::text(
                key,
                serde_json::to_string(&said).expect("messages have a text"),
            )],
        })
        .collect()
}
