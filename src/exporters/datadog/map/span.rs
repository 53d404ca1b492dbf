//! One span of OTLP as a span of Datadog's, by the rules of its agent: attributes become tags under the names that Datadog knows, numbers
//! metrics, events and links JSON. Refuses to look at other spans, which `trace` does.

use std::collections::BTreeMap;

use http::StatusCode;

use super::{
    Changes, Settings,
    attributes::{Attributes, Facts, as_text},
    events, llm, names, normalize, tracestate,
};
use crate::{
    exporters::datadog::wire,
    otlp::{
        EventRef, ScopeSpansRef, SpanRef, ValueRef,
        keys::{self, datadog as dd},
    },
};

/// Service of spans whose resource names none.
const NO_SERVICE: &str = "otlpresourcenoservicename";
/// `STATUS_CODE_ERROR`.
const FAILED: i32 = 2;

/// What the spans of a scope have in common.
pub(super) struct Scope<'a> {
    name: &'a str,
    version: &'a str,
    attributes: Vec<(&'a str, String)>,
}

impl<'a> Scope<'a> {
    pub(super) fn read(scope: &ScopeSpansRef<'a>) -> Scope<'a> {
        let attributes = scope.scope_attributes();
        Scope {
            name: scope.scope_name(),
            version: scope.scope_version(),
            attributes: attributes
                .map(|one| (one.key(), normalize::enough(one.key(), &as_text(one.value())).1))
                .collect(),
        }
    }
}

/// The tags that a resource gives to each of its spans, under Datadog's names.
pub(super) fn resource_tags(resource: &Attributes<'_>) -> Vec<(String, String)> {
    let tags = resource
        .iter()
        .filter_map(|(key, value)| Some(normalize::enough(&renamed(key)?, &as_text(value))));
    tags.collect()
}

/// What the spans of a resource have in common.
pub(super) struct Resource<'a, 'b> {
    pub(super) attributes: &'b Attributes<'a>,
    pub(super) tags: &'b [(String, String)],
}

/// The span.
pub(super) fn map(
    span: &SpanRef<'_>,
    resource: &Resource<'_, '_>,
    scope: &Scope<'_>,
    settings: &Settings,
    now: i64,
    changes: &mut Changes,
) -> wire::Span {
    let own = Attributes::read(span.attributes());
    let facts = Facts {
        span: &own,
        resource: resource.attributes,
    };
    let mut out = Tags::default();
    out.head(span, facts, settings);
    out.attributes(&own);
    out.identity(span, facts);
    out.describe(span, scope);
    let error = out.error(span);
    out.environment(facts);
    for (key, text) in resource.tags {
        out.add(key, text);
    }
    out.meta.extend(
        scope
            .attributes
            .iter()
            .map(|(key, text)| ((*key).to_owned(), text.clone())),
    );
    let namespace = facts.text(&[dd::DB_NAMESPACE]);
    if !namespace.is_empty() && !out.meta.contains_key(dd::DB_NAME) {
        out.set(dd::DB_NAME, namespace);
    }
    let (operation, resource_name) = operation_and_resource(span, facts, scope, settings);
    let (start, duration) = times(span, now, changes);
    wire::Span {
        service: service(facts, changes),
        name: normalize::name(&operation),
        resource: resource_name,
        trace_id: low(span.trace_id().0),
        span_id: u64::from_be_bytes(span.span_id().0),
        parent_id: span.parent_span_id().map_or(0, |id| u64::from_be_bytes(id.0)),
        start,
        duration,
        error: i32::from(error),
        r#type: names::span_type(facts, span.kind()),
        meta: out.meta,
        metrics: out.metrics,
    }
}

fn service(facts: Facts<'_, '_>, changes: &mut Changes) -> String {
    let given = facts.text(&[keys::SERVICE_NAME]);
    let fixed = normalize::service(if given.is_empty() { NO_SERVICE } else { given });
    changes.without_service += u64::from(given.is_empty() || fixed == normalize::UNNAMED_SERVICE);
    fixed
}

/// Start and duration.
fn times(span: &SpanRef<'_>, now: i64, changes: &mut Changes) -> (i64, i64) {
    let start = span.start_unix_nano().cast_signed();
    let given = span.end_unix_nano().cast_signed().wrapping_sub(start);
    let duration = normalize::duration(start, given);
    let fixed = normalize::start(start, duration, now);
    changes.wrong_clock += u64::from(fixed != start || duration != given);
    (fixed, duration)
}

/// The low 64 bits, which are Datadog's trace id.
fn low(id: [u8; 16]) -> u64 {
    id.iter().skip(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn operation_and_resource(
    span: &SpanRef<'_>,
    facts: Facts<'_, '_>,
    scope: &Scope<'_>,
    settings: &Settings,
) -> (String, String) {
    let older = names::Older {
        span_name_as_resource_name: settings.span_name_as_resource_name,
        remappings: &settings.span_name_remappings,
        scope: scope.name,
    };
    if settings.llm_span_names
        && !settings.span_name_as_resource_name
        && let Some(found) = llm::names(facts, span)
    {
        return (older.remapped(found.operation), found.resource);
    }
    if settings.span_name_as_resource_name || !settings.span_name_remappings.is_empty() {
        return (older.operation(facts, span), names::older_resource(facts, span));
    }
    (names::operation(facts, span.kind()), names::resource(facts, span))
}

/// The name under which an attribute is a tag; `None` for what Datadog has fields for.
fn renamed(key: &str) -> Option<String> {
    let known = match key {
        keys::CLIENT_ADDRESS => dd::HTTP_CLIENT_IP,
        keys::HTTP_RESPONSE_BODY_SIZE => dd::HTTP_RESPONSE_CONTENT_LENGTH,
        keys::HTTP_RESPONSE_STATUS_CODE => keys::HTTP_STATUS_CODE,
        keys::HTTP_REQUEST_BODY_SIZE => dd::HTTP_REQUEST_CONTENT_LENGTH,
        "http.request.header.referrer" => dd::HTTP_REFERRER,
        keys::HTTP_REQUEST_METHOD => keys::HTTP_METHOD,
        keys::NETWORK_PROTOCOL_VERSION => dd::HTTP_VERSION,
        keys::SERVER_ADDRESS => dd::HTTP_SERVER_NAME,
        keys::URL_FULL => dd::HTTP_URL,
        keys::USER_AGENT_ORIGINAL => dd::HTTP_USERAGENT,
        "" | keys::SERVICE_NAME | dd::OPERATION_NAME | dd::RESOURCE_NAME | dd::SPAN_TYPE => return None,
        key => match key.strip_prefix(keys::HTTP_REQUEST_HEADER_PREFIX) {
            Some(header) => return Some(format!("{}{header}", dd::HTTP_REQUEST_HEADERS_PREFIX)),
            None => key,
        },
    };
    Some(known.to_owned())
}

/// A span's tags while they are gathered.
#[derive(Default)]
struct Tags {
    meta: BTreeMap<String, String>,
    metrics: BTreeMap<String, f64>,
}

impl Tags {
    fn set(&mut self, key: &str, text: impl Into<String>) {
        self.meta.insert(key.to_owned(), text.into());
    }

    /// Sets a tag that is not there or empty.
    fn add(&mut self, key: &str, text: &str) {
        if self.meta.get(key).is_some_and(|there| !there.is_empty()) {
            return;
        }
        if key == dd::ANALYTICS_EVENT {
            // Whole, or not at all: the agent has turned the former into the mark when it sends.
            let (mark, number) = match text {
                "1" | "t" | "T" | "TRUE" | "true" | "True" => (dd::ANALYZED, 1.0),
                "0" | "f" | "F" | "FALSE" | "false" | "False" => (dd::EVENT_SAMPLE_RATE, 0.0),
                _ => return,
            };
            self.metrics.entry(mark.to_owned()).or_insert(number);
            return;
        }
        self.set(key, text);
    }

    /// Sets a number that is not there.
    fn add_number(&mut self, key: &str, number: f64) {
        let key = if key == dd::SAMPLING_PRIORITY {
            dd::SAMPLING_PRIORITY_V1
        } else {
            key
        };
        self.metrics.entry(key.to_owned()).or_insert(number);
    }

    /// What is known before the attributes are gone through, and wins over them.
    fn head(&mut self, span: &SpanRef<'_>, facts: Facts<'_, '_>, settings: &Settings) {
        let kind = span.kind();
        self.set(dd::SPAN_KIND, names::kind_name(kind));
        if let Some(code) = facts
            .whole(&[keys::HTTP_STATUS_CODE, keys::HTTP_RESPONSE_STATUS_CODE])
            .filter(|code| *code >= 0)
        {
            self.add_number(keys::HTTP_STATUS_CODE, code as f64);
        }
        if let Some(code) = grpc_code(facts) {
            self.set(dd::RPC_GRPC_STATUS_CODE, code);
        }
        let by_kind = settings.top_level_by_span_kind;
        if by_kind && (span.parent_span_id().is_none() || matches!(kind, names::SERVER | names::CONSUMER)) {
            self.add_number(dd::TOP_LEVEL, 1.0);
        }
        let calls = by_kind && matches!(kind, names::CLIENT | names::PRODUCER);
        if calls || facts.integer(dd::MEASURED) == Some(1) {
            self.add_number(dd::MEASURED, 1.0);
        }
        let rate = match facts.span.get(dd::SAMPLE_RATE) {
            Some(ValueRef::Double(rate)) => Some(rate),
            Some(ValueRef::Int(rate)) => Some(rate as f64),
            _ => None,
        };
        let state = span.trace_state();
        if !state.is_empty() {
            self.set(dd::W3C_TRACESTATE, state);
        }
        if let Some(rate) = rate.or_else(|| tracestate::sampling_probability(state)) {
            self.add_number(dd::SAMPLE_RATE, rate);
        }
    }

    fn attributes(&mut self, attributes: &Attributes<'_>) {
        for (key, value) in attributes.iter() {
            let Some(key) = renamed(key) else { continue };
            match value {
                ValueRef::Int(number) => self.add_number(&key, number as f64),
                ValueRef::Double(number) => self.add_number(&key, number),
                other => self.add(&key, &as_text(other)),
            }
        }
    }

    fn identity(&mut self, span: &SpanRef<'_>, facts: Facts<'_, '_>) {
        self.set(dd::OTEL_TRACE_ID, span.trace_id().to_string());
        self.add_normal(dd::VERSION, facts.text(&[keys::SERVICE_VERSION]));
    }

    fn environment(&mut self, facts: Facts<'_, '_>) {
        self.add_normal(dd::ENV, environment(facts));
    }

    /// Sets a tag that is not there, put right.
    fn add_normal(&mut self, key: &str, text: &str) {
        let fixed = normalize::tag_value(text);
        if !fixed.is_empty() && !self.meta.contains_key(key) {
            self.set(key, fixed);
        }
    }

    /// Events, links, scope and status.
    fn describe(&mut self, span: &SpanRef<'_>, scope: &Scope<'_>) {
        if span.events().next().is_some() {
            self.set(dd::EVENTS, events::events(span.events()));
        }
        if span.events().any(|event| event.name() == EXCEPTION) {
            self.set(dd::HAS_EXCEPTION, "true");
        }
        if span.links().next().is_some() {
            self.set(dd::SPAN_LINKS, events::links(span.links()));
        }
        let named = [
            (dd::OTEL_SCOPE_NAME, scope.name),
            (dd::OTEL_LIBRARY_NAME, scope.name),
            (dd::OTEL_SCOPE_VERSION, scope.version),
            (dd::OTEL_LIBRARY_VERSION, scope.version),
            (dd::OTEL_STATUS_DESCRIPTION, span.status().message),
        ];
        for (key, text) in named.into_iter().filter(|(_, text)| !text.is_empty()) {
            self.set(key, text);
        }
        let code = usize::try_from(span.status().code)
            .ok()
            .and_then(|code| STATUSES.get(code));
        self.set(dd::OTEL_STATUS_CODE, *code.unwrap_or(&""));
    }

    /// Whether the span failed; if so, with the fields that Error Tracking groups by.
    fn error(&mut self, span: &SpanRef<'_>) -> bool {
        let status = span.status();
        if status.code != FAILED {
            return false;
        }
        let exceptions = span.events().filter(|event| event.name() == EXCEPTION);
        if let Some(exception) = exceptions.last() {
            self.exception(&exception);
        }
        if !self.meta.contains_key(dd::ERROR_MSG) {
            let message = if status.message.is_empty() {
                self.http_message()
            } else {
                Some(status.message.to_owned())
            };
            if let Some(message) = message {
                self.set(dd::ERROR_MSG, message);
            }
        }
        true
    }

    /// The agent leaves it to Datadog's backend to read exceptions out of the events' JSON; Error Tracking takes these fields as well.
    fn exception(&mut self, exception: &EventRef<'_>) {
        let attributes = Attributes::read(exception.attributes());
        let fields = [
            (keys::EXCEPTION_MESSAGE, dd::ERROR_MSG),
            (keys::EXCEPTION_TYPE, keys::ERROR_TYPE),
            (dd::EXCEPTION_STACKTRACE, dd::ERROR_STACK),
        ];
        for (theirs, ours) in fields {
            if let Some(text) = attributes.text(theirs)
                && !self.meta.contains_key(ours)
            {
                self.set(ours, text);
            }
        }
    }

    fn http_message(&self) -> Option<String> {
        let code = self.meta.get(keys::HTTP_STATUS_CODE)?;
        let known = code
            .parse()
            .ok()
            .and_then(|code| StatusCode::from_u16(code).ok()?.canonical_reason());
        Some(known.map_or_else(|| code.clone(), |reason| format!("{code} {reason}")))
    }
}

/// Name of the event of an exception.
const EXCEPTION: &str = "exception";
/// Status codes by number, as OTel writes them.
const STATUSES: [&str; 3] = ["Unset", "Ok", "Error"];

/// Where a span or its resource says what environment it runs in.
pub(super) fn environment<'a>(facts: Facts<'a, '_>) -> &'a str {
    facts.text(&[dd::DEPLOYMENT_ENVIRONMENT_NAME, dd::DEPLOYMENT_ENVIRONMENT])
}

fn grpc_code(facts: Facts<'_, '_>) -> Option<String> {
    let names = [
        dd::RPC_GRPC_STATUS_CODE,
        dd::GRPC_CODE,
        dd::RPC_GRPC_STATUS_CODE_DOTTED,
        dd::GRPC_STATUS_CODE,
    ];
    if let Some(code) = facts.text_or_integer(&names) {
        return Some(code.into_owned());
    }
    // Any kind of call may have a code under that name.
    let system = match facts.text(&[dd::RPC_SYSTEM_NAME]) {
        "" => facts.text(&[dd::RPC_SYSTEM]),
        named => named,
    };
    let code = facts
        .text_or_integer(&[dd::RPC_RESPONSE_STATUS_CODE])
        .filter(|_| system == "grpc");
    code.map(std::borrow::Cow::into_owned)
}
