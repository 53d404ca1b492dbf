//! Messages spread over attributes by index: `PREFIX.{i}.FIELD`. Puts them back in order, whatever order the attributes are
//! in. An index far beyond the number of messages is taken as an order only, so that no key can demand memory.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    items::{Item, Said},
    message,
    node::{self, Node, Tree as _},
};
use crate::{
    otlp::ValueRef,
    signals::{Message, Role, ToolCall},
};

/// Gaps in the indexes up to this many are kept, as empty messages.
const LARGEST_GAP: usize = 64;

/// The messages of one side as their attributes come in. Ordered maps, so that attributes in a hostile order cost no more
/// than a logarithm each.
#[derive(Default)]
pub(super) struct Indexed<'a> {
    entries: BTreeMap<usize, Entry<'a>>,
}

/// One message, and its tool calls by their own indexes.
struct Entry<'a> {
    role: Role,
    item: Item<'a>,
    calls: BTreeMap<usize, ToolCall<'a>>,
}

impl<'a> Indexed<'a> {
    /// The message at an index, made with the role where it is new.
    pub(super) fn at(&mut self, index: usize, role: Role) -> &mut Message<'a> {
        &mut self.entry(index, role).item.first
    }

    /// Gives the message at an index its author, by name; `role` where nobody is called that.
    pub(super) fn set_role(&mut self, index: usize, role: Role, name: ValueRef<'a>) {
        if let ValueRef::Str(name) = name {
            self.entry(index, role).role = message::named_role(name, role);
        }
    }

    /// Sets what the message at an index says, from content that is plain, or JSON of parts when multimodal.
    pub(super) fn set_content(&mut self, index: usize, role: Role, value: ValueRef<'a>) {
        let Entry { role, item, .. } = self.entry(index, role);
        let parts = match value {
            ValueRef::Str(text) if text.starts_with("[{") => node::read(value),
            ValueRef::Str(_) => None,
            other => node::read(other),
        };
        let read = parts.and_then(|tree| message::read(&Node::Map(vec![(Cow::Borrowed("content"), tree)]), *role));
        match read.filter(|read| read.says_something() || read.first.role != *role) {
            Some(read) => item.merge(read),
            None => item.first.text = text(value),
        }
    }

    /// The tool call `call` of the message at an index.
    pub(super) fn tool_call(&mut self, index: usize, role: Role, call: usize) -> &mut ToolCall<'a> {
        self.entry(index, role).calls.entry(call).or_insert_with(|| ToolCall {
            id: Cow::Borrowed(""),
            name: Cow::Borrowed(""),
            arguments: Cow::Borrowed(""),
        })
    }

    fn entry(&mut self, index: usize, role: Role) -> &mut Entry<'a> {
        let new = || Entry {
            role,
            item: message::empty(role).into(),
            calls: BTreeMap::new(),
        };
        self.entries.entry(index).or_insert_with(new)
    }

    /// The messages in order, each at its index where the gaps are small.
    pub(super) fn into_said(self) -> Said<'a> {
        let last = self.entries.last_key_value().map_or(0, |(index, _)| *index);
        let keeps_gaps = last < self.entries.len() + LARGEST_GAP;
        let (mut said, mut items) = (Said::default(), 0);
        said.messages.reserve(self.entries.len());
        for (index, Entry { role, mut item, calls }) in self.entries {
            while keeps_gaps && items < index {
                said.push(message::empty(Role::System));
                items += 1;
            }
            item.set_role(role);
            item.add_calls(calls.into_values().filter(|call| !call.name.is_empty()));
            said.push(item);
            items += 1;
        }
        said
    }
}

/// What [`index`] gives for a number that is too large to be one.
pub(super) const NO_INDEX: usize = usize::MAX;

/// Splits `{i}.rest` off a key; `None` where there is no number.
pub(super) fn index(rest: &[u8]) -> Option<(usize, &[u8])> {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let (digits, rest) = rest.split_at(digits);
    let rest = if rest.is_empty() {
        rest
    } else {
        rest.strip_prefix(b".")?
    };
    let number = digits.iter().try_fold(0usize, |number, digit| {
        number.checked_mul(10)?.checked_add(usize::from(digit - b'0'))
    });
    Some((number.unwrap_or(NO_INDEX), rest))
}

/// A value as text: a string as it is.
pub(super) fn text(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Str(text) => Cow::Borrowed(text),
        other => node::read(other)
            .map(|tree| tree.to_text().into_owned())
            .unwrap_or_default()
            .into(),
    }
}
