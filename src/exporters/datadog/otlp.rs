//! `otlp: true`: to Datadog's OTLP intake, which maps by itself. The spans go out as they are, but for the names of models, agents and tools.

use async_trait::async_trait;
use http::HeaderMap;
use prost::Message;

use super::{intake::Intake, key_check::KeyCheck, map, requests};
use crate::{
    exporters::http::Rejections,
    net::http_client::{Answer, MESSAGE_LIMIT},
    otlp::{Edit, TraceBatch, Value, edit_spans, keys::datadog as dd},
    pipeline::{ExportError, Exporter},
    values::foreign::harmless,
};

/// The exporter.
pub(super) struct Otlp {
    pub(super) key_check: Option<KeyCheck>,
    pub(super) traces: Intake,
    pub(super) llm_span_names: bool,
    pub(super) rejections: Rejections,
}

/// `ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
struct Reply {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<Partial>,
}

/// What was not taken of a request that was.
#[derive(Clone, PartialEq, Message)]
struct Partial {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
    #[prost(string, tag = "2")]
    error_message: String,
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
        let answer = self.traces.post(batch.chunks().to_vec(), HeaderMap::new()).await?;
        if let Some(partial) = partial(&answer) {
            let rejected = u64::try_from(partial.rejected_spans).unwrap_or(0);
            let reason = harmless(&partial.error_message, MESSAGE_LIMIT);
            self.rejections
                .note(rejected, &reason, "the server accepted a request only in part");
        }
        Ok(())
    }
}

/// What the intake says that it did not take; `None` where it took everything without a word.
fn partial(answer: &Answer) -> Option<Partial> {
    let is_proto = answer.content_type().starts_with("application/x-protobuf");
    let reply = Reply::decode(answer.body.as_slice()).ok().filter(|_| is_proto)?;
    reply.partial_success.filter(|partial| *partial != Partial::default())
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
