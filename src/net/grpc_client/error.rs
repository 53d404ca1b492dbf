//! Why a gRPC call failed, in words that may stand in our log: bounded, without control characters.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::{
    net::grpc::{Code, Status},
    values::foreign::harmless,
};

/// Longest message kept, in characters.
const MESSAGE_LIMIT: usize = 1024;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", .code.name())]
pub struct CallError {
    /// Never `Ok`. Transport errors are `Unavailable`.
    pub code: Code,
    /// The server's words or our own, without control characters, at most 1024 characters.
    pub message: String,
    /// The delay of the server's `RetryInfo`; `None` without one.
    pub retry_after: Option<Duration>,
}

impl CallError {
    /// An error of our own making.
    pub fn new(code: Code, message: impl AsRef<str>) -> CallError {
        CallError {
            code,
            message: harmless(message.as_ref(), MESSAGE_LIMIT),
            retry_after: None,
        }
    }

    /// What an answer that is no gRPC stands for.
    pub(super) fn foreign(status: StatusCode, content_type: &[u8]) -> CallError {
        let content_type = String::from_utf8_lossy(content_type);
        CallError::new(
            Code::from_http(status),
            format!("the peer answered HTTP {status} with content type {content_type:?}, which is no gRPC"),
        )
    }
}

/// The status in trailers, or in headers; `None` where they hold none.
pub(super) fn ended(trailers: &HeaderMap) -> Option<Result<(), CallError>> {
    let status = Status::from_trailers(trailers)?;
    if status.code == Code::Ok {
        return Some(Ok(()));
    }
    let message = match status.message.as_str() {
        "" => "the server gave no reason",
        text => text,
    };
    Some(Err(CallError {
        retry_after: status.retry_after,
        ..CallError::new(status.code, message)
    }))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(headers: &[(&'static str, &str)], expected: Option<&str>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).expect("valid"));
        }
        let found = ended(&map).map(|ended| ended.map_or_else(|e| e.to_string(), |()| "OK".to_owned()));
        assert_eq!(found.as_deref(), expected, "{headers:?}");
    }

    #[test]
    fn statuses_become_harmless_errors() {
        check(&[], None);
        check(&[("grpc-status", "zero")], None);
        check(&[("grpc-status", "0")], Some("OK"));
        check(
            &[("grpc-status", "14"), ("grpc-message", "queue%20full%0A%1b[31m")],
            Some("UNAVAILABLE: queue full  [31m"),
        );
        check(&[("grpc-status", "99")], Some("UNKNOWN: the server gave no reason"));
        let long = CallError::new(Code::Internal, "é".repeat(5000)).message;
        assert_eq!(long.chars().count(), MESSAGE_LIMIT + 1);
    }
}
