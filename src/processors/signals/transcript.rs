//! Conversations from JSON text, in the shapes in which they are logged: requests and replies of the providers' APIs, lists of
//! messages, and traces in OTLP/JSON. Each document is recognised by its keys. Says where a text is no conversation.

mod chat;
mod documents;
mod spans;

use std::borrow::Cow;

pub use documents::last_boundary;

use self::documents::Document;
use crate::dialects::{Node, Tree as _};
use crate::signals::{Conversation, Message, ModelFailure, Role};

/// One conversation of a text.
#[derive(Debug)]
pub struct Transcript<'a> {
    /// Its `id`, where it has one: text or number; of a span, `trace_id/span_id`.
    pub id: Option<Cow<'a, str>>,
    /// Line of the text where its document begins, from 1.
    pub line: usize,
    /// Its position, where the document is a list of conversations.
    pub item: Option<usize>,
    /// The messages.
    pub conversation: Conversation<'a>,
    /// For each message its index in the client's own list. One message with results of several tools is several to the
    /// analyzer, and a system prompt that stands beside the list has no index.
    pub indexes: Vec<usize>,
    /// What a span says of the failure of its model's call.
    pub failure: Option<ModelFailure<'a>>,
}

impl Transcript<'_> {
    /// Whether there is anything that says how the conversation went: a text or a call of anyone but the system, or the failure
    /// of the model's call. What is read of one without it is a report on nothing.
    #[must_use]
    pub fn is_telling(&self) -> bool {
        let tells = |message: &Message<'_>| {
            message.role != Role::System && (!message.tool_calls.is_empty() || !message.text.trim().is_empty())
        };
        self.failure.is_some() || self.conversation.messages.iter().any(tells)
    }
}

/// A piece of the text that is no conversation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct BadTranscript {
    /// Line of the text where the document begins, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// What takes the conversations of a text and its faults.
type Sink<'s> = dyn FnMut(Result<Transcript<'_>, BadTranscript>) + 's;

/// Hands over every conversation of a text, in order: one JSON document, or several behind each other (JSON lines), each one
/// conversation, a list of them, or traces. `line` is the number of the text's first line. After a fault it goes on with the next
/// line that begins a document.
pub fn transcripts(text: &[u8], line: usize, sink: &mut Sink<'_>) {
    documents::each(text, line, &mut |document| match document {
        Ok(document) => read(&document, sink),
        Err(bad) => sink(Err(bad)),
    });
}

const EXPECTED: &str = r#"expected {"id": …, "messages": [{"role": …, "content": …}, …]}, or the list of messages, or {"input": …, "output": …}, {"request": …, "response": …}, or traces {"resourceSpans": …}"#;

/// The conversations of one document.
fn read(document: &Document<'_>, sink: &mut Sink<'_>) {
    match &document.tree {
        Node::List(items) if items.is_empty() => {}
        Node::List(items) if items.iter().any(is_conversation) => {
            for (i, item) in items.iter().enumerate() {
                one(item, document.line, Some(i), sink);
            }
        }
        Node::Map(_) if !has_messages(&document.tree) && is_request_of_spans(&document.tree) => {
            spans::request(document.text, document.line, sink);
        }
        tree => one(tree, document.line, None, sink),
    }
}

/// Whether there is something under `messages`; a list without any says nothing of what else is there.
fn has_messages(tree: &Node<'_>) -> bool {
    match tree.get("messages") {
        None | Some(Node::Null) => false,
        Some(Node::List(items)) => !items.is_empty(),
        Some(_) => true,
    }
}

fn is_request_of_spans(tree: &Node<'_>) -> bool {
    // The second spelling is refused with a hint.
    tree.get("resourceSpans").is_some() || tree.get("resource_spans").is_some()
}

/// Whether an item of a list is a conversation, rather than a message.
fn is_conversation(item: &Node<'_>) -> bool {
    const KEYS: [&str; 7] = [
        "messages",
        "request",
        "input",
        "choices",
        "resourceSpans",
        "traces",
        "spans",
    ];
    item.get("role").is_none() && item.get("type").is_none() && KEYS.iter().any(|key| item.get(key).is_some())
}

fn one(tree: &Node<'_>, line: usize, item: Option<usize>, sink: &mut Sink<'_>) {
    let is_traces = matches!(tree, Node::Map(_)) && !has_messages(tree);
    if is_traces && is_request_of_spans(tree) {
        let text = serde_json::to_string(tree).unwrap_or_default();
        return spans::request(&text, line, sink);
    }
    if is_traces
        && ["traces", "spans"]
            .iter()
            .any(|key| matches!(tree.get(key), Some(Node::List(_))))
    {
        return spans::viewed(tree, line, sink);
    }
    match chat::read(tree) {
        Ok(draft) => sink(Ok(Transcript {
            id: id(tree),
            line,
            item,
            conversation: Conversation {
                messages: draft.messages,
            },
            indexes: draft.indexes,
            failure: None,
        })),
        Err(reason) => {
            let place = item.map(|i| format!("[{i}]: ")).unwrap_or_default();
            let reason = format!("{place}{reason}");
            sink(Err(BadTranscript { line, reason }));
        }
    }
}

/// The conversation's own id, else that of the reply or the request.
fn id<'a>(tree: &Node<'a>) -> Option<Cow<'a, str>> {
    let own = |tree: &Node<'a>| match tree.get("id") {
        Some(id @ (Node::Text(_) | Node::Number(_))) => Some(id.to_text()),
        _ => None,
    };
    let inner = |key| tree.get(key).and_then(own);
    own(tree).or_else(|| inner("response")).or_else(|| inner("request"))
}

/// Messages with their indexes, as they are read.
#[derive(Default)]
struct Draft<'a> {
    messages: Vec<Message<'a>>,
    indexes: Vec<usize>,
    /// Index of the next item of the client's list.
    next: usize,
}

#[cfg(test)]
mod tests;
