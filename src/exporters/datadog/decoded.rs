//! What the exporter sends, decoded by Datadog's own Rust library: every field is where Datadog reads it, none is unknown to it.

use libdd_trace_protobuf::pb;
use prost::Message as _;
use serde_json::{Value, json};

use super::{Config, stats};
use crate::{
    exporters::testing,
    net::{
        compression::{Encoding, inflate},
        testing::{Server, text},
    },
    otlp::json,
};

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/backends/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Name, service, resource, type and ids of a span.
type Told = ([String; 4], [u64; 3]);

#[tokio::test]
async fn datadogs_own_library_reads_every_field() {
    let server = Server::start(|_| Some(text(202, &[], ""))).await;
    let exporter = testing::exporter::<Config>(json!({
        "api": {"key": "0123456789abcdef0123456789abcdef"},
        "hostname": "reference-host",
        "traces": {"endpoint": format!("http://{}", server.address), "llm_span_names": false},
    }));
    let batch = json::read(&fixture("varied.json")).expect("OTLP/JSON").batch;
    for request in exporter.requests(batch) {
        exporter.export(&request).await.expect("the intake takes it");
    }
    exporter.close().await;
    let (mut ours, mut statistics) = (Vec::new(), 0);
    for seen in server.seen() {
        if seen.uri.path() == stats::PATH {
            statistics += 1;
            continue;
        }
        let body = inflate(Encoding::Gzip, &seen.body, 64 << 20).expect("gzip");
        let payload = pb::AgentPayload::decode(&body[..]).expect("an AgentPayload");
        // What Datadog's type does not know it would not write again.
        assert_eq!(payload.encoded_len(), body.len());
        let chunks = payload.tracer_payloads.iter().flat_map(|tracer| &tracer.chunks);
        ours.extend(chunks.flat_map(|chunk| &chunk.spans).map(told));
    }
    let mut theirs = reference();
    ours.sort();
    theirs.sort();
    assert_eq!(ours.len(), 298);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
    assert!(statistics > 0, "no statistics were sent");
}

fn told(span: &pb::Span) -> Told {
    (
        [&span.name, &span.service, &span.resource, &span.r#type].map(Clone::clone),
        [span.trace_id, span.span_id, span.parent_id],
    )
}

fn reference() -> Vec<Told> {
    let payloads: Vec<Value> = serde_json::from_slice(&fixture("datadog_reference_varied.json")).expect("JSON");
    let list = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
    let chunks = payloads.iter().flat_map(|payload| list(payload, "chunks"));
    let spans = chunks.flat_map(|chunk| list(&chunk, "spans"));
    let text = |span: &Value, key: &str| span[key].as_str().expect("text").to_owned();
    let id = |span: &Value, key: &str| u64::from_str_radix(&text(span, key), 16).expect("an id");
    let told = |span: Value| {
        (
            ["name", "service", "resource", "type"].map(|key| text(&span, key)),
            ["trace_id", "span_id", "parent_id"].map(|key| id(&span, key)),
        )
    };
    spans.map(told).collect()
}
