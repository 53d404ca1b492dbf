//! OpenLLMetry / Traceloop: `gen_ai.prompt.{i}.role`, `.content`, `.tool_calls.{j}.…`, `gen_ai.completion.{i}.…`, the older
//! `llm.prompts.{i}.…` and `llm.completions.{i}.…`, and the nested form `gen_ai.prompt.{i}.message.…`. Where the index is no number
//! there is content all the same, and so are the tools that a request defines.

use std::borrow::Cow;

use super::{
    Content, Dialect,
    indexed::{Indexed, NO_INDEX, index, text},
};
use crate::{
    otlp::{SpanRef, ValueRef},
    signals::Role,
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "openllmetry",
    starts: b"gl",
    carries: |key| side(key).is_some() || is_unread(key),
    unread: |key| side(key).is_none(),
    read,
    ..Dialect::NONE
};

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Input,
    Output,
}

/// Side, index and field of a key.
fn side(key: &[u8]) -> Option<(Side, usize, &[u8])> {
    let (prompt, completion, name): (&[u8], &[u8], _) = match key.strip_prefix(b"gen_ai.") {
        Some(name) => (b"prompt.", b"completion.", name),
        None => (b"prompts.", b"completions.", key.strip_prefix(b"llm.")?),
    };
    let (side, rest) = match name.strip_prefix(prompt) {
        Some(rest) => (Side::Input, rest),
        None => (Side::Output, name.strip_prefix(completion)?),
    };
    let (index, field) = index(rest)?;
    // `llm.prompts.0.prompt.text` is OpenInference's.
    (!field.starts_with(b"prompt.")).then(|| (side, index, field.strip_prefix(b"message.").unwrap_or(field)))
}

/// Content that is not read.
fn is_unread(key: &[u8]) -> bool {
    const PREFIXES: [&[u8]; 4] = [
        b"gen_ai.prompt.",
        b"gen_ai.completion.",
        b"llm.prompts.",
        b"llm.completions.",
    ];
    let field = PREFIXES.iter().find_map(|prefix| key.strip_prefix(*prefix));
    // What a prompt is called in a registry tells nothing of what it says.
    let is_unindexed = |field| index(field).is_none() && !matches!(field, b"id" | b"name" | b"version");
    field.is_some_and(is_unindexed) || key.starts_with(b"llm.request.functions.")
}

fn read<'a>(span: &SpanRef<'a>) -> Content<'a> {
    let (mut input, mut output, mut unparsed) = (Indexed::default(), Indexed::default(), 0);
    for attribute in span.attributes() {
        let Some((side, index, field)) = side(attribute.key_bytes()) else {
            continue;
        };
        if index == NO_INDEX {
            unparsed += 1;
            continue;
        }
        let (messages, role) = if side == Side::Input {
            (&mut input, Role::User)
        } else {
            (&mut output, Role::Assistant)
        };
        set(messages, role, index, field, attribute.value());
    }
    let mut content = Content {
        input: input.into_said(),
        output: output.into_said(),
        unparsed,
        ..Content::default()
    };
    content.output.keep_first_choice();
    content
}

fn set<'a>(messages: &mut Indexed<'a>, role: Role, at: usize, field: &[u8], value: ValueRef<'a>) {
    match field {
        b"role" => messages.set_role(at, role, value),
        b"content" => messages.set_content(at, role, value),
        b"refusal" => {
            let message = messages.at(at, role);
            if message.text.is_empty() {
                message.text = text(value);
            }
        }
        b"tool_call_id" => messages.at(at, role).tool_call_id = Some(text(value)),
        _ => {
            // LiteLLM writes the last call of a reply this way.
            let single = field.strip_prefix(b"function_call.").map(|part| (0, part));
            let many = field.strip_prefix(b"tool_calls.").and_then(index);
            let Some((call, part)) = single.or(many) else {
                return;
            };
            let call = messages.tool_call(at, role, call);
            let place: &mut Cow<'a, str> = match part {
                b"id" => &mut call.id,
                b"name" => &mut call.name,
                b"arguments" => &mut call.arguments,
                _ => return,
            };
            *place = text(value);
        }
    }
}
