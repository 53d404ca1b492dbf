//! Spans of every dialect as their emitters write them, and what is read from them.

use super::*;
use crate::otlp::{SpanBuilder, SpanId, TraceBatch, TraceId, Value};

fn builder() -> SpanBuilder {
    SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "chat")
}

fn batch(span: SpanBuilder) -> TraceBatch {
    batch_of("scope", span)
}

fn batch_of(scope: &str, span: SpanBuilder) -> TraceBatch {
    SpanBuilder::batch(&[], (scope, ""), [span])
}

/// What was found, as text: the dialect, then a line a message; the number of unreadable values where there are any. The index in
/// the client's list stands behind an author where it is another one, `!` where the result is marked as a failure.
fn shown(batch: &TraceBatch) -> String {
    let resource = batch.resource_spans().next().expect("a resource");
    let scope = resource.scope_spans().next().expect("a scope");
    let span = scope.spans().next().expect("a span");
    let search = find(&span, &scope, &mut Scopes::default());
    let mut lines = Vec::new();
    match search.found {
        None => lines.push("none".to_owned()),
        Some(found) => {
            lines.push(names().nth(found.dialect).unwrap_or_default().to_owned());
            for (at, message) in found.conversation.messages.into_iter().enumerate() {
                let calls = message
                    .tool_calls
                    .iter()
                    .map(|call| format!(" {}({})", call.name, call.arguments));
                let index = found.places.of(at);
                let place = if index == at {
                    String::new()
                } else {
                    format!("@{index}")
                };
                lines.push(format!(
                    "{:?}{place}{}: {}{}",
                    message.role,
                    if message.failed { "!" } else { "" },
                    message.text,
                    calls.collect::<String>()
                ));
            }
        }
    }
    let unparsed: usize = search.unparsed.iter().sum();
    if unparsed > 0 {
        lines.push(format!("unparsed {unparsed}"));
    }
    lines.join("\n")
}

pub(super) fn check(attributes: &[(&str, &str)], expected: &str) {
    check_in("scope", attributes, expected);
}

pub(super) fn check_in(scope: &str, attributes: &[(&str, &str)], expected: &str) {
    let span = attributes
        .iter()
        .fold(builder(), |span, (key, value)| span.attribute(key, Value::Str(value)));
    assert_eq!(shown(&batch_of(scope, span)), expected, "{scope} {attributes:?}");
}

pub(super) fn check_events(events: &[(&str, &[(&str, &str)])], expected: &str) {
    let span = events.iter().fold(builder(), |span, (name, attributes)| {
        let attributes: Vec<_> = attributes
            .iter()
            .map(|(key, value)| (*key, Value::Str(value)))
            .collect();
        span.event(1, name, &attributes)
    });
    assert_eq!(shown(&batch(span)), expected, "{events:?}");
}

#[test]
fn otel_messages() {
    check(
        &[
            (
                "gen_ai.system_instructions",
                r#"[{"type":"text","content":"Be kind."}]"#,
            ),
            (
                "gen_ai.input.messages",
                r#"[{"role":"user","parts":[{"type":"text","content":"Weather in Paris?"}]},
                    {"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"get_weather","arguments":{"location":"Paris"}}]},
                    {"role":"tool","parts":[{"type":"tool_call_response","id":"c1","result":"rainy, 57°F"}]}]"#,
            ),
            (
                "gen_ai.output.messages",
                r#"[{"role":"assistant","parts":[{"type":"text","content":"It rains."}],"finish_reason":"stop"}]"#,
            ),
        ],
        "otel\nUser: Weather in Paris?\nAssistant:  get_weather({\"location\":\"Paris\"})\nTool: rainy, 57°F\nAssistant: It rains.",
    );
    check(&[("gen_ai.input.messages", "[{\"role\":")], "none\nunparsed 1");
    check(&[("gen_ai.input.messages", "[]")], "none");
    check(&[("gen_ai.system_instructions", "[]")], "none");
    check_events(
        &[(
            "gen_ai.client.inference.operation.details",
            &[(
                "gen_ai.input.messages",
                r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#,
            )],
        )],
        "otel\nUser: hi",
    );
}

#[test]
fn half_a_character_does_not_hide_the_messages() {
    check(
        &[(
            "gen_ai.input.messages",
            r#"[{"role":"user","content":"look \ud83d"},{"role":"user","content":"This is useless. I want a human."}]"#,
        )],
        "otel\nUser: look \u{fffd}\nUser: This is useless. I want a human.",
    );
    check(
        &[("input", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\nb\"}]}")],
        "generic\nUser: a b",
    );
}

#[test]
fn otel_events() {
    check_events(
        &[
            ("gen_ai.system.message", &[("content", "Be kind."), ("role", "system")]),
            ("gen_ai.user.message", &[("content", "Weather?")]),
            (
                "gen_ai.assistant.message",
                &[(
                    "tool_calls",
                    r#"[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]"#,
                )],
            ),
            ("gen_ai.tool.message", &[("content", "rainy"), ("id", "c1")]),
            (
                "gen_ai.choice",
                &[
                    ("index", "0"),
                    ("finish_reason", "stop"),
                    ("message", r#"{"role":"assistant","content":"Rain."}"#),
                ],
            ),
        ],
        "otel_events\nSystem: Be kind.\nUser: Weather?\nAssistant:  f({})\nTool: rainy\nAssistant: Rain.",
    );
    check_events(
        &[("gen_ai.user.message", &[("content", "[1, 2] is a list")])],
        "otel_events\nUser: [1, 2] is a list",
    );
    check_events(&[("gen_ai.user.message", &[])], "none");
}

#[test]
fn otel_json() {
    check_events(
        &[
            (
                "gen_ai.content.prompt",
                &[("gen_ai.prompt", r#"[{"role":"user","content":"Hello"}]"#)],
            ),
            (
                "gen_ai.content.completion",
                &[("gen_ai.completion", r#"[{"role":"assistant","content":"Hi!"}]"#)],
            ),
        ],
        "otel_json\nUser: Hello\nAssistant: Hi!",
    );
    check(
        &[("gen_ai.prompt", "Tell me a joke"), ("gen_ai.completion", "No.")],
        "otel_json\nUser: Tell me a joke\nAssistant: No.",
    );
    check(
        &[(
            "gen_ai.completion",
            r#"[[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]]"#,
        )],
        "otel_json\nAssistant:  f({})",
    );
    check(&[("gen_ai.prompt", "{broken")], "none\nunparsed 1");
}

#[test]
fn openllmetry() {
    check(
        &[
            ("gen_ai.prompt.1.content", "This is useless"),
            ("gen_ai.prompt.1.role", "user"),
            ("gen_ai.prompt.0.role", "system"),
            ("gen_ai.prompt.0.content", "Be kind."),
            ("gen_ai.completion.0.role", "assistant"),
            ("gen_ai.completion.0.finish_reason", "tool_calls"),
            ("gen_ai.completion.0.tool_calls.0.name", "get_weather"),
            ("gen_ai.completion.0.tool_calls.0.arguments", "{\"a\":1}"),
        ],
        "openllmetry\nSystem: Be kind.\nUser: This is useless\nAssistant:  get_weather({\"a\":1})",
    );
    check(
        &[
            ("llm.prompts.0.role", "user"),
            (
                "llm.prompts.0.content",
                r#"[{"type":"text","text":"what is this?"},{"type":"image_url","image_url":{"url":"x"}}]"#,
            ),
            ("gen_ai.completion.0.message.content", "A cat."),
        ],
        "openllmetry\nUser: what is this?\nAssistant: A cat.",
    );
    // Content tracing is off: the roles alone are no conversation.
    check(
        &[
            ("gen_ai.prompt.0.role", "user"),
            ("gen_ai.completion.0.role", "assistant"),
        ],
        "none",
    );
    // A hostile index asks for no memory.
    check(
        &[
            ("gen_ai.prompt.999999999.content", "x"),
            ("gen_ai.prompt.2.content", "y"),
        ],
        "openllmetry\nUser: y\nUser: x",
    );
    check(&[("gen_ai.prompt.4294967295.content", "x")], "openllmetry\nUser: x");
    check(
        &[("gen_ai.prompt.99999999999999999999.content", "x")],
        "none\nunparsed 1",
    );
    // A small gap keeps the client's own indexes.
    check(&[("gen_ai.prompt.1.content", "x")], "openllmetry\nSystem: \nUser: x");
}

#[test]
fn openinference() {
    check(
        &[
            ("openinference.span.kind", "LLM"),
            ("llm.input_messages.0.message.role", "user"),
            ("llm.input_messages.0.message.contents.0.message_content.type", "text"),
            (
                "llm.input_messages.0.message.contents.0.message_content.text",
                "What is",
            ),
            ("llm.input_messages.0.message.contents.1.message_content.text", "this?"),
            ("llm.output_messages.0.message.role", "assistant"),
            ("llm.output_messages.0.message.content", "A cat."),
            (
                "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
                "f",
            ),
            (
                "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments",
                "{}",
            ),
            ("input.value", "{}"),
        ],
        "openinference\nUser: What is\nthis?\nAssistant: A cat. f({})",
    );
    check(&[("llm.input_messages.0.message.content", "__REDACTED__")], "none");
    check(
        &[
            ("llm.prompts.0.prompt.text", "Once upon"),
            ("llm.choices.0.completion.text", "a time"),
        ],
        "openinference\nUser: Once upon\nAssistant: a time",
    );
    check(
        &[
            ("openinference.span.kind", "LLM"),
            (
                "input.value",
                r#"{"messages":[{"role":"user","content":"hi"}],"model":"m"}"#,
            ),
            ("output.value", "hello"),
        ],
        "openinference\nUser: hi\nAssistant: hello",
    );
    check(
        &[("openinference.span.kind", "CHAIN"), ("input.value", "not a chat")],
        "none",
    );
}

#[test]
fn other_keys_are_no_conversation() {
    check(
        &[
            ("http.method", "GET"),
            ("gen_ai.request.model", "m"),
            ("gen_ai.usage.input_tokens", "3"),
            ("gen_ai.prompt_tokens", "3"),
            ("llm.request.type", "chat"),
            ("input.mime_type", "text/plain"),
            ("", ""),
        ],
        "none",
    );
}

#[test]
fn each_side_comes_from_the_first_dialect_that_has_it() {
    check(
        &[
            ("gen_ai.input.messages", r#"[{"role":"user","content":"from otel"}]"#),
            ("gen_ai.prompt.0.content", "from openllmetry"),
            ("gen_ai.completion.0.content", "reply of openllmetry"),
        ],
        "otel\nUser: from otel\nAssistant: reply of openllmetry",
    );
}

// Written by hand from the emitters' documentation, as `captured` has no spans of them.

#[test]
fn google_adk() {
    check_in(
        "gcp.vertex.agent",
        &[
            (
                "gcp.vertex.agent.llm_request",
                r#"{"model":"m","contents":[{"role":"user","parts":[{"text":"Weather?"}]},
                    {"role":"model","parts":[{"function_call":{"name":"f","args":{}}}]},
                    {"role":"user","parts":[{"function_response":{"name":"f","response":{"t":3}}}]}]}"#,
            ),
            (
                "gcp.vertex.agent.llm_response",
                r#"{"content":{"role":"model","parts":[{"text":"Cold."}]}}"#,
            ),
        ],
        "google_adk\nUser: Weather?\nAssistant:  f({})\nTool: {\"t\":3}\nAssistant: Cold.",
    );
    check(&[("gcp.vertex.agent.llm_request", "{}")], "none");
    check(&[("gcp.vertex.agent.llm_request", "{x")], "none\nunparsed 1");
}

#[test]
fn genkit_and_mlflow() {
    let (input, output) = (
        r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#,
        r#"{"message":{"role":"model","content":[{"text":"hello"}]}}"#,
    );
    let genkit = [("genkit:input", input), ("genkit:output", output)];
    check(&genkit, "genkit\nUser: hi\nAssistant: hello");
    let flow = [genkit[0], genkit[1], ("genkit:metadata:subtype", "flow")];
    check(&flow, "none");
    let mlflow = [("mlflow.spanInputs", input), ("mlflow.spanOutputs", output)];
    check(&mlflow, "mlflow\nUser: hi\nAssistant: hello");
    check(&[mlflow[0], ("mlflow.spanType", "\"AGENT\"")], "none");
    check(&[mlflow[0], ("mlflow.spanType", "\"CHAT_MODEL\"")], "mlflow\nUser: hi");
}

#[test]
fn names_that_anybody_may_use_need_their_scope_or_messages() {
    let events = r#"[{"event.name":"gen_ai.user.message","content":"hi"}]"#;
    check(&[("events", events)], "none");
    check_in("pydantic-ai", &[("events", events)], "pydantic_ai\nUser: hi");
    check_in("pydantic-ai", &[("events", "[{")], "none\nunparsed 1");
    let request = ("request_data", r#"{"messages":[{"role":"user","content":"hi"}]}"#);
    let response = ("response_data", r#"{"message":{"role":"assistant","content":"hello"}}"#);
    check(&[request, response], "none");
    check_in(
        "logfire.openai",
        &[request, response],
        "pydantic_ai\nUser: hi\nAssistant: hello",
    );
    let list = r#"[{"role":"user","content":"hi"}]"#;
    check(&[("input", list), ("output", "plain")], "generic\nUser: hi");
    for other in ["SELECT 1", "{broken", "[1,2]", r#"{"a":1}"#, ""] {
        check(&[("input", other)], "none");
    }
}

#[test]
fn older_langtrace_and_vercel() {
    check_in(
        "langtrace-typescript-sdk",
        &[
            ("llm.prompts", r#"[{"role":"user","content":"hi"}]"#),
            (
                "llm.responses",
                r#"[{"message":{"role":"assistant","content":"hello"}}]"#,
            ),
        ],
        "langtrace\nUser: hi\nAssistant: hello",
    );
    check_in(
        "ai",
        &[
            ("ai.operationId", "ai.generateText.doGenerate"),
            ("ai.prompt", r#"{"prompt":"hi"}"#),
            ("ai.result.text", "hello"),
        ],
        "vercel_ai\nUser: hi\nAssistant: hello",
    );
    check_in("ai", &[("ai.prompt.messages", "[{")], "none\nunparsed 1");
}

#[test]
fn outer_spans_are_left_to_their_inner_ones() {
    let hi = ("gen_ai.input.messages", r#"[{"role":"user","content":"hi"}]"#);
    check(&[hi], "otel\nUser: hi");
    for (key, outer, inner) in [
        ("gen_ai.operation.name", "invoke_agent", "chat"),
        ("langfuse.observation.type", "span", "generation"),
        ("langsmith.span.kind", "chain", "llm"),
        ("langtrace.service.type", "framework", "llm"),
        ("logfire.span_type", "pending_span", "span"),
        ("openinference.span.kind", "AGENT", "LLM"),
        ("ai.operationId", "ai.streamText", "ai.streamText.doStream"),
    ] {
        check(&[hi, (key, outer)], "none");
        check(&[(key, inner), hi], "otel\nUser: hi");
    }
    check(&[hi, ("traceloop.span.kind", "workflow")], "none");
    check(&[hi, ("pydantic_ai.all_messages", "[]")], "none");
    // An agent elsewhere, called over the network: nobody else tells us what it was asked.
    let remote = builder().kind(3).attribute(hi.0, Value::Str(hi.1));
    let remote = remote.attribute("gen_ai.operation.name", Value::Str("invoke_agent"));
    assert_eq!(shown(&batch(remote)), "otel\nUser: hi");
}

#[test]
fn a_traces_own_input_counts_where_nothing_else_is_there() {
    let trace = ("langfuse.trace.input", r#"[{"role":"user","content":"whole"}]"#);
    check(&[trace], "langfuse\nUser: whole");
    let step = ("langfuse.observation.input", r#"[{"role":"user","content":"step"}]"#);
    check(&[trace, step], "langfuse\nUser: step");
    check(&[trace, ("langfuse.observation.type", "span")], "none");
}

#[test]
fn keys_of_content_pass_the_first_look_and_figures_are_none() {
    for key in [
        "ai.prompt",
        "ai.prompt.messages",
        "ai.response.text",
        "ai.response.toolCalls",
        "ai.toolCall.result",
        "all_messages_events",
        "events",
        "final_result",
        "gcp.vertex.agent.llm_request",
        "gen_ai.completion.0.content",
        "gen_ai.input.messages",
        "gen_ai.prompt",
        "gen_ai.system_instructions",
        "genkit:input",
        "input",
        "input.value",
        "langfuse.observation.input",
        "langfuse.trace.output",
        "llm.input_messages.0.message.content",
        "llm.openai.messages",
        "llm.prompts",
        "llm.responses",
        "mlflow.spanInputs",
        "output",
        "output.value",
        "pydantic_ai.all_messages",
        "request_data",
        "response_data",
        "tool_arguments",
        "tool_response",
        "traceloop.entity.input",
    ] {
        assert!(is_candidate(key.as_bytes()), "{key}");
        assert!(
            DIALECTS.iter().any(|dialect| dialect.carries_key(key.as_bytes())),
            "{key}"
        );
    }
    for key in [
        "gen_ai.usage.input_tokens",
        "llm.cost.prompt",
        "llm.request.type",
        "llm.token_count.prompt",
        "llm.usage.total_tokens",
        "input.mime_type",
        "tool_count",
    ] {
        assert!(
            !DIALECTS.iter().any(|dialect| dialect.carries_key(key.as_bytes())),
            "{key}"
        );
    }
}
