//! OTLP to Datadog's model: by resource and trace, with the rules of Datadog's current agent (7.85). Pure: the time is an argument, nothing is
//! sent or logged. What was put right or left out is counted for the caller to tell.

mod attributes;
mod container;
mod events;
mod json;
mod llm;
mod names;
mod normalize;
mod obfuscate;
mod source;
mod span;
mod trace;
mod tracestate;

use std::collections::{BTreeMap, HashMap};

use regex::Regex;

use self::{
    attributes::{Attributes, Facts},
    source::Source,
    trace::Finish,
};
pub(super) use self::{llm::Names, trace::root};
use super::wire;
use crate::otlp::{
    ResourceSpansRef, SpanRef, TraceBatch, TraceId,
    keys::{self, datadog as dd},
};

/// Most bytes that are sent of a tag's key and of its value; `None` where both stay whole, as some of Datadog's own do.
pub(super) fn longest(key: &str) -> Option<(usize, usize)> {
    let more = normalize::ENOUGH;
    (!normalize::is_own(key)).then_some((normalize::KEY_LIMIT + more, normalize::VALUE_LIMIT + more))
}

/// What the user wants of the mapping.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// Host of resources that name none.
    pub(super) hostname: String,
    /// Traces whose root has such a resource are left out.
    pub(super) ignore_resources: Vec<Regex>,
    /// Operations by the names that they would have.
    pub(super) span_name_remappings: BTreeMap<String, String>,
    /// The span's name is its operation.
    pub(super) span_name_as_resource_name: bool,
    /// Servers, consumers and roots are entry spans, whatever their parents are.
    pub(super) top_level_by_span_kind: bool,
    /// Names of our own for models, agents and tools.
    pub(super) llm_span_names: bool,
}

/// The traces of one resource.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Payload {
    /// What is sent, but for the chunks with `dropped_trace`.
    pub(super) tracer: wire::TracerPayload,
    /// Whether somebody before has made statistics of these spans.
    pub(super) stats_computed: bool,
}

/// Spans that do not go out as they came, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Left out by `ignore_resources`.
    pub(super) ignored: u64,
    /// Left out by the application's own sampling priority of 0 or less.
    pub(super) unsampled: u64,
    /// Left out since the low half of the trace id, which is Datadog's trace id, is zero.
    pub(super) without_id: u64,
    /// Had no service that can be kept.
    pub(super) without_service: u64,
    /// Started before 2000, or ended before they began.
    pub(super) wrong_clock: u64,
    /// Had a value, a key or a resource that is too long.
    pub(super) truncated: u64,
}

/// What a batch becomes.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Mapped {
    pub(super) payloads: Vec<Payload>,
    pub(super) changes: Changes,
}

/// Maps a batch. `now` is in nanoseconds since the Unix epoch.
pub(super) fn map(batch: &TraceBatch, settings: &Settings, now: i64) -> Mapped {
    let mut mapped = Mapped::default();
    for resource in batch.resource_spans() {
        let payload = map_resource(resource, settings, now, &mut mapped.changes);
        if !payload.tracer.chunks.is_empty() {
            mapped.payloads.push(payload);
        }
    }
    mapped
}

fn map_resource(resource: ResourceSpansRef<'_>, settings: &Settings, now: i64, changes: &mut Changes) -> Payload {
    let whole = Attributes::read(resource.attributes());
    let none = Attributes::default();
    let facts = Facts {
        span: &whole,
        resource: &none,
    };
    let tag = |text: &str| normalize::tag_value(text);
    let (container_tags, attributes) = container::take(&whole);
    let any = |key| tag(&attributes.any(&[key]).unwrap_or_default());
    let mut tracer = wire::TracerPayload {
        hostname: match source::source(&whole) {
            Source::Host(host) => host,
            Source::Serverless => String::new(),
            Source::Unknown => settings.hostname.clone(),
        },
        container_id: tag(facts.text(&[dd::CONTAINER_ID])),
        env: tag(span::environment(facts)),
        language_name: any(keys::TELEMETRY_SDK_LANGUAGE),
        tracer_version: format!("otlp-{}", any(keys::TELEMETRY_SDK_VERSION)),
        ..wire::TracerPayload::default()
    };
    if !container_tags.is_empty() {
        tracer.tags.insert(dd::CONTAINER_TAGS.to_owned(), container_tags);
    }
    let computed = any(dd::STATS_COMPUTED);
    let traces = spans_by_trace(resource, &attributes, settings, now, changes);
    let mut finish = Finish {
        settings,
        changes,
        tracer,
    };
    for (id, spans) in traces {
        finish.trace(id, spans);
    }
    Payload {
        tracer: finish.tracer,
        stats_computed: !computed.is_empty() && computed != "false",
    }
}

/// The spans of each trace, traces in the order of their first spans.
fn spans_by_trace(
    resource: ResourceSpansRef<'_>,
    attributes: &Attributes<'_>,
    settings: &Settings,
    now: i64,
    changes: &mut Changes,
) -> Vec<(TraceId, Vec<wire::Span>)> {
    let tags = span::resource_tags(attributes);
    let shared = span::Resource {
        attributes,
        tags: &tags,
    };
    let mut places: HashMap<TraceId, usize, foldhash::fast::RandomState> = HashMap::default();
    let mut traces: Vec<(TraceId, Vec<wire::Span>)> = Vec::new();
    for spans in resource.scope_spans() {
        let scope = span::Scope::read(&spans);
        for one in spans.spans() {
            let id = one.trace_id();
            let place = *places.entry(id).or_insert(traces.len());
            if place == traces.len() {
                traces.push((id, Vec::new()));
            }
            traces[place]
                .1
                .push(span::map(&one, &shared, &scope, settings, now, changes));
        }
    }
    traces
}

/// Names for a span of a model, an agent or a tool, for who sends OTLP.
pub(super) fn llm_names(resource: &ResourceSpansRef<'_>, span: &SpanRef<'_>) -> Option<Names> {
    let (span_attributes, resource_attributes) = (
        Attributes::read(span.attributes()),
        Attributes::read(resource.attributes()),
    );
    let facts = Facts {
        span: &span_attributes,
        resource: &resource_attributes,
    };
    llm::names(facts, span)
}

#[cfg(test)]
mod tests;
