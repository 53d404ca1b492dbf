//! Answers of filters: read within their bound, checked before anything of them goes on, and the reasons of refusals made harmless.

use ::http::{HeaderMap, Request, Response, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Content, Look, NEVER, Verdict};
use crate::{
    gateway::{
        providers,
        record::Fault,
        spans::ErrorType,
        stream::Parser,
        upstream::{Failure, Upstream, causes},
    },
    net::body::{BodyError, collect},
    values::foreign::harmless,
};

/// How much of a refusal's reason a client gets, in characters.
const MAX_REASON: usize = 500;

/// An answer that is none.
pub(super) fn invalid(reason: impl Into<String>) -> Fault {
    Fault::new(ErrorType::InvalidResponse, reason)
}

/// Sends a request, gives the answer with its head read. Its time-out is that of the whole call, around it.
///
/// # Errors
/// Why there is none.
pub(super) async fn send(upstream: &Upstream, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Fault> {
    let mut asked = upstream.ask(request.clone(), NEVER).await;
    if let Err(Failure::Broken(_)) = asked {
        // A connection that lay idle, and that the filter closed at this very moment: as when it was started anew.
        asked = upstream.ask(request, NEVER).await;
    }
    asked.map_err(|failure| {
        let kind = match failure {
            Failure::Timeout => ErrorType::Timeout,
            Failure::Connect(_) | Failure::Broken(_) => ErrorType::Connect,
            Failure::NotHttp(_) => ErrorType::InvalidResponse,
        };
        Fault::new(kind, failure.to_string())
    })
}

/// A status that is no answer to a call.
pub(super) fn unusable(status: u16) -> Fault {
    let kind = ErrorType::of_upstream_status(status).unwrap_or(ErrorType::InvalidResponse);
    let text = match status {
        300..400 => format!("it answered with a redirect ({status}), which is not followed"),
        _ => format!("it answered with status {status}"),
    };
    Fault::new(kind, text)
}

/// Whether a body comes as it is; a coded one was not asked for.
///
/// # Errors
/// Where it is coded.
pub(super) fn check_plain(headers: &HeaderMap) -> Result<(), Fault> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(invalid("its answer is compressed, which was not asked for"))
        }
        _ => Ok(()),
    }
}

/// The whole body of an answer.
///
/// # Errors
/// Where it is larger than the limit, compressed, or breaks off.
pub(super) async fn read(headers: &HeaderMap, body: Incoming, limit: usize) -> Result<Bytes, Fault> {
    check_plain(headers)?;
    let body = body.map_err(|error| causes(&error));
    let read = collect(body, limit, |_| Ok::<(), std::convert::Infallible>(())).await;
    read.map_err(|error| match error {
        BodyError::TooLarge { .. } => too_large(limit),
        error => Fault::new(
            ErrorType::StreamInterrupted,
            format!("its answer is incomplete: {error}"),
        ),
    })
}

pub(super) fn too_large(limit: usize) -> Fault {
    invalid(format!("its answer is larger than {limit} bytes"))
}

/// A new body that may go on, or none where it says what the old one said.
///
/// # Errors
/// Where it is no body of that kind.
pub(super) fn accepted(look: Look, old: &Bytes, new: Bytes) -> Result<Verdict, Fault> {
    if new.len() > look.limit {
        return Err(too_large(look.limit));
    }
    if new == old {
        return Ok(Verdict::Pass);
    }
    match look.content {
        Content::Json => json(old, new),
        Content::Events => events(look.limit, new),
    }
}

fn json(old: &[u8], new: Bytes) -> Result<Verdict, Fault> {
    if providers::are_too_many(&new) {
        return Err(invalid("its answer holds more JSON values than a body may"));
    }
    let tree: Value = serde_json::from_slice(&new).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        invalid(format!("its answer is no valid JSON (line {line}, column {column})"))
    })?;
    if !tree.is_object() {
        return Err(invalid("its answer is no JSON object"));
    }
    // One that was only written anew is the same.
    let is_same = !providers::are_too_many(old) && serde_json::from_slice::<Value>(old).is_ok_and(|old| old == tree);
    Ok(if is_same { Verdict::Pass } else { Verdict::Body(new) })
}

fn events(limit: usize, new: Bytes) -> Result<Verdict, Fault> {
    let mut parser = Parser::new(limit);
    parser.feed(&new);
    while let Some(event) = parser.next_event().map_err(|error| invalid(error.to_string()))? {
        let data = event.data().map(<[u8]>::trim_ascii);
        let is_sound = |data: &[u8]| data == b"[DONE]" || serde_json::from_slice::<IgnoredAny>(data).is_ok();
        if !data.is_none_or(is_sound) {
            return Err(invalid(
                "an event of its answer has data that is neither JSON nor [DONE]",
            ));
        }
    }
    match parser.finish() {
        Some(rest) if !rest.raw().trim_ascii().is_empty() => {
            Err(invalid("its answer does not end with a whole event and a blank line"))
        }
        _ => Ok(Verdict::Body(new)),
    }
}

/// The reason that the body of a refusal gives, on one line, cut; none where it gives none.
pub(super) fn reason(body: &[u8]) -> Option<String> {
    let told = match serde_json::from_slice::<Value>(body) {
        Ok(tree) => told(&tree)?.to_owned(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    shown(&told)
}

/// A text from outside as a reason; none where it says nothing.
pub(super) fn shown(text: &str) -> Option<String> {
    let text = harmless(text.trim(), MAX_REASON);
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The words in the forms that errors of web services have.
fn told(tree: &Value) -> Option<&str> {
    let error = &tree["error"];
    let detail = &tree["detail"];
    let places = [
        &error["message"],
        error,
        &tree["message"],
        detail,
        // What FastAPI writes of a body that does not fit.
        &detail[0]["msg"],
        tree,
    ];
    places.into_iter().find_map(Value::as_str)
}
