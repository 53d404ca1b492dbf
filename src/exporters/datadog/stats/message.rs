//! What Datadog's statistics intake reads: MessagePack maps, with the names and the order of fields that the agent writes. Fields that only
//! Datadog's tracers fill are there, empty, as from the agent.

use serde::{Serialize, Serializer};

/// One request.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StatsPayload {
    /// Host of the program that sends.
    pub(super) agent_hostname: String,
    /// Environment of the program that sends.
    pub(super) agent_env: String,
    /// By who sent the spans.
    pub(super) stats: Vec<ClientStatsPayload>,
    /// Name and version of the program that sends.
    pub(super) agent_version: String,
    /// Whether the traced programs counted by themselves.
    pub(super) client_computed: bool,
    /// Whether this is a part of something that was too large.
    pub(super) split_payload: bool,
}

/// The spans of one sender.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClientStatsPayload {
    /// Host of the traced program.
    pub(super) hostname: String,
    /// Its environment.
    pub(super) env: String,
    /// Its version.
    pub(super) version: String,
    /// By time.
    pub(super) stats: Vec<ClientStatsBucket>,
    /// Its language.
    pub(super) lang: String,
    /// Of tracers alone.
    pub(super) tracer_version: String,
    /// Of tracers alone.
    #[serde(rename = "RuntimeID")]
    pub(super) runtime_id: String,
    /// Of tracers alone.
    pub(super) sequence: u64,
    /// Of tracers alone.
    pub(super) agent_aggregation: String,
    /// The service that others are overrides of.
    pub(super) service: String,
    /// Container of the traced program.
    #[serde(rename = "ContainerID")]
    pub(super) container_id: String,
    /// Tags of the container, from an orchestrator.
    pub(super) tags: Vec<String>,
    /// Commit that the traced program was built of.
    pub(super) git_commit_sha: String,
    /// Tag of its image, from an orchestrator.
    pub(super) image_tag: String,
    /// Of tracers alone.
    pub(super) process_tags_hash: u64,
    /// Of tracers alone.
    pub(super) process_tags: String,
}

/// Ten seconds.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClientStatsBucket {
    /// Nanoseconds since the Unix epoch.
    pub(super) start: u64,
    /// Nanoseconds.
    pub(super) duration: u64,
    /// By what spans have in common.
    pub(super) stats: Vec<ClientGroupedStats>,
    /// Of tracers alone.
    pub(super) agent_time_shift: i64,
}

/// Spans that have everything here in common.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClientGroupedStats {
    /// Service.
    pub(super) service: String,
    /// Operation.
    pub(super) name: String,
    /// Resource.
    pub(super) resource: String,
    /// Status of HTTP; 0 = none.
    #[serde(rename = "HTTPStatusCode")]
    pub(super) http_status_code: u32,
    /// Span type.
    pub(super) r#type: String,
    /// Not filled by anybody.
    #[serde(rename = "DBType")]
    pub(super) db_type: String,
    /// Spans.
    pub(super) hits: u64,
    /// Spans that failed.
    pub(super) errors: u64,
    /// Nanoseconds of all spans.
    pub(super) duration: u64,
    /// Sketch of the durations of spans that went well, as protobuf.
    #[serde(serialize_with = "as_bytes")]
    pub(super) ok_summary: Vec<u8>,
    /// Sketch of the durations of spans that failed, as protobuf.
    #[serde(serialize_with = "as_bytes")]
    pub(super) error_summary: Vec<u8>,
    /// Whether a test of Datadog's asked.
    pub(super) synthetics: bool,
    /// Entry spans among them.
    pub(super) top_level_hits: u64,
    /// Kind.
    pub(super) span_kind: String,
    /// What they talk to.
    pub(super) peer_tags: Vec<String>,
    /// 1 = the first of their traces, 2 = not.
    pub(super) is_trace_root: i32,
    /// Code of gRPC; empty = none.
    #[serde(rename = "GRPCStatusCode")]
    pub(super) grpc_status_code: String,
    /// Of tracers alone.
    #[serde(rename = "HTTPMethod")]
    pub(super) http_method: String,
    /// Of tracers alone.
    #[serde(rename = "HTTPEndpoint")]
    pub(super) http_endpoint: String,
    /// Who overrode the service.
    #[serde(rename = "srv_src")]
    pub(super) service_source: String,
    /// Of tracers alone.
    pub(super) span_derived_primary_tags: Vec<String>,
    /// Of tracers alone.
    pub(super) additional_metric_tags: Vec<String>,
}

impl StatsPayload {
    /// The body of the request.
    pub(super) fn packed(&self) -> anyhow::Result<Vec<u8>> {
        Ok(rmp_serde::to_vec_named(self)?)
    }
}

fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}
