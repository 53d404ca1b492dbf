//! Conversations from JSON text, in the shape that providers' APIs have: `{"id", "messages": […]}` or the bare list of messages.
//! For files of transcripts; spans go through the dialects. Says where a text is no conversation.

use std::borrow::Cow;

use super::dialects::{Node, Tree as _, read_message};
use crate::signals::{Conversation, Role};

/// One conversation of a file.
pub struct Transcript<'a> {
    /// Its `id`, where it has one: text or number.
    pub id: Option<Cow<'a, str>>,
    /// The messages.
    pub conversation: Conversation<'a>,
}

/// A piece of the text that is no conversation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct BadTranscript {
    /// Line of the text, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// Every conversation of a text, in order: one JSON document, several behind each other (JSON lines), or a list of them. After
/// a fault it goes on with the next line.
pub fn transcripts(text: &str) -> impl Iterator<Item = Result<Transcript<'_>, BadTranscript>> {
    let mut at = 0;
    let mut line = 1;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        let start = rest.len() - rest.trim_start().len();
        line += count_lines(&rest[..start]);
        at += start;
        let rest = &text[at..];
        if rest.is_empty() {
            return None;
        }
        let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<Node<'_>>();
        let document = documents.next()?;
        let (read, length) = match document {
            Ok(tree) => (conversations(&tree, line), documents.byte_offset()),
            Err(error) => {
                let reason = format!("not valid JSON: {error}");
                (
                    vec![Err(BadTranscript {
                        line: line + error.line() - 1,
                        reason,
                    })],
                    end_of_line(rest, error.line()),
                )
            }
        };
        line += count_lines(&rest[..length]);
        at += length;
        Some(read)
    })
    .flatten()
}

fn count_lines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

/// Offset behind the given line (from 1).
fn end_of_line(text: &str, line: usize) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes())
        .nth(line.saturating_sub(1))
        .map_or(text.len(), |newline| newline + 1)
}

fn conversations<'a>(tree: &Node<'a>, line: usize) -> Vec<Result<Transcript<'a>, BadTranscript>> {
    let is_list_of_conversations = |items: &[Node<'a>]| items.iter().any(|item| item.get("messages").is_some());
    match tree {
        Node::List(items) if is_list_of_conversations(items) => items.iter().map(|item| one(item, line)).collect(),
        single => vec![one(single, line)],
    }
}

fn one<'a>(tree: &Node<'a>, line: usize) -> Result<Transcript<'a>, BadTranscript> {
    let bad = |reason: &str| BadTranscript {
        line,
        reason: reason.to_owned(),
    };
    let expected = r#"expected {"id": …, "messages": [{"role": …, "content": …}, …]} or the list of messages"#;
    let list = match tree {
        Node::List(_) => tree,
        _ => tree
            .get("messages")
            .ok_or_else(|| bad(&format!("no \"messages\": {expected}")))?,
    };
    let Node::List(items) = list else {
        return Err(bad(&format!("\"messages\" is no list: {expected}")));
    };
    let mut messages = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let has_role = item.get("role").is_some();
        let message = read_message(item, Role::User).filter(|_| has_role);
        messages.push(message.ok_or_else(|| bad(&format!("messages[{i}] is no message: {expected}")))?);
    }
    let id = match tree.get("id") {
        None | Some(Node::Null) => None,
        Some(id) => Some(id.to_text()),
    };
    Ok(Transcript {
        id,
        conversation: Conversation { messages },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let shown: Vec<String> = transcripts(text)
            .map(|read| match read {
                Ok(read) => format!("{} {}", read.id.unwrap_or("-".into()), read.conversation.messages.len()),
                Err(error) => error.to_string().chars().take(24).collect(),
            })
            .collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn lines_documents_and_lists() {
        let hello = r#"{"id":"a","messages":[{"role":"user","content":"hello"}]}"#;
        check(&format!("{hello}\n\n{hello}\n"), &["a 1", "a 1"]);
        check(&format!("[{hello},{hello}]"), &["a 1", "a 1"]);
        check(
            r#"[{"role":"user","content":"hello"},{"role":"assistant","content":null}]"#,
            &["- 2"],
        );
        check(
            "{\n \"id\": 7,\n \"messages\": []\n}\n{\"messages\":[]}",
            &["7 0", "- 0"],
        );
        check("", &[]);
    }

    #[test]
    fn a_fault_names_its_line_and_stops_nothing() {
        check(
            "{\"messages\":[]}\n{\"messages\":[\n{\"messages\":[]}\nx\n[]",
            &["- 0", "line 4: not valid JSON: ", "- 0"],
        );
        check(
            "{\"a\":1}\n3\n{\"messages\":[3]}",
            &[
                "line 1: no \"messages\": e",
                "line 2: no \"messages\": e",
                "line 3: messages[0] is n",
            ],
        );
    }
}
