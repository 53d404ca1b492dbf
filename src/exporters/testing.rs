//! What the exporters' tests share: a host, batches, and building from a config as a user writes it.

use std::{collections::HashMap, sync::Arc};

use crate::{
    otlp::{SpanBuilder, SpanId, TraceBatch, TraceId, Value},
    pipeline::{Build, ComponentId, Exporter, Host},
};

/// The surroundings of an exporter of that type: no sinks, no sources, no methods.
pub(crate) fn host(kind: &str) -> Host {
    Host {
        id: ComponentId {
            kind: kind.to_owned(),
            name: String::new(),
        },
        default_host: "localhost".to_owned(),
        sinks: Arc::new(HashMap::new()),
        sources: Arc::new(HashMap::new()),
        methods: Arc::new(Vec::new()),
        authenticators: Default::default(),
    }
}

/// A batch of that many spans, one chunk each.
pub(crate) fn batch(spans: u8) -> TraceBatch {
    let mut batch = TraceBatch::default();
    for number in 1..=spans {
        batch.append(batch_with(number, "text", "hello"));
    }
    batch
}

/// A batch of one span with one attribute.
pub(crate) fn batch_with(number: u8, key: &str, text: &str) -> TraceBatch {
    let span = SpanBuilder::new(TraceId([number; 16]), SpanId([number; 8]), "op")
        .times(1_000_000_000, 2_000_000_000)
        .attribute(key, Value::Str(text));
    SpanBuilder::batch(&[("service.name", Value::Str("shop"))], ("scope", "1"), [span])
}

/// The bytes of the request that a batch is.
pub(crate) fn wire(batch: &TraceBatch) -> Vec<u8> {
    batch.chunks().concat()
}

/// Reads a config and checks it.
///
/// # Panics
/// Where it has a fault.
pub(crate) fn config<T: Build<dyn Exporter>>(json: serde_json::Value) -> T {
    let config: T = serde_json::from_value(json).expect("the config reads");
    assert_eq!(config.validate(), Vec::new());
    config
}

/// Builds an exporter from a config as a user writes it.
pub(crate) fn exporter<T: Build<dyn Exporter>>(json: serde_json::Value) -> Box<dyn Exporter> {
    config::<T>(json).build(&host(T::TYPE)).expect("the exporter builds")
}

/// Faults of a config, as `path: reason`.
pub(crate) fn faults<T: Build<dyn Exporter>>(json: serde_json::Value) -> Vec<String> {
    let config: T = serde_json::from_value(json).expect("the config reads");
    let faults = config.validate();
    faults
        .iter()
        .map(|fault| format!("{}: {}", fault.path, fault.reason))
        .collect()
}

/// What is logged while `work` runs, one JSON object a line.
pub(crate) fn json_log(work: impl FnOnce()) -> String {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let writer = Arc::new(file.reopen().expect("the same file"));
    let subscriber = tracing_subscriber::fmt().json().with_writer(writer).finish();
    tracing::subscriber::with_default(subscriber, work);
    std::fs::read_to_string(file.path()).expect("text")
}
