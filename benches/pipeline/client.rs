//! The load generator: a few HTTP/2 connections with a fixed number of requests in flight each, closed loop, or paced at a rate.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, task::JoinSet};

use crate::load::{Encoding, Load};

const CONNECTIONS: usize = 4;
const IN_FLIGHT: usize = 4;
const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// What was acknowledged, and how long it took.
pub(crate) struct Sent {
    pub(crate) spans: usize,
    pub(crate) elapsed: Duration,
    latencies: Vec<Duration>,
}

impl Sent {
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        self.latencies
            .get(self.latencies.len().saturating_sub(1) * percent / 100)
            .copied()
            .unwrap_or_default()
    }
}

/// Sends so many spans and waits for every answer. Refused requests are sent again.
pub(crate) async fn send(port: u16, load: &Load, spans: usize, rate: Option<usize>) -> anyhow::Result<Sent> {
    let requests = spans.div_ceil(load.spans_per_frame);
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(("127.0.0.1", port))
            .await
            .context("connecting to the subject")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(8 << 20)
            .initial_connection_window_size(32 << 20)
            .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await?;
        let mut connections = JoinSet::new();
        connections.spawn(connection);
        for _ in 0..IN_FLIGHT {
            let (sender, next, frames) = (sender.clone(), next.clone(), load.frames.clone());
            let (encoding, gap) = (
                load.encoding,
                rate.map(|rate| load.spans_per_frame as f64 / rate as f64),
            );
            tasks.spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= requests {
                        return anyhow::Ok(latencies);
                    }
                    if let Some(gap) = gap {
                        tokio::time::sleep_until((started + Duration::from_secs_f64(gap * number as f64)).into()).await;
                    }
                    let begun = Instant::now();
                    export(sender.clone(), frames[number % frames.len()].clone(), encoding).await?;
                    latencies.push(begun.elapsed());
                }
            });
        }
        tasks.spawn(async move {
            // Ends with the last request of the connection.
            let _ = connections.join_next().await;
            Ok(Vec::new())
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done??);
        if latencies.len() >= requests {
            break;
        }
    }
    let elapsed = started.elapsed();
    latencies.sort_unstable();
    Ok(Sent {
        spans: requests * load.spans_per_frame,
        elapsed,
        latencies,
    })
}

async fn export(mut sender: SendRequest<Full<Bytes>>, frame: Bytes, encoding: Encoding) -> anyhow::Result<()> {
    for _ in 0..1000 {
        let mut request = http::Request::post(format!("http://localhost{PATH}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if encoding == Encoding::Gzip {
            request = request.header("grpc-encoding", "gzip");
        }
        let response = sender.send_request(request.body(Full::new(frame.clone()))?).await?;
        let early = response.headers().get("grpc-status").cloned();
        let trailers = response
            .into_body()
            .collect()
            .await?
            .trailers()
            .and_then(|all| all.get("grpc-status").cloned());
        match early.or(trailers).as_ref().map(|status| status.as_bytes()) {
            Some(b"0") => return Ok(()),
            // A full queue: the generator is faster than the path.
            Some(b"14" | b"8") => tokio::time::sleep(Duration::from_millis(5)).await,
            other => anyhow::bail!("grpc-status {other:?}"),
        }
    }
    anyhow::bail!("refused 1000 times")
}
