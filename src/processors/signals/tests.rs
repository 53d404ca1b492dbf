//! What the processor does to spans, seen from outside: bytes in, bytes out.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use prost::Message as _;

use super::*;
use crate::{
    otlp::{SpanBuilder, SpanId, TraceId, Value, validate},
    pipeline::ComponentId,
};

pub(crate) fn processor(config: Config) -> Box<dyn Processor> {
    let host = Host {
        id: ComponentId {
            kind: "signals".to_owned(),
            name: String::new(),
        },
        default_host: "localhost".to_owned(),
        sinks: Arc::new(HashMap::new()),
        sources: Arc::new(HashMap::new()),
        methods: Arc::new(Vec::new()),
        authenticators: Default::default(),
    };
    config.build(&host).expect("a valid config")
}

fn chat(user: &[&str]) -> SpanBuilder {
    let mut span = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "openai.chat").times(1, 2);
    for (i, text) in user.iter().enumerate() {
        span = span
            .attribute(&format!("gen_ai.prompt.{i}.role"), Value::Str("user"))
            .attribute(&format!("gen_ai.prompt.{i}.content"), Value::Str(text));
    }
    span
}

fn batch(span: SpanBuilder) -> TraceBatch {
    SpanBuilder::batch(&[("service.name", Value::Str("shop"))], ("scope", ""), [span])
}

fn wire(batch: &TraceBatch) -> Vec<u8> {
    batch.chunks().concat()
}

type Request = opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

/// Name, attributes and events of the one span, as text, without its messages.
fn shown(batch: &TraceBatch) -> String {
    let request = Request::decode(wire(batch).as_slice()).expect("valid for a strict decoder");
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    let value = |value: &Option<opentelemetry_proto::tonic::common::v1::AnyValue>| {
        use opentelemetry_proto::tonic::common::v1::any_value::Value;
        match value.as_ref().and_then(|value| value.value.clone()) {
            Some(Value::StringValue(text)) => format!("{text:?}"),
            Some(Value::BoolValue(value)) => value.to_string(),
            Some(Value::IntValue(value)) => value.to_string(),
            Some(Value::DoubleValue(value)) => format!("{value:?}"),
            other => format!("{other:?}"),
        }
    };
    let mut lines = vec![span.name.clone()];
    for attribute in span
        .attributes
        .iter()
        .filter(|attribute| !attribute.key.starts_with("gen_ai."))
    {
        lines.push(format!("{} = {}", attribute.key, value(&attribute.value)));
    }
    for event in &span.events {
        let attributes = event
            .attributes
            .iter()
            .map(|entry| format!(" {}={}", entry.key, value(&entry.value)));
        lines.push(format!("@ {}{}", event.name, attributes.collect::<String>()));
    }
    lines.join("\n")
}

const ANGRY: [&str; 2] = ["Where is my order?", "This is useless, I want to speak to a human."];

#[test]
fn a_conversation_that_went_wrong_is_flagged() {
    let out = processor(Config::default())
        .process(batch(chat(&ANGRY)))
        .expect("accepted");
    let text = shown(&out);
    assert!(text.starts_with("openai.chat 🚩\n"), "{text}");
    for expected in [
        "signals.quality = \"Severe\"",
        "signals.turn_count = 2",
        "signals.efficiency_score = 1.0",
        "signals.escalation.requested = \"true\"",
        "signals.interaction.disengagement.count = 2",
        "signals.flagged = true",
        "@ signal.interaction.disengagement.escalation signal.type=\"interaction.disengagement.escalation\" signal.message_index=1",
    ] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    assert!(!text.contains("signal.snippet"), "{text}");
}

#[test]
fn a_friendly_conversation_is_not() {
    let out = processor(Config::default()).process(batch(chat(&["Where is my order?", "Great, thank you!"])));
    let text = shown(&out.expect("accepted"));
    assert!(text.starts_with("openai.chat\n"), "{text}");
    assert!(text.contains("signals.positive_feedback.count = "), "{text}");
    assert!(!text.contains("signals.flagged"), "{text}");
}

#[test]
fn a_span_without_a_conversation_stays_byte_for_byte() {
    let mut bytes = wire(&batch(SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "GET /")));
    // An unknown field of the request, as a later version of the protocol may have it.
    bytes.extend_from_slice(&[0xfa, 0x07, 3, 1, 2, 3]);
    let before = validate(Bytes::from(bytes.clone())).expect("valid").batch;
    let after = processor(Config {
        content: Content::Drop,
        ..Config::default()
    })
    .process(before)
    .expect("accepted");
    assert_eq!(wire(&after), bytes);
}

#[test]
fn a_report_is_written_once() {
    let signals = processor(Config::default());
    let once = signals.process(batch(chat(&ANGRY))).expect("accepted");
    let twice = signals.process(once.clone()).expect("accepted");
    assert_eq!(wire(&twice), wire(&once));
    let overwriting = processor(Config {
        overwrite: true,
        ..Config::default()
    });
    assert_eq!(
        shown(&overwriting.process(once.clone()).expect("accepted")),
        shown(&once)
    );
}

#[test]
fn options_choose_what_is_written() {
    let config = Config {
        flag: false,
        events: false,
        attributes: vec![AttributeGroup::Core],
        ..Config::default()
    };
    let text = shown(&processor(config).process(batch(chat(&ANGRY))).expect("accepted"));
    assert!(text.starts_with("openai.chat\n"), "{text}");
    assert!(!text.contains("@ ") && !text.contains("signals.interaction."), "{text}");
    assert!(
        !text.contains("signals.flagged"),
        "the name and the attribute are one flag:\n{text}"
    );

    let snippets = Config {
        snippets: true,
        ..Config::default()
    };
    let text = shown(&processor(snippets).process(batch(chat(&ANGRY))).expect("accepted"));
    assert!(text.contains("signal.snippet=\""), "{text}");

    let annotated = Config {
        xray_annotations: true,
        ..Config::default()
    };
    let text = shown(&processor(annotated).process(batch(chat(&ANGRY))).expect("accepted"));
    assert!(
        text.contains("aws.xray.annotations = ") && text.contains("StringValue(\"signals.quality\")"),
        "{text}"
    );
}

#[test]
fn content_is_dropped_after_the_analysis() {
    let config = || Config {
        content: Content::Drop,
        ..Config::default()
    };
    let out = processor(config()).process(batch(chat(&ANGRY))).expect("accepted");
    assert!(shown(&out).contains("signals.quality = \"Severe\""));
    for secret in ["useless", "gen_ai.prompt"] {
        assert!(!String::from_utf8_lossy(&wire(&out)).contains(secret), "{secret}");
    }
    // Also from a span that was enriched elsewhere.
    let enriched = processor(Config::default())
        .process(batch(chat(&ANGRY)))
        .expect("accepted");
    let out = processor(config()).process(enriched).expect("accepted");
    assert!(!String::from_utf8_lossy(&wire(&out)).contains("useless"));
}

#[test]
fn what_a_workflow_was_given_and_gave_is_content() {
    let dropping = processor(Config {
        content: Content::Drop,
        ..Config::default()
    });
    let workflow = || SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "book.workflow");
    for span in [workflow(), chat(&ANGRY)] {
        let span = span
            .attribute("traceloop.span.kind", Value::Str("workflow"))
            .attribute("traceloop.entity.input", Value::Str(r#"{"question":"my secret"}"#))
            .attribute("traceloop.entity.output", Value::Str("a secret too"));
        let out = dropping.process(batch(span)).expect("accepted");
        let text = String::from_utf8_lossy(&wire(&out)).into_owned();
        assert!(
            !text.contains("secret") && text.contains("traceloop.span.kind"),
            "{text}"
        );
    }
}

/// One that drops content, and looks for little.
fn dropping() -> Box<dyn Processor> {
    processor(Config {
        content: Content::Drop,
        languages: vec!["en".to_owned()],
        ..Config::default()
    })
}

/// What it exports of a span, as text.
fn dropped(dropping: &dyn Processor, scope: &str, attributes: &[(&str, &str)], event: Option<&str>) -> String {
    let span = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "chat");
    let span = (attributes.iter()).fold(span, |span, (key, value)| span.attribute(key, Value::Str(value)));
    let span = (event.iter()).fold(span, |span, name| {
        span.event(1, name, &[("gen_ai.completion", Value::Str("secret"))])
    });
    let batch = SpanBuilder::batch(&[], (scope, ""), [span]);
    String::from_utf8_lossy(&wire(&dropping.process(batch).expect("accepted"))).into_owned()
}

#[test]
fn messages_that_were_cut_off_are_content() {
    let signals = dropping();
    let exported =
        |scope: &str, attributes: &[(&str, &str)], event: Option<&str>| dropped(&*signals, scope, attributes, event);
    let messages = r#"[{"role":"user","content":"my secret"}]"#;
    for key in ["input", "output"] {
        for end in 1..=messages.len() {
            let text = exported("scope", &[(key, &messages[..end])], None);
            assert!(!text.contains("secret") && !text.contains("role"), "{end}: {text}");
        }
        let text = exported("scope", &[(key, " {'role': 'user', 'content': 'my secret'}")], None);
        assert!(!text.contains("secret"), "{text}");
        for kept in ["SELECT 1 secret", r#"{"rows":"secret"}"#, "3"] {
            assert!(exported("scope", &[(key, kept)], None).contains(kept), "{kept}");
        }
    }
}

#[test]
fn what_surrounds_the_messages_is_content() {
    let signals = dropping();
    let exported =
        |scope: &str, attributes: &[(&str, &str)], event: Option<&str>| dropped(&*signals, scope, attributes, event);
    for key in [
        "ai.prompt.tools",
        "ai.response.files",
        "ai.values",
        "embedding.embeddings.0.embedding.text",
        "embedding.text",
        "gen_ai.completion.last.content",
        "gen_ai.prompt.x.content",
        "gen_ai.retrieval.documents",
        "gen_ai.retrieval.query.text",
        "gen_ai.tool.definitions",
        "llm.choices",
        "llm.function_call",
        "llm.input_messages",
        "llm.input_messages.x.message.content",
        "llm.invocation_parameters",
        "llm.prompt_template.template",
        "llm.prompt_template.variables",
        "llm.prompts",
        "llm.prompts.x.prompt.text",
        "llm.request.functions.0.description",
        "llm.tools.0.tool.json_schema",
        "reranker.input_documents.0.document.content",
        "reranker.output_documents.0.document.metadata",
        "reranker.query",
        "retrieval.documents",
        "retrieval.documents.0.document.content",
        "retrieval.documents.0.document.metadata",
        "tool.parameters",
        "traceloop.prompt.template",
        "traceloop.prompt.template_variables",
    ] {
        let text = exported("scope", &[(key, "secret")], None);
        assert!(!text.contains("secret"), "{key}");
        let text = exported("scope", &[("openinference.span.kind", "TOOL"), (key, "secret")], None);
        assert!(!text.contains("secret"), "{key} of a tool");
    }
    assert!(!exported("pydantic-ai", &[("model_request_parameters", "secret")], None).contains("secret"));
    for (scope, event) in [
        ("langtrace-typescript-sdk", "stream.output"),
        ("scope", "gen_ai.content.completion.chunk"),
    ] {
        assert!(!exported(scope, &[], Some(event)).contains("secret"), "{event}");
    }
}

#[test]
fn names_and_figures_beside_the_messages_stay() {
    let signals = dropping();
    let exported =
        |scope: &str, attributes: &[(&str, &str)], event: Option<&str>| dropped(&*signals, scope, attributes, event);
    for key in [
        "embedding.model_name",
        "gen_ai.prompt.name",
        "gen_ai.tool.name",
        "llm.model_name",
        "llm.prompt_template.version",
        "llm.tools",
        "model_request_parameters",
        "reranker.model_name",
        "retrieval.documents.0.document.id",
        "retrieval.documents.0.document.score",
        "retrieval.documents_found",
        "tool.name",
        "traceloop.prompt.key",
    ] {
        let attributes = [(key, "figure"), ("gen_ai.prompt.0.content", "hi")];
        assert!(exported("scope", &attributes, None).contains("figure"), "{key}");
    }
}

#[test]
fn a_flag_of_another_hand_goes_where_nothing_is_flagged() {
    let flagged = chat(&["Where is my order?", "Great, thank you!"]).attribute("signals.flagged", Value::Bool(true));
    let out = processor(Config::default()).process(batch(flagged)).expect("accepted");
    let text = shown(&out);
    assert!(
        text.contains("signals.quality = ") && !text.contains("signals.flagged"),
        "{text}"
    );
}

#[test]
fn every_wrong_name_is_told_at_its_place() {
    let check = |config: Config, expected: &[(&str, &str)]| {
        let faults = config.validate();
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        for (fault, (path, reason)) in faults.iter().zip(expected) {
            assert_eq!(fault.path, *path, "{faults:?}");
            assert!(fault.reason.starts_with(reason), "{faults:?}");
        }
    };
    let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    check(Config::default(), &[]);
    check(
        Config {
            languages: list(&["xx", "en", "english"]),
            disabled: list(&[
                "foo.bar",
                "interaction.disengagement.quit",
                "interaction.disengagement.quitt",
                "gratitude",
                "escalaton",
            ]),
            metrics: MetricsConfig {
                labels: list(&["service.name", "type", "service_name"]),
            },
            ..Config::default()
        },
        &[
            ("languages::0", "unknown language \"xx\" (valid values: [en "),
            ("languages::2", "unknown language \"english\" (valid values: [en "),
            (
                "disabled::0",
                "unknown signal type \"foo.bar\" (valid values: [environment.exhaustion.api_error ",
            ),
            (
                "disabled::2",
                "unknown signal type \"interaction.disengagement.quitt\" (did you mean \"interaction.disengagement.quit\"?)",
            ),
            (
                "disabled::3",
                "unknown signal type \"gratitude\" (did you mean \"interaction.satisfaction.gratitude\"?)",
            ),
            (
                "disabled::4",
                "unknown signal type \"escalaton\" (did you mean \"interaction.disengagement.escalation\"?)",
            ),
            (
                "metrics::labels::1",
                "the label \"type\" is taken: the metrics have it already, or Prometheus keeps it for itself",
            ),
            (
                "metrics::labels::2",
                "\"service_name\" is the same label as \"service.name\": service_name",
            ),
        ],
    );
}

/// What the gateway offers for one model call: its raw span.
fn raw_gateway_span(user: &str, reply: &str) -> TraceBatch {
    use crate::gateway::{exchange, spans};
    let messages = serde_json::json!([
        {"role": "user", "parts": [{"type": "text", "content": "Where is my order?"}]},
        {"role": "assistant", "parts": [{"type": "text", "content": "On its way."}]},
        {"role": "user", "parts": [{"type": "text", "content": user}]},
    ]);
    let request = exchange::RequestFacts {
        messages: messages.to_string(),
        ..exchange::RequestFacts::default()
    };
    let reply = exchange::ReplyFacts {
        text: reply.to_owned(),
        complete: true,
        ..exchange::ReplyFacts::default()
    };
    let mut trace = spans::Trace::new(spans::Common {
        trace_id: TraceId([1; 16]),
        ..spans::Common::default()
    });
    let place = spans::Place {
        span_id: SpanId([2; 8]),
        ..spans::Place::default()
    };
    let llm = spans::Llm {
        method: "POST",
        path: "/v1/chat/completions",
        api: exchange::Api::Chat,
        provider: "openai",
        model: "gpt-4o",
        request: &request,
        reply: Some(&reply),
        status: Some(200),
        first_token_unix_nano: None,
        response_bytes: None,
        conversation: true,
        preview: spans::Preview::Hidden,
        failure: None,
    };
    trace.llm(place, &llm);
    trace.into_batch(&spans::Emitter::default().resources())
}

#[test]
fn a_raw_span_of_the_gateway_is_read_and_its_content_dropped() {
    let signals = processor(Config {
        content: Content::Drop,
        ..Config::default()
    });
    let check = |user: &str, reply: &str, name: &str, expected: &[&str]| {
        let out = signals.process(raw_gateway_span(user, reply)).expect("accepted");
        let text = shown(&out);
        assert!(text.starts_with(&format!("{name}\n")), "{text}");
        for expected in expected {
            assert!(text.contains(expected), "{expected} is not in:\n{text}");
        }
        let wire = String::from_utf8_lossy(&wire(&out)).into_owned();
        for content in ["messages", "order", "On its way", user, reply] {
            assert!(!wire.contains(content), "{content:?} is in:\n{wire}");
        }
    };
    check(
        "This is useless, I want to speak to a human.",
        "I will get someone.",
        "POST /v1/chat/completions gpt-4o 🚩",
        &[
            "signals.quality = \"Severe\"",
            // The reply is part of the conversation.
            "signals.turn_count = 4",
            "signals.flagged = true",
        ],
    );
    check(
        "Great, thank you!",
        "You are welcome.",
        "POST /v1/chat/completions gpt-4o",
        &["signals.turn_count = 4", "signals.positive_feedback.count = "],
    );
}

/// A span with "u" and "a" as its messages, under a conversation id where there is one.
fn talk(id: &str, turns: &[(&str, &str)]) -> TraceBatch {
    let mut span = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "openai.chat").times(1, 2);
    if !id.is_empty() {
        span = span.attribute("gen_ai.conversation.id", Value::Str(id));
    }
    for (i, (who, text)) in turns.iter().enumerate() {
        let role = if *who == "u" { "user" } else { "assistant" };
        span = span
            .attribute(&format!("gen_ai.prompt.{i}.role"), Value::Str(role))
            .attribute(&format!("gen_ai.prompt.{i}.content"), Value::Str(text));
    }
    batch(span)
}

const LATE: [(&str, &str); 4] = [
    ("u", "This is useless"),
    ("a", "Sorry."),
    ("u", "I want to speak to a human"),
    ("a", "I will get someone."),
];

/// Lines of a span's text that begin so.
fn lines<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.starts_with(start)).collect()
}

#[test]
fn what_was_said_before_is_shown_again_from_memory() {
    let remembering = processor(Config {
        snippets: true,
        ..Config::default()
    });
    let forgetful = processor(Config {
        snippets: true,
        memory: MemoryConfig { max_bytes: 0 },
        ..Config::default()
    });
    for end in 1..=LATE.len() {
        let show = |signals: &dyn Processor| shown(&signals.process(talk("", &LATE[..end])).expect("accepted"));
        assert_eq!(show(&*remembering), show(&*forgetful), "{end}");
    }
    let text = shown(&remembering.process(talk("", &LATE)).expect("accepted"));
    assert!(
        text.contains("signal.snippet=\"useless\"") || text.contains("useless"),
        "{text}"
    );
}

#[test]
fn a_joined_span_shows_its_own_events_and_the_whole_conversation() {
    let signals = processor(Config {
        snippets: true,
        ..Config::default()
    });
    let first = shown(&signals.process(talk("id", &LATE[..2])).expect("accepted"));
    assert_eq!(lines(&first, "@ ").len(), 1, "{first}");
    let second = shown(&signals.process(talk("id", &LATE[2..])).expect("accepted"));
    for expected in [
        "signals.turn_count = 4",
        "signals.frustration.count = 1",
        "signals.escalation.requested = \"true\"",
        "signals.new_count = 1",
        "signals.interaction.disengagement.count = 2",
    ] {
        assert!(second.contains(expected), "{expected} is not in:\n{second}");
    }
    let events = lines(&second, "@ ");
    assert_eq!(events.len(), 1, "{second}");
    for expected in [
        "disengagement.escalation",
        "signal.message_index=0",
        "signal.snippet=\"speak to a human\"",
    ] {
        assert!(events[0].contains(expected), "{expected} is not in:\n{second}");
    }
}

/// The sum of the lines of a metric.
fn metric(set: &crate::telemetry::Metrics, start: &str) -> f64 {
    let text = set.render();
    let values = text.lines().filter(|line| line.starts_with(start));
    values
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[test]
fn metrics_count_each_signal_once() {
    for joined in [false, true] {
        let set = crate::telemetry::Metrics::new();
        let signals = set.scope(|| processor(Config::default()));
        let process = |turns: &[(&str, &str)]| {
            let id = if joined { "id" } else { "" };
            signals.process(talk(id, turns)).expect("accepted");
        };
        let first = [("u", "Where is my order?"), ("a", "On its way.")];
        process(&first);
        process(&first);
        for end in [2, 4] {
            let turns = [&first[..], &LATE[..end]].concat();
            let newest = &turns[if joined { turns.len() - 2 } else { 0 }..];
            process(newest);
            process(newest);
        }
        for (name, expected) in [
            ("plano_signals_conversations_total{quality=\"Good\"}", 1.0),
            ("plano_signals_conversations_total{quality=\"Severe\"}", 1.0),
            ("plano_signals_detected_total", 2.0),
            (
                "plano_signals_detected_total{type=\"interaction.disengagement.escalation\"}",
                1.0,
            ),
            ("plano_signals_flagged_total", 1.0),
            ("plano_signals_spans_total", 6.0),
            ("plano_signals_turns_count", 6.0),
            ("plano_signals_memory_misses_total", 1.0),
            ("plano_signals_memory_hits_total", 5.0),
            ("plano_signals_memory_evictions_total", 0.0),
        ] {
            assert_eq!(
                metric(&set, name),
                expected,
                "{name}, joined: {joined}\n{}",
                set.render()
            );
        }
        assert!(metric(&set, "plano_signals_memory_bytes") > 1000.0);
        drop(signals);
        assert_eq!(metric(&set, "plano_signals_memory_bytes"), 0.0);
    }
}

#[test]
fn without_memory_every_span_counts() {
    let set = crate::telemetry::Metrics::new();
    let config = Config {
        memory: MemoryConfig { max_bytes: 0 },
        metrics: MetricsConfig {
            labels: vec!["service.name".to_owned()],
        },
        ..Config::default()
    };
    let signals = set.scope(|| processor(config));
    for _ in 0..3 {
        signals.process(talk("id", &LATE[..2])).expect("accepted");
    }
    assert_eq!(
        metric(&set, "plano_signals_detected_total{service_name=\"shop\",type="),
        3.0,
        "{}",
        set.render()
    );
    assert_eq!(metric(&set, "plano_signals_flagged_total{service_name=\"shop\"}"), 3.0);
    assert_eq!(metric(&set, "plano_signals_memory"), 0.0);
}

/// The types of the signals on the one span, each with its message's index.
fn signals(batch: &TraceBatch) -> Vec<String> {
    let text = shown(&processor(Config::default()).process(batch.clone()).expect("accepted"));
    let events = text.lines().filter_map(|line| line.strip_prefix("@ signal."));
    let part = |line: &str, key| {
        let rest = line.split_once(key).expect("the attribute").1;
        rest.split(' ').next().expect("a value").to_owned()
    };
    events
        .map(|line| {
            format!(
                "{}@{}",
                part(line, "signal.type=").trim_matches('"'),
                part(line, "message_index=")
            )
        })
        .collect()
}

#[test]
fn words_beside_a_result_and_every_result_have_their_signals_at_the_clients_index() {
    let input = r#"[{"role":"user","content":"Weather?"},{"role":"user","content":[
        {"type":"tool_result","tool_use_id":"1","content":"sunny"},
        {"type":"tool_result","tool_use_id":"2","content":"Error: no such city"},
        {"type":"text","text":"This is useless. I want to speak to a human."}]}]"#;
    let span = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "chat");
    let span = span
        .attribute("langfuse.observation.input", Value::Str(input))
        .attribute("langfuse.observation.output", Value::Str("I am sorry."));
    let found = signals(&batch(span));
    assert_eq!(
        found,
        [
            "execution.failure.state_error@1",
            "interaction.disengagement.escalation@1",
            "interaction.disengagement.negative_stance@1",
        ]
    );
}

#[test]
fn a_failure_of_the_model_is_a_signal_of_the_newest_message() {
    let failing = |status, error: &str| {
        chat(&["Where is my order?"])
            .attribute("error.type", Value::Str(error))
            .status(status, "Rate limit reached")
            .event(
                1,
                "exception",
                &[
                    ("exception.type", Value::Str("openai.RateLimitError")),
                    ("exception.message", Value::Str("Error code: 429")),
                ],
            )
    };
    assert_eq!(
        signals(&batch(failing(2, "429"))),
        ["environment.exhaustion.rate_limit@0"]
    );
    assert!(
        signals(&batch(failing(1, "429"))).is_empty(),
        "an attempt before that was no end"
    );
    let processor = processor(Config::default());
    let text = |span| shown(&processor.process(batch(span)).expect("accepted"));
    let failed = text(failing(2, "429"));
    for expected in [
        "signals.environment.exhaustion.count = 1",
        "signals.new_count = 1",
        "signals.turn_count = 1",
    ] {
        assert!(failed.contains(expected), "{expected} is not in:\n{failed}");
    }
    assert!(!failed.contains("execution"), "{failed}");
    // The next request shows no trace of it.
    let next = text(chat(&["Where is my order?"]));
    assert!(!next.contains("exhaustion"), "{next}");
}

#[test]
fn a_failure_of_the_model_counts_once_and_only_where_its_type_is_on() {
    let span = || chat(&["Where is my order?"]).status(2, "Request timed out.");
    assert_eq!(signals(&batch(span())), ["environment.exhaustion.timeout@0"]);
    let off = processor(Config {
        disabled: vec!["environment.exhaustion.timeout".to_owned()],
        ..Config::default()
    });
    let text = shown(&off.process(batch(span())).expect("accepted"));
    assert!(!text.contains("exhaustion"), "{text}");
    // The tool's time-out as the newest message and the span's own status tell of one.
    let tool = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "chat")
        .attribute("gen_ai.prompt.0.role", Value::Str("tool"))
        .attribute("gen_ai.prompt.0.content", Value::Str("Request timed out."))
        .status(2, "Request timed out.");
    assert_eq!(signals(&batch(tool)), ["environment.exhaustion.timeout@0"]);
}
