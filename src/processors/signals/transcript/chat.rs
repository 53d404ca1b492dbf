//! Requests and replies of the providers' APIs: OpenAI's chat completions and Responses, Anthropic's messages. They are told apart
//! message by message, so that mixtures read too. A system prompt beside the messages holds nothing that is looked for, and has
//! no place in the client's list: it is passed over.

use std::borrow::Cow;

use super::{Draft, EXPECTED, Node, has_messages};
use crate::{
    dialects::{Tree as _, read_message, role, role_names},
    signals::{Message, Role, ToolCall},
};

type Read<T = ()> = Result<T, String>;

/// The conversation of a document that holds one.
pub(super) fn read<'a>(tree: &Node<'a>) -> Read<Draft<'a>> {
    let mut draft = Draft::default();
    match tree {
        Node::List(items) => list("messages", items, &mut draft)?,
        Node::Map(_) => match (tree.get("request"), tree.get("response")) {
            (Some(request @ Node::Map(_)), reply) if !has_messages(tree) => {
                if !side(request, &mut draft).map_err(|reason| format!("request: {reason}"))? {
                    return Err(format!("\"request\" holds no messages: {EXPECTED}"));
                }
                if let Some(reply) = reply {
                    // A request that failed has a reply without messages.
                    side(reply, &mut draft).map_err(|reason| format!("response: {reason}"))?;
                }
            }
            _ => {
                if !side(tree, &mut draft)? {
                    return Err(format!("no \"messages\": {EXPECTED}"));
                }
            }
        },
        other => return Err(format!("{} is no conversation: {EXPECTED}", kind(other))),
    }
    Ok(draft)
}

/// The messages of a request or a reply; false where it is neither.
fn side<'a>(tree: &Node<'a>, draft: &mut Draft<'a>) -> Read<bool> {
    let mut is_side = true;
    match (tree.get("messages"), tree.get("input")) {
        (Some(Node::List(items)), _) => list("messages", items, draft)?,
        (Some(other), _) => return Err(format!("\"messages\" is {}, no list: {EXPECTED}", kind(other))),
        (None, Some(input)) => text_or_list("input", input, Role::User, draft)?,
        (None, None) => is_side = false,
    }
    if let Some(Node::List(choices)) = tree.get("choices") {
        // Further choices are alternatives to the first, not what was said after it.
        if let Some(message) = choices.first().and_then(|choice| choice.get("message")) {
            item("choices[0].message", message, draft)?;
        }
        return Ok(true);
    }
    match tree.get("output") {
        Some(Node::Null) => Ok(true),
        Some(output) => text_or_list("output", output, Role::Assistant, draft).map(|()| true),
        None if !is_side && tree.get("role").is_some() => item("the reply", tree, draft).map(|()| true),
        None => Ok(is_side),
    }
}

fn text_or_list<'a>(name: &str, tree: &Node<'a>, role: Role, draft: &mut Draft<'a>) -> Read {
    match tree {
        Node::Text(text) => {
            push(Message::new(role, text.clone()), draft);
            draft.next += 1;
            Ok(())
        }
        Node::List(items) => list(name, items, draft),
        other => Err(format!(
            "\"{name}\" is {}, neither text nor a list: {EXPECTED}",
            kind(other)
        )),
    }
}

fn list<'a>(name: &str, items: &[Node<'a>], draft: &mut Draft<'a>) -> Read {
    draft.messages.reserve(items.len());
    draft.indexes.reserve(items.len());
    for (i, tree) in items.iter().enumerate() {
        item(&format_args!("{name}[{i}]"), tree, draft)?;
    }
    Ok(())
}

/// One item of the client's list: a message, or one of the items that only the Responses API has.
fn item<'a>(place: &(impl std::fmt::Display + ?Sized), tree: &Node<'a>, draft: &mut Draft<'a>) -> Read {
    let text = |key| tree.get(key).and_then(|value| value.text());
    // LangChain names the role `type`.
    let is_role = |name: &&Cow<'a, str>| role(name).is_some();
    let author = text("role").or_else(|| text("type").filter(is_role));
    match (author, text("type")) {
        (Some(name), _) => {
            let Some(role) = role(name) else {
                let known: Vec<&str> = role_names().collect();
                return Err(format!(
                    "{place} has the unknown role {name:?}; known are {}, in any case",
                    known.join(", ")
                ));
            };
            check_content(place, tree)?;
            message(tree, role, draft);
        }
        (None, Some(kind)) => match kind.as_ref() {
            "function_call" | "custom_tool_call" | "mcp_call" => push(call(tree), draft),
            "function_call_output" | "custom_tool_call_output" => push(result(tree), draft),
            // Reasoning, references, searches: no messages, but items of the list.
            _ => {}
        },
        (None, None) => return Err(format!("{place} is no message: {EXPECTED}")),
    }
    draft.next += 1;
    Ok(())
}

/// Refuses a message that has its words where nobody looks: a report on nothing would be a good one.
fn check_content(place: &(impl std::fmt::Display + ?Sized), tree: &Node<'_>) -> Read {
    /// Where a message has what it says or does.
    const KEYS: [&str; 7] = [
        "content",
        "parts",
        "tool_calls",
        "function_call",
        "refusal",
        "audio",
        "message",
    ];
    if KEYS.iter().all(|key| tree.get(key).is_none()) {
        return Err(format!(r#"{place} has neither "content" nor "parts" nor "tool_calls""#));
    }
    for key in ["content", "parts"] {
        match tree.get(key) {
            Some(content @ (Node::Number(_) | Node::Bool(_))) => {
                return Err(format!(
                    "the {key} of {place} is {}, neither text nor a list",
                    kind(content)
                ));
            }
            Some(Node::List(parts)) => {
                let is_none = |part: &Node<'_>| matches!(part, Node::Number(_) | Node::Bool(_) | Node::List(_));
                if let Some(at) = parts.iter().position(is_none) {
                    let kind = kind(&parts[at]);
                    return Err(format!("{key}[{at}] of {place} is {kind}, neither text nor an object"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn push<'a>(message: Message<'a>, draft: &mut Draft<'a>) {
    draft.messages.push(message);
    draft.indexes.push(draft.next);
}

/// A message. Anthropic's has results of tools among a user's parts: each becomes a message of its tool, at the same index.
fn message<'a>(tree: &Node<'a>, role: Role, draft: &mut Draft<'a>) {
    for message in read_message(tree, role).into_iter().flatten() {
        push(message, draft);
    }
}

/// A call of the Responses API, which stands by itself.
fn call<'a>(tree: &Node<'a>) -> Message<'a> {
    let arguments = ["arguments", "input"].iter().find_map(|key| tree.get(key));
    Message {
        tool_calls: vec![ToolCall {
            id: tree.text_at(if tree.get("call_id").is_some() { "call_id" } else { "id" }),
            name: tree.text_at("name"),
            arguments: arguments.map(|arguments| arguments.to_text()).unwrap_or_default(),
        }],
        ..Message::new(Role::Assistant, "")
    }
}

fn result<'a>(tree: &Node<'a>) -> Message<'a> {
    let text = match tree.get("output") {
        Some(Node::List(parts)) if parts.iter().any(|part| part.get("text").is_some()) => {
            let texts: Vec<Cow<'a, str>> = parts.iter().map(|part| part.text_at("text")).collect();
            Cow::Owned(texts.join("\n"))
        }
        Some(output) => output.to_text(),
        None => Cow::Borrowed(""),
    };
    Message {
        tool_call_id: tree.get("call_id").and_then(|id| id.text()).cloned(),
        ..Message::new(Role::Tool, text)
    }
}

/// What a person calls the type of a value.
fn kind(tree: &Node<'_>) -> &'static str {
    match tree {
        Node::Null => "null",
        Node::Bool(_) => "a boolean",
        Node::Number(_) => "a number",
        Node::Text(_) => "a string",
        Node::List(_) => "a list",
        Node::Map(_) => "an object",
    }
}
