//! The body of a client's request: read within the listener's limits of size and time, or left over by a request that is refused.
//! Takes plain bodies only.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, request::Parts};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use super::{
    chat::Refusal,
    record::Record,
    spans::{ErrorType, Validation},
    upstream::causes,
};
use crate::net::body::{BodyError, collect};

/// Most that is taken of a body that nobody wants, in bytes, and longest time for it.
const LEFT_OVER: (usize, Duration) = (64 << 20, Duration::from_secs(5));

/// Reads the body.
///
/// # Errors
/// Too large, too slow, compressed, broken.
pub(super) async fn read(record: &mut Record, body: &mut Incoming) -> Result<Bytes, Refusal> {
    if let Some(coding) = coding(&record.client.headers) {
        let text = format!("the body is compressed ({coding}); send it plain, without Content-Encoding");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Refusal::new(status, ErrorType::InvalidRequest, text));
    }
    let listener = &record.shared.gateway.listeners[record.listener];
    let (limit, timeout) = (listener.max_request_body_size, listener.timeout);
    let mut gone = false;
    let body = body.map_err(|error| {
        gone = is_gone(&error);
        causes(&error)
    });
    let reading = collect(body, limit, |_| Ok::<(), std::convert::Infallible>(()));
    let Ok(read) = tokio::time::timeout(timeout, reading).await else {
        let text = format!("the body did not arrive within {timeout:?}");
        return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, ErrorType::Timeout, text));
    };
    let body = read.map_err(|error| match error {
        BodyError::TooLarge { .. } => {
            record.validation = Some(Validation::TooLarge);
            let text = format!("the body is larger than max_request_body_size, {limit} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorType::TooLarge, text)
        }
        // Nobody is there to read it.
        other if gone => Refusal::new(StatusCode::BAD_REQUEST, ErrorType::ClientCancelled, other.to_string()),
        other => Refusal::new(StatusCode::BAD_REQUEST, ErrorType::InvalidRequest, other.to_string()),
    })?;
    record.request_size = Some(body.len() as u64);
    Ok(body)
}

/// Whether a body broke off because its client went away, rather than because it is malformed.
fn is_gone(error: &hyper::Error) -> bool {
    use std::io::{Error, ErrorKind};
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<Error>());
    let closed = |kind| {
        matches!(
            kind,
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        )
    };
    error.is_incomplete_message() || error.is_closed() || cause.is_some_and(|cause| closed(cause.kind()))
}

/// The name of the body's coding, unless it is plain.
fn coding(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_ENCODING)?;
    let name = String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
    (!name.is_empty() && !name.eq_ignore_ascii_case("identity")).then_some(name)
}

/// Takes what is left of a refused request's body and throws it away. A client that still sends would find its connection broken
/// and never read why, and a connection that carries on would take the rest for the next request.
pub(super) async fn discard(body: &mut Incoming) {
    let (most, time) = LEFT_OVER;
    let taking = async {
        let mut taken = 0;
        while let Some(Ok(frame)) = body.frame().await {
            taken += frame.data_ref().map_or(0, Bytes::len);
            if taken > most {
                return;
            }
        }
    };
    // Who takes longer than that has had its chance.
    let _ = tokio::time::timeout(time, taking).await;
}

/// Whether the client sends its body whatever it is told: not where it waits to be told to go on, or where HTTP has streams that
/// can be given up one by one.
pub(super) fn comes_anyway(head: &Parts) -> bool {
    !head.headers.contains_key(header::EXPECT) && head.version < http::Version::HTTP_2
}

/// Whether there is more of a body behind an answer that refuses it; a client that was too slow already does not count.
pub(super) fn is_left_over(body: &Incoming, status: StatusCode) -> bool {
    status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT && !body.is_end_stream()
}
