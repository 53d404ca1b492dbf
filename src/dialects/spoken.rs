//! What a span says, for who shows it: the messages as the analyzer reads them, and beside them the instructions that stand outside
//! the client's list, which the analyzer never sees.

use std::borrow::Cow;

use super::Standing;
use crate::{
    otlp::{ScopeSpansRef, SpanRef},
    signals::{Conversation, ModelFailure},
};

/// The conversation of a span.
#[derive(Debug)]
pub struct Spoken<'a> {
    /// Name of the dialect in which it was found.
    pub dialect: &'static str,
    /// The messages.
    pub conversation: Conversation<'a>,
    /// For each message its index in the client's own list, as events of signals name it.
    pub indexes: Vec<usize>,
    /// Whether the conversation is the span's own.
    pub standing: Standing,
    /// System instructions that stand outside the list.
    pub instructions: Vec<Cow<'a, str>>,
    /// What the span says of the failure of its model's call.
    pub failure: Option<ModelFailure<'a>>,
}

/// The conversation of a span, where it carries one.
#[must_use]
pub fn spoken<'a>(scope: &ScopeSpansRef<'_>, span: &SpanRef<'a>) -> Option<Spoken<'a>> {
    let (found, standing) = super::find_repeated(span, scope)?;
    let (conversation, places) = (found.conversation, found.places);
    Some(Spoken {
        dialect: super::names().nth(found.dialect).unwrap_or_default(),
        indexes: (0..conversation.messages.len()).map(|at| places.of(at)).collect(),
        conversation,
        standing,
        instructions: super::instructions(span),
        failure: found.failure,
    })
}
