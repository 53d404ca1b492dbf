//! One block of documents: each conversation analyzed and written down, and counted.

use std::fmt::Write as _;

use super::{FailOn, explain, feed::Block, report};
use crate::{
    processors::signals::{Transcript, transcripts},
    signals::{Analyzer, Quality, Report, Weights},
    viewer::{Ink, Page, columns, fit, harmless},
};

/// Most columns for a conversation's name: the id of a span needs 49.
const NAME_COLUMNS: usize = 56;
/// Conversations that `--fail-on` names.
pub(super) const NAMED: usize = 10;

/// How reports are written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Json,
    Table(Ink),
    Explained(Page),
    Nothing,
}

/// What is done with a block.
pub(super) struct Assessor {
    pub(super) analyzer: Analyzer,
    pub(super) weights: Weights,
    pub(super) style: Style,
    pub(super) fail_on: Option<FailOn>,
}

/// How many of what.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) conversations: usize,
    /// Those that hold nothing to report on.
    pub(super) silent: usize,
    pub(super) by_quality: [usize; Quality::ALL.len()],
    pub(super) flagged: usize,
    /// Those of which the condition of `--fail-on` holds.
    pub(super) failing: usize,
    /// The first of them.
    pub(super) named: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, other: Tally) {
        self.conversations += other.conversations;
        self.silent += other.silent;
        for (own, other) in self.by_quality.iter_mut().zip(other.by_quality) {
            *own += other;
        }
        self.flagged += other.flagged;
        self.failing += other.failing;
        let room = NAMED - self.named.len();
        self.named.extend(other.named.into_iter().take(room));
    }
}

/// What came of a block.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) out: String,
    pub(super) tally: Tally,
    pub(super) faults: Vec<String>,
    /// Columns of the longest name in a table.
    pub(super) id_columns: usize,
}

impl Assessor {
    /// Analyzes the conversations of a block.
    pub(super) fn assess(&self, block: Block) -> Outcome {
        let mut outcome = Outcome::default();
        let mut rows = Vec::new();
        transcripts(&block.bytes, block.line, &mut |read| match read {
            Ok(transcript) => {
                let mut report = self.analyzer.analyze(&transcript.conversation);
                let newest = transcript.conversation.messages.len().checked_sub(1);
                if let (Some(failure), Some(newest)) = (&transcript.failure, newest) {
                    self.analyzer.add_failure(&mut report, failure, newest);
                }
                self.count(&transcript, &block.file, &report, &mut outcome.tally);
                match self.style {
                    Style::Json => report::json(&mut outcome.out, &transcript, &report),
                    Style::Table(ink) => {
                        let name = name(&transcript, &block.file);
                        rows.push(report::Row::new(name, &transcript, &report, ink));
                    }
                    Style::Explained(page) => {
                        let name = name(&transcript, &block.file);
                        explain::explain(&mut outcome.out, &name, &transcript, &report, &self.weights, page);
                    }
                    Style::Nothing => {}
                }
            }
            Err(error) => outcome.faults.push(format!("{}: {error}", block.file)),
        });
        outcome.id_columns = report::id_columns(rows.iter().map(|row| columns(&row.name)));
        for row in &rows {
            row.write(&mut outcome.out, outcome.id_columns);
        }
        outcome
    }

    fn count(&self, transcript: &Transcript<'_>, file: &str, report: &Report, tally: &mut Tally) {
        tally.conversations += 1;
        if !transcript.is_telling() {
            tally.silent += 1;
            return;
        }
        tally.by_quality[report.quality as usize] += 1;
        tally.flagged += usize::from(report.flagged());
        if self.fail_on.is_some_and(|condition| condition.holds(report)) {
            tally.failing += 1;
            if tally.named.len() < NAMED {
                tally.named.push(name(transcript, file));
            }
        }
    }
}

/// What a person calls the conversation: its id, else where it stands.
fn name(transcript: &Transcript<'_>, file: &str) -> String {
    if let Some(id) = transcript.id.as_deref().filter(|id| !id.trim().is_empty()) {
        return fit(&harmless(id), NAME_COLUMNS).into_owned();
    }
    let mut name = format!("{}:{}", harmless(file), transcript.line);
    if let Some(item) = transcript.item {
        write!(name, "[{item}]").expect("a String takes all");
    }
    name
}
