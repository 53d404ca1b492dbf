//! The table of answers: each malformed, oversized, wrong-type, wrong-path request gets its own, and the process lives.

use super::{
    Plan, QUICK, Running, grpc_to,
    support::{
        client::{EXPORT, Reply, TRACES, deflate, frame},
        sink::Sink,
        spans::{request, span},
        until,
    },
};

const PROTO: (&str, &str) = ("content-type", "application/x-protobuf");
const GRPC: (&str, &str) = ("content-type", "application/grpc");
const JSON: (&str, &str) = ("content-type", "application/json");

async fn running(sink: &Sink) -> Running {
    let mut plan = Plan::to(vec![grpc_to(sink, QUICK)]);
    plan.http = "max_request_body_size: 100000";
    plan.grpc = "max_recv_msg_size_mib: 1";
    plan.start()
}

/// The number in a `google.rpc.Status`.
fn status_code(reply: &Reply) -> u32 {
    match reply.header("content-type") {
        "application/json" => {
            let status: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
            status["code"].as_u64().expect("a code") as u32
        }
        "application/x-protobuf" => {
            let [0x08, code, ..] = reply.body[..] else {
                panic!("no google.rpc.Status: {reply:?}");
            };
            u32::from(code)
        }
        other => panic!("content type {other}"),
    }
}

/// Method, path, headers, body; expected: HTTP status, and the code of the `google.rpc.Status` in the body.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Vec<u8>, u16, Option<u32>);

/// Path, headers, body; expected: the gRPC code.
type GrpcCase<'a> = (&'a str, &'a [(&'a str, &'a str)], Vec<u8>, u32);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one table, a row an answer")]
async fn http_answers() {
    let sink = Sink::start();
    let mut running = running(&sink).await;
    let good = request(vec![span(1, "good")]);
    let large = request(vec![span(1, &"n".repeat(100_000))]);
    let bomb = request(vec![span(1, &"n".repeat(50_000_000))]);
    let deep = [b"[".repeat(90_000)].concat();
    let gzip = &[PROTO, ("content-encoding", "gzip")][..];
    let cases: Vec<Case<'_>> = vec![
        ("POST", "/v1/trace", &[PROTO], good.clone(), 404, None),
        ("POST", "/", &[PROTO], good.clone(), 404, None),
        ("POST", "/v1/metrics", &[PROTO], good.clone(), 404, None),
        ("GET", TRACES, &[], Vec::new(), 405, None),
        ("PUT", TRACES, &[PROTO], good.clone(), 405, None),
        ("POST", TRACES, &[], good.clone(), 415, None),
        (
            "POST",
            TRACES,
            &[("content-type", "text/plain")],
            good.clone(),
            415,
            None,
        ),
        (
            "POST",
            TRACES,
            &[PROTO, ("content-encoding", "br")],
            good.clone(),
            400,
            Some(3),
        ),
        ("POST", TRACES, gzip, good.clone(), 400, Some(3)),
        (
            "POST",
            TRACES,
            gzip,
            deflate("gzip", &good)[..20].to_vec(),
            400,
            Some(3),
        ),
        (
            "POST",
            TRACES,
            &[PROTO, ("content-encoding", "zstd")],
            deflate("zstd", &good)[..20].to_vec(),
            400,
            Some(3),
        ),
        ("POST", TRACES, &[PROTO], large.clone(), 413, Some(8)),
        ("POST", TRACES, gzip, deflate("gzip", &large), 413, Some(8)),
        ("POST", TRACES, gzip, deflate("gzip", &bomb), 413, Some(8)),
        (
            "POST",
            TRACES,
            &[PROTO, ("content-encoding", "zstd")],
            deflate("zstd", &bomb),
            413,
            Some(8),
        ),
        ("POST", TRACES, &[PROTO], b"no protobuf at all".to_vec(), 400, Some(3)),
        ("POST", TRACES, &[PROTO], good[..good.len() - 3].to_vec(), 400, Some(3)),
        ("POST", TRACES, &[JSON], b"{\"resourceSpans\":[".to_vec(), 400, Some(3)),
        ("POST", TRACES, &[JSON], b"[]".to_vec(), 400, Some(3)),
        (
            "POST",
            TRACES,
            &[JSON],
            b"{\"resource_spans\":[]}".to_vec(),
            400,
            Some(3),
        ),
        ("POST", TRACES, &[JSON], deep, 400, Some(3)),
        ("POST", TRACES, &[JSON], b"\xff\xfe".to_vec(), 400, Some(3)),
        ("POST", TRACES, &[PROTO], Vec::new(), 200, None),
        ("POST", TRACES, &[JSON], b"{}".to_vec(), 200, None),
    ];
    for (method, path, headers, body, status, code) in cases {
        let about = format!("{method} {path} {headers:?} {:?}", &body[..body.len().min(20)]);
        for is_http2 in [false, true] {
            let reply = match is_http2 {
                false => running.http.try_http(method, path, headers, &body).await,
                true => running.http.try_http2(method, path, headers, &body).await,
            };
            let reply = reply.unwrap_or_else(|error| panic!("{about}: {error}"));
            assert_eq!(reply.status, status, "{about}: {}", reply.text());
            if let Some(code) = code {
                assert_eq!(status_code(&reply), code, "{about}");
            }
            let is_text = reply.header("content-type").starts_with("text/plain");
            assert_eq!(is_text, matches!(status, 404 | 405 | 415), "{about}: {reply:?}");
            assert_eq!(
                reply.header("retry-after"),
                "",
                "{about}: nothing here is worth a retry"
            );
        }
    }
    let reply = running
        .http
        .try_http("POST", TRACES, &[("content-type", "x/y")], &good)
        .await
        .expect("an answer");
    assert_eq!(
        reply.text(),
        "415 unsupported media type, supported: [application/json, application/x-protobuf]"
    );
    assert_eq!(sink.received().len(), 0, "none of that was for the next hop");
    assert!(running.collector.lives());
    assert_eq!(
        running
            .http
            .post(&[("content-type", "APPLICATION/X-Protobuf; x=y")], &good)
            .await
            .status,
        200
    );
    until("it arrives", || sink.spans().len() == 1).await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one table, a row an answer")]
async fn grpc_answers() {
    let sink = Sink::start();
    let mut running = running(&sink).await;
    let good = request(vec![span(1, "good")]);
    let large = request(vec![span(1, &"n".repeat(1 << 20))]);
    let bomb = request(vec![span(1, &"n".repeat(50_000_000))]);
    let gzip = &[GRPC, ("grpc-encoding", "gzip")][..];
    let metrics = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    let health = "/grpc.health.v1.Health/Check";
    let cases: Vec<GrpcCase<'_>> = vec![
        (metrics, &[GRPC], frame(0, b""), 12),
        ("/x", &[GRPC], frame(0, b""), 12),
        (
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            &[GRPC],
            frame(0, b""),
            12,
        ),
        (EXPORT, &[GRPC], frame(0, &large), 8),
        (EXPORT, gzip, frame(1, &deflate("gzip", &large)), 8),
        (EXPORT, gzip, frame(1, &deflate("gzip", &bomb)), 8),
        (EXPORT, gzip, frame(1, &good), 3),
        (EXPORT, &[GRPC, ("grpc-encoding", "snappy")], frame(1, &good), 12),
        (EXPORT, &[GRPC], frame(0, b"no protobuf at all"), 3),
        (EXPORT, &[GRPC], frame(0, &good)[..20].to_vec(), 3),
        (EXPORT, &[GRPC], [frame(0, &good), frame(0, &good)].concat(), 3),
        (EXPORT, &[GRPC], Vec::new(), 3),
        (EXPORT, &[GRPC], frame(0, b""), 0),
        (EXPORT, &[GRPC, ("grpc-timeout", "soon")], frame(0, b""), 13),
        (health, &[GRPC], frame(0, b""), 0),
        (health, &[GRPC], frame(0, &[0x0a, 1, b'x']), 5),
    ];
    for (path, headers, body, code) in cases {
        let about = format!("{path} {headers:?} {:?}", &body[..body.len().min(20)]);
        let reply = running.grpc.try_http2("POST", path, headers, &body).await;
        let reply = reply.unwrap_or_else(|error| panic!("{about}: {error}"));
        assert_eq!((reply.status, reply.code()), (200, code), "{about}: {reply:?}");
        if path == EXPORT && code == 8 {
            assert_eq!(
                reply.header("grpc-status-details-bin"),
                "",
                "without RetryInfo: not to be sent again"
            );
        }
    }
    // What does not speak gRPC.
    let reply = running
        .grpc
        .try_http("POST", EXPORT, &[GRPC], &frame(0, &good))
        .await
        .expect("an answer");
    assert_eq!(reply.status, 400);
    let reply = running
        .grpc
        .try_http2("GET", EXPORT, &[GRPC], b"")
        .await
        .expect("an answer");
    assert_eq!(reply.status, 405);
    let reply = running
        .grpc
        .try_http2("POST", EXPORT, &[PROTO], &good)
        .await
        .expect("an answer");
    assert_eq!(reply.status, 415);
    assert_eq!(sink.received().len(), 0, "none of that was for the next hop");
    assert!(running.collector.lives());
    assert_eq!(running.grpc.call(&good).await.code(), 0);
    until("it arrives", || sink.spans().len() == 1).await;
    running.stop();
}
