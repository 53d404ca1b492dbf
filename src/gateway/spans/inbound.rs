//! `plano(inbound)`: a client's request from its first byte to the last byte of the answer. Headers by allow-list only.

use std::net::SocketAddr;

use http::HeaderMap;
use http::uri::Authority;

use super::draft::{Draft, Kind};
use super::{Common, Failure, Place, is_forbidden_header, url};
use crate::otlp::keys;

/// What the check of the body said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Validation {
    /// It can be answered.
    Ok,
    /// It is no JSON.
    InvalidJson,
    /// It names no model.
    MissingModel,
    /// It is above the limit.
    TooLarge,
}

impl Validation {
    /// The value of `validation.result`.
    pub fn as_str(self) -> &'static str {
        match self {
            Validation::Ok => "ok",
            Validation::InvalidJson => "invalid_json",
            Validation::MissingModel => "missing_model",
            Validation::TooLarge => "too_large",
        }
    }
}

/// What became of the client's key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Auth {
    /// The listener demands none.
    #[default]
    None,
    /// It is one of the listener's.
    Ok,
    /// It is missing or wrong.
    Refused,
}

impl Auth {
    /// The value of `auth.result`.
    pub fn as_str(self) -> &'static str {
        match self {
            Auth::None => "none",
            Auth::Ok => "ok",
            Auth::Refused => "refused",
        }
    }
}

/// What is known of a client's request at its end.
#[derive(Debug, Clone, Copy)]
pub struct Inbound<'a> {
    /// Method.
    pub method: &'a str,
    /// Path, without the query.
    pub path: &'a str,
    /// Query, without `?`; its values do not get on the span.
    pub query: Option<&'a str>,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Version of HTTP: `1.1`, `2`.
    pub http_version: &'a str,
    /// Whom the client means to talk to: `Host` or `:authority`.
    pub authority: Option<&'a Authority>,
    /// The other end of the connection.
    pub peer: Option<SocketAddr>,
    /// All of the request's headers.
    pub headers: &'a HeaderMap,
    /// Names of the headers that may be recorded, in any case (`tracing.headers`).
    pub recorded_headers: &'a [String],
    /// Name of the listener.
    pub listener: &'a str,
    /// Status of the answer; none where the client went before there was one.
    pub status: Option<u16>,
    /// Bytes of the request's body, as far as they came.
    pub request_size: Option<u64>,
    /// Bytes of the answer's body, as far as they went.
    pub response_size: Option<u64>,
    /// What the check of the body said; none where there was none.
    pub validation: Option<Validation>,
    /// What became of the client's key.
    pub auth: Auth,
    /// Why it failed, here or below.
    pub failure: Option<Failure<'a>>,
}

impl Inbound<'_> {
    pub(super) fn draft(&self, common: &Common, place: Place) -> Draft {
        let name = format!("{} {}", self.method, self.path);
        let draft = Draft::new(common, place, Kind::Server, &name)
            .text(keys::LISTENER_NAME, self.listener)
            .text(keys::GUID_X_REQUEST_ID, common.request_id.as_str())
            .size(keys::REQUEST_SIZE, self.request_size)
            .size(keys::RESPONSE_SIZE, self.response_size)
            .text(keys::VALIDATION_RESULT, self.validation.map(Validation::as_str))
            .text(keys::AUTH_RESULT, self.auth.as_str());
        self.headers(self.ends(self.http(draft))).failure(self.failure)
    }

    /// The HTTP names, old and stable.
    fn http(&self, draft: Draft) -> Draft {
        let user_agent = self.headers.get(http::header::USER_AGENT);
        let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()));
        let target = url::target(self.path, self.query);
        let query = self.query.map(url::query);
        let status = self.status.map(i64::from);
        draft
            .text(keys::HTTP_METHOD, self.method)
            .text(keys::HTTP_TARGET, target.as_str())
            .int(keys::HTTP_STATUS_CODE, status)
            .text(keys::HTTP_SCHEME, self.scheme)
            .text(keys::HTTP_USER_AGENT, user_agent.as_deref())
            .text(keys::HTTP_REQUEST_METHOD, self.method)
            .text(keys::URL_PATH, self.path)
            .text(keys::URL_QUERY, query.as_deref())
            .text(keys::URL_SCHEME, self.scheme)
            .int(keys::HTTP_RESPONSE_STATUS_CODE, status)
            .text(keys::USER_AGENT_ORIGINAL, user_agent.as_deref())
            .text(keys::NETWORK_PROTOCOL_VERSION, self.http_version)
            .size(keys::HTTP_REQUEST_BODY_SIZE, self.request_size)
            .size(keys::HTTP_RESPONSE_BODY_SIZE, self.response_size)
    }

    /// Both ends of the connection.
    fn ends(&self, draft: Draft) -> Draft {
        let peer = self.peer.map(|peer| peer.ip().to_canonical().to_string());
        let server = self.authority.map(|authority| url::server(authority, self.scheme));
        draft
            .text(keys::PEER_ADDRESS, peer.as_deref())
            .text(keys::CLIENT_ADDRESS, peer.as_deref())
            .text(keys::NETWORK_PEER_ADDRESS, peer.as_deref())
            .int(keys::NETWORK_PEER_PORT, self.peer.map(|peer| i64::from(peer.port())))
            .text(keys::SERVER_ADDRESS, server.map(|(address, _)| address))
            .int(keys::SERVER_PORT, server.and_then(|(_, port)| port))
    }

    /// The request's headers, as far as they are allowed.
    fn headers(&self, mut draft: Draft) -> Draft {
        for name in self.recorded_headers {
            if is_forbidden_header(name) {
                continue;
            }
            let values = self.headers.get_all(name.as_str()).iter();
            let texts: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
            let key = keys::HTTP_REQUEST_HEADER_PREFIX.to_owned() + &name.to_ascii_lowercase();
            draft = draft.header(key, &texts);
        }
        draft
    }
}
