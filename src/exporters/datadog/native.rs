//! To the intake that Datadog's agents send to: spans in Datadog's model, statistics beside them.

use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message;

use super::{
    AGENT_VERSION, NO_ENVIRONMENT,
    intake::Intake,
    key_check::KeyCheck,
    map::{self, Payload},
    meter::Meter,
    requests,
    stats::Stats,
    wire,
};
use crate::{
    otlp::TraceBatch,
    pipeline::{ExportError, Exporter},
};

/// Names the languages of the programs that were traced.
const LANGUAGES: HeaderName = HeaderName::from_static("x-datadog-reported-languages");

/// The exporter.
pub(super) struct Native {
    pub(super) key_check: Option<KeyCheck>,
    pub(super) traces: Intake,
    pub(super) stats: Option<Stats>,
    pub(super) settings: map::Settings,
    pub(super) meter: Meter,
}

#[async_trait]
impl Exporter for Native {
    async fn check(&self) -> anyhow::Result<()> {
        match &self.key_check {
            Some(question) => question.ask().await,
            None => Ok(()),
        }
    }

    async fn open(&self) -> anyhow::Result<()> {
        self.check().await?;
        if let Some(stats) = &self.stats {
            stats.open().await;
        }
        Ok(())
    }

    fn requests(&self, batch: TraceBatch) -> Vec<TraceBatch> {
        requests::split(batch, requests::LIMIT)
    }

    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        // Before the mapping, which copies a resource's tags to each of its spans.
        if requests::is_hopeless(batch) {
            let source = anyhow::anyhow!(
                "too large: the attributes of the resource alone are more than Datadog takes in a request ({} bytes)",
                requests::LIMIT
            );
            return Err(ExportError::Refused { source });
        }
        let estimate = requests::estimate(batch);
        if estimate > 2 * requests::LIMIT && batch.span_count() > 1 {
            return Err(too_large(estimate));
        }
        let now = nanoseconds(SystemTime::now());
        let mut mapped = map::map(batch, &self.settings, now);
        let languages = languages(&mapped.payloads);
        let body = self.encode(&mut mapped.payloads);
        if body.len() > requests::LIMIT && batch.span_count() > 1 {
            return Err(too_large(body.len()));
        }
        if !body.is_empty() {
            self.traces.post(vec![Bytes::from(body)], languages).await?;
        }
        // Now, and not before: what fails is sent again, and is counted once.
        if let Some(stats) = &self.stats {
            stats.add(&mapped.payloads);
        }
        self.meter.note(&mapped.changes, batch, now);
        Ok(())
    }

    async fn close(&self) {
        if let Some(stats) = &self.stats {
            stats.close().await;
        }
    }
}

impl Native {
    /// The request, without the traces that sampling dropped; empty where no other is left.
    fn encode(&self, payloads: &mut [Payload]) -> Vec<u8> {
        let mut whole = wire::AgentPayload {
            host_name: self.settings.hostname.clone(),
            env: NO_ENVIRONMENT.to_owned(),
            agent_version: AGENT_VERSION.to_owned(),
            ..wire::AgentPayload::default()
        };
        let mut dropped = Vec::new();
        for payload in payloads.iter_mut() {
            let mut tracer = std::mem::take(&mut payload.tracer);
            let chunks = std::mem::take(&mut tracer.chunks);
            let (out, sent) = chunks.into_iter().partition(|chunk| chunk.dropped_trace);
            dropped.push(out);
            tracer.chunks = sent;
            whole.tracer_payloads.push(tracer);
        }
        let sends = whole.tracer_payloads.iter().any(|tracer| !tracer.chunks.is_empty());
        let body = if sends { whole.encode_to_vec() } else { Vec::new() };
        let parts = whole.tracer_payloads.into_iter().zip(dropped);
        for (payload, (tracer, mut out)) in payloads.iter_mut().zip(parts) {
            payload.tracer = tracer;
            payload.tracer.chunks.append(&mut out);
        }
        body
    }
}

fn too_large(bytes: usize) -> ExportError {
    let limit = requests::LIMIT;
    ExportError::TooLarge {
        source: anyhow::anyhow!("{bytes} bytes are more than Datadog takes in a request ({limit})"),
    }
}

fn languages(payloads: &[Payload]) -> HeaderMap {
    let mut names: Vec<&str> = payloads
        .iter()
        .map(|payload| payload.tracer.language_name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !name.is_empty() && name.is_ascii());
    let value = HeaderValue::from_str(&names.join("|"))
        .ok()
        .filter(|value| !value.is_empty());
    value.into_iter().map(|value| (LANGUAGES, value)).collect()
}

fn nanoseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
