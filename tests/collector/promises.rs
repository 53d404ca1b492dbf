//! What comes out: flags and signals on conversations that went wrong, everything else untouched, in every encoding.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::{common::v1::any_value::Value, trace::v1::Span};

use super::{
    Plan, QUICK, grpc_to, http_to,
    support::{
        client::{Client, EXPORT, TRACES, deflate, frame, get},
        sink::Sink,
        spans::{attribute, chat, request, request_from_the_future, span},
        until,
    },
};

const ANGRY: &[&str] = &[
    "I want to change my booking",
    "Here is our privacy policy.",
    "No, this is useless! I want to speak to a human",
    "I am sorry.",
];
const FRIENDLY: &[&str] = &[
    "What is the capital of France?",
    "Paris.",
    "Perfect, thank you!",
    "You are welcome.",
];

/// Keys that start with `signals.`, with the types and values of those that a test may foresee.
fn signals(span: &Span) -> BTreeMap<String, String> {
    let own = span
        .attributes
        .iter()
        .filter(|attribute| attribute.key.starts_with("signals."));
    let told = own.map(|attribute| {
        let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
        let text = match value.expect("a value") {
            Value::StringValue(text) => format!("string {text}"),
            Value::IntValue(number) => format!("int {number}"),
            Value::DoubleValue(number) => format!("double {number}"),
            Value::BoolValue(yes) => format!("bool {yes}"),
            other => format!("{other:?}"),
        };
        (attribute.key.clone(), text)
    });
    told.collect()
}

fn check_angry(span: &Span) {
    assert_eq!(span.name, "openai.chat 🚩");
    let found = signals(span);
    for (key, expected) in [
        ("signals.quality", "string Severe"),
        ("signals.turn_count", "int 4"),
        ("signals.efficiency_score", "double 1"),
        ("signals.escalation.requested", "string true"),
        ("signals.flagged", "bool true"),
        ("signals.interaction.disengagement.severity", "int 1"),
    ] {
        assert_eq!(found.get(key).map(String::as_str), Some(expected), "{key}: {found:#?}");
    }
    assert!(found["signals.quality_score"].starts_with("double "), "{found:#?}");
    assert!(found["signals.frustration.count"].starts_with("int "), "{found:#?}");
    let escalation = span
        .events
        .iter()
        .find(|event| event.name == "signal.interaction.disengagement.escalation");
    let event = escalation.expect("an event of the escalation");
    let index = event
        .attributes
        .iter()
        .find(|attribute| attribute.key == "signal.message_index");
    let index = index.and_then(|attribute| attribute.value.clone()?.value);
    assert_eq!(index, Some(Value::IntValue(2)), "{event:?}");
}

fn check_friendly(span: &Span) {
    assert_eq!(span.name, "openai.chat");
    let found = signals(span);
    assert_eq!(
        found.get("signals.quality").map(String::as_str),
        Some("string Excellent"),
        "{found:#?}"
    );
    assert_eq!(found.get("signals.flagged"), None);
    assert!(
        found["signals.positive_feedback.count"].starts_with("int "),
        "{found:#?}"
    );
}

/// The three promises on one way: in at one port, out at one exporter.
async fn check_way(sink: &Sink, exporter: String, in_over_grpc: bool, path: &str) {
    let mut plan = Plan::to(vec![exporter]);
    plan.processors = &["signals: {}"];
    let running = plan.start();
    for body in [
        request(vec![chat(1, ANGRY), chat(2, FRIENDLY)]),
        request_from_the_future(3),
    ] {
        let before = sink.received().len();
        if in_over_grpc {
            assert_eq!(running.grpc.call(&body).await.code(), 0);
        } else {
            assert_eq!(running.http.post_proto(&body).await.status, 200);
        }
        until("it arrives", || sink.received().len() > before).await;
    }
    let [chats, other] = &sink.received()[..] else {
        panic!("two requests");
    };
    assert_eq!(chats.path, path);
    let [angry, friendly] = &chats.spans()[..] else {
        panic!("two spans");
    };
    check_angry(angry);
    check_friendly(friendly);
    assert_eq!(
        other.message,
        request_from_the_future(3),
        "byte-identical, unknown fields included"
    );
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_are_flagged_and_the_rest_is_untouched_over_grpc() {
    let sink = Sink::start();
    check_way(&sink, grpc_to(&sink, QUICK), true, EXPORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_are_flagged_and_the_rest_is_untouched_over_http() {
    let sink = Sink::start();
    check_way(&sink, http_to(&sink, QUICK), false, TRACES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_encoding_in() {
    let sink = Sink::start();
    let running = Plan::to(vec![http_to(&sink, QUICK)]).start();
    let mut sent = Vec::new();
    for (number, name) in (1u32..).zip(["gzip", "zstd", "deflate", "zlib"]) {
        let body = deflate(name, &request(vec![span(number, name)]));
        let headers = [("content-type", "application/x-protobuf"), ("content-encoding", name)];
        assert_eq!(running.http.post(&headers, &body).await.status, 200, "{name}");
        sent.push(name);
    }
    let members = [
        deflate("gzip", &request(vec![span(10, "member 1")])),
        deflate("gzip", &request(vec![span(11, "member 2")])),
    ];
    let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "gzip")];
    assert_eq!(running.http.post(&headers, &members.concat()).await.status, 200);
    sent.extend(["member 1", "member 2"]);
    for (number, name) in (20u32..).zip(["gzip", "zstd"]) {
        let body = frame(1, &deflate(name, &request(vec![span(number, name)])));
        let headers = [("content-type", "application/grpc"), ("grpc-encoding", name)];
        assert_eq!(
            running
                .grpc
                .try_http2("POST", EXPORT, &headers, &body)
                .await
                .expect("an answer")
                .code(),
            0
        );
        sent.push(name);
    }
    let json = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0123456789ABCDEF0123456789abcdef","spanId":"0123456789abcdef",
        "name":"json","kind":"SPAN_KIND_SERVER","startTimeUnixNano":"5","endTimeUnixNano":6,"unknown":{"x":[1]},"status":null}]}]}]}"#;
    let reply = running
        .http
        .post(&[("content-type", "application/json; charset=utf-8")], json.as_bytes())
        .await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "{}"));
    sent.push("json");
    until("all arrive", || sink.spans().len() == sent.len()).await;
    let mut names: Vec<String> = sink.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    sent.sort_unstable();
    assert_eq!(names, sent);
    let json = sink
        .spans()
        .into_iter()
        .find(|span| span.name == "json")
        .expect("it came");
    assert_eq!(
        (json.kind, json.start_time_unix_nano, json.end_time_unix_nano),
        (2, 5, 6)
    );
    assert_eq!(
        json.trace_id,
        0x0123_4567_89ab_cdef_0123_4567_89ab_cdef_u128.to_be_bytes()
    );
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_encoding_out() {
    let [grpc_gzip, grpc_zstd, http_gzip, http_zstd] = [(); 4].map(|()| Sink::start());
    let grpc = |sink: &Sink, name: &str| {
        format!(
            "otlp_grpc/{name}: {{endpoint: '{}', tls: {{insecure: true}}, compression: {name}, {QUICK}}}",
            sink.address
        )
    };
    let http = |sink: &Sink, name: &str| {
        format!(
            "otlp_http/{name}: {{endpoint: 'http://{}', compression: {name}, {QUICK}}}",
            sink.address
        )
    };
    let running = Plan::to(vec![
        grpc(&grpc_gzip, "gzip"),
        grpc(&grpc_zstd, "zstd"),
        http(&http_gzip, "gzip"),
        http(&http_zstd, "zstd"),
    ])
    .start();
    let body = request(vec![span(1, &"long ".repeat(100))]);
    assert_eq!(running.http.post_proto(&body).await.status, 200);
    for (sink, header, name) in [
        (&grpc_gzip, "grpc-encoding", "gzip"),
        (&grpc_zstd, "grpc-encoding", "zstd"),
        (&http_gzip, "content-encoding", "gzip"),
        (&http_zstd, "content-encoding", "zstd"),
    ] {
        until(name, || !sink.received().is_empty()).await;
        let received = &sink.received()[0];
        assert_eq!((received.header(header), &received.message[..]), (name, &body[..]));
    }
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_ids_are_rejected_one_by_one() {
    let sink = Sink::start();
    let running = Plan::to(vec![grpc_to(&sink, QUICK)]).start();
    let bad = |number: u32, change: fn(&mut Span)| {
        let mut bad = span(number, "bad");
        change(&mut bad);
        bad
    };
    let body = request(vec![
        span(1, "good"),
        bad(2, |span| span.trace_id = vec![0; 16]),
        bad(3, |span| span.trace_id = vec![1; 15]),
        bad(4, |span| span.span_id = Vec::new()),
        span(5, "good"),
    ]);
    let told = |bytes: &[u8]| {
        use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse as Response;
        let partial = <Response as prost::Message>::decode(bytes)
            .expect("an OTLP answer")
            .partial_success;
        let partial = partial.expect("a partial success");
        (partial.rejected_spans, !partial.error_message.is_empty())
    };
    let reply = running.http.post_proto(&body).await;
    assert_eq!((reply.status, told(&reply.body)), (200, (3, true)));
    let reply = running.grpc.call(&body).await;
    assert_eq!((reply.code(), told(&reply.body[5..])), (0, (3, true)));
    until("the good ones arrive", || sink.spans().len() == 4).await;
    assert!(sink.spans().iter().all(|span| span.name == "good"));
    assert_eq!(running.metric("otelcol_receiver_accepted_spans", &[]).await, 4.0);
    assert_eq!(running.metric("otelcol_receiver_refused_spans", &[]).await, 6.0);
    running.stop();
}

/// Metrics with their labels, after five spans of which two carry a conversation.
const COUNTED: &[(&str, &[&str], f64)] = &[
    (
        "otelcol_receiver_accepted_spans",
        &["receiver=\"otlp\"", "transport=\"grpc\""],
        3.0,
    ),
    ("otelcol_receiver_accepted_spans", &["transport=\"http\""], 2.0),
    ("otelcol_receiver_refused_spans", &[], 0.0),
    ("otelcol_processor_incoming_items", &["processor=\"signals\""], 5.0),
    ("otelcol_processor_outgoing_items", &["processor=\"signals\""], 5.0),
    ("otelcol_exporter_sent_spans", &["exporter=\"otlp_grpc\""], 5.0),
    ("otelcol_exporter_send_failed_spans", &[], 0.0),
    ("otelcol_exporter_enqueue_failed_spans", &[], 0.0),
    ("otelcol_exporter_queue_size", &[], 0.0),
    ("otelcol_exporter_queue_capacity", &[], 1000.0),
    ("plano_signals_conversations_total", &["quality=\"Severe\""], 1.0),
    ("plano_signals_conversations_total", &["quality=\"Excellent\""], 1.0),
    ("plano_signals_conversations_total", &[], 2.0),
    ("plano_signals_flagged_total", &[], 1.0),
    (
        "plano_signals_detected_total",
        &["interaction.disengagement.escalation"],
        1.0,
    ),
    ("plano_signals_turns_count", &[], 2.0),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_count_what_happened() {
    let sink = Sink::start();
    let mut plan = Plan::to(vec![grpc_to(&sink, QUICK)]);
    plan.processors = &["signals: {}"];
    let running = plan.start();
    let body = request(vec![chat(1, ANGRY), chat(2, FRIENDLY), span(3, "GET /")]);
    assert_eq!(running.grpc.call(&body).await.code(), 0);
    assert_eq!(
        running.http.post_proto(&request(vec![span(4, "GET /")])).await.status,
        200
    );
    let mut broken = span(5, "tool");
    broken.attributes.push(attribute("gen_ai.prompt", "{broken"));
    assert_eq!(running.http.post_proto(&request(vec![broken])).await.status, 200);
    until("all arrive", || sink.spans().len() == 5).await;
    for &(name, labels, expected) in COUNTED {
        // The answer of the sink travels back to the exporter before it counts.
        let mut found = running.metric(name, labels).await;
        for _ in 0..100 {
            if found == expected {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            found = running.metric(name, labels).await;
        }
        assert_eq!(found, expected, "{name} {labels:?}");
    }
    assert!(running.metric("otelcol_process_memory_rss", &[]).await > 1e6);
    assert!(get(running.health, "/", 200).await.contains("Server available"));
    let other = Client::to(running.health).try_http("GET", "/other", &[], b"").await;
    assert_eq!(other.expect("an answer").status, 404);
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receivers_metrics_all_name_their_transport() {
    let running = Plan::to(vec!["debug: {}".to_owned()]).start();
    let text = get(running.metrics, "/metrics", 200).await;
    let all_by_transport = text
        .lines()
        .filter(|line| line.starts_with("otelcol_receiver_"))
        .all(|line| line.contains("transport="));
    assert!(all_by_transport, "{text}");
    running.stop();
}
