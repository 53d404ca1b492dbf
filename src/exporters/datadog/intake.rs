//! One of Datadog's addresses: what is sent there, and what its answers mean, in words that name the key or the site that is to be corrected.
//! A page of a proxy is no success, whatever its status.

use anyhow::{Context, anyhow};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::Url;

use super::Config;
use crate::{
    exporters::http::{max_idle, refusal_of_api},
    net::{
        compression::{Compressor, Encoding},
        grpc_client::USER_AGENT,
        http_client::{Answer, HttpClient, Options, Unsent, shown},
        rope::Rope,
    },
    pipeline::ExportError,
};

/// An address with what every request to it carries.
pub(super) struct Intake {
    client: HttpClient,
    headers: HeaderMap,
    /// What to look at where the address cannot be reached.
    advice: String,
    /// What to look at where the key is refused.
    account: String,
}

impl Intake {
    /// For bodies of that type. Opens nothing yet.
    pub(super) fn new(config: &Config, url: Url, content_type: &'static str) -> anyhow::Result<Intake> {
        let advice = match config.traces.endpoint.is_empty() {
            true => format!("check api::site ({}) and the network", config.api.site),
            false => "check traces::endpoint and the network".to_owned(),
        };
        let mut headers = HeaderMap::new();
        headers.insert(
            HeaderName::from_static("dd-api-key"),
            config.api.header().context("api::key cannot be a header")?,
        );
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        if config.disable_keep_alives {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(Intake {
            client: HttpClient::new(url, &options(config))?,
            headers,
            advice,
            account: match config.traces.endpoint.is_empty() {
                true => format!(
                    "check api::key, and that api::site ({}) is the site of its account",
                    config.api.site
                ),
                false => "check api::key, and that traces::endpoint is an address of its account's site".to_owned(),
            },
        })
    }

    /// Adds a header to every request.
    pub(super) fn with_header(mut self, name: &'static str, value: HeaderValue) -> Intake {
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// Sends a body, compressed. `more` are headers of this request alone. What comes back is a success.
    pub(super) async fn post(&self, body: Vec<Bytes>, more: HeaderMap) -> Result<Answer, ExportError> {
        let packed = Compressor::new(Encoding::Gzip).compress_aside(body).await;
        let body = packed.map_err(|source| ExportError::Refused { source })?;
        let mut headers = self.headers.clone();
        headers.extend(more);
        let sent = self.client.post(headers, reqwest::Body::wrap(Rope::new([body]))).await;
        let answer = sent.map_err(|unsent| {
            let source = unsent.source.context(self.advice.clone());
            ExportError::from(Unsent { source, ..unsent })
        })?;
        self.judge(&answer)?;
        Ok(answer)
    }

    fn judge(&self, answer: &Answer) -> Result<(), ExportError> {
        let status = answer.status;
        if status.is_success() {
            return match is_page(answer) {
                // Nobody but a proxy answers so: the spans are not there.
                true => Err(ExportError::Retry {
                    after: answer.retry_after(),
                    source: anyhow!(
                        "the answer is a web page or a text (HTTP {status}), so it is not Datadog's; {}: {}",
                        self.advice,
                        answer.message()
                    ),
                }),
                false => Ok(()),
            };
        }
        let advice = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Some(self.account.clone()),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                Some(format!("nothing is at {}; {}", shown(self.client.url()), self.advice))
            }
            _ => None,
        };
        Err(refusal_of_api(answer, advice))
    }
}

/// How the client connects.
pub(super) fn options(config: &Config) -> Options {
    Options {
        tls: config.tls.clone(),
        proxy_url: config.proxy_url.reveal().to_owned(),
        idle_timeout: config.idle_conn_timeout,
        max_idle: match config.disable_keep_alives {
            true => 0,
            false => max_idle(config.max_idle_conns, config.max_idle_conns_per_host),
        },
        http2: config.force_attempt_http2,
        http2_ping: None,
    }
}

/// Whether a success is not Datadog's, which answers with JSON, protobuf or nothing. (Its test agent and its agent say OK.)
fn is_page(answer: &Answer) -> bool {
    let mime = answer.content_type().split(';').next().unwrap_or_default();
    let mime = mime.trim().to_ascii_lowercase();
    if matches!(mime.as_str(), "text/html" | "application/xhtml+xml") {
        return true;
    }
    // Its bytes may be anything.
    if mime == "application/x-protobuf" || mime == "application/protobuf" {
        return false;
    }
    let body = answer.body.as_slice();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    if body.is_empty() || mime == "application/json" {
        return body.starts_with(b"<");
    }
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    !is_json && !says_ok(body)
}

/// Such as `OK` and `202: Accepted`.
fn says_ok(body: &[u8]) -> bool {
    let words = body.split(|byte| !byte.is_ascii_alphabetic());
    let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
    let is_good = |word: &[u8]| word.eq_ignore_ascii_case(b"ok") || word.eq_ignore_ascii_case(b"accepted");
    body.len() <= 32 && body.is_ascii() && matches!(words[..], [word] if is_good(word))
}
