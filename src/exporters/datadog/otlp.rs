//! `otlp: true`: to Datadog's OTLP intake, which maps by itself. The spans go out as they are, but for the names of models, agents and tools.

use async_trait::async_trait;
use http::HeaderMap;

use super::{intake::Intake, key_check::KeyCheck, map, requests};
use crate::{
    otlp::{Edit, TraceBatch, Value, edit_spans, keys::datadog as dd},
    pipeline::{ExportError, Exporter},
};

/// The exporter.
pub(super) struct Otlp {
    pub(super) key_check: Option<KeyCheck>,
    pub(super) traces: Intake,
    pub(super) llm_span_names: bool,
}

#[async_trait]
impl Exporter for Otlp {
    async fn check(&self) -> anyhow::Result<()> {
        match &self.key_check {
            Some(question) => question.ask().await,
            None => Ok(()),
        }
    }

    async fn open(&self) -> anyhow::Result<()> {
        self.check().await
    }

    fn requests(&self, batch: TraceBatch) -> Vec<TraceBatch> {
        let batch = if self.llm_span_names { named(batch) } else { batch };
        batch.split(0, requests::LIMIT)
    }

    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        self.traces.post(batch.chunks().to_vec(), HeaderMap::new()).await
    }
}

/// The batch with an operation and a resource on the spans that Datadog has no names for.
fn named(batch: TraceBatch) -> TraceBatch {
    edit_spans(batch, |resource, _, span, edit| {
        let Some(names) = map::llm_names(resource, span) else {
            return Edit::Keep;
        };
        edit.set(dd::OPERATION_NAME, Value::Str(&names.operation));
        edit.set(dd::RESOURCE_NAME, Value::Str(&names.resource));
        Edit::Apply
    })
}
