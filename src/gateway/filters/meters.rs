//! How often filters were called, and what they did. Handles are made once; label values come from the config and from our own list.

use metrics::{Counter, counter, describe_counter};

use crate::gateway::spans::FilterOutcome;

/// Gives the metric its help text.
pub(super) fn describe() {
    describe_counter!(
        "plano_filter_requests_total",
        "Calls of filters, by what they did. A stream makes one for each window."
    );
}

/// The handles of one filter, by outcome.
pub(super) struct Meters([Counter; FilterOutcome::ALL.len()]);

impl Meters {
    /// Registers the metric with the current recorder.
    pub(super) fn new(filter: &str) -> Meters {
        Meters(FilterOutcome::ALL.map(|outcome| {
            counter!("plano_filter_requests_total", "filter" => filter.to_owned(), "outcome" => outcome.as_str())
        }))
    }

    /// Counts a call that has ended.
    pub(super) fn count(&self, outcome: FilterOutcome) {
        let known = FilterOutcome::ALL.iter().zip(&self.0);
        for (_, counter) in known.filter(|(other, _)| **other == outcome) {
            counter.increment(1);
        }
    }
}
