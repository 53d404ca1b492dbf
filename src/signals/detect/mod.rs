//! The detectors: one file each, one line each in [`DETECTORS`]. A detector sees the messages in order, one at a time, and keeps
//! what it must remember in its own part of [`Memory`]; so a conversation can be taken up where it was left. A detector fires
//! at most once a message, and knows no other detector.

mod api_error;
mod auth_misuse;
mod bad_query;
mod clarification;
mod confirmation;
mod context_overflow;
mod correction;
mod dragging;
mod escalation;
mod gratitude;
mod invalid_args;
mod loops;
mod malformed_response;
mod negative_stance;
mod network;
mod outcome;
mod quit;
mod rate_limit;
mod repetition;
mod rephrase;
mod state_error;
mod success;
mod timeout;
mod tool_not_found;

use std::ops::Range;

use super::conversation::{Message, Role};
use super::kind::SignalType;
use super::lexicon::{Hit, Lexicon};
use super::report::Detail;
use super::steps::counted;
use super::text::Words;
pub use outcome::ModelFailure;

/// One type of signal and how it is found.
#[derive(Debug)]
pub(super) struct Detector {
    /// What it finds.
    pub(super) kind: SignalType,
    /// Looks at one message.
    pub(super) find: fn(&Observed<'_>, &mut Memory) -> Option<Finding>,
}

/// Every detector, sorted by the name of its type.
pub(super) static DETECTORS: &[Detector] = &[
    api_error::DETECTOR,
    context_overflow::DETECTOR,
    malformed_response::DETECTOR,
    network::DETECTOR,
    rate_limit::DETECTOR,
    timeout::DETECTOR,
    auth_misuse::DETECTOR,
    bad_query::DETECTOR,
    invalid_args::DETECTOR,
    state_error::DETECTOR,
    tool_not_found::DETECTOR,
    loops::oscillation::DETECTOR,
    loops::parameter_drift::DETECTOR,
    loops::retry::DETECTOR,
    escalation::DETECTOR,
    negative_stance::DETECTOR,
    quit::DETECTOR,
    clarification::DETECTOR,
    correction::DETECTOR,
    rephrase::DETECTOR,
    confirmation::DETECTOR,
    gratitude::DETECTOR,
    success::DETECTOR,
    dragging::DETECTOR,
    repetition::DETECTOR,
];

/// One message as the detectors see it.
pub(super) struct Observed<'a> {
    pub(super) message: &'a Message<'a>,
    /// Whether it is a turn.
    pub(super) is_turn: bool,
    /// Its words; none unless it is a user's turn.
    pub(super) words: &'a Words,
    /// The phrases in it; none unless it is a user's turn.
    pub(super) hits: &'a [Hit],
    pub(super) lexicon: &'a Lexicon,
    /// The kind of failure that it reports, where it is a tool's result.
    pub(super) failure: Option<SignalType>,
}

/// What a detector found in a message.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) confidence: f64,
    pub(super) snippet: Option<Range<usize>>,
    pub(super) metadata: Vec<(&'static str, Detail)>,
}

/// What the detectors remember of the messages before; bounded but for two numbers an assistant reply.
#[derive(Debug, Default)]
pub(super) struct Memory {
    calls: loops::Calls,
    dragging: dragging::Turns,
    replies: repetition::Replies,
    request: rephrase::Request,
    voice: negative_stance::Voice,
}

impl Memory {
    /// Forgets the conversation and keeps the space.
    pub(super) fn start(&mut self, baseline_turns: u32) {
        self.calls.clear();
        self.dragging = dragging::Turns::new(baseline_turns);
        self.replies.clear();
        self.request.clear();
        self.voice = negative_stance::Voice::default();
    }

    /// Takes in what several detectors remember together; before they look at the message.
    pub(super) fn read(&mut self, observed: &Observed<'_>) {
        self.calls.read(observed);
        self.replies.heed(observed);
    }
}

/// What the detectors remember, without the space that they work in and without any text.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    calls: loops::Calls,
    dragging: dragging::Turns,
    replies: repetition::Saved,
    request: rephrase::Saved,
    voice: negative_stance::Voice,
}

impl Memory {
    /// What is remembered after the latest message.
    pub(super) fn save(&mut self) -> Saved {
        Saved {
            calls: self.calls.save(),
            dragging: self.dragging,
            replies: self.replies.save(),
            request: self.request.save(),
            voice: self.voice,
        }
    }

    /// Goes back to what was remembered.
    pub(super) fn load(&mut self, saved: &Saved) {
        self.calls = saved.calls.clone();
        self.dragging = saved.dragging;
        self.replies.load(&saved.replies);
        self.request.load(&saved.request);
        self.voice = saved.voice;
    }
}

impl Saved {
    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.calls.heap() + self.replies.heap() + self.request.heap()
    }
}

/// How sure it is that a result reports a failure.
pub(super) const REPORTED: f64 = 0.9;

impl<'a> Observed<'a> {
    /// The message with what was read of it.
    pub(super) fn new(message: &'a Message<'a>, words: &'a Words, hits: &'a [Hit], lexicon: &'a Lexicon) -> Self {
        let failure = match message.role {
            Role::Tool if message.failed => Some(outcome::marked(&message.text)),
            Role::Tool => outcome::failure(&message.text),
            _ => None,
        };
        Observed {
            message,
            is_turn: message.is_turn(),
            words,
            hits,
            lexicon,
            failure,
        }
    }

    /// A failure of that kind.
    fn failure(&self, kind: SignalType) -> Option<Finding> {
        let name = self.message.name.as_deref();
        (self.failure == Some(kind)).then(|| Finding {
            confidence: REPORTED,
            snippet: None,
            metadata: name
                .map(|name| ("tool", Detail::Name(name.into())))
                .into_iter()
                .collect(),
        })
    }

    /// Whether the message is a turn of that role.
    fn is(&self, role: Role) -> bool {
        self.is_turn && self.message.role == role
    }

    /// The surest phrase of a type; of equals, the first.
    fn phrase(&self, kind: SignalType) -> Option<Finding> {
        let of_kind = counted(self.hits).filter(|hit| hit.kind == kind);
        let best = of_kind.reduce(|best, hit| if hit.confidence > best.confidence { hit } else { best })?;
        let tokens = &self.words.tokens[best.words.0..best.words.1];
        let (first, last) = (tokens.first()?, tokens.last()?);
        Some(Finding {
            confidence: best.confidence,
            snippet: Some(first.start as usize..last.end as usize),
            metadata: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests;
