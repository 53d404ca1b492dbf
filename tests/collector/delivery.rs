//! What was acknowledged is delivered, and what cannot be delivered is not acknowledged.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{
    Plan, QUICK, Running, grpc_to, http_to,
    support::{
        PATIENCE,
        client::get,
        process::{Signal, free_port},
        sink::{Mood, Sink},
        spans::{request, span},
        until,
    },
};

/// Names of the spans that the sink got.
fn names(sink: &Sink) -> BTreeSet<String> {
    sink.spans().into_iter().map(|span| span.name).collect()
}

/// Sends spans one by one over both protocols; names of those that were acknowledged. Every refusal must be retryable.
async fn send(running: &Running, numbers: std::ops::Range<u32>) -> BTreeSet<String> {
    let mut acknowledged = BTreeSet::new();
    for number in numbers {
        let name = format!("span {number}");
        let body = request(vec![span(number, &name)]);
        let accepted = if number % 2 == 0 {
            let reply = running.http.post_proto(&body).await;
            assert!(matches!(reply.status, 200 | 503), "{reply:?}");
            if reply.status == 503 {
                assert!(
                    reply
                        .header("retry-after")
                        .parse::<u64>()
                        .is_ok_and(|seconds| seconds > 0),
                    "{reply:?}"
                );
            }
            reply.status == 200
        } else {
            let reply = running.grpc.call(&body).await;
            assert!(matches!(reply.code(), 0 | 14), "{reply:?}");
            if reply.code() == 14 {
                assert_ne!(reply.header("grpc-status-details-bin"), "", "RetryInfo is missing");
            }
            reply.code() == 0
        };
        if accepted {
            acknowledged.insert(name);
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_and_keeps_what_it_has() {
    let port = free_port();
    let settings = "sending_queue: {queue_size: 10, batch: {flush_timeout: 20ms}}, retry_on_failure: {initial_interval: 50ms, max_interval: 200ms}";
    let exporter = format!("otlp_grpc: {{endpoint: '127.0.0.1:{port}', tls: {{insecure: true}}, {settings}}}");
    let running = Plan::to(vec![exporter]).start();
    let acknowledged = send(&running, 0..40).await;
    assert_eq!(acknowledged.len(), 10, "as many as the queue holds");
    assert_eq!(running.metric("otelcol_receiver_accepted_spans", &[]).await, 10.0);
    assert_eq!(running.metric("otelcol_receiver_refused_spans", &[]).await, 30.0);
    assert_eq!(running.metric("otelcol_exporter_enqueue_failed_spans", &[]).await, 30.0);
    assert_eq!(running.metric("otelcol_exporter_queue_size", &[]).await, 10.0);
    let sink = Sink::on(port);
    until("it is delivered", || names(&sink).len() >= 10).await;
    assert_eq!(names(&sink), acknowledged);
    // The room is given back when the answer has come back, a moment after the sink has the spans.
    let started = Instant::now();
    while running.metric("otelcol_exporter_queue_size", &[]).await > 0.0 {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "the room is never given back"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(send(&running, 40..44).await.len(), 4, "there is room again");
    until("it is delivered", || names(&sink).len() >= 14).await;
    assert_eq!(sink.spans().len(), 14, "once each");
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_under_load_loses_nothing() {
    let sink = Sink::start();
    sink.set(Mood::Slow(Duration::from_millis(100)));
    let settings = "sending_queue: {num_consumers: 2, batch: {flush_timeout: 10ms, max_size: 5, min_size: 5}}";
    let running = Plan::to(vec![grpc_to(&sink, settings)]).start();
    let acknowledged = send(&running, 0..100).await;
    assert_eq!(acknowledged.len(), 100);
    assert!(names(&sink).len() < 100, "the sink is slow");
    let log = running.stop();
    assert_eq!(names(&sink), acknowledged, "{log}");
    assert!(!log.contains("could not send"), "{log}");
}

/// Requests that are in flight while the signal comes are answered, and the answers are true.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_at_the_end_are_true() {
    let sink = Sink::start();
    sink.set(Mood::Slow(Duration::from_millis(20)));
    let running = Plan::to(vec![grpc_to(&sink, QUICK)]).start();
    let clients = [running.http.clone(), running.grpc.clone()];
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..4u32 {
        let client = clients[sender as usize % 2].clone();
        senders.spawn(async move {
            let mut acknowledged = BTreeSet::new();
            for number in 0..10_000 {
                let name = format!("span {sender}-{number}");
                let body = request(vec![span(sender * 10_000 + number, &name)]);
                let accepted = match sender % 2 {
                    0 => client
                        .try_http(
                            "POST",
                            "/v1/traces",
                            &[("content-type", "application/x-protobuf")],
                            &body,
                        )
                        .await
                        .map(|reply| reply.status == 200),
                    _ => client.try_call(&body).await.map(|reply| reply.code() == 0),
                };
                match accepted {
                    Ok(true) => acknowledged.insert(name),
                    Ok(false) => false,
                    // It has stopped listening.
                    Err(_) => return acknowledged,
                };
            }
            panic!("it never stopped listening");
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    running.collector.signal(Signal::TERM);
    let acknowledged: BTreeSet<String> = senders.join_all().await.into_iter().flatten().collect();
    let (code, log) = running.collector.end();
    assert_eq!(code, Some(0), "{log}");
    assert!(acknowledged.len() > 8, "{}", acknowledged.len());
    let lost: Vec<&String> = acknowledged
        .iter()
        .filter(|name| !names(&sink).contains(*name))
        .collect();
    assert!(lost.is_empty(), "{lost:?} of {}\n{log}", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_with_a_dead_sink_comes_in_time_and_tells_the_loss() {
    for hangs in [false, true] {
        let sink = Sink::start();
        sink.set(if hangs { Mood::Hang } else { Mood::Refuse });
        let mut plan = Plan::to(vec![grpc_to(&sink, QUICK)]);
        plan.args = &["--drain-timeout", "1s"];
        let running = plan.start();
        assert_eq!(send(&running, 0..7).await.len(), 7);
        let started = Instant::now();
        running.collector.signal(Signal::TERM);
        let (code, log) = running.collector.end();
        let took = started.elapsed();
        assert!(took < Duration::from_secs(4), "{took:?}");
        assert_eq!(code, Some(0), "{log}");
        let told = log
            .lines()
            .find(|line| line.contains("could not send"))
            .unwrap_or_else(|| panic!("{log}"));
        assert!(told.contains("otlp_grpc") && told.contains("spans=7"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_exporter_does_not_starve_a_live_one() {
    let (live, dead) = (Sink::start(), Sink::start());
    dead.set(Mood::Hang);
    let running = Plan::to(vec![http_to(&live, QUICK), grpc_to(&dead, QUICK)]).start();
    let acknowledged = send(&running, 0..50).await;
    assert_eq!(acknowledged.len(), 50);
    let started = Instant::now();
    until("the live one gets everything", || names(&live).len() == 50).await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(names(&dead).len(), 0);
    dead.set(Mood::Accept);
    // The attempts that hang end with the exporter's time-out of 5 s.
    until("the dead one gets it later", || names(&dead).len() == 50).await;
    assert_eq!(live.spans().len(), 50, "once each");
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_takes_nothing_is_told_at_once() {
    let running = Plan::to(vec!["file: {path: /dev/full}".to_owned()]).start();
    let started = Instant::now();
    assert_eq!(send(&running, 0..6).await.len(), 0);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(running.metric("otelcol_exporter_send_failed_spans", &[]).await, 6.0);
    let log = running.stop();
    assert_eq!(log.matches("No space left on device").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_span_arrives_within_the_flush_timeout() {
    let sink = Sink::start();
    let running = Plan::to(vec![grpc_to(&sink, "sending_queue: {batch: {flush_timeout: 300ms}}")]).start();
    assert_eq!(send(&running, 0..1).await.len(), 1);
    let started = Instant::now();
    until("it arrives", || !sink.received().is_empty()).await;
    let took = started.elapsed();
    assert!(took < Duration::from_millis(1300), "{took:?}");
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flapping_backend_gets_everything_once() {
    let sink = Sink::start();
    let running = Plan::to(vec![grpc_to(&sink, QUICK)]).start();
    let mut acknowledged = BTreeSet::new();
    for round in 0..10 {
        sink.set(if round % 3 == 0 { Mood::Accept } else { Mood::Refuse });
        acknowledged.extend(send(&running, round * 20..round * 20 + 20).await);
    }
    assert_eq!(acknowledged.len(), 200);
    sink.set(Mood::Accept);
    until("all arrive", || names(&sink).len() == 200).await;
    assert_eq!(sink.spans().len(), 200, "once each");
    running.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_limiter_refuses_and_recovers() {
    let sink = Sink::start();
    sink.set(Mood::Refuse);
    let mut plan = Plan::to(vec![grpc_to(
        &sink,
        "sending_queue: {batch: {flush_timeout: 20ms}}, retry_on_failure: {initial_interval: 50ms, max_interval: 200ms}, compression: none",
    )]);
    plan.exporters[0] = plan.exporters[0].replacen("compression: none, ", "", 1);
    plan.processors = &["memory_limiter: {check_interval: 50ms, limit_mib: 90, spike_limit_mib: 30}"];
    let running = plan.start();
    let filler = "x".repeat(1_000_000);
    let (mut accepted, mut refused) = (0u32, 0);
    while refused == 0 {
        assert!(accepted < 400, "400 MB were let in");
        let reply = running.http.post_proto(&request(vec![span(accepted, &filler)])).await;
        match reply.status {
            200 => accepted += 1,
            503 => {
                assert_ne!(reply.header("retry-after"), "", "{reply:?}");
                refused += 1;
            }
            _ => panic!("{reply:?}"),
        }
    }
    assert_eq!(running.grpc.call(&request(vec![span(0, &filler)])).await.code(), 14);
    for transport in ["transport=\"http\"", "transport=\"grpc\""] {
        let counted = running
            .metric(
                "plano_receiver_refused_requests_total",
                &["receiver=\"otlp\"", transport],
            )
            .await;
        assert_eq!(counted, 1.0, "{transport}");
    }
    let rss = running.metric("otelcol_process_memory_rss", &[]).await / 1e6;
    assert!(rss < 130.0, "{rss} MB");
    sink.set(Mood::Accept);
    until("what was accepted arrives", || sink.spans().len() as u32 == accepted).await;
    // The allocator gives back what is free after ten seconds.
    let started = Instant::now();
    while running.http.post_proto(&request(vec![span(9, "small")])).await.status != 200 {
        assert!(started.elapsed() < PATIENCE, "never recovers");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The log speaks of room again after a second without a refusal.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let reply = running.http.post_proto(&request(vec![span(10, "small")])).await;
    assert_eq!(reply.status, 200);
    let log = running.stop();
    for (words, times) in [("no room for requests", 1), ("there is room again", 1)] {
        assert_eq!(log.matches(words).count(), times, "{words}:\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_says_when_it_drains() {
    let sink = Sink::start();
    sink.set(Mood::Refuse);
    let mut plan = Plan::to(vec![grpc_to(&sink, QUICK)]);
    plan.args = &["--drain-timeout", "3s"];
    let running = plan.start();
    get(running.health, "/", 200).await;
    assert_eq!(send(&running, 0..1).await.len(), 1);
    running.collector.signal(Signal::TERM);
    get(running.health, "/", 503).await;
    sink.set(Mood::Accept);
    let (code, log) = running.collector.end();
    assert_eq!((code, sink.spans().len()), (Some(0), 1), "{log}");
}
