//! The names of models' calls, agents and tools, whoever emitted them, and of a whole trace of the gateway.

use super::super::tests::{NOW, batch as fixture};
use super::super::{Changes, Settings, map_resource};
use crate::otlp::{SpanBuilder, SpanId, TraceId, Value};

fn check(name: &str, attributes: &[(&str, &str)], expected: Option<(&str, &str)>) {
    let span = SpanBuilder::new(TraceId([1; 16]), SpanId([1; 8]), name);
    let span = attributes
        .iter()
        .fold(span, |span, (key, text)| span.attribute(key, Value::Str(text)));
    let batch = SpanBuilder::batch(&[("service.name", Value::Str("app"))], ("", ""), [span]);
    let resource = batch.resource_spans().next().unwrap();
    let span = resource.scope_spans().next().unwrap().spans().next().unwrap();
    let found = super::super::llm_names(&resource, &span);
    let found = found
        .as_ref()
        .map(|names| (names.operation.as_str(), names.resource.as_str()));
    assert_eq!(found, expected, "{name} {attributes:?}");
}

#[test]
fn every_emitter_is_understood() {
    let model = ("gen_ai.request.model", "gpt-4o");
    let gen_ai = |work| ("gen_ai.operation.name", work);
    check(
        "chat gpt-4o",
        &[gen_ai("chat"), model],
        Some(("llm.chat", "chat gpt-4o")),
    );
    check("x", &[gen_ai("embeddings")], Some(("llm.embeddings", "embeddings")));
    check(
        "x",
        &[gen_ai("invoke_agent"), ("gen_ai.agent.name", "travel")],
        Some(("agent.invoke", "invoke_agent travel")),
    );
    check(
        "x",
        &[gen_ai("execute_tool"), ("gen_ai.tool.name", "weather")],
        Some(("tool.execute", "execute_tool weather")),
    );
    let openinference = |kind| ("openinference.span.kind", kind);
    check(
        "ChatOpenAI",
        &[openinference("LLM"), ("llm.model_name", "gpt-4o")],
        Some(("llm.chat", "chat gpt-4o")),
    );
    check(
        "search",
        &[openinference("tool")],
        Some(("tool.execute", "execute_tool search")),
    );
    check("LangGraph", &[openinference("CHAIN")], Some(("chain.run", "LangGraph")));
    check("x", &[openinference("UNKNOWN")], None);
    check(
        "openai.chat",
        &[("llm.request.type", "completion"), model],
        Some(("llm.text_completion", "text_completion gpt-4o")),
    );
    check(
        "x.workflow",
        &[("traceloop.span.kind", "workflow"), ("traceloop.entity.name", "plan")],
        Some(("workflow.run", "plan")),
    );
    check(
        "ai.generateText",
        &[("ai.operationId", "ai.generateText"), model],
        Some(("ai.generateText", "ai.generateText gpt-4o")),
    );
    check("GET /", &[("http.request.method", "GET")], None);
    check("x", &[gen_ai("")], None);
}

#[test]
fn what_a_span_says_of_itself_wins() {
    let own = [
        ("operation.name", "ai.step"),
        ("resource.name", "plan"),
        ("gen_ai.operation.name", "chat"),
    ];
    check("x 🚩", &own, Some(("ai.step", "plan")));
}

#[test]
fn the_flag_stays() {
    let chat = ("gen_ai.operation.name", "chat");
    check("POST /v1 🚩", &[chat], Some(("llm.chat", "chat 🚩")));
    check(
        "plan 🚩",
        &[("openinference.span.kind", "CHAIN")],
        Some(("chain.run", "plan 🚩")),
    );
    let long = "m".repeat(6000);
    check(
        "x 🚩",
        &[chat, ("gen_ai.request.model", &long)],
        Some(("llm.chat", &format!("chat {} 🚩", "m".repeat(4990)))),
    );
}

#[test]
fn a_trace_of_the_gateway_reads_well() {
    let settings = Settings {
        llm_span_names: true,
        ..Settings::default()
    };
    let batch = fixture("agent.json");
    let payloads = batch
        .resource_spans()
        .map(|resource| map_resource(resource, &settings, NOW, &mut Changes::default()));
    let spans = payloads
        .flat_map(|payload| payload.tracer.chunks)
        .flat_map(|chunk| chunk.spans);
    let mut names: Vec<String> = spans
        .map(|span| format!("{} | {} | {}", span.service, span.name, span.resource))
        .collect();
    names.sort_unstable();
    names.dedup();
    let expected = [
        "flight-agent | Internal | flight step",
        "plano_agent | plano.agent | flight_agent",
        "plano_agent | plano.agent | weather_agent",
        "plano_filter | plano.filter | redact",
        "plano_handoff | plano.handoff | POST 127.0.0.1:45299/flight/v1/chat/completions",
        "plano_handoff | plano.handoff | POST 127.0.0.1:45299/v1/chat/completions",
        "plano_handoff | plano.handoff | POST 127.0.0.1:45299/weather/v1/chat/completions",
        "plano_inbound | plano.inbound | POST /v1/chat/completions",
        "plano_llm | llm.chat | chat gpt-4o 🚩",
        "plano_llm | llm.chat | chat gpt-4o-mini",
        "plano_orchestrator | plano.orchestrator | travel",
        "plano_routing | plano.routing | direct openai/gpt-4o",
        "weather-agent | Internal | weather step",
    ];
    assert_eq!(names, expected);
}
