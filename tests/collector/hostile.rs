//! Hostile clients: whatever they send or withhold, memory and the latency of the others stay bounded.

use std::time::{Duration, Instant};

use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::{
    Plan, QUICK, Running, grpc_to,
    support::{
        client::{Client, deflate},
        sink::Sink,
        spans::{attribute, field, request, span},
    },
};

/// Starts with signals, does what `attack` does, and finds a process that is small, quick and without a complaint.
async fn check<A: Future<Output = T>, T>(most_mb: f64, attack: impl FnOnce(Client, Client) -> A) {
    let sink = Sink::start();
    let mut plan = Plan::to(vec![grpc_to(&sink, QUICK)]);
    plan.processors = &["signals: {}"];
    let running: Running = plan.start();
    let kept = attack(running.grpc.clone(), running.http.clone()).await;
    let started = Instant::now();
    assert_eq!(
        running.http.post_proto(&request(vec![span(1, "good")])).await.status,
        200
    );
    assert_eq!(running.grpc.call(&request(vec![span(2, "good")])).await.code(), 0);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let rss = running.metric("otelcol_process_memory_rss", &[]).await / 1e6;
    assert!(rss < most_mb, "{rss} MB");
    drop(kept);
    let log = running.stop();
    assert!(
        !log.contains(" WARN ") || log.contains("in flight") && !log.contains("h2"),
        "{log}"
    );
}

/// Bodies that grow and never end: what is in flight is bounded, and told as busy to whoever exceeds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endless_bodies() {
    let sink = Sink::start();
    let running = Plan::to(vec![grpc_to(&sink, QUICK)]).start();
    let head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = [b"100000\r\n", &vec![7; 1 << 20][..], b"\r\n"].concat();
    let mut kept = Vec::new();
    for _ in 0..30 {
        let mut stream = TcpStream::connect(("127.0.0.1", running.http.port))
            .await
            .expect("a connection");
        stream.write_all(head).await.expect("sent");
        for _ in 0..17 {
            // A connection that is refused is closed.
            if timeout(Duration::from_secs(5), stream.write_all(&chunk))
                .await
                .is_ok_and(|sent| sent.is_err())
            {
                break;
            }
        }
        kept.push(stream);
    }
    let rss = running.metric("otelcol_process_memory_rss", &[]).await / 1e6;
    assert!(rss < 450.0, "{rss} MB of 510 MB sent are held");
    let large = request(vec![span(1, &"n".repeat(19_000_000))]);
    // An answer that comes while the body is still on its way may be lost with the connection: asked again then.
    let ask = async |expected: u16| {
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < Duration::from_secs(5), "no answer {expected}");
            if let Ok(reply) = running.http.try_post_proto(&large).await
                && reply.status == expected
            {
                return reply;
            }
        }
    };
    let busy = ask(503).await;
    assert_ne!(busy.header("retry-after"), "", "{busy:?}");
    drop(kept);
    ask(200).await;
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_and_crumbs_of_heads() {
    check(150.0, |grpc, http| async move {
        let mut kept = Vec::new();
        for number in 0..400 {
            let port = [grpc.port, http.port][number % 2];
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
            stream
                .write_all(&b"POST /v1/traces HT"[..number % 18])
                .await
                .expect("sent");
            kept.push(stream);
        }
        kept
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs() {
    check(250.0, |_, http| async move {
        let bomb = deflate("gzip", &vec![0; 40 << 20]);
        for _ in 0..4 {
            let headers = [("content-type", "application/x-protobuf"), ("content-encoding", "gzip")];
            assert_eq!(http.post(&headers, &bomb).await.status, 413);
        }
    })
    .await;
}

/// Messages of a megabyte or more, each of which would take minutes where the work on it were quadratic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shapes_that_invite_quadratic_work() {
    let reversed = |count: usize| {
        let mut many = span(1, "chat");
        for index in (0..count).rev() {
            many.attributes
                .push(attribute(&format!("gen_ai.prompt.{index}.content"), "this is useless"));
            many.attributes
                .push(attribute(&format!("gen_ai.prompt.{index}.role"), "user"));
        }
        many
    };
    let mut sparse = span(1, "chat");
    for index in ["999999999", "18446744073709551616", "4294967295", "-1", "00", "1e9"] {
        sparse
            .attributes
            .push(attribute(&format!("gen_ai.prompt.{index}.content"), "this is useless"));
    }
    let mut tools = span(1, "chat");
    for index in (0..20_000).rev() {
        let name = format!("gen_ai.prompt.0.tool_calls.{index}");
        tools.attributes.push(attribute(&format!("{name}.name"), "f"));
        tools.attributes.push(attribute(&format!("{name}.arguments"), "{}"));
    }
    let mut long = span(1, "chat");
    long.attributes.push(attribute("gen_ai.prompt.0.role", "user"));
    long.attributes.push(attribute(
        "gen_ai.prompt.0.content",
        &"I want a human! ".repeat(1 << 18),
    ));
    let bodies = [
        request(vec![reversed(20_000)]),
        request(vec![sparse]),
        request(vec![tools]),
        request(vec![long]),
        [0x0a, 0].repeat(1_000_000),
        field(1, &[0x12, 0].repeat(1_000_000)),
    ];
    check(400.0, |_, http| async move {
        for (number, body) in bodies.iter().enumerate() {
            let started = Instant::now();
            assert_eq!(http.post_proto(body).await.status, 200, "{number}");
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "{number}: {:?}",
                started.elapsed()
            );
        }
    })
    .await;
}
