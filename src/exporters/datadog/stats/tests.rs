//! The statistics on their way: what the intake gets and when, and what becomes of its answers.

use std::{
    io::Read as _,
    sync::atomic::{AtomicI64, Ordering},
};

use flate2::read::GzDecoder;
use libdd_trace_protobuf::pb;
use serde_json::json;

use super::*;
use crate::{
    exporters::{
        datadog::{
            Config,
            wire::{Span, TraceChunk, TracerPayload},
        },
        testing::{self, json_log},
    },
    net::testing::{Seen, Server, nobody, text},
    otlp::keys::datadog as dd,
};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_000_000 * SECOND;

fn settings() -> Settings {
    Settings {
        hostname: "agent-host".to_owned(),
        by_span_kind: true,
        peer_tags: true,
        more_peer_tags: Vec::new(),
    }
}

fn stats_to(address: &str, clock: fn() -> i64) -> Stats {
    let config: Config = testing::config(json!({
        "api": {"key": "0123456789abcdef0123456789abcdef"},
        "traces": {"endpoint": format!("http://{address}")},
    }));
    let intake = config.intake(PATH, "application/msgpack").expect("an intake");
    Stats::with_clock(testing::host("datadog").id, settings(), intake, clock)
}

fn payload(end: i64, durations: &[i64], error: i32) -> Payload {
    let span = |duration: &i64| Span {
        service: "shop".to_owned(),
        name: "http.server.request".to_owned(),
        resource: "GET /".to_owned(),
        r#type: "web".to_owned(),
        start: end - duration,
        duration: *duration,
        error,
        meta: [
            (dd::SPAN_KIND.to_owned(), "client".to_owned()),
            ("server.address".to_owned(), "db".to_owned()),
        ]
        .into(),
        metrics: [(dd::TOP_LEVEL.to_owned(), 1.0), ("http.status_code".to_owned(), 200.0)].into(),
        ..Span::default()
    };
    Payload {
        tracer: TracerPayload {
            hostname: "web-1".to_owned(),
            env: "prod".to_owned(),
            app_version: "2".to_owned(),
            language_name: "java".to_owned(),
            container_id: "c1".to_owned(),
            chunks: vec![TraceChunk {
                spans: durations.iter().map(span).collect(),
                ..TraceChunk::default()
            }],
            ..TracerPayload::default()
        },
        stats_computed: false,
    }
}

/// A request's body as Datadog's own types read it.
fn read(body: &[u8]) -> pb::StatsPayload {
    let mut packed = Vec::new();
    GzDecoder::new(body).read_to_end(&mut packed).expect("gzip");
    rmp_serde::from_slice(&packed).expect("a StatsPayload in MessagePack")
}

/// The seconds at which the buckets of a request begin, and their hits.
fn hits(body: &[u8]) -> Vec<(u64, u64)> {
    let payloads = read(body).stats;
    let buckets = payloads.iter().flat_map(|payload| &payload.stats);
    buckets
        .map(|bucket| {
            (
                bucket.start / 1_000_000_000,
                bucket.stats.iter().map(|group| group.hits).sum(),
            )
        })
        .collect()
}

fn check_head(request: &Seen) {
    assert_eq!((request.method.as_str(), request.uri.path()), ("POST", PATH));
    for (name, expected) in [
        ("content-type", "application/msgpack"),
        ("content-encoding", "gzip"),
        ("dd-api-key", "0123456789abcdef0123456789abcdef"),
    ] {
        assert_eq!(request.headers[name], expected);
    }
}

#[tokio::test]
async fn the_intake_gets_what_datadogs_own_types_can_read() {
    let server = Server::start(|_| Some(text(202, &[], ""))).await;
    let stats = stats_to(&server.address.to_string(), || START);
    stats.open().await;
    stats.add(&[
        payload(START, &[SECOND, 3 * SECOND], 0),
        payload(START, &[2 * SECOND], 1),
    ]);
    stats.close().await;
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    check_head(&seen[0]);
    let all = read(&seen[0].body);
    assert_eq!(
        (all.agent_hostname.as_str(), all.agent_env.as_str()),
        ("agent-host", "none")
    );
    assert_eq!(
        (all.agent_version.as_str(), all.client_computed),
        (AGENT_VERSION, false)
    );
    let [sender] = &all.stats[..] else {
        panic!("{all:?}");
    };
    let of = |text: &str| text.to_owned();
    let who = [
        &sender.hostname,
        &sender.env,
        &sender.version,
        &sender.lang,
        &sender.container_id,
    ]
    .map(|text| text.to_owned());
    assert_eq!(who, ["web-1", "prod", "2", "java", "c1"].map(of));
    let bucket = &sender.stats[0];
    assert_eq!((bucket.start, bucket.duration), (START.unsigned_abs(), 10_000_000_000));
    let group = &bucket.stats[0];
    let what = [
        &group.service,
        &group.name,
        &group.resource,
        &group.r#type,
        &group.span_kind,
    ]
    .map(|text| text.to_owned());
    assert_eq!(what, ["shop", "http.server.request", "GET /", "web", "client"].map(of));
    assert_eq!((group.hits, group.errors, group.top_level_hits), (3, 1, 3));
    assert_eq!(
        (group.duration, group.http_status_code, group.is_trace_root),
        (6_000_000_000, 200, 1)
    );
    assert_eq!(group.peer_tags, ["server.address:db"]);
    let count = |summary: &[u8]| {
        libdd_ddsketch::DDSketch::from_encoded(summary)
            .expect("a sketch")
            .count()
    };
    assert_eq!((count(&group.ok_summary), count(&group.error_summary)), (2.0, 1.0));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_goes_out_when_it_is_old_enough_and_not_before() {
    static NOW: AtomicI64 = AtomicI64::new(START);
    let server = Server::start(|_| Some(text(202, &[], ""))).await;
    let stats = stats_to(&server.address.to_string(), || NOW.load(Ordering::Relaxed));
    stats.open().await;
    stats.add(&[payload(START + 5 * SECOND, &[SECOND], 0)]);
    let mut sent = Vec::new();
    for second in 0..40_i64 {
        NOW.store(START + second * SECOND, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(1)).await;
        while sent.len() < server.seen().len() {
            sent.push(second);
        }
    }
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!((20..=31).contains(&sent[0]), "sent in second {}", sent[0]);
    assert_eq!(hits(&server.seen()[0].body), [(1_000_000, 1)]);
    stats.close().await;
    assert_eq!(server.seen().len(), 1);
}

/// What the server got, in order, when it answered the statuses one after the other, and 202 from then on.
async fn sent_to(statuses: &'static [u16]) -> Vec<Vec<(u64, u64)>> {
    let answers = std::sync::Mutex::new(statuses.iter());
    let server = Server::start(move |_| {
        let status = answers.lock().expect("a lock").next().copied();
        Some(text(status.unwrap_or(202), &[], "{}"))
    })
    .await;
    let stats = stats_to(&server.address.to_string(), || START + 60 * SECOND);
    for bucket in 0..3 {
        let due = {
            let mut concentrator = Concentrator::new(settings(), 0);
            concentrator.add(
                &payload(START + bucket * 10 * SECOND, &[SECOND], 0),
                START + 60 * SECOND,
            );
            concentrator.rest()
        };
        stats.shared.hold(due).await;
        stats.shared.send().await;
    }
    stats.close().await;
    server.seen().iter().map(|request| hits(&request.body)).collect()
}

#[tokio::test]
async fn what_may_pass_is_sent_again_in_order_and_what_never_will_is_left() {
    let [a, b, c] = [1_000_000, 1_000_010, 1_000_020].map(|start| vec![(start, 1)]);
    let of = |all: &[&Vec<(u64, u64)>]| all.iter().map(|one| (*one).clone()).collect::<Vec<_>>();
    assert_eq!(sent_to(&[]).await, of(&[&a, &b, &c]));
    assert_eq!(sent_to(&[503, 429]).await, of(&[&a, &a, &a, &b, &c]));
    assert_eq!(sent_to(&[403]).await, of(&[&a, &b, &c]));
    assert_eq!(sent_to(&[202, 500, 202]).await, of(&[&a, &b, &b, &c]));
}

/// A bucket of so many groups, with resources of so many bytes.
fn wide(groups: usize, len: usize) -> Vec<Due> {
    let mut concentrator = Concentrator::new(settings(), 0);
    for number in 0..groups {
        let mut payload = payload(START, &[SECOND], 0);
        payload.tracer.chunks[0].spans[0].resource = format!("{number:0len$}");
        concentrator.add(&payload, START);
    }
    concentrator.rest()
}

/// The resources of each request.
fn resources(server: &Server) -> Vec<Vec<String>> {
    let of = |seen: &Seen| {
        let mut names = Vec::new();
        for payload in read(&seen.body).stats {
            let groups = payload.stats.into_iter().flat_map(|bucket| bucket.stats);
            names.extend(groups.map(|group| group.resource));
        }
        names.sort();
        names
    };
    server.seen().iter().map(of).collect()
}

#[tokio::test]
async fn what_is_too_large_goes_in_parts_that_share_no_group() {
    let server = Server::start(|seen| {
        let groups: u64 = hits(&seen.body).iter().map(|(_, hits)| hits).sum();
        Some(text(if groups > 2 { 413 } else { 202 }, &[], ""))
    })
    .await;
    let stats = stats_to(&server.address.to_string(), || START);
    stats.shared.hold(wide(4, 1)).await;
    stats.shared.send().await;
    let seen = resources(&server);
    assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 2]);
    let mut parts = seen[1..].concat();
    parts.sort();
    assert_eq!(parts, seen[0]);
    assert!(read(&server.seen()[1].body).split_payload && !read(&server.seen()[0].body).split_payload);
    assert!(stats.shared.waiting.lock().await.requests.is_empty());
}

#[tokio::test]
async fn a_bucket_that_is_too_large_is_cut_before_it_is_sent() {
    let server = Server::start(|_| Some(text(202, &[], "{}"))).await;
    let stats = stats_to(&server.address.to_string(), || START);
    stats.shared.hold(wide(1000, 5000)).await;
    stats.shared.send().await;
    let seen = resources(&server);
    assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [500, 500]);
    let mut names = seen.concat();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 1000);
}

#[tokio::test]
async fn the_intake_says_when_to_come_again_and_a_page_is_no_success() {
    let answers = std::sync::Mutex::new(0);
    let server = Server::start(move |_| {
        let mut count = answers.lock().expect("a lock");
        *count += 1;
        Some(match *count {
            1 => text(200, &[("content-type", "text/html")], "<html>sign in</html>"),
            2 => text(429, &[("retry-after", "60")], ""),
            _ => text(202, &[], ""),
        })
    })
    .await;
    let stats = stats_to(&server.address.to_string(), || START);
    stats.shared.hold(wide(1, 1)).await;
    for expected in [1, 2, 2, 2] {
        stats.shared.send().await;
        assert_eq!(server.seen().len(), expected);
    }
    // At the end there is no later.
    stats.close().await;
    assert_eq!(server.seen().len(), 3);
    assert!(stats.shared.waiting.lock().await.requests.is_empty());
}

#[tokio::test]
async fn what_is_cut_off_while_it_is_sent_waits() {
    let server = Server::start(|_| None).await;
    let stats = stats_to(&server.address.to_string(), || START);
    stats.shared.hold(wide(1, 1)).await;
    let cut = timeout(Duration::from_millis(50), stats.shared.send()).await;
    assert!(cut.is_err());
    assert_eq!(stats.shared.waiting.lock().await.requests.len(), 1);
}

#[test]
fn statistics_that_wait_have_a_bound_and_their_loss_is_told() {
    let log = json_log(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let stats = stats_to(&nobody().to_string(), || START);
            for _ in 0..MOST_WAITING + 3 {
                let empty = Due {
                    senders: Vec::new(),
                    overflown: 0,
                };
                stats.shared.hold(vec![empty]).await;
                stats.shared.send().await;
            }
            assert_eq!(stats.shared.waiting.lock().await.requests.len(), MOST_WAITING);
            stats.close().await;
        });
    });
    assert!(log.contains("Datadog does not get statistics"), "{log}");
}
