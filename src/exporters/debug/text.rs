//! A batch as text for people, in the Collector's format: a line for each span, or every field of every span. What the data
//! brings of control characters, escapes and invisible characters becomes blanks.

use std::fmt::{Display, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value as Json;

use crate::{
    otlp::{EventRef, KeyValueRef, LinkRef, ResourceSpansRef, ScopeSpansRef, SpanRef, TraceBatch, ValueRef},
    values::{civil::Civil, foreign::harmless},
};

const KINDS: [&str; 6] = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
const STATUS_CODES: [&str; 3] = ["Unset", "Ok", "Error"];

/// A line for each resource, scope and span: names, ids, attributes as `key=value`.
pub(super) fn normal(batch: &TraceBatch) -> String {
    let mut out = Lines::default();
    for (number, resource) in batch.resource_spans().enumerate() {
        let schema = bracketed(resource.schema_url());
        let attributes = inline(resource.attributes());
        out.line(format_args!("ResourceTraces #{number}{schema}{attributes}"));
        for (number, scope) in resource.scope_spans().enumerate() {
            let (scope_title, attributes) = (scope_title(&scope), inline(scope.scope_attributes()));
            out.line(format_args!("ScopeTraces #{number}{scope_title}{attributes}"));
            for span in scope.spans() {
                let attributes = inline(span.attributes());
                let (name, trace, id) = (safe(span.name()), span.trace_id(), span.span_id());
                out.line(format_args!("{name} {trace} {id}{attributes}"));
            }
        }
    }
    out.0
}

/// Every field of every resource, scope and span.
pub(super) fn detailed(batch: &TraceBatch) -> String {
    let mut out = Lines::default();
    for (number, resource) in batch.resource_spans().enumerate() {
        out.line(format_args!("ResourceSpans #{number}"));
        out.resource(&resource);
    }
    out.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, text: impl Display) {
        writeln!(self.0, "{text}").expect("writing to a string cannot fail");
    }

    fn resource(&mut self, resource: &ResourceSpansRef<'_>) {
        self.line(format_args!("Resource SchemaURL: {}", safe(resource.schema_url())));
        self.attributes("Resource attributes", "", resource.attributes());
        for (number, scope) in resource.scope_spans().enumerate() {
            self.line(format_args!("ScopeSpans #{number}"));
            self.line(format_args!("ScopeSpans SchemaURL: {}", safe(scope.schema_url())));
            let (name, version) = (safe(scope.scope_name()), safe(scope.scope_version()));
            self.line(format_args!("InstrumentationScope {name} {version}"));
            self.attributes("InstrumentationScope attributes", "", scope.scope_attributes());
            for (number, span) in scope.spans().enumerate() {
                self.line(format_args!("Span #{number}"));
                self.span(&span);
            }
        }
    }

    fn span(&mut self, span: &SpanRef<'_>) {
        let status = span.status();
        self.field("Trace ID", span.trace_id());
        self.field(
            "Parent ID",
            span.parent_span_id().map(|id| id.to_string()).unwrap_or_default(),
        );
        self.field("ID", span.span_id());
        self.field("Name", safe(span.name()));
        self.field("Kind", named(&KINDS, span.kind()));
        if !span.trace_state().is_empty() {
            self.field("TraceState", safe(span.trace_state()));
        }
        self.field("Start time", time(span.start_unix_nano()));
        self.field("End time", time(span.end_unix_nano()));
        self.field("Status code", named(&STATUS_CODES, status.code));
        self.field("Status message", safe(status.message));
        self.field("DroppedAttributesCount", span.dropped_attributes_count());
        self.field("DroppedEventsCount", span.dropped_events_count());
        self.field("DroppedLinksCount", span.dropped_links_count());
        self.attributes("Attributes", "", span.attributes());
        for (number, event) in span.events().enumerate() {
            if number == 0 {
                self.line("Events:");
            }
            self.line(format_args!("SpanEvent #{number}"));
            self.event(&event);
        }
        for (number, link) in span.links().enumerate() {
            if number == 0 {
                self.line("Links:");
            }
            self.line(format_args!("SpanLink #{number}"));
            self.link(&link);
        }
    }

    fn event(&mut self, event: &EventRef<'_>) {
        self.line(format_args!("     -> Name: {}", safe(event.name())));
        self.line(format_args!("     -> Timestamp: {}", time(event.time_unix_nano())));
        self.line(format_args!(
            "     -> DroppedAttributesCount: {}",
            event.dropped_attributes_count()
        ));
        self.attributes("     -> Attributes:", "     ", event.attributes());
    }

    fn link(&mut self, link: &LinkRef<'_>) {
        let (trace, span) = (link.trace_id(), link.span_id());
        let trace = if trace.is_zero() {
            String::new()
        } else {
            trace.to_string()
        };
        let span = if span.is_zero() {
            String::new()
        } else {
            span.to_string()
        };
        self.line(format_args!("     -> Trace ID: {trace}"));
        self.line(format_args!("     -> ID: {span}"));
        self.line(format_args!("     -> TraceState: {}", safe(link.trace_state())));
        self.line(format_args!(
            "     -> DroppedAttributesCount: {}",
            link.dropped_attributes_count()
        ));
        self.attributes("     -> Attributes:", "     ", link.attributes());
    }

    fn field(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("    {name:<15}: {value}"));
    }

    fn attributes<'a>(&mut self, title: &str, indent: &str, attributes: impl Iterator<Item = KeyValueRef<'a>>) {
        for (number, attribute) in attributes.enumerate() {
            if number == 0 {
                self.line(format_args!("{title}:"));
            }
            let (key, value) = (safe(attribute.key()), attribute.value());
            self.line(format_args!(
                "{indent}     -> {key}: {}({})",
                type_name(&value),
                plain(&value)
            ));
        }
    }
}

fn safe(text: &str) -> String {
    harmless(text, usize::MAX)
}

fn bracketed(schema_url: &str) -> String {
    if schema_url.is_empty() {
        String::new()
    } else {
        format!(" [{}]", safe(schema_url))
    }
}

/// ` name@version [schema]`, each where there is one.
fn scope_title(scope: &ScopeSpansRef<'_>) -> String {
    let version = match scope.scope_version() {
        "" => String::new(),
        version => format!("@{}", safe(version)),
    };
    let name = format!("{}{version}", safe(scope.scope_name()));
    let blank = if name.is_empty() { "" } else { " " };
    format!("{blank}{name}{}", bracketed(scope.schema_url()))
}

/// ` key=value` for each attribute.
fn inline<'a>(attributes: impl Iterator<Item = KeyValueRef<'a>>) -> String {
    attributes
        .map(|attribute| format!(" {}={}", safe(attribute.key()), plain(&attribute.value())))
        .collect()
}

fn named(names: &[&str], number: i32) -> String {
    let name = usize::try_from(number).ok().and_then(|number| names.get(number));
    name.map_or_else(|| number.to_string(), |name| (*name).to_owned())
}

/// As Go prints a time: fractions without trailing zeros.
fn time(unix_nanos: u64) -> String {
    let c = Civil::from_unix_nanos(unix_nanos);
    let fraction = match c.nanos {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}{fraction} +0000 UTC",
        c.year, c.month, c.day, c.hour, c.minute, c.second
    )
}

fn type_name(value: &ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Empty => "Empty",
        ValueRef::Str(_) => "Str",
        ValueRef::Bool(_) => "Bool",
        ValueRef::Int(_) => "Int",
        ValueRef::Double(_) => "Double",
        ValueRef::Bytes(_) => "Bytes",
        ValueRef::Array(_) => "Slice",
        ValueRef::KvList(_) => "Map",
    }
}

/// A value as text: strings as they are, lists and maps as JSON, bytes in base64.
fn plain(value: &ValueRef<'_>) -> String {
    match value {
        ValueRef::Empty => String::new(),
        ValueRef::Str(text) => safe(text),
        ValueRef::Bool(yes) => yes.to_string(),
        ValueRef::Int(number) => number.to_string(),
        ValueRef::Double(number) => double(*number),
        ValueRef::Bytes(bytes) => STANDARD.encode(bytes),
        ValueRef::Array(_) | ValueRef::KvList(_) => safe(&json(value).to_string()),
    }
}

/// As JSON writes numbers in JavaScript and Go: an exponent only below 1e-6 and from 1e21.
fn double(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && size.is_finite() && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        return if size >= 1.0 { text.replace('e', "e+") } else { text };
    }
    number.to_string()
}

/// Maps with sorted keys, as Go writes them; of a key that stands twice the last one counts.
fn json(value: &ValueRef<'_>) -> Json {
    match value {
        ValueRef::Empty => Json::Null,
        ValueRef::Str(text) => Json::from(*text),
        ValueRef::Bool(yes) => Json::from(*yes),
        ValueRef::Int(number) => Json::from(*number),
        ValueRef::Double(number) if number.is_finite() => Json::from(*number),
        ValueRef::Double(number) => Json::from(double(*number)),
        ValueRef::Bytes(bytes) => Json::from(STANDARD.encode(bytes)),
        ValueRef::Array(array) => array.values().map(|value| json(&value)).collect(),
        ValueRef::KvList(list) => {
            let entries = list
                .entries()
                .map(|entry| (entry.key().to_owned(), json(&entry.value())));
            let mut map: serde_json::Map<String, Json> = entries.collect();
            map.sort_keys();
            Json::Object(map)
        }
    }
}

#[cfg(test)]
mod tests;
