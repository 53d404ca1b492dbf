//! The `batch` processor of a Collector config. Batching happens in the exporters' queues, behind the point where a span was
//! accepted, so this passes everything through at once and sets the sizes of those queues. Refuses `metadata_keys`: batches
//! are not kept apart by client.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    otlp::TraceBatch,
    pipeline::{BatchSettings, Build, Fault, Host, Processor, Refused},
    values::duration,
};

/// `batch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Longest time that a span waits for company; 0 = none. 200ms.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// Spans from which a batch is sent at once. 8192.
    pub send_batch_size: usize,
    /// Spans that a batch never exceeds; 0 = no bound. 0.
    pub send_batch_max_size: usize,
    /// Must be empty: batches are not kept apart by the metadata of requests. [].
    pub metadata_keys: Vec<String>,
    /// Read for the Collector's sake; means nothing without `metadata_keys`. 1000.
    pub metadata_cardinality_limit: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            timeout: Duration::from_millis(200),
            send_batch_size: 8192,
            send_batch_max_size: 0,
            metadata_keys: Vec::new(),
            metadata_cardinality_limit: 1000,
        }
    }
}

impl Build<dyn Processor> for Config {
    const TYPE: &'static str = "batch";

    fn validate(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.send_batch_max_size > 0 && self.send_batch_max_size < self.send_batch_size {
            faults.push(Fault::at(
                "send_batch_max_size",
                "send_batch_max_size must be greater or equal to send_batch_size",
            ));
        }
        if !self.metadata_keys.is_empty() {
            faults.push(Fault::at(
                "metadata_keys",
                "batching by client metadata is not supported; remove metadata_keys",
            ));
        }
        faults
    }

    fn build(self, _host: &Host) -> anyhow::Result<Box<dyn Processor>> {
        Ok(Box::new(Batch(BatchSettings {
            flush_timeout: self.timeout,
            min_spans: self.send_batch_size,
            max_spans: self.send_batch_max_size,
        })))
    }
}

struct Batch(BatchSettings);

impl Processor for Batch {
    fn process(&self, batch: TraceBatch) -> Result<TraceBatch, Refused> {
        Ok(batch)
    }

    fn batching(&self) -> Option<BatchSettings> {
        Some(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A config and the settings that it makes, or what is wrong with it.
    fn check(json: &str, expected: Result<(u64, usize, usize), &str>) {
        let config: Result<Config, _> = serde_json::from_str(json);
        let made = config.map_err(|error| error.to_string()).and_then(|config| {
            if let Some(fault) = config.validate().first() {
                return Err(format!("{}: {}", fault.path, fault.reason));
            }
            let Config {
                timeout,
                send_batch_size,
                send_batch_max_size,
                ..
            } = config;
            Ok((timeout.as_millis() as u64, send_batch_size, send_batch_max_size))
        });
        match (made, expected) {
            (Err(found), Err(part)) => assert!(found.contains(part), "{json}: {found}"),
            (made, expected) => assert_eq!(made, expected.map_err(str::to_owned), "{json}"),
        }
    }

    #[test]
    fn reads_the_collectors_config() {
        check("{}", Ok((200, 8192, 0)));
        check(
            r#"{"timeout": "5s", "send_batch_size": 100, "send_batch_max_size": 200, "metadata_keys": [], "metadata_cardinality_limit": 5}"#,
            Ok((5000, 100, 200)),
        );
        check(r#"{"send_batch_size": 0, "timeout": 0}"#, Ok((0, 0, 0)));
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        check(
            r#"{"send_batch_max_size": 10}"#,
            Err("greater or equal to send_batch_size"),
        );
        check(
            r#"{"metadata_keys": ["tenant"]}"#,
            Err("metadata_keys: batching by client metadata"),
        );
        check(r#"{"send_batch_sizes": 10}"#, Err("unknown field"));
        check(r#"{"timeout": "5"}"#, Err("invalid duration"));
    }

    #[test]
    fn passes_spans_through_and_says_how_to_batch() {
        let batch = Batch(BatchSettings {
            flush_timeout: Duration::from_secs(1),
            min_spans: 2,
            max_spans: 3,
        });
        assert_eq!(batch.batching().map(|settings| settings.max_spans), Some(3));
        assert!(
            batch
                .process(TraceBatch::default())
                .is_ok_and(|passed| passed.is_empty())
        );
    }
}
