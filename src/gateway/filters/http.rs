//! Filters over plain HTTP: `POST` with the body to the filter's URL and the request's path. 2xx is the new body (none: unchanged),
//! 4xx refuses, everything else is a failure. No redirect is followed.

use ::http::{HeaderValue, Request, Uri, header};
use bytes::Bytes;
use http_body_util::Full;

use super::{
    Content, Envelope, Look, Step, Verdict,
    answer::{self, invalid},
};
use crate::gateway::{config::Filter, record::Fault, upstream::Upstream};

/// How much of a refusal's body is read, in bytes.
const MAX_REFUSAL: usize = 64 << 10;

/// One call.
///
/// # Errors
/// Why there is no verdict.
pub(super) async fn call(
    upstream: &Upstream,
    filter: &Filter,
    envelope: &Envelope,
    look: Look,
    step: &mut Step,
    body: &Bytes,
) -> Result<Verdict, Fault> {
    let uri = at(&filter.url, envelope.path()).ok_or_else(|| invalid("its URL and the request's path make no URL"))?;
    let mut request = Request::post(uri).body(Full::new(body.clone())).expect("a checked URL");
    *request.headers_mut() = envelope.headers(filter, look.direction, step.span_id);
    let kind = HeaderValue::from_static(match look.content {
        Content::Json => "application/json",
        Content::Events => "text/event-stream",
    });
    request.headers_mut().insert(header::ACCEPT, kind.clone());
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    let (head, body) = answer::send(upstream, request).await?.into_parts();
    step.status = Some(head.status.as_u16());
    match head.status.as_u16() {
        200..300 => {
            let new = answer::read(&head.headers, body, look.limit).await?;
            step.response_size = Some(new.len() as u64);
            Ok(match new.trim_ascii() {
                [] => Verdict::Pass,
                _ => Verdict::Body(new),
            })
        }
        400..500 => {
            // It refuses, whatever becomes of its reason.
            let told = answer::read(&head.headers, body, MAX_REFUSAL).await.ok();
            step.response_size = told.as_ref().map(|told| told.len() as u64);
            Ok(Verdict::Refuse {
                status: head.status,
                reason: told.and_then(|told| answer::reason(&told)),
            })
        }
        status => Err(answer::unusable(status)),
    }
}

/// The filter's URL with the request's path behind its own, its query kept.
fn at(url: &Uri, path: &str) -> Option<Uri> {
    let mut whole = format!("{}{path}", url.path().trim_end_matches('/'));
    if let Some(query) = url.query() {
        whole.push('?');
        whole.push_str(query);
    }
    let mut parts = url.clone().into_parts();
    parts.path_and_query = Some(whole.parse().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_added_and_the_query_kept() {
        for (url, expected) in [
            ("http://h:1", "http://h:1/v1/messages"),
            ("http://h/", "http://h/v1/messages"),
            ("http://h/a/", "http://h/a/v1/messages"),
            ("http://h/a?k=1", "http://h/a/v1/messages?k=1"),
        ] {
            let url: Uri = url.parse().expect("a URL");
            assert_eq!(at(&url, "/v1/messages").expect("a URL"), expected);
        }
    }
}
