//! From the items of the client's list to the messages of the analyzer. Most items are one message. Results of tools that stand in one
//! item, beside each other or beside a user's words, are messages of their own, so that each is judged by itself; they keep the
//! item's index.

use std::borrow::Cow;

use super::message;
use crate::signals::{Message, Role, ToolCall};

/// What one item of the client's list says.
pub(crate) struct Item<'a> {
    pub(super) first: Message<'a>,
    /// What stands behind it in the same item; nothing in most.
    pub(super) more: Vec<Message<'a>>,
}

impl<'a> From<Message<'a>> for Item<'a> {
    fn from(first: Message<'a>) -> Item<'a> {
        Item {
            first,
            more: Vec::new(),
        }
    }
}

impl<'a> IntoIterator for Item<'a> {
    type Item = Message<'a>;
    type IntoIter = std::iter::Chain<std::iter::Once<Message<'a>>, std::vec::IntoIter<Message<'a>>>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.first).chain(self.more)
    }
}

impl<'a> Item<'a> {
    /// Whether there are words or calls in it.
    pub(super) fn says_something(&self) -> bool {
        says_something(&self.first) || self.more.iter().any(says_something)
    }

    fn each(&mut self) -> impl Iterator<Item = &mut Message<'a>> {
        std::iter::once(&mut self.first).chain(&mut self.more)
    }

    /// Gives it its author; results stay their tools'.
    pub(super) fn set_role(&mut self, role: Role) {
        self.each()
            .filter(|message| message.role != Role::Tool)
            .for_each(|message| message.role = role);
    }

    /// Names it, whatever it is made of.
    #[expect(clippy::ptr_arg, reason = "a name that is borrowed stays so")]
    pub(super) fn set_name(&mut self, name: &Cow<'a, str>) {
        self.each().for_each(|message| message.name = Some(name.clone()));
    }

    /// Adds calls to what its author says.
    pub(super) fn add_calls(&mut self, calls: impl Iterator<Item = ToolCall<'a>>) {
        let authors = self.more.iter().position(|message| message.role != Role::Tool);
        let author = match authors {
            Some(at) if self.first.role == Role::Tool => &mut self.more[at],
            _ => &mut self.first,
        };
        author.tool_calls.extend(calls);
    }

    /// Takes in what another attribute says of the same item.
    pub(super) fn merge(&mut self, from: Item<'a>) {
        let Item { first, more } = from;
        let into = &mut self.first;
        // A tool's result may come as a part of anybody's content.
        if first.role == Role::Tool {
            into.role = Role::Tool;
        }
        if !first.text.is_empty() {
            into.text = first.text;
        }
        into.tool_calls.extend(first.tool_calls);
        into.failed |= first.failed;
        into.tool_call_id = into.tool_call_id.take().or(first.tool_call_id);
        self.more.extend(more);
    }
}

/// Roles alone are no conversation: an emitter that was told to keep content to itself still writes them.
fn says_something(message: &Message<'_>) -> bool {
    !message.text.is_empty() || !message.tool_calls.is_empty()
}

/// An item as its parts are read.
pub(super) struct Draft<'a> {
    role: Role,
    closed: Vec<Message<'a>>,
    open: Message<'a>,
    text: Text<'a>,
    /// Whether the open message is a part that is a result.
    is_result: bool,
}

impl<'a> Draft<'a> {
    /// An item of an author.
    pub(super) fn new(role: Role) -> Draft<'a> {
        Draft {
            role,
            closed: Vec::new(),
            open: message::empty(role),
            text: Text::default(),
            is_result: false,
        }
    }

    /// Adds words of the author's.
    pub(super) fn say(&mut self, text: Cow<'a, str>) {
        if !text.is_empty() {
            self.end_result();
            self.text.add(text);
        }
    }

    /// Adds a call of the author's.
    pub(super) fn call(&mut self, call: Option<ToolCall<'a>>) {
        if let Some(call) = call {
            self.end_result();
            self.open.tool_calls.push(call);
        }
    }

    /// Begins a result, of the call with that id.
    pub(super) fn begin_result(&mut self, id: Option<&Cow<'a, str>>) {
        if self.is_result || says_something(&self.open) || self.text.joined.is_some() {
            self.close(Role::Tool);
        }
        (self.open.role, self.is_result) = (Role::Tool, true);
        self.open.tool_call_id = id.cloned();
    }

    /// Marks the result as a failure, which need not be told in its text.
    pub(super) fn fail(&mut self) {
        self.open.failed = true;
    }

    /// Adds text to the result.
    pub(super) fn add_result(&mut self, text: Cow<'a, str>) {
        self.text.add(text);
    }

    /// What follows a result is the author's again. The author of a tool's message is the tool.
    fn end_result(&mut self) {
        if self.is_result && self.role != Role::Tool {
            self.close(self.role);
            self.is_result = false;
        }
    }

    fn close(&mut self, next: Role) {
        let mut closed = std::mem::replace(&mut self.open, message::empty(next));
        closed.text = std::mem::take(&mut self.text).into_cow();
        self.closed.push(closed);
    }

    pub(super) fn into_item(self) -> Item<'a> {
        let mut last = self.open;
        last.text = self.text.into_cow();
        let mut closed = self.closed.into_iter();
        match closed.next() {
            None => last.into(),
            Some(first) => Item {
                first,
                more: closed.chain([last]).collect(),
            },
        }
    }
}

/// Text in pieces, borrowed as long as there is one.
#[derive(Default)]
struct Text<'a> {
    joined: Option<Cow<'a, str>>,
}

impl<'a> Text<'a> {
    fn add(&mut self, piece: Cow<'a, str>) {
        if piece.is_empty() {
            return;
        }
        match &mut self.joined {
            None => self.joined = Some(piece),
            Some(joined) => {
                let joined = joined.to_mut();
                joined.push('\n');
                joined.push_str(&piece);
            }
        }
    }

    fn into_cow(self) -> Cow<'a, str> {
        self.joined.unwrap_or_default()
    }
}

/// The messages of a conversation, or of one side of it.
#[derive(Default)]
pub(super) struct Said<'a> {
    pub(super) messages: Vec<Message<'a>>,
    pub(super) places: Places,
}

impl<'a> Said<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn says_something(&self) -> bool {
        self.messages.iter().any(says_something)
    }

    /// Adds the next item.
    pub(super) fn push(&mut self, item: impl Into<Item<'a>>) {
        let Item { first, more } = item.into();
        self.messages.push(first);
        for message in more {
            self.places.within.push(self.messages.len());
            self.messages.push(message);
        }
    }

    /// Adds the next items.
    pub(super) fn extend(&mut self, items: impl ExactSizeIterator<Item = Item<'a>>) {
        self.messages.reserve(items.len());
        items.for_each(|item| self.push(item));
    }

    /// Of a reply, drops further choices: they are alternatives to the first, not what was said after it. A reply with anything but
    /// the assistant's messages in it is a sequence.
    pub(super) fn keep_first_choice(&mut self) {
        let is_a_choice = |message: &Message<'_>| message.role == Role::Assistant || !says_something(message);
        if self.messages.len() > 1 && self.messages.iter().all(is_a_choice) {
            let first = self.messages.iter().position(says_something);
            self.messages
                .truncate(first.map_or(self.messages.len(), |first| first + 1));
        }
    }

    /// The same where the pieces of one reply stand beside each other as choices do: of those with words the first, and all
    /// calls.
    pub(super) fn keep_first_words(&mut self) {
        let mut spoken = false;
        if self.messages.iter().all(|message| message.role == Role::Assistant) {
            self.messages
                .retain(|message| message.text.is_empty() || !std::mem::replace(&mut spoken, true));
        }
    }

    /// Adds what was said after it.
    pub(super) fn append(&mut self, mut other: Said<'a>) {
        let before = self.messages.len();
        self.messages.append(&mut other.messages);
        let within = other.places.within.iter().map(|at| before + at);
        self.places.within.extend(within);
    }
}

/// Which message stands in which item.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The messages that stand in the same item as the one before, in order; none in most conversations.
    within: Vec<usize>,
}

impl Places {
    /// The index of a message's item in the client's list.
    pub(crate) fn of(&self, message: usize) -> usize {
        message - self.within.partition_point(|&within| within <= message)
    }
}

#[cfg(test)]
mod tests;
