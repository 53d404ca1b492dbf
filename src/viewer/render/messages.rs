//! The conversations of a trace without anything else. Each call of a chat sends the whole history again, so a call whose messages
//! another one repeats is left out, and of one that goes another way only what differs is shown.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::{
    Page, heading, millis,
    talk::{block, verdict},
    title,
};
use crate::viewer::{
    Conversation, Message, Tint,
    conversation::{conversation, has_conversation, has_messages},
    facts::{Facts, Role},
    model::{Span, Trace},
    paint::harmless,
};

/// Most calls of one trace that are read; the newest are.
const MOST_CALLS: usize = 1000;

/// What the calls of models in a trace say, as text that ends in a line's end. Spans that repeat what others say count where there are
/// no others.
pub fn messages(trace: &Trace, page: Page) -> String {
    let mut out = String::new();
    heading(&mut out, trace, &Facts::of(trace), page.ink);
    let mut spans: Vec<&Span> = trace.spans.iter().collect();
    spans.sort_by_key(|span| (span.start_time_unix_nano, span.end_time_unix_nano));
    let is_own = |span: &&Span| has_messages(span) || super::facts::quality(span).is_some();
    if spans.iter().any(is_own) {
        spans.retain(is_own);
    }
    spans.retain(|span| has_conversation(span));
    let left_out = spans.len().saturating_sub(MOST_CALLS);
    if left_out > 0 {
        page.ink
            .put(&mut out, Tint::Dim, &format!("… {left_out} more calls before these"));
        out.push('\n');
    }
    let calls: Vec<Call<'_>> = (spans.into_iter().skip(left_out))
        .filter_map(|span| Some(Call::new(span, conversation(span)?)))
        .collect();
    let repeated = Repeated::of(&calls);
    let (start, _) = trace.bounds();
    for (index, call) in calls.iter().enumerate() {
        let Some(first) = repeated.first_new(index, call) else {
            continue;
        };
        out.push('\n');
        call.heading(&mut out, start, page);
        if first > 0 {
            let plural = if first == 1 { "" } else { "s" };
            page.ink
                .put(&mut out, Tint::Dim, &format!("  … {first} message{plural} as above"));
            out.push('\n');
        }
        block(&mut out, &call.conversation, first, page, "  ");
    }
    if calls.is_empty() {
        out.push_str("no conversation\n");
    }
    out
}

/// A call of a model.
struct Call<'a> {
    span: &'a Span,
    conversation: Conversation,
    /// A hash of the messages up to each.
    chain: Vec<u64>,
}

impl<'a> Call<'a> {
    fn new(span: &'a Span, conversation: Conversation) -> Call<'a> {
        let mut hasher = DefaultHasher::new();
        let chain = conversation.messages.iter().map(|message| {
            hash(message, &mut hasher);
            hasher.finish()
        });
        Call {
            span,
            chain: chain.collect(),
            conversation,
        }
    }

    fn heading(&self, out: &mut String, start: u64, page: Page) {
        let span = self.span;
        page.ink
            .put(out, Tint::Role(Role::of(&span.service)), &harmless(&span.service));
        let after = span.start_time_unix_nano.saturating_sub(start);
        out.push_str(&format!(" {}  +{}  ", title(span), millis(after)));
        page.ink.put(out, Tint::Dim, &harmless(&verdict(&self.conversation)));
        out.push('\n');
    }
}

/// What makes a message the same in another call.
fn hash(message: &Message, hasher: &mut DefaultHasher) {
    message.role.hash(hasher);
    for piece in &message.text {
        // Pieces may be cut elsewhere, where more was found.
        hasher.write(piece.text.as_bytes());
    }
    for call in &message.tool_calls {
        (&call.name, &call.arguments).hash(hasher);
    }
    hasher.write_u8(0xff);
}

/// Which call says what first, by the hash of what it says up to there.
struct Repeated {
    /// The longest call with these messages, the earliest of equally long ones.
    fullest: HashMap<u64, usize>,
    /// The calls that are shown, by their starts.
    shown: HashMap<u64, usize>,
}

impl Repeated {
    fn of(calls: &[Call<'_>]) -> Repeated {
        let mut fullest: HashMap<u64, usize> = HashMap::new();
        for (index, call) in calls.iter().enumerate() {
            for link in &call.chain {
                let best = fullest.entry(*link).or_insert(index);
                if calls[*best].chain.len() < call.chain.len() {
                    *best = index;
                }
            }
        }
        let mut shown = HashMap::new();
        for (index, call) in calls.iter().enumerate() {
            if call.chain.last().is_some_and(|last| fullest[last] == index) {
                for link in &call.chain {
                    shown.entry(*link).or_insert(index);
                }
            }
        }
        Repeated { fullest, shown }
    }

    /// The first message of a call that is not shown above; `None` where another call says all of it.
    fn first_new(&self, index: usize, call: &Call<'_>) -> Option<usize> {
        match call.chain.last() {
            None => Some(0),
            Some(last) if self.fullest[last] != index => None,
            Some(_) => Some(call.chain.iter().take_while(|link| self.shown[link] != index).count()),
        }
    }
}
