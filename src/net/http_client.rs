//! The HTTP client that exporters share: one POST is one attempt, and of an answer it reads no more than it needs. Follows no redirects,
//! retries nothing, and never asks a proxy from the environment for what is on this machine. Refuses URLs that are none.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use http::{HeaderMap, HeaderName, StatusCode, header};
use reqwest::{Client, RequestBuilder, Response, Url};

use super::{
    grpc::Status,
    tls::{ALPN_H2_HTTP1, ClientTls},
};
use crate::values::foreign::harmless;

/// Most of an answer that is read, in bytes.
const ANSWER_LIMIT: usize = 64 << 10;

/// Longest time for name resolution, TCP and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for the rest of a success's body. The status has said that the data was accepted: a time-out of the whole attempt would have
/// it sent again.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest message of a server that is kept, in characters.
pub const MESSAGE_LIMIT: usize = 512;

/// How a client connects, where the defaults of most exporters are not right.
#[derive(Debug, Clone)]
pub struct Options {
    /// TLS for `https://`.
    pub tls: ClientTls,
    /// Proxy for every request; empty = what `HTTPS_PROXY` and the like say.
    pub proxy_url: String,
    /// Time after which an idle connection is closed; zero = never.
    pub idle_timeout: Duration,
    /// Most idle connections that are kept.
    pub max_idle: usize,
    /// HTTP/2 where the server offers it in TLS.
    pub http2: bool,
    /// Silence after which an HTTP/2 connection is pinged, and after which the ping counts as unanswered.
    pub http2_ping: Option<(Duration, Duration)>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            tls: ClientTls::default(),
            proxy_url: String::new(),
            idle_timeout: Duration::from_secs(90),
            max_idle: 100,
            http2: true,
            http2_ping: None,
        }
    }
}

/// Sends requests to one URL.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client,
    url: Url,
}

/// A request that got no answer.
#[derive(Debug)]
pub struct Unsent {
    /// The request itself is at fault: it will never be sent.
    pub is_final: bool,
    /// What happened. No password or key of the URL is in it.
    pub source: anyhow::Error,
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The start of its body, at most 64 KiB.
    pub body: Vec<u8>,
}

impl HttpClient {
    /// Opens nothing yet.
    ///
    /// # Errors
    /// Certificates that cannot be read, or a proxy that is no URL.
    pub fn new(url: Url, options: &Options) -> anyhow::Result<HttpClient> {
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .pool_idle_timeout((!options.idle_timeout.is_zero()).then_some(options.idle_timeout))
            .pool_max_idle_per_host(options.max_idle);
        if url.scheme() == "https" {
            let tls = ClientTls {
                insecure: false,
                ..options.tls.clone()
            };
            let alpn: &[&[u8]] = if options.http2 { ALPN_H2_HTTP1 } else { &[b"http/1.1"] };
            let config = tls.client(alpn)?.context("TLS is off for an https URL")?;
            builder = builder.tls_backend_preconfigured(config.as_ref().clone());
        }
        if let Some((interval, timeout)) = options.http2_ping {
            builder = builder
                .http2_keep_alive_interval(interval)
                .http2_keep_alive_timeout(timeout);
        }
        if !options.proxy_url.is_empty() {
            let proxy = reqwest::Proxy::all(&options.proxy_url);
            let proxy = proxy.map_err(reqwest::Error::without_url).context("proxy_url")?;
            builder = builder.proxy(proxy);
        } else if is_loopback(&url) {
            // As in Go.
            builder = builder.no_proxy();
        }
        let client = builder.build().context("cannot make an HTTP client")?;
        Ok(HttpClient { client, url })
    }

    /// Where it sends.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Sends a body.
    ///
    /// # Errors
    /// [`Unsent`] where no answer came.
    pub async fn post(&self, headers: HeaderMap, body: impl Into<reqwest::Body>) -> Result<Answer, Unsent> {
        let request = self.client.post(self.url.clone()).headers(headers).body(body.into());
        self.answer(request, "POST").await
    }

    /// Asks for what is there, and waits no longer than that.
    ///
    /// # Errors
    /// [`Unsent`] where no answer came.
    pub async fn get(&self, headers: HeaderMap, limit: Duration) -> Result<Answer, Unsent> {
        let request = self.client.get(self.url.clone()).headers(headers).timeout(limit);
        self.answer(request, "GET").await
    }

    async fn answer(&self, request: RequestBuilder, method: &str) -> Result<Answer, Unsent> {
        let response = request.send().await.map_err(|e| Unsent {
            is_final: e.is_builder(),
            source: anyhow::Error::new(e.without_url()).context(format!("{method} {} failed", shown(&self.url))),
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        let reading = start_of(response, &mut body);
        if status.is_success() {
            // What came until then is enough.
            let _ = tokio::time::timeout(BODY_TIMEOUT, reading).await;
        } else {
            reading.await;
        }
        Ok(Answer { status, headers, body })
    }
}

impl Answer {
    /// A header's text; empty where it is absent or no text.
    #[must_use]
    pub fn header(&self, name: HeaderName) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// Its media type, parameters included; empty where it names none.
    #[must_use]
    pub fn content_type(&self) -> &str {
        self.header(header::CONTENT_TYPE)
    }

    /// How long its `Retry-After` wants the client to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(self.header(header::RETRY_AFTER), SystemTime::now())
    }

    /// What an answer that is no success says, made harmless; a redirect says that it is not followed.
    #[must_use]
    pub fn message(&self) -> String {
        if self.status.is_redirection() && self.status != StatusCode::NOT_MODIFIED {
            // What stands behind the path may be a key.
            let to = self
                .header(header::LOCATION)
                .split(['?', '#'])
                .next()
                .unwrap_or_default();
            return format!(
                "a redirect to {:?}, which is not followed: correct the endpoint",
                harmless(to, 200)
            );
        }
        error_message(self.content_type(), &self.body)
    }
}

/// Reads a URL of `http` or `https`, such as `example`.
///
/// # Errors
/// What is wrong with it and how it would be right.
pub fn parse_url(text: &str, example: &str) -> Result<Url, String> {
    let right = format!("write it like {example}");
    let url = Url::parse(text).map_err(|e| format!("is no URL ({e}); {right}"))?;
    match url.scheme() {
        _ if text.contains('@') && !text.contains("://") => Err(format!("has no scheme; {right}")),
        "http" | "https" if url.has_host() => Ok(url),
        "http" | "https" => Err(format!("names no host; {right}")),
        other => Err(format!("has the scheme {other:?}, which is not http or https; {right}")),
    }
}

/// The URL for messages: a password or a key in the query stays out of them.
#[must_use]
pub fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Reads the start of an answer's body. A body that breaks off is taken as far as it came: the status has already said whether
/// the data was accepted.
async fn start_of(mut response: Response, body: &mut Vec<u8>) {
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ANSWER_LIMIT - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == ANSWER_LIMIT {
            break;
        }
    }
}

/// A `Retry-After` header: seconds, or a date that is compared with `now`; one that has passed is zero.
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// What the body of an HTTP error says: the message of a `google.rpc.Status` in protobuf or JSON, else the body's text on one
/// line (markup included: it tells whose error page it is).
fn error_message(content_type: &str, body: &[u8]) -> String {
    let mime = content_type.split(';').next().unwrap_or_default().trim();
    let text = if mime.eq_ignore_ascii_case("application/x-protobuf") {
        Status::decode(body).map(|status| status.message).unwrap_or_default()
    } else {
        let text = String::from_utf8_lossy(body);
        let json = serde_json::from_slice::<serde_json::Value>(body).ok();
        // With a capital as AWS writes it.
        let told = |json: &serde_json::Value| {
            let message = json["message"].as_str().or(json["Message"].as_str());
            message.map(str::to_owned)
        };
        match json.as_ref().and_then(told) {
            Some(message) => message,
            None => text.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    };
    harmless(text.trim(), MESSAGE_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_both_forms() {
        let now = httpdate::parse_http_date("Mon, 23 Nov 2026 12:00:00 GMT").expect("a date");
        let check = |value: &str, expected: Option<u64>| {
            assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value:?}");
        };
        check("0", Some(0));
        check(" 120 ", Some(120));
        check("Mon, 23 Nov 2026 12:01:30 GMT", Some(90));
        check("Monday, 23-Nov-26 12:00:10 GMT", Some(10));
        check("Mon, 23 Nov 2026 11:00:00 GMT", Some(0));
        for wrong in ["", "-1", "1.5", "soon", "99999999999999999999999"] {
            check(wrong, None);
        }
    }

    #[test]
    fn error_bodies_of_all_kinds_are_told() {
        let check = |content_type: &str, body: &[u8], expected: &str| {
            assert_eq!(error_message(content_type, body), expected);
        };
        check("application/x-protobuf", &[8, 3, 18, 4, b'b', b'a', b'd', b'!'], "bad!");
        check("application/x-protobuf", b"", "");
        check(
            "application/json; charset=utf-8",
            br#"{"code":3,"message":"bad\u001b[31m!"}"#,
            "bad [31m!",
        );
        check(
            "text/html",
            b"<html>\r\n<h1>502  Bad Gateway</h1>\n</html>",
            "<html> <h1>502 Bad Gateway</h1> </html>",
        );
        check("", b"\xff\xfe", "\u{fffd}\u{fffd}");
        assert_eq!(
            error_message("text/plain", &[b'x'; 9999]).chars().count(),
            MESSAGE_LIMIT + 1
        );
    }

    #[test]
    fn only_this_machine_is_reached_around_a_proxy() {
        let check = |url: &str, expected: bool| assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        check("http://localhost:1", true);
        check("http://127.9.9.9", true);
        check("http://[::1]:4318", true);
        check("http://10.0.0.1", false);
        check("http://localhost.example", false);
    }
}
