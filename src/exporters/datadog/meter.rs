//! Tells what did not reach Datadog as it came: counters by reason, and a log line that is rare. Spans whose clock is far off are sent, and
//! counted as well: nobody who looks at the last hour finds them, and Datadog does not say which it leaves out.

use std::time::Instant;

use metrics::Counter;
use tracing::warn;

use super::map::Changes;
use crate::{
    otlp::TraceBatch,
    pipeline::{ComponentId, Rarely},
};

/// Reasons, as the label `reason` has them.
const REASONS: [&str; 8] = [
    "ignored",
    "unsampled",
    "trace_id",
    "service",
    "clock",
    "too_long",
    "too_old",
    "in_the_future",
];

/// Age from which a span is told to be old, in nanoseconds: a day.
const OLD: i64 = 24 * 3600 * 1_000_000_000;
/// How far ahead a span may be without being told, in nanoseconds: ten minutes.
const AHEAD: i64 = 600 * 1_000_000_000;

/// Counts and logs of one exporter.
pub(super) struct Meter {
    id: ComponentId,
    counters: [Counter; REASONS.len()],
    rarely: Rarely,
}

impl Meter {
    /// The counters are made under the metrics recorder that is current now.
    pub(super) fn new(id: ComponentId) -> Meter {
        let counter = |reason| metrics::counter!("plano_exporter_changed_spans_total", "exporter" => id.to_string(), "reason" => reason);
        Meter {
            counters: REASONS.map(counter),
            id,
            rarely: Rarely::default(),
        }
    }

    /// Takes note of a request that was accepted.
    pub(super) fn note(&self, changes: &Changes, batch: &TraceBatch, now: i64) {
        let (too_old, in_the_future) = off_the_clock(batch, now);
        let counts = [
            changes.ignored,
            changes.unsampled,
            changes.without_id,
            changes.without_service,
            changes.wrong_clock,
            changes.truncated,
            too_old,
            in_the_future,
        ];
        for (counter, count) in self.counters.iter().zip(counts) {
            counter.increment(count);
        }
        // The first two are what the user asked for.
        if counts[2..].iter().all(|count| *count == 0) {
            return;
        }
        let Some(unlogged) = self.rarely.may_log(Instant::now()) else {
            return;
        };
        warn!(
            exporter = %self.id,
            without_trace_id = changes.without_id,
            without_service = changes.without_service,
            wrong_clock = changes.wrong_clock,
            truncated = changes.truncated,
            too_old,
            in_the_future,
            unlogged_before = unlogged,
            "spans were changed to what Datadog takes, or have a clock that is far off"
        );
    }
}

/// Spans that ended too long ago, and those that start in the future.
fn off_the_clock(batch: &TraceBatch, now: i64) -> (u64, u64) {
    let (mut old, mut ahead) = (0, 0);
    let scopes = batch.resource_spans().flat_map(|resource| resource.scope_spans());
    for span in scopes.flat_map(|scope| scope.spans()) {
        let (start, end) = (span.start_unix_nano().cast_signed(), span.end_unix_nano().cast_signed());
        // Those without a clock are counted as such.
        old += u64::from(end > 0 && end < now.saturating_sub(OLD));
        ahead += u64::from(start > now.saturating_add(AHEAD));
    }
    (old, ahead)
}
