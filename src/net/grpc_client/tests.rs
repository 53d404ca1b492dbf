//! The gRPC client against real servers on loopback: what they see of a call, and every way in which one ends.

use std::sync::Mutex;

use http_body::Frame;
use tokio::time::timeout;

use super::*;
use crate::net::{
    compression::Compressor,
    grpc::Status,
    testing::{self, Answer, Seen, Server, broken, grpc_bytes, grpc_ok, grpc_status, tls_for_localhost},
    tls::{ALPN_H2, ClientTls},
};

fn client_to(address: impl std::fmt::Display) -> GrpcClient {
    GrpcClient::new(settings_to(address))
}

fn settings_to(address: impl std::fmt::Display) -> ClientSettings {
    ClientSettings::to(Target::parse(&address.to_string()).unwrap())
}

async fn call(client: &GrpcClient) -> Result<Bytes, CallError> {
    let body = vec![Bytes::from_static(b"request")];
    let reply = client.unary("/s/m", &HeaderMap::new(), body, Encoding::Identity).await;
    reply.map(|reply| reply.message)
}

/// Calls a server that answers so; the message, or the error as text.
async fn check(answer: impl Fn() -> Answer + Send + Sync + 'static, expected: Result<&str, (Code, &str)>) {
    let server = Server::start(move |_| Some(answer())).await;
    match (call(&client_to(server.address)).await, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected),
        (Err(found), Err((code, part))) => {
            assert!(
                found.code == code && found.message.contains(part),
                "{found:?}, expected {code:?} {part}"
            );
        }
        (found, expected) => panic!("{found:?}, expected {expected:?}"),
    }
}

fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut frame = vec![flag];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

#[tokio::test]
async fn sends_the_chunks_as_one_message() {
    let server = Server::start(|_| Some(grpc_ok(b"reply"))).await;
    let client = client_to(format!("http://{}", server.address));
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("k"));
    let body = ["ab", "", "cde"]
        .map(|text| Bytes::from_static(text.as_bytes()))
        .to_vec();
    let reply = client.unary("/s/m", &headers, body, Encoding::Gzip).await.unwrap();
    assert_eq!(reply.message, "reply");
    let [
        Seen {
            method,
            uri,
            headers,
            body,
        },
    ] = server.seen().try_into().unwrap();
    assert_eq!((method, uri.path()), (Method::POST, "/s/m"));
    assert_eq!(uri.authority().unwrap().as_str(), server.address.to_string());
    assert_eq!(body, framed(1, b"abcde"));
    let expected = [
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("grpc-encoding", "gzip"),
        ("user-agent", USER_AGENT),
        ("x-api-key", "k"),
    ];
    for (name, value) in expected {
        assert_eq!(headers[name], value);
    }
}

#[tokio::test]
async fn many_calls_share_one_connection() {
    let server = Server::start(|_| Some(grpc_ok(b"reply"))).await;
    let client = client_to(server.address);
    let calls = futures_util::future::join_all((0..50).map(|_| call(&client))).await;
    assert!(calls.iter().all(Result::is_ok), "{calls:?}");
    assert_eq!((server.seen().len(), server.connections()), (50, 1));
    drop(calls);
    timeout(Duration::from_secs(5), client.close())
        .await
        .expect("its tasks end");
}

#[tokio::test]
async fn statuses_are_told_with_their_retry_info() {
    for number in 1..=16 {
        let code = Code::from_number(number);
        check(move || grpc_status(Status::new(code, "no: ü")), Err((code, "no: ü"))).await;
    }
    let delay = Duration::from_millis(1500);
    let server = Server::start(move |_| {
        let status = Status::new(Code::ResourceExhausted, "slow down").retry_after(delay);
        Some(grpc_status(status))
    })
    .await;
    let error = call(&client_to(server.address)).await.unwrap_err();
    assert_eq!(error.retry_after, Some(delay));
}

#[tokio::test]
async fn a_status_after_data_counts() {
    let with_status = |status: &'static str| {
        move || {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static(status));
            let pieces = vec![Ok(Frame::data(framed(0, b"x").into())), Ok(Frame::trailers(trailers))];
            testing::answer(200, &[("content-type", "application/grpc+proto")], pieces)
        }
    };
    check(with_status("0"), Ok("x")).await;
    check(with_status("10"), Err((Code::Aborted, "no reason"))).await;
}

#[tokio::test]
async fn answers_that_are_no_grpc_are_errors() {
    let page = |status, headers: &'static [(&'static str, &'static str)]| {
        move || testing::text(status, headers, "<html><h1>Bad Gateway</h1></html>")
    };
    let html = &[("content-type", "text/html")];
    check(
        page(502, html),
        Err((
            Code::Unavailable,
            "HTTP 502 Bad Gateway with content type \"text/html\"",
        )),
    )
    .await;
    check(page(404, html), Err((Code::Unimplemented, "404"))).await;
    check(page(401, html), Err((Code::Unauthenticated, "401"))).await;
    check(page(200, html), Err((Code::Unknown, "no gRPC"))).await;
    check(page(200, &[]), Err((Code::Unknown, "no gRPC"))).await;
}

#[tokio::test]
async fn broken_answers_are_errors() {
    let internal = |part| Err((Code::Internal, part));
    check(|| grpc_bytes(&[], ""), internal("no prefix")).await;
    check(|| grpc_bytes(&[], vec![0, 0, 0]), internal("no prefix")).await;
    check(
        || grpc_bytes(&[], vec![0, 0, 0, 0, 9, b'x']),
        internal("1 bytes where 9 were announced"),
    )
    .await;
    check(|| grpc_bytes(&[], vec![7, 0, 0, 0, 1, b'x']), internal("unknown flags")).await;
    check(
        || grpc_bytes(&[("grpc-encoding", "snappy")], framed(1, b"x")),
        internal("\"snappy\""),
    )
    .await;
    check(
        || grpc_bytes(&[("grpc-encoding", "gzip")], framed(1, b"x")),
        internal("cannot be inflated"),
    )
    .await;
    let no_status = || testing::text(200, &[("content-type", "application/grpc")], framed(0, b"x"));
    check(no_status, Err((Code::Unavailable, "without a status"))).await;
}

#[tokio::test]
async fn compressed_answers_are_inflated_within_the_limit() {
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let packed = Compressor::new(encoding).compress(&[Bytes::from_static(b"hello")]);
        let answer = move || grpc_bytes(&[("grpc-encoding", encoding.name())], framed(1, &packed));
        check(answer, Ok("hello")).await;
        let bomb = Compressor::new(encoding).compress(&[Bytes::from(vec![0; 5 << 20])]);
        let answer = move || grpc_bytes(&[("grpc-encoding", encoding.name())], framed(1, &bomb));
        check(answer, Err((Code::ResourceExhausted, "exceeds 4194304 bytes"))).await;
    }
}

#[tokio::test]
async fn large_answers_need_leave() {
    let server = Server::start(|_| Some(grpc_bytes(&[], framed(0, &vec![7; 20 << 20])))).await;
    let error = call(&client_to(server.address)).await.unwrap_err();
    assert_eq!(error.code, Code::ResourceExhausted);
    let settings = ClientSettings {
        max_reply_bytes: usize::MAX,
        ..settings_to(server.address)
    };
    let reply = call(&GrpcClient::new(settings)).await.unwrap();
    assert_eq!(reply.len(), 20 << 20);
}

#[tokio::test]
async fn nobody_there_is_unavailable_and_names_the_address() {
    let address = testing::nobody();
    let error = call(&client_to(address)).await.unwrap_err();
    assert_eq!(error.code, Code::Unavailable);
    assert!(
        error.message.contains(&format!("cannot connect to {address}")),
        "{error}"
    );
    assert!(error.message.contains("refused"), "{error}");
    let error = call(&client_to("no-such-host.invalid:4317")).await.unwrap_err();
    assert!(
        error.message.contains("cannot resolve \"no-such-host.invalid\""),
        "{error}"
    );
}

#[tokio::test]
async fn a_broken_stream_is_unavailable_and_the_next_call_works() {
    let first = Mutex::new(true);
    let server = Server::start(move |_| {
        Some(match std::mem::take(&mut *first.lock().unwrap()) {
            true => testing::answer(
                200,
                &[("content-type", "application/grpc")],
                vec![Ok(Frame::data(vec![0].into())), broken()],
            ),
            false => grpc_ok(b"reply"),
        })
    })
    .await;
    let client = client_to(server.address);
    let error = call(&client).await.unwrap_err();
    assert_eq!(error.code, Code::Unavailable, "{error}");
    assert_eq!(call(&client).await.unwrap(), "reply");
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let server = Server::start(|_| Some(grpc_ok(b"old"))).await;
    let address = server.address;
    let client = client_to(address);
    assert_eq!(call(&client).await.unwrap(), "old");
    drop(server);
    let error = timeout(Duration::from_secs(5), call(&client))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.code, Code::Unavailable, "{error}");
    let _server = Server::on(&address.to_string(), None, |_| Some(grpc_ok(b"new"))).await;
    assert_eq!(call(&client).await.unwrap(), "new");
}

#[tokio::test]
async fn a_connection_on_which_a_call_hung_is_not_used_again() {
    let first = Mutex::new(true);
    let server =
        Server::start(move |_| (!std::mem::take(&mut *first.lock().unwrap())).then(|| grpc_ok(b"reply"))).await;
    let client = client_to(server.address);
    assert!(timeout(Duration::from_millis(200), call(&client)).await.is_err());
    assert_eq!(call(&client).await.unwrap(), "reply");
    assert_eq!(server.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_shakes_hands_costs_no_more_than_the_connect_time_out() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let tls = ClientTls {
        insecure_skip_verify: true,
        ..ClientTls::default()
    };
    let settings = ClientSettings {
        tls: tls.client(ALPN_H2).unwrap(),
        ..settings_to(address)
    };
    let error = call(&GrpcClient::new(settings)).await.unwrap_err();
    assert_eq!(error.code, Code::Unavailable);
    assert!(error.message.contains("no answer"), "{error}");
}

#[tokio::test]
async fn tls_believes_its_authority_and_checks_the_name() {
    let (config, ca) = tls_for_localhost(ALPN_H2);
    let server = Server::on("127.0.0.1:0", Some(config), |_| Some(grpc_ok(b"secret"))).await;
    let port = server.address.port();
    let mut tls = ClientTls {
        ca_pem: Some(crate::values::Secret::new(ca)),
        ..ClientTls::default()
    };
    let attempt = |tls: &ClientTls, host: &str, server_name: Option<&str>| {
        let settings = ClientSettings {
            tls: tls.client(ALPN_H2).unwrap(),
            server_name: server_name.map(str::to_owned),
            ..settings_to(format!("{host}:{port}"))
        };
        async move { call(&GrpcClient::new(settings)).await }
    };
    assert_eq!(attempt(&tls, "localhost", None).await.unwrap(), "secret");
    assert_eq!(attempt(&tls, "127.0.0.1", Some("localhost")).await.unwrap(), "secret");
    let wrong = attempt(&tls, "127.0.0.1", None).await.unwrap_err();
    assert!(
        wrong.message.contains("TLS handshake failed") && wrong.message.contains("127.0.0.1"),
        "{wrong}"
    );
    let wrong = attempt(&tls, "localhost", Some("other.example")).await.unwrap_err();
    assert!(wrong.message.contains("not valid for name"), "{wrong}");
    let wrong = attempt(&tls, "localhost", Some("..")).await.unwrap_err();
    assert!(wrong.message.contains("no name that a certificate can hold"), "{wrong}");
    tls.ca_pem = Some(crate::values::Secret::new(tls_for_localhost(ALPN_H2).1));
    let wrong = attempt(&tls, "localhost", None).await.unwrap_err();
    assert!(wrong.message.contains("invalid peer certificate"), "{wrong}");
}

#[tokio::test]
async fn a_plain_peer_of_a_tls_client_is_told_so() {
    let server = Server::start(|_| Some(grpc_ok(b"x"))).await;
    let tls = ClientTls {
        insecure_skip_verify: true,
        ..ClientTls::default()
    };
    let settings = ClientSettings {
        tls: tls.client(ALPN_H2).unwrap(),
        ..settings_to(server.address)
    };
    let error = call(&GrpcClient::new(settings)).await.unwrap_err();
    assert!(error.message.contains("insecure: true"), "{error}");
}
