//! The `tracestate` header: any number of lines become one, checked and otherwise untouched. One malformed member or too many
//! members drop the whole list, since half of it could mislead who wrote it. That a key comes once is its writer's to see to:
//! who passes a list on leaves it as it is.

use super::traceparent::trim;

/// Most members of a list.
const MAX_MEMBERS: usize = 32;
/// Longest key and longest value, in characters.
const MAX_LEN: usize = 256;

/// The members of all lines in order, `,` between them; none where there is none, or where the list is malformed. Empty
/// members are no members: some senders leave them behind.
pub(super) fn join<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let mut list = String::new();
    let members = lines.into_iter().flat_map(|line| line.split(|&byte| byte == b','));
    let members = members.map(trim).filter(|member| !member.is_empty());
    for (count, member) in members.enumerate() {
        let member = std::str::from_utf8(member).ok()?;
        let (key, value) = member.split_once('=')?;
        if count == MAX_MEMBERS || !is_key(key) || !is_value(value) {
            return None;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(member);
    }
    (!list.is_empty()).then_some(list)
}

/// Level 2: one alphabet, where `@` is a character like the others but not the first one.
fn is_key(key: &str) -> bool {
    let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let first = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
    key.len() <= MAX_LEN && key.bytes().next().is_some_and(first) && key.bytes().all(inner)
}

/// Printable ASCII without `=` (and without the comma, which ends it); spaces in front belong to it. What is at its end was
/// trimmed.
fn is_value(value: &str) -> bool {
    let printable = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    !value.is_empty() && value.len() <= MAX_LEN && value.bytes().all(printable)
}
