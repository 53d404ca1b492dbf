//! Tests of OTLP over HTTP, written as raw HTTP/1.1: every row of the answers, bombs, slow bodies, CORS.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::*;
use crate::net::{
    compression::{Compressor, Encoding},
    grpc::{Code, Status},
};

const PROTO: &str = "content-type: application/x-protobuf\r\n";
const JSON: &str = "content-type: application/json\r\n";

/// Sends raw bytes; the status, the head and the body of the answer.
async fn raw(address: SocketAddr, bytes: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    // The server may answer, and close, before it has read all.
    let send = async {
        let _ = write.write_all(bytes).await;
    };
    let receive = async {
        let _ = timeout(SOON, read.read_to_end(&mut answer))
            .await
            .expect("the server closes");
    };
    tokio::join!(send, receive);
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (
        head[9..12].parse().unwrap(),
        head.to_lowercase(),
        answer[end + 4..].to_vec(),
    )
}

async fn post(address: SocketAddr, headers: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    raw(address, &[head.as_bytes(), body].concat()).await
}

/// Posts protobuf; the status of the answer and the gRPC code and message in its body.
async fn check(served: &Served, headers: &str, body: &[u8], expected: u16, code: Code, message: &str) {
    let (status, head, answer) = post(served.http, &format!("{PROTO}{headers}"), body).await;
    assert_eq!(status, expected, "{head}");
    assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    let found = Status::decode(&answer).unwrap();
    assert_eq!(found.code, code);
    assert!(found.message.contains(message), "{found:?}");
}

#[tokio::test]
async fn what_is_taken() {
    let served = served().await;
    let plain = request(3, 0, 10);
    for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd, Encoding::Deflate] {
        let body = Compressor::new(encoding).compress(&[Bytes::from(plain.clone())]);
        let headers = format!(
            "Content-Type: Application/X-Protobuf; charset=utf-8\r\ncontent-encoding: {}\r\n",
            encoding.name()
        );
        let (status, head, answer) = post(served.http, &headers, &body).await;
        assert_eq!((status, answer.len()), (200, 0), "{head}");
        assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    }
    assert_eq!(served.pipes.spans(), 12);
    let span = json!({"traceId": "0102030405060708090A0B0C0D0E0F10", "spanId": "0102030405060708", "name": "x"});
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string();
    let (status, head, answer) = post(served.http, JSON, body.as_bytes()).await;
    assert_eq!((status, &answer[..]), (200, &b"{}"[..]));
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(served.pipes.spans(), 13);
    assert_eq!(post(served.http, PROTO, b"").await.0, 200);
    assert_eq!(post(served.http, JSON, b"{}").await.0, 200);
    let head = format!(
        "POST /v1/traces?x=y HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{PROTO}transfer-encoding: chunked\r\n\r\n{:x}\r\n",
        plain.len()
    );
    let chunked = [head.as_bytes(), &plain, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(raw(served.http, &chunked).await.0, 200);
    assert_eq!(served.pipes.spans(), 16);
    served.end().await;
}

#[tokio::test]
async fn bad_ids_are_rejected_one_by_one() {
    let served = served().await;
    let (status, _, answer) = post(served.http, PROTO, &request(2, 3, 1)).await;
    assert_eq!(status, 200);
    let answer =
        opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse::decode(&answer[..]).unwrap();
    let partial = answer.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 3);
    assert!(!partial.error_message.is_empty());
    let span = json!({"traceId": "", "spanId": "0102030405060708"});
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string();
    let (status, _, answer) = post(served.http, JSON, body.as_bytes()).await;
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(
        (status, &answer["partialSuccess"]["rejectedSpans"]),
        (200, &json!("1")),
        "{answer}"
    );
    assert_eq!(
        (served.pipes.spans(), served.pipes.0.refused.load(Ordering::SeqCst)),
        (2, 4)
    );
    served.end().await;
}

#[tokio::test]
async fn wrong_paths_methods_and_types() {
    let served = served().await;
    let line = |line: &str| format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    for (request, status, text) in [
        ("POST /", 404, "404 page not found"),
        ("POST /v1/metrics", 404, "404 page not found"),
        ("POST /v1/traces/", 404, "404 page not found"),
        ("GET /v1/traces", 405, "405 method not allowed, supported: [POST]"),
        ("OPTIONS /v1/traces", 405, "405 method not allowed, supported: [POST]"),
        (
            "POST /v1/traces",
            415,
            "415 unsupported media type, supported: [application/json, application/x-protobuf]",
        ),
    ] {
        let (found, head, body) = raw(served.http, line(request).as_bytes()).await;
        assert_eq!(
            (found, String::from_utf8(body).unwrap().as_str()),
            (status, text),
            "{request}"
        );
        assert!(head.contains("content-type: text/plain"), "{head}");
        assert_eq!(head.contains("allow: post"), status == 405, "{head}");
    }
    for kind in [
        "text/plain",
        "application/x-protobufs",
        "application/jsonl",
        "application/grpc",
        "",
    ] {
        assert_eq!(
            post(served.http, &format!("content-type: {kind}\r\n"), b"{}").await.0,
            415,
            "{kind}"
        );
    }
    served.end().await;
}

#[tokio::test]
async fn malformed_bodies() {
    let served = served().await;
    let good = request(1, 0, 5);
    let (bad, invalid) = (400, Code::InvalidArgument);
    check(&served, "", b"\xff\xff\xff", bad, invalid, "malformed OTLP").await;
    check(&served, "", &good[..good.len() - 1], bad, invalid, "malformed OTLP").await;
    check(
        &served,
        "content-encoding: gzip\r\n",
        &good,
        bad,
        invalid,
        "no valid gzip data",
    )
    .await;
    check(
        &served,
        "content-encoding: zstd\r\n",
        b"",
        bad,
        invalid,
        "no valid zstd data",
    )
    .await;
    for name in ["br", "snappy", "gzip, gzip", "gzip\r\ncontent-encoding: gzip"] {
        check(
            &served,
            &format!("content-encoding: {name}\r\n"),
            &good,
            bad,
            invalid,
            "supported: [identity, gzip, zstd, deflate]",
        )
        .await;
    }
    for text in [
        "",
        "[]",
        "nonsense",
        r#"{"resource_spans": []}"#,
        r#"{"resourceSpans": [{"#,
    ] {
        let (status, head, body) = post(served.http, JSON, text.as_bytes()).await;
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((status, &body["code"]), (400, &json!(3)), "{text}: {body}");
        assert!(head.contains("content-type: application/json"), "{head}");
    }
    assert_eq!(served.pipes.spans(), 0);
    served.end().await;
}

#[tokio::test]
async fn limits() {
    let settings = json!({"max_request_body_size": 1000, "compression_algorithms": ["gzip"]});
    let served = serve_with(json!({}), settings, Vec::new()).await;
    let exhausted = Code::ResourceExhausted;
    check(
        &served,
        "",
        &[0; 1001],
        413,
        exhausted,
        "(1001 bytes) is larger than 1000 bytes, the limit that max_request_body_size",
    )
    .await;
    let bomb = Compressor::new(Encoding::Gzip).compress(&[Bytes::from(vec![0; 100_000])]);
    assert!(bomb.len() < 1000);
    check(
        &served,
        "content-encoding: gzip\r\n",
        &bomb,
        413,
        exhausted,
        "larger than 1000 bytes",
    )
    .await;
    check(
        &served,
        "content-encoding: zstd\r\n",
        b"",
        400,
        Code::InvalidArgument,
        "supported: [identity, gzip]",
    )
    .await;
    // Answered although the body never comes, and while it comes.
    let head = format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{PROTO}");
    assert_eq!(
        raw(served.http, format!("{head}content-length: 1001\r\n\r\n").as_bytes())
            .await
            .0,
        413
    );
    let chunk = format!("{head}transfer-encoding: chunked\r\n\r\n3e9\r\n{}", "a".repeat(1001));
    assert_eq!(raw(served.http, chunk.as_bytes()).await.0, 413);
    let ok = format!("{head}content-length: 1001\r\n");
    assert_eq!(raw(served.http, ok.replace("1001", "0\r\n").as_bytes()).await.0, 200);
    served.end().await;
}

#[tokio::test]
async fn what_the_pipelines_refuse() {
    let served = served().await;
    let body = request(1, 0, 1);
    let after = Some(Duration::from_millis(2500));
    *served.pipes.0.full.lock().unwrap() = Some(Refused::Retry {
        after,
        reason: "sending queue is full".into(),
    });
    check(&served, "", &body, 503, Code::Unavailable, "sending queue is full").await;
    let (_, head, answer) = post(served.http, PROTO, &body).await;
    assert!(head.contains("retry-after: 3"), "{head}");
    assert_eq!(Status::decode(&answer).unwrap().retry_after, after);
    *served.pipes.0.full.lock().unwrap() = Some(Refused::permanent("not these"));
    check(&served, "", &body, 400, Code::InvalidArgument, "not these").await;
    *served.pipes.0.no_room.lock().unwrap() = Some(Refused::retry("no memory"));
    // Before anything is read: the body never comes.
    let head =
        format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{PROTO}content-length: 100\r\n\r\n");
    let (status, head, _) = raw(served.http, head.as_bytes()).await;
    assert_eq!(status, 503);
    assert!(head.contains("retry-after: 1"), "{head}");
    served.end().await;
}

#[tokio::test]
async fn inflated_bytes_are_admitted_too() {
    let served = served().await;
    let plain = request(1, 0, 50_000);
    let body = Compressor::new(Encoding::Gzip).compress(&[Bytes::from(plain.clone())]);
    assert_eq!(
        post(served.http, &format!("{PROTO}content-encoding: gzip\r\n"), &body)
            .await
            .0,
        200
    );
    assert_eq!(
        served.pipes.0.most_held.load(Ordering::SeqCst),
        plain.len() + body.len()
    );
    served.end().await;
}

#[tokio::test]
async fn slow_heads_and_bodies() {
    let settings = json!({"read_timeout": "50ms", "read_header_timeout": "50ms"});
    let served = serve_with(json!({}), settings, Vec::new()).await;
    let head = format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\n{PROTO}content-length: 100\r\n\r\nabc");
    let (status, _, answer) = raw(served.http, head.as_bytes()).await;
    assert_eq!(
        (status, Status::decode(&answer).unwrap().code),
        (408, Code::DeadlineExceeded)
    );
    let mut stream = TcpStream::connect(served.http).await.unwrap();
    stream.write_all(b"POST /v1/traces HTTP/1.1\r\nhost:").await.unwrap();
    let mut rest = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut rest))
        .await
        .expect("the server closes");
    // A body that breaks off leaves nothing behind.
    let mut stream = TcpStream::connect(served.http).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    served.end().await;
}

#[tokio::test]
async fn extra_headers_and_cors() {
    let settings =
        json!({"response_headers": {"x-extra": "yes"}, "cors": {"allowed_origins": ["https://*.example.com"]}});
    let served = serve_with(json!({}), settings, Vec::new()).await;
    let ask = "OPTIONS /v1/traces HTTP/1.1\r\nhost: x\r\nconnection: close\r\norigin: https://a.example.com\r\n\
               access-control-request-method: POST\r\naccess-control-request-headers: content-type\r\n\r\n";
    let (status, head, _) = raw(served.http, ask.as_bytes()).await;
    assert_eq!(status, 204);
    assert!(
        head.contains("access-control-allow-origin: https://a.example.com"),
        "{head}"
    );
    assert!(head.contains("x-extra: yes"), "{head}");
    let (status, head, _) = post(served.http, &format!("{PROTO}origin: https://evil.com\r\n"), b"").await;
    assert_eq!(status, 200);
    assert!(!head.contains("access-control-allow-origin"), "{head}");
    served.end().await;
}

#[tokio::test]
async fn ten_thousand_small_requests_on_one_connection() {
    let served = served().await;
    let body = request(1, 0, 1);
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\n{PROTO}content-length: {}\r\n\r\n",
        body.len()
    );
    let one = [head.as_bytes(), &body].concat();
    let mut stream = TcpStream::connect(served.http).await.unwrap();
    let (mut read, mut write) = stream.split();
    let send = async {
        for _ in 0..100 {
            write.write_all(&one.repeat(100)).await.unwrap();
        }
    };
    let receive = async {
        let (mut buffer, mut seen) = (vec![0; 64 << 10], Vec::new());
        let mut answers = 0;
        while answers < 10_000 {
            let length = read.read(&mut buffer).await.unwrap();
            assert!(length > 0, "closed after {answers}");
            seen.extend_from_slice(&buffer[..length]);
            let whole = seen.len().saturating_sub(16);
            answers += seen[..whole]
                .windows(15)
                .filter(|window| window == b"HTTP/1.1 200 OK")
                .count();
            seen.drain(..whole.saturating_sub(14));
        }
    };
    timeout(Duration::from_secs(60), async { tokio::join!(send, receive) })
        .await
        .expect("all are answered");
    assert_eq!(served.pipes.spans(), 10_000);
    served.end().await;
}
