//! `GET /metrics` for Prometheus. Answers nothing else: any other path is 404, any other method 405. Connections are bounded
//! in number, and a slow client in time.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::{net::TcpListener, task::JoinSet, time};
use tokio_util::sync::CancellationToken;

use super::Metrics;
use crate::net::listen::{self, Peer};

/// Scrapes at the same time; more wait.
const MAX_CONNECTIONS: usize = 16;

/// Longest time to read the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest time without a request; Prometheus opens another connection.
const IDLE: Duration = Duration::from_secs(300);

/// What scrapes in flight get to finish at the end.
const GRACE: Duration = Duration::from_millis(500);

/// How often histograms are summed up.
const UPKEEP: Duration = Duration::from_secs(5);

/// The ports on which metrics are served, taken.
pub struct MetricsServer {
    listeners: Vec<TcpListener>,
}

impl MetricsServer {
    /// Takes every address (`host:port`) and logs it. None is fine: then only the upkeep runs.
    ///
    /// # Errors
    /// Which address could not be taken, and why.
    pub async fn bind(addresses: &[String]) -> anyhow::Result<MetricsServer> {
        let mut listeners = Vec::new();
        for address in addresses {
            listeners.push(listen::bind(address).await?);
        }
        let server = MetricsServer { listeners };
        for address in server.addresses() {
            tracing::info!(component = %"metrics", %address, "listening");
        }
        Ok(server)
    }

    /// Addresses taken.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// Serves until `stop`.
    pub async fn run(self, metrics: Arc<Metrics>, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        for listener in self.listeners {
            tasks.spawn(serve(listener, metrics.clone(), stop.clone()));
        }
        let mut ticks = time::interval(UPKEEP);
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => metrics.upkeep(),
            }
        }
        while tasks.join_next().await.is_some() {}
    }
}

fn settings() -> listen::Settings {
    listen::Settings {
        max_connections: MAX_CONNECTIONS,
        header_read_timeout: HEADER_TIMEOUT,
        idle_timeout: Some(IDLE),
        grace: GRACE,
        ..listen::Settings::default()
    }
}

async fn serve(listener: TcpListener, metrics: Arc<Metrics>, stop: CancellationToken) {
    let service = move |request: Request<Incoming>, _peer: Peer| {
        let reply = reply(request.method(), request.uri().path(), &metrics);
        async move { reply }
    };
    listen::serve(listener, settings(), None, service, stop).await;
}

fn reply(method: &Method, path: &str, metrics: &Metrics) -> Response<Full<Bytes>> {
    let (status, body) = match (path, method) {
        ("/metrics", &Method::GET | &Method::HEAD) => (StatusCode::OK, metrics.render()),
        ("/metrics", _) => (
            StatusCode::METHOD_NOT_ALLOWED,
            "method not allowed, use GET\n".to_owned(),
        ),
        _ => (StatusCode::NOT_FOUND, "not found, see /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let kind = match status {
        StatusCode::OK => "text/plain; version=0.0.4; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response
            .headers_mut()
            .insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, path: &str, expected: u16) {
        assert_eq!(
            reply(&method, path, &Metrics::new()).status(),
            expected,
            "{method} {path}"
        );
    }

    #[test]
    fn answers_the_one_path() {
        check(Method::GET, "/metrics", 200);
        check(Method::HEAD, "/metrics", 200);
        check(Method::POST, "/metrics", 405);
        check(Method::GET, "/", 404);
        check(Method::GET, "/metrics/x", 404);
    }

    #[tokio::test]
    async fn serves_until_told_to_stop() {
        let server = MetricsServer::bind(&["127.0.0.1:0".to_owned()])
            .await
            .expect("a free port");
        let address = server.addresses()[0];
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(server.run(Arc::new(Metrics::new()), stop.clone()));
        let text = reqwest::get(format!("http://{address}/metrics"))
            .await
            .expect("answered")
            .text()
            .await
            .expect("text");
        assert!(text.contains("otelcol_process_uptime"), "{text}");
        stop.cancel();
        time::timeout(Duration::from_secs(5), tasks.join_next())
            .await
            .expect("ends");
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let taken = MetricsServer::bind(&["127.0.0.1:0".to_owned()])
            .await
            .expect("a free port");
        let address = taken.addresses()[0].to_string();
        let error = MetricsServer::bind(std::slice::from_ref(&address))
            .await
            .err()
            .expect("taken");
        let line = format!("{error:#}");
        assert!(line.starts_with(&format!("cannot listen on {address:?}: ")), "{line}");
    }
}
