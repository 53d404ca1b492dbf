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

/// Both halves of the groups, each with its sender and its bucket; `None` where there is one group at most.
pub(super) fn halves(senders: &[ClientStatsPayload]) -> Option<[Vec<ClientStatsPayload>; 2]> {
    let buckets = senders.iter().flat_map(|sender| &sender.stats);
    let count: usize = buckets.map(|bucket| bucket.stats.len()).sum();
    let mut room = count / 2;
    if room == 0 {
        return None;
    }
    let mut halves = [Vec::new(), Vec::new()];
    for sender in senders {
        for bucket in &sender.stats {
            let (first, second) = bucket.stats.split_at(room.min(bucket.stats.len()));
            room -= first.len();
            for (half, groups) in halves.iter_mut().zip([first, second]) {
                if !groups.is_empty() {
                    half.push(with(sender, bucket, groups));
                }
            }
        }
    }
    Some(halves)
}

/// A sender with these groups of a bucket alone.
fn with(sender: &ClientStatsPayload, bucket: &ClientStatsBucket, groups: &[ClientGroupedStats]) -> ClientStatsPayload {
    let mut sender = sender.clone();
    sender.stats = vec![ClientStatsBucket {
        start: bucket.start,
        duration: bucket.duration,
        stats: groups.to_vec(),
        agent_time_shift: bucket.agent_time_shift,
    }];
    sender
}

/// Bytes of a request with these groups, more or less.
pub(super) fn estimate(senders: &[ClientStatsPayload]) -> usize {
    // Names of fields, and numbers.
    let framing = 420;
    let of_group = |group: &ClientGroupedStats| {
        let texts = [
            &group.service,
            &group.name,
            &group.resource,
            &group.r#type,
            &group.span_kind,
            &group.grpc_status_code,
            &group.service_source,
        ];
        let texts = texts.into_iter().chain(&group.peer_tags).map(String::len);
        texts.sum::<usize>() + group.ok_summary.len() + group.error_summary.len() + framing
    };
    let of_sender = |sender: &ClientStatsPayload| {
        let texts = [&sender.hostname, &sender.env, &sender.version, &sender.container_id];
        let groups = sender.stats.iter().flat_map(|bucket| &bucket.stats);
        texts.map(String::len).iter().sum::<usize>() + framing + groups.map(of_group).sum::<usize>()
    };
    senders.iter().map(of_sender).sum()
}

fn as_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}
