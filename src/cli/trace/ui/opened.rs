//! A trace that is open: its rows, and what is measured once so that a frame costs only the rows in view.

use crate::viewer::{Facts, Oddity, Row, Span, Trace, length, rows};

/// A trace with its rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Opened {
    /// The trace.
    pub(super) trace: Trace,
    /// The rows of all spans, none folded.
    pub(super) rows: Vec<Row>,
    /// What it amounts to.
    pub(super) facts: Facts,
    /// Earliest start, nanoseconds since the Unix epoch.
    pub(super) start: u64,
    /// From the earliest start to the latest end.
    pub(super) total: u64,
    /// Columns of the longest time.
    pub(super) time_columns: u16,
    /// What is odd about its shape.
    pub(super) odd: Option<String>,
}

impl Opened {
    /// Reads the whole trace, once.
    pub(super) fn new(trace: Trace) -> Opened {
        let rows = rows(&trace);
        let (start, end) = trace.bounds();
        let times = trace
            .spans
            .iter()
            .map(|span| length(span.duration_nanos()).chars().count());
        Opened {
            facts: Facts::of(&trace),
            start,
            total: end - start,
            time_columns: u16::try_from(times.max().unwrap_or(0)).unwrap_or(u16::MAX),
            odd: odd(&rows),
            rows,
            trace,
        }
    }

    /// The span of a row.
    pub(super) fn span(&self, row: usize) -> &Span {
        &self.trace.spans[self.rows[row].span]
    }

    /// Nanoseconds after the trace's start; `None` for a span without a time.
    pub(super) fn offset(&self, span: &Span) -> Option<u64> {
        (span.start_time_unix_nano > 0).then(|| span.start_time_unix_nano.saturating_sub(self.start))
    }

    /// The row of a span.
    pub(super) fn find(&self, trace_id: &str, span_id: &str) -> Option<usize> {
        (0..self.rows.len()).find(|row| {
            let span = self.span(*row);
            span.span_id == span_id && span.trace_id == trace_id
        })
    }

    /// Whether a row has rows below it.
    pub(super) fn has_children(&self, row: usize) -> bool {
        self.rows[row].end > row + 1
    }
}

/// What stands at an odd row.
pub(super) fn sign(oddity: Oddity) -> &'static str {
    match oddity {
        Oddity::ParentMissing => "?par",
        Oddity::Loop => "?lop",
        Oddity::EarlierThanParent => "?clk",
    }
}

/// How many rows are odd, by the signs that they bear: `odd: 2 ?par, 1 ?clk`.
fn odd(rows: &[Row]) -> Option<String> {
    let counted = Oddity::ALL.map(|oddity| (rows.iter().filter(|row| row.oddity == Some(oddity)).count(), oddity));
    let signs = counted.into_iter().filter(|(count, _)| *count > 0);
    let signs: Vec<String> = signs
        .map(|(count, oddity)| format!("{count} {}", sign(oddity)))
        .collect();
    (!signs.is_empty()).then(|| format!("odd: {}", signs.join(", ")))
}
