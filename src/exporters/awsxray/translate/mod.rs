//! A span into the documents of its X-Ray segments, by the rules of the Collector's `awsxray` exporter 0.159. Pure: time is an argument,
//! and ids that X-Ray wants and OTLP has not are derived from the span's own, so that a request that is sent again makes no second segment.
//! Differs from the Collector where its document would be refused or lost: names hold only what X-Ray takes, signals are annotations, and
//! nothing that a client can send ends the program.

mod attributes;
mod aws;
mod cause;
mod http;
mod name;
mod object;
mod sql;
mod stack;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub(super) use self::attributes::DEFAULT;
use self::{
    attributes::{RESOURCE_PREFIX, WithResource},
    object::{Object, text},
};
use crate::otlp::{ResourceSpansRef, SpanId, SpanRef, TraceId, ValueRef, keys, keys::xray};

const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;

/// Oldest trace id that passes where its time is checked: X-Ray takes 30 days, the Collector keeps two of them in reserve.
const OLDEST: i64 = 28 * 24 * 60 * 60;
/// How far a trace id may lie in the future there.
const SKEW: i64 = 5 * 60;

/// What the user sets.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// Keys that become annotations beside those that the span lists.
    pub(super) indexed: Vec<String>,
    /// All attributes that can be annotations are.
    pub(super) index_all: bool,
    /// Log groups of resources that name none.
    pub(super) log_groups: Vec<String>,
    /// Trace ids have to begin with a time of the last weeks.
    pub(super) check_epoch: bool,
}

/// A segment's document.
pub(super) type Document = Map<String, Value>;

/// A trace id whose first half is no time of the last weeks, where that is asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the trace id does not begin with a time of the last 28 days")]
pub(super) struct WrongEpoch;

/// Attributes by key; of a key that stands twice the last one counts.
type Attributes<'a> = BTreeMap<&'a str, ValueRef<'a>>;

/// The attributes of a resource, in order.
pub(super) struct Resource<'a>(Vec<(&'a str, ValueRef<'a>)>);

impl<'a> Resource<'a> {
    /// Of all spans below it.
    pub(super) fn of(resource: &ResourceSpansRef<'a>) -> Resource<'a> {
        Resource(resource.attributes().map(|a| (a.key(), a.value())).collect())
    }

    fn get(&self, key: &str) -> Option<ValueRef<'a>> {
        self.0.iter().find(|(name, _)| *name == key).map(|found| found.1)
    }

    /// The first text under that key, empty without one.
    fn first_text(&self, key: &str) -> &'a str {
        self.get(key).map(text).unwrap_or_default()
    }

    /// The last text under that key, empty without one.
    fn text(&self, key: &str) -> &'a str {
        let last = self.0.iter().rev().find(|(name, _)| *name == key);
        last.map(|found| text(found.1)).unwrap_or_default()
    }
}

/// A span as one segment sees it: a span that makes two segments shows each of them other ids and attributes.
#[derive(Clone)]
struct Span<'a> {
    wire: SpanRef<'a>,
    kind: i32,
    id: SpanId,
    parent: Option<SpanId>,
    in_progress: bool,
    attributes: Vec<(&'a str, ValueRef<'a>)>,
}

impl<'a> Span<'a> {
    fn of(wire: SpanRef<'a>) -> Span<'a> {
        let mut attributes: Vec<_> = wire.attributes().map(|a| (a.key(), a.value())).collect();
        let in_progress = wire.attribute(xray::AWS_XRAY_INPROGRESS);
        if matches!(in_progress, Some(ValueRef::Bool(_))) {
            attributes.retain(|(key, _)| *key != xray::AWS_XRAY_INPROGRESS);
        }
        Span {
            wire,
            kind: wire.kind(),
            id: wire.span_id(),
            parent: wire.parent_span_id(),
            in_progress: matches!(in_progress, Some(ValueRef::Bool(true))),
            attributes,
        }
    }

    fn get(&self, key: &str) -> Option<ValueRef<'a>> {
        self.attributes
            .iter()
            .find(|(name, _)| *name == key)
            .map(|found| found.1)
    }

    /// The text under that key, where there is one that is not empty.
    fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key).map(text).filter(|text| !text.is_empty())
    }

    fn is_local_root(&self) -> bool {
        self.text(xray::AWS_SPAN_KIND) == Some("LOCAL_ROOT")
    }

    fn is_aws_api(&self) -> bool {
        self.text(xray::RPC_SYSTEM) == Some("aws-api")
    }

    fn is_flagged(&self) -> bool {
        let name = self.wire.name();
        name.ends_with(keys::FLAG_SUFFIX) || name == keys::FLAG_SUFFIX.trim_start()
    }

    /// An id that is new to the trace and the same at each attempt.
    fn derived_id(&self, place: usize) -> String {
        format!("{:016x}", self.derive(place))
    }

    fn derive(&self, place: usize) -> u64 {
        let salt = (place as u64 + 1).to_be_bytes();
        let trace = self.wire.trace_id();
        let bytes = trace.0.into_iter().chain(self.wire.span_id().0).chain(salt);
        // FNV-1a, and a last mixing, since ids of one trace differ little. Never zero.
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ (mixed >> 29)) | 1
    }
}

/// How many documents a span makes.
pub(super) fn count(span: &SpanRef<'_>) -> usize {
    let is_call = !matches!(span.kind(), SERVER | INTERNAL);
    let is_local_root = || matches!(span.attribute(xray::AWS_SPAN_KIND), Some(ValueRef::Str("LOCAL_ROOT")));
    if is_call && is_local_root() { 2 } else { 1 }
}

/// The documents of a span: one, or two where it is at once a service's first span and a call to another (Application Signals).
/// `now` in seconds since the Unix epoch.
///
/// # Errors
/// [`WrongEpoch`].
pub(super) fn documents(
    span: SpanRef<'_>,
    resource: &Resource<'_>,
    settings: &Settings,
    now: i64,
) -> Result<Vec<Document>, WrongEpoch> {
    let trace_id = trace_id(span.trace_id(), settings, now).ok_or(WrongEpoch)?;
    let span = Span::of(span);
    let make = |span: &Span<'_>| segment(span, resource, settings, &trace_id, now);
    if !span.is_local_root() {
        return Ok(vec![make(&span)]);
    }
    if matches!(span.kind, SERVER | INTERNAL) {
        let mut segment = make(&span);
        segment.remove("type");
        segment.remove("namespace");
        return Ok(vec![segment]);
    }
    let between = SpanId(span.derive(0).to_be_bytes());
    Ok(vec![
        call_of(&span, between, make),
        service_of(&span, between, resource, make),
    ])
}

/// The subsegment of the call that a local root makes.
fn call_of(span: &Span<'_>, service: SpanId, make: impl Fn(&Span<'_>) -> Document) -> Document {
    let call = Span {
        parent: Some(service),
        ..span.clone()
    };
    let mut segment = make(&call);
    segment.insert("type".to_owned(), "subsegment".into());
    segment.entry("namespace").or_insert_with(|| "remote".into());
    if span.kind == CONSUMER {
        segment.remove("links");
    }
    if let Some(remote) = span.text(xray::AWS_REMOTE_SERVICE) {
        let name = name::of_service(name::without_prefix(remote, span));
        segment.insert("name".to_owned(), name.into());
    }
    segment
}

/// The segment of the service whose local root a call is: the same without what tells of the call.
fn service_of(span: &Span<'_>, id: SpanId, resource: &Resource<'_>, make: impl Fn(&Span<'_>) -> Document) -> Document {
    let of_call = [
        xray::AWS_REMOTE_SERVICE,
        xray::AWS_REMOTE_OPERATION,
        xray::AWS_REMOTE_TARGET,
        xray::K8S_REMOTE_NAMESPACE,
    ];
    let mut service = Span { id, ..span.clone() };
    service.attributes.retain(|(key, _)| !of_call.contains(key));
    let mut segment = make(&service);
    let names = [
        span.text(xray::AWS_LOCAL_SERVICE),
        Some(resource.first_text(keys::SERVICE_NAME)),
    ];
    if let Some(name) = names.into_iter().flatten().find(|name| !name.is_empty()) {
        segment.insert("name".to_owned(), name::of_service(name).into());
    }
    for member in ["http", "type", "namespace"] {
        segment.remove(member);
    }
    if let Some(Value::Object(aws)) = segment.get_mut("aws") {
        aws.retain(|name, _| !aws::OF_CALLS.contains(&name.as_str()));
    }
    if let Some(Value::Object(metadata)) = segment.get_mut("metadata") {
        let namespaces = metadata.values_mut().filter_map(Value::as_object_mut);
        namespaces.for_each(|members| members.retain(|key, _| key.starts_with(RESOURCE_PREFIX)));
    }
    if span.kind != CONSUMER {
        segment.remove("links");
    }
    segment
}

/// One segment or subsegment.
fn segment(span: &Span<'_>, resource: &Resource<'_>, settings: &Settings, trace_id: &str, now: i64) -> Document {
    let is_part = !matches!(span.kind, SERVER | CONSUMER) && span.parent.is_some();
    let (left, http) = http::block(span);
    let fault = cause::Fault::of(span, resource);
    let left = fault.take(left);
    let (left, aws) = aws::block(left, resource, settings);
    let (left, sql) = sql::block(left, span);
    let with_resource = if is_part { WithResource::No } else { WithResource::Yes };
    let sorted = attributes::sort(left, span, resource, settings, with_resource);
    let name = name::of(span, resource);
    let namespace = match span.kind {
        _ if name.is_aws => "aws",
        CLIENT | PRODUCER => "remote",
        _ => "",
    };
    let mut document = Object::default();
    document.set("name", name.text);
    document.set("id", span.id.to_string());
    document.set("start_time", seconds(span.wire.start_unix_nano()));
    document.maybe("service", version(resource));
    document.text("origin", aws::origin(resource));
    document.text("user", &sorted.user);
    let links = links(span, settings, now);
    if !links.is_empty() {
        document.set("links", links);
    }
    document.set("trace_id", trace_id);
    if span.in_progress {
        document.set("in_progress", true);
    } else {
        document.set("end_time", seconds(span.wire.end_unix_nano()));
    }
    document.maybe("http", http);
    document.set("fault", fault.is_fault);
    document.set("error", fault.is_error);
    document.set("throttle", fault.is_throttle);
    document.maybe("cause", fault.cause);
    document.maybe("aws", aws);
    document.filled("annotations", sorted.annotations);
    document.filled("metadata", sorted.metadata);
    document.text("namespace", namespace);
    document.maybe("parent_id", span.parent.map(|parent| parent.to_string()));
    document.text("type", if is_part { "subsegment" } else { "" });
    document.maybe("sql", sql);
    document.0
}

/// Marks a document that lost text, where its reader sees it.
pub(super) fn mark_trimmed(document: &mut Document) {
    let metadata = document.entry("metadata").or_insert_with(|| Map::new().into());
    let Value::Object(metadata) = metadata else { return };
    let default = metadata.entry(DEFAULT).or_insert_with(|| Map::new().into());
    if let Value::Object(default) = default {
        default.insert(xray::TRIMMED.to_owned(), true.into());
    }
}

/// The version of the service, or that of its image.
fn version(resource: &Resource<'_>) -> Option<Object> {
    let of_image = || match resource.get(xray::CONTAINER_IMAGE_TAGS) {
        Some(ValueRef::Array(tags)) => tags.values().next(),
        _ => None,
    };
    let own = resource.get(keys::SERVICE_VERSION).or_else(of_image);
    let version = own.or_else(|| resource.get(xray::CONTAINER_IMAGE_TAG))?;
    let mut service = Object::default();
    service.text("version", text(version));
    Some(service)
}

/// Links, but for those to traces whose ids X-Ray would refuse.
fn links(span: &Span<'_>, settings: &Settings, now: i64) -> Vec<Value> {
    let links = span.wire.links().filter_map(|link| {
        let mut object = Object::default();
        object.set("trace_id", trace_id(link.trace_id(), settings, now)?);
        object.set("id", link.span_id().to_string());
        object.filled("attributes", object::object(link.attributes()).0);
        Some(object.into())
    });
    links.collect()
}

/// A trace id in X-Ray's form: `1-`, 8 hex digits, `-`, 24 hex digits. `None` where its time is asked for and wrong.
fn trace_id(id: TraceId, settings: &Settings, now: i64) -> Option<String> {
    let bytes = id.0;
    let epoch = i64::from(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    if settings.check_epoch && !(-SKEW..=OLDEST).contains(&(now - epoch)) {
        return None;
    }
    let hex = id.to_string();
    Some(format!("1-{}-{}", &hex[..8], &hex[8..]))
}

/// Nanoseconds as the seconds that X-Ray reads, which a double holds to a quarter of a microsecond.
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
