//! Tests of the receiver over real sockets on loopback, with a stand-in for the pipelines; by protocol in the files beside.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use prost::Message as _;
use serde_json::json;
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    otlp::TraceBatch,
    pipeline::{Admission, ComponentId, Refused},
};

mod config;
mod grpc_calls;
mod http_requests;

/// Longest wait of a test for anything.
const SOON: Duration = Duration::from_secs(20);

/// A stand-in for the pipelines.
#[derive(Default)]
struct Sink {
    spans: AtomicUsize,
    refused: AtomicUsize,
    /// Bytes for which room is held now, and the most that was held.
    held: AtomicUsize,
    most_held: AtomicUsize,
    /// What `admit` and `send` answer instead.
    no_room: Mutex<Option<Refused>>,
    full: Mutex<Option<Refused>>,
    /// `send` waits for it once it is told to.
    gate: Mutex<Option<Arc<Notify>>>,
}

#[derive(Clone, Default)]
struct Pipes(Arc<Sink>);

impl intake::Intake for Pipes {
    fn admit(&self, bytes: usize) -> Result<Admission, Refused> {
        if let Some(refused) = self.0.no_room.lock().unwrap().clone() {
            return Err(refused);
        }
        let now = self.0.held.fetch_add(bytes, Ordering::SeqCst) + bytes;
        self.0.most_held.fetch_max(now, Ordering::SeqCst);
        let sink = Arc::clone(&self.0);
        Ok(Admission::new(move || {
            sink.held.fetch_sub(bytes, Ordering::SeqCst);
        }))
    }

    async fn send(&self, batch: TraceBatch) -> Result<(), Refused> {
        let gate = self.0.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.notified().await;
        }
        if let Some(refused) = self.0.full.lock().unwrap().clone() {
            return Err(refused);
        }
        self.0.spans.fetch_add(batch.span_count(), Ordering::SeqCst);
        Ok(())
    }

    fn refused(&self, spans: usize) {
        self.0.refused.fetch_add(spans, Ordering::SeqCst);
    }

    // What finds no room was asked of `admit`, which this stand-in answers.
    fn turned_away(&self, _why: &Refused) {}
}

impl Pipes {
    fn spans(&self) -> usize {
        self.0.spans.load(Ordering::SeqCst)
    }
}

/// A receiver's ports, served until dropped.
struct Served {
    grpc: SocketAddr,
    http: SocketAddr,
    pipes: Pipes,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// Serves both protocols with those settings beside free ports.
async fn serve_with(grpc: serde_json::Value, http: serde_json::Value, methods: Vec<Arc<dyn SideMethod>>) -> Served {
    let grpc: Grpc = serde_json::from_value(grpc).unwrap();
    let http: Http = serde_json::from_value(http).unwrap();
    assert_eq!(grpc.faults(), vec![]);
    assert_eq!(http.faults(), vec![]);
    let (pipes, stop, mut tasks) = (Pipes::default(), CancellationToken::new(), JoinSet::new());
    let listener = listen::bind("localhost:0").await.unwrap();
    let grpc_address = listener.local_addr().unwrap();
    let calls = super::grpc_calls(&grpc, pipes.clone(), Arc::new(methods));
    tasks.spawn(serve_grpc(listener, None, grpc.listen(), calls, stop.clone()));
    let listener = listen::bind("localhost:0").await.unwrap();
    let http_address = listener.local_addr().unwrap();
    let requests = super::http_requests(&http, pipes.clone());
    tasks.spawn(serve_http(listener, None, http.listen(), requests, stop.clone()));
    Served {
        grpc: grpc_address,
        http: http_address,
        pipes,
        stop,
        tasks,
    }
}

async fn served() -> Served {
    serve_with(json!({}), json!({}), Vec::new()).await
}

impl Served {
    /// Ends; nothing may still hold room.
    async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = tokio::time::timeout(SOON, self.tasks.join_next())
            .await
            .expect("serve ends")
        {
            ended.unwrap();
        }
        assert_eq!(self.pipes.0.held.load(Ordering::SeqCst), 0, "room is given back");
    }
}

/// A request of `good` valid spans and `bad` ones without ids, each with a name of `size` bytes.
fn request(good: usize, bad: usize, size: usize) -> Vec<u8> {
    let span = |id: Vec<u8>| Span {
        trace_id: vec![1; 16],
        span_id: id,
        name: "n".repeat(size),
        ..Span::default()
    };
    let mut spans = vec![span(vec![2; 8]); good];
    spans.extend(vec![span(Vec::new()); bad]);
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn host() -> Host {
    Host {
        id: ComponentId {
            kind: "otlp".to_owned(),
            name: String::new(),
        },
        default_host: "localhost".to_owned(),
        sinks: Arc::default(),
        sources: Arc::default(),
        methods: Arc::default(),
        authenticators: Default::default(),
    }
}
