//! Asks providers: one pooled HTTP client over TCP or TLS, with time-outs that fire. Follows no redirect and takes no proxy from
//! the environment; where a request goes is the config's to say.

use std::{error::Error, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use crate::net::tls::ClientTls;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// An idle connection is kept that long.
const IDLE: Duration = Duration::from_secs(90);

/// Why a provider gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// No connection came about.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke before the answer's head was there.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// What came is no answer over HTTP.
    #[error("what came is no HTTP: {0}")]
    NotHttp(String),
}

/// The client; cheap to clone.
#[derive(Clone)]
pub(super) struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Upstream {
    /// A client that trusts the system's certificates.
    ///
    /// # Errors
    /// Where those cannot be read.
    pub(super) fn new() -> anyhow::Result<Upstream> {
        let tls = ClientTls::default()
            .client(&[])
            .context("reading the system's certificates")?
            .context("TLS is on by default")?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(std::sync::Arc::unwrap_or_clone(tls))
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .build(connector);
        Ok(Upstream { client })
    }

    /// Sends a request and waits for the head of the answer, no longer than the time-out.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn ask(
        &self,
        request: Request<Full<Bytes>>,
        timeout: Duration,
    ) -> Result<Response<Incoming>, Failure> {
        match tokio::time::timeout(timeout, self.client.request(request)).await {
            Err(_) => Err(Failure::Timeout),
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                let text = causes(&error);
                Err(if error.is_connect() {
                    Failure::Connect(text)
                } else if is_no_http(&error) {
                    Failure::NotHttp(text)
                } else {
                    Failure::Broken(text)
                })
            }
        }
    }
}

/// Whether the other side spoke something else, or a head beyond all bounds.
fn is_no_http(error: &(dyn Error + 'static)) -> bool {
    let mut errors = std::iter::successors(Some(error), |&error| error.source());
    errors.any(|error| error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse))
}

/// An error with what it came from; the outer ones alone say little.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
