//! The older rules, which hold where the user has names of their own. The current ones are compared with the agent's.

use super::super::{Settings, map};
use crate::otlp::{SpanBuilder, SpanId, TraceId, Value};

/// Operation and resource of a server's span with a model's call in it.
fn names(settings: &Settings, attributes: &[(&str, &str)]) -> (String, String) {
    let span = SpanBuilder::new(TraceId([1; 16]), SpanId([1; 8]), "handle order").kind(2);
    let span = attributes
        .iter()
        .fold(span, |span, (key, text)| span.attribute(key, Value::Str(text)));
    let batch = SpanBuilder::batch(&[("service.name", Value::Str("shop"))], ("io.lib", "1"), [span]);
    let span = map(&batch, settings, 0).payloads[0].tracer.chunks[0].spans[0].clone();
    (span.name, span.resource)
}

fn check(settings: &Settings, attributes: &[(&str, &str)], operation: &str, resource: &str) {
    assert_eq!(
        names(settings, attributes),
        (operation.to_owned(), resource.to_owned()),
        "{attributes:?}"
    );
}

#[test]
fn remapped_names() {
    let settings = Settings {
        span_name_remappings: [("io.lib.server", "orders"), ("llm.chat", "my.llm")]
            .map(|(from, to)| (from.to_owned(), to.to_owned()))
            .into(),
        llm_span_names: true,
        ..Settings::default()
    };
    check(&settings, &[], "orders", "handle order");
    check(
        &settings,
        &[("http.method", "GET"), ("http.route", "/o/{id}")],
        "orders",
        "GET /o/{id}",
    );
    check(
        &settings,
        &[("messaging.operation", "send"), ("messaging.destination", "q")],
        "orders",
        "send q",
    );
    check(
        &settings,
        &[("operation.name", "own"), ("resource.name", "it")],
        "own",
        "it",
    );
    check(&settings, &[("gen_ai.operation.name", "chat")], "my.llm", "chat");
}

#[test]
fn the_spans_name_as_operation() {
    let settings = Settings {
        span_name_as_resource_name: true,
        llm_span_names: true,
        ..Settings::default()
    };
    check(&settings, &[], "handle_order", "handle order");
    check(
        &settings,
        &[("gen_ai.operation.name", "chat")],
        "handle_order",
        "handle order",
    );
}
