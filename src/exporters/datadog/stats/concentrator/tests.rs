//! The concentrator against Datadog's own (tests/fixtures/backends), and its behaviour at the edges of time and number.

use serde_json::Value;

use super::*;
use crate::{
    exporters::datadog::{
        map::{self, Mapped},
        wire::{TraceChunk, TracerPayload},
    },
    otlp::{TraceBatch, json, keys::datadog as dd},
};

const SECOND: i64 = 1_000_000_000;
/// Ten days after the fixture's spans, so that none is ahead of the clock.
const LATER: i64 = 1_796_809_690 * SECOND;

fn settings() -> Settings {
    Settings {
        hostname: "reference-host".to_owned(),
        by_span_kind: true,
        peer_tags: true,
        more_peer_tags: Vec::new(),
    }
}

fn payload(spans: Vec<Span>) -> Payload {
    Payload {
        tracer: TracerPayload {
            hostname: "h".to_owned(),
            chunks: vec![TraceChunk {
                priority: 1,
                spans,
                ..TraceChunk::default()
            }],
            ..TracerPayload::default()
        },
        stats_computed: false,
    }
}

fn span(start: i64, resource: &str) -> Span {
    Span {
        service: "s".to_owned(),
        name: "n".to_owned(),
        resource: resource.to_owned(),
        start,
        duration: SECOND,
        metrics: [(dd::TOP_LEVEL.to_owned(), 1.0)].into(),
        ..Span::default()
    }
}

/// Starts of the buckets, in seconds, and their hits.
fn told(due: &[Due]) -> Vec<(u64, u64)> {
    let buckets = due.iter().flat_map(|due| &due.senders).flat_map(|sender| &sender.stats);
    let hits = |bucket: &message::ClientStatsBucket| bucket.stats.iter().map(|group| group.hits).sum();
    buckets
        .map(|bucket| (bucket.start / SECOND.unsigned_abs(), hits(bucket)))
        .collect()
}

#[test]
fn a_bucket_is_sent_once_and_what_is_late_goes_into_the_oldest_that_is_open() {
    let at = |second: i64| 1_000_000 * SECOND + second * SECOND;
    let mut concentrator = Concentrator::new(settings(), at(0));
    let add = |concentrator: &mut Concentrator, start, now| concentrator.add(&payload(vec![span(start, "r")]), now);
    add(&mut concentrator, at(3), at(5));
    add(&mut concentrator, at(8), at(9));
    // The end of a span says in which bucket it is, here: second 10.
    add(&mut concentrator, at(9), at(11));
    assert_eq!(concentrator.due(at(15)), []);
    assert_eq!(told(&concentrator.due(at(20))), [(1_000_000, 2)]);
    add(&mut concentrator, at(3), at(21));
    // A clock that is ahead by an hour.
    add(&mut concentrator, at(3600), at(21));
    assert_eq!(concentrator.due(at(29)), []);
    assert_eq!(told(&concentrator.due(at(30))), [(1_000_010, 2)]);
    assert_eq!(told(&concentrator.rest()), [(1_000_020, 1)]);
    assert_eq!(concentrator.rest(), []);
}

#[test]
fn too_many_groups_are_counted_together() {
    let mut concentrator = Concentrator::new(settings(), 0);
    let many = MOST_GROUPS + 100;
    let spans = (0..many).map(|n| span(SECOND, &n.to_string())).collect();
    concentrator.add(&payload(spans), 5 * SECOND);
    // Groups that are there already go on.
    concentrator.add(&payload(vec![span(SECOND, "7")]), 5 * SECOND);
    let rest = concentrator.rest();
    assert_eq!((rest.len(), rest[0].overflown), (1, 100));
    let groups = &rest[0].senders[0].stats[0].stats;
    let of = |resource: &str| {
        groups
            .iter()
            .find(|group| group.resource == resource)
            .map(|group| group.hits)
    };
    assert_eq!(groups.len(), MOST_GROUPS + 1);
    assert_eq!(
        (of("agent_blocked_value"), of("7"), of("8")),
        (Some(100), Some(2), Some(1))
    );
}

#[test]
fn too_many_senders_are_counted_together() {
    let mut concentrator = Concentrator::new(settings(), 0);
    let from = |sender: usize, resource: &str| {
        let mut payload = payload(vec![span(SECOND, resource)]);
        payload.tracer.container_id = sender.to_string();
        payload
    };
    for sender in 0..MOST_GROUPS + 500 {
        concentrator.add(&from(sender, "a"), 5 * SECOND);
    }
    // Those that are known, with something new each.
    for sender in 0..MOST_GROUPS {
        concentrator.add(&from(sender, "b"), 5 * SECOND);
    }
    let rest = concentrator.rest();
    assert_eq!((rest.len(), rest[0].overflown), (1, MOST_GROUPS as u64 + 500));
    let groups: usize = rest[0].senders.iter().map(|sender| sender.stats[0].stats.len()).sum();
    assert!(groups <= MOST_GROUPS + MOST_OVERFLOWS + 1, "{groups}");
    let hits: u64 = told(&rest).iter().map(|(_, hits)| hits).sum();
    assert_eq!(hits, 2 * MOST_GROUPS as u64 + 500);
}

#[test]
fn numbers_are_rounded_right_on_average() {
    let ups = (0..1000).filter(|n| rounded(3.3, f64::from(*n) / 1000.0) == 4).count();
    assert_eq!(ups, 300);
    assert_eq!(
        [rounded(4.0, 0.0), rounded(0.0, 0.0), rounded(f64::NAN, 0.5)],
        [4, 0, 0]
    );
}

#[test]
fn spans_of_hostile_clocks_are_counted_and_do_not_panic() {
    let mut concentrator = Concentrator::new(settings(), 0);
    for start in [i64::MIN, -1, 0, i64::MAX] {
        concentrator.add(&payload(vec![span(start, "r")]), 15 * SECOND);
    }
    assert_eq!(told(&concentrator.rest()), [(0, 3), (10, 1)]);
}

#[test]
fn what_was_counted_before_is_not_counted_again() {
    let mut concentrator = Concentrator::new(settings(), 0);
    let computed = Payload {
        stats_computed: true,
        ..payload(vec![span(SECOND, "r")])
    };
    concentrator.add(&computed, SECOND);
    assert_eq!(concentrator.rest(), []);
}

/// What a group of the reference or of ours comes to: what it is told apart by, in words, and its numbers.
type Line = (String, [u64; 4], [Vec<f64>; 2]);

#[test]
fn the_numbers_are_those_of_datadogs_own_concentrator() {
    let batch = fixture("varied");
    let Mapped { payloads, .. } = map::map(&batch, &reference_mapping(), LATER);
    let mut concentrator = Concentrator::new(settings(), 0);
    payloads.iter().for_each(|payload| concentrator.add(payload, LATER));
    let mut ours = our_lines(&concentrator.rest());
    let mut theirs = their_lines();
    ours.sort_by(|a, b| a.0.cmp(&b.0));
    theirs.sort_by(|a, b| a.0.cmp(&b.0));
    let names = |lines: &[Line]| lines.iter().map(|line| line.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs));
    for ((name, numbers, quantiles), (_, their_numbers, their_quantiles)) in ours.iter().zip(&theirs) {
        assert_eq!(numbers, their_numbers, "{name}");
        let pairs = quantiles.iter().flatten().zip(their_quantiles.iter().flatten());
        assert_eq!(
            quantiles.each_ref().map(Vec::len),
            their_quantiles.each_ref().map(Vec::len),
            "{name}"
        );
        for (mine, reference) in pairs {
            // Theirs is right to 1 % after cutting 0.2 % off, ours to 0.8 %.
            assert!(
                (mine - reference).abs() <= 0.02 * reference,
                "{name}: {mine} for {reference}"
            );
        }
    }
    assert!(ours.len() > 100, "{} groups", ours.len());
}

/// The mapping without anything of ours.
fn reference_mapping() -> map::Settings {
    map::Settings {
        hostname: "reference-host".to_owned(),
        ..map::Settings::default()
    }
}

fn fixture(name: &str) -> TraceBatch {
    let path = format!("{}/tests/fixtures/backends/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(path).expect("a fixture");
    json::read(&text).expect("OTLP/JSON").batch
}

fn our_lines(due: &[Due]) -> Vec<Line> {
    let mut lines = Vec::new();
    for sender in due.iter().flat_map(|due| &due.senders) {
        for bucket in &sender.stats {
            for group in &bucket.stats {
                let root = ["NOT_SET", "TRUE", "FALSE"][usize::try_from(group.is_trace_root).expect("0 to 2")];
                let now = i64::try_from(bucket.start).expect("a time") == aligned(LATER);
                let start = if now {
                    "now".to_owned()
                } else {
                    bucket.start.to_string()
                };
                lines.push((
                    format!(
                        "{}|{}|{}|{}|{}|{}|{} {start} {}|{}|{}|{}|{}|{}|{}|{}|{root}|{:?}|{}",
                        sender.hostname,
                        sender.env,
                        sender.version,
                        sender.lang,
                        sender.container_id,
                        sender.service,
                        sender.git_commit_sha,
                        group.service,
                        group.name,
                        group.resource,
                        group.r#type,
                        group.span_kind,
                        group.http_status_code,
                        group.grpc_status_code,
                        group.synthetics,
                        group.peer_tags,
                        group.service_source
                    ),
                    [group.hits, group.errors, group.duration, group.top_level_hits],
                    [quantiles(&group.ok_summary), quantiles(&group.error_summary)],
                ));
            }
        }
    }
    lines
}

fn their_lines() -> Vec<Line> {
    let path = format!(
        "{}/tests/fixtures/backends/datadog_reference_stats.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let all: Value = serde_json::from_slice(&std::fs::read(path).expect("a fixture")).expect("JSON");
    let text = |of: &Value, key: &str| of[key].as_str().unwrap_or_default().to_owned();
    let mut lines = Vec::new();
    for sender in all.as_array().expect("a list") {
        for group in sender["groups"].as_array().expect("a list") {
            let of_sender = [
                "hostname",
                "env",
                "version",
                "lang",
                "container_id",
                "service",
                "git_commit_sha",
            ];
            let of_sender = of_sender.map(|key| text(sender, key)).join("|");
            let of_group = ["service", "name", "resource", "type", "span_kind"]
                .map(|key| text(group, key))
                .join("|");
            let tags = group["peer_tags"].as_array().cloned().unwrap_or_default();
            let tags: Vec<&str> = tags.iter().filter_map(Value::as_str).collect();
            let start = text(group, "start");
            let start = if start == "now" {
                start
            } else {
                group["start"].to_string()
            };
            let values = |of: &Value| {
                let at = of["p0_p50_p90_p99_p100"].as_array().cloned().unwrap_or_default();
                at.iter().filter_map(Value::as_f64).collect::<Vec<_>>()
            };
            lines.push((
                format!(
                    "{of_sender} {start} {of_group}|{}|{}|{}|{}|{tags:?}|{}",
                    group["http_status"],
                    text(group, "grpc_status"),
                    group["synthetics"],
                    text(group, "is_trace_root"),
                    text(group, "service_source")
                ),
                ["hits", "errors", "duration", "top_level_hits"].map(|key| group[key].as_u64().expect("a number")),
                [values(&group["ok"]), values(&group["error"])],
            ));
        }
    }
    lines
}

/// The same quantiles as the reference prints, by the same rule: the bin in which rank `q · (n − 1)` lies.
fn quantiles(summary: &[u8]) -> Vec<f64> {
    let sketch = DDSketch::from_encoded(summary).expect("a sketch");
    let count = sketch.count();
    if count == 0.0 {
        return Vec::new();
    }
    let bins = sketch.ordered_bins();
    let at = |quantile: f64| {
        let mut below = 0.0;
        let bin = bins.iter().find(|(_, weight)| {
            below += weight;
            below > quantile * (count - 1.0)
        });
        bin.map_or(f64::NAN, |(value, _)| *value)
    };
    [0.0, 0.5, 0.9, 0.99, 1.0].map(at).to_vec()
}
