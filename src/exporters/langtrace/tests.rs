//! Langtrace's exporter against a stand-in that reads as Langtrace's server does, and against every answer that may come.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use super::*;
use crate::{
    exporters::testing::{self, batch, faults, json_log},
    net::testing::{Server, text},
    otlp::{SpanBuilder, SpanId, TraceId, Value, json as otlp_json, keys},
};

const YES: &str = r#"{"message":"Traces added successfully"}"#;
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const AGENT: &str = include_str!("../../../tests/fixtures/backends/agent.json");
const VARIED: &str = include_str!("../../../tests/fixtures/backends/varied.json");

fn fixture(text: &str) -> TraceBatch {
    otlp_json::read(text.as_bytes()).expect("a fixture").batch
}

fn written(content: Content, batch: &TraceBatch) -> (Json, u64) {
    let written = Profile::new(content).write(batch, usize::MAX).expect("no limit");
    (serde_json::from_slice(&written.body).expect("JSON"), written.mended)
}

/// Reads a request as the server does, and fails where it would: the rows that it stores, attributes flat.
fn stored(body: &Json) -> Vec<Json> {
    let scope = &body["resourceSpans"][0]["scopeSpans"][0];
    let spans = scope["spans"].as_array().expect("a list of spans");
    spans.iter().map(row).collect()
}

fn row(span: &Json) -> Json {
    let time = |at: &Json| {
        let nanos: u64 = at
            .as_str()
            .expect("a time is there, as a text")
            .parse()
            .expect("a number");
        nanos / 1_000_000
    };
    let flat = |attributes: &Json| -> Json {
        let attributes = attributes.as_array().expect("attributes are there");
        let values = attributes.iter().filter_map(|attribute| {
            let value = attribute["value"].as_object().expect("a value is there");
            let kept = value.get("stringValue").or_else(|| value.get("intValue"))?;
            Some((attribute["key"].as_str().expect("a key").to_owned(), kept.clone()))
        });
        Json::Object(values.collect())
    };
    let events = span["events"].as_array().expect("events are there");
    let events: Vec<Json> = events
        .iter()
        .map(|event| json!({"name": event["name"], "time": time(&event["timeUnixNano"]), "attributes": flat(&event["attributes"])}))
        .collect();
    json!({
        "name": span["name"].as_str().expect("a name"),
        "trace_id": span["traceId"], "span_id": span["spanId"], "parent_id": span["parentSpanId"],
        "kind": span["kind"].as_i64().expect("a number"),
        "start": time(&span["startTimeUnixNano"]), "end": time(&span["endTimeUnixNano"]),
        "attributes": flat(&span["attributes"]), "events": events, "status": span["status"]["code"],
        "links": span["links"].as_array().expect("links are there").len(),
    })
}

/// The only row of a batch of one span.
fn only(content: Content, batch: &TraceBatch) -> Json {
    let rows = stored(&written(content, batch).0);
    assert_eq!(rows.len(), 1);
    rows.into_iter().next().expect("one")
}

fn chat(service: &str, scope: &str, attributes: &[(&str, Value<'_>)]) -> TraceBatch {
    let mut span = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "chat").times(1_000_000_000, 2_000_000_000);
    for (key, value) in attributes {
        span = span.attribute(key, *value);
    }
    SpanBuilder::batch(&[("service.name", Value::Str(service))], (scope, "1"), [span])
}

fn said(row: &Json, event: &str, key: &str) -> Json {
    let events = row["events"].as_array().expect("events");
    let found: Vec<&Json> = events.iter().filter(|one| one["name"] == event).collect();
    assert_eq!(found.len(), 1, "{event} in {events:?}");
    serde_json::from_str(found[0]["attributes"][key].as_str().expect("a text")).expect("JSON")
}

fn prompt(row: &Json) -> Json {
    said(row, "gen_ai.content.prompt", "gen_ai.prompt")
}

fn completion(row: &Json) -> Json {
    said(row, "gen_ai.content.completion", "gen_ai.completion")
}

#[test]
fn a_config_needs_a_key_and_a_host() {
    let key = "must be non-empty; write it like ${env:LANGTRACE_API_KEY} or ${file:/run/secrets/langtrace}";
    assert_eq!(faults::<Config>(json!({})), [format!("api_key: {key}")]);
    let no_header = "api_key: holds a character that no header can carry";
    assert_eq!(faults::<Config>(json!({"api_key": "a\u{1}b"})), [no_header]);
    let wrong = faults::<Config>(json!({"api_key": "k", "host": "localhost:3000", "proxy_url": "ftp://x"}));
    assert!(
        wrong[0].starts_with("host: ")
            && wrong[0].contains("http://localhost:3000")
            && !wrong[0].contains("4318")
            && wrong[1].starts_with("proxy_url: "),
        "{wrong:?}"
    );
    for (host, expected) in [
        ("https://app.langtrace.ai", "https://app.langtrace.ai/api/trace"),
        ("", "https://app.langtrace.ai/api/trace"),
        (" ", "https://app.langtrace.ai/api/trace"),
        ("http://localhost:3000/", "http://localhost:3000/api/trace"),
        ("http://localhost:3000/api/trace", "http://localhost:3000/api/trace"),
        ("http://proxy/langtrace", "http://proxy/langtrace/api/trace"),
    ] {
        let config = testing::config::<Config>(json!({"api_key": "k", "host": host}));
        assert_eq!(config.url().expect("a URL").as_str(), expected);
    }
}

#[tokio::test]
async fn the_server_gets_what_it_reads() {
    let server = Server::start(|_| Some(text(200, JSON, YES))).await;
    let config = json!({"api_key": " key-1\n", "host": format!("http://{}", server.address)});
    let exporter = testing::exporter::<Config>(config);
    exporter.export(&batch(3)).await.expect("accepted");
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.uri.path()), ("POST", "/api/trace"));
    assert_eq!(
        (&seen.headers["x-api-key"], &seen.headers["content-type"]),
        (&"key-1".parse().unwrap(), &"application/json".parse().unwrap())
    );
    assert!(
        seen.headers["user-agent"]
            .to_str()
            .unwrap()
            .to_lowercase()
            .contains("otel-otlp")
    );
    assert!(!seen.headers.contains_key("content-encoding"));
    let rows = stored(&serde_json::from_slice(&seen.body).expect("JSON"));
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["attributes"]["text"], "hello");
    assert_eq!(
        (
            &rows[0]["attributes"]["service.name"],
            &rows[0]["attributes"]["otel.scope.name"]
        ),
        (&json!("shop"), &json!("scope"))
    );
    assert_eq!(
        (&rows[0]["start"], &rows[0]["end"], &rows[0]["parent_id"]),
        (&json!(1000), &json!(2000), &Json::Null)
    );
}

/// What comes, and what it is: status, headers, body; class, seconds to wait, what the error says.
type Case = (
    u16,
    &'static [(&'static str, &'static str)],
    &'static str,
    &'static str,
    Option<u64>,
    &'static str,
);

const HTML: &[(&str, &str)] = &[("content-type", "text/html"), ("retry-after", "7")];
const LATER: &[(&str, &str)] = &[("content-type", "application/json"), ("retry-after", "7")];
const JSON_UTF8: &[(&str, &str)] = &[("content-type", "application/json; charset=utf-8")];
const NO_KEY: &str = r#"{"error":"api key is required"}"#;
const WRONG_KEY: &str = r#"{"error":"Unauthorized. Invalid API key"}"#;
const TRIPPED: &str = r#"{"name":"TypeError","message":"boom"}"#;

#[rustfmt::skip]
const ANSWERS: &[Case] = &[
    (200, JSON, YES, "ok", None, ""),
    (201, JSON, r#"{"message":""}"#, "ok", None, ""),
    (200, JSON_UTF8, r#" {"message":"Traces add"#, "ok", None, ""),
    (200, JSON, "{", "ok", None, ""),
    (200, HTML, r#"{"mess"#, "retry", Some(7), "check host"),
    (200, JSON, r#"["mess"#, "retry", None, "check host"),
    (200, LATER, "", "retry", Some(7), "check host"),
    (201, JSON, "{}", "retry", None, "instead of Langtrace's JSON"),
    (200, JSON, r#"{"error":"no such project"}"#, "refused", None, "no such project"),
    (200, JSON, r#"{"error":null,"message":"Traces added successfully"}"#, "ok", None, ""),
    (200, HTML, "<html>Sign in</html>", "retry", Some(7), "instead of Langtrace's JSON"),
    (400, JSON, NO_KEY, "refused", None, "api key is required"),
    (401, JSON, WRONG_KEY, "refused", None, "Invalid API key"),
    (401, JSON, WRONG_KEY, "refused", None, "check api_key: "),
    (403, JSON, "{}", "refused", None, "check api_key: "),
    (404, JSON, TRIPPED, "refused", None, "boom"),
    (404, JSON, TRIPPED, "refused", None, "check host (requests go to http://127.0.0.1:"),
    (404, HTML, "<html>Not Found</html>", "refused", None, "<html>Not Found</html>"),
    (308, JSON, "", "refused", None, "not followed"),
    (408, LATER, "", "retry", Some(7), "408"),
    (413, HTML, "<html>Too large</html>", "too large", None, "413"),
    (429, LATER, "{}", "retry", Some(7), "429"),
    (500, LATER, r#"{"message":"clickhouse"}"#, "retry", Some(7), "clickhouse"),
    (502, HTML, "<html>Bad gateway</html>", "retry", Some(7), "<html>Bad gateway</html>"),
    (503, JSON, "", "retry", None, "503"),
    (504, JSON, "", "retry", None, "504"),
];

#[tokio::test]
async fn every_answer_has_its_class() {
    for &(status, headers, body, class, after, told) in ANSWERS {
        let server = Server::start(move |_| Some(text(status, headers, body))).await;
        let config = json!({"api_key": "key-1", "host": format!("http://{}", server.address)});
        let result = testing::exporter::<Config>(config).export(&batch(1)).await;
        let got = match &result {
            Ok(()) => ("ok", None),
            Err(ExportError::Retry { after, .. }) => ("retry", *after),
            Err(ExportError::TooLarge { .. }) => ("too large", None),
            Err(ExportError::Refused { .. }) => ("refused", None),
        };
        assert_eq!(got, (class, after.map(Duration::from_secs)), "{status} {body}");
        let error = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(told) && !error.contains("key-1"), "{status}: {error}");
    }
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let config = json!({"api_key": "key-1", "host": format!("http://{address}")});
    let result = testing::exporter::<Config>(config).export(&batch(1)).await;
    let error = result.expect_err("nobody listens");
    assert!(matches!(error, ExportError::Retry { .. }), "{error:?}");
    let expected = format!("check host (requests go to http://{address}/api/trace) and the network");
    let error = error.to_string();
    assert!(error.contains(&expected) && !error.contains("key-1"), "{error}");
}

fn spans(number: u64) -> impl Iterator<Item = SpanBuilder> {
    (1..=number).map(|id| SpanBuilder::new(TraceId([1; 16]), SpanId(id.to_be_bytes()), "op").times(1, 2))
}

#[test]
fn a_large_resource_makes_many_small_requests() {
    let text = "x".repeat(2 << 10);
    let keys: Vec<String> = (0..300).map(|number| format!("key.{number}")).collect();
    let mut resource: Vec<(&str, Value<'_>)> = keys.iter().map(|key| (key.as_str(), Value::Str(&text))).collect();
    resource.push(("service.name", Value::Str("shop")));
    let batch = SpanBuilder::batch(&resource, ("scope", "1"), spans(1000));
    assert!(batch.byte_len() < 1 << 20, "what the engine hands over");
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let exporter = metrics::with_local_recorder(&recorder, || testing::exporter::<Config>(json!({"api_key": "k"})));
    let requests = exporter.requests(batch);
    let mut rows = Vec::new();
    for request in &requests {
        let written = Profile::new(Content::Keep).write(request, MAX_BODY);
        rows.extend(stored(
            &serde_json::from_slice(&written.expect("it fits").body).expect("JSON"),
        ));
    }
    assert_eq!(rows.len(), 1000);
    let wire: usize = requests.iter().map(TraceBatch::byte_len).sum();
    assert!(
        wire < 2 << 20,
        "the large resource is not in each of {}: {wire}",
        requests.len()
    );
    for row in &rows {
        let attributes = row["attributes"].as_object().expect("attributes");
        assert_eq!(
            (
                &attributes["service.name"],
                &attributes["key.0"],
                &attributes["otel.scope.name"]
            ),
            (&json!("shop"), &json!(text), &json!("scope"))
        );
        assert!(attributes.len() < 20, "{}", attributes.len());
    }
    let count = "plano_exporter_mended_spans_total{exporter=\"langtrace\",reason=\"large_resource\"} 1000";
    assert!(
        recorder.handle().render().contains(count),
        "{}",
        recorder.handle().render()
    );
}

#[test]
fn ordinary_spans_are_cut_into_requests_that_the_server_takes() {
    let keys: Vec<String> = (0..20).map(|number| format!("some.resource.key.{number}")).collect();
    let resource: Vec<(&str, Value<'_>)> = keys
        .iter()
        .map(|key| (key.as_str(), Value::Str("a value of usual length")))
        .collect();
    let requests = testing::exporter::<Config>(json!({"api_key": "k"})).requests(SpanBuilder::batch(
        &resource,
        ("scope", "1"),
        spans(8000),
    ));
    assert!(requests.len() > 1);
    let mut count = 0;
    for request in &requests {
        let body = Profile::new(Content::Keep)
            .write(request, MAX_BODY)
            .expect("it fits")
            .body;
        let rows = stored(&serde_json::from_slice(&body).expect("JSON"));
        // Twenty of the resource, its name, and the scope's two.
        assert!(
            rows.iter()
                .all(|row| row["attributes"].as_object().is_some_and(|all| all.len() == 23))
        );
        count += rows.len();
    }
    assert_eq!(count, 8000);
}

#[test]
fn long_texts_around_a_span_are_cut_between_characters() {
    let long = "ü".repeat(10 << 10);
    let key = "k".repeat(9 << 10);
    let resource = [
        ("long", Value::Str(&long)),
        (key.as_str(), Value::Int(1)),
        ("service.name", Value::Str(&long)),
    ];
    let requests = testing::exporter::<Config>(json!({"api_key": "k"})).requests(SpanBuilder::batch(
        &resource,
        (long.as_str(), "1"),
        spans(2),
    ));
    let rows = stored(&written(Content::Keep, &requests[0]).0);
    for (key, value) in rows[0]["attributes"].as_object().expect("attributes") {
        assert!(
            key.len() < 100 && (key == "otel.scope.version" || value == &json!("ü".repeat(4 << 10))),
            "{key}"
        );
    }
    assert_eq!(rows[0]["attributes"].as_object().map(serde_json::Map::len), Some(4));
}

/// Escapes make six bytes of one: what was estimated is checked once more, and the engine sends the halves.
#[tokio::test]
async fn a_body_that_grows_too_large_is_sent_in_halves() {
    let server = Server::start(|_| Some(text(200, JSON, YES))).await;
    let config = json!({"api_key": "k", "host": format!("http://{}", server.address)});
    let exporter = testing::exporter::<Config>(config);
    let long = "\u{1}".repeat(450 << 10);
    let mut two = testing::batch_with(1, "long", &long);
    two.append(testing::batch_with(2, "long", &long));
    let result = exporter.export(&two).await;
    assert!(matches!(result, Err(ExportError::TooLarge { .. })), "{result:?}");
    assert!(server.seen().is_empty());
    let one = testing::batch_with(1, "long", &"\u{1}".repeat(900 << 10));
    exporter.export(&one).await.expect("one span goes as it is");
    assert!(server.seen()[0].body.len() > MAX_BODY);
}

#[test]
fn many_attributes_take_no_more_time_than_their_number() {
    let keys: Vec<String> = (0..60_000).map(|number| format!("key.{number}")).collect();
    let attributes: Vec<(&str, Value<'_>)> = keys.iter().map(|key| (key.as_str(), Value::Str(""))).collect();
    let mut span = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "op");
    for (key, value) in &attributes {
        span = span.attribute(key, *value);
    }
    let batch = SpanBuilder::batch(&attributes, ("", ""), [span]);
    let start = Instant::now();
    let requests = testing::exporter::<Config>(json!({"api_key": "k"})).requests(batch);
    let rows = stored(&written(Content::Keep, &requests[0]).0);
    assert_eq!(
        rows[0]["attributes"].as_object().map(serde_json::Map::len),
        Some(60_001)
    );
    // It took half a minute when every attribute was compared with every other.
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn one_resource_a_request() {
    let exporter = testing::exporter::<Config>(json!({"api_key": "k"}));
    let requests = exporter.requests(fixture(AGENT));
    let resources: Vec<&str> = requests
        .iter()
        .map(|request| {
            request
                .resource_spans()
                .next()
                .and_then(|one| one.service_name())
                .unwrap_or_default()
        })
        .collect();
    assert!(resources.len() > 5, "{resources:?}");
    let all: usize = requests
        .iter()
        .map(|request| stored(&written(Content::Keep, request).0).len())
        .sum();
    assert_eq!(all, fixture(AGENT).span_count());
}

/// The attributes that the pages read, of each span of an agent's trace. What stands here is in docs/backends/langtrace.md.
#[test]
fn a_trace_with_every_kind_of_span() {
    let exporter = testing::exporter::<Config>(json!({"api_key": "k"}));
    let rows: Vec<Json> = exporter
        .requests(fixture(AGENT))
        .iter()
        .flat_map(|request| stored(&written(Content::Keep, request).0))
        .collect();
    let mut shown = String::new();
    for row in &rows {
        writeln!(shown, "{}", row["name"].as_str().expect("a name")).expect("a text");
        for (key, value) in row["attributes"].as_object().expect("attributes") {
            let is_read = [
                "langtrace.",
                "gen_ai.",
                "session.",
                "user_id",
                "service.name",
                "signals.quality",
                "otel.",
            ];
            if is_read.iter().any(|start| key.starts_with(start)) && key != keys::LANGTRACE_VERSION {
                writeln!(shown, "  {key} = {value}").expect("a text");
            }
        }
        for event in row["events"].as_array().expect("events") {
            let name = event["name"].as_str().expect("a name");
            if name.starts_with("gen_ai.") {
                writeln!(shown, "  [{name}] {}", event["attributes"]).expect("a text");
            }
        }
    }
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/langtrace/agent.txt");
    assert_eq!(shown, std::fs::read_to_string(golden).expect("the golden file"));
}

#[test]
fn three_hundred_varied_spans_are_all_read() {
    let source = fixture(VARIED);
    let exporter = testing::exporter::<Config>(json!({"api_key": "k"}));
    let requests = exporter.requests(source.clone());
    let rows: Vec<Json> = requests
        .iter()
        .flat_map(|request| stored(&written(Content::Keep, request).0))
        .collect();
    assert_eq!(rows.len(), source.span_count());
    let mut ids: Vec<String> = rows
        .iter()
        .map(|row| format!("{}{}", row["trace_id"], row["span_id"]))
        .collect();
    let mut expected = Vec::new();
    let scopes = source.resource_spans().flat_map(|resource| resource.scope_spans());
    for span in scopes.flat_map(|scope| scope.spans()) {
        expected.push(format!("\"{}\"\"{}\"", span.trace_id(), span.span_id()));
    }
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    for row in &rows {
        let attributes = row["attributes"].as_object().expect("attributes");
        assert!(
            attributes.values().all(|value| value.is_string() || value.is_i64()),
            "{row}"
        );
        // A number stays one.
        assert!(attributes["service.name"] != "", "{row}");
        assert!(row["start"].as_u64() <= row["end"].as_u64(), "{row}");
        assert_ne!(row["parent_id"], "");
    }
}

#[test]
fn values_survive_as_text_or_whole_number() {
    let row = only(
        Content::Keep,
        &chat(
            "shop",
            "",
            &[
                ("double", Value::Double(34.5)),
                ("nan", Value::Double(f64::NAN)),
                ("yes", Value::Bool(true)),
                ("list", Value::Strings(&["a", "ü\"\u{1}"])),
                ("bytes", Value::Bytes(&[1, 2, 255])),
                ("small", Value::Int(-7)),
                ("large", Value::Int(i64::MAX)),
                ("exact", Value::Int((1 << 53) - 1)),
            ],
        ),
    );
    let expected = json!({
        "double": "34.5", "nan": "NaN", "yes": "true", "list": "[\"a\",\"ü\\\"\\u0001\"]", "bytes": "AQL/",
        "small": -7, "large": "9223372036854775807", "exact": 9_007_199_254_740_991_i64, "service.name": "shop",
        "otel.scope.version": "1",
    });
    assert_eq!(row["attributes"], expected);
}

const MESSAGES: &str = r#"[{"role":"user","parts":[{"type":"text","content":"Zanzibar?"}]},{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"look","arguments":{"q":1}}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"far"}]}]"#;
const REPLY: &str =
    r#"[{"role":"assistant","parts":[{"type":"text","content":"Far, I looked."}],"finish_reason":"stop"}]"#;

#[test]
fn our_gateways_conversation_is_shown() {
    let attributes = [
        ("gen_ai.operation.name", Value::Str("chat")),
        ("gen_ai.provider.name", Value::Str("azure.ai.openai")),
        ("gen_ai.request.model", Value::Str("gpt-4o")),
        ("gen_ai.usage.input_tokens", Value::Int(150)),
        ("gen_ai.usage.output_tokens", Value::Int(75)),
        ("llm.usage.cached_input_tokens", Value::Int(20)),
        ("plano.session_id", Value::Str("s-1")),
        (
            "gen_ai.system_instructions",
            Value::Str(r#"[{"type":"text","content":"Be brief."}]"#),
        ),
        ("gen_ai.input.messages", Value::Str(MESSAGES)),
        ("gen_ai.output.messages", Value::Str(REPLY)),
    ];
    let row = only(Content::Keep, &chat("plano(llm)", "plano", &attributes));
    let of = |key: &str| row["attributes"][key].clone();
    assert_eq!(
        (of("langtrace.service.type"), of("langtrace.service.name")),
        (json!("llm"), json!("azure"))
    );
    assert_eq!(
        (of("gen_ai.system"), of("session.id")),
        (json!("azure.ai.openai"), json!("s-1"))
    );
    assert_eq!(
        (of("gen_ai.usage.total_tokens"), of("gen_ai.usage.cached_tokens")),
        (json!(225), json!(20))
    );
    assert_eq!(of("gen_ai.input.messages"), Json::Null, "it is among the events");
    let call = json!([{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{\"q\":1}"}}]);
    assert_eq!(
        prompt(&row),
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Zanzibar?"},
            {"role": "assistant", "content": "", "tool_calls": call},
            {"role": "tool", "content": "far", "tool_call_id": "c1"},
        ])
    );
    assert_eq!(
        completion(&row),
        json!([{"role": "assistant", "content": "Far, I looked."}])
    );
}

#[test]
fn other_dialects_are_shown_too() {
    let openllmetry: &[(&str, Value<'_>)] = &[
        ("llm.request.type", Value::Str("chat")),
        ("gen_ai.system", Value::Str("OpenAI")),
        ("gen_ai.prompt.0.role", Value::Str("user")),
        ("gen_ai.prompt.0.content", Value::Str("Zanzibar?")),
        ("gen_ai.completion.0.role", Value::Str("assistant")),
        ("gen_ai.completion.0.content", Value::Str("Far.")),
        ("gen_ai.usage.prompt_tokens", Value::Int(3)),
        ("gen_ai.usage.completion_tokens", Value::Int(4)),
    ];
    let openinference: &[(&str, Value<'_>)] = &[
        ("openinference.span.kind", Value::Str("LLM")),
        ("llm.system", Value::Str("openai")),
        ("llm.model_name", Value::Str("gpt-4o")),
        ("llm.input_messages.0.message.role", Value::Str("user")),
        ("llm.input_messages.0.message.content", Value::Str("Zanzibar?")),
        ("llm.output_messages.0.message.role", Value::Str("assistant")),
        ("llm.output_messages.0.message.content", Value::Str("Far.")),
        ("llm.token_count.prompt", Value::Int(3)),
        ("llm.token_count.completion", Value::Int(4)),
    ];
    for attributes in [openllmetry, openinference] {
        let row = only(Content::Keep, &chat("app", "emitter", attributes));
        assert_eq!(prompt(&row), json!([{"role": "user", "content": "Zanzibar?"}]));
        assert_eq!(completion(&row), json!([{"role": "assistant", "content": "Far."}]));
        let of = |key: &str| row["attributes"][key].clone();
        assert_eq!(
            (of("langtrace.service.type"), of("langtrace.service.name")),
            (json!("llm"), json!("openai"))
        );
        assert_eq!(
            (of("gen_ai.operation.name"), of("gen_ai.usage.total_tokens")),
            (json!("chat"), json!(7))
        );
        assert!(!row["attributes"].to_string().contains("Zanzibar"), "{row}");
    }
    let step = only(
        Content::Keep,
        &chat("app", "x", &[("openinference.span.kind", Value::Str("CHAIN"))]),
    );
    assert_eq!(step["attributes"]["langtrace.service.type"], "framework");
    assert_eq!(step["attributes"]["langtrace.service.name"], "app");
    let plain = only(
        Content::Keep,
        &chat("app", "x", &[("http.request.method", Value::Str("GET"))]),
    );
    assert_eq!(plain["attributes"]["langtrace.service.type"], Json::Null);
}

/// A span of Langtrace's own SDK goes on as it came.
#[test]
fn what_is_in_langtraces_words_stays() {
    let span = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "openai.chat.completions.create")
        .parent(SpanId([3; 8]))
        .attribute("langtrace.service.name", Value::Str("OpenAI"))
        .attribute("langtrace.service.type", Value::Str("llm"))
        .attribute("langtrace.sdk.name", Value::Str("langtrace-python-sdk"))
        .attribute("langtrace.version", Value::Str("3.8.21"))
        .attribute("gen_ai.operation.name", Value::Str("chat"))
        .event(
            5,
            "gen_ai.content.prompt",
            &[("gen_ai.prompt", Value::Str(r#"[{"role":"user","content":"a"}]"#))],
        )
        .event(
            6,
            "gen_ai.content.completion",
            &[(
                "gen_ai.completion",
                Value::Str(r#"[{"role":"assistant","content":"b"}]"#),
            )],
        );
    let row = only(
        Content::Keep,
        &SpanBuilder::batch(&[], ("langtrace_python_sdk", ""), [span]),
    );
    assert_eq!(row["attributes"]["langtrace.service.name"], "OpenAI");
    assert_eq!(row["attributes"]["langtrace.sdk.name"], "langtrace-python-sdk");
    assert_eq!(row["attributes"]["langtrace.version"], "3.8.21");
    assert_eq!(row["attributes"]["service.name"], "unknown_service");
    assert_eq!(row["parent_id"], "0303030303030303");
    assert_eq!(
        (prompt(&row), completion(&row)),
        (
            json!([{"role":"user","content":"a"}]),
            json!([{"role":"assistant","content":"b"}])
        )
    );
}

#[test]
fn content_stays_here_where_it_may_not_leave() {
    let with_preview = [
        ("gen_ai.input.messages", Value::Str(MESSAGES)),
        ("gen_ai.output.messages", Value::Str(REPLY)),
        ("llm.user_message_preview", Value::Str("Zanzibar?")),
        ("signals.quality", Value::Str("Good")),
    ];
    let mut batch = chat("plano(llm)", "plano", &with_preview);
    let span = SpanBuilder::new(TraceId([1; 16]), SpanId([4; 8]), "chat")
        .event(
            5,
            "gen_ai.content.prompt",
            &[("gen_ai.prompt", Value::Str(r#"[{"role":"user","content":"Zanzibar"}]"#))],
        )
        .event(
            6,
            "signal.x",
            &[
                ("signal.snippet", Value::Str("Zanzibar")),
                ("signal.type", Value::Str("x")),
            ],
        );
    batch.append(SpanBuilder::batch(&[], ("langtrace_python_sdk", ""), [span]));
    let (body, _) = written(Content::Drop, &batch);
    let shown = body.to_string();
    assert!(
        !shown.contains("Zanzibar") && !shown.contains("Far, I looked"),
        "{shown}"
    );
    assert!(
        shown.contains("signal.type") && shown.contains("signals.quality"),
        "{shown}"
    );
    assert_eq!(stored(&body).len(), 2);
    assert!(written(Content::Keep, &batch).0.to_string().contains("Zanzibar"));
}

#[test]
fn a_span_that_ends_before_it_starts_is_mended_and_told_once() {
    let span = |id| SpanBuilder::new(TraceId([1; 16]), SpanId([id; 8]), "x").times(5_000_000_000, 4_000_000_000);
    let batch = SpanBuilder::batch(&[], ("", ""), [span(1), span(2)]);
    let (body, mended) = written(Content::Keep, &batch);
    assert_eq!(mended, 2);
    assert!(
        stored(&body)
            .iter()
            .all(|row| row["start"] == 5000 && row["end"] == 5000)
    );
    let note = Mended::new(testing::host("langtrace").id);
    let log = json_log(|| (0..10).for_each(|_| note.note(2)));
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(
        log.contains("end before they start") && log.contains("\"spans\":2"),
        "{log}"
    );
}

#[test]
fn hostile_values_make_no_broken_request() {
    let long = "ü\u{0}\"\\".repeat(10 << 10);
    let row = only(
        Content::Keep,
        &chat(
            "",
            "\u{1b}[2J",
            &[(&long[..200], Value::Str(&long)), ("", Value::Str(""))],
        ),
    );
    assert_eq!(row["attributes"][&long[..200]], long);
    assert_eq!(row["attributes"]["service.name"], "unknown_service");
}
