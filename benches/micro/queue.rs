//! Time per request of the engine: appending requests to a batch, and the whole way from the inlet through queue and batcher into
//! an exporter that does nothing.

use std::{hint::black_box, sync::Arc, time::Instant};

use async_trait::async_trait;
use criterion::{Criterion, Throughput, criterion_group};
use plano::{
    otlp::{SpanBuilder, SpanId, TraceBatch, TraceId, Value},
    pipeline::{
        Blueprint, ComponentId, ExportError, Exporter, ExporterPart, Health, PipelinePart, Running, queue::Delivery,
    },
};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = append, through
}

/// A request of so many small spans.
fn request(spans: u64) -> TraceBatch {
    let spans = (1..=spans).map(|i| {
        SpanBuilder::new(TraceId([7; 16]), SpanId(i.to_be_bytes()), "GET /orders").attribute("n", Value::Int(1))
    });
    SpanBuilder::batch(&[("service.name", Value::Str("bench"))], ("bench", "1"), spans)
}

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("queue/append");
    let requests = vec![request(100); 82];
    group.throughput(Throughput::Elements(82));
    group.bench_function("82 requests of 100 spans", |b| {
        b.iter(|| {
            let mut batch = TraceBatch::default();
            requests.iter().cloned().for_each(|request| batch.append(request));
            black_box(batch.span_count())
        });
    });
    group.finish();
}

/// Takes everything and does nothing.
struct Nowhere;

#[async_trait]
impl Exporter for Nowhere {
    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        black_box(batch.byte_len());
        Ok(())
    }
}

fn blueprint() -> Blueprint {
    let mut delivery = Delivery::default();
    // Waiting for room instead of refusing: the loop below is faster than any batcher.
    delivery.sending_queue.block_on_overflow = true;
    let id = ComponentId {
        kind: "nowhere".to_owned(),
        name: String::new(),
    };
    Blueprint {
        exporters: vec![ExporterPart {
            id,
            exporter: Arc::new(Nowhere),
            delivery,
        }],
        pipelines: vec![PipelinePart {
            name: "traces".to_owned(),
            receivers: Vec::new(),
            processors: Vec::new(),
            exporters: vec![0],
        }],
        ..Blueprint::default()
    }
}

fn through(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let running = runtime
        .block_on(Running::start(blueprint(), Health::new()))
        .expect("nothing to bind");
    let inlet = running.inlet("bench");
    let mut group = c.benchmark_group("queue/through");
    group.throughput(Throughput::Elements(1));
    for spans in [1, 100] {
        let request = request(spans);
        group.bench_function(format!("a request of {spans} spans"), |b| {
            b.iter_custom(|count| {
                runtime.block_on(async {
                    let begun = Instant::now();
                    for _ in 0..count {
                        inlet.send(request.clone()).await.expect("there is always room in time");
                    }
                    begun.elapsed()
                })
            });
        });
    }
    group.finish();
    let stop = CancellationToken::new();
    stop.cancel();
    runtime
        .block_on(running.until(stop, CancellationToken::new()))
        .expect("an orderly end");
}
