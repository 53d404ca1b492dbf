//! What statistics are kept apart by: who sent the spans, and the facts of a span. The rules are those of the agent (7.85), whose names for
//! the facts go back to Datadog's tracers.

use super::{message, peer};
use crate::{
    exporters::datadog::{
        NO_ENVIRONMENT,
        wire::{Span, TracerPayload},
    },
    otlp::keys::{self, datadog as dd, statistics},
};

/// What a group's texts are where there are too many groups.
const OVERFLOW: &str = "agent_blocked_value";

/// What the user wants of the statistics.
#[derive(Debug, Clone)]
pub(in crate::exporters::datadog) struct Settings {
    /// Host of spans that name none.
    pub(in crate::exporters::datadog) hostname: String,
    /// Count clients, servers, producers and consumers, too, not entry spans and measured ones alone.
    pub(in crate::exporters::datadog) by_span_kind: bool,
    /// Tell apart by what a span talks to.
    pub(in crate::exporters::datadog) peer_tags: bool,
    /// Tags of the user's own that say what a span talks to.
    pub(in crate::exporters::datadog) more_peer_tags: Vec<String>,
}

/// Who sent spans.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sender {
    hostname: String,
    env: String,
    version: String,
    lang: String,
    container_id: String,
    service: String,
    git_commit_sha: String,
}

impl Sender {
    pub(super) fn of(payload: &TracerPayload, root: &Span, settings: &Settings) -> Sender {
        let text = |key: &str| root.meta.get(key).cloned().unwrap_or_default();
        let or = |text: &str, fallback: &str| {
            if text.is_empty() {
                fallback.to_owned()
            } else {
                text.to_owned()
            }
        };
        Sender {
            hostname: or(&payload.hostname, &settings.hostname),
            env: or(&payload.env, NO_ENVIRONMENT),
            version: payload.app_version.clone(),
            lang: payload.language_name.clone(),
            container_id: payload.container_id.clone(),
            service: text(dd::BASE_SERVICE),
            git_commit_sha: text(statistics::GIT_COMMIT_SHA),
        }
    }

    /// Stands for those who sent too varied spans; nobody's host.
    pub(super) fn overflow() -> Sender {
        Sender {
            hostname: String::new(),
            env: OVERFLOW.to_owned(),
            version: String::new(),
            lang: String::new(),
            container_id: String::new(),
            service: String::new(),
            git_commit_sha: String::new(),
        }
    }

    pub(super) fn told(self, bucket: message::ClientStatsBucket) -> message::ClientStatsPayload {
        message::ClientStatsPayload {
            hostname: self.hostname,
            env: self.env,
            version: self.version,
            lang: self.lang,
            container_id: self.container_id,
            service: self.service,
            git_commit_sha: self.git_commit_sha,
            stats: vec![bucket],
            ..message::ClientStatsPayload::default()
        }
    }
}

/// What spans that are counted together have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Group {
    service: String,
    name: String,
    resource: String,
    r#type: String,
    span_kind: String,
    http_status: u32,
    grpc_status: String,
    is_synthetic: bool,
    root: Root,
    peer_tags: Vec<String>,
    service_source: String,
}

/// Whether spans are the first of their traces; the numbers are the wire's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Root {
    Unknown = 0,
    Yes = 1,
    No = 2,
}

impl Group {
    pub(super) fn of(span: &Span, origin: &str, settings: &Settings) -> Group {
        let text = |key: &str| span.meta.get(key).cloned().unwrap_or_default();
        Group {
            service: span.service.clone(),
            name: span.name.clone(),
            resource: span.resource.clone(),
            r#type: span.r#type.clone(),
            span_kind: text(dd::SPAN_KIND),
            http_status: http_status(span),
            grpc_status: grpc_status(span),
            is_synthetic: origin.starts_with("synthetics"),
            root: if span.parent_id == 0 { Root::Yes } else { Root::No },
            peer_tags: peer_tags(span, settings),
            service_source: text(statistics::SERVICE_SOURCE),
        }
    }

    /// The group of spans that are too varied to have groups of their own.
    pub(super) fn overflow() -> Group {
        let text = || OVERFLOW.to_owned();
        Group {
            service: text(),
            name: text(),
            resource: text(),
            r#type: text(),
            span_kind: text(),
            http_status: 0,
            grpc_status: String::new(),
            is_synthetic: false,
            root: Root::Unknown,
            peer_tags: vec![text()],
            service_source: text(),
        }
    }

    pub(super) fn told(self) -> message::ClientGroupedStats {
        message::ClientGroupedStats {
            service: self.service,
            name: self.name,
            resource: self.resource,
            http_status_code: self.http_status,
            r#type: self.r#type,
            synthetics: self.is_synthetic,
            span_kind: self.span_kind,
            peer_tags: self.peer_tags,
            is_trace_root: self.root as i32,
            grpc_status_code: self.grpc_status,
            service_source: self.service_source,
            ..message::ClientGroupedStats::default()
        }
    }
}

/// Whether a span is counted: an entry span, one that is marked as measured, or, where the user wants it, one of a kind that talks to
/// something. Spans that are sent again when they are complete are not.
pub(super) fn is_counted(span: &Span, settings: &Settings) -> bool {
    let kind = span.meta.get(dd::SPAN_KIND).map(String::as_str).unwrap_or_default();
    let is_of_kind = settings.by_span_kind && (is_client(kind) || kind.eq_ignore_ascii_case("server"));
    let is_partial = span
        .metrics
        .get(statistics::PARTIAL_VERSION)
        .is_some_and(|version| *version >= 0.0);
    (is_top_level(span) || is_set(span, dd::MEASURED) || is_of_kind) && !is_partial
}

pub(super) fn is_top_level(span: &Span) -> bool {
    is_set(span, dd::TOP_LEVEL) || is_set(span, dd::TRACER_TOP_LEVEL)
}

/// For how many spans a span of this trace stands, where the application samples by itself.
pub(super) fn weight(root: &Span) -> f64 {
    match root.metrics.get(dd::SAMPLE_RATE) {
        Some(rate) if *rate > 0.0 && *rate <= 1.0 => 1.0 / rate,
        _ => 1.0,
    }
}

fn is_set(span: &Span, key: &str) -> bool {
    span.metrics.get(key) == Some(&1.0)
}

/// Whether a span of that kind has a peer that it calls or gets messages from.
fn is_client(kind: &str) -> bool {
    ["client", "producer", "consumer"]
        .iter()
        .any(|of| kind.eq_ignore_ascii_case(of))
}

/// The span's HTTP status; 0 without one.
fn http_status(span: &Span) -> u32 {
    let found = [keys::HTTP_STATUS_CODE, keys::HTTP_RESPONSE_STATUS_CODE]
        .iter()
        .find_map(|key| {
            let number = span.metrics.get(*key).copied().and_then(whole);
            number.or_else(|| span.meta.get(*key).and_then(|text| as_whole(text)))
        });
    found.and_then(|status| u32::try_from(status).ok()).unwrap_or_default()
}

fn as_whole(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
}

fn whole(number: f64) -> Option<i64> {
    let cut = number as i64;
    (cut as f64 == number).then_some(cut)
}

/// gRPC's code as a number in text, from a number or from a name in one of the spellings of its many libraries; empty without one.
fn grpc_status(span: &Span) -> String {
    let names = [
        dd::RPC_GRPC_STATUS_CODE,
        dd::GRPC_CODE,
        dd::RPC_GRPC_STATUS_CODE_DOTTED,
        dd::GRPC_STATUS_CODE,
        dd::RPC_RESPONSE_STATUS_CODE,
    ];
    let found = names.iter().find_map(|key| {
        let text = span.meta.get(*key).filter(|text| !text.is_empty()).cloned();
        text.or_else(|| {
            span.metrics
                .get(*key)
                .copied()
                .and_then(whole)
                .map(|code| code.to_string())
        })
    });
    let Some(code) = found else {
        return String::new();
    };
    if let Ok(number) = code.parse::<u32>() {
        return number.to_string();
    }
    let name = code.strip_prefix("StatusCode.").unwrap_or(&code).to_ascii_uppercase();
    let number = GRPC_CODES.iter().position(|names| names.contains(&name.as_str()));
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// The names of each code of gRPC, by its number.
const GRPC_CODES: [&[&str]; 17] = [
    &["OK"],
    &["CANCELLED", "CANCELED"],
    &["UNKNOWN"],
    &["INVALID_ARGUMENT", "INVALIDARGUMENT"],
    &["DEADLINE_EXCEEDED", "DEADLINEEXCEEDED"],
    &["NOT_FOUND", "NOTFOUND"],
    &["ALREADY_EXISTS", "ALREADYEXISTS"],
    &["PERMISSION_DENIED", "PERMISSIONDENIED"],
    &["RESOURCE_EXHAUSTED", "RESOURCEEXHAUSTED"],
    &["FAILED_PRECONDITION", "FAILEDPRECONDITION"],
    &["ABORTED"],
    &["OUT_OF_RANGE", "OUTOFRANGE"],
    &["UNIMPLEMENTED"],
    &["INTERNAL"],
    &["UNAVAILABLE"],
    &["DATA_LOSS", "DATALOSS"],
    &["UNAUTHENTICATED"],
];

/// What the span talks to: `key:value`, sorted, addresses without their numbers.
fn peer_tags(span: &Span, settings: &Settings) -> Vec<String> {
    let text = |key: &str| span.meta.get(key).filter(|text| !text.is_empty());
    let tag = |key: &str| Some(format!("{key}:{}", peer::without_addresses(text(key)?)));
    let kind = span.meta.get(dd::SPAN_KIND).map(String::as_str).unwrap_or_default();
    if !settings.peer_tags {
        return Vec::new();
    }
    // A service of its own on an inner span is no peer, but tells it apart.
    if (kind.is_empty() || kind.eq_ignore_ascii_case("internal")) && text(dd::BASE_SERVICE).is_some() {
        return tag(dd::BASE_SERVICE).into_iter().collect();
    }
    if !is_client(kind) {
        return Vec::new();
    }
    let more = settings.more_peer_tags.iter().map(String::as_str);
    let mut tags: Vec<String> = statistics::PEER_TAGS
        .iter()
        .copied()
        .chain(more)
        .filter_map(tag)
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

#[cfg(test)]
mod tests;
