//! What Datadog's trace intake reads: the messages of its `agent_payload.proto`, `tracer_payload.proto` and `span.proto` with the
//! fields that a mapping of OTLP fills. Events and links have fields of their own there, which the agent leaves empty for OTLP:
//! both travel as JSON in `meta`.

use std::collections::BTreeMap;

/// One request.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AgentPayload {
    /// Host of the program that sends.
    #[prost(string, tag = "1")]
    pub(super) host_name: String,
    /// Environment where the data names none.
    #[prost(string, tag = "2")]
    pub(super) env: String,
    /// What it carries, by resource.
    #[prost(message, repeated, tag = "5")]
    pub(super) tracer_payloads: Vec<TracerPayload>,
    /// Tags of everything in it.
    #[prost(btree_map = "string, string", tag = "6")]
    pub(super) tags: BTreeMap<String, String>,
    /// Name and version of the program that sends.
    #[prost(string, tag = "7")]
    pub(super) agent_version: String,
}

/// The traces of one resource.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TracerPayload {
    /// Id of the container.
    #[prost(string, tag = "1")]
    pub(super) container_id: String,
    /// Language of the program that was traced.
    #[prost(string, tag = "2")]
    pub(super) language_name: String,
    /// Version of that language.
    #[prost(string, tag = "3")]
    pub(super) language_version: String,
    /// `otlp-` and the version of the SDK.
    #[prost(string, tag = "4")]
    pub(super) tracer_version: String,
    /// The traces.
    #[prost(message, repeated, tag = "6")]
    pub(super) chunks: Vec<TraceChunk>,
    /// Tags of everything in it.
    #[prost(btree_map = "string, string", tag = "7")]
    pub(super) tags: BTreeMap<String, String>,
    /// Environment.
    #[prost(string, tag = "8")]
    pub(super) env: String,
    /// Host of the program that was traced.
    #[prost(string, tag = "9")]
    pub(super) hostname: String,
    /// Version of the program that was traced.
    #[prost(string, tag = "10")]
    pub(super) app_version: String,
}

/// Spans of one trace.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TraceChunk {
    /// Sampling priority: 1 and 2 keep.
    #[prost(int32, tag = "1")]
    pub(super) priority: i32,
    /// Product that the trace comes from.
    #[prost(string, tag = "2")]
    pub(super) origin: String,
    /// The spans.
    #[prost(message, repeated, tag = "3")]
    pub(super) spans: Vec<Span>,
    /// Tags of all spans.
    #[prost(btree_map = "string, string", tag = "4")]
    pub(super) tags: BTreeMap<String, String>,
    /// Whether sampling dropped it: statistics count it all the same, but it is not sent.
    #[prost(bool, tag = "5")]
    pub(super) dropped_trace: bool,
}

/// A span.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Span {
    /// Service.
    #[prost(string, tag = "1")]
    pub(super) service: String,
    /// Operation.
    #[prost(string, tag = "2")]
    pub(super) name: String,
    /// Resource.
    #[prost(string, tag = "3")]
    pub(super) resource: String,
    /// The low 64 bits of the trace id.
    #[prost(uint64, tag = "4")]
    pub(super) trace_id: u64,
    /// Span id.
    #[prost(uint64, tag = "5")]
    pub(super) span_id: u64,
    /// Parent's span id; 0 for a root.
    #[prost(uint64, tag = "6")]
    pub(super) parent_id: u64,
    /// Start, nanoseconds since the Unix epoch.
    #[prost(int64, tag = "7")]
    pub(super) start: i64,
    /// Duration in nanoseconds.
    #[prost(int64, tag = "8")]
    pub(super) duration: i64,
    /// 1 where the span failed.
    #[prost(int32, tag = "9")]
    pub(super) error: i32,
    /// Tags that are text.
    #[prost(btree_map = "string, string", tag = "10")]
    pub(super) meta: BTreeMap<String, String>,
    /// Tags that are numbers.
    #[prost(btree_map = "string, double", tag = "11")]
    pub(super) metrics: BTreeMap<String, f64>,
    /// Type: web, http, db, …
    #[prost(string, tag = "12")]
    pub(super) r#type: String,
}
