//! The signal metrics: `plano_signals_…`. Handles are made once; labels come from our own tables, and from the resource where
//! [`super::labels`] says so.

use metrics::{Counter, Histogram, counter, describe_counter, describe_histogram, histogram};

use super::memory::{News, Verdict};
use crate::{
    dialects,
    pipeline::metrics::Timer,
    signals::{Quality, Report, SignalType},
};

/// Gives every signal metric its help text.
pub(super) fn describe() {
    describe_counter!(
        "plano_signals_conversations_total",
        "Conversations by quality: each once when it is first seen, and once again whenever its quality has changed."
    );
    describe_counter!(
        "plano_signals_detected_total",
        "Signals found in conversations, by type: each once, as long as its conversation is remembered."
    );
    describe_counter!(
        "plano_signals_flagged_total",
        "Conversations that became worth a flag: each once, as long as it is remembered."
    );
    describe_counter!(
        "plano_signals_spans_total",
        "Spans on which a conversation was found, by dialect."
    );
    describe_counter!(
        "plano_signals_unparsed_total",
        "Conversation values that could not be read, by dialect."
    );
    describe_histogram!(
        "plano_signals_quality_score",
        "Quality of conversations, 0 to 100, at each span that shows one."
    );
    describe_histogram!(
        "plano_signals_efficiency_score",
        "Efficiency of conversations, 0 to 1, at each span that shows one."
    );
    describe_histogram!(
        "plano_signals_turns",
        "Turns of conversations, at each span that shows one."
    );
    describe_histogram!(
        "plano_signals_analysis_seconds",
        "Time that the analysis of a conversation took."
    );
}

/// Every handle.
pub(super) struct Meters {
    conversations: [Counter; Quality::ALL.len()],
    detected: [Counter; SignalType::ALL.len()],
    flagged: Counter,
    score: Histogram,
    efficiency: Histogram,
    turns: Histogram,
    analysis: Timer,
    spans: Vec<Counter>,
    unparsed: Vec<Counter>,
}

impl Meters {
    /// Registers the metrics with the current recorder, each with these labels.
    pub(super) fn new(labels: &[(String, String)]) -> Meters {
        let with = |name: &str, value: &str| {
            let mut all = labels.to_vec();
            all.push((name.to_owned(), value.to_owned()));
            all
        };
        let by_dialect = |metric: &'static str| {
            let counters = dialects::names().map(|dialect| counter!(metric, &with("dialect", dialect)));
            counters.collect()
        };
        Meters {
            conversations: Quality::ALL
                .map(|quality| counter!("plano_signals_conversations_total", &with("quality", quality.name()))),
            detected: SignalType::ALL.map(|kind| counter!("plano_signals_detected_total", &with("type", kind.name()))),
            flagged: counter!("plano_signals_flagged_total", labels),
            score: histogram!("plano_signals_quality_score", labels),
            efficiency: histogram!("plano_signals_efficiency_score", labels),
            turns: histogram!("plano_signals_turns", labels),
            analysis: Timer::new(histogram!("plano_signals_analysis_seconds", labels)),
            spans: by_dialect("plano_signals_spans_total"),
            unparsed: by_dialect("plano_signals_unparsed_total"),
        }
    }

    /// Runs an analysis and records how long it took.
    pub(super) fn time<T>(&self, analysis: impl FnOnce() -> T) -> T {
        self.analysis.time(analysis)
    }

    /// Counts the conversation of a span: the span itself, and what it tells for the first time.
    pub(super) fn report(&self, dialect: usize, report: &Report, news: &News) {
        self.spans[dialect].increment(1);
        let now = Verdict::of(report);
        if news.before.is_none_or(|before| before.quality != now.quality) {
            self.conversations[now.quality as usize].increment(1);
        }
        if now.flagged && news.before.is_none_or(|before| !before.flagged) {
            self.flagged.increment(1);
        }
        for signal in report
            .signals
            .iter()
            .filter(|signal| signal.message_index >= news.since)
        {
            self.detected[signal.kind as usize].increment(1);
        }
        self.score.record(report.score);
        self.efficiency.record(report.efficiency);
        self.turns
            .record(f64::from(u32::try_from(report.turn_count).unwrap_or(u32::MAX)));
    }

    /// Counts values that could not be read, by dialect.
    pub(super) fn unparsed(&self, counts: &[usize]) {
        for (counter, count) in self.unparsed.iter().zip(counts).filter(|(_, count)| **count > 0) {
            counter.increment(*count as u64);
        }
    }
}
