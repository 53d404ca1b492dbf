//! Counts at the seams, by component id, under the Collector's names (`otelcol_receiver_accepted_spans`, …). Handles are
//! made while a pipeline is built, under the recorder that is current then, so that pipelines in one process do not mix.

use std::time::Instant;

/// A histogram of durations in seconds, for components, which read no clock themselves.
pub struct Timer(metrics::Histogram);

impl Timer {
    /// Records into the histogram.
    pub fn new(histogram: metrics::Histogram) -> Timer {
        Timer(histogram)
    }

    /// Runs the work and records how long it took.
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.0.record(begun.elapsed());
        done
    }
}
