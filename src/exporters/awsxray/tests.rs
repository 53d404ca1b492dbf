//! What X-Ray is asked and what becomes of its answers, against a server on loopback.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::{
    exporters::testing::{self, batch, faults},
    net::testing::{Answer, Server, text},
    otlp::{SpanBuilder, SpanId, TraceId, Value as Attribute, keys},
};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn taken() -> Answer {
    text(200, JSON, r#"{"UnprocessedTraceSegments":[]}"#)
}

/// An exporter with keys of its own that sends to that server.
struct Case {
    exporter: Box<dyn Exporter>,
    credentials: tempfile::NamedTempFile,
}

impl Case {
    async fn of(server: &Server, more: Value) -> Case {
        let credentials = tempfile::NamedTempFile::new().expect("a file");
        let keys = "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n";
        std::fs::write(credentials.path(), keys).expect("written");
        let mut config = json!({
            "region": "eu-west-1",
            "endpoint": format!("http://{}", server.address),
            "local_mode": true,
            "profile": "default",
            "shared_credentials_file": [credentials.path()],
        });
        let members = config.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        let exporter = testing::exporter::<Config>(config);
        exporter.open().await.expect("opens");
        Case { exporter, credentials }
    }

    async fn send(&self, batch: TraceBatch) -> Vec<Result<(), ExportError>> {
        let mut results = Vec::new();
        for request in self.exporter.requests(batch) {
            results.push(self.exporter.export(&request).await);
        }
        results
    }
}

fn documents(server: &Server) -> Vec<Vec<Value>> {
    let of = |body: &[u8]| -> Vec<Value> {
        let body: Value = serde_json::from_slice(body).expect("JSON");
        let texts = body["TraceSegmentDocuments"].as_array().expect("documents").clone();
        texts
            .iter()
            .map(|text| serde_json::from_str(text.as_str().expect("text")).expect("JSON"))
            .collect()
    };
    server.seen().iter().map(|seen| of(&seen.body)).collect()
}

fn span(id: u8, name: &str) -> SpanBuilder {
    SpanBuilder::new(TraceId([id; 16]), SpanId([id; 8]), name).times(1_000_000_000, 2_000_000_000)
}

fn of(spans: impl IntoIterator<Item = SpanBuilder>) -> TraceBatch {
    SpanBuilder::batch(&[("service.name", Attribute::Str("shop"))], ("scope", "1"), spans)
}

#[tokio::test]
async fn segments_go_out_signed() {
    let server = Server::start(|_| Some(taken())).await;
    let case = Case::of(&server, json!({})).await;
    case.send(batch(2))
        .await
        .into_iter()
        .for_each(|result| result.expect("taken"));
    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.uri.path()), ("POST", "/TraceSegments"));
    assert_eq!(seen.headers["content-type"], "application/json");
    assert_eq!(seen.headers["user-agent"], USER_AGENT);
    let authorization = seen.headers["authorization"].to_str().expect("text");
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
            && authorization.contains("/eu-west-1/xray/aws4_request")
            && authorization.contains("SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date"),
        "{authorization}"
    );
    let found = documents(&server);
    assert_eq!(found[0].len(), 2);
    assert_eq!(found[0][0]["trace_id"], "1-01010101-010101010101010101010101");
    assert_eq!(
        (&found[0][0]["id"], &found[0][0]["name"]),
        (&json!("0101010101010101"), &json!("op"))
    );
    assert_eq!(found[0][0]["start_time"], json!(1.0));
}

#[tokio::test]
async fn a_request_has_at_most_50_documents() {
    let server = Server::start(|_| Some(taken())).await;
    let case = Case::of(&server, json!({})).await;
    case.send(batch(120)).await;
    let counts: Vec<usize> = documents(&server).iter().map(Vec::len).collect();
    assert_eq!(counts, [50, 50, 20]);
    // A local root that calls another is two.
    let root = |id| {
        span(id, "call")
            .kind(3)
            .attribute("aws.span.kind", Attribute::Str("LOCAL_ROOT"))
    };
    case.send(of((1..=30).map(root))).await;
    let counts: Vec<usize> = documents(&server).iter().skip(3).map(Vec::len).collect();
    assert_eq!(counts, [50, 10]);
}

#[tokio::test]
async fn a_second_attempt_makes_the_same_segments() {
    let server = Server::start(|_| Some(taken())).await;
    let case = Case::of(&server, json!({})).await;
    let root = span(7, "call")
        .kind(3)
        .attribute("aws.span.kind", Attribute::Str("LOCAL_ROOT"))
        .status(2, "no");
    let batch = of([root]);
    for _ in 0..2 {
        case.exporter.export(&batch).await.expect("taken");
    }
    let found = documents(&server);
    assert_eq!(found[0], found[1]);
    let (call, service) = (&found[0][0], &found[0][1]);
    assert_eq!(call["parent_id"], service["id"]);
    assert_ne!(call["id"], service["id"]);
}

#[tokio::test]
async fn a_signal_is_an_annotation_and_the_flag_leaves_no_blank() {
    let server = Server::start(|_| Some(taken())).await;
    let case = Case::of(&server, json!({})).await;
    let flagged = span(1, "POST /v1/chat/completions gpt-4 \u{1F6A9}")
        .kind(3)
        .attribute(keys::SIGNALS_QUALITY, Attribute::Str("Severe"))
        .attribute(keys::SIGNALS_TURN_COUNT, Attribute::Int(15))
        .attribute("llm.model", Attribute::Str("gpt-4"));
    let elsewhere = span(2, "seen elsewhere \u{1F6A9}").kind(1);
    case.send(of([flagged, elsewhere, span(3, "\u{1F6A9}").kind(1)])).await;
    let found = &documents(&server)[0];
    assert_eq!(found[0]["name"], "POST /v1/chat/completions gpt-4");
    let expected = json!({"signals.quality": "Severe", "signals.turn_count": 15, "signals.flagged": true});
    assert_eq!(found[0]["annotations"], expected);
    assert_eq!(found[0]["metadata"]["default"]["llm.model"], "gpt-4");
    assert_eq!(
        (&found[1]["name"], &found[1]["annotations"]),
        (&json!("seen elsewhere"), &json!({"signals.flagged": true}))
    );
    assert_eq!(
        (&found[2]["name"], &found[2]["annotations"]),
        (&json!("span"), &json!({"signals.flagged": true}))
    );
}

#[tokio::test]
async fn large_segments_are_shortened_and_say_so() {
    let server = Server::start(|_| Some(taken())).await;
    let case = Case::of(&server, json!({"indexed_attributes": ["indexed"]})).await;
    let (long, huge) = ("ü".repeat(20 << 10), "🚀".repeat(50 << 10));
    let spans = [
        span(1, "40 KiB").attribute("text", Attribute::Str(&long)),
        span(2, "200 KiB").attribute("text", Attribute::Str(&huge)),
        span(3, "indexed").attribute("indexed", Attribute::Str(&long)),
        (0..3000).fold(span(4, "many"), |span, n| {
            span.attribute(&format!("key.{n}.{}", "k".repeat(30)), Attribute::Str("value"))
        }),
    ];
    case.send(of(spans)).await;
    let found = &documents(&server)[0];
    assert_eq!(found.len(), 4);
    let default = |index: usize| &found[index]["metadata"]["default"];
    assert_eq!(default(0)["text"], long.as_str());
    assert!(default(0).get("plano.xray.trimmed").is_none());
    let cut = default(1)["text"].as_str().expect("text");
    assert!(cut.len() <= 8192 && cut.ends_with('…') && huge.starts_with(cut.trim_end_matches('…')));
    assert_eq!(default(1)["plano.xray.trimmed"], true);
    let annotation = found[2]["annotations"]["indexed"].as_str().expect("text");
    assert_eq!(
        (annotation.chars().count(), &default(2)["indexed"]),
        (1000, &json!(long))
    );
    assert_eq!(default(3)["plano.xray.trimmed"], true);
    // As many as there is room for.
    let kept = default(3).as_object().expect("metadata").len();
    assert!((1000..1400).contains(&kept), "{kept}");
    for text in server.seen().iter().flat_map(|seen| {
        let body: Value = serde_json::from_slice(&seen.body).expect("JSON");
        body["TraceSegmentDocuments"].as_array().expect("documents").clone()
    }) {
        assert!(text.as_str().expect("text").len() <= 64_000);
    }
}

#[tokio::test]
async fn what_no_segment_can_hold_is_counted_and_the_rest_goes_out() {
    let server = Server::start(|_| Some(taken())).await;
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let guard = metrics::set_default_local_recorder(&recorder);
    let case = Case::of(
        &server,
        json!({"skip_timestamp_validation": false, "index_all_attributes": true}),
    )
    .await;
    drop(guard);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let fresh = |age: u64, low: u8| {
        let mut id = [low; 16];
        id[..4].copy_from_slice(&u32::try_from(now - age).expect("before 2106").to_be_bytes());
        SpanBuilder::new(TraceId(id), SpanId([low; 8]), "op").times(1, 2)
    };
    // Annotations are left out where they are too many for one document.
    let many = (0..3000).fold(fresh(0, 3), |span, n| {
        span.attribute(&format!("key.{n}.{}", "k".repeat(30)), Attribute::Str("value"))
    });
    let many = many.attribute(keys::SIGNALS_QUALITY, Attribute::Str("Severe"));
    // Names of tables never are.
    let names: Vec<String> = (0..3000).map(|n| format!("table {n} {}", "n".repeat(30))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let wide = || fresh(0, 4).attribute(keys::xray::AWS_DYNAMODB_TABLE_NAMES, Attribute::Strings(&names));
    case.send(of([fresh(60, 1), fresh(40 * 86_400, 2), many, wide()])).await;
    let found = documents(&server);
    assert_eq!((found.len(), found[0].len()), (1, 2));
    assert_eq!(found[0][1]["annotations"][keys::SIGNALS_QUALITY], "Severe");
    let text = handle.render();
    assert!(
        text.contains(r#"plano_exporter_rejected_spans_total{exporter="awsxray"} 2"#),
        "{text}"
    );
    // Nothing left: nothing is sent, and the engine counts it.
    for (span, part) in [(fresh(40 * 86_400, 2), "last 28 days"), (wide(), "64 kB")] {
        let error = case.exporter.export(&of([span])).await.expect_err("refused");
        assert!(
            matches!(error, ExportError::Refused { .. }) && error.to_string().contains(part),
            "{error}"
        );
    }
    assert_eq!(server.seen().len(), 1);
    let text = handle.render();
    assert!(text.contains(r#"{exporter="awsxray"} 2"#), "{text}");
}

/// What becomes of a batch where X-Ray answers so: what the engine is to do, when, and what it says.
async fn answered(answer: impl Fn() -> Answer + Send + Sync + 'static) -> (&'static str, Option<Duration>, String) {
    let server = Server::start(move |_| Some(answer())).await;
    let case = Case::of(&server, json!({})).await;
    match case.exporter.export(&batch(2)).await {
        Ok(()) => ("ok", None, String::new()),
        Err(error) => {
            let told = error.to_string();
            match error {
                ExportError::Retry { after, .. } => ("retry", after, told),
                ExportError::TooLarge { .. } => ("halve", None, told),
                ExportError::Refused { .. } => ("refuse", None, told),
            }
        }
    }
}

type Headers = &'static [(&'static str, &'static str)];

/// Where X-Ray answers so, the outcome is that, and the error says these things.
async fn check(status: u16, headers: Headers, body: &'static str, expected: &str, parts: &[&str]) {
    let (outcome, after, told) = answered(move || text(status, headers, body)).await;
    assert_eq!(outcome, expected, "{status} {body}: {told}");
    parts.iter().for_each(|part| assert!(told.contains(part), "{told}"));
    let wants = headers
        .iter()
        .find(|(name, _)| *name == "retry-after")
        .map(|(_, value)| value.parse().expect("s"));
    assert_eq!(
        after.map(|after| after.as_secs()),
        wants.filter(|_| outcome == "retry"),
        "{told}"
    );
}

#[tokio::test]
async fn what_is_for_now_is_tried_again() {
    check(200, JSON, "{}", "ok", &[]).await;
    check(200, JSON, r#"{"UnprocessedTraceSegments":null}"#, "ok", &[]).await;
    check(200, JSON, r#"{"status":"ok"}"#, "retry", &["not from X-Ray", "status"]).await;
    check(
        200,
        &[("content-type", "text/html")],
        "<h1>Sign in</h1>",
        "retry",
        &["not from X-Ray", "Sign in"],
    )
    .await;
    check(413, &[], "", "halve", &["413"]).await;
    check(
        429,
        &[
            ("x-amzn-errortype", "ThrottledException:http://internal"),
            ("retry-after", "7"),
        ],
        r#"{"Message":"slow down"}"#,
        "retry",
        &["429", "ThrottledException"],
    )
    .await;
    check(
        400,
        JSON,
        r#"{"__type":"com.amazon#ThrottlingException","message":"Rate exceeded"}"#,
        "retry",
        &["Rate exceeded"],
    )
    .await;
    check(
        503,
        &[("retry-after", "2")],
        "<html>busy</html>",
        "retry",
        &["<html>busy</html>"],
    )
    .await;
    check(500, JSON, "{}", "retry", &["500"]).await;
}

#[tokio::test]
async fn what_is_for_good_is_refused() {
    check(407, &[], "proxy", "refuse", &["407"]).await;
    check(
        302,
        &[("location", "http://login")],
        "",
        "refuse",
        &["redirect", "http://login"],
    )
    .await;
    check(
        400,
        JSON,
        r#"{"__type":"InvalidRequestException","message":"bad\u001b[31m"}"#,
        "refuse",
        &["InvalidRequestException: bad [31m"],
    )
    .await;
}

#[tokio::test]
async fn what_aws_refuses_for_good_is_told_with_what_to_look_at() {
    let denied = r#"{"message":"User is not authorized to perform: xray:PutTraceSegments"}"#;
    check(
        403,
        &[("x-amzn-errortype", "AccessDeniedException")],
        denied,
        "refuse",
        &["not authorized", "need xray:PutTraceSegments"],
    )
    .await;
    let unknown = r#"{"message":"The security token included in the request is invalid."}"#;
    check(
        403,
        &[("x-amzn-errortype", "UnrecognizedClientException")],
        unknown,
        "refuse",
        &["token included", "partition"],
    )
    .await;
    let wrong = r#"{"message":"Credential should be scoped to a valid region."}"#;
    check(
        403,
        &[("x-amzn-errortype", "InvalidSignatureException")],
        wrong,
        "refuse",
        &["valid region", "the region that of"],
    )
    .await;
}

#[tokio::test]
async fn credentials_and_clocks_that_are_late_are_tried_again() {
    let expired = r#"{"message":"The security token included in the request is expired"}"#;
    check(
        403,
        &[("x-amzn-errortype", "ExpiredTokenException")],
        expired,
        "retry",
        &["is expired"],
    )
    .await;
    let late = r#"{"message":"Signature expired: 20200101T000000Z is now earlier than 20261129T000000Z"}"#;
    let headers: Headers = &[
        ("x-amzn-errortype", "InvalidSignatureException"),
        ("date", "Wed, 01 Jan 2020 00:00:00 GMT"),
    ];
    check(
        403,
        headers,
        late,
        "retry",
        &["Signature expired", "clock is", "s ahead of that of AWS"],
    )
    .await;
}

#[tokio::test]
async fn segments_that_were_not_taken_are_counted_or_sent_again() {
    let refused =
        r#"{"UnprocessedTraceSegments":[{"Id":"01","ErrorCode":"InvalidSegment","Message":"no \u0007 name"}]}"#;
    let server = Server::start(move |_| Some(text(200, JSON, refused))).await;
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let guard = metrics::set_default_local_recorder(&recorder);
    let case = Case::of(&server, json!({})).await;
    drop(guard);
    case.exporter.export(&batch(2)).await.expect("taken in part");
    assert!(
        handle
            .render()
            .contains(r#"plano_exporter_rejected_spans_total{exporter="awsxray"} 1"#),
        "{}",
        handle.render()
    );
    let busy = r#"{"UnprocessedTraceSegments":[{"Id":"01","ErrorCode":"ThrottledException","Message":"later"}]}"#;
    let (outcome, _, told) = answered(move || text(200, JSON, busy)).await;
    assert_eq!(
        (outcome, told.contains("ThrottledException: later (segment 01)")),
        ("retry", true),
        "{told}"
    );
}

#[tokio::test]
async fn credentials_that_changed_are_read_again_when_aws_calls_the_old_ones_expired() {
    let answer = |seen: &crate::net::testing::Seen| {
        let authorization = seen.headers["authorization"].to_str().expect("text").to_owned();
        Some(match authorization.contains("AKIDFRESH") {
            true => taken(),
            false => text(403, &[("x-amzn-errortype", "ExpiredTokenException")], "{}"),
        })
    };
    let server = Server::start(answer).await;
    let case = Case::of(&server, json!({})).await;
    let failed = case.exporter.export(&batch(1)).await;
    assert!(matches!(failed, Err(ExportError::Retry { .. })), "{failed:?}");
    let keys = "[default]\naws_access_key_id = AKIDFRESH\naws_secret_access_key = secret\n";
    std::fs::write(case.credentials.path(), keys).expect("written");
    case.exporter
        .export(&batch(1))
        .await
        .expect("the new ones are believed");
}

#[tokio::test]
async fn without_credentials_it_says_where_it_looked() {
    let server = Server::start(|_| Some(taken())).await;
    let case = Case::of(&server, json!({})).await;
    std::fs::write(case.credentials.path(), "[default]\nregion = eu-west-1\n").expect("written");
    let error = case.exporter.export(&batch(1)).await.expect_err("no keys");
    let told = error.to_string();
    assert!(matches!(error, ExportError::Retry { .. }), "{told}");
    assert!(
        told.contains("no AWS credentials to sign with") && told.contains("shared files: none"),
        "{told}"
    );
    assert!(server.seen().is_empty());
}

#[test]
fn faults_say_what_is_right() {
    let found = faults::<Config>(json!({
        "region": "Frankfurt",
        "endpoint": "xray.eu-west-1.amazonaws.com",
        "proxy_address": "proxy",
        "role_arn": "my-role",
    }));
    let expected = [
        "region: \"Frankfurt\" is no region",
        "endpoint: ",
        "proxy_address: ",
        "role_arn: is no ARN",
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    found
        .iter()
        .zip(expected)
        .for_each(|(found, start)| assert!(found.starts_with(start), "{found}"));
    assert_eq!(faults::<Config>(json!({"external_id": "x"})).len(), 1);
    assert_eq!(faults::<Config>(json!({})), Vec::<String>::new());
}

#[test]
fn the_endpoint_follows_the_region() {
    let url = |config: Value, region: &str| {
        let config: Config = testing::config(config);
        config.url(&aws::endpoint("xray", region)).expect("a URL").to_string()
    };
    assert_eq!(
        url(json!({}), "eu-west-1"),
        "https://xray.eu-west-1.amazonaws.com/TraceSegments"
    );
    assert_eq!(
        url(json!({}), "cn-north-1"),
        "https://xray.cn-north-1.amazonaws.com.cn/TraceSegments"
    );
    assert_eq!(
        url(json!({"endpoint": "http://localhost:5000/"}), "x"),
        "http://localhost:5000/TraceSegments"
    );
}

#[tokio::test]
async fn it_is_opened_before_it_sends() {
    let exporter = testing::exporter::<Config>(json!({"region": "eu-west-1"}));
    let error = exporter.export(&batch(1)).await.expect_err("not opened");
    assert!(error.to_string().contains("not opened"), "{error}");
}

#[tokio::test]
async fn credentials_that_may_not_are_kept() {
    let denied = |seen: &crate::net::testing::Seen| {
        let authorization = seen.headers["authorization"].to_str().expect("text");
        assert!(authorization.contains("AKIDEXAMPLE"), "{authorization}");
        Some(text(403, &[("x-amzn-errortype", "AccessDeniedException")], "{}"))
    };
    let server = Server::start(denied).await;
    let case = Case::of(&server, json!({})).await;
    case.exporter.export(&batch(1)).await.expect_err("denied");
    let keys = "[default]\naws_access_key_id = AKIDFRESH\naws_secret_access_key = secret\n";
    std::fs::write(case.credentials.path(), keys).expect("written");
    let error = case.exporter.export(&batch(1)).await.expect_err("denied");
    assert!(matches!(error, ExportError::Refused { .. }), "{error}");
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn certificates_are_not_checked_at_x_ray_alone() {
    let config = json!({"no_verify_ssl": true, "certificate_file_path": "/ca.pem"});
    let config: Config = serde_json::from_value(config).expect("a config");
    assert!(config.tls().insecure_skip_verify);
    let of_credentials = config.access().reach.tls;
    assert!(!of_credentials.insecure_skip_verify);
    assert_eq!(of_credentials.ca_file.as_deref(), Some("/ca.pem"));
}

#[test]
fn keys_without_effect_are_told_where_they_are_set() {
    let of = |config: Value| testing::config::<Config>(config).without_effect();
    assert_eq!(of(json!({})), []);
    let set = json!({"num_workers": 2, "request_timeout_seconds": 5, "max_retries": 9});
    let expected = [
        ("num_workers", "sending_queue::num_consumers"),
        ("request_timeout_seconds", "timeout"),
        ("max_retries", "retry_on_failure"),
    ];
    assert_eq!(of(set), expected);
}

#[test]
fn a_wrong_endpoint_is_told_with_where_it_stands() {
    let told = |config: Value, variable: &str| {
        let config: Config = serde_json::from_value(config).expect("a config");
        let wrong = Some((variable.to_owned(), "xray.example".to_owned()));
        config.client("eu-west-1", wrong).expect_err("no URL").to_string()
    };
    assert!(told(json!({}), "AWS_ENDPOINT_URL_XRAY").starts_with("AWS_ENDPOINT_URL_XRAY: "));
    assert!(told(json!({"endpoint": "xray"}), "AWS_ENDPOINT_URL").starts_with("endpoint: "));
}
