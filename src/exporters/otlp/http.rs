//! OTLP over HTTP: one POST a request, protobuf or JSON. Follows no redirects, retries nothing, and reads no more of an
//! answer than it needs. Refuses URLs that are none, and TLS settings that this transport cannot honor.

use std::{sync::Arc, time::Duration};

use ::http::{HeaderMap, HeaderValue, header};
use anyhow::anyhow;
use async_trait::async_trait;
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{
    Auth, Compression, CompressionParams, HeaderRules, Headers, Packer, answer::Partials, authorize, disbelieved,
    header_faults, header_map,
};
use crate::{
    exporters::http::{OTLP_EXAMPLE, PROXY_EXAMPLE, RETRYABLE, max_idle, refusal, tls_faults, url_fault},
    net::{
        grpc_client::USER_AGENT,
        http_client::{HttpClient, Options, parse_url},
        rope::Rope,
        tls::ClientTls,
    },
    otlp::{TraceBatch, json},
    pipeline::{
        AuthWanted, Authenticates, Authenticator, Build, Dial, ExportError, Exporter, Fault, Host, Outgoing,
        queue::Delivery,
    },
    values::{Endpoint, duration},
};

/// `otlp_http`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Base URL, to which `/v1/traces` is added. Required, or `traces_endpoint`.
    pub endpoint: Endpoint,
    /// Whole URL for traces, used as it is. None.
    pub traces_endpoint: Endpoint,
    /// Accepted, unused: this program carries traces only.
    pub metrics_endpoint: Endpoint,
    /// Accepted, unused: this program carries traces only.
    pub logs_endpoint: Endpoint,
    /// Accepted, unused: this program carries traces only.
    pub profiles_endpoint: Endpoint,
    /// proto or json. proto.
    pub encoding: Encoding,
    /// TLS for `https://`. The system's authorities.
    pub tls: ClientTls,
    /// Headers of every request; values are secret. None.
    pub headers: Headers,
    /// Compression: gzip, zstd, deflate, zlib, none. gzip.
    pub compression: Compression,
    /// Level of the compression.
    pub compression_params: CompressionParams,
    /// Proxy for every request, such as `http://proxy:3128`. `HTTPS_PROXY` and the like.
    pub proxy_url: Endpoint,
    /// Most connections that are kept idle in all: accepted, the bound is per host. 100.
    pub max_idle_conns: usize,
    /// Most connections to the server that are kept idle; 0 = `max_idle_conns`. 0.
    pub max_idle_conns_per_host: usize,
    /// Accepted: the queue's `num_consumers` is the bound. 0.
    pub max_conns_per_host: usize,
    /// Time after which an idle connection is closed; 0 = never. 90s.
    #[serde(with = "duration")]
    pub idle_conn_timeout: Duration,
    /// A connection for every request. false.
    pub disable_keep_alives: bool,
    /// Silence after which an HTTP/2 connection is pinged; 0 = never. 0s.
    #[serde(with = "duration")]
    pub http2_read_idle_timeout: Duration,
    /// Silence after a ping that means that the connection is dead; 0 = 15s. 0s.
    #[serde(with = "duration")]
    pub http2_ping_timeout: Duration,
    /// HTTP/2 where the server offers it in TLS. true.
    pub force_attempt_http2: bool,
    /// Accepted: buffers size themselves. 0.
    pub read_buffer_size: usize,
    /// Accepted: buffers size themselves. 524288.
    pub write_buffer_size: usize,
    /// Extension that puts credentials on requests: basicauth, bearertokenauth, sigv4auth. None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            endpoint: Endpoint::default(),
            traces_endpoint: Endpoint::default(),
            metrics_endpoint: Endpoint::default(),
            logs_endpoint: Endpoint::default(),
            profiles_endpoint: Endpoint::default(),
            encoding: Encoding::default(),
            tls: ClientTls::default(),
            headers: Headers::new(),
            compression: Compression::default(),
            compression_params: CompressionParams::default(),
            proxy_url: Endpoint::default(),
            max_idle_conns: 100,
            max_idle_conns_per_host: 0,
            max_conns_per_host: 0,
            idle_conn_timeout: Duration::from_secs(90),
            disable_keep_alives: false,
            http2_read_idle_timeout: Duration::ZERO,
            http2_ping_timeout: Duration::ZERO,
            force_attempt_http2: true,
            read_buffer_size: 0,
            write_buffer_size: 512 << 10,
            auth: None,
        }
    }
}

/// `encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Protobuf.
    #[default]
    Proto,
    /// OTLP/JSON.
    Json,
}

impl Encoding {
    fn content_type(self) -> &'static str {
        match self {
            Encoding::Proto => "application/x-protobuf",
            Encoding::Json => "application/json",
        }
    }
}

impl Config {
    /// Where traces go.
    fn url(&self) -> Result<Url, Fault> {
        match (self.traces_endpoint.reveal(), self.endpoint.reveal()) {
            ("", "") => Err(Fault::at("", "at least one endpoint must be specified")),
            ("", base) => {
                let mut url = parse_url(base, OTLP_EXAMPLE).map_err(|reason| Fault::at("endpoint", reason))?;
                let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
                url.set_path(&path);
                Ok(url)
            }
            (whole, _) => parse_url(whole, OTLP_EXAMPLE).map_err(|reason| Fault::at("traces_endpoint", reason)),
        }
    }

    fn client(&self, url: Url) -> anyhow::Result<HttpClient> {
        let http2_ping = (!self.http2_read_idle_timeout.is_zero()).then(|| {
            let timeout = match self.http2_ping_timeout {
                Duration::ZERO => Duration::from_secs(15),
                written => written,
            };
            (self.http2_read_idle_timeout, timeout)
        });
        let options = Options {
            tls: self.tls.clone(),
            proxy_url: self.proxy_url.reveal().to_owned(),
            idle_timeout: self.idle_conn_timeout,
            max_idle: match self.disable_keep_alives {
                true => 0,
                false => max_idle(self.max_idle_conns, self.max_idle_conns_per_host),
            },
            http2: self.force_attempt_http2,
            http2_ping,
        };
        HttpClient::new(url, &options)
    }
}

impl Build<dyn Exporter> for Config {
    const TYPE: &'static str = "otlp_http";
    const ALIASES: &'static [&'static str] = &["otlphttp"];

    fn validate(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = self.url().err().into_iter().collect();
        faults.extend(url_fault("proxy_url", &self.proxy_url, PROXY_EXAMPLE));
        faults.extend(tls_faults(&self.tls, "the endpoint's URL"));
        faults.extend(self.compression_params.faults(self.compression));
        let ours = [
            "content-type",
            "content-encoding",
            "content-length",
            "connection",
            "transfer-encoding",
        ];
        faults.extend(header_faults(&self.headers, &ours));
        faults
    }

    fn dials(&self) -> Vec<Dial> {
        let endpoint = self.url().map_or_else(|_| self.endpoint.clone(), Endpoint::new);
        vec![Dial {
            endpoint,
            protocol: "otlp/http",
        }]
    }

    fn auth(&self) -> Option<AuthWanted> {
        self.auth.as_ref().map(|auth| auth.wanted(Authenticates::Http))
    }

    fn delivery() -> Delivery {
        Delivery {
            timeout: Duration::from_secs(30),
            ..Delivery::default()
        }
    }

    fn build(self, host: &Host) -> anyhow::Result<Box<dyn Exporter>> {
        let url = self
            .url()
            .map_err(|fault| anyhow!("{}: {}", fault.path, fault.reason))?;
        let mut headers = header_map(&self.headers, HeaderRules::Http)?;
        headers
            .entry(header::USER_AGENT)
            .or_insert(HeaderValue::from_static(USER_AGENT));
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.encoding.content_type()),
        );
        let packer = Packer::new(self.compression, &self.compression_params);
        if let Some((_, name)) = packer.coding() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        if self.disable_keep_alives {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let authenticator = self
            .auth
            .as_ref()
            .map(|auth| host.authenticators.find(&auth.authenticator))
            .transpose()?;
        if let Some(authenticator) = &authenticator {
            authenticator.check(url.as_str())?;
        }
        Ok(Box::new(OtlpHttp {
            authenticator,
            client: self.client(url)?,
            headers,
            encoding: self.encoding,
            packer,
            partials: Partials::new(host.id.clone()),
        }))
    }
}

struct OtlpHttp {
    authenticator: Option<Arc<dyn Authenticator>>,
    client: HttpClient,
    headers: HeaderMap,
    encoding: Encoding,
    packer: Packer,
    partials: Partials,
}

#[async_trait]
impl Exporter for OtlpHttp {
    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        let chunks = match self.encoding {
            Encoding::Proto => batch.chunks().to_vec(),
            Encoding::Json => {
                let mut text = Vec::with_capacity(batch.byte_len() * 2);
                json::write(batch, &mut text);
                vec![text.into()]
            }
        };
        let body = self
            .packer
            .pack(chunks)
            .await
            .map_err(|source| ExportError::Refused { source })?;
        let mut headers = self.headers.clone();
        let mut authorized = None;
        if let Some(authenticator) = self.authenticator.as_deref() {
            let request = Outgoing {
                url: self.client.url().as_str(),
                headers: &mut headers,
                body: &body,
            };
            authorized = Some((authenticator, authorize(authenticator, request).await?));
        }
        let body = reqwest::Body::wrap(Rope::new(body));
        let answer = self.client.post(headers, body).await?;
        if !answer.status.is_success() {
            let error = refusal(&answer, RETRYABLE);
            return Err(match (authorized, answer.status.as_u16()) {
                (Some((authenticator, looked_up)), 401 | 403) => disbelieved(authenticator, looked_up, error),
                _ => error,
            });
        }
        self.partials.note_http(answer.content_type(), &answer.body);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
