//! The exporter against an intake on this machine: what arrives there, and what becomes of every answer and every fault.

use std::time::Duration;

use prost::Message;
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    exporters::testing::{self, batch, faults},
    net::{
        compression::{Encoding, inflate},
        testing::{Answer, Seen, Server, nobody, text},
    },
    otlp::{SpanBuilder, SpanId, TraceBatch, TraceId, Value},
    pipeline::ExportError,
};

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn config(server: &Server, more: Json) -> Json {
    let mut config = json!({"api": {"key": KEY}, "traces": {"endpoint": format!("http://{}", server.address)}});
    merge(&mut config, more);
    config
}

fn merge(into: &mut Json, more: Json) {
    match (into, more) {
        (Json::Object(into), Json::Object(more)) => {
            more.into_iter()
                .for_each(|(key, value)| merge(into.entry(key).or_insert(Json::Null), value));
        }
        (into, more) => *into = more,
    }
}

fn to(server: &Server, more: Json) -> Box<dyn Exporter> {
    testing::exporter::<Config>(config(server, more))
}

/// Exports one batch to a server that answers so.
async fn export_to(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Result<(), ExportError> {
    let server = Server::start(move |_| Some(answer())).await;
    to(&server, json!({})).export(&batch(1)).await
}

/// What the engine does, when, and the error's text.
fn describe(result: Result<(), ExportError>) -> (&'static str, Option<Duration>, String) {
    match result {
        Ok(()) => ("ok", None, String::new()),
        Err(ExportError::Retry { after, source }) => ("retry", after, format!("{source:#}")),
        Err(ExportError::TooLarge { source }) => ("split", None, format!("{source:#}")),
        Err(ExportError::Refused { source }) => ("refuse", None, format!("{source:#}")),
    }
}

fn payload(seen: &Seen) -> wire::AgentPayload {
    let body = inflate(Encoding::Gzip, &seen.body, 64 << 20).expect("gzip");
    wire::AgentPayload::decode(body).expect("an AgentPayload")
}

fn span_with(number: u8, attributes: &[(&str, Value<'_>)]) -> SpanBuilder {
    let span = SpanBuilder::new(TraceId([number; 16]), SpanId([number; 8]), "op")
        .times(1_795_945_690_000_000_000, 1_795_945_691_000_000_000);
    attributes
        .iter()
        .fold(span, |span, (key, value)| span.attribute(key, *value))
}

fn batch_of(service: &str, span: SpanBuilder) -> TraceBatch {
    SpanBuilder::batch(&[("service.name", Value::Str(service))], ("scope", "1"), [span])
}

#[tokio::test]
async fn the_intake_gets_the_spans() {
    let server = Server::start(|_| Some(text(202, &[("content-type", "application/json")], "{}"))).await;
    let exporter = to(&server, json!({"hostname": "gw-1"}));
    exporter.export(&batch(2)).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.uri.path()), ("POST", "/api/v0.2/traces"));
    assert_eq!(seen.headers["dd-api-key"], KEY);
    assert_eq!(seen.headers["content-type"], "application/x-protobuf");
    assert_eq!(seen.headers["content-encoding"], "gzip");
    let payload = payload(seen);
    assert_eq!((payload.host_name.as_str(), payload.env.as_str()), ("gw-1", "none"));
    assert!(
        payload.agent_version.starts_with("planoai-"),
        "{}",
        payload.agent_version
    );
    let chunks: Vec<_> = payload
        .tracer_payloads
        .iter()
        .flat_map(|tracer| &tracer.chunks)
        .collect();
    assert_eq!(chunks.len(), 2);
    let span = &chunks[0].spans[0];
    assert_eq!((span.service.as_str(), span.resource.as_str()), ("shop", "op"));
    assert_eq!(
        (span.trace_id, span.span_id),
        (0x0101_0101_0101_0101, 0x0101_0101_0101_0101)
    );
    assert_eq!((span.meta["text"].as_str(), chunks[0].priority), ("hello", 1));
}

#[tokio::test]
async fn languages_are_reported() {
    let server = Server::start(|_| Some(text(200, &[], ""))).await;
    let resource = |language| {
        [
            ("service.name", Value::Str("a")),
            ("telemetry.sdk.language", Value::Str(language)),
        ]
    };
    let mut batch = SpanBuilder::batch(&resource("python"), ("", ""), [span_with(1, &[])]);
    batch.append(SpanBuilder::batch(&resource("go"), ("", ""), [span_with(2, &[])]));
    to(&server, json!({})).export(&batch).await.unwrap();
    assert_eq!(server.seen()[0].headers["x-datadog-reported-languages"], "go|python");
}

/// Status, one header, body, what the engine does, and a part of the error.
type Case = (
    u16,
    (&'static str, &'static str),
    &'static str,
    &'static str,
    &'static str,
);

const JSON: (&str, &str) = ("content-type", "application/json");
const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");
const XHTML: (&str, &str) = ("content-type", "Application/XHTML+xml");
const PLAIN: (&str, &str) = ("content-type", "text/plain");
const WAIT: (&str, &str) = ("retry-after", "7");
const PAGE: &str = "<html><h1>Sign in</h1></html>";
const NONE: (&str, &str) = ("x-none", "");

const CASES: &[Case] = &[
    (200, JSON, "{}", "ok", ""),
    (202, NONE, "", "ok", ""),
    (200, HTML, "OK", "retry", "so it is not Datadog's"),
    (200, XHTML, "", "retry", "so it is not Datadog's"),
    (
        200,
        NONE,
        "\u{feff}\n <!doctype html>",
        "retry",
        "so it is not Datadog's",
    ),
    (200, PLAIN, "please sign in", "retry", "so it is not Datadog's"),
    (200, PLAIN, "202: Accepted", "ok", ""),
    (200, PLAIN, "{\"status\":\"ok\"}", "ok", ""),
    (
        200,
        HTML,
        PAGE,
        "retry",
        "a web page or a text (HTTP 200 OK), so it is not Datadog's; check traces::",
    ),
    (
        302,
        ("location", "https://login"),
        "",
        "refuse",
        "redirect to \"https://login\"",
    ),
    (
        400,
        JSON,
        r#"{"message":"bad\u001b[0m payload"}"#,
        "refuse",
        "bad [0m payload",
    ),
    (401, NONE, "", "refuse", "check api::key"),
    (
        403,
        JSON,
        r#"{"message":"Forbidden"}"#,
        "refuse",
        "check api::key, and that traces::endpoint is",
    ),
    (404, NONE, "", "refuse", "/api/v0.2/traces; check traces::endpoint"),
    (408, NONE, "", "retry", "408"),
    (413, NONE, "", "split", "413"),
    (429, WAIT, "", "retry", "429"),
    (500, NONE, "", "retry", "500"),
    (
        502,
        HTML,
        "<html>Bad Gateway</html>",
        "retry",
        "<html>Bad Gateway</html>",
    ),
    (503, WAIT, "", "retry", "503"),
    (504, NONE, "", "retry", "504"),
];

#[tokio::test]
async fn every_answer_has_its_class() {
    for (status, header, body, class, part) in CASES {
        let (found, after, error) = describe(export_to(|| text(*status, &[*header], *body)).await);
        assert_eq!(found, *class, "{status}: {error}");
        assert!(error.contains(part), "{status}: {error}");
        assert!(!error.contains(KEY), "{error}");
        assert_eq!(after, (*header == WAIT).then_some(Duration::from_secs(7)), "{status}");
    }
}

#[tokio::test]
async fn an_intake_that_cannot_be_reached_is_tried_again() {
    let json = json!({"api": {"key": KEY}, "traces": {"endpoint": format!("http://{}", nobody())}});
    let exporter = testing::exporter::<Config>(json);
    let (class, _, error) = describe(exporter.export(&batch(1)).await);
    assert_eq!(class, "retry");
    assert!(error.contains("check traces::endpoint and the network"), "{error}");
}

#[tokio::test]
async fn what_is_too_large_is_split() {
    let server = Server::start(|_| Some(text(200, &[], ""))).await;
    let exporter = to(&server, json!({}));
    let value = "é".repeat(20_000);
    let keys: Vec<String> = (0..100).map(|number| format!("long.{number}")).collect();
    let attributes: Vec<_> = keys.iter().map(|key| (key.as_str(), Value::Str(&value))).collect();
    let mut batch = batch_of("a", span_with(1, &attributes));
    batch.append(batch_of("a", span_with(2, &attributes)));
    assert_eq!(describe(exporter.export(&batch).await).0, "split");
    let requests = exporter.requests(batch);
    assert_eq!(requests.iter().map(TraceBatch::span_count).collect::<Vec<_>>(), [1, 1]);
    exporter.export(&requests[0]).await.unwrap();
    let body = inflate(Encoding::Gzip, &server.seen()[0].body, 64 << 20).unwrap();
    assert!(body.len() < requests::LIMIT, "{}", body.len());
    let longest = payload(&server.seen()[0]).tracer_payloads[0].chunks[0].spans[0].meta["long.0"].len();
    assert_eq!(longest, 25_003);
}

#[tokio::test]
async fn a_large_resource_is_cut_and_one_that_is_too_large_is_refused() {
    let server = Server::start(|_| Some(text(200, &[], ""))).await;
    let exporter = to(&server, json!({"compute_stats": false}));
    let of = |attributes: usize, len: usize| {
        let value = "x".repeat(len);
        let keys: Vec<String> = (0..attributes).map(|number| format!("key.{number}")).collect();
        let resource: Vec<_> = keys.iter().map(|key| (key.as_str(), Value::Str(&value))).collect();
        SpanBuilder::batch(&resource, ("", ""), [span_with(1, &[]), span_with(2, &[])])
    };
    let requests = exporter.requests(of(1, 4_000_000));
    assert_eq!(requests.len(), 1);
    exporter.export(&requests[0]).await.unwrap();
    let sent = payload(&server.seen()[0]);
    let chunks = sent.tracer_payloads[0].chunks.iter();
    let lengths: Vec<_> = chunks.map(|chunk| chunk.spans[0].meta["key.0"].len()).collect();
    assert_eq!(lengths, [25_003, 25_003]);
    let (class, _, error) = describe(exporter.export(&of(200, 25_000)).await);
    assert_eq!(class, "refuse");
    assert!(error.contains("the attributes of the resource alone"), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn what_the_application_drops_is_not_sent() {
    let server = Server::start(|_| Some(text(200, &[], ""))).await;
    let exporter = to(&server, json!({"traces": {"ignore_resources": ["^health$"]}}));
    let priority = |number, priority| batch_of("a", span_with(number, &[("sampling.priority", Value::Int(priority))]));
    exporter.export(&priority(1, -1)).await.unwrap();
    exporter
        .export(&batch_of("a", span_with(2, &[("resource.name", Value::Str("health"))])))
        .await
        .unwrap();
    assert!(server.seen().is_empty());
    let mut mixed = priority(3, 0);
    mixed.append(priority(4, 2));
    exporter.export(&mixed).await.unwrap();
    let payload = payload(&server.seen()[0]);
    let chunks: Vec<_> = payload
        .tracer_payloads
        .iter()
        .flat_map(|tracer| &tracer.chunks)
        .collect();
    assert_eq!(chunks.iter().map(|chunk| chunk.priority).collect::<Vec<_>>(), [2]);
    assert_eq!(chunks[0].tags["_dd.p.dm"], "-4");
}

#[tokio::test]
async fn hostile_spans_are_put_right_counted_and_told() {
    let server = Server::start(|_| Some(text(200, &[], ""))).await;
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let exporter = metrics::with_local_recorder(&recorder, || to(&server, json!({})));
    let long = "x".repeat(40 << 10);
    let mut batch = batch_of(
        "",
        span_with(
            1,
            &[("k", Value::Str(&long)), ("nul\0key", Value::Str("a\0b\u{1b}[31m"))],
        ),
    );
    let reversed = SpanBuilder::new(TraceId([2; 16]), SpanId([2; 8]), "").times(2_000, 1_000);
    batch.append(batch_of("Ünï (Größe)", reversed));
    let future = i64::MAX.unsigned_abs();
    batch.append(batch_of(
        "b",
        SpanBuilder::new(TraceId([3; 16]), SpanId([3; 8]), "op").times(future - 1, future),
    ));
    batch.append(batch_of(
        "c",
        SpanBuilder::new(TraceId([4; 16]), SpanId([4; 8]), "op")
            .times(1_600_000_000_000_000_000, 1_600_000_000_000_000_001),
    ));
    let mut no_low_half = [0; 16];
    no_low_half[0] = 1;
    batch.append(batch_of(
        "d",
        SpanBuilder::new(TraceId(no_low_half), SpanId([5; 8]), "op")
            .times(1_795_945_690_000_000_000, 1_795_945_691_000_000_000),
    ));
    exporter.export(&batch).await.unwrap();
    let payload = payload(&server.seen()[0]);
    let spans: Vec<_> = payload
        .tracer_payloads
        .iter()
        .flat_map(|tracer| &tracer.chunks)
        .flat_map(|chunk| &chunk.spans)
        .collect();
    let services: Vec<_> = spans.iter().map(|span| span.service.as_str()).collect();
    assert_eq!(services, ["otlpresourcenoservicename", "ünï_größe", "b", "c"]);
    assert_eq!(spans[0].meta["k"].len(), 25_003);
    assert_eq!(spans[0].meta["nul\0key"], "a\0b\u{1b}[31m");
    assert_eq!((spans[1].duration, spans[1].resource.as_str()), (0, "Internal"));
    let counts = recorder.handle().render();
    for (reason, count) in [
        ("trace_id", 1),
        ("service", 1),
        ("clock", 1),
        ("too_long", 1),
        ("too_old", 2),
        ("in_the_future", 1),
        ("ignored", 0),
    ] {
        let line = format!("plano_exporter_changed_spans_total{{exporter=\"datadog\",reason=\"{reason}\"}} {count}");
        assert!(counts.contains(&line), "{line}\n{counts}");
    }
}

#[test]
fn changed_spans_are_told_in_one_line() {
    let meter = Meter::new(testing::host("datadog").id);
    let changes = map::Changes {
        without_service: 3,
        ..map::Changes::default()
    };
    let note = |changes| testing::json_log(|| meter.note(changes, &TraceBatch::default(), 0));
    let log = note(&changes);
    assert!(
        log.contains("\"without_service\":3") && log.contains("changed to what Datadog takes"),
        "{log}"
    );
    assert_eq!(note(&changes), "", "a second line comes too soon");
    let meant = map::Changes {
        ignored: 1,
        unsampled: 1,
        ..map::Changes::default()
    };
    assert_eq!(
        testing::json_log(|| Meter::new(testing::host("datadog").id).note(&meant, &TraceBatch::default(), 0)),
        ""
    );
}

#[tokio::test]
async fn the_otlp_intake_gets_otlp() {
    let server = Server::start(|_| Some(text(202, &[], ""))).await;
    let exporter = to(
        &server,
        json!({"otlp": true, "otlp_source": "acme", "traces": {"span_name_as_resource_name": true}}),
    );
    let plain = batch(1);
    let mut both = plain.clone();
    both.append(batch_of(
        "plano(llm)",
        span_with(
            9,
            &[
                ("gen_ai.operation.name", Value::Str("chat")),
                ("gen_ai.request.model", Value::Str("gpt-4o")),
            ],
        ),
    ));
    let requests = exporter.requests(both);
    assert_eq!(requests.len(), 1);
    exporter.export(&requests[0]).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.uri.path()), ("POST", "/v1/traces"));
    let header = |name: &str| seen.headers[name].to_str().unwrap().to_owned();
    assert_eq!(
        [header("dd-api-key"), header("compute_stats"), header("dd-otlp-source")],
        [KEY, "true", "acme"]
    );
    assert!(header("dd-otel-span-mapping").contains("\"span_name_as_resource_name\":true"));
    let body = inflate(Encoding::Gzip, &seen.body, 1 << 20).unwrap();
    assert!(
        body.starts_with(&testing::wire(&plain)),
        "a span that has names goes out byte for byte"
    );
    let sent = crate::otlp::validate(body).unwrap().batch;
    let names: Vec<_> = sent
        .resource_spans()
        .flat_map(|resource| resource.scope_spans())
        .flat_map(|scope| scope.spans())
        .map(|span| {
            ["operation.name", "resource.name"]
                .map(|key| span.attribute(key).and_then(|value| value.as_str()).map(str::to_owned))
        })
        .collect();
    assert_eq!(
        names,
        [
            [None, None],
            [Some("llm.chat".to_owned()), Some("chat gpt-4o".to_owned())]
        ]
    );
}

#[tokio::test]
async fn what_the_otlp_intake_rejects_is_counted() {
    let partial: &[u8] = &[10, 6, 8, 3, 18, 2, b'n', b'o'];
    let server = Server::start(move |_| Some(text(200, &[("content-type", "application/x-protobuf")], partial))).await;
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let exporter = metrics::with_local_recorder(&recorder, || to(&server, json!({"otlp": true})));
    exporter.export(&batch(4)).await.unwrap();
    let counts = recorder.handle().render();
    let line = "plano_exporter_rejected_spans_total{exporter=\"datadog\"} 3";
    assert!(counts.contains(line), "{counts}");
}

#[tokio::test]
async fn a_key_that_datadog_does_not_know_ends_the_start() {
    for (status, works) in [(403, false), (200, true), (500, true)] {
        let server = Server::start(move |_| Some(text(status, &[], "{}"))).await;
        let endpoint = format!("http://{}", server.address);
        let exporter = to(
            &server,
            json!({"api": {"fail_on_invalid_key": true}, "metrics": {"endpoint": endpoint}}),
        );
        let outcome = exporter.open().await;
        assert_eq!(outcome.is_ok(), works, "{status}: {outcome:?}");
        let seen = &server.seen()[0];
        assert_eq!((seen.method.as_str(), seen.uri.path()), ("GET", "/api/v1/validate"));
        assert_eq!(seen.headers["dd-api-key"], KEY);
        if let Err(error) = outcome {
            let text = format!("{error:#}");
            assert!(text.contains("does not know api::key") && !text.contains(KEY), "{text}");
        }
    }
    let server = Server::start(|_| Some(text(403, &[], ""))).await;
    to(&server, json!({})).open().await.unwrap();
    assert!(server.seen().is_empty(), "nobody asked for it");
}

#[tokio::test(start_paused = true)]
async fn a_datadog_that_does_not_answer_does_not_keep_the_start() {
    let server = Server::start(|_| None).await;
    let endpoint = format!("http://{}", server.address);
    let exporter = to(
        &server,
        json!({"api": {"fail_on_invalid_key": true}, "metrics": {"endpoint": endpoint}}),
    );
    exporter.check().await.unwrap();
    exporter.open().await.unwrap();
}

#[tokio::test]
async fn a_page_is_no_success_of_the_otlp_intake() {
    let server = Server::start(|_| Some(text(200, &[HTML], PAGE))).await;
    let exporter = to(&server, json!({"otlp": true}));
    assert_eq!(describe(exporter.export(&batch(1)).await).0, "retry");
}

#[test]
fn a_key_that_looks_wrong_is_told() {
    let log = testing::json_log(|| {
        testing::exporter::<Config>(json!({"api": {"key": "k"}}));
    });
    assert!(
        log.contains("32 hexadecimal digits") && log.contains("\"exporter\":\"datadog\""),
        "{log}"
    );
}

#[test]
fn the_collectors_config_is_read() {
    let config = json!({
        "api": {"key": KEY, "site": "datadoghq.eu", "fail_on_invalid_key": false},
        "hostname": "web-1",
        "hostname_detection_timeout": "10s",
        "only_metadata": false,
        "host_metadata": {"enabled": true, "hostname_source": "first_resource", "tags": ["a:b"], "reporter_period": "30m"},
        "metrics": {
            "endpoint": "https://api.datadoghq.eu", "delta_ttl": 3600, "resource_attributes_as_tags": true,
            "instrumentation_scope_metadata_as_tags": false,
            "histograms": {"mode": "counters", "send_count_sum_metrics": true, "send_aggregation_metrics": true},
            "sums": {"cumulative_monotonic_mode": "raw_value", "initial_cumulative_monotonic_value": "drop"},
            "summaries": {"mode": "noquantiles"},
        },
        "logs": {"endpoint": "https://logs.example.org", "use_compression": true, "compression_level": 6, "batch_wait": 5},
        "orchestrator_explorer": {"endpoint": "https://orchestrator.datadoghq.eu", "enabled": false},
        "traces": {
            "ignore_resources": ["(GET|POST) /health"], "span_name_remappings": {"a": "b"}, "span_name_as_resource_name": true,
            "compute_stats_by_span_kind": false, "compute_top_level_by_span_kind": true, "peer_service_aggregation": false,
            "peer_tags_aggregation": false, "peer_tags": ["x"], "trace_buffer": 1000,
        },
        "tls": {"insecure_skip_verify": false},
        "proxy_url": "http://proxy:3128", "max_idle_conns": 10, "max_idle_conns_per_host": 5, "max_conns_per_host": 5,
        "idle_conn_timeout": "45s", "disable_keep_alives": true, "force_attempt_http2": false,
        "read_buffer_size": 1, "write_buffer_size": 1,
    });
    let read: Config = testing::config(config);
    let dials = Build::<dyn Exporter>::dials(&read);
    assert_eq!(
        dials[0].endpoint.reveal(),
        "https://trace.agent.datadoghq.eu/api/v0.2/traces"
    );
    let otlp: Config = testing::config(json!({"api": {"key": KEY, "site": "us5.datadoghq.com"}, "otlp": true}));
    assert_eq!(
        Build::<dyn Exporter>::dials(&otlp)[0].endpoint.reveal(),
        "https://otlp.us5.datadoghq.com/v1/traces"
    );
}

#[test]
fn configs_that_cannot_work_are_faults() {
    let check = |more: Json, expected: &[&str]| {
        let mut config = json!({"api": {"key": KEY}});
        merge(&mut config, more);
        let found = faults::<Config>(config);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        found
            .iter()
            .zip(expected)
            .for_each(|(fault, part)| assert!(fault.contains(part), "{fault}"));
    };
    check(json!({}), &[]);
    check(json!({"api": {"key": ""}}), &["api::key: is not set"]);
    check(
        json!({"api": {"site": "https://app.datadoghq.eu"}}),
        &["api::site: \"https://app.datadoghq.eu\" is no site"],
    );
    check(
        json!({"api": {"site": "example.org"}, "traces": {"endpoint": "http://localhost:8126"}}),
        &[],
    );
    check(
        json!({"traces": {"endpoint": "localhost:8126"}}),
        &["traces::endpoint: "],
    );
    check(
        json!({"traces": {"ignore_resources": ["ok", "("]}}),
        &["traces::ignore_resources::1: is no regular expression"],
    );
    check(
        json!({"traces": {"span_name_remappings": {"a": ""}, "trace_buffer": -1}}),
        &["span_name_remappings", "trace_buffer"],
    );
    check(json!({"hostname": "web 1"}), &["hostname: \"web 1\" is no hostname"]);
    check(json!({"only_metadata": true}), &["only_metadata"]);
    check(json!({"otlp_source": "x"}), &["works with otlp: true only"]);
    check(
        json!({"otlp": true, "traces": {"span_name_remappings": {"a\u{1}": "b"}}}),
        &[],
    );
    check(
        json!({"otlp": true, "otlp_source": "a\nb"}),
        &["otlp_source: has a character"],
    );
    check(
        json!({"proxy_url": "nowhere", "metrics": {"endpoint": "x"}}),
        &["proxy_url", "metrics::endpoint"],
    );
    let read = |json: Json| serde_json::from_value::<Config>(json).map_err(|error| error.to_string());
    for (misspelt, word) in [
        (json!({"api": {"apikey": "k"}}), "apikey"),
        (json!({"traces": {"ignore_resource": []}}), "ignore_resource"),
        (json!({"metrics": {"histogram": {}}}), "histogram"),
    ] {
        assert!(read(misspelt).unwrap_err().contains(word));
    }
}

#[test]
fn keys_stay_out_of_what_is_printed() {
    let config: Config = testing::config(json!({"api": {"key": KEY}}));
    assert!(!format!("{config:?}").contains(KEY));
    assert!(!serde_json::to_string(&config).unwrap().contains(KEY));
}
