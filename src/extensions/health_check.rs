//! `health_check`: whether the process is ready and makes progress, over HTTP, for Kubernetes and Docker. 200 while data moves;
//! 503 while starting, draining or stuck. Answers its one path and nothing else.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde::{Deserialize, Serialize, Serializer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    net::listen::{self, Peer},
    pipeline::{Build, Extension, Fault, Health, Host, Listen, State},
    values::{civil::Civil, duration},
};

/// Default port.
const PORT: u16 = 13133;

/// Probes at the same time; more wait.
const MAX_CONNECTIONS: usize = 32;

/// Longest time to read the head of a request, and longest time without one.
const PATIENCE: Duration = Duration::from_secs(30);

/// What probes in flight get to finish at the end.
const GRACE: Duration = Duration::from_millis(500);

/// `health_check`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `host:port` to listen on. localhost:13133, whose host PLANO_DEFAULT_HOST replaces.
    #[serde(serialize_with = "endpoint")]
    pub endpoint: Option<String>,
    /// Path to answer. /.
    pub path: String,
    /// Bodies of one's own.
    pub response_body: ResponseBody,
}

/// `response_body`: what to answer instead of the JSON status; empty for that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseBody {
    /// Body of a 200. Empty.
    pub healthy: String,
    /// Body of a 503. Empty.
    pub unhealthy: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            endpoint: None,
            path: "/".to_owned(),
            response_body: ResponseBody::default(),
        }
    }
}

impl Config {
    fn address(&self, host: &Host) -> String {
        match &self.endpoint {
            Some(written) => written.clone(),
            None if host.default_host.contains(':') => format!("[{}]:{PORT}", host.default_host),
            None => format!("{}:{PORT}", host.default_host),
        }
    }
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn endpoint<S: Serializer>(written: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(written.as_deref().unwrap_or("localhost:13133"))
}

impl Build<dyn Extension> for Config {
    const TYPE: &'static str = "health_check";

    fn validate(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(Err(reason)) = self.endpoint.as_deref().map(listen::split_endpoint) {
            faults.push(Fault::at("endpoint", reason));
        }
        if !self.path.starts_with('/') {
            faults.push(Fault::at("path", format!("{:?} must start with /", self.path)));
        }
        faults
    }

    fn listens(&self, host: &Host) -> Vec<Listen> {
        vec![Listen {
            endpoint: self.address(host),
            protocol: "http",
        }]
    }

    fn build(self, host: &Host) -> anyhow::Result<Box<dyn Extension>> {
        Ok(Box::new(HealthCheck {
            address: self.address(host),
            config: self,
            listener: None,
        }))
    }
}

struct HealthCheck {
    address: String,
    config: Config,
    listener: Option<TcpListener>,
}

#[async_trait]
impl Extension for HealthCheck {
    fn endpoints(&self) -> Vec<String> {
        vec![self.address.clone()]
    }

    async fn bind(&mut self) -> anyhow::Result<Vec<SocketAddr>> {
        let listener = listen::bind(&self.address).await?;
        let address = listener.local_addr()?;
        self.listener = Some(listener);
        Ok(vec![address])
    }

    async fn run(self: Box<Self>, health: Health, stop: CancellationToken) -> anyhow::Result<()> {
        let listener = self.listener.expect("bind comes first");
        let probe = Arc::new(Probe {
            config: self.config,
            health,
        });
        let service = move |request: Request<Incoming>, _peer: Peer| {
            let reply = probe.reply(request.method(), request.uri().path());
            async move { reply }
        };
        listen::serve(listener, settings(), None, service, stop).await;
        Ok(())
    }
}

fn settings() -> listen::Settings {
    listen::Settings {
        max_connections: MAX_CONNECTIONS,
        header_read_timeout: PATIENCE,
        idle_timeout: Some(PATIENCE),
        grace: GRACE,
        ..listen::Settings::default()
    }
}

struct Probe {
    config: Config,
    health: Health,
}

impl Probe {
    fn reply(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if path != self.config.path {
            return text(
                StatusCode::NOT_FOUND,
                "text/plain; charset=utf-8",
                "not found\n".to_owned(),
            );
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return text(
                StatusCode::METHOD_NOT_ALLOWED,
                "text/plain; charset=utf-8",
                "use GET\n".to_owned(),
            );
        }
        body(
            self.health.state(),
            &self.config.response_body,
            self.health.up_since().unwrap_or(SystemTime::UNIX_EPOCH),
            self.health.uptime(),
        )
    }
}

/// The reply of a state, as the Collector words it.
fn body(state: State, own: &ResponseBody, since: SystemTime, uptime: Duration) -> Response<Full<Bytes>> {
    let (status, own, word) = match state {
        State::Ready => (StatusCode::OK, &own.healthy, "Server available"),
        State::Starting => (
            StatusCode::SERVICE_UNAVAILABLE,
            &own.unhealthy,
            "Server not available: starting",
        ),
        State::Draining => (
            StatusCode::SERVICE_UNAVAILABLE,
            &own.unhealthy,
            "Server not available: draining",
        ),
        State::Stuck => (
            StatusCode::SERVICE_UNAVAILABLE,
            &own.unhealthy,
            "Server not available: stuck",
        ),
    };
    if !own.is_empty() {
        return text(status, "text/plain; charset=utf-8", own.clone());
    }
    let json = match state {
        State::Ready => serde_json::json!({
            "status": word,
            "upSince": rfc3339(since),
            "uptime": duration::format(uptime),
        }),
        _ => serde_json::json!({ "status": word }),
    };
    text(status, "application/json", json.to_string())
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

/// UTC to the millisecond.
fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let at = Civil::from_unix_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
    let (hour, minute, second, millis) = (at.hour, at.minute, at.second, at.nanos / 1_000_000);
    format!(
        "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z",
        at.year, at.month, at.day
    )
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn host(default_host: &str) -> Host {
        Host {
            id: crate::pipeline::ComponentId {
                kind: "health_check".to_owned(),
                name: String::new(),
            },
            default_host: default_host.to_owned(),
            sinks: Arc::default(),
            sources: Arc::default(),
            methods: Arc::default(),
            authenticators: Default::default(),
        }
    }

    async fn check(state: State, own: ResponseBody, status: u16, expected: &str) {
        let since = SystemTime::UNIX_EPOCH + Duration::from_millis(1_787_227_200_250);
        let reply = body(state, &own, since, Duration::from_secs(90));
        assert_eq!(reply.status(), status);
        let bytes = reply.into_body().collect().await.expect("a full body").to_bytes();
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
    }

    #[tokio::test]
    async fn answers_by_state() {
        let none = ResponseBody::default();
        check(
            State::Ready,
            none.clone(),
            200,
            r#"{"status":"Server available","upSince":"2026-08-20T12:00:00.250Z","uptime":"1m30s"}"#,
        )
        .await;
        check(
            State::Starting,
            none.clone(),
            503,
            r#"{"status":"Server not available: starting"}"#,
        )
        .await;
        check(
            State::Draining,
            none.clone(),
            503,
            r#"{"status":"Server not available: draining"}"#,
        )
        .await;
        check(State::Stuck, none, 503, r#"{"status":"Server not available: stuck"}"#).await;
        let own = ResponseBody {
            healthy: "fine".to_owned(),
            unhealthy: "bad".to_owned(),
        };
        check(State::Ready, own.clone(), 200, "fine").await;
        check(State::Draining, own, 503, "bad").await;
    }

    #[test]
    fn the_default_host_replaces_only_the_default() {
        let config = Config::default();
        assert_eq!(config.address(&host("localhost")), "localhost:13133");
        assert_eq!(config.address(&host("0.0.0.0")), "0.0.0.0:13133");
        assert_eq!(config.address(&host("::")), "[::]:13133");
        let written = Config {
            endpoint: Some("localhost:5".to_owned()),
            ..Config::default()
        };
        assert_eq!(written.address(&host("0.0.0.0")), "localhost:5");
    }

    #[test]
    fn refuses_what_is_no_address_and_no_path() {
        let config = Config {
            endpoint: Some("localhost".to_owned()),
            path: "health".to_owned(),
            ..Config::default()
        };
        let paths: Vec<String> = config.validate().into_iter().map(|fault| fault.path).collect();
        assert_eq!(paths, ["endpoint", "path"]);
    }

    #[test]
    fn writes_dates() {
        let check = |secs, expected: &str| {
            assert_eq!(rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(secs)), expected);
        };
        check(0, "1970-01-01T00:00:00.000Z");
        check(951_782_400, "2000-02-29T00:00:00.000Z");
        check(1_735_689_599, "2024-12-31T23:59:59.000Z");
    }

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let config = Config {
            endpoint: Some(taken.local_addr().expect("bound").to_string()),
            ..Config::default()
        };
        let address = config.endpoint.clone().expect("written");
        let error = config
            .build(&host("localhost"))
            .expect("built")
            .bind()
            .await
            .expect_err("taken");
        assert!(
            format!("{error:#}").starts_with(&format!("cannot listen on {address:?}: ")),
            "{error:#}"
        );
    }
}
