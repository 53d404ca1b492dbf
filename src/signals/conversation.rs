//! What the analyzer reads: the ordered messages of one LLM span. Text is borrowed; nothing here interprets it.

use std::borrow::Cow;

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions of the application (`system`, `developer`).
    System,
    /// The person, or whoever speaks in that role.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// A call that the model asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall<'a> {
    /// The call's id, which the result names; empty where the dialect has none.
    pub id: Cow<'a, str>,
    /// The tool's name.
    pub name: Cow<'a, str>,
    /// The arguments as the model wrote them, usually JSON.
    pub arguments: Cow<'a, str>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// Who wrote it.
    pub role: Role,
    /// Its text; the parts of a multi-part message one after the other. Empty for a bare tool call.
    pub text: Cow<'a, str>,
    /// The calls that an assistant message asks for.
    pub tool_calls: Vec<ToolCall<'a>>,
    /// For a tool result: the call that it answers.
    pub tool_call_id: Option<Cow<'a, str>>,
    /// The author's or the tool's name, where given.
    pub name: Option<Cow<'a, str>>,
    /// For a tool result: whether it is marked as a failure beside its text, as APIs do. Without the mark the text tells.
    pub failed: bool,
}

impl<'a> Message<'a> {
    /// A message of text alone.
    pub fn new(role: Role, text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            role,
            text: text.into(),
            tool_calls: Vec::new(),
            tool_call_id: None,
            name: None,
            failed: false,
        }
    }

    /// Whether the message is a turn: a user or assistant message with text.
    #[must_use]
    pub fn is_turn(&self) -> bool {
        matches!(self.role, Role::User | Role::Assistant) && !self.text.trim_start().is_empty()
    }
}

/// The messages of one span, the reply just produced included. A message's index is its position in the client's own
/// list, from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation<'a> {
    /// The messages, oldest first.
    pub messages: Vec<Message<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_user_and_assistant_text_makes_a_turn() {
        assert!(Message::new(Role::User, "hi").is_turn());
        assert!(!Message::new(Role::Assistant, " \n").is_turn());
        assert!(!Message::new(Role::Tool, "{}").is_turn());
    }
}
