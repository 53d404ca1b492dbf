//! `plano(handoff)`: one attempt at one upstream. Its id is the parent that the upstream sees.

use http::Uri;

use super::draft::{Draft, Kind};
use super::{Common, ErrorType, Failure, Place, url};
use crate::otlp::keys;

/// What is known of an attempt at its end.
#[derive(Debug, Clone, Copy)]
pub struct Handoff<'a> {
    /// Method.
    pub method: &'a str,
    /// Where it went; shown without secrets.
    pub url: &'a Uri,
    /// Status of the upstream's answer; none where there was none.
    pub status: Option<u16>,
    /// Bytes of the request's body.
    pub request_size: Option<u64>,
    /// Bytes of the answer's body, as far as they came.
    pub response_size: Option<u64>,
    /// When the answer's headers were there, nanoseconds since the Unix epoch.
    pub headers_unix_nano: Option<u64>,
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// What the attempt before this one failed with.
    pub retry_reason: Option<ErrorType>,
    /// Why it failed.
    pub failure: Option<Failure<'a>>,
}

impl Handoff<'_> {
    pub(super) fn draft(&self, common: &Common, place: Place) -> Draft {
        let path = self.url.path();
        let name = format!("{} {}{path}", self.method, url::host_and_port(self.url));
        let whole = url::without_secrets(self.url);
        let scheme = self.url.scheme_str().unwrap_or_default();
        let server = self.url.authority().map(|authority| url::server(authority, scheme));
        let status = self.status.map(i64::from);
        let resent = self.attempt.saturating_sub(1);
        Draft::new(common, place, Kind::Client, &name)
            .text(keys::UPSTREAM_URL, whole.as_str())
            .text(keys::SERVER_ADDRESS, server.map(|(address, _)| address))
            .int(keys::SERVER_PORT, server.and_then(|(_, port)| port))
            .text(keys::HTTP_METHOD, self.method)
            .int(keys::HTTP_STATUS_CODE, status)
            .size(keys::REQUEST_SIZE, self.request_size)
            .size(keys::RESPONSE_SIZE, self.response_size)
            .int(
                keys::UPSTREAM_RESPONSE_MS,
                self.headers_unix_nano.map(|at| place.millis_to(at)),
            )
            .int(keys::UPSTREAM_DURATION_MS, place.millis_to(place.end_unix_nano))
            .int(keys::ATTEMPT, i64::from(self.attempt))
            .text(keys::RETRY_REASON, self.retry_reason.map(ErrorType::as_str))
            .text(keys::HTTP_REQUEST_METHOD, self.method)
            .int(keys::HTTP_RESPONSE_STATUS_CODE, status)
            .text(keys::URL_FULL, whole.as_str())
            .text(keys::URL_PATH, path)
            .text(keys::URL_SCHEME, scheme)
            .size(keys::HTTP_REQUEST_BODY_SIZE, self.request_size)
            .size(keys::HTTP_RESPONSE_BODY_SIZE, self.response_size)
            .int(
                keys::HTTP_REQUEST_RESEND_COUNT,
                (resent > 0).then_some(i64::from(resent)),
            )
            .failure(self.failure)
    }
}
