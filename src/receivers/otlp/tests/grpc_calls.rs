//! Tests of OTLP over gRPC with a raw HTTP/2 client: framing, encodings, limits, statuses, health, the program's own methods.

use ::http::{HeaderMap, Method, Request, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::*;
use crate::net::{
    compression::{Compressor, Encoding},
    grpc::{Code, Prefix, Status},
};

struct Client {
    sender: SendRequest<Full<Bytes>>,
    tasks: JoinSet<()>,
}

/// What came back: the HTTP status, the headers, the data, the gRPC status wherever it stood.
struct Answer {
    http: u16,
    headers: HeaderMap,
    data: Bytes,
    status: Option<Status>,
}

async fn connect(address: SocketAddr) -> Client {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
        .await
        .unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let _ = connection.await;
    });
    Client { sender, tasks }
}

impl Client {
    async fn send(&mut self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = Request::builder()
            .version(Version::HTTP_2)
            .method(Method::POST)
            .uri(format!("http://localhost{path}"));
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request
                .header("content-type", "application/grpc")
                .header("te", "trailers");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.sender.send_request(request.body(Full::from(body)).unwrap());
        let response = timeout(SOON, response).await.expect("an answer").unwrap();
        let (parts, body) = response.into_parts();
        let body = timeout(SOON, body.collect()).await.expect("an end").unwrap();
        let trailers = body.trailers().cloned().unwrap_or_default();
        Answer {
            http: parts.status.as_u16(),
            data: body.to_bytes(),
            status: Status::from_trailers(&trailers).or_else(|| Status::from_trailers(&parts.headers)),
            headers: parts.headers,
        }
    }

    async fn check(&mut self, headers: &[(&str, &str)], body: Vec<u8>, code: Code, message: &str) -> Answer {
        let answer = self.send(grpc::EXPORT, headers, body).await;
        let status = answer.status.as_ref().expect("a gRPC status");
        assert_eq!((answer.http, status.code), (200, code), "{status:?}");
        assert!(status.message.contains(message), "{status:?}");
        answer
    }
}

fn framed(encoding: Encoding, plain: &[u8]) -> Vec<u8> {
    let body = Compressor::new(encoding).compress(&[Bytes::copy_from_slice(plain)]);
    [&Prefix::build(encoding, body.len())[..], &body].concat()
}

#[tokio::test]
async fn what_is_taken() {
    let served = served().await;
    let mut client = connect(served.grpc).await;
    let large = request(100, 0, 10_000);
    for encoding in [Encoding::Identity, Encoding::Gzip, Encoding::Zstd] {
        let answer = client
            .check(
                &[("grpc-encoding", encoding.name())],
                framed(encoding, &large),
                Code::Ok,
                "",
            )
            .await;
        assert_eq!(answer.data, &[0; 5][..]);
        assert_eq!(answer.headers["content-type"], "application/grpc");
    }
    // Compressed as announced, but this message is not.
    client
        .check(
            &[("grpc-encoding", "gzip")],
            framed(Encoding::Identity, &large),
            Code::Ok,
            "",
        )
        .await;
    client
        .check(
            &[("content-type", "application/grpc+proto")],
            framed(Encoding::Identity, b""),
            Code::Ok,
            "",
        )
        .await;
    assert_eq!(served.pipes.spans(), 400);
    let answer = client
        .check(&[], framed(Encoding::Identity, &request(1, 2, 1)), Code::Ok, "")
        .await;
    assert_eq!(&answer.data[5..9], [0x0a, answer.data[6], 0x08, 2]);
    assert_eq!(
        (served.pipes.spans(), served.pipes.0.refused.load(Ordering::SeqCst)),
        (401, 2)
    );
    served.end().await;
}

#[tokio::test]
async fn malformed_calls() {
    let served = served().await;
    let mut client = connect(served.grpc).await;
    let good = framed(Encoding::Identity, &request(1, 0, 1));
    let cut = good[..good.len() - 1].to_vec();
    let invalid = Code::InvalidArgument;
    client
        .check(&[], Vec::new(), invalid, "the call holds no message")
        .await;
    client.check(&[], vec![0, 0], invalid, "the message is truncated").await;
    client.check(&[], cut, invalid, "the message is truncated").await;
    client
        .check(&[], good.repeat(2), invalid, "one message, this one holds more")
        .await;
    client
        .check(&[], vec![7, 0, 0, 0, 0], invalid, "the message's flags are invalid")
        .await;
    client
        .check(&[], framed(Encoding::Identity, b"\xff\xff"), invalid, "malformed OTLP")
        .await;
    client
        .check(
            &[("grpc-encoding", "gzip")],
            vec![1, 0, 0, 0, 1, 9],
            invalid,
            "no valid gzip data",
        )
        .await;
    client
        .check(&[], vec![1, 0, 0, 0, 1, 9], Code::Internal, "names no grpc-encoding")
        .await;
    client
        .check(
            &[("grpc-timeout", "soon")],
            good.clone(),
            Code::Internal,
            "invalid grpc-timeout",
        )
        .await;
    for name in ["deflate", "br", "gzip,zstd"] {
        let answer = client
            .check(
                &[("grpc-encoding", name)],
                good.clone(),
                Code::Unimplemented,
                "unsupported grpc-encoding",
            )
            .await;
        assert_eq!(answer.headers["grpc-accept-encoding"], "identity,gzip,zstd");
    }
    // The connection lives on.
    client.check(&[], good, Code::Ok, "").await;
    assert_eq!(served.pipes.spans(), 1);
    served.end().await;
}

#[tokio::test]
async fn wrong_paths_methods_and_types() {
    let served = served().await;
    let mut client = connect(served.grpc).await;
    for (path, message) in [
        ("/", "unknown service"),
        ("/x", "malformed method name"),
        (
            "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
            "unknown method Import for service opentelemetry",
        ),
        (
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            "this program carries traces only",
        ),
        (
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "unknown service grpc.reflection.v1",
        ),
        ("/grpc.health.v1.Health/Watch", "unknown"),
    ] {
        let answer = client.send(path, &[], vec![0; 5]).await;
        let status = answer.status.unwrap();
        assert_eq!(status.code, Code::Unimplemented, "{path}");
        assert!(status.message.contains(message) || path == "/", "{path}: {status:?}");
    }
    let answer = client
        .send(grpc::EXPORT, &[("content-type", "application/json")], b"{}".to_vec())
        .await;
    assert_eq!((answer.http, answer.status), (415, None));
    // HTTP/1.1 on the gRPC port.
    let mut stream = TcpStream::connect(served.grpc).await.unwrap();
    stream
        .write_all(b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    timeout(SOON, stream.read_to_string(&mut answer))
        .await
        .expect("the server closes")
        .unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("this port speaks gRPC"),
        "{answer}"
    );
    served.end().await;
}

#[tokio::test]
async fn limits() {
    let served = serve_with(json!({"max_recv_msg_size_mib": 1}), json!({}), Vec::new()).await;
    let mut client = connect(served.grpc).await;
    let exhausted = Code::ResourceExhausted;
    let at_most = request(1, 0, (1 << 20) - 100);
    client
        .check(&[], framed(Encoding::Identity, &at_most), Code::Ok, "")
        .await;
    let answer = client
        .check(
            &[],
            framed(Encoding::Identity, &vec![0; (1 << 20) + 1]),
            exhausted,
            "max_recv_msg_size_mib",
        )
        .await;
    assert_eq!(answer.status.unwrap().retry_after, None, "not to be sent again");
    // Known from the length alone.
    client
        .check(
            &[],
            vec![0, 0xff, 0xff, 0xff, 0xff],
            exhausted,
            "(4294967295 bytes) is larger than 1048576 bytes",
        )
        .await;
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let bomb = framed(encoding, &vec![0; 8 << 20]);
        client
            .check(
                &[("grpc-encoding", encoding.name())],
                bomb,
                exhausted,
                "larger than 1048576 bytes",
            )
            .await;
    }
    client.check(&[], framed(Encoding::Identity, b""), Code::Ok, "").await;
    served.end().await;
}

#[tokio::test]
async fn what_the_pipelines_refuse() {
    let served = served().await;
    let mut client = connect(served.grpc).await;
    let body = framed(Encoding::Identity, &request(1, 0, 1));
    *served.pipes.0.full.lock().unwrap() = Some(Refused::retry("sending queue is full"));
    let answer = client
        .check(&[], body.clone(), Code::Unavailable, "sending queue is full")
        .await;
    assert_eq!(answer.status.unwrap().retry_after, Some(Duration::from_secs(1)));
    *served.pipes.0.full.lock().unwrap() = Some(Refused::permanent("not these"));
    client
        .check(&[], body.clone(), Code::InvalidArgument, "not these")
        .await;
    *served.pipes.0.no_room.lock().unwrap() = Some(Refused::retry("no memory"));
    client.check(&[], body.clone(), Code::Unavailable, "no memory").await;
    *served.pipes.0.no_room.lock().unwrap() = None;
    // A pipeline that has no room in time.
    *served.pipes.0.gate.lock().unwrap() = Some(Arc::default());
    client
        .check(
            &[("grpc-timeout", "50m")],
            body,
            Code::DeadlineExceeded,
            "deadline has passed",
        )
        .await;
    served.end().await;
}

#[tokio::test]
async fn a_call_in_flight_finishes_when_the_receiver_stops() {
    let mut served = served().await;
    let gate = Arc::new(Notify::new());
    *served.pipes.0.gate.lock().unwrap() = Some(Arc::clone(&gate));
    let mut client = connect(served.grpc).await;
    let call = async {
        client
            .check(&[], framed(Encoding::Identity, &request(1, 0, 1)), Code::Ok, "")
            .await
    };
    let stop = async {
        while served.pipes.0.held.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        served.stop.cancel();
        tokio::time::sleep(Duration::from_millis(20)).await;
        gate.notify_one();
    };
    tokio::join!(call, stop);
    assert_eq!(served.pipes.spans(), 1);
    timeout(SOON, client.tasks.join_next())
        .await
        .expect("the server says goodbye");
    timeout(SOON, served.tasks.join_next()).await.expect("serve ends");
    served.end().await;
}

struct Echo;

#[async_trait]
impl SideMethod for Echo {
    fn path(&self) -> &'static str {
        "/plano.Test/Echo"
    }

    async fn call(&self, peer: SocketAddr, authority: &str, request: Bytes) -> Result<Bytes, (u32, String)> {
        assert!(peer.ip().is_loopback());
        match &request[..] {
            b"" => Err((5, "nothing".to_owned())),
            text => Ok(Bytes::from([authority.as_bytes(), b" ", text].concat())),
        }
    }
}

#[tokio::test]
async fn health_and_the_programs_own_methods() {
    let served = serve_with(json!({}), json!({}), vec![Arc::new(Echo)]).await;
    let mut client = connect(served.grpc).await;
    let trace = "opentelemetry.proto.collector.trace.v1.TraceService";
    for (service, code, data) in [
        ("", Code::Ok, &b"\0\0\0\0\x02\x08\x01"[..]),
        (trace, Code::Ok, b"\0\0\0\0\x02\x08\x01"),
        ("other", Code::NotFound, b""),
    ] {
        let mut message = Vec::new();
        crate::net::grpc::put_bytes_field(&mut message, 1, service.as_bytes());
        let answer = client
            .send(
                "/grpc.health.v1.Health/Check",
                &[],
                framed(Encoding::Identity, &message),
            )
            .await;
        assert_eq!(
            (answer.status.unwrap().code, &answer.data[..]),
            (code, data),
            "{service}"
        );
    }
    let answer = client
        .send("/grpc.health.v1.Health/Check", &[], framed(Encoding::Identity, b"\x0a"))
        .await;
    assert_eq!(answer.status.unwrap().code, Code::InvalidArgument);
    let answer = client
        .send(
            "/plano.Test/Echo",
            &[("grpc-encoding", "gzip")],
            framed(Encoding::Gzip, b"hi"),
        )
        .await;
    assert_eq!(&answer.data[5..], b"localhost hi");
    let answer = client
        .send("/plano.Test/Echo", &[], framed(Encoding::Identity, b""))
        .await;
    assert_eq!(answer.status.unwrap(), Status::new(Code::NotFound, "nothing"));
    served.end().await;
}

#[tokio::test]
async fn ten_thousand_small_calls() {
    let served = served().await;
    let mut calls = JoinSet::new();
    for _ in 0..4 {
        let mut client = connect(served.grpc).await;
        calls.spawn(async move {
            for _ in 0..2500 {
                client
                    .check(&[], framed(Encoding::Identity, &request(1, 0, 1)), Code::Ok, "")
                    .await;
            }
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
    assert_eq!(served.pipes.spans(), 10_000);
    served.end().await;
}
