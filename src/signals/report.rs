//! What an analysis yields: the signals, their counts and severities, the score, the quality and the flag. Plain
//! arithmetic on the signals, as the specification writes it; no text is read here.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kind::{Category, SignalType};

/// A number, id or name that explains a signal. Never text of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// A count, an index or a ratio.
    Number(f64),
    /// A tool's name or a call's id.
    Name(Arc<str>),
}

/// One instance of a signal. A type occurs at most once a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// What was seen.
    pub kind: SignalType,
    /// Where: the position in the client's own list of messages, from 0.
    pub message_index: usize,
    /// How sure the detector is, 0 to 1.
    pub confidence: f64,
    /// The bytes of the message's text that made it fire, where there are such.
    pub snippet: Option<Range<usize>>,
    /// What else there is to say, by name.
    pub metadata: Vec<(&'static str, Detail)>,
}

/// How good a conversation was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it; the bounds are fields of Weights")]
pub enum Quality {
    Severe,
    Poor,
    Neutral,
    Good,
    Excellent,
}

impl Quality {
    /// Every quality, worst first.
    pub const ALL: [Self; 5] = [Self::Severe, Self::Poor, Self::Neutral, Self::Good, Self::Excellent];

    /// The name as it stands in `signals.quality`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Severe => "Severe",
            Self::Poor => "Poor",
            Self::Neutral => "Neutral",
            Self::Good => "Good",
            Self::Excellent => "Excellent",
        }
    }
}

/// Weights and thresholds of the score, in points on its scale of 0 to 100 unless said otherwise.
///
/// Four defaults differ from the specification's, for what they gain on the development data: how well a low score tells
/// the failed tasks of τ-bench airline (area under the curve, AUC; the specification's own weights reach 0.496, the number of
/// messages alone 0.683). Conversations of up to five turns and seven messages score as the specification has it.
///
/// | changed | specification | here | AUC after it |
/// |---|---|---|---|
/// | what praise adds to a long conversation | all of it | `positive_fade` | 0.639 |
/// | what length takes | 10 above 7 turns | grows by message up to `long` | 0.672 |
/// | what efficiency adds, and `base` with it | 10 of 60 | 2 of 60, the rest is `long`'s | 0.681 |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weights {
    /// Where the score starts; default 58.
    pub base: f64,
    /// Added, times the confidence of positive feedback; default 20.
    pub positive: f64,
    /// How fast `positive` fades with the messages beyond `long_from`: divided by the square of 1 + `positive_fade` × messages.
    /// People end long struggles with thanks, too; default 1.
    pub positive_fade: f64,
    /// Added, times the efficiency; default 2.
    pub efficiency: f64,
    /// Taken off for each step of frustration severity; default 10.
    pub frustration: f64,
    /// Taken off once when the repair ratio exceeds `repair_ratio`; default 15.
    pub repair: f64,
    /// The repair ratio (repairs a user turn) above which `repair` counts; default 0.3.
    pub repair_ratio: f64,
    /// Taken off for each step of repetition severity while looping; default 8.
    pub repetition: f64,
    /// Repetitions above which the conversation counts as looping (count); default 2.
    pub looping_repetitions: usize,
    /// Taken off for each execution failure; default 8.
    pub failure: f64,
    /// Taken off for each execution loop; default 5.
    pub tool_loop: f64,
    /// Taken off for each failure of the environment; default 3.
    pub exhaustion: f64,
    /// Taken off for length, in equal parts for each of `long_span` messages beyond `long_from`. Length alone ends at 40, which
    /// is Neutral; default 18.
    pub long: f64,
    /// Messages of users, assistants and tools (count) that are not long; default 7.
    pub long_from: usize,
    /// Messages beyond `long_from` (count) over which `long` grows; default 40.
    pub long_span: usize,
    /// What each turn above the baseline adds to the divisor of the efficiency (ratio); default 0.3.
    pub efficiency_decay: f64,
    /// Confidence of positive feedback for 0, 1, 2 and more instances, 0 to 1; default 0, 0.6, 0.8, 0.95.
    pub positive_confidence: [f64; 4],
    /// Instances from which a category's severity is 1, 2 and 3; default 1, 3, 5.
    pub severity: [usize; 3],
    /// Lowest score of Poor, Neutral, Good and Excellent; default 25, 40, 60, 75.
    pub quality: [f64; 4],
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            base: 58.0,
            positive: 20.0,
            positive_fade: 1.0,
            efficiency: 2.0,
            frustration: 10.0,
            repair: 15.0,
            repair_ratio: 0.3,
            repetition: 8.0,
            looping_repetitions: 2,
            failure: 8.0,
            tool_loop: 5.0,
            exhaustion: 3.0,
            long: 18.0,
            long_from: 7,
            long_span: 40,
            efficiency_decay: 0.3,
            positive_confidence: [0.0, 0.6, 0.8, 0.95],
            severity: [1, 3, 5],
            quality: [25.0, 40.0, 60.0, 75.0],
        }
    }
}

impl Weights {
    /// What cannot be, by the field's name: a number that is none, thresholds that do not rise.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let numbers = [
            ("base", self.base),
            ("positive", self.positive),
            ("positive_fade", self.positive_fade),
            ("efficiency", self.efficiency),
            ("frustration", self.frustration),
            ("repair", self.repair),
            ("repair_ratio", self.repair_ratio),
            ("repetition", self.repetition),
            ("failure", self.failure),
            ("tool_loop", self.tool_loop),
            ("exhaustion", self.exhaustion),
            ("long", self.long),
            ("efficiency_decay", self.efficiency_decay),
        ];
        let bad_number = |&(_, number): &(&str, f64)| !number.is_finite() || number < 0.0;
        let mut faults: Vec<_> = (numbers.into_iter().filter(bad_number))
            .map(|(name, number)| (name, format!("{number} must be a number of 0 or more")))
            .collect();
        if !(self.positive_confidence.iter()).all(|share| (0.0..=1.0).contains(share)) {
            faults.push((
                "positive_confidence",
                format!("{:?} must be between 0 and 1", self.positive_confidence),
            ));
        }
        if self.severity[0] == 0 || !self.severity.is_sorted() {
            faults.push(("severity", format!("{:?} must rise from 1 or more", self.severity)));
        }
        if !self.quality.is_sorted() {
            faults.push((
                "quality",
                format!(
                    "{:?} must rise: the lowest scores of Poor, Neutral, Good and Excellent",
                    self.quality
                ),
            ));
        }
        faults
    }

    /// 0 to 3 for that many instances.
    #[must_use]
    pub fn severity(&self, count: usize) -> u8 {
        self.severity.iter().map(|&from| u8::from(count >= from)).sum()
    }

    fn efficiency_of(&self, turns: usize, baseline: u32) -> f64 {
        let beyond = turns.saturating_sub(baseline as usize);
        1.0 / (1.0 + self.efficiency_decay * as_f64(beyond))
    }

    /// How far a conversation of that many messages is beyond what is short.
    fn beyond(&self, messages: usize) -> f64 {
        as_f64(messages.saturating_sub(self.long_from))
    }

    pub(super) fn faded_positive(&self, messages: usize) -> f64 {
        let divisor = 1.0 + self.positive_fade * self.beyond(messages);
        self.positive / (divisor * divisor)
    }

    /// How much of `long` is taken off, 0 to 1.
    pub(super) fn length(&self, messages: usize) -> f64 {
        (self.beyond(messages) / as_f64(self.long_span.max(1))).min(1.0)
    }

    pub(super) fn quality_of(&self, score: f64) -> Quality {
        let reached = self.quality.iter().filter(|&&from| score >= from).count();
        Quality::ALL[reached]
    }
}

/// What the analyzer found in one conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The signals in the order of the messages, then of the types' names.
    pub signals: Vec<Signal>,
    /// User and assistant messages with text.
    pub turn_count: usize,
    /// User messages with text.
    pub user_turns: usize,
    /// Messages of users, assistants and tools, with text or without.
    pub message_count: usize,
    /// 1 up to the baseline, then falling towards 0.
    pub efficiency: f64,
    /// Repairs (misalignment signals) a user turn; 0 without user turns.
    pub repair_ratio: f64,
    /// Confidence of the positive feedback, 0 to 1.
    pub positive_confidence: f64,
    /// 0 to 100.
    pub score: f64,
    /// The verdict.
    pub quality: Quality,
    /// Signals in the newest turn, so that spans of one conversation count each once.
    pub new_count: usize,
    counts: [usize; SignalType::ALL.len()],
    category_counts: [usize; Category::ALL.len()],
    severities: [u8; Category::ALL.len()],
    frustration_severity: u8,
    looping: bool,
}

/// The counted facts that a report is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) turn_count: usize,
    pub(crate) user_turns: usize,
    pub(crate) message_count: usize,
    pub(crate) newest_turn: usize,
    pub(crate) baseline_turns: u32,
}

impl Report {
    pub(crate) fn new(signals: Vec<Signal>, facts: Facts, weights: &Weights) -> Self {
        let mut counts = [0; SignalType::ALL.len()];
        for signal in &signals {
            counts[signal.kind as usize] += 1;
        }
        let mut category_counts = [0; Category::ALL.len()];
        for signal in &signals {
            category_counts[signal.kind.category() as usize] += 1;
        }
        let in_category = |category: Category| category_counts[category as usize];
        let repetitions = counts[SignalType::Repetition as usize];
        let positives = in_category(Category::Satisfaction).min(3);
        let mut report = Self {
            turn_count: facts.turn_count,
            user_turns: facts.user_turns,
            message_count: facts.message_count,
            efficiency: weights.efficiency_of(facts.turn_count, facts.baseline_turns),
            repair_ratio: ratio(in_category(Category::Misalignment), facts.user_turns),
            positive_confidence: weights.positive_confidence[positives],
            score: 0.0,
            quality: Quality::Severe,
            new_count: signals
                .iter()
                .filter(|signal| signal.message_index >= facts.newest_turn)
                .count(),
            counts,
            category_counts,
            severities: Category::ALL.map(|category| weights.severity(in_category(category))),
            frustration_severity: weights.severity(counts[SignalType::NegativeStance as usize]),
            looping: repetitions > weights.looping_repetitions || in_category(Category::Loops) > 0,
            signals,
        };
        report.score = report.scored(weights);
        report.quality = report.judged(weights);
        report
    }

    /// Adds a signal of the newest message that is no sign of a loop.
    pub(crate) fn add_newest(&mut self, signal: Signal, weights: &Weights) {
        let category = signal.kind.category() as usize;
        self.counts[signal.kind as usize] += 1;
        self.category_counts[category] += 1;
        self.severities[category] = weights.severity(self.category_counts[category]);
        self.new_count += 1;
        self.signals.push(signal);
        self.score = self.scored(weights);
        self.quality = self.judged(weights);
    }

    /// Instances of one type.
    #[must_use]
    pub fn count(&self, kind: SignalType) -> usize {
        self.counts[kind as usize]
    }

    /// Instances in one category.
    #[must_use]
    pub fn category_count(&self, category: Category) -> usize {
        self.category_counts[category as usize]
    }

    /// Severity of one category, 0 to 3.
    #[must_use]
    pub fn category_severity(&self, category: Category) -> u8 {
        self.severities[category as usize]
    }

    /// Repairs: `signals.repair.count`.
    #[must_use]
    pub fn repair_count(&self) -> usize {
        self.category_count(Category::Misalignment)
    }

    /// Signs of frustration: `signals.frustration.count`.
    #[must_use]
    pub fn frustration_count(&self) -> usize {
        self.count(SignalType::NegativeStance)
    }

    /// Severity of the frustration, 0 to 3.
    #[must_use]
    pub fn frustration_severity(&self) -> u8 {
        self.frustration_severity
    }

    /// Repeated replies: `signals.repetition.count`.
    #[must_use]
    pub fn repetition_count(&self) -> usize {
        self.count(SignalType::Repetition)
    }

    /// Positive feedback: `signals.positive_feedback.count`.
    #[must_use]
    pub fn positive_count(&self) -> usize {
        self.category_count(Category::Satisfaction)
    }

    /// Whether the user asked for a human or gave up.
    #[must_use]
    pub fn escalation_requested(&self) -> bool {
        self.count(SignalType::Escalation) + self.count(SignalType::Quit) > 0
    }

    /// Whether replies or tool calls go round in circles.
    #[must_use]
    pub fn looping(&self) -> bool {
        self.looping
    }

    /// Whether someone should look at this conversation.
    #[must_use]
    pub fn flagged(&self) -> bool {
        self.flag_reasons().next().is_some()
    }
}

/// Bytes that signals have on the heap.
pub(super) fn heap(signals: &Vec<Signal>) -> usize {
    let metadata = |signal: &Signal| {
        let names = signal.metadata.iter().map(|(_, detail)| match detail {
            Detail::Number(_) => 0,
            Detail::Name(name) => name.len(),
        });
        signal.metadata.capacity() * size_of::<(&str, Detail)>() + names.sum::<usize>()
    };
    signals.capacity() * size_of::<Signal>() + signals.iter().map(metadata).sum::<usize>()
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { as_f64(part) / as_f64(whole) }
}

/// Counts of messages are far below 2^52, where the conversion is exact.
#[expect(clippy::cast_precision_loss, reason = "see the doc comment")]
pub(crate) fn as_f64(count: usize) -> f64 {
    count as f64
}
