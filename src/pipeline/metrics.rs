//! Counts at the seams, by component id, under the Collector's names (`otelcol_receiver_accepted_spans`, …). Handles are
//! made while a pipeline is built, under the recorder that is current then, so that pipelines in one process do not mix.

use std::{cell::RefCell, fmt, sync::Arc, time::Instant};

use metrics::{Counter, Gauge, Recorder, counter, describe_counter, describe_gauge, gauge};

use super::ComponentId;

/// Gives every metric of the engine its help text.
pub(super) fn describe() {
    describe_counter!(
        "otelcol_receiver_accepted_spans",
        "Number of spans successfully pushed into the pipeline."
    );
    describe_counter!(
        "otelcol_receiver_refused_spans",
        "Number of spans that could not be pushed into the pipeline."
    );
    describe_counter!(
        "plano_receiver_refused_requests_total",
        "Number of requests that were refused before they were decoded, for lack of room; how many spans they hold is unknown."
    );
    describe_counter!(
        "plano_spans_offered_total",
        "Number of spans that the gateway offered to its pipeline."
    );
    describe_counter!(
        "plano_spans_dropped_total",
        "Number of spans of the gateway that did not get into its pipeline: no room on the way (full), the pipeline had ended (closed), or it refused them (refused)."
    );
    describe_counter!(
        "otelcol_processor_incoming_items",
        "Number of items passed to the processor."
    );
    describe_counter!(
        "otelcol_processor_outgoing_items",
        "Number of items emitted from the processor."
    );
    describe_counter!(
        "otelcol_exporter_sent_spans",
        "Number of spans successfully sent to destination."
    );
    describe_counter!(
        "otelcol_exporter_send_failed_spans",
        "Number of spans in failed attempts to send to destination."
    );
    describe_counter!(
        "otelcol_exporter_enqueue_failed_spans",
        "Number of spans failed to be added to the sending queue."
    );
    describe_gauge!(
        "otelcol_exporter_queue_size",
        "Current size of the sending queue, in the unit of its sizer, what is being sent included."
    );
    describe_gauge!(
        "otelcol_exporter_queue_capacity",
        "Fixed capacity of the sending queue, in the unit of its sizer."
    );
}

/// A receiver's counters for one transport.
#[derive(Clone)]
pub(super) struct ReceiverCounts {
    /// Spans of requests that were answered with success.
    pub(super) accepted: Counter,
    /// Spans of requests that were refused.
    pub(super) refused: Counter,
    /// Requests that were refused before their spans were known.
    pub(super) turned_away: Counter,
}

impl ReceiverCounts {
    /// Counters with a `transport` label, or without one where it is empty. Label values are never chosen by a client.
    pub(super) fn new(receiver: &str, transport: &'static str) -> ReceiverCounts {
        let mut labels = vec![("receiver", receiver.to_owned())];
        if !transport.is_empty() {
            labels.push(("transport", transport.to_owned()));
        }
        ReceiverCounts {
            accepted: counter!("otelcol_receiver_accepted_spans", &labels),
            refused: counter!("otelcol_receiver_refused_spans", &labels),
            turned_away: counter!("plano_receiver_refused_requests_total", &labels),
        }
    }
}

/// The counters of the way from another runtime into a pipeline.
pub(super) struct FeedCounts {
    /// Spans that were offered, whatever became of them.
    pub(super) offered: Counter,
    /// Spans that were dropped because there was no room.
    pub(super) full: Counter,
    /// Spans that were dropped because the pipeline had ended.
    pub(super) closed: Counter,
    /// Spans that were dropped because the pipeline refused them.
    pub(super) refused: Counter,
}

impl FeedCounts {
    pub(super) fn new() -> FeedCounts {
        FeedCounts {
            offered: counter!("plano_spans_offered_total"),
            full: counter!("plano_spans_dropped_total", "reason" => "full"),
            closed: counter!("plano_spans_dropped_total", "reason" => "closed"),
            refused: counter!("plano_spans_dropped_total", "reason" => "refused"),
        }
    }
}

/// A processor's counters.
pub(super) struct ProcessorCounts {
    /// Spans that it was given.
    pub(super) incoming: Counter,
    /// Spans that it passed on.
    pub(super) outgoing: Counter,
}

impl ProcessorCounts {
    pub(super) fn new(id: &ComponentId) -> ProcessorCounts {
        ProcessorCounts {
            incoming: counter!("otelcol_processor_incoming_items", "processor" => id.to_string()),
            outgoing: counter!("otelcol_processor_outgoing_items", "processor" => id.to_string()),
        }
    }
}

/// An exporter's counters.
pub(super) struct ExporterCounts {
    /// Spans that reached their destination.
    pub(super) sent: Counter,
    /// Spans that were given up.
    pub(super) failed: Counter,
    /// Spans that were refused because the queue was full.
    pub(super) enqueue_failed: Counter,
    /// What the queue holds.
    pub(super) queue_size: Gauge,
    /// What the queue may hold.
    pub(super) queue_capacity: Gauge,
}

impl ExporterCounts {
    pub(super) fn new(id: &ComponentId) -> ExporterCounts {
        let id = id.to_string();
        ExporterCounts {
            sent: counter!("otelcol_exporter_sent_spans", "exporter" => id.clone()),
            failed: counter!("otelcol_exporter_send_failed_spans", "exporter" => id.clone()),
            enqueue_failed: counter!("otelcol_exporter_enqueue_failed_spans", "exporter" => id.clone()),
            queue_size: gauge!("otelcol_exporter_queue_size", "exporter" => id.clone()),
            queue_capacity: gauge!("otelcol_exporter_queue_capacity", "exporter" => id),
        }
    }
}

/// The set of metrics under which handles are made, for those who learn only while they run which ones they need.
#[derive(Clone, Default)]
pub struct Registry(Option<Arc<dyn Recorder + Send + Sync>>);

thread_local! {
    static CURRENT: RefCell<Registry> = RefCell::default();
}

impl Registry {
    /// That of a recorder.
    pub fn new(recorder: Arc<dyn Recorder + Send + Sync>) -> Registry {
        Registry(Some(recorder))
    }

    /// The one that the caller is in the scope of; outside of any, the process's global recorder.
    pub fn current() -> Registry {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Runs `make` with this as the current one: handles that are made in it count here, wherever they are used.
    pub fn scope<T>(&self, make: impl FnOnce() -> T) -> T {
        let Some(recorder) = &self.0 else {
            return make();
        };
        let _outer = Outer(CURRENT.replace(self.clone()));
        metrics::with_local_recorder(&**recorder, make)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Registry").finish_non_exhaustive()
    }
}

/// Makes the registry current again that was so before, also after a panic.
struct Outer(Registry);

impl Drop for Outer {
    fn drop(&mut self) {
        CURRENT.set(std::mem::take(&mut self.0));
    }
}

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
