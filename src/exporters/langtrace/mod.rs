//! Langtrace's own intake: `POST /api/trace`, OTLP/JSON in the form that its server reads. One resource a request, since the server
//! reads only the first; no compression, since it inflates nothing. Refuses a config without a key, and takes nothing for a success that
//! is not the server's own answer.

mod around;
mod content;
mod fit;
mod profile;
#[cfg(test)]
mod tests;
mod wire;

use anyhow::{Context as _, anyhow};
use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use metrics::Counter;
use serde::{Deserialize, Serialize};
use tracing::warn;

use self::{
    fit::{MAX_BODY, fit},
    profile::{Profile, TooLong, Written},
};
use crate::{
    exporters::http::{PROXY_EXAMPLE, refusal_of_api, tls_faults, url_fault},
    net::{
        http_client::{Answer, HttpClient, Options, Unsent, parse_url, shown},
        tls::ClientTls,
    },
    otlp::TraceBatch,
    pipeline::{Build, ComponentId, Dial, ExportError, Exporter, Fault, Host, Rarely, queue::Delivery},
    values::{Endpoint, Secret, foreign::harmless},
};

/// Where the hosted Langtrace is.
const HOSTED: &str = "https://app.langtrace.ai";

/// Path of the intake.
const PATH: &str = "/api/trace";

/// The server reads a body as OTLP only where this header names an exporter of OpenTelemetry.
const USER_AGENT: &str = concat!("OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"), " (planoai)");

/// Bytes of spans from which a request is written on a thread that may block: others are served meanwhile.
const WRITE_ASIDE: usize = 256 << 10;

/// `langtrace`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Key of the project, sent as `x-api-key`. Required.
    pub api_key: Secret,
    /// Where Langtrace is, such as `http://localhost:3000`; `/api/trace` is added; empty = the default. `https://app.langtrace.ai`.
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
        // Empty is what `${env:LANGTRACE_HOST}` leaves of a variable that is set to nothing.
        let host = match self.host.reveal().trim() {
            "" => HOSTED,
            host => host,
        };
        let mut url = parse_url(host, "http://localhost:3000").map_err(|reason| Fault::at("host", reason))?;
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
        faults.extend(url_fault("proxy_url", &self.proxy_url, PROXY_EXAMPLE));
        faults.extend(tls_faults(&self.tls, "the host's URL"));
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
            // `requests` cuts by what comes of a batch, and shortens large resources before: the engine would copy them into each piece.
            max_request_bytes: 0,
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
        let at = shown(&url);
        Ok(Box::new(Langtrace {
            account: format!("check api_key: is it the key of a project of the Langtrace at {at}?"),
            advice: format!("check host (requests go to {at}) and the network"),
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
    /// What to look at where the key is refused.
    account: String,
    /// What to look at where no Langtrace answers.
    advice: String,
}

#[async_trait]
impl Exporter for Langtrace {
    fn requests(&self, batch: TraceBatch) -> Vec<TraceBatch> {
        let parts = batch.by_resource().into_iter().map(fit);
        let mut requests = Vec::new();
        for (fitting, cut_spans) in parts {
            self.mended.note_cut(cut_spans);
            requests.extend(fitting);
        }
        requests
    }

    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        let written = self.write(batch).await?;
        self.mended.note(written.mended);
        let sent = self.client.post(self.headers.clone(), written.body).await;
        let answer = sent.map_err(|unsent| {
            let source = unsent.source.context(self.advice.clone());
            ExportError::from(Unsent { source, ..unsent })
        })?;
        self.judge(&answer)
    }
}

impl Langtrace {
    /// The body. A single span is sent whatever its size, since nothing can make it smaller; several may be sent in parts.
    async fn write(&self, batch: &TraceBatch) -> Result<Written, ExportError> {
        let limit = match batch.span_count() {
            0 | 1 => usize::MAX,
            _ => MAX_BODY,
        };
        let profile = self.profile;
        let written = if batch.byte_len() < WRITE_ASIDE {
            profile.write(batch, limit)
        } else {
            let batch = batch.clone();
            tokio::task::spawn_blocking(move || profile.write(&batch, limit))
                .await
                .context("the writing of a request panicked")
                .map_err(|source| ExportError::Refused { source })?
        };
        written.map_err(|TooLong| ExportError::TooLarge {
            source: anyhow!("the request would be more than {MAX_BODY} bytes of JSON, which Langtrace does not take"),
        })
    }

    /// What an answer means: only the server's own yes is one.
    fn judge(&self, answer: &Answer) -> Result<(), ExportError> {
        let status = answer.status;
        if status.is_success() {
            return self.judge_success(answer);
        }
        let advice = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(self.account.clone()),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Some(self.advice.clone()),
            _ => None,
        };
        Err(refusal_of_api(answer, advice))
    }

    fn judge_success(&self, answer: &Answer) -> Result<(), ExportError> {
        let status = answer.status;
        match serde_json::from_slice::<serde_json::Value>(&answer.body) {
            Ok(said) if said.get("message").is_some() => return Ok(()),
            Ok(said) if said.get("error").is_some() => {
                return Err(ExportError::Refused {
                    source: anyhow!("the server answered HTTP {status} with an error: {}", answer.message()),
                });
            }
            // Its answer broke off; the status said that the spans are there, and a second time they would show twice.
            Err(broken) if broken.is_eof() && is_json(answer) && answer.body.trim_ascii_start().starts_with(b"{") => {
                return Ok(());
            }
            _ => {}
        }
        // It may be a proxy's page; whoever answered so has stored nothing.
        Err(ExportError::Retry {
            after: answer.retry_after(),
            source: anyhow!(
                "HTTP {status} came with {:?} instead of Langtrace's JSON; a proxy, or not the right host; {}: {:?}",
                harmless(answer.content_type(), 100),
                self.advice,
                answer.message()
            ),
        })
    }
}

fn is_json(answer: &Answer) -> bool {
    let mime = answer.content_type().split(';').next().unwrap_or_default();
    mime.trim().eq_ignore_ascii_case("application/json")
}

/// Counts and logs the spans that had to be changed to be of use: `plano_exporter_mended_spans_total`.
struct Mended {
    id: ComponentId,
    negative: (Counter, Rarely),
    cut: (Counter, Rarely),
}

impl Mended {
    /// The counters are made under the metrics recorder that is current now.
    fn new(id: ComponentId) -> Mended {
        let name = "plano_exporter_mended_spans_total";
        let counter = |reason: &'static str| metrics::counter!(name, "exporter" => id.to_string(), "reason" => reason);
        Mended {
            negative: (counter("negative_duration"), Rarely::default()),
            cut: (counter("large_resource"), Rarely::default()),
            id,
        }
    }

    /// Spans that end before they start.
    fn note(&self, spans: u64) {
        let what = "spans end before they start (a wrong clock?); sending them with no duration";
        self.tell(&self.negative, spans, what);
    }

    /// Spans whose resource or scope is too large to be carried by each.
    fn note_cut(&self, spans: u64) {
        let what = "spans have a resource or a scope that is too large to be on each of them; sending a part of it";
        self.tell(&self.cut, spans, what);
    }

    fn tell(&self, (count, rarely): &(Counter, Rarely), spans: u64, what: &'static str) {
        if spans == 0 {
            return;
        }
        count.increment(spans);
        if let Some(unlogged) = rarely.may_log(std::time::Instant::now()) {
            warn!(exporter = %self.id, spans, unlogged_before = unlogged, "{what}");
        }
    }
}
