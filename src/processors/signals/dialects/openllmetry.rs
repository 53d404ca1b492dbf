//! OpenLLMetry / Traceloop: `gen_ai.prompt.{i}.role`, `.content`, `.tool_calls.{j}.…`, `gen_ai.completion.{i}.…`, the older
//! `llm.prompts.{i}.…` and `llm.completions.{i}.…`, and the nested form `gen_ai.prompt.{i}.message.…`.

use std::borrow::Cow;

use super::{
    Content, Dialect,
    indexed::{Indexed, index, set_content, text},
    message,
};
use crate::{
    otlp::{SpanRef, ValueRef},
    signals::Role,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "openllmetry",
    carries: |key| std::str::from_utf8(key).is_ok_and(|key| side(key).is_some()),
    carries_event: |_| false,
    read,
};

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Input,
    Output,
}

/// Side, index and field of a key.
fn side(key: &str) -> Option<(Side, usize, &str)> {
    let (prompt, completion, name) = if let Some(name) = key.strip_prefix("gen_ai.") {
        ("prompt.", "completion.", name)
    } else {
        ("prompts.", "completions.", key.strip_prefix("llm.")?)
    };
    let (side, rest) = match name.strip_prefix(prompt) {
        Some(rest) => (Side::Input, rest),
        None => (Side::Output, name.strip_prefix(completion)?),
    };
    let (index, field) = index(rest)?;
    // `llm.prompts.0.prompt.text` is OpenInference's.
    (!field.starts_with("prompt.")).then(|| (side, index, field.strip_prefix("message.").unwrap_or(field)))
}

fn read<'a>(span: &SpanRef<'a>) -> Content<'a> {
    let (mut input, mut output) = (Indexed::default(), Indexed::default());
    for attribute in span.attributes() {
        let Some((side, index, field)) = side(attribute.key()) else {
            continue;
        };
        let (messages, role) = if side == Side::Input {
            (&mut input, Role::User)
        } else {
            (&mut output, Role::Assistant)
        };
        set(messages, role, index, field, attribute.value());
    }
    Content {
        input: input.into_messages(),
        output: output.into_messages(),
        unparsed: 0,
    }
}

fn set<'a>(messages: &mut Indexed<'a>, role: Role, at: usize, field: &'a str, value: ValueRef<'a>) {
    match field {
        "role" => {
            if let ValueRef::Str(name) = value {
                messages.at(at, role).role = message::role(name).unwrap_or(role);
            }
        }
        "content" => set_content(messages.at(at, role), value),
        "refusal" => {
            let message = messages.at(at, role);
            if message.text.is_empty() {
                message.text = text(value);
            }
        }
        "tool_call_id" => messages.at(at, role).tool_call_id = Some(text(value)),
        _ => {
            let Some((call, part)) = field.strip_prefix("tool_calls.").and_then(index) else {
                return;
            };
            let call = messages.tool_call(at, role, call);
            let place: &mut Cow<'a, str> = match part {
                "id" => &mut call.id,
                "name" => &mut call.name,
                "arguments" => &mut call.arguments,
                _ => return,
            };
            *place = text(value);
        }
    }
}
