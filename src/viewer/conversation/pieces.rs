//! A message cut where signals begin and end, so that whoever shows it can mark their words.

use std::ops::Range;

use super::{Found, Message, Piece, ToolCall};
use crate::signals::{self, Role};

/// Most bytes of words that are repeated where a signal is explained.
const MOST_WORDS: usize = 240;

/// A signal in a message, with its words where they are known.
pub(super) struct Mark {
    pub(super) found: Found,
    pub(super) words: Option<Range<usize>>,
}

/// What a role is called.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

/// A message without the first `cut` bytes of its text.
pub(super) fn message(message: &signals::Message<'_>, marks: &[Mark], cut: usize) -> Message {
    let own = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Message {
        role: role_name(message.role).to_owned(),
        name: message.name.as_deref().and_then(own),
        text: pieces(&message.text, marks, cut),
        tool_calls: (message.tool_calls.iter())
            .map(|call| ToolCall {
                id: own(&call.id),
                name: call.name.clone().into_owned(),
                arguments: call.arguments.clone().into_owned(),
            })
            .collect(),
        tool_call_id: message.tool_call_id.as_deref().and_then(own),
        signals: marks.iter().map(|mark| mark.found.clone()).collect(),
    }
}

/// The text from a byte on, cut at the bounds of what is marked.
fn pieces(text: &str, marks: &[Mark], cut: usize) -> Vec<Piece> {
    let marks: Vec<(Range<usize>, &str)> = (marks.iter())
        .filter_map(|mark| Some((bounds(text, mark.words.clone()?), mark.found.r#type.as_str())))
        .collect();
    let cut = text.ceil_char_boundary(cut);
    let mut ends: Vec<usize> = (marks.iter())
        .flat_map(|(range, _)| [range.start, range.end])
        .filter(|end| *end > cut)
        .chain([text.len()])
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let (mut at, mut pieces) = (cut, Vec::<Piece>::new());
    for end in ends {
        let here = |range: &Range<usize>| range.start <= at && end <= range.end;
        let mut signals: Vec<String> = (marks.iter())
            .filter(|(range, _)| here(range))
            .map(|(_, name)| (*name).to_owned())
            .collect();
        signals.sort_unstable();
        signals.dedup();
        if at < end {
            pieces.push(Piece {
                text: text[at..end].to_owned(),
                signals,
            });
        }
        at = end;
    }
    pieces
}

/// A range inside the text, widened to whole characters.
fn bounds(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(range.start);
    start..text.ceil_char_boundary(range.end.min(text.len())).max(start)
}

/// The words of a range for an explanation.
pub(super) fn words(text: &str, range: &Range<usize>) -> String {
    let range = bounds(text, range.clone());
    let shown = &text[range.start..text.floor_char_boundary(range.end.min(range.start + MOST_WORDS))];
    let rest = if shown.len() < range.len() { "…" } else { "" };
    format!("“{shown}{rest}”")
}
