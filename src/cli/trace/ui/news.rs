//! What goes between the screen and the tasks that ask the listener: what the screen wants to know, and what came.

use std::sync::Arc;

use super::{detail::Subject, opened::Opened};
use crate::viewer::{Conversation, Reply};

/// A question for the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The filter line.
    pub(super) filter: String,
    /// Only traces with a flag.
    pub(super) flagged: bool,
    /// Grows with each demand to ask anew.
    pub(super) round: u64,
}

/// What the screen wants to know.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// For the list.
    pub(super) list: Asked,
    /// Whether the list is asked for only once.
    pub(super) paused: bool,
    /// The trace that is open, and the arrival that it shall have.
    pub(super) open: Option<(String, u64)>,
    /// How often a tree was closed: what was read before is gone, also where the same trace is wanted again.
    pub(super) closed: u64,
    /// The span whose conversation is shown.
    pub(super) talk: Option<Subject>,
}

/// What came.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// Every trace that matches.
    Whole(Asked, Reply),
    /// Traces that came since.
    Newer(Asked, Reply),
    /// The listener says no.
    Refused(Asked, String),
    /// The listener cannot be reached.
    Lost(String),
    /// A trace that was asked for.
    Opened(String, Arc<Opened>),
    /// A trace that was asked for is not there any more, or cannot be had.
    Closed(String, String),
    /// A conversation, where the span carries one.
    Said(Subject, Option<Box<Conversation>>),
}
