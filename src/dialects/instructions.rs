//! System instructions that stand outside the list of messages: in an attribute of their own, or in the request beside the list. They
//! carry no signal, so only who shows a conversation asks for them.

use std::borrow::Cow;

use super::node::{self, Node};
use crate::otlp::{KeyValueRef, SpanRef, ValueRef, keys};

/// Attributes that hold a whole request.
const REQUESTS: [&str; 9] = [
    "ai.prompt",
    "gcp.vertex.agent.llm_request",
    "genkit:input",
    "input",
    keys::INPUT_VALUE,
    keys::LANGFUSE_OBSERVATION_INPUT,
    "mlflow.spanInputs",
    "request_data",
    keys::TRACELOOP_ENTITY_INPUT,
];

/// Under which keys a request holds them: Anthropic and Vercel, OpenAI's Responses, Gemini.
const KEYS: [&str; 4] = ["system", "instructions", "systemInstruction", "system_instruction"];

/// The instructions of a span, each text once.
pub(crate) fn instructions<'a>(span: &SpanRef<'a>) -> Vec<Cow<'a, str>> {
    let mut found: Vec<Cow<'a, str>> = Vec::new();
    let of_events = span.events().flat_map(|event| event.attributes());
    for attribute in span.attributes().chain(of_events) {
        let text = of_attribute(&attribute).filter(|text| !text.trim().is_empty());
        found.extend(text.filter(|text| !found.contains(text)));
    }
    found
}

fn of_attribute<'a>(attribute: &KeyValueRef<'a>) -> Option<Cow<'a, str>> {
    let (key, value) = (attribute.key(), attribute.value());
    if key == keys::GEN_AI_SYSTEM_INSTRUCTIONS {
        return match (node::read(value), value) {
            (Some(tree), _) => Some(text(&tree)),
            (None, ValueRef::Str(plain)) => Some(Cow::Borrowed(plain)),
            (None, _) => None,
        };
    }
    if !REQUESTS.contains(&key) {
        return None;
    }
    let request = node::read(value)?;
    let beside = |tree: &Node<'a>| KEYS.iter().find_map(|key| tree.get(key)).map(text);
    beside(&request).or_else(|| beside(request.get("config")?))
}

/// The text of instructions: a string, a part, parts, or Gemini's content with its parts.
fn text<'a>(tree: &Node<'a>) -> Cow<'a, str> {
    match tree {
        Node::Text(text) => text.clone(),
        Node::List(parts) => {
            let texts: Vec<Cow<'a, str>> = parts.iter().map(text).filter(|text| !text.is_empty()).collect();
            Cow::Owned(texts.join("\n"))
        }
        Node::Map(_) => ["content", "text", "parts"]
            .iter()
            .find_map(|key| tree.get(key))
            .map(text)
            .unwrap_or_default(),
        _ => Cow::Borrowed(""),
    }
}
