//! The mapping beside what Datadog's own agent (7.85.4) makes of the same 300 spans, field by field: every difference is in the table
//! below with its reason, and every row of the table is one that there is. What the reference is and how it was made is told in
//! `tests/interop/go/`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::otlp::{TraceBatch, json};

/// When "now" is for spans without a clock.
pub(super) const NOW: i64 = 1_795_945_700_000_000_000;

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/backends/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

pub(super) fn batch(name: &str) -> TraceBatch {
    json::read(&fixture(name)).expect("OTLP/JSON").batch
}

/// One difference: where, which field, ours, theirs.
#[derive(Debug)]
#[expect(dead_code, reason = "printed where it is not explained")]
struct Difference {
    place: String,
    field: String,
    ours: Value,
    theirs: Value,
    plain: Value,
    failed: bool,
}

/// Why a difference is meant.
type Reason = (&'static str, fn(&Difference) -> bool);

const MEANT: &[Reason] = &[
    (
        "the high half of the trace id is written on the first span, as Datadog's tracers do",
        |one| one.field == "meta._dd.p.tid" && one.theirs.is_null(),
    ),
    (
        "errors have the fields of Error Tracking from the last exception event",
        |one| {
            let fields = ["meta.error.msg", "meta.error.type", "meta.error.stack"];
            one.failed && fields.contains(&one.field.as_str()) && !one.ours.is_null()
        },
    ),
    ("the agent takes numbers such as ids for those of credit cards", |one| {
        one.theirs == "?" && one.ours == one.plain
    }),
    ("no argument of a Redis command leaves, not even its key", |one| {
        one.field == "meta.redis.raw_command" && one.ours == "AUTH ?\nGET ?"
    }),
    ("links are valid JSON whatever is in them", |one| {
        let is_json = |value: &Value| serde_json::from_str::<Value>(value.as_str().unwrap_or_default()).is_ok();
        one.field == "meta._dd.span_links" && is_json(&one.ours) && !is_json(&one.theirs)
    }),
    ("a URL keeps its spelling", |one| {
        one.field == "meta.http.url" && one.ours == one.plain
    }),
    (
        "the agent's sampler leaves its rate on the root; there is no sampler here",
        |one| one.field == "metrics._sampling_priority_rate_v1" && one.ours.is_null(),
    ),
];

#[test]
fn spans_are_what_the_agent_makes_of_them() {
    let reference: Vec<Value> = serde_json::from_slice(&fixture("datadog_reference_varied.json")).unwrap();
    let settings = Settings {
        hostname: "reference-host".to_owned(),
        ..Settings::default()
    };
    let batch = batch("varied.json");
    let mut differences = Vec::new();
    let mut spans = 0;
    for (index, resource) in batch.resource_spans().enumerate() {
        let payload = map_resource(resource, &settings, NOW, &mut Changes::default());
        let theirs = reference.iter().find(|payload| payload["resource"] == index);
        spans += payload
            .tracer
            .chunks
            .iter()
            .map(|chunk| chunk.spans.len())
            .sum::<usize>();
        compare_payload(&format!("resource {index}"), &payload.tracer, theirs, &mut differences);
    }
    let mut used = BTreeSet::new();
    let unexplained: Vec<_> = differences
        .iter()
        .filter(|one| match MEANT.iter().position(|(_, covers)| covers(one)) {
            Some(row) => {
                used.insert(row);
                false
            }
            None => true,
        })
        .collect();
    assert!(
        unexplained.is_empty(),
        "{} differences:\n{unexplained:#?}",
        unexplained.len()
    );
    assert_eq!(used.len(), MEANT.len(), "a row explains nothing: {used:?}");
    assert_eq!(spans, 299, "of 300, one has a trace id without a low half");
}

fn compare_payload(place: &str, ours: &wire::TracerPayload, theirs: Option<&Value>, out: &mut Vec<Difference>) {
    let sent: Vec<_> = ours.chunks.iter().filter(|chunk| !chunk.dropped_trace).collect();
    let Some(theirs) = theirs else {
        assert!(sent.is_empty(), "{place}: the agent sends nothing");
        return;
    };
    let mut field = |name: &str, ours: Value| {
        push(place, name, ours, &theirs[name], &Value::Null, false, out);
    };
    field("hostname", ours.hostname.clone().into());
    field("env", ours.env.clone().into());
    field("app_version", ours.app_version.clone().into());
    field("container_id", ours.container_id.clone().into());
    field("language", ours.language_name.clone().into());
    field("tracer_version", ours.tracer_version.clone().into());
    let tags = serde_json::to_value(&ours.tags).unwrap();
    field("tags", if ours.tags.is_empty() { Value::Null } else { tags });
    let chunks = theirs["chunks"].as_array().unwrap();
    assert_eq!(sent.len(), chunks.len(), "{place}: chunks");
    for chunk in sent {
        let first = hex(chunk.spans[0].span_id);
        let has_first = |chunk: &&Value| {
            chunk["spans"]
                .as_array()
                .unwrap()
                .iter()
                .any(|span| span["span_id"] == first)
        };
        let theirs = chunks.iter().find(has_first).expect("the agent has that trace");
        compare_chunk(&format!("{place}, trace of {first}"), chunk, theirs, out);
    }
}

fn compare_chunk(place: &str, ours: &wire::TraceChunk, theirs: &Value, out: &mut Vec<Difference>) {
    let fields = [
        ("priority", ours.priority.into()),
        ("origin", ours.origin.clone().into()),
        ("tags", serde_json::to_value(&ours.tags).unwrap()),
    ];
    for (name, value) in fields {
        push(place, name, value, &theirs[name], &Value::Null, false, out);
    }
    let spans = theirs["spans"].as_array().unwrap();
    assert_eq!(ours.spans.len(), spans.len(), "{place}: spans");
    for (ours, theirs) in ours.spans.iter().zip(spans) {
        compare_span(&format!("{place}, span {}", hex(ours.span_id)), ours, theirs, out);
    }
}

fn compare_span(place: &str, ours: &wire::Span, theirs: &Value, out: &mut Vec<Difference>) {
    let failed = ours.error == 1;
    let start: Value = if theirs["start"] == "now" {
        assert_eq!(ours.start, NOW - ours.duration, "{place}");
        "now".into()
    } else {
        ours.start.into()
    };
    let fields: [(&str, Value); 9] = [
        ("service", ours.service.clone().into()),
        ("name", ours.name.clone().into()),
        ("resource", ours.resource.clone().into()),
        ("type", ours.r#type.clone().into()),
        ("trace_id", hex(ours.trace_id).into()),
        ("parent_id", hex(ours.parent_id).into()),
        ("start", start),
        ("duration", ours.duration.into()),
        ("error", ours.error.into()),
    ];
    for (name, value) in fields {
        push(place, name, value, &theirs[name], &theirs["plain"][name], failed, out);
    }
    let meta = serde_json::to_value(&ours.meta).unwrap();
    let metrics: Value = ours
        .metrics
        .iter()
        .map(|(key, number)| (key.clone(), Value::from(*number)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (group, ours) in [("meta", meta), ("metrics", metrics)] {
        let theirs_of = &theirs[group];
        let keys: BTreeSet<&String> = [&ours, theirs_of]
            .iter()
            .filter_map(|map| map.as_object())
            .flat_map(|map| map.keys())
            .collect();
        for key in keys {
            let name = format!("{group}.{key}");
            push(
                place,
                &name,
                ours[key].clone(),
                &theirs_of[key],
                &theirs["plain"][key],
                failed,
                out,
            );
        }
    }
}

fn push(place: &str, field: &str, ours: Value, theirs: &Value, plain: &Value, failed: bool, out: &mut Vec<Difference>) {
    let is_json = matches!(field, "meta.events" | "meta._dd.span_links");
    let read = |value: &Value| serde_json::from_str::<Value>(value.as_str().unwrap_or_default()).ok();
    let same_number = ours.as_f64().is_some() && ours.as_f64() == theirs.as_f64();
    let same = ours == *theirs || same_number || (is_json && read(&ours).is_some() && read(&ours) == read(theirs));
    if !same {
        out.push(Difference {
            place: place.to_owned(),
            field: field.to_owned(),
            ours,
            theirs: theirs.clone(),
            plain: plain.clone(),
            failed,
        });
    }
}

fn hex(id: u64) -> String {
    format!("{id:016x}")
}
