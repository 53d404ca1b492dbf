//! One exporter's queue: holds what was accepted, batches it, sends it with retries and a time-out, and refuses when full.
//! What it accepted it sends, or counts as failed; it never drops in silence.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BatchSettings, Fault};
use crate::values::duration;

mod batcher;
mod memory;
mod outlet;
mod retry;
#[cfg(test)]
mod tests;

pub(super) use memory::Room;
pub(super) use outlet::Outlet;

/// The engine's own settings of an exporter. They stand in the exporter's mapping in a config; the config reader splits
/// them off, so no component sees them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Delivery {
    /// Queue and batching.
    pub sending_queue: QueueSettings,
    /// Back-off after retryable errors.
    pub retry_on_failure: RetrySettings,
    /// Longest duration of one attempt; 0 = no limit. 5s (gRPC), 30s (HTTP).
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Largest request in bytes before compression; larger batches are split; 0 = no limit. 4 MiB.
    pub max_request_bytes: usize,
}

impl Default for Delivery {
    fn default() -> Delivery {
        Delivery {
            sending_queue: QueueSettings::default(),
            retry_on_failure: RetrySettings::default(),
            timeout: Duration::from_secs(5),
            max_request_bytes: 4 << 20,
        }
    }
}

impl Delivery {
    /// Without a queue, and so without retries: the sender waits for the one attempt, learns its outcome, and tries again by
    /// itself.
    pub fn direct() -> Delivery {
        let mut delivery = Delivery::default();
        delivery.sending_queue.enabled = false;
        delivery.retry_on_failure.enabled = false;
        delivery
    }

    /// The same with the batch sizes of a `batch` processor in the place of the defaults. Whoever assembles does not ask for
    /// it where the user wrote `sending_queue.batch` on the exporter: that wins.
    #[must_use]
    pub fn with_batching(mut self, settings: BatchSettings) -> Delivery {
        self.sending_queue.batch = QueueBatch {
            enabled: true,
            flush_timeout: settings.flush_timeout,
            min_size: settings.min_spans,
            max_size: settings.max_spans,
            sizer: Sizer::Items,
        };
        self
    }

    /// What types cannot say; every fault, with its path inside the exporter's mapping.
    pub fn validate(&self) -> Vec<Fault> {
        let QueueSettings {
            queue_size,
            num_consumers,
            ref batch,
            ..
        } = self.sending_queue;
        let retry = &self.retry_on_failure;
        let elapsed = retry.max_elapsed_time;
        let checks = [
            (queue_size > 0, "sending_queue::queue_size", "must be greater than zero"),
            (
                num_consumers > 0,
                "sending_queue::num_consumers",
                "must be greater than zero",
            ),
            (
                batch.max_size == 0 || batch.max_size >= batch.min_size,
                "sending_queue::batch::max_size",
                "must be 0 (no bound) or at least `min_size`",
            ),
            (
                (0.0..=1.0).contains(&retry.randomization_factor),
                "retry_on_failure::randomization_factor",
                "must be within [0, 1]",
            ),
            (
                retry.multiplier.is_finite() && retry.multiplier >= 1.0,
                "retry_on_failure::multiplier",
                "must be at least 1",
            ),
            (
                elapsed.is_zero() || elapsed >= retry.initial_interval,
                "retry_on_failure::max_elapsed_time",
                "must be 0 (for ever) or not less than `initial_interval`",
            ),
            (
                elapsed.is_zero() || elapsed >= retry.max_interval,
                "retry_on_failure::max_elapsed_time",
                "must be 0 (for ever) or not less than `max_interval`",
            ),
        ];
        let faults = checks.into_iter().filter(|(holds, ..)| !holds);
        faults.map(|(_, path, reason)| Fault::at(path, reason)).collect()
    }
}

/// `sending_queue`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueSettings {
    /// Without a queue the sender waits for the export and learns its outcome. true.
    pub enabled: bool,
    /// What `queue_size` counts. requests.
    pub sizer: Sizer,
    /// Most that the queue holds, what is being sent or waits for another attempt included. A single request larger than
    /// that is let in when the queue is empty. 1000.
    pub queue_size: usize,
    /// Most exports at the same time. What waits for its next attempt is not counted. 10.
    pub num_consumers: usize,
    /// Wait for room instead of refusing. false.
    pub block_on_overflow: bool,
    /// The sender waits until its batch was exported. false.
    pub wait_for_result: bool,
    /// Batching.
    pub batch: QueueBatch,
}

impl Default for QueueSettings {
    fn default() -> QueueSettings {
        QueueSettings {
            enabled: true,
            sizer: Sizer::Requests,
            queue_size: 1000,
            num_consumers: 10,
            block_on_overflow: false,
            wait_for_result: false,
            batch: QueueBatch::default(),
        }
    }
}

/// What a size counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sizer {
    /// Requests as they came in.
    Requests,
    /// Spans.
    Items,
    /// Bytes on the wire, uncompressed.
    Bytes,
}

/// `sending_queue.batch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueueBatch {
    /// Without batching each request is sent by itself. true.
    pub enabled: bool,
    /// Longest time that a span waits for company. 200ms.
    #[serde(with = "duration")]
    pub flush_timeout: Duration,
    /// Size from which a batch is sent at once. 8192.
    pub min_size: usize,
    /// Size that a batch never exceeds; 0 = no bound. 0.
    pub max_size: usize,
    /// What the sizes count. items.
    pub sizer: Sizer,
}

impl Default for QueueBatch {
    fn default() -> QueueBatch {
        QueueBatch {
            enabled: true,
            flush_timeout: Duration::from_millis(200),
            min_size: 8192,
            max_size: 0,
            sizer: Sizer::Items,
        }
    }
}

/// `retry_on_failure`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetrySettings {
    /// Try again after retryable errors. true; where there is no queue by default: false, the sender tries again.
    pub enabled: bool,
    /// First delay. 5s.
    #[serde(with = "duration")]
    pub initial_interval: Duration,
    /// Share of the delay that is random, 0–1. 0.5.
    pub randomization_factor: f64,
    /// Growth of the delay. 1.5.
    pub multiplier: f64,
    /// Longest delay. 30s.
    #[serde(with = "duration")]
    pub max_interval: Duration,
    /// Time after which a batch is given up; 0 = never. 300s.
    #[serde(with = "duration")]
    pub max_elapsed_time: Duration,
}

impl Default for RetrySettings {
    fn default() -> RetrySettings {
        RetrySettings {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: Duration::from_secs(30),
            max_elapsed_time: Duration::from_secs(300),
        }
    }
}
