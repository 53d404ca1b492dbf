//! What goes back over the wire: a body, its kind, and the headers that every answer has. They keep a browser from running, framing,
//! guessing at or passing on anything that came in with a span.

use std::convert::Infallible;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH,
        CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
    request::Parts,
};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use serde::Serialize;

use crate::{
    net::{
        compression::{Compressor, Encoding},
        listen::Peer,
    },
    viewer::paint::harmless,
};

/// Bytes from which on an answer is compressed, where that helps.
const WORTH_COMPRESSING: usize = 16 << 10;

/// Nothing but the files of the page itself, and questions to its own server.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;
/// An answer.
pub(super) type Answer = Response<Body>;

/// What an answer depends on beside the question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// Whether the body may be compressed. Measured: this machine's loopback carries the outline of 10,000 spans in a
    /// fraction of what compressing it takes, so only others get it compressed.
    pub(super) gzip: bool,
}

impl Caller {
    pub(super) fn of(head: &Parts, peer: Peer) -> Caller {
        let is_near = peer.address.ip().to_canonical().is_loopback();
        Caller {
            gzip: !is_near && takes_gzip(&head.headers),
        }
    }
}

/// Whether `gzip` is listed, and not with a weight of zero (RFC 9110, section 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter();
    let listed = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    let weighed = |coding: &str| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight
            .trim()
            .strip_prefix("q=")
            .and_then(|q| q.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
    };
    listed.into_iter().any(weighed)
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    why: String,
}

impl Fault {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Fault {
        Fault {
            status,
            why: why.into(),
        }
    }

    /// Whoever asks may not.
    pub(super) fn refused(why: &str) -> Fault {
        Fault::new(StatusCode::FORBIDDEN, why)
    }

    /// The question makes no sense.
    pub(super) fn unclear(why: impl Into<String>) -> Fault {
        Fault::new(StatusCode::BAD_REQUEST, why)
    }

    /// There is no such thing.
    pub(super) fn absent(why: impl Into<String>) -> Fault {
        Fault::new(StatusCode::NOT_FOUND, why)
    }

    /// `{"error": "…"}`.
    pub(super) fn json(&self) -> Answer {
        #[derive(Serialize)]
        struct Told<'a> {
            error: &'a str,
        }
        let text = serde_json::to_vec(&Told {
            error: &harmless(&self.why),
        });
        self.with(Document::of(JSON, text.expect("plain data into memory")))
    }

    /// A line.
    pub(super) fn text(&self) -> Answer {
        self.with(Document::of(TEXT, format!("{}\n", harmless(&self.why)).into_bytes()))
    }

    fn with(&self, document: Document) -> Answer {
        let mut answer = document.answer(Caller { gzip: false });
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        match self.status {
            StatusCode::METHOD_NOT_ALLOWED => {
                headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            }
            // Connections are few, and those who may not read shall not keep them from those who may.
            StatusCode::FORBIDDEN => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        answer
    }
}

/// A whole body with its kind.
#[derive(Debug)]
pub(super) struct Document {
    kind: &'static str,
    body: Bytes,
    cache: HeaderValue,
    save_as: Option<String>,
}

impl Document {
    /// Of a kind; kept in no cache.
    pub(super) fn of(kind: &'static str, body: impl Into<Bytes>) -> Document {
        Document {
            kind,
            body: body.into(),
            cache: HeaderValue::from_static("no-store"),
            save_as: None,
        }
    }

    pub(super) fn json(value: &impl Serialize) -> Document {
        Document::of(JSON, serde_json::to_vec(value).expect("plain data into memory"))
    }

    /// To be saved under a plain name instead of shown.
    pub(super) fn saved_as(mut self, name: String) -> Document {
        self.save_as = Some(name);
        self
    }

    /// To be asked for again each time, which costs nothing where it has not changed.
    pub(super) fn checked(mut self) -> Document {
        self.cache = HeaderValue::from_static("no-cache");
        self
    }

    pub(super) fn answer(self, caller: Caller) -> Answer {
        let compressed = caller.gzip && self.body.len() >= WORTH_COMPRESSING;
        let body = match compressed {
            true => Compressor::new(Encoding::Gzip).compress(&[self.body]),
            false => self.body,
        };
        let mut answer = Response::new(whole(body));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CACHE_CONTROL, self.cache);
        if compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        let disposition = self.save_as.map(|name| format!("attachment; filename=\"{name}\""));
        if let Some(Ok(value)) = disposition.map(|text| HeaderValue::from_str(&text)) {
            headers.insert(CONTENT_DISPOSITION, value);
        }
        answer
    }
}

pub(super) fn whole(body: Bytes) -> Body {
    Full::new(body).boxed_unsync()
}

/// What every answer has. `HEAD` gets the head of what `GET` would get.
pub(super) fn finish(answer: Answer, method: &Method) -> Answer {
    let (mut head, mut body) = answer.into_parts();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ] {
        head.headers.insert(name, value);
    }
    head.headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if method == Method::HEAD {
        if let Some(length) = http_body::Body::size_hint(&body).exact() {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        body = Empty::new().boxed_unsync();
    }
    Response::from_parts(head, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: bool) {
        let value = HeaderValue::from_str(header).expect("a header");
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value)]);
        assert_eq!(takes_gzip(&headers), expected, "{header:?}");
    }

    #[test]
    fn gzip_is_taken_where_it_is_listed() {
        check("gzip", true);
        check("gzip, deflate, br, zstd", true);
        check("br;q=1.0, GZIP;q=0.5", true);
        check("gzip;q=0", false);
        check("br, *;q=0.1", false);
        check("", false);
        check("gzipped", false);
    }

    #[test]
    fn large_answers_to_others_are_compressed() {
        let large = || Document::of(TEXT, vec![b'x'; WORTH_COMPRESSING]);
        let encoding = |answer: Answer| answer.headers().get(CONTENT_ENCODING).cloned();
        assert_eq!(
            encoding(large().answer(Caller { gzip: true })),
            Some(HeaderValue::from_static("gzip"))
        );
        assert_eq!(encoding(large().answer(Caller { gzip: false })), None);
        let small = Document::of(TEXT, "x");
        assert_eq!(encoding(small.answer(Caller { gzip: true })), None);
    }
}
