//! OpenInference (Arize, Phoenix): `llm.input_messages.{i}.message.…`, `llm.output_messages.{i}.message.…`, prompts and choices of
//! completion models, and as the last resort `input.value` and `output.value` of an LLM span. The literal `__REDACTED__` is no
//! content. What tools, retrievers and rerankers were given and gave is content that is no conversation.

use std::borrow::Cow;

use super::{
    Content, Dialect,
    indexed::{Indexed, NO_INDEX, index, text},
    whole,
};
use crate::{
    otlp::{SpanRef, ValueRef, keys},
    signals::{Message, Role},
};

pub(super) static DIALECT: Dialect = Dialect {
    name: "openinference",
    starts: b"eliort",
    carries: |key| side(key).is_some() || is_whole(key) || is_unread(key),
    unread: |key| side(key).is_none() && !is_whole(key),
    read,
    ..Dialect::NONE
};

const REDACTED: &str = "__REDACTED__";

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Input,
    Output,
}

fn is_whole(key: &[u8]) -> bool {
    key == keys::INPUT_VALUE.as_bytes() || key == keys::OUTPUT_VALUE.as_bytes()
}

/// Content that is not read.
fn is_unread(key: &[u8]) -> bool {
    const KEYS: [&[u8]; 8] = [
        b"embedding.text",
        b"llm.function_call",
        // All of the request but its messages: it may hold instructions, tools, examples.
        b"llm.invocation_parameters",
        b"llm.prompt_template.template",
        b"llm.prompt_template.variables",
        b"llm.prompts",
        b"reranker.query",
        b"tool.parameters",
    ];
    // As one value, or by index.
    const LISTS: [&[u8]; 7] = [
        b"embedding.embeddings",
        b"llm.choices",
        b"llm.input_messages",
        b"llm.output_messages",
        b"reranker.input_documents",
        b"reranker.output_documents",
        b"retrieval.documents",
    ];
    let is_below = |list: &&[u8]| (key.strip_prefix(*list)).is_some_and(|rest| rest.is_empty() || rest[0] == b'.');
    let is_a_figure = || key.ends_with(b".document.id") || key.ends_with(b".document.score");
    // By itself it is the gateway's list of names.
    let is_a_tool = || key.starts_with(b"llm.tools.");
    KEYS.contains(&key) || is_a_tool() || (LISTS.iter().any(is_below) && !is_a_figure())
}

/// Side, index and field of a key.
fn side(key: &[u8]) -> Option<(Side, usize, &[u8])> {
    const PREFIXES: [(&[u8], Side, &[u8]); 4] = [
        (b"input_messages.", Side::Input, b"message."),
        (b"output_messages.", Side::Output, b"message."),
        (b"prompts.", Side::Input, b"prompt."),
        (b"choices.", Side::Output, b"completion."),
    ];
    let name = key.strip_prefix(b"llm.")?;
    PREFIXES.iter().find_map(|(prefix, side, inner)| {
        let (index, field) = index(name.strip_prefix(*prefix)?)?;
        Some((*side, index, field.strip_prefix(*inner)?))
    })
}

fn read<'a>(span: &SpanRef<'a>) -> Content<'a> {
    let (mut input, mut output, mut unparsed) = (Indexed::default(), Indexed::default(), 0);
    for attribute in span.attributes() {
        let Some((side, index, field)) = side(attribute.key_bytes()) else {
            continue;
        };
        if matches!(attribute.value(), ValueRef::Str(REDACTED)) {
            continue;
        }
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
    // Its instrumentation of the Responses API counts the items of one reply as it counts choices elsewhere.
    content.output.keep_first_words();
    if content.input.is_empty() && content.output.is_empty() && is_llm(span) {
        let unparsed = content.unparsed;
        content = whole::read(span, keys::INPUT_VALUE, keys::OUTPUT_VALUE, whole::Plain::Message);
        content.unparsed += unparsed;
    }
    content
}

/// Chains, tools and retrievers have an `input.value` too, which is no conversation.
fn is_llm(span: &SpanRef<'_>) -> bool {
    matches!(
        span.attribute(keys::OPENINFERENCE_SPAN_KIND),
        Some(ValueRef::Str("LLM"))
    )
}

fn set<'a>(messages: &mut Indexed<'a>, role: Role, at: usize, field: &[u8], value: ValueRef<'a>) {
    match field {
        b"role" => messages.set_role(at, role, value),
        b"content" => messages.set_content(at, role, value),
        b"text" => messages.at(at, role).text = text(value),
        b"name" => messages.at(at, role).name = Some(text(value)),
        b"tool_call_id" => messages.at(at, role).tool_call_id = Some(text(value)),
        _ => {
            if let Some((_, part)) = field.strip_prefix(b"contents.").and_then(index) {
                if part == b"message_content.text" {
                    append(messages.at(at, role), text(value));
                }
            } else if let Some((call, part)) = field.strip_prefix(b"tool_calls.").and_then(index) {
                let call = messages.tool_call(at, role, call);
                let place = match part {
                    b"tool_call.id" => &mut call.id,
                    b"tool_call.function.name" => &mut call.name,
                    b"tool_call.function.arguments" => &mut call.arguments,
                    _ => return,
                };
                *place = text(value);
            }
        }
    }
}

fn append<'a>(message: &mut Message<'a>, text: Cow<'a, str>) {
    if message.text.is_empty() {
        message.text = text;
    } else {
        let joined = message.text.to_mut();
        joined.push('\n');
        joined.push_str(&text);
    }
}
