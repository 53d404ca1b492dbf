//! OTLP over HTTP: `POST /v1/traces` in protobuf or JSON. Each request gets one of the answers of the OTLP specification, in
//! its own format where it has one; what is refused is refused as soon as that is known.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
};
use http_body::Body;
use http_body_util::Full;

use super::{
    cors::Policy,
    intake::{Failure, Format, Intake, Message, take, too_large},
    status,
};
use crate::{
    net::{
        body::{BodyError, collect},
        compression::Encoding,
        listen::Peer,
    },
    pipeline::{Admission, Refused},
};

const LIMIT_KEY: &str = "max_request_body_size";
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What the requests of one port share.
pub(super) struct Requests<I> {
    /// The way into the pipelines.
    pub(super) intake: I,
    /// Where traces are posted to.
    pub(super) path: String,
    /// Largest body in bytes, on the wire and inflated.
    pub(super) limit: usize,
    /// Longest time for reading a body.
    pub(super) body_timeout: Option<Duration>,
    /// Which encodings of bodies are taken.
    pub(super) encodings: Vec<Encoding>,
    /// Added to every answer.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Which other origins may send.
    pub(super) cors: Option<Policy>,
}

type Answer = Response<Full<Bytes>>;

impl<I: Intake> Requests<I> {
    /// Answers one request.
    pub(super) async fn answer<B>(&self, request: Request<B>, _peer: Peer) -> Answer
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let grants = self
            .cors
            .as_ref()
            .map(|policy| policy.grants(request.method(), request.headers()));
        let preflight = grants.as_ref().is_some_and(|grants| grants.preflight);
        let mut answer = if request.uri().path() != self.path {
            plain(StatusCode::NOT_FOUND, "404 page not found")
        } else if preflight {
            let mut answer = Answer::default();
            *answer.status_mut() = StatusCode::NO_CONTENT;
            answer
        } else {
            self.export(request).await
        };
        for (name, value) in &self.headers {
            answer.headers_mut().insert(name, value.clone());
        }
        if let Some(grants) = grants {
            answer.headers_mut().extend(grants.headers);
        }
        answer
    }

    async fn export<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        if request.method() != Method::POST {
            let mut answer = plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "405 method not allowed, supported: [POST]",
            );
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return answer;
        }
        let Some(format) = format(request.headers()) else {
            let text = "415 unsupported media type, supported: [application/json, application/x-protobuf]";
            return plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
        };
        match self.read(request, format).await {
            Ok(body) => reply(StatusCode::OK, format, body),
            Err(failure) => refuse(failure, format),
        }
    }

    async fn read<B>(&self, request: Request<B>, format: Format) -> Result<Bytes, Failure>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let encoding = self.encoding(request.headers())?;
        let body = request.into_body();
        let length = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
        if let Some(length) = length.filter(|length| *length > self.limit) {
            return Err(too_large(Some(length), self.limit, LIMIT_KEY));
        }
        let mut room = Admission::default();
        let more = |bytes| -> Result<(), Refused> {
            room = std::mem::take(&mut room).and(self.intake.admit(bytes)?);
            Ok(())
        };
        let reading = collect(body, self.limit, more);
        let read = match self.body_timeout {
            None => reading.await,
            Some(limit) => tokio::time::timeout(limit, reading).await.map_err(|_| {
                Failure::Slow(format!(
                    "the body did not arrive within {}s, which read_timeout sets",
                    limit.as_secs_f64()
                ))
            })?,
        };
        let wire = read.map_err(|error| match error {
            BodyError::TooLarge { length } => too_large(length, self.limit, LIMIT_KEY),
            BodyError::NotAdmitted(refused) => refused.into(),
            BodyError::Broken(_) | BodyError::Framing(_) => Failure::Invalid(error.to_string()),
        })?;
        let message = Message {
            wire,
            encoding,
            format,
            limit: self.limit,
            limit_key: LIMIT_KEY,
        };
        let accepted = take(&self.intake, message).await?;
        drop(room);
        Ok(status::success(&accepted, format))
    }

    fn encoding(&self, headers: &HeaderMap) -> Result<Encoding, Failure> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let (first, second) = (values.next(), values.next());
        let named = first.map_or(Some(""), |value| value.to_str().ok());
        match named.and_then(Encoding::parse) {
            Some(encoding) if second.is_none() && self.encodings.contains(&encoding) => Ok(encoding),
            _ => {
                let names: Vec<&str> = self.encodings.iter().map(|encoding| encoding.name()).collect();
                Err(Failure::Invalid(format!(
                    "unsupported Content-Encoding {:?}, supported: [{}]",
                    named.unwrap_or("?"),
                    names.join(", ")
                )))
            }
        }
    }
}

/// The format that the content type names, parameters and case aside.
fn format(headers: &HeaderMap) -> Option<Format> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let kind = text.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-protobuf") {
        Some(Format::Proto)
    } else if kind.eq_ignore_ascii_case("application/json") {
        Some(Format::Json)
    } else {
        None
    }
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, TEXT);
    answer
}

fn reply(status: StatusCode, format: Format, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let kind = match format {
        Format::Proto => HeaderValue::from_static("application/x-protobuf"),
        Format::Json => HeaderValue::from_static("application/json"),
    };
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

fn refuse(failure: Failure, format: Format) -> Answer {
    let http = status::http_status(&failure);
    // The rest of such a body may never come: the connection cannot be used again. HTTP/2 ignores the header's absence.
    let unread = matches!(failure, Failure::Slow(_));
    let status = status::status(failure);
    let mut answer = reply(http, format, status::status_body(&status, format));
    if let Some(delay) = status.retry_after {
        let seconds = status::retry_after_seconds(delay);
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if unread {
        answer
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
