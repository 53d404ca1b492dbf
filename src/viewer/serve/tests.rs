//! What the two methods answer, to whom, and in which shape.

use super::*;
use crate::{
    otlp::{SpanBuilder, SpanId, TraceId, Value},
    pipeline::Sink,
    viewer::{Limits, Reply},
};

fn store() -> Arc<Store> {
    let store = Arc::new(Store::new(Limits::default()));
    let trace = TraceId([0x24; 16]);
    let root = SpanBuilder::new(trace, SpanId([1; 8]), "POST /v1/chat/completions")
        .kind(2)
        .times(1_000_000_000, 3_000_000_000)
        .attribute("http.status_code", Value::Int(200))
        .attribute("ratio", Value::Double(0.5))
        .attribute("ok", Value::Bool(true))
        .attribute("tools", Value::Strings(&["a"]))
        .attribute("raw", Value::Bytes(&[1, 2]));
    let child = SpanBuilder::new(trace, SpanId([2; 8]), "child")
        .parent(SpanId([1; 8]))
        .times(2_000_000_000, 3_000_000_000)
        .status(2, "late")
        .event(2_500_000_000, "first", &[("n", Value::Int(1))])
        .link(TraceId([9; 16]), SpanId([8; 8]), &[]);
    store.take(SpanBuilder::batch(
        &[("service.name", Value::Str("plano(inbound)"))],
        ("plano", "1"),
        [root, child],
    ));
    store
}

const LOCAL: &str = "127.0.0.1:9";

async fn call(
    method: &dyn SideMethod,
    peer: &str,
    authority: &str,
    request: &'static str,
) -> Result<String, (u32, String)> {
    let peer = peer.parse().expect("an address");
    let reply = method.call(peer, authority, Bytes::from(request)).await?;
    Ok(String::from_utf8(reply.to_vec()).expect("JSON is UTF-8"))
}

#[tokio::test]
async fn existing_clients_get_the_shape_they_know() {
    let method = GetTraces::new(store(), Access::Loopback);
    let text = call(&method, LOCAL, "127.0.0.1:4317", "").await.expect("an answer");
    let found: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let expected = serde_json::json!({"traces": [{
        "trace_id": "24242424242424242424242424242424",
        "spans": [{
            "traceId": "24242424242424242424242424242424",
            "spanId": "0101010101010101",
            "parentSpanId": "",
            "name": "POST /v1/chat/completions",
            "kind": 2,
            "startTimeUnixNano": "1000000000",
            "endTimeUnixNano": "3000000000",
            "service": "plano(inbound)",
            "status": {},
            "attributes": [
                {"key": "http.status_code", "value": {"intValue": "200"}},
                {"key": "ratio", "value": {"doubleValue": 0.5}},
                {"key": "ok", "value": {"boolValue": true}},
                {"key": "tools", "value": {"arrayValue": {"values": [{"stringValue": "a"}]}}},
                {"key": "raw", "value": {"bytesValue": "AQI="}},
            ],
            "events": [],
            "links": [],
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "plano(inbound)"}}]},
            "scope": {"name": "plano", "version": "1"},
        }, {
            "traceId": "24242424242424242424242424242424",
            "spanId": "0202020202020202",
            "parentSpanId": "0101010101010101",
            "name": "child",
            "kind": 0,
            "startTimeUnixNano": "2000000000",
            "endTimeUnixNano": "3000000000",
            "service": "plano(inbound)",
            "status": {"code": 2, "message": "late"},
            "attributes": [],
            "events": [{
                "timeUnixNano": "2500000000",
                "name": "first",
                "attributes": [{"key": "n", "value": {"intValue": "1"}}],
            }],
            "links": [{"traceId": "09090909090909090909090909090909", "spanId": "0808080808080808", "attributes": []}],
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "plano(inbound)"}}]},
            "scope": {"name": "plano", "version": "1"},
        }],
    }]});
    assert_eq!(found, expected);
    let back: Reply = serde_json::from_str(&text).expect("readers read what is written");
    assert_eq!(
        serde_json::to_value(&back.traces).expect("plain data"),
        expected["traces"]
    );
}

#[tokio::test]
async fn only_this_machine_reads_unless_told_otherwise() {
    for (access, peer, authority, allowed) in [
        (Access::Loopback, LOCAL, "localhost:4317", true),
        (Access::Loopback, LOCAL, "evil.example", false),
        (Access::Loopback, "192.0.2.1:9", "localhost:4317", false),
        (Access::Anyone, "192.0.2.1:9", "traces.example", true),
    ] {
        let methods: [&dyn SideMethod; 2] = [&GetTraces::new(store(), access), &QueryMethod::new(store(), access)];
        for method in methods {
            let outcome = call(method, peer, authority, "").await;
            assert_eq!(outcome.is_ok(), allowed, "{} {peer} {authority}", method.path());
            assert!(outcome.is_ok() || outcome.is_err_and(|(code, _)| code == PERMISSION_DENIED));
        }
    }
}

#[tokio::test]
async fn a_query_says_what_is_wrong_with_it() {
    let method = QueryMethod::new(store(), Access::Loopback);
    for (request, code) in [
        (r#"{"where":["a"]}"#, INVALID_ARGUMENT),
        (r#"{"wehre":[]}"#, INVALID_ARGUMENT),
        ("{", INVALID_ARGUMENT),
        (r#"{"where":["http.status=1"]}"#, NOT_FOUND),
    ] {
        let outcome = call(&method, LOCAL, "localhost", request).await;
        assert_eq!(outcome.expect_err(request).0, code, "{request}");
    }
    let text = call(&method, LOCAL, "localhost", r#"{"where":["http.status_code=200"]}"#)
        .await
        .expect("an answer");
    let reply: Reply = serde_json::from_str(&text).expect("a reply");
    assert_eq!((reply.traces.len(), reply.held), (1, 1));
}

#[tokio::test]
async fn an_answer_fits_what_clients_take() {
    let store = Arc::new(Store::new(Limits::default()));
    let large = "x".repeat(PAGE_BYTES / 4);
    for number in 1..=8_u8 {
        let span = SpanBuilder::new(TraceId([number; 16]), SpanId([number; 8]), "s");
        store.take(SpanBuilder::batch(
            &[],
            ("", ""),
            [span.attribute("large", Value::Str(&large))],
        ));
    }
    let text = call(&GetTraces::new(store, Access::Loopback), LOCAL, "localhost", "")
        .await
        .expect("an answer");
    assert!(text.len() < 4 << 20, "{}", text.len());
    let reply: Reply = serde_json::from_str(&text).expect("JSON");
    assert_eq!(reply.traces.first().map(|trace| &trace.trace_id[..2]), Some("08"));
    assert!(reply.traces.len() >= 3);
}
