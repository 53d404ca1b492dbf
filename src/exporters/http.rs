//! What the exporters over HTTP share: the faults of their URLs and TLS, which failures may be tried again, and the counter and the log
//! of spans that a backend took in part or not at all. No component itself; the network is in `net::http_client`.

use std::time::Instant;

use anyhow::anyhow;
use http::StatusCode;
use metrics::Counter;
use tracing::warn;

use crate::{
    net::{
        http_client::{Answer, Unsent, parse_url},
        tls::ClientTls,
    },
    pipeline::{ComponentId, ExportError, Fault, Rarely},
    values::Endpoint,
};

/// Statuses after which OTLP allows the same request again.
pub(crate) const RETRYABLE: &[u16] = &[429, 502, 503, 504];

/// What a URL of OTLP over HTTP looks like.
pub(crate) const OTLP_EXAMPLE: &str = "http://localhost:4318";

/// What a URL of a proxy looks like.
pub(crate) const PROXY_EXAMPLE: &str = "http://proxy:3128";

/// What is wrong with the URL under that key; an empty one is left to the default.
pub(crate) fn url_fault(key: &str, url: &Endpoint, example: &str) -> Option<Fault> {
    if url.is_empty() {
        return None;
    }
    let reason = parse_url(url.reveal(), example).err()?;
    Some(Fault::at(key, reason))
}

/// What is wrong with the section `tls` of an exporter whose server is named in the URL under `endpoint`.
pub(crate) fn tls_faults(tls: &ClientTls, endpoint: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    if tls.server_name_override.as_deref().is_some_and(|name| !name.is_empty()) {
        let reason = format!("works with otlp_grpc only; name the server in {endpoint}");
        faults.push(Fault::at("tls::server_name_override", reason));
    }
    let own = tls.faults().into_iter();
    faults.extend(own.map(|(key, reason)| Fault::at(format!("tls::{key}"), reason)));
    faults
}

impl From<Unsent> for ExportError {
    fn from(unsent: Unsent) -> ExportError {
        match unsent {
            Unsent { is_final: true, source } => ExportError::Refused { source },
            Unsent { source, .. } => ExportError::Retry { after: None, source },
        }
    }
}

/// The engine's view of an answer that is no success: `retryable` lists the statuses that may pass. After a 413 smaller requests may.
pub(crate) fn refusal(answer: &Answer, retryable: &[u16]) -> ExportError {
    let status = answer.status;
    let source = match answer.message().as_str() {
        "" => anyhow!("the server answered HTTP {status}"),
        text => anyhow!("the server answered HTTP {status}: {text}"),
    };
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        ExportError::TooLarge { source }
    } else if retryable.contains(&status.as_u16()) {
        ExportError::Retry {
            after: answer.retry_after(),
            source,
        }
    } else {
        ExportError::Refused { source }
    }
}

/// The [`refusal`] of a backend's own API: 408, 429 and 5xx may pass. What is refused for good says first what to look at.
pub(crate) fn refusal_of_api(answer: &Answer, advice: Option<String>) -> ExportError {
    let status = answer.status;
    let may_pass =
        status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    let retryable: &[u16] = if may_pass { &[status.as_u16()] } else { &[] };
    match (refusal(answer, retryable), advice) {
        (ExportError::Refused { source }, Some(advice)) => ExportError::Refused {
            source: source.context(advice),
        },
        (error, _) => error,
    }
}

/// Idle connections to keep to the one server of an exporter: the bound per host, else the one in all; 0 = none is set.
pub(crate) fn max_idle(in_all: usize, per_host: usize) -> usize {
    let bound = |set: usize| (set > 0).then_some(set);
    bound(per_host).or(bound(in_all)).unwrap_or(usize::MAX)
}

/// Counts and logs the spans that a backend did not take although the request as a whole went well:
/// `plano_exporter_rejected_spans_total`.
pub(crate) struct Rejections {
    id: ComponentId,
    rejected: Counter,
    rarely: Rarely,
}

impl Rejections {
    /// The counter is made under the metrics recorder that is current now.
    pub(crate) fn new(id: ComponentId) -> Rejections {
        let rejected = metrics::counter!("plano_exporter_rejected_spans_total", "exporter" => id.to_string());
        Rejections {
            id,
            rejected,
            rarely: Rarely::default(),
        }
    }

    /// Takes note of that many spans. `reason` is harmless text; `what` is the log line.
    pub(crate) fn note(&self, spans: u64, reason: &str, what: &'static str) {
        self.rejected.increment(spans);
        let Some(unlogged) = self.rarely.may_log(Instant::now()) else {
            return;
        };
        // `reason`, not `message`: that is the name of the line itself.
        warn!(exporter = %self.id, rejected_spans = spans, reason, unlogged_before = unlogged, "{what}");
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;

    use super::*;

    #[test]
    fn every_http_status_has_its_class() {
        for status in (300..600).filter_map(|status| StatusCode::from_u16(status).ok()) {
            let answer = Answer {
                status,
                headers: HeaderMap::from_iter([(http::header::RETRY_AFTER, http::HeaderValue::from_static("1"))]),
                body: b"why".to_vec(),
            };
            let error = refusal(&answer, RETRYABLE);
            let text = error.to_string();
            assert_eq!(matches!(error, ExportError::TooLarge { .. }), status.as_u16() == 413);
            let after = match error {
                ExportError::Retry { after, .. } => Some(after),
                ExportError::TooLarge { .. } | ExportError::Refused { .. } => None,
            };
            let expected = [429, 502, 503, 504].contains(&status.as_u16());
            assert_eq!(after, expected.then_some(Some(Duration::from_secs(1))), "{status}");
            let is_redirect = status.is_redirection() && status != StatusCode::NOT_MODIFIED;
            let told = if is_redirect { "not followed" } else { "why" };
            assert!(text.contains(status.as_str()) && text.contains(told), "{text}");
        }
    }
}
