//! An analysis under way, and the state in which it can be left and taken up. A state holds no text of a message, and whether
//! a conversation is read at once or in pieces makes no difference to the report.

use std::cell::Cell;

use super::conversation::{Message, Role};
use super::detect::{Memory, Observed, Saved};
use super::lexicon::Hits;
use super::report::{Facts, Report, Signal};
use super::steps::counted;
use super::text::Words;
use super::{Analyzer, report};

/// A conversation that is being read; begun by [`Analyzer::begin`] or [`Analyzer::resume`].
#[derive(Debug)]
pub struct Analysis<'a> {
    analyzer: &'a Analyzer,
    space: Box<Space>,
    signals: Vec<Signal>,
    counts: Counts,
}

/// How far an analysis has come: what the detectors remember, the signals so far, the counts. Its default is the state before
/// the first message. Worth something only to the analyzer that made it.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Nothing before the first message.
    memory: Option<Box<Saved>>,
    signals: Vec<Signal>,
    counts: Counts,
}

/// What is counted of the messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    messages: usize,
    /// Those that are no instructions.
    said: usize,
    turns: usize,
    user_turns: usize,
    /// Index of the first message that the request before this one did not show: everything after the last assistant message
    /// that something followed. The reply at the end belongs to the newest turn.
    newest_turn: usize,
    /// Index behind the last assistant message.
    reply_end: usize,
}

/// What an analysis needs besides its result; kept by each thread, so that only the first conversations allocate.
#[derive(Debug, Default)]
struct Space {
    words: Words,
    hits: Hits,
    memory: Memory,
}

thread_local! {
    static SPACE: Cell<Option<Box<Space>>> = const { Cell::new(None) };
}

impl<'a> Analysis<'a> {
    pub(super) fn new(analyzer: &'a Analyzer, state: &State) -> Self {
        // A detector that panics takes its space with it; the next conversation gets a new one.
        let mut space = SPACE.take().unwrap_or_default();
        match &state.memory {
            Some(saved) => space.memory.load(saved),
            None => space.memory.start(analyzer.baseline_turns),
        }
        Analysis {
            analyzer,
            space,
            signals: state.signals.clone(),
            counts: state.counts,
        }
    }

    /// Reads the next messages.
    pub fn read(&mut self, messages: &[Message<'_>]) {
        let Space { words, hits, memory } = &mut *self.space;
        let lexicon = &self.analyzer.lexicon;
        for message in counted(messages) {
            hits.clear();
            words.clear();
            let index = self.counts.take(message);
            // Replies are compared with each other only: no phrase is looked for in them.
            if message.role == Role::User && message.is_turn() {
                words.read(&message.text, Some(lexicon.vocabulary()));
                lexicon.find(words, hits);
            }
            let observed = Observed::new(message, words, &hits.found, lexicon);
            memory.read(&observed);
            for detector in &self.analyzer.detectors {
                self.signals
                    .extend((detector.find)(&observed, memory).map(|finding| Signal {
                        kind: detector.kind,
                        message_index: index,
                        confidence: finding.confidence,
                        snippet: finding.snippet,
                        metadata: finding.metadata,
                    }));
            }
        }
    }

    /// How far it has come, to be taken up later. Costs a copy of the signals, and the reading of the latest replies.
    pub fn state(&mut self) -> State {
        State {
            memory: Some(Box::new(self.space.memory.save())),
            signals: self.signals.clone(),
            counts: self.counts,
        }
    }

    /// What all messages so far show.
    #[must_use]
    pub fn report(self) -> Report {
        SPACE.set(Some(self.space));
        let facts = Facts {
            turn_count: self.counts.turns,
            user_turns: self.counts.user_turns,
            message_count: self.counts.said,
            newest_turn: self.counts.newest_turn,
            baseline_turns: self.analyzer.baseline_turns,
        };
        Report::new(self.signals, facts, &self.analyzer.weights)
    }
}

impl State {
    /// Number of messages that led to it.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.counts.messages
    }

    /// Bytes that it takes, with what it has on the heap.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let memory = self
            .memory
            .as_ref()
            .map_or(0, |saved| size_of::<Saved>() + saved.heap());
        size_of::<Self>() + memory + report::heap(&self.signals)
    }
}

impl Counts {
    /// Counts the next message; its index.
    fn take(&mut self, message: &Message<'_>) -> usize {
        let index = self.messages;
        self.messages += 1;
        self.said += usize::from(message.role != Role::System);
        if message.is_turn() {
            self.turns += 1;
            self.user_turns += usize::from(message.role == Role::User);
        }
        if message.role == Role::Assistant {
            self.reply_end = self.messages;
        } else {
            self.newest_turn = self.reply_end;
        }
        index
    }
}

#[cfg(test)]
pub(crate) mod tests;
