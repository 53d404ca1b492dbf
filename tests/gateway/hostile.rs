//! Clients at fault: what is refused and how, what a provider and a span never see, and that nothing of it stays.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    CHAT, CHUNKS, MESSAGES, Script, Stage, completion,
    faults::shape,
    front::{Front, Setup, failure, number, text, traceparent},
    support::{client::deflate, until},
    wire::{Act, Wire, answer},
};

/// A provider that is content with everything.
pub(crate) async fn content() -> (Wire, Front) {
    let good = vec![answer("200 OK", "", completion().to_string().as_bytes())];
    let wire = Wire::start(vec![("", good)]).await;
    let front = Setup::any_model(wire.address, "timeout: 2s, max_request_body_size: 1000000").start();
    (wire, front)
}

/// A body, the status and the words that it is answered with, and `validation.result`.
type Refused<'a> = (&'a [u8], u16, &'a str, &'a str);

const REFUSED: &[Refused<'_>] = &[
    (b"", 400, "valid JSON", "invalid_json"),
    (b"{\"model\":", 400, "line 1, column 9", "invalid_json"),
    (b"null", 400, "no JSON object", "invalid_json"),
    (b"[{}]", 400, "no JSON object", "invalid_json"),
    (b"\xef\xbb\xbf{}", 400, "valid JSON", "invalid_json"),
    (b"{} {}", 400, "trailing", "invalid_json"),
    (b"{\"model\":\"openai/good\"}", 400, "`messages`", "invalid_json"),
    (
        b"{\"model\":\"openai/good\",\"messages\":{}}",
        400,
        "`messages`",
        "invalid_json",
    ),
    (b"{\"messages\":[]}", 400, "`model`", "missing_model"),
    (b"{\"model\":\"\",\"messages\":[]}", 400, "`model`", "missing_model"),
    (b"{\"model\":7,\"messages\":[]}", 400, "`model`", "missing_model"),
    (b"{\"model\":\"nobody/x\",\"messages\":[]}", 404, "nobody/x", "ok"),
    (
        b"{\"model\":\"a\\nb\\u001b[31m\",\"messages\":[]}",
        404,
        "a b [31m",
        "ok",
    ),
];

async fn check_refused(front: &Front, number_of: u32, path: &str, (body, status, words, validation): Refused<'_>) {
    let parent = traceparent(number_of);
    let headers = [("traceparent", parent.as_str())];
    let reply = front
        .client
        .try_http("POST", path, &headers, body)
        .await
        .expect("an answer");
    let name = format!("{} at {path}", String::from_utf8_lossy(&body[..body.len().min(60)]));
    assert_eq!(reply.status, status, "{name}: {}", reply.text());
    let told = reply.text();
    assert!(told.contains(words) && told.len() < 1000, "{name}: {told}");
    shape(&reply, path, &name);
    let trace = front.trace_of(number_of).await;
    let inbound = &trace["plano(inbound)"][0];
    assert_eq!(text(inbound, "validation.result"), validation, "{name}");
    let kind = match status {
        404 => "unknown_model",
        _ => "invalid_request",
    };
    assert_eq!(failure(inbound), Some(kind), "{name}");
    assert_eq!(number(inbound, "http.status_code"), i64::from(status), "{name}");
    assert_eq!(trace.contains_key("plano(routing)"), status == 404, "{name}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_refused() {
    let (wire, mut front) = content().await;
    let deep = |depth: usize| {
        format!(
            "{{\"model\":\"openai/good\",\"messages\":[],\"x\":{}{}}}",
            "[".repeat(depth),
            "]".repeat(depth)
        )
        .into_bytes()
    };
    let with = |member: &str| format!("{{\"model\":\"openai/good\",\"messages\":[],{member}}}").into_bytes();
    let long = json!({"model": "x".repeat(100_000), "messages": []}).to_string();
    let latin = [
        &b"{\"model\":\"openai/good\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]"[..],
        b"}",
    ]
    .concat();
    let made: &[Refused<'_>] = &[
        (&latin, 400, "unicode", "invalid_json"),
        (&"[".repeat(100_000).into_bytes(), 400, "recursion", "invalid_json"),
        (&with("\"temperature\":NaN"), 400, "valid JSON", "invalid_json"),
        (&with("\"temperature\":1e999"), 400, "out of range", "invalid_json"),
        (&with("\"x\":\"\\ud800\""), 400, "escape", "invalid_json"),
        (long.as_bytes(), 404, "x…", "ok"),
        (&deep(50_000), 400, "recursion", "invalid_json"),
    ];
    let checks = (0_u32..).zip(REFUSED.iter().chain(made)).flat_map(|(index, refused)| {
        let of = |more: u32, path: &'static str| check_refused(&front, 2 * index + more, path, *refused);
        [of(1, CHAT), of(2, MESSAGES)]
    });
    join_all(checks).await;
    assert!(wire.asked().is_empty());
    front.is_sound().await;
}

/// Odd, and the provider's to judge: its bytes are the client's but for the model's name, wherever that stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_bodies_pass_as_they_are() {
    let (wire, mut front) = content().await;
    for (index, (body, sent)) in [
        (r#"{"model":"openai/other", "messages":[],"model":"openai/good"}"#, r#"{"model":"good", "messages":[],"model":"good"}"#),
        (r#"{"mod\u0065l":"openai/good","messages":[]}"#, r#"{"mod\u0065l":"good","messages":[]}"#),
        (
            r#"{"messages":[1,null,{"role":5}],"stream":"yes","model":"openai/good","seed":123456789012345678901234567890}"#,
            r#"{"messages":[1,null,{"role":5}],"stream":"yes","model":"good","seed":123456789012345678901234567890}"#,
        ),
        (
            " {\"model\" : \"openai/good\" ,\t\"messages\":[{\"role\":\"user\",\"content\":\"\\u0000\\ud83d\\udea9\"}]} \n",
            " {\"model\" : \"good\" ,\t\"messages\":[{\"role\":\"user\",\"content\":\"\\u0000\\ud83d\\udea9\"}]} \n",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let asked = front.client.try_http("POST", "/v1/chat/completions?key=hunter2", &[], body.as_bytes()).await;
        assert_eq!(asked.expect("an answer").status, 200, "{body}");
        let asked = wire.asked();
        assert_eq!(asked[index].split_once("\r\n\r\n").expect("a body").1, sent);
        assert!(asked[index].starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{}", asked[index]);
    }
    let shown = format!("{:?}", front.trace(12).await);
    assert!(!shown.contains("hunter2"), "{shown}");
    front.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_and_compressed_bodies_are_told_so() {
    let (wire, mut front) = content().await;
    let large = format!(
        "{{\"model\":\"openai/good\",\"messages\":[],\"x\":\"{}\"}}",
        "x".repeat(25 << 20)
    );
    let many = format!(
        "{{\"model\":\"openai/good\",\"messages\":[],\"x\":[{}0]}}",
        "0,".repeat(300_000)
    );
    let zipped = deflate("gzip", br#"{"model":"openai/good","messages":[]}"#);
    let mut count = 0;
    for path in [CHAT, MESSAGES] {
        for (headers, body, status, kind) in [
            (("x", "y"), large.as_bytes(), 413, "too_large"),
            (("x", "y"), many.as_bytes(), 413, "too_large"),
            (("content-encoding", "gzip"), &zipped, 415, "invalid_request"),
            (("content-encoding", "gzip"), large.as_bytes(), 415, "invalid_request"),
        ] {
            count += 1;
            let parent = traceparent(count);
            let asked = front
                .client
                .try_http("POST", path, &[("traceparent", &parent), headers], body)
                .await;
            let reply = asked.expect("an answer, though the body was still on its way");
            assert_eq!(reply.status, status, "{}", reply.text());
            shape(&reply, path, "large");
            let trace = front.trace_of(count).await;
            assert_eq!(failure(&trace["plano(inbound)"][0]), Some(kind));
            if status == 413 {
                assert_eq!(text(&trace["plano(inbound)"][0], "validation.result"), "too_large");
            }
        }
    }
    let refused = front.client.try_http2("POST", CHAT, &[], large.as_bytes()).await;
    assert_eq!(refused.expect("an answer").status, 413);
    let refused = front
        .client
        .try_http("POST", "/v1/nothing", &[], large.as_bytes())
        .await;
    assert_eq!(refused.expect("an answer").status, 404);
    assert!(wire.asked().is_empty());
    front.is_sound().await;
}

/// Bytes in, bytes out, on one connection, until it is closed or nothing comes for a while.
async fn raw(front: &Front, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", front.client.port))
        .await
        .expect("a connection");
    stream.write_all(bytes).await.expect("sent");
    let mut got = Vec::new();
    while let Ok(Ok(read)) = timeout(Duration::from_millis(500), stream.read_buf(&mut got)).await {
        if read == 0 {
            break;
        }
    }
    String::from_utf8_lossy(&got).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_below_http() {
    let (wire, mut front) = content().await;
    let body = r#"{"model":"openai/good","messages":[]}"#;
    let post = |headers: &str, body: &str| format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}");
    let length = format!("content-length: {}\r\n", body.len());
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    for (sent, expected) in [
        (post(&length, body), "HTTP/1.1 200"),
        (post(&format!("{length}expect: 100-continue\r\n"), body), "HTTP/1.1 100"),
        (
            post("content-length: 99999999\r\nexpect: 100-continue\r\n", ""),
            "HTTP/1.1 413",
        ),
        (
            post("content-length: 3\r\ntransfer-encoding: chunked\r\n", &chunked),
            "HTTP/1.1 200",
        ),
        (post(&format!("{length}content-length: 9\r\n"), body), "HTTP/1.1 400"),
        (post("transfer-encoding: gzip\r\n", body), "HTTP/1.1 400"),
        (post("transfer-encoding: chunked\r\n", "zz\r\n"), "HTTP/1.1 400"),
        (
            post("transfer-encoding: chunked\r\n", "ffffffffffffffffff\r\nx"),
            "HTTP/1.1 400",
        ),
        (post(&many, ""), "HTTP/1.1 431"),
        (post(&format!("x: {}\r\n", "x".repeat(200_000)), ""), "HTTP/1.1 431"),
        (post("x: a\0b\r\n", ""), "HTTP/1.1 400"),
        ("\u{16}\u{3}\u{1}\0\u{5}hello".to_owned(), "HTTP/1.1 400"),
    ] {
        let answered = raw(&front, sent.as_bytes()).await;
        let shown = &sent[..sent.len().min(200)];
        assert!(answered.starts_with(expected), "{shown}: {answered}");
    }
    for (sent, expected) in [
        (
            "GET http://evil.example/v1/models HTTP/1.1\r\nhost: x\r\n\r\n",
            "HTTP/1.1 200",
        ),
        ("CONNECT evil.example:80 HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 404"),
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 404"),
        ("HEAD /v1/models HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 200"),
        ("GET /v1/messages HTTP/1.1\r\nhost: x\r\n\r\n", "HTTP/1.1 405"),
    ] {
        let answered = raw(&front, sent.as_bytes()).await;
        assert!(answered.starts_with(expected), "{sent}: {answered}");
        let allowed = answered.contains("\r\nallow: POST\r\n");
        assert_eq!(allowed, expected.ends_with("405"), "{answered}");
    }
    assert_eq!(wire.asked().len(), 3);
    front.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_together_is_answered_in_order() {
    let (_wire, front) = content().await;
    let body = r#"{"model":"openai/good","messages":[]}"#;
    let length = body.len();
    let three = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n\
        POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}\
        GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"
    );
    let answered = raw(&front, three.as_bytes()).await;
    let places: Vec<Option<usize>> = ["\"ok\"", "Hello!", "\"list\""]
        .iter()
        .map(|word| answered.find(word))
        .collect();
    assert!(places.is_sorted() && places[0].is_some(), "{answered}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_body_and_one_that_breaks_off() {
    let (wire, mut front) = content().await;
    let head = |number: u32| {
        format!(
            "POST {CHAT} HTTP/1.1\r\nhost: x\r\ntraceparent: {}\r\ncontent-length: 50\r\n\r\n{{\"model\"",
            traceparent(number)
        )
    };
    let mut slow = TcpStream::connect(("127.0.0.1", front.client.port))
        .await
        .expect("a connection");
    slow.write_all(head(1).as_bytes()).await.expect("sent");
    let mut gone = TcpStream::connect(("127.0.0.1", front.client.port))
        .await
        .expect("a connection");
    gone.write_all(head(2).as_bytes()).await.expect("sent");
    drop(gone);
    assert_eq!(
        failure(&front.trace_of(2).await["plano(inbound)"][0]),
        Some("client_cancelled")
    );
    let mut answered = Vec::new();
    while !String::from_utf8_lossy(&answered).contains("\"error\"") {
        assert_ne!(slow.read_buf(&mut answered).await.expect("an answer"), 0);
    }
    assert!(
        answered.starts_with(b"HTTP/1.1 408"),
        "{}",
        String::from_utf8_lossy(&answered)
    );
    let inbound = &front.trace_of(1).await["plano(inbound)"][0];
    assert_eq!(
        (failure(inbound), number(inbound, "http.status_code")),
        (Some("timeout"), 408)
    );
    assert!(wire.asked().is_empty());
    front.is_sound().await;
}

/// A gateway with a second's patience before a provider that never stops.
async fn endless() -> (Wire, Front) {
    let event = format!(
        "data: {}\n\n",
        json!({"choices": [{"index": 0, "delta": {"content": "x".repeat(10_000)}}]})
    );
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let events = std::iter::repeat_n(Act::Write(event.into()), 5000);
    let acts = std::iter::once(Act::Write(head.into())).chain(events).collect();
    let wire = Wire::start(vec![("", acts)]).await;
    let front = Setup::any_model(wire.address, "timeout: 1s").start();
    (wire, front)
}

const ENDLESS: &str = r#"{"model":"openai/endless","stream":true,"messages":[]}"#;

/// Finds that a client which takes nothing of a stream has held its provider no longer than a request may last.
async fn is_given_up(wire: &Wire, front: &mut Front) {
    let started = Instant::now();
    let trace = front.trace_of(1).await;
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(failure(&trace["plano(llm)"][0]), Some("timeout"));
    assert_eq!(number(&trace["plano(inbound)"][0], "http.status_code"), 200);
    until("the provider is free", || wire.open() == 0).await;
    front.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_nothing_is_gone() {
    let (wire, mut front) = endless().await;
    let length = ENDLESS.len();
    let request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\ntraceparent: {}\r\ncontent-length: {length}\r\n\r\n{ENDLESS}",
        traceparent(1)
    );
    let mut stream = TcpStream::connect(("127.0.0.1", front.client.port))
        .await
        .expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    is_given_up(&wire, &mut front).await;
    drop(stream);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_http2_that_nobody_takes_is_gone() {
    let (wire, mut front) = endless().await;
    let tcp = TcpStream::connect(("127.0.0.1", front.client.port)).await;
    let io = hyper_util::rt::TokioIo::new(tcp.expect("a connection"));
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io)
        .await
        .expect("HTTP/2");
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    let request = http::Request::post(format!("http://localhost{CHAT}")).header("traceparent", traceparent(1));
    let request = request.body(http_body_util::Full::new(bytes::Bytes::from(ENDLESS)));
    let answer = sender
        .send_request(request.expect("a request"))
        .await
        .expect("an answer");
    is_given_up(&wire, &mut front).await;
    drop(answer);
}

/// Clients close once they have read the end, which is not to give up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_after_the_end_has_not_cancelled() {
    let stage = Stage::new(Script::events(CHUNKS).and_hang());
    let body = json!({"model": "gpt-4o", "stream": true, "messages": []});
    let asked = stage.ask(CHAT, &[], &body);
    assert!(timeout(Duration::from_millis(700), asked).await.is_err(), "it hangs");
    let trace = stage.trace(4).await;
    assert_eq!(failure(&trace["plano(llm)"][0]), None);
    assert_eq!(number(&trace["plano(llm)"][0], "llm.usage.total_tokens"), 7);
    until("the call upstream has ended", || stage.model.open() == 0).await;
}
