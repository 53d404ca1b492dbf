//! The sink: a gRPC server that counts the spans that arrive, after the same strict check as at our own door.

use std::{
    convert::Infallible,
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, Full, combinators::WithTrailers};
use hyper::{Request, Response, body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use plano::otlp::{self, TraceBatch};
use tokio::{net::TcpListener, task::JoinSet};

#[derive(Default)]
struct Counts {
    spans: AtomicUsize,
    enriched: AtomicUsize,
}

pub(crate) struct Sink {
    pub(crate) port: u16,
    counts: Arc<Counts>,
    _server: JoinSet<()>,
}

type Reply = WithTrailers<Full<Bytes>, std::future::Ready<Option<Result<http::HeaderMap, Infallible>>>>;

impl Sink {
    pub(crate) async fn start() -> anyhow::Result<Sink> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let counts = Arc::new(Counts::default());
        let shared = counts.clone();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let counts = shared.clone();
                let service = service_fn(move |request| take(request, counts.clone()));
                let connection = http2::Builder::new(TokioExecutor::new())
                    .initial_stream_window_size(8 << 20)
                    .initial_connection_window_size(32 << 20)
                    .max_frame_size(64 << 10)
                    .serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move { drop(connection.await) });
            }
        });
        Ok(Sink {
            port,
            counts,
            _server: server,
        })
    }

    pub(crate) fn spans(&self) -> usize {
        self.counts.spans.load(Ordering::Relaxed)
    }

    /// How many of the looked-at spans carry `signals.quality`.
    pub(crate) fn enriched(&self) -> usize {
        self.counts.enriched.load(Ordering::Relaxed)
    }

    /// Waits until nothing has arrived for a second.
    pub(crate) async fn settle(&self) {
        let mut last = usize::MAX;
        while self.spans() != last {
            last = self.spans();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

async fn take(request: Request<Incoming>, counts: Arc<Counts>) -> Result<Response<Reply>, Infallible> {
    let ok = match request.into_body().collect().await {
        Ok(body) => count(body.to_bytes(), &counts).is_some(),
        Err(_) => false,
    };
    let mut trailers = http::HeaderMap::new();
    trailers.insert(
        "grpc-status",
        http::HeaderValue::from_static(if ok { "0" } else { "3" }),
    );
    // An empty ExportTraceServiceResponse.
    let body = Full::new(Bytes::from_static(&[0; 5])).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert("content-type", http::HeaderValue::from_static("application/grpc"));
    Ok(response)
}

fn count(body: Bytes, counts: &Counts) -> Option<()> {
    let message = match body.first()? {
        0 => body.slice(5..),
        _ => {
            let mut inflated = Vec::new();
            MultiGzDecoder::new(&body[5..]).read_to_end(&mut inflated).ok()?;
            inflated.into()
        }
    };
    let batch = otlp::validate(message).ok()?.batch;
    let before = counts.spans.fetch_add(batch.span_count(), Ordering::Relaxed);
    if before < 10_000 {
        counts.enriched.fetch_add(enriched(&batch), Ordering::Relaxed);
    }
    Some(())
}

fn enriched(batch: &TraceBatch) -> usize {
    let scopes = batch.resource_spans().flat_map(|resource| resource.scope_spans());
    scopes
        .flat_map(|scope| scope.spans())
        .filter(|span| span.attribute("signals.quality").is_some())
        .count()
}
