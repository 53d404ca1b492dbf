//! Spans captured from real emitters: what is read from them and written on them. Every capture is of one conversation (a question
//! that a tool answers, then a complaint and a request for a human), held against a stand-in for OpenAI's API on loopback with
//! the scripts in `tests/fixtures/dialects/capture/` and trimmed by `trim.py` there; each test's comment names the package, its
//! version and the script. Only bookkeeping was taken off: ids, keys and values are the emitters' own.

use super::{tests::processor, *};
use crate::otlp::{ValueRef, json};

/// What the last span says, in every dialect; the arguments as the emitter spells them.
const WHOLE: &str = "\
System: You help customers of a shop.
User: Where is my order 42?
Assistant:  order_status(ARGUMENTS)
Tool: Order 42: in transit
Assistant: Order 42 is still on its way.
User: This is useless. I want to speak to a human.
Assistant: I am sorry to hear that.";

fn batch(fixture: &str) -> TraceBatch {
    json::read(fixture.as_bytes()).expect("OTLP/JSON").batch
}

/// Calls `each` with every span of a batch.
fn each_span(batch: &TraceBatch, mut each: impl FnMut(&crate::otlp::ScopeSpansRef<'_>, &SpanRef<'_>)) {
    for resource in batch.resource_spans() {
        for scope in resource.scope_spans() {
            scope.spans().for_each(|span| each(&scope, &span));
        }
    }
}

/// A line a span: its name, then the dialect and the number of messages where a conversation is found; the messages of the
/// last one.
fn read(batch: &TraceBatch) -> (Vec<String>, String) {
    let (mut lines, mut messages) = (Vec::new(), String::new());
    let mut scopes = dialects::Scopes::default();
    each_span(batch, |scope, span| {
        let search = dialects::find(span, scope, &mut scopes);
        assert_eq!(search.unparsed.iter().sum::<usize>(), 0, "{}", span.name());
        let Some(found) = search.found else {
            lines.push(span.name().to_owned());
            return;
        };
        let dialect = dialects::names().nth(found.dialect).expect("a name");
        let said: Vec<String> = (found.conversation.messages.iter())
            .map(|message| {
                let calls = message.tool_calls.iter();
                let calls: String = calls
                    .map(|call| format!(" {}({})", call.name, call.arguments))
                    .collect();
                format!("{:?}: {}{calls}", message.role, message.text)
            })
            .collect();
        lines.push(format!("{}: {dialect} {}", span.name(), said.len()));
        messages = said.join("\n");
    });
    (lines, messages)
}

/// Names of the spans with a report, with what it says.
fn enriched(batch: &TraceBatch) -> Vec<String> {
    let mut lines = Vec::new();
    each_span(batch, |_, span| {
        let (mut quality, mut escalation) = (None, "");
        for attribute in span.attributes() {
            match (attribute.key(), attribute.value()) {
                ("signals.quality", ValueRef::Str(word)) => quality = Some(word.to_owned()),
                ("signals.escalation.requested", ValueRef::Str("true")) => escalation = ", escalation",
                _ => {}
            }
        }
        if let Some(quality) = quality {
            lines.push(format!("{}: {quality}{escalation}", span.name()));
        }
    });
    lines
}

/// Checks which spans have a conversation, what the last one says, that these alone are enriched and the last one alone is
/// flagged, and that `content: drop` leaves no word of it on any span.
fn check(fixture: &str, spans: &[&str], messages: &str) {
    let (lines, read) = read(&batch(fixture));
    assert_eq!(lines, spans);
    assert_eq!(read, messages);

    let signals = processor(Config::default());
    let reports = enriched(&signals.process(batch(fixture)).expect("accepted"));
    let found = spans.iter().filter_map(|line| line.split_once(": "));
    let names: Vec<&str> = found.map(|(name, _)| name).collect();
    assert_eq!(reports.len(), names.len(), "{reports:?}");
    for (i, (report, name)) in reports.iter().zip(&names).enumerate() {
        if i + 1 == names.len() {
            assert_eq!(*report, format!("{name} 🚩: Severe, escalation"));
        } else {
            assert!(report.starts_with(name) && !report.contains("🚩"), "{report}");
        }
    }

    let dropping = processor(Config {
        content: Content::Drop,
        ..Config::default()
    });
    let dropped = dropping.process(batch(fixture)).expect("accepted").chunks().concat();
    let dropped = String::from_utf8_lossy(&dropped);
    for word in [
        "You help",
        "my order",
        "in transit",
        "on its way",
        "useless",
        "I am sorry",
    ] {
        assert!(!dropped.contains(word), "{word:?} is left");
    }
}

/// The conversation with the tool call's arguments as the emitter spells them.
fn whole(arguments: &str) -> String {
    WHOLE.replace("ARGUMENTS", arguments)
}

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../tests/fixtures/dialects/", $name, ".json"))
    };
}

const SPACED: &str = r#"{"order_id": "42"}"#;
const CLOSE: &str = r#"{"order_id":"42"}"#;

/// opentelemetry-instrumentation-openai 0.40.14 with openai 3.57.0, `openllmetry_openai.py`: the indexed form.
#[test]
fn openllmetry_indexed() {
    let spans = [
        "openai.chat: openllmetry 3",
        "openai.chat: openllmetry 5",
        "openai.chat: openllmetry 7",
    ];
    check(fixture!("openllmetry_0_40"), &spans, &whole(SPACED));
}

/// opentelemetry-instrumentation-openai 0.62.4 with openai 3.57.0, `openllmetry_openai.py`: it has moved to the current OTel form.
#[test]
fn openllmetry_current() {
    let spans = ["openai.chat: otel 3", "openai.chat: otel 5", "openai.chat: otel 7"];
    check(fixture!("openllmetry"), &spans, &whole(CLOSE));
}

/// openinference-instrumentation-openai 0.1.66 with openai 3.57.0, `openinference_openai.py`.
#[test]
fn openinference() {
    let name = "ChatCompletion: openinference";
    let spans = [format!("{name} 3"), format!("{name} 5"), format!("{name} 7")];
    check(
        fixture!("openinference"),
        &spans.each_ref().map(String::as_str),
        &whole(SPACED),
    );
}

/// langtrace-python-sdk 3.8.21 with openai 3.57.0, `langtrace_openai.py`. It loses the call in the history (a list of one call
/// without a name), whose place is kept.
#[test]
fn langtrace() {
    let name = "openai.chat.completions.create: langtrace";
    let spans = [format!("{name} 3"), format!("{name} 5"), format!("{name} 7")];
    let messages = WHOLE.replace(" order_status(ARGUMENTS)", "");
    check(fixture!("langtrace"), &spans.each_ref().map(String::as_str), &messages);
}

/// pydantic-ai-slim 1.107.10 with logfire 4.41.0, `pydantic_ai_agent.py 1`: events as JSON on the model's spans, repeated by the
/// agent's.
#[test]
fn pydantic_ai_events() {
    let spans = [
        "chat gpt-4o-mini: pydantic_ai 3",
        "running tool",
        "chat gpt-4o-mini: pydantic_ai 5",
        "agent run",
        "chat gpt-4o-mini: pydantic_ai 7",
        "agent run",
    ];
    check(fixture!("pydantic_ai_v1"), &spans, &whole(SPACED));
}

/// pydantic-ai-slim 2.68.0 with logfire 5.4.0, `pydantic_ai_agent.py 3`: the current OTel form, repeated by the agent's span.
#[test]
fn pydantic_ai_current() {
    let spans = [
        "chat gpt-4o-mini: otel 3",
        "execute_tool order_status",
        "chat gpt-4o-mini: otel 5",
        "invoke_agent agent",
        "chat gpt-4o-mini: otel 7",
        "invoke_agent agent",
    ];
    check(fixture!("pydantic_ai"), &spans, &whole(SPACED));
}

/// logfire 5.4.0 with openai 3.57.0, `pydantic_ai_agent.py openai`: Logfire's own instrumentation of a client.
#[test]
fn logfire() {
    let name = "Chat Completion with {request_data[model]!r}: otel";
    let spans = [format!("{name} 3"), format!("{name} 5"), format!("{name} 7")];
    check(
        fixture!("logfire"),
        &spans.each_ref().map(String::as_str),
        &whole(CLOSE),
    );
}

/// litellm 1.110.2, `litellm_otel.py`: the current OTel form, a reply's call in OpenLLMetry's; the raw request repeats it.
#[test]
fn litellm() {
    let spans = [
        "litellm_request: otel 3",
        "raw_gen_ai_request",
        "litellm_request: otel 5",
        "raw_gen_ai_request",
        "litellm_request: otel 7",
        "raw_gen_ai_request",
    ];
    check(fixture!("litellm"), &spans, &whole(SPACED));
}

/// ai 6.0.326 with @ai-sdk/openai-compatible 2.0.92, `vercel_ai.mjs`: outer spans repeat the inner ones.
#[test]
fn vercel_ai() {
    let spans = [
        "ai.generateText.doGenerate: vercel_ai 3",
        "ai.toolCall",
        "ai.generateText.doGenerate: vercel_ai 5",
        "ai.generateText",
        "ai.generateText.doGenerate: vercel_ai 7",
        "ai.generateText",
    ];
    check(fixture!("vercel_ai"), &spans, &whole(CLOSE));
}

/// strands-agents 1.62.0 with its OpenAI provider, `strands_agent.py`: agent, cycle and tool spans repeat the chat spans.
#[test]
fn strands() {
    let spans = [
        "chat: strands 3",
        "execute_tool order_status",
        "execute_event_loop_cycle",
        "chat: strands 5",
        "execute_event_loop_cycle",
        "invoke_agent Strands Agents",
        "chat: strands 7",
        "execute_event_loop_cycle",
        "invoke_agent Strands Agents",
    ];
    check(fixture!("strands"), &spans, &whole(CLOSE));
}

/// langfuse 5.0.4 with openai 3.57.0, `langfuse_openai.py`: generations inside an observed function.
#[test]
fn langfuse() {
    let spans = [
        "OpenAI-generation: langfuse 3",
        "OpenAI-generation: langfuse 5",
        "OpenAI-generation: langfuse 7",
        "support",
    ];
    check(fixture!("langfuse"), &spans, &whole(SPACED));
}
