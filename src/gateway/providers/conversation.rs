//! A request's messages in the shape of OpenTelemetry's `gen_ai.input.messages`, borrowed from the request and written as JSON in
//! one pass. What each API says in them is its own file's to know.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::values::json::Node;

/// One message.
#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'a str,
    pub(super) parts: Vec<Part<'a>>,
}

impl Message<'_> {
    fn texts(&self) -> Vec<&str> {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text { content } => Some(*content),
            _ => None,
        });
        texts.collect()
    }
}

/// One part of a message; without the bytes of what it holds, where that is no text.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part<'a> {
    Text {
        content: &'a str,
    },
    Reasoning {
        content: &'a str,
    },
    ToolCall {
        id: Field<'a>,
        name: Field<'a>,
        arguments: Arguments<'a>,
    },
    ToolCallResponse {
        id: Field<'a>,
        response: Cow<'a, str>,
    },
    Uri {
        modality: &'a str,
        uri: Field<'a>,
    },
    Blob {
        modality: &'a str,
        mime_type: Field<'a>,
    },
    File {
        modality: &'a str,
        file_id: Field<'a>,
    },
    /// What the conventions have no name for: its type alone.
    #[serde(untagged)]
    Other {
        #[serde(rename = "type")]
        kind: &'a str,
    },
}

/// A field as it came; `null` where it did not.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Field<'a> {
    Text(Cow<'a, str>),
    Tree(Option<&'a Node<'a>>),
}

impl<'a> From<&'a str> for Field<'a> {
    fn from(text: &'a str) -> Self {
        Field::Text(Cow::Borrowed(text))
    }
}

/// The arguments of a call: a tree, or a text that mostly is JSON itself and is shown as such then.
#[derive(Debug)]
pub(super) enum Arguments<'a> {
    Tree(Option<&'a Node<'a>>),
    Text(&'a str),
}

impl Serialize for Arguments<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Arguments::Tree(tree) => tree.serialize(to),
            Arguments::Text(text) => match serde_json::from_str::<&RawValue>(text) {
                Ok(json) => json.serialize(to),
                Err(_) => to.serialize_str(text),
            },
        }
    }
}

/// The attribute's value.
pub(super) fn to_json(messages: &[Message<'_>]) -> String {
    serde_json::to_string(messages).unwrap_or_default()
}

/// The text of the last user message that has any, its parts joined by LF.
pub(super) fn last_user_text(messages: &[Message<'_>]) -> String {
    let users = messages.iter().rev().filter(|message| message.role == "user");
    let with_text = users.map(Message::texts).find(|texts| !texts.is_empty());
    with_text.unwrap_or_default().join("\n")
}
