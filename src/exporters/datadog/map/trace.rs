//! What Datadog's agent does to the spans of a trace together, once they are mapped: sampling priority, names put right, queries without
//! their values, limits, entry spans, and what the trace says of its payload.

use std::collections::{HashMap, HashSet};

use super::{Changes, Settings, normalize, obfuscate};
use crate::{
    exporters::datadog::wire::{Span, TraceChunk, TracerPayload},
    otlp::{
        TraceId,
        keys::{self, datadog as dd},
    },
};

/// What a cut text ends in.
const CUT: &str = "...";
/// Priorities that keep a trace.
const SAMPLED: [i32; 2] = [1, 2];

/// A payload under construction.
pub(super) struct Finish<'a> {
    pub(super) settings: &'a Settings,
    pub(super) changes: &'a mut Changes,
    pub(super) tracer: TracerPayload,
}

impl Finish<'_> {
    /// Adds a trace, unless it is to be left out.
    pub(super) fn trace(&mut self, id: TraceId, mut spans: Vec<Span>) {
        let count = spans.len() as u64;
        if spans.first().is_none_or(|span| span.trace_id == 0) {
            self.changes.without_id += count;
            return;
        }
        let priority = decide(&mut spans);
        name_trace(id, &mut spans);
        for span in &mut spans {
            put_right(span);
        }
        let root = root(&spans);
        if self
            .settings
            .ignore_resources
            .iter()
            .any(|rule| rule.is_match(&spans[root].resource))
        {
            self.changes.ignored += count;
            return;
        }
        for span in &mut spans {
            obfuscate::span(span);
            self.changes.truncated += u64::from(truncate(span));
            if self.settings.top_level_by_span_kind && span.metrics.get(dd::TRACER_TOP_LEVEL) == Some(&1.0) {
                span.metrics.insert(dd::TOP_LEVEL.to_owned(), 1.0);
            }
        }
        set_client_rate(&mut spans[root]);
        if !self.settings.top_level_by_span_kind {
            mark_top_level(&mut spans);
        }
        self.payload(&spans, root);
        let dropped = is_dropped(priority, &spans);
        self.changes.unsampled += if dropped { count } else { 0 };
        let mut chunk = TraceChunk {
            priority,
            origin: spans[root].meta.get(dd::DD_ORIGIN).cloned().unwrap_or_default(),
            dropped_trace: dropped,
            ..TraceChunk::default()
        };
        chunk.tags.insert(dd::OTLP_SAMPLE_RATE.to_owned(), "1.00".to_owned());
        if let Some(maker) = spans.iter().find_map(|span| span.meta.get(dd::DECISION_MAKER)) {
            chunk.tags.insert(dd::DECISION_MAKER.to_owned(), maker.clone());
        }
        chunk.spans = spans;
        self.tracer.chunks.push(chunk);
    }

    /// What the resource did not say and the trace does.
    fn payload(&mut self, spans: &[Span], root: usize) {
        let of_root = |key: &str| spans[root].meta.get(key).cloned().unwrap_or_default();
        let of_any = |key: &str| {
            let others = spans.iter().filter_map(|span| span.meta.get(key));
            spans[root]
                .meta
                .get(key)
                .into_iter()
                .chain(others)
                .next()
                .cloned()
                .unwrap_or_default()
        };
        let tracer = &mut self.tracer;
        if tracer.hostname.is_empty() {
            tracer.hostname = of_root(dd::DD_HOSTNAME);
        }
        if tracer.env.is_empty() {
            tracer.env = of_any(dd::ENV);
        }
        if tracer.app_version.is_empty() {
            tracer.app_version = of_any(dd::VERSION);
        }
        let mode = of_root(dd::APM_MODE);
        if mode.eq_ignore_ascii_case("edge") {
            tracer.tags.entry(dd::APM_MODE.to_owned()).or_insert(mode);
        }
    }
}

/// Names, times and tags that Datadog could not take.
fn put_right(span: &mut Span) {
    for key in [dd::PEER_SERVICE, dd::BASE_SERVICE] {
        if let Some(service) = span.meta.get_mut(key).filter(|service| !service.is_empty()) {
            *service = normalize::peer_service(service);
        }
    }
    if span.resource.is_empty() {
        span.resource.clone_from(&span.name);
    }
    if span.parent_id == span.span_id && span.parent_id == span.trace_id {
        span.parent_id = 0;
    }
    if span.r#type.len() > normalize::TYPE_LIMIT {
        span.r#type = normalize::start_of(&span.r#type, normalize::TYPE_LIMIT).to_owned();
    }
    if let Some(env) = span.meta.get_mut(dd::ENV).filter(|env| !env.is_empty()) {
        *env = normalize::tag_value(env);
    }
    let status = span.meta.get(keys::HTTP_STATUS_CODE);
    if status.is_some_and(|status| !normalize::is_http_status(status)) {
        span.meta.remove(keys::HTTP_STATUS_CODE);
    }
}

/// The priority: the application's where it gave one, else kept, since nobody here samples.
fn decide(spans: &mut [Span]) -> i32 {
    let given = spans
        .iter()
        .rev()
        .find_map(|span| span.metrics.get(dd::SAMPLING_PRIORITY_V1));
    let (priority, maker) = match given {
        Some(priority) => (*priority as i32, "-4"),
        None => (1, "-9"),
    };
    if SAMPLED.contains(&priority)
        && let Some(first) = spans.first_mut()
    {
        first.meta.insert(dd::DECISION_MAKER.to_owned(), maker.to_owned());
    }
    priority
}

/// A negative priority drops the trace, 0 drops it unless something in it failed.
fn is_dropped(priority: i32, spans: &[Span]) -> bool {
    match priority {
        ..0 => true,
        0 => spans.iter().all(|span| span.error == 0),
        1.. => false,
    }
}

/// The high half of the trace id, which Datadog's tracers write on the first span.
fn name_trace(id: TraceId, spans: &mut [Span]) {
    let high = id.to_string()[..16].to_owned();
    if let Some(first) = spans.first_mut().filter(|_| high.bytes().any(|digit| digit != b'0')) {
        first.meta.entry(dd::TRACE_ID_HIGH.to_owned()).or_insert(high);
    }
}

/// The root, or the first span whose parent is not there.
pub(in crate::exporters::datadog) fn root(spans: &[Span]) -> usize {
    let ids: HashSet<u64> = spans.iter().map(|span| span.span_id).collect();
    let has_no_parent = |span: &Span| span.parent_id == 0;
    let is_orphan = |span: &Span| !ids.contains(&span.parent_id);
    spans
        .iter()
        .rposition(has_no_parent)
        .or_else(|| spans.iter().position(is_orphan))
        .unwrap_or(spans.len() - 1)
}

fn set_client_rate(root: &mut Span) {
    match root.metrics.get(dd::SAMPLE_RATE).copied() {
        Some(rate) if rate < 1.0 => {
            root.metrics.insert(dd::CLIENT_SAMPLE_RATE.to_owned(), rate);
        }
        _ => {
            root.metrics.remove(dd::CLIENT_SAMPLE_RATE);
        }
    }
}

/// Entry spans: those whose parent is not there or of another service.
fn mark_top_level(spans: &mut [Span]) {
    let services: HashMap<u64, String> = spans.iter().map(|span| (span.span_id, span.service.clone())).collect();
    for span in spans {
        let parent = Some(span.parent_id)
            .filter(|parent| *parent != 0)
            .and_then(|parent| services.get(&parent));
        if parent.is_none_or(|service| *service != span.service) {
            span.metrics.insert(dd::TOP_LEVEL.to_owned(), 1.0);
        }
    }
}

/// Whether a span had something too long, which then ends in three dots.
fn truncate(span: &mut Span) -> bool {
    let mut cut = span.resource.len() > normalize::RESOURCE_LIMIT;
    if cut {
        span.resource = normalize::start_of(&span.resource, normalize::RESOURCE_LIMIT).to_owned();
    }
    let is_whole = |key: &str| {
        key.starts_with("_dd.")
            && [".json", ".msgpack", ".protobuf"]
                .iter()
                .any(|ending| key.ends_with(ending))
    };
    for (key, value) in &mut span.meta {
        if value.len() > normalize::VALUE_LIMIT && !is_whole(key) {
            *value = shortened(value, normalize::VALUE_LIMIT);
            cut = true;
        }
    }
    let long: Vec<String> = long_keys(span.meta.keys()).filter(|key| !is_whole(key)).collect();
    for key in long {
        if let Some(value) = span.meta.remove(&key) {
            span.meta.insert(shortened(&key, normalize::KEY_LIMIT), value);
            cut = true;
        }
    }
    let long: Vec<String> = long_keys(span.metrics.keys()).collect();
    for key in long {
        if let Some(number) = span.metrics.remove(&key) {
            span.metrics.insert(shortened(&key, normalize::KEY_LIMIT), number);
            cut = true;
        }
    }
    cut
}

fn long_keys<'a>(keys: impl Iterator<Item = &'a String>) -> impl Iterator<Item = String> {
    keys.filter(|key| key.len() > normalize::KEY_LIMIT).cloned()
}

fn shortened(text: &str, limit: usize) -> String {
    format!("{}{CUT}", normalize::start_of(text, limit))
}
