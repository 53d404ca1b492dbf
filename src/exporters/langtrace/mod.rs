//! Langtrace's own intake: `POST /api/trace`, OTLP/JSON in the form that its server reads. One resource a request, since the server
//! reads only the first; no compression, since it inflates nothing. Refuses a config without a key, and takes nothing for a success that
//! is not the server's own answer.

mod content;
mod profile;
#[cfg(test)]
mod tests;
mod wire;

use anyhow::anyhow;
use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use metrics::Counter;
use serde::{Deserialize, Serialize};
use tracing::warn;

use self::profile::Profile;
use crate::{
    exporters::http::{Rarely, refusal},
    net::{
        http_client::{Answer, HttpClient, Options, parse_url},
        tls::ClientTls,
    },
    otlp::TraceBatch,
    pipeline::{Build, ComponentId, Dial, ExportError, Exporter, Fault, Host, queue::Delivery},
    values::{Endpoint, Secret},
};

/// Where the hosted Langtrace is.
const HOSTED: &str = "https://app.langtrace.ai";

/// Path of the intake.
const PATH: &str = "/api/trace";

/// The server reads a body as OTLP only where this header names an exporter of OpenTelemetry.
const USER_AGENT: &str = concat!("OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"), " (planoai)");

/// `langtrace`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Key of the project, sent as `x-api-key`. Required.
    pub api_key: Secret,
    /// Where Langtrace is, such as `http://localhost:3000`; `/api/trace` is added. `https://app.langtrace.ai`.
    pub host: Endpoint,
    /// Message content on the way to Langtrace: keep what is on the spans, or drop. keep.
    pub content: Content,
    /// TLS for `https://`. The system's authorities.
    pub tls: ClientTls,
    /// Proxy for every request, such as `http://proxy:3128`. `HTTPS_PROXY` and the like.
    pub proxy_url: Endpoint,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            api_key: Secret::default(),
            host: Endpoint::new(HOSTED),
            content: Content::default(),
            tls: ClientTls::default(),
            proxy_url: Endpoint::default(),
        }
    }
}

/// `content`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// What is on a span goes on; where Langtrace shows it.
    #[default]
    Keep,
    /// It does not leave.
    Drop,
}

impl Config {
    /// Where requests go.
    fn url(&self) -> Result<reqwest::Url, Fault> {
        let mut url = parse_url(self.host.reveal()).map_err(|reason| Fault::at("host", reason))?;
        let base = url.path().trim_end_matches('/');
        let base = base.strip_suffix(PATH).unwrap_or(base);
        let path = format!("{base}{PATH}");
        url.set_path(&path);
        Ok(url)
    }

    fn headers(&self) -> anyhow::Result<HeaderMap> {
        let mut key = HeaderValue::from_str(self.api_key.reveal().trim())
            .map_err(|_| anyhow!("api_key: holds a character that no header can carry"))?;
        key.set_sensitive(true);
        Ok(HeaderMap::from_iter([
            (HeaderName::from_static("x-api-key"), key),
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
        ]))
    }
}

impl Build<dyn Exporter> for Config {
    const TYPE: &'static str = "langtrace";

    fn validate(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.api_key.reveal().trim().is_empty() {
            let reason = "must be non-empty; write it like ${env:LANGTRACE_API_KEY} or ${file:/run/secrets/langtrace}";
            faults.push(Fault::at("api_key", reason));
        } else if self.headers().is_err() {
            faults.push(Fault::at("api_key", "holds a character that no header can carry"));
        }
        faults.extend(self.url().err());
        if !self.proxy_url.is_empty()
            && let Err(reason) = parse_url(self.proxy_url.reveal())
        {
            faults.push(Fault::at("proxy_url", reason));
        }
        if self
            .tls
            .server_name_override
            .as_deref()
            .is_some_and(|name| !name.is_empty())
        {
            let reason = "works with otlp_grpc only; name the server in the host's URL";
            faults.push(Fault::at("tls::server_name_override", reason));
        }
        let tls = self.tls.faults().into_iter();
        faults.extend(tls.map(|(key, reason)| Fault::at(format!("tls::{key}"), reason)));
        faults
    }

    fn dials(&self) -> Vec<Dial> {
        vec![Dial {
            endpoint: self.url().map_or_else(|_| self.host.clone(), Endpoint::new),
            protocol: "langtrace",
        }]
    }

    fn delivery() -> Delivery {
        Delivery {
            timeout: std::time::Duration::from_secs(30),
            // As JSON it is two to three times as much, and the hosted Langtrace refuses more than 4.5 MB.
            max_request_bytes: 1 << 20,
            ..Delivery::default()
        }
    }

    fn build(self, host: &Host) -> anyhow::Result<Box<dyn Exporter>> {
        let url = self
            .url()
            .map_err(|fault| anyhow!("{}: {}", fault.path, fault.reason))?;
        let options = Options {
            tls: self.tls.clone(),
            proxy_url: self.proxy_url.reveal().to_owned(),
            ..Options::default()
        };
        Ok(Box::new(Langtrace {
            client: HttpClient::new(url, &options)?,
            headers: self.headers()?,
            profile: Profile::new(self.content),
            mended: Mended::new(host.id.clone()),
        }))
    }
}

struct Langtrace {
    client: HttpClient,
    headers: HeaderMap,
    profile: Profile,
    mended: Mended,
}

#[async_trait]
impl Exporter for Langtrace {
    fn requests(&self, batch: TraceBatch) -> Vec<TraceBatch> {
        batch.by_resource()
    }

    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        let mut body = Vec::with_capacity(batch.byte_len() * 2);
        let mended = self.profile.write(batch, &mut body);
        self.mended.note(mended);
        let answer = self.client.post(self.headers.clone(), body).await?;
        judge(&answer)
    }
}

/// What an answer means: only the server's own yes is one.
fn judge(answer: &Answer) -> Result<(), ExportError> {
    let status = answer.status;
    if status.is_success() {
        let is_json = serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok_and(|body| body.is_object());
        if is_json || answer.body.is_empty() {
            return Ok(());
        }
        // It may be a proxy's page; whoever answered so has stored nothing.
        return Err(ExportError::Retry {
            after: answer.retry_after(),
            source: anyhow!(
                "HTTP {status} came with {:?} instead of Langtrace's JSON; a proxy, or not the right host: {}",
                crate::values::foreign::harmless(answer.content_type(), 100),
                answer.message()
            ),
        });
    }
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(refusal(answer, &[status.as_u16()])),
        _ if status.is_server_error() => Err(refusal(answer, &[status.as_u16()])),
        _ => Err(refusal(answer, &[])),
    }
}

/// Counts and logs the spans that had to be changed to be of use: `plano_exporter_mended_spans_total`.
struct Mended {
    id: ComponentId,
    count: Counter,
    rarely: Rarely,
}

impl Mended {
    /// The counter is made under the metrics recorder that is current now.
    fn new(id: ComponentId) -> Mended {
        let reason = "negative_duration";
        let name = "plano_exporter_mended_spans_total";
        Mended {
            count: metrics::counter!(name, "exporter" => id.to_string(), "reason" => reason),
            id,
            rarely: Rarely::default(),
        }
    }

    fn note(&self, spans: u64) {
        if spans == 0 {
            return;
        }
        self.count.increment(spans);
        if let Some(unlogged) = self.rarely.may_log(std::time::Instant::now()) {
            warn!(
                exporter = %self.id,
                spans,
                unlogged_before = unlogged,
                "spans end before they start (a wrong clock?); sending them with no duration"
            );
        }
    }
}
