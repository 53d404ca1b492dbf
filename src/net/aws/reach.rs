//! How the sources of credentials are reached: files, STS over TLS, and the metadata services of instances and containers, which are
//! never asked through a proxy. Every request has an end in time, and no more of an answer is read than credentials take.

use std::{net::IpAddr, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Method, Request, Response};
use reqsign_core::{Context, Error, FileRead, HttpSend, Result};
use reqwest::Client;

use crate::net::tls::{ALPN_H2_HTTP1, ClientTls};

/// Longest request to STS.
const OUTSIDE: Duration = Duration::from_secs(10);

/// Longest request to a metadata service, which stands on the same machine or there is none.
const INSIDE: Duration = Duration::from_secs(2);

/// Most of an answer or a file that is read, in bytes.
const LIMIT: usize = 1 << 20;

/// Where an instance asks about itself.
const METADATA: &str = "http://169.254.169.254";

/// What may be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    /// The metadata service of an instance, for its role and its region.
    pub instance: bool,
    /// How often the metadata service is asked again that did not answer.
    pub instance_retries: u32,
    /// TLS to STS.
    pub tls: ClientTls,
}

impl Default for Reach {
    fn default() -> Reach {
        Reach {
            instance: true,
            instance_retries: 1,
            tls: ClientTls::default(),
        }
    }
}

/// Reads credential files and tokens.
#[derive(Debug)]
pub(super) struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> Result<Vec<u8>> {
        let fault = |what: String| Error::config_invalid(format!("cannot read {path}: {what}"));
        let content = tokio::fs::read(path).await.map_err(|e| fault(e.to_string()))?;
        if content.len() > LIMIT {
            return Err(fault("it is larger than 1 MiB".to_owned()));
        }
        Ok(content)
    }
}

/// Sends what the sources ask.
#[derive(Debug)]
pub(super) struct Network {
    inside: Client,
    outside: Client,
    retries: u32,
}

impl Network {
    pub(super) fn new(reach: &Reach) -> anyhow::Result<Network> {
        let client = || {
            Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
        };
        let tls = ClientTls {
            insecure: false,
            ..reach.tls.clone()
        };
        let tls = tls.client(ALPN_H2_HTTP1)?.context("TLS is off for STS")?;
        let secured = || client().tls_backend_preconfigured(tls.as_ref().clone());
        let build = |builder: reqwest::ClientBuilder| builder.build().context("cannot make an HTTP client");
        Ok(Network {
            inside: build(secured().timeout(INSIDE).no_proxy())?,
            outside: build(secured().timeout(OUTSIDE))?,
            retries: reach.instance_retries,
        })
    }

    async fn once(
        &self,
        client: &Client,
        request: &Request<Bytes>,
    ) -> std::result::Result<Response<Bytes>, reqwest::Error> {
        let sent = client
            .request(request.method().clone(), request.uri().to_string())
            .headers(request.headers().clone())
            .body(request.body().clone());
        let mut answer = sent.send().await?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            body.extend_from_slice(&chunk[..chunk.len().min(LIMIT - body.len())]);
        }
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        Ok(response)
    }
}

impl HttpSend for Network {
    async fn http_send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let is_inside = is_inside(request.uri().host().unwrap_or_default());
        let (client, retries) = if is_inside {
            (&self.inside, self.retries)
        } else {
            (&self.outside, 0)
        };
        let mut left = retries;
        loop {
            match self.once(client, &request).await {
                Ok(answer) => return Ok(answer),
                Err(_) if left > 0 => left -= 1,
                Err(e) => {
                    let host = request.uri().host().unwrap_or_default();
                    let port = request.uri().port_u16().map(|port| format!(":{port}"));
                    let what = format!("{host}{} does not answer", port.unwrap_or_default());
                    return Err(Error::unexpected(what).with_source(e.without_url()));
                }
            }
        }
    }
}

/// Whether the host stands on this machine or its link, where the metadata services are.
fn is_inside(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address {
        Ok(IpAddr::V4(v4)) => v4.is_link_local() || v4.is_loopback(),
        // Among them fd00:ec2::254 and fd00:ec2::23.
        Ok(IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unique_local(),
        Err(_) => host == "localhost",
    }
}

/// The region that an instance says it is in.
///
/// # Errors
/// There is no such service, or it says none.
pub(super) async fn instance_region(context: &Context) -> anyhow::Result<String> {
    if context
        .env_var(super::METADATA_DISABLED)
        .is_some_and(|off| off == "true")
    {
        anyhow::bail!("AWS_EC2_METADATA_DISABLED is set");
    }
    let base = context
        .env_var("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        .unwrap_or_else(|| METADATA.to_owned());
    let base = base.trim_end_matches('/');
    let token = Request::builder()
        .method(Method::PUT)
        .uri(format!("{base}/latest/api/token"))
        .header("x-aws-ec2-metadata-token-ttl-seconds", "60")
        .body(Bytes::new())?;
    let token = said(context.http_send_as_string(token).await?)?;
    let region = Request::builder()
        .uri(format!("{base}/latest/meta-data/placement/region"))
        .header("x-aws-ec2-metadata-token", token)
        .body(Bytes::new())?;
    let region = said(context.http_send_as_string(region).await?)?;
    let region = region.trim();
    super::is_region(region)
        .then(|| region.to_owned())
        .context("the metadata service names no region")
}

fn said(answer: Response<String>) -> anyhow::Result<String> {
    anyhow::ensure!(
        answer.status().is_success(),
        "the metadata service answered HTTP {}",
        answer.status()
    );
    Ok(answer.into_body())
}
