//! The page's API: a store and an address in, text out.

use http_body_util::BodyExt;
use tokio::time::Instant;

use super::*;
use crate::{
    otlp::{SpanBuilder, SpanId, TraceId, Value},
    pipeline::Sink,
    viewer::Limits,
};

const HOST: &str = "localhost:4319";

/// Two spans of one trace and one of another, with an attribute.
fn store() -> Arc<Store> {
    let store = Store::new(Limits::default());
    for (trace, span, parent, name) in [(1, 1, 0, "root"), (1, 2, 1, "child <b>"), (2, 3, 0, "other 🚩")] {
        let mut builder = SpanBuilder::new(TraceId([trace; 16]), SpanId([span; 8]), name)
            .times(1_000_000, 2_000_000)
            .attribute("session.id", Value::Str("s"));
        if parent > 0 {
            builder = builder.parent(SpanId([parent; 8]));
        }
        store.take(SpanBuilder::batch(
            &[("service.name", Value::Str("shop"))],
            ("scope", "1"),
            [builder],
        ));
    }
    Arc::new(store)
}

fn desk(store: Arc<Store>, access: Access) -> Desk {
    desk_until(store, access, CancellationToken::new())
}

fn desk_until(store: Arc<Store>, access: Access, stop: CancellationToken) -> Desk {
    Desk {
        live: Live::new(Arc::clone(&store), stop),
        store,
        access,
        bundle: Bundle::new(),
        work: Arc::new(Semaphore::new(1)),
    }
}

fn head(method: Method, address: &str, headers: &[(&'static str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(address).header("host", HOST);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

async fn ask(desk: &Desk, head: &Parts, peer: &str) -> (StatusCode, http::HeaderMap, String) {
    let address = peer.parse().expect("an address");
    let answer = desk.answer(head, Peer { address }).await;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
}

/// What `GET` of an address gives to this machine.
async fn check(address: &str, status: u16, expected: &[&str]) {
    let desk = desk(store(), Access::Loopback);
    let (found, headers, body) = ask(&desk, &head(Method::GET, address, &[]), "127.0.0.1:5000").await;
    assert_eq!(found, status, "{address}: {body}");
    for part in expected {
        assert!(body.contains(part), "{address} lacks {part:?}: {body}");
    }
    let kind = headers["content-type"].to_str().expect("text");
    if address.starts_with("/api") {
        assert_eq!(kind, "application/json; charset=utf-8");
        serde_json::from_str::<serde_json::Value>(&body).expect("JSON");
        assert_eq!(headers["cache-control"], "no-store");
    }
    let policy = headers["content-security-policy"].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
    assert!(
        policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert_eq!(headers["cross-origin-resource-policy"], "same-origin");
    assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
}

const FIRST: &str = "01010101010101010101010101010101";
const SECOND: &str = "02020202020202020202020202020202";

#[tokio::test]
async fn every_address_answers() {
    check("/api/info", 200, &[r#""held":2,"newest":3,"#, r#""max_traces":1000"#]).await;
    check(
        "/api/keys",
        200,
        &[r#""duration""#, r#""service.name""#, r#""session.id""#],
    )
    .await;
    check("/api/traces", 200, &[FIRST, SECOND, r#""held":2"#, r#""newest":3"#]).await;
    check("/api/traces?flagged=true", 200, &[SECOND, r#""flags":1"#]).await;
    check("/api/traces?limit=1", 200, &[r#""cursor":null"#, SECOND]).await;
    check("/api/traces?newer_than=3", 200, &[r#""summaries":[]"#]).await;
    check("/api/traces?filter=name%3Droot", 200, &[FIRST]).await;
    check("/api/sessions", 200, &[r#""session":"s""#, r#""spans":3"#]).await;
    check(
        &format!("/api/traces/{FIRST}"),
        200,
        &[r#""name":"child <b>""#, r#""depth":1"#],
    )
    .await;
    check("/api/traces/0202", 200, &[SECOND]).await;
    let span = format!("/api/traces/{FIRST}/spans/0202020202020202");
    check(&span, 200, &[r#""spanId":"0202020202020202""#, r#""key":"session.id""#]).await;
    check(&format!("{span}?trace_id={FIRST}"), 200, &[r#""name":"child <b>""#]).await;
    check(&format!("{span}?trace_id={SECOND}"), 404, &["no span"]).await;
    check(&format!("/api/traces/{FIRST}/download"), 200, &["\"traces\": ["]).await;
    let otlp = format!("/api/traces/{FIRST}/download?format=otlp");
    check(
        &otlp,
        200,
        &[r#"{"resourceSpans":["#, r#""name":"root""#, r#""name":"child <b>""#],
    )
    .await;
    check("/", 200, &["<!doctype html>"]).await;
    check("/app.css", 200, &[]).await;
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    check("/api/nothing", 404, &[r#"{"error":"no such path"#]).await;
    check("/nothing", 404, &["there is no such page"]).await;
    check("/app.js?x=1", 400, &["unknown parameter"]).await;
    check("/api/traces?filter=duration%3Esoon", 400, &["compare a duration"]).await;
    check("/api/traces?filter=%22open", 400, &["quote"]).await;
    check("/api/traces?filter=sesion.id%3D1", 400, &["did you mean", "session.id"]).await;
    check("/api/traces?since=soon", 400, &["30s, 5m"]).await;
    check(
        "/api/traces?filtre=x",
        400,
        &["unknown parameter", "known here: filter"],
    )
    .await;
    check("/api/traces/abcd", 404, &["no trace abcd is held"]).await;
    check("/api/traces/../../etc/passwd", 404, &["no such path"]).await;
    check("/api/traces/xyz", 400, &["no trace id"]).await;
    let (mut status, ..) = (StatusCode::OK, 0);
    let desk = desk(store(), Access::Loopback);
    for method in [
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
    ] {
        let (found, headers, body) = ask(&desk, &head(method, "/api/traces", &[]), "127.0.0.1:5000").await;
        assert_eq!(headers["allow"], "GET, HEAD", "{body}");
        status = found;
    }
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_short_id_must_fit_one_trace() {
    let store = Store::new(Limits::default());
    for last in [1, 2] {
        let mut id = [0xab; 16];
        id[15] = last;
        let builder = SpanBuilder::new(TraceId(id), SpanId([last; 8]), "x").times(1, 2);
        store.take(SpanBuilder::batch(&[], ("scope", "1"), [builder]));
    }
    let desk = desk(Arc::new(store), Access::Loopback);
    let (status, _, body) = ask(&desk, &head(Method::GET, "/api/traces/abab", &[]), "127.0.0.1:1").await;
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("fits more than one trace"), "{body}");
}

#[tokio::test]
async fn only_this_machine_and_this_page_read() {
    let near = desk(store(), Access::Loopback);
    let plain = || head(Method::GET, "/api/traces", &[]);
    let (status, headers, body) = ask(&near, &plain(), "192.0.2.7:5000").await;
    assert_eq!(status, 403);
    assert!(body.contains("--allow-remote-read") && !body.contains(FIRST), "{body}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let foreign = head(Method::GET, "/api/traces", &[("origin", "https://evil.example")]);
    for (desk, peer) in [
        (&near, "127.0.0.1:5000"),
        (&desk(store(), Access::Anyone), "192.0.2.7:5000"),
    ] {
        assert_eq!(ask(desk, &foreign, peer).await.0, 403);
    }
    let open = desk(store(), Access::Anyone);
    assert_eq!(ask(&open, &plain(), "192.0.2.7:5000").await.0, 200);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let desk = desk(store(), Access::Loopback);
    for address in ["/", "/api/info", "/api/traces", "/nothing"] {
        let (status, mut asked, body) = ask(&desk, &head(Method::GET, address, &[]), "127.0.0.1:1").await;
        let (found, told, nothing) = ask(&desk, &head(Method::HEAD, address, &[]), "127.0.0.1:1").await;
        asked.insert("content-length", body.len().into());
        assert_eq!((found, told, nothing.as_str()), (status, asked, ""), "{address}");
    }
}

#[tokio::test]
async fn files_that_have_not_changed_are_not_sent() {
    let desk = desk(store(), Access::Loopback);
    let (_, headers, body) = ask(&desk, &head(Method::GET, "/", &[]), "127.0.0.1:1").await;
    assert!(!body.is_empty());
    assert_eq!(headers["cache-control"], "no-cache");
    let tag = headers["etag"].to_str().expect("text");
    for (known, expected) in [
        (tag, 304),
        (&format!("\"x\", W/{tag}"), 304),
        ("*", 304),
        ("\"x\"", 200),
    ] {
        let asked = head(Method::GET, "/", &[("if-none-match", known)]);
        let (status, headers, body) = ask(&desk, &asked, "127.0.0.1:1").await;
        assert_eq!(
            (status.as_u16(), body.is_empty()),
            (expected, expected == 304),
            "{known}"
        );
        assert_eq!(headers["etag"], tag);
    }
}

#[tokio::test(start_paused = true)]
async fn news_come_at_once_but_not_too_often() {
    let (store, stop) = (store(), CancellationToken::new());
    let desk = desk_until(Arc::clone(&store), Access::Loopback, stop.clone());
    let live = head(Method::GET, "/api/live", &[]);
    let peer = Peer {
        address: "127.0.0.1:1".parse().expect("an address"),
    };
    let mut body = desk.answer(&live, peer).await.into_body();
    let mut next = async || {
        let frame = body.frame().await?.expect("no failure").into_data().expect("data");
        Some(String::from_utf8_lossy(&frame).into_owned())
    };
    let started = Instant::now();
    assert_eq!(
        next().await.as_deref(),
        Some("event: newest\ndata: {\"newest\":3,\"held\":2}\n\n")
    );
    assert!(started.elapsed() < Duration::from_millis(1));
    for span in 10..20 {
        let builder = SpanBuilder::new(TraceId([9; 16]), SpanId([span; 8]), "x").times(1, 2);
        store.take(SpanBuilder::batch(&[], ("scope", "1"), [builder]));
    }
    assert_eq!(
        next().await.as_deref(),
        Some("event: newest\ndata: {\"newest\":13,\"held\":3}\n\n")
    );
    assert_eq!(started.elapsed().as_millis(), 250);
    assert_eq!(next().await.as_deref(), Some(": nothing new\n\n"));
    assert_eq!(started.elapsed().as_millis(), 15_500);
    stop.cancel();
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn streams_are_bounded_and_give_their_place_back() {
    let desk = desk(store(), Access::Loopback);
    let live = head(Method::GET, "/api/live", &[]);
    let peer = Peer {
        address: "127.0.0.1:1".parse().expect("an address"),
    };
    let mut open = Vec::new();
    for _ in 0..16 {
        let answer = desk.answer(&live, peer).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream; charset=utf-8");
        open.push(answer);
    }
    let (status, _, body) = ask(&desk, &live, "127.0.0.1:1").await;
    assert_eq!(status, 503);
    assert!(body.contains("16 pages are open"), "{body}");
    open.pop();
    assert_eq!(desk.answer(&live, peer).await.status(), 200);
}
