//! `planoai collector health`: asks a running collector how it is, for a container without a shell: its health check, or where
//! its config has none, whether a receiver takes connections. Exit code 0 where data moves, 1 otherwise.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::collector::print;
use crate::config::Probe;

/// Where a health check is whose config says nothing else.
pub(super) const USUAL: &str = "http://127.0.0.1:13133/";

/// Most of an answer that is read, in bytes.
const MAX_BODY: usize = 64 << 10;

/// Longest wait for the answer to an answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Asks whom a config names.
pub(super) fn probe(whom: Option<Probe>) -> anyhow::Result<ExitCode> {
    match whom {
        Some(Probe::Health(url)) => ask(&url),
        Some(Probe::Receiver { id, address }) => {
            within(async { Ok(TcpStream::connect(&address).await?) }).with_context(|| {
                format!("the receiver {id} at {address} takes no connections (the config has no health_check to ask)")
            })?;
            print(&format!(
                "the receiver {id} at {address} takes connections (the config has no health_check to ask)\n"
            ))
        }
        None => bail!("the config has no health_check to ask, and no receiver on a port that it names"),
    }
}

fn within<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::time::timeout(TIMEOUT, work).await? })
}

/// Asks the health check and prints the answer.
pub(super) fn ask(url: &str) -> anyhow::Result<ExitCode> {
    let (status, body) = within(get(url)).with_context(|| format!("the health check at {url} does not answer"))?;
    if !status.is_success() {
        bail!("the health check at {url} says {status}: {}", body.trim());
    }
    print(&format!("{}\n", body.trim()))
}

/// One plain GET: an image without certificates must be able to ask its own health check.
async fn get(url: &str) -> anyhow::Result<(StatusCode, String)> {
    let uri: Uri = url.parse()?;
    if uri.scheme_str() != Some("http") {
        bail!("expected a URL like http://127.0.0.1:13133/");
    }
    let host = uri
        .host()
        .context("the URL names no host")?
        .trim_matches(['[', ']'])
        .to_owned();
    let stream = TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let authority = uri.authority().map_or(host.as_str(), |authority| authority.as_str());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(header::HOST, authority)
        .body(Empty::<Bytes>::new())?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
        let body = body.map_err(anyhow::Error::from_boxed)?.to_bytes();
        anyhow::Ok((status, String::from_utf8_lossy(&body).into_owned()))
    };
    tokio::select! {
        answer = answer => answer,
        Err(error) = connection => Err(error.into()),
    }
}
