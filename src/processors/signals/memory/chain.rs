//! A hash chain over messages: one number for every prefix of a conversation. Keyed at random in each process, so that nobody
//! outside can look for conversations that share a number; 128 bits, so that none do by chance. Fast, since the history is
//! hashed again with every request; no promise of cryptography.

use std::hash::{BuildHasher, Hasher, RandomState};

use foldhash::{SharedSeed, quality::FoldHasher};

use crate::signals::{Message, Role};

/// The number of a prefix.
pub(super) type Link = u128;

/// The key.
pub(super) struct Chain {
    lanes: [(u64, SharedSeed); 2],
}

impl Chain {
    /// With a key of its own.
    pub(super) fn new() -> Chain {
        // The standard library's keys come from the operating system.
        let random = RandomState::new();
        let lane = |at: u8| (random.hash_one((at, 0)), SharedSeed::from_u64(random.hash_one((at, 1))));
        Chain {
            lanes: [lane(0), lane(1)],
        }
    }

    fn link(&self, write: impl Fn(&mut FoldHasher<'_>)) -> Link {
        let [high, low] = self.lanes.each_ref().map(|(key, shared)| {
            let mut hasher = FoldHasher::with_seed(*key, shared);
            write(&mut hasher);
            hasher.finish()
        });
        Link::from(high) << 64 | Link::from(low)
    }

    /// Where a chain begins: of one owner, of which others know nothing.
    pub(super) fn start(&self, owner: &[&str]) -> Link {
        self.link(|hasher| owner.iter().for_each(|part| text(hasher, part)))
    }

    /// The number of every prefix, the empty one first.
    pub(super) fn links(&self, start: Link, messages: &[Message<'_>]) -> Vec<Link> {
        let mut links = Vec::with_capacity(messages.len() + 1);
        links.push(start);
        links.extend(messages.iter().scan(start, |link, read| {
            let before = *link;
            *link = self.link(|hasher| {
                hasher.write_u128(before);
                message(hasher, read);
            });
            Some(*link)
        }));
        links
    }
}

/// Text with its length: no two lists of texts are written alike.
fn text(hasher: &mut impl Hasher, text: &str) {
    hasher.write_usize(text.len());
    hasher.write(text.as_bytes());
}

fn option(hasher: &mut impl Hasher, given: Option<&str>) {
    hasher.write_u8(given.is_some().into());
    if let Some(given) = given {
        text(hasher, given);
    }
}

/// All that the analysis sees of a message. Of a system message that is its place: many applications write the time into it.
fn message(hasher: &mut impl Hasher, message: &Message<'_>) {
    let role = match message.role {
        Role::System => return hasher.write_u8(0),
        Role::User => 1,
        Role::Assistant => 2,
        Role::Tool => 3,
    };
    hasher.write_u8(role | u8::from(message.failed) << 2);
    text(hasher, &message.text);
    option(hasher, message.tool_call_id.as_deref());
    option(hasher, message.name.as_deref());
    hasher.write_usize(message.tool_calls.len());
    for call in &message.tool_calls {
        for part in [&call.id, &call.name, &call.arguments] {
            text(hasher, part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::ToolCall;

    #[test]
    fn whatever_the_analysis_sees_changes_the_chain() {
        let chain = Chain::new();
        let call = |id: &'static str, name: &'static str, arguments: &'static str| {
            let mut message = Message::new(Role::Assistant, "");
            message.tool_calls.push(ToolCall {
                id: id.into(),
                name: name.into(),
                arguments: arguments.into(),
            });
            message
        };
        let mut named = Message::new(Role::User, "a");
        named.name = Some("".into());
        let mut result = Message::new(Role::Tool, "a");
        result.tool_call_id = Some("a".into());
        let mut two = call("a", "b", "c");
        two.tool_calls.push(two.tool_calls[0].clone());
        let mut failed = Message::new(Role::Tool, "a");
        failed.failed = true;
        let long = "a".repeat(5000);
        let messages = [
            Message::new(Role::User, "a"),
            Message::new(Role::User, "b"),
            Message::new(Role::User, "a\0"),
            Message::new(Role::User, long.as_str()),
            Message::new(Role::User, &long[1..]),
            Message::new(Role::Assistant, "a"),
            Message::new(Role::Tool, "a"),
            named,
            result,
            failed,
            call("", "b", "c"),
            call("a", "b", "c"),
            call("b", "a", "c"),
            call("a", "bc", ""),
            two,
            Message::new(Role::System, "a"),
        ];
        let mut links: Vec<Link> = ["", "shop"]
            .iter()
            .flat_map(|owner| messages.iter().map(|message| (*owner, message.clone())))
            .flat_map(|(owner, message)| chain.links(chain.start(&[owner]), &[message]))
            .collect();
        links.sort_unstable();
        links.dedup();
        assert_eq!(links.len(), 2 * messages.len() + 2);
        let start = chain.start(&["ab", "c"]);
        assert_ne!(start, chain.start(&["a", "bc"]));
        let [a, b] = ["Today is May 3.", "Today is May 4."].map(|text| Message::new(Role::System, text));
        assert_eq!(chain.links(start, &[a]), chain.links(start, &[b]));
        assert_ne!(Chain::new().start(&[]), chain.start(&[]), "each has its own key");
    }
}
