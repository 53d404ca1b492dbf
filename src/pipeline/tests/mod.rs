//! The engine under the cases that go wrong, in paused time: what is accepted is sent once or counted as lost, and a sender
//! is never told of success for what was dropped.

mod feeding;
mod lifecycle;
mod queueing;
mod retrying;

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{queue::Delivery, *};
use crate::otlp::{SpanBuilder, SpanId, TraceBatch, TraceId, Value};

/// A request of spans with these ids.
fn spans(ids: impl IntoIterator<Item = u64>) -> TraceBatch {
    spans_of(&[], ids)
}

/// Spans with these ids, of a resource with these attributes.
fn spans_of(resource: &[(&str, Value<'_>)], ids: impl IntoIterator<Item = u64>) -> TraceBatch {
    let spans = ids
        .into_iter()
        .map(|id| SpanBuilder::new(TraceId([7; 16]), SpanId((id + 1).to_be_bytes()), "work").times(1, 2));
    SpanBuilder::batch(resource, ("test", ""), spans)
}

/// The ids of a batch's spans.
fn ids(batch: &TraceBatch) -> Vec<u64> {
    let scopes = batch.resource_spans().flat_map(|resource| resource.scope_spans());
    let spans = scopes.flat_map(|scope| scope.spans());
    spans.map(|span| u64::from_be_bytes(span.span_id().0) - 1).collect()
}

fn id(kind: &str) -> ComponentId {
    ComponentId {
        kind: kind.to_owned(),
        name: String::new(),
    }
}

/// What a backend does with one request: how long it takes, and what it answers.
type Script = dyn Fn(usize, &TraceBatch) -> (Duration, Result<(), ExportError>) + Send + Sync;

/// A backend that follows a script and writes down what it got.
struct Backend {
    script: Box<Script>,
    attempts: AtomicUsize,
    /// When each successful request arrived, and the spans in it.
    got: Mutex<Vec<(Instant, Vec<u64>)>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    closed: AtomicUsize,
}

impl Backend {
    fn new(
        script: impl Fn(usize, &TraceBatch) -> (Duration, Result<(), ExportError>) + Send + Sync + 'static,
    ) -> Arc<Backend> {
        Arc::new(Backend {
            script: Box::new(script),
            attempts: AtomicUsize::new(0),
            got: Mutex::new(Vec::new()),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            closed: AtomicUsize::new(0),
        })
    }

    fn good() -> Arc<Backend> {
        Backend::new(|_, _| (Duration::ZERO, Ok(())))
    }

    fn slow(seconds: u64) -> Arc<Backend> {
        Backend::new(move |_, _| (Duration::from_secs(seconds), Ok(())))
    }

    fn dead() -> Arc<Backend> {
        Backend::new(|_, _| (Duration::ZERO, Err(unavailable())))
    }

    /// Every span that it got, sorted; a span that came twice is there twice.
    fn delivered(&self) -> Vec<u64> {
        let got = self.got.lock().unwrap();
        let mut all: Vec<u64> = got.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
        all.sort_unstable();
        all
    }

    /// Sizes of the requests that it got, in order.
    fn sizes(&self) -> Vec<usize> {
        self.got.lock().unwrap().iter().map(|(_, ids)| ids.len()).collect()
    }

    fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Exporter for Backend {
    /// One resource a request, as some backends want it.
    fn requests(&self, batch: TraceBatch) -> Vec<TraceBatch> {
        batch.by_resource()
    }

    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        let attempt = self.attempts.fetch_add(1, Ordering::SeqCst);
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        let (time, answer) = (self.script)(attempt, batch);
        if !time.is_zero() {
            sleep(time).await;
        }
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        if answer.is_ok() {
            self.got.lock().unwrap().push((Instant::now(), ids(batch)));
        }
        answer
    }

    async fn close(&self) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

fn unavailable() -> ExportError {
    ExportError::Retry {
        after: None,
        source: anyhow::anyhow!("unavailable"),
    }
}

fn too_large() -> ExportError {
    ExportError::TooLarge {
        source: anyhow::anyhow!("too large"),
    }
}

fn invalid() -> ExportError {
    ExportError::Refused {
        source: anyhow::anyhow!("invalid"),
    }
}

/// A processor made of a function.
struct Step<F>(F);

impl<F: Fn(TraceBatch) -> Result<TraceBatch, Refused> + Send + Sync> Processor for Step<F> {
    fn process(&self, batch: TraceBatch) -> Result<TraceBatch, Refused> {
        (self.0)(batch)
    }
}

/// A receiver that behaves as told once it runs.
struct Source<F> {
    bind: Result<(), &'static str>,
    run: F,
}

#[async_trait]
impl<F, R> Receiver for Source<F>
where
    F: FnOnce(Inlet, CancellationToken) -> R + Send,
    R: Future<Output = anyhow::Result<()>> + Send,
{
    async fn bind(&mut self) -> anyhow::Result<Vec<SocketAddr>> {
        self.bind.map_err(|fault| anyhow::anyhow!(fault))?;
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], 4317))])
    }

    async fn run(self: Box<Self>, inlet: Inlet, stop: CancellationToken) -> anyhow::Result<()> {
        (self.run)(inlet, stop).await
    }
}

/// Delivery without batching, for tests that are not about it.
fn plain() -> Delivery {
    let mut delivery = Delivery::default();
    delivery.sending_queue.batch.enabled = false;
    delivery
}

/// One pipeline into these exporters, named `a`, `b`, … with these processors.
fn blueprint(exporters: Vec<(Arc<Backend>, Delivery)>, processors: Vec<Arc<dyn Processor>>) -> Blueprint {
    let names = ["a", "b", "c"];
    let parts = exporters
        .into_iter()
        .zip(names)
        .map(|((backend, delivery), name)| ExporterPart {
            id: id(name),
            exporter: backend,
            delivery,
        });
    let exporters: Vec<_> = parts.collect();
    let pipeline = PipelinePart {
        name: "traces".to_owned(),
        receivers: vec![],
        processors: processors
            .into_iter()
            .map(|processor| (id("step"), processor))
            .collect(),
        exporters: (0..exporters.len()).collect(),
    };
    Blueprint {
        exporters,
        pipelines: vec![pipeline],
        drain_timeout: Duration::from_secs(10),
        ..Blueprint::default()
    }
}

/// A running engine with an inlet, and the numbers that it counts.
struct Engine {
    running: Running,
    inlet: Inlet,
    health: Health,
    numbers: Numbers,
}

impl Engine {
    async fn start(blueprint: Blueprint) -> Engine {
        let numbers = Numbers::default();
        let health = Health::new();
        let prepared = ::metrics::with_local_recorder(&numbers, || Running::prepare(blueprint, health.clone()));
        let inlet = ::metrics::with_local_recorder(&numbers, || prepared.inlet("test"));
        let running = prepared.start().await.expect("it starts");
        Engine {
            running,
            inlet,
            health,
            numbers,
        }
    }

    /// One pipeline with one exporter.
    async fn with(backend: &Arc<Backend>, delivery: Delivery) -> Engine {
        Engine::start(blueprint(vec![(Arc::clone(backend), delivery)], vec![])).await
    }

    /// The good end, and the spans that were not sent.
    async fn end(self) -> usize {
        let stop = CancellationToken::new();
        stop.cancel();
        let drained = self
            .running
            .until(stop, CancellationToken::new())
            .await
            .expect("no failure");
        drained.unsent.iter().map(|(_, spans)| spans).sum()
    }
}

/// A recorder that keeps every number by the metric's name and labels.
#[derive(Clone, Default)]
struct Numbers(Arc<Mutex<HashMap<String, Arc<Number>>>>);

#[derive(Default)]
struct Number(Mutex<f64>);

impl ::metrics::CounterFn for Number {
    fn increment(&self, value: u64) {
        *self.0.lock().unwrap() += value as f64;
    }
    fn absolute(&self, value: u64) {
        *self.0.lock().unwrap() = value as f64;
    }
}

impl ::metrics::GaugeFn for Number {
    fn increment(&self, value: f64) {
        *self.0.lock().unwrap() += value;
    }
    fn decrement(&self, value: f64) {
        *self.0.lock().unwrap() -= value;
    }
    fn set(&self, value: f64) {
        *self.0.lock().unwrap() = value;
    }
}

impl Numbers {
    fn number(&self, key: &::metrics::Key) -> Arc<Number> {
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let name = format!("{}{{{}}}", key.name().trim_start_matches("otelcol_"), labels.join(","));
        Arc::clone(self.0.lock().unwrap().entry(name).or_default())
    }

    /// The number under a name such as `exporter_sent_spans{exporter=a}`.
    #[track_caller]
    fn of(&self, name: &str) -> f64 {
        let numbers = self.0.lock().unwrap();
        let number = numbers
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {:?}", numbers.keys()));
        *number.0.lock().unwrap()
    }
}

impl ::metrics::Recorder for Numbers {
    fn describe_counter(&self, _: ::metrics::KeyName, _: Option<::metrics::Unit>, _: ::metrics::SharedString) {}
    fn describe_gauge(&self, _: ::metrics::KeyName, _: Option<::metrics::Unit>, _: ::metrics::SharedString) {}
    fn describe_histogram(&self, _: ::metrics::KeyName, _: Option<::metrics::Unit>, _: ::metrics::SharedString) {}
    fn register_counter(&self, key: &::metrics::Key, _: &::metrics::Metadata<'_>) -> ::metrics::Counter {
        ::metrics::Counter::from_arc(self.number(key))
    }
    fn register_gauge(&self, key: &::metrics::Key, _: &::metrics::Metadata<'_>) -> ::metrics::Gauge {
        ::metrics::Gauge::from_arc(self.number(key))
    }
    fn register_histogram(&self, _: &::metrics::Key, _: &::metrics::Metadata<'_>) -> ::metrics::Histogram {
        ::metrics::Histogram::noop()
    }
}
