//! Promises of the gateway, of the real program: what the client gets, what the provider gets, and the trace of it.

mod support;

#[path = "gateway/model.rs"]
mod model;

#[path = "gateway/agents.rs"]
mod agents;
#[path = "gateway/context.rs"]
mod context;
#[path = "gateway/faults.rs"]
mod faults;
#[path = "gateway/filters.rs"]
mod filters;
#[path = "gateway/front.rs"]
mod front;
#[path = "gateway/hostile.rs"]
mod hostile;
#[path = "gateway/leaks.rs"]
mod leaks;
#[path = "gateway/passing.rs"]
mod passing;
#[path = "gateway/preferences.rs"]
mod preferences;
#[path = "gateway/responses.rs"]
mod responses;
#[path = "gateway/routing.rs"]
mod routing;
#[path = "gateway/streams.rs"]
mod streams;
#[path = "gateway/wire.rs"]
mod wire;

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use front::{Front, Setup, attribute, hex, number, text};
use model::{Model, Script};
use opentelemetry_proto::tonic::{common::v1::any_value::Value, trace::v1::Span};
use serde_json::{Value as Json, json};
use support::{PATIENCE, sink::Mood, until};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const RESPONSES: &str = "/v1/responses";
const ANGRY: &str = "This is useless. I want to speak to a human!";

/// A gateway in front of one model, with a sink behind it.
struct Stage {
    model: Model,
    front: Front,
}

impl Stage {
    fn new(script: Script) -> Stage {
        Stage::with(script, "timeout: 5s")
    }

    fn with(script: Script, listener: &'static str) -> Stage {
        let model = Model::start(script);
        let address = model.address;
        let setup = Setup {
            kind: "model",
            listener: listener.to_owned(),
            sampling: 100,
            providers: vec![
                format!(
                    "{{model: openai/gpt-4o, access_key: secret-of-openai, base_url: 'http://{address}/v1', default: true}}"
                ),
                format!(
                    "{{model: anthropic/claude-sonnet-4-0, access_key: secret-of-anthropic, base_url: 'http://{address}'}}"
                ),
            ],
            more: "model_aliases: {fast-llm: {target: gpt-4o}}".to_owned(),
        };
        Stage {
            front: setup.start(),
            model,
        }
    }
}

impl Deref for Stage {
    type Target = Front;

    fn deref(&self) -> &Front {
        &self.front
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut Front {
        &mut self.front
    }
}

fn question(model: &str, text: &str) -> Json {
    json!({"model": model, "messages": [{"role": "user", "content": text}], "temperature": 0.5, "x-unknown": {"b": 1, "a": 2}})
}

fn completion() -> Json {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 15, "completion_tokens": 7, "total_tokens": 22}})
}

/// A completion of that text.
fn says(text: &str) -> Script {
    let mut reply = completion();
    reply["choices"][0]["message"]["content"] = text.into();
    Script::json(200, &reply)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_passes_through_and_becomes_a_trace() {
    let stage = Stage::new(Script::json(200, &completion()));
    let headers = [
        ("authorization", "Bearer of-the-client"),
        ("x-acme-tenant-id", "ten_456"),
        ("x-session-id", "s-1"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "congo=t61rcWkgMzE"),
    ];
    let reply = stage.ask(CHAT, &headers, &question("fast-llm", ANGRY)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(serde_json::from_slice::<Json>(&reply.body).unwrap(), completion());
    assert_ne!(reply.header("x-request-id"), "");

    let asked = stage.model.asked();
    assert_eq!(asked[0].path, CHAT);
    assert_eq!(asked[0].header("authorization"), "Bearer secret-of-openai");
    let sent = question("fast-llm", ANGRY).to_string().replace("fast-llm", "gpt-4o");
    assert_eq!(asked[0].body, sent, "all but the model's name is the client's");

    let trace = stage.trace(4).await;
    let [inbound] = &trace["plano(inbound)"][..] else {
        panic!("{trace:?}")
    };
    let [routing] = &trace["plano(routing)"][..] else {
        panic!("{trace:?}")
    };
    let [llm] = &trace["plano(llm)"][..] else {
        panic!("{trace:?}")
    };
    let [handoff] = &trace["plano(handoff)"][..] else {
        panic!("{trace:?}")
    };
    assert_eq!(hex(&inbound.trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(hex(&inbound.parent_span_id), "b7ad6b7169203331");
    assert_eq!([&routing.parent_span_id, &llm.parent_span_id], [&inbound.span_id; 2]);
    assert_eq!(handoff.parent_span_id, llm.span_id);
    let parent = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", hex(&handoff.span_id));
    assert_eq!(asked[0].header("traceparent"), parent);
    assert_eq!(asked[0].header("tracestate"), "congo=t61rcWkgMzE");

    assert_eq!(llm.name, "POST /v1/chat/completions gpt-4o 🚩");
    assert_eq!(text(llm, "signals.escalation.requested"), "true");
    assert_eq!(number(llm, "llm.usage.total_tokens"), 22);
    assert_eq!(text(llm, "llm.provider"), "openai");
    assert_eq!(text(llm, "gen_ai.response.id"), "chatcmpl-1");
    assert_eq!(number(inbound, "http.status_code"), 200);
    assert_eq!(text(routing, "model.alias_resolved"), "openai/gpt-4o");
    for span in [inbound, routing, llm, handoff] {
        assert_eq!(text(span, "plano.session_id"), "s-1");
        assert_eq!(text(span, "tenant.id"), "ten_456");
        assert_eq!(text(span, "environment"), "test");
        let shown = format!("{span:?}");
        assert!(
            !shown.contains("useless") && !shown.contains("secret-of") && !shown.contains("of-the-client"),
            "{shown}"
        );
    }
}

const CHUNKS: &[&str] = &[
    "data: {\"id\":\"c1\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}}\n\n",
    "data: [DONE]\n\n",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_copied_without_the_usage_that_nobody_asked_for() {
    let stage = Stage::new(Script::events(CHUNKS));
    let mut body = question("gpt-4o", "Hi");
    body["stream"] = true.into();
    let reply = stage.ask(CHAT, &[], &body).await;
    assert_eq!(reply.header("content-type"), "text/event-stream");
    assert_eq!(reply.text(), [CHUNKS[0], CHUNKS[1], CHUNKS[2], CHUNKS[4]].concat());
    assert!(
        stage.model.asked()[0]
            .body
            .contains(r#""stream_options":{"include_usage":true}"#)
    );
    let trace = stage.trace(4).await;
    let llm = &trace["plano(llm)"][0];
    assert_eq!(number(llm, "llm.usage.prompt_tokens"), 5);
    assert_eq!(attribute(llm, "llm.is_streaming"), Some(&Value::BoolValue(true)));
    assert!(number(llm, "llm.time_to_first_token") <= number(llm, "llm.duration_ms"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_api_reaches_either_provider() {
    let answer = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-0",
        "content": [{"type": "text", "text": "Hello!"}], "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 3, "output_tokens": 2}});
    let stage = Stage::new(Script::json(200, &answer));
    let reply = stage.ask(CHAT, &[], &question("claude-sonnet-4-0", "Hi")).await;
    let chat: Json = serde_json::from_slice(&reply.body).expect("JSON");
    assert_eq!(chat["choices"][0]["message"]["content"], "Hello!", "{chat}");
    let asked = &stage.model.asked()[0];
    assert_eq!(
        (asked.path.as_str(), asked.header("x-api-key")),
        (MESSAGES, "secret-of-anthropic")
    );
    assert_ne!(asked.header("anthropic-version"), "");
    assert_eq!(
        text(&stage.trace(4).await["plano(llm)"][0], "llm.provider"),
        "anthropic"
    );

    let stage = Stage::new(Script::json(200, &completion()));
    let mut body = question("gpt-4o", "Hi");
    body["max_tokens"] = 10.into();
    let reply = stage.ask(MESSAGES, &[], &body).await;
    let message: Json = serde_json::from_slice(&reply.body).expect("JSON");
    assert_eq!(message["content"][0]["text"], "Hello!", "{message}");
    assert_eq!(stage.model.asked()[0].path, CHAT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_come_in_the_clients_api_and_on_the_trace() {
    let stage = Stage::new(Script::json(200, &completion()));
    for (path, body, status, word) in [
        (CHAT, "{", 400, "valid JSON"),
        (CHAT, "{\"messages\":[]}", 400, "model"),
        (MESSAGES, "{\"model\":\"gpt-4o\"}", 400, "messages"),
        (CHAT, "{\"model\":\"gpt-4p\",\"messages\":[]}", 404, "gpt-4o"),
        ("/v1/other", "{}", 404, "/v1/models"),
    ] {
        let reply = stage
            .client
            .try_http("POST", path, &[], body.as_bytes())
            .await
            .expect("an answer");
        assert_eq!(reply.status, status, "{body}: {reply:?}");
        let shown: Json = serde_json::from_slice(&reply.body).expect("JSON");
        assert!(
            shown["error"]["message"].as_str().expect("a message").contains(word),
            "{shown}"
        );
        assert_eq!(shown.get("type").is_some(), path == MESSAGES, "{shown}");
    }
    assert!(stage.model.asked().is_empty());
    until("five traces arrive", || {
        stage.sink.spans().iter().filter(|span| span.kind == 2).count() == 5
    })
    .await;
    let failed = |span: &&Span| span.status.as_ref().is_some_and(|status| status.code == 2);
    assert_eq!(
        stage
            .sink
            .spans()
            .iter()
            .filter(failed)
            .filter(|span| span.kind == 2)
            .count(),
        5
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_provider_is_asked_again_and_then_passed_on() {
    let broken = json!({"error": {"message": "overloaded", "type": "server_error"}});
    let stage = Stage::new(Script::json(503, &broken).then(Script::json(200, &completion())));
    let reply = stage.ask(CHAT, &[], &question("gpt-4o", "Hi")).await;
    assert_eq!(reply.status, 200);
    let trace = stage.trace(5).await;
    let attempts: Vec<i64> = trace["plano(handoff)"]
        .iter()
        .map(|span| number(span, "attempt"))
        .collect();
    assert_eq!(attempts, [1, 2]);
    assert_eq!(text(&trace["plano(handoff)"][1], "retry.reason"), "upstream_5xx");

    let limited = Script::json(429, &broken).header("retry-after", "60");
    let stage = Stage::new(limited);
    let reply = stage
        .ask(
            MESSAGES,
            &[],
            &json!({"model": "gpt-4o", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}),
        )
        .await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, "60"), "{reply:?}");
    assert_eq!(stage.model.asked().len(), 1);
    let shown: Json = serde_json::from_slice(&reply.body).expect("JSON");
    assert_eq!(
        (&shown["type"], &shown["error"]["message"]),
        (&json!("error"), &json!("overloaded"))
    );
    assert_eq!(
        text(&stage.trace(4).await["plano(llm)"][0], "error.type"),
        "rate_limited"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_a_listener_are_asked_for() {
    let stage = Stage::with(Script::json(200, &completion()), "timeout: 5s, api_keys: [key-of-ours]");
    let body = question("gpt-4o", "Hi");
    assert_eq!(
        stage
            .ask(CHAT, &[("authorization", "Bearer wrong")], &body)
            .await
            .status,
        401
    );
    assert_eq!(
        stage
            .ask(CHAT, &[("authorization", "Bearer key-of-ours")], &body)
            .await
            .status,
        200
    );
    assert_eq!(
        stage.ask(CHAT, &[("x-api-key", "key-of-ours")], &body).await.status,
        200
    );
    for (key, status) in [("wrong", 401), ("key-of-ours", 200)] {
        let headers = [("x-api-key", key)];
        let asked = stage.client.try_http("GET", "/v1/models", &headers, b"").await;
        assert_eq!(asked.expect("an answer").status, status);
    }
    let trace = stage.trace(11).await;
    let outcomes: Vec<&str> = trace["plano(inbound)"]
        .iter()
        .map(|span| text(span, "auth.result"))
        .collect();
    assert_eq!(outcomes, ["refused", "ok", "ok", "refused", "ok"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_ends_the_call_and_is_on_the_trace() {
    let stage = Stage::new(Script::events(&CHUNKS[..2]).and_hang());
    let mut body = question("gpt-4o", "Hi");
    body["stream"] = true.into();
    let asked = stage.ask(CHAT, &[], &body);
    assert!(
        tokio::time::timeout(Duration::from_millis(700), asked).await.is_err(),
        "it hangs"
    );
    let trace = stage.trace(4).await;
    assert_eq!(text(&trace["plano(llm)"][0], "error.type"), "client_cancelled");
    until("the call upstream has ended", || stage.model.open() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_exporter_costs_a_request_nothing() {
    let mut stage = Stage::new(Script::json(200, &completion()));
    stage.sink.set(Mood::Hang);
    for _ in 0..50 {
        assert_eq!(stage.ask(CHAT, &[], &question("gpt-4o", "Hi")).await.status, 200);
    }
    assert!(stage.gateway.lives());
    let listed = stage
        .client
        .try_http("GET", "/v1/models", &[], b"")
        .await
        .expect("an answer");
    assert!(
        listed.text().contains("fast-llm") && listed.text().contains("openai/gpt-4o"),
        "{}",
        listed.text()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsampled_request_records_nothing_but_its_signals_count() {
    let stage = Stage::with(Script::json(200, &completion()), "timeout: 5s, random_sampling: 0");
    let unsampled = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
    for headers in [&[][..], &[unsampled]] {
        assert_eq!(stage.ask(CHAT, headers, &question("gpt-4o", ANGRY)).await.status, 200);
    }
    let started = std::time::Instant::now();
    while stage.metric("plano_signals_flagged_total", &[]).await < 2.0 {
        assert!(started.elapsed() < PATIENCE, "the signals are counted");
    }
    assert_eq!(stage.metric("plano_spans_offered_total", &[]).await, 0.0);
    assert_eq!(stage.sink.spans().len(), 0);
}
