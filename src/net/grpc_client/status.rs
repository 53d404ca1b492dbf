//! How a unary gRPC call ended: from response headers, trailers and `google.rpc.Status` to a code, a message and the
//! server's word on when to try again. Messages are bounded and carry no control characters: they end up in logs.

use std::time::Duration;

use base64::{
    Engine,
    alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, StatusCode};

use crate::values::foreign::harmless;

/// gRPC status codes that this program names.
pub mod code {
    /// Not an error.
    pub const OK: u32 = 0;
    /// The operation was cancelled.
    pub const CANCELLED: u32 = 1;
    /// No better code is known.
    pub const UNKNOWN: u32 = 2;
    /// The request is wrong in itself.
    pub const INVALID_ARGUMENT: u32 = 3;
    /// The time was over.
    pub const DEADLINE_EXCEEDED: u32 = 4;
    /// The caller is known and may not.
    pub const PERMISSION_DENIED: u32 = 7;
    /// Some resource is used up.
    pub const RESOURCE_EXHAUSTED: u32 = 8;
    /// The operation was aborted.
    pub const ABORTED: u32 = 10;
    /// Past the valid range.
    pub const OUT_OF_RANGE: u32 = 11;
    /// There is no such method.
    pub const UNIMPLEMENTED: u32 = 12;
    /// The peer broke the protocol.
    pub const INTERNAL: u32 = 13;
    /// Not reachable now.
    pub const UNAVAILABLE: u32 = 14;
    /// Data was lost.
    pub const DATA_LOSS: u32 = 15;
    /// The caller is not known.
    pub const UNAUTHENTICATED: u32 = 16;
}

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Longest message kept, in characters.
const MESSAGE_LIMIT: usize = 1024;

/// Longest `grpc-status-details-bin` looked at, in bytes as sent.
const DETAILS_LIMIT: usize = 64 << 10;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", name(*.code))]
pub struct CallError {
    /// gRPC status code; never 0. Transport errors are UNAVAILABLE (14).
    pub code: u32,
    /// The server's words or our own, without control characters, at most 1024 characters.
    pub message: String,
    /// The delay of the server's `RetryInfo`; `None` without one.
    pub retry_after: Option<Duration>,
}

impl CallError {
    /// An error of our own making.
    pub fn new(code: u32, message: impl AsRef<str>) -> CallError {
        CallError {
            code,
            message: harmless(message.as_ref(), MESSAGE_LIMIT),
            retry_after: None,
        }
    }
}

/// The standard name of a code, `UNKNOWN` for one that is none.
pub fn name(code: u32) -> &'static str {
    NAMES.get(code as usize).copied().unwrap_or("UNKNOWN")
}

/// The status in headers or trailers; `None` where they hold none.
///
/// # Errors
/// The status, where it is not OK.
pub(super) fn read(headers: &HeaderMap) -> Option<Result<(), CallError>> {
    let raw = headers.get("grpc-status")?;
    let code = raw.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(code::UNKNOWN);
    if code == code::OK {
        return Some(Ok(()));
    }
    let message = headers
        .get("grpc-message")
        .map(|raw| percent_encoding::percent_decode(raw.as_bytes()).decode_utf8_lossy().into_owned());
    Some(Err(CallError {
        code,
        message: harmless(message.as_deref().unwrap_or("the server gave no reason"), MESSAGE_LIMIT),
        retry_after: headers
            .get("grpc-status-details-bin")
            .and_then(|raw| retry_delay(raw.as_bytes())),
    }))
}

/// What a response that is no gRPC stands for (gRPC's "HTTP to gRPC status code mapping").
pub(super) fn of_http(status: StatusCode, content_type: &str) -> CallError {
    let code = match status.as_u16() {
        400 => code::INTERNAL,
        401 => code::UNAUTHENTICATED,
        403 => code::PERMISSION_DENIED,
        404 => code::UNIMPLEMENTED,
        429 | 502 | 503 | 504 => code::UNAVAILABLE,
        _ => code::UNKNOWN,
    };
    CallError::new(
        code,
        format!("the peer answered HTTP {status} with content type {content_type:?}, which is no gRPC"),
    )
}

/// Base64 as gRPC peers write it: with padding or without.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The delay of a `google.rpc.RetryInfo` in an encoded `google.rpc.Status`, in base64.
fn retry_delay(base64: &[u8]) -> Option<Duration> {
    if base64.len() > DETAILS_LIMIT {
        return None;
    }
    let status = LENIENT.decode(base64).ok()?;
    retry_delay_of_status(&status)
}

/// The delay of a `google.rpc.RetryInfo` in an encoded `google.rpc.Status`; `None` without one, zero where it names none.
pub fn retry_delay_of_status(status: &[u8]) -> Option<Duration> {
    for (field, value) in fields(status) {
        let Field::Bytes(any) = value else { continue };
        if field != 3 {
            continue;
        }
        let (mut is_retry_info, mut info) = (false, [].as_slice());
        for (field, value) in fields(any) {
            match (field, value) {
                (1, Field::Bytes(url)) => is_retry_info = url.ends_with(b"/google.rpc.RetryInfo"),
                (2, Field::Bytes(value)) => info = value,
                _ => {}
            }
        }
        if is_retry_info {
            return Some(duration(info));
        }
    }
    None
}

/// `RetryInfo.retry_delay`, zero where absent or negative.
fn duration(retry_info: &[u8]) -> Duration {
    let (mut seconds, mut nanos) = (0_u64, 0_u64);
    for (field, value) in fields(retry_info) {
        let Field::Bytes(delay) = value else { continue };
        if field != 1 {
            continue;
        }
        for (field, value) in fields(delay) {
            match (field, value) {
                (1, Field::Varint(n)) => seconds = n,
                (2, Field::Varint(n)) => nanos = n,
                _ => {}
            }
        }
    }
    if seconds > i64::MAX as u64 || nanos >= 1_000_000_000 {
        return Duration::ZERO;
    }
    Duration::from_secs(seconds) + Duration::from_nanos(nanos)
}

/// A field's value in protobuf's wire format, as far as statuses and export replies hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// A varint.
    Varint(u64),
    /// A string, bytes or a message.
    Bytes(&'a [u8]),
    /// A fixed-width number, which nobody here reads.
    Fixed,
}

/// The fields of a small foreign message, in order. Ends at the first byte that is no protobuf: for replies, whose decoding
/// must never fail a call that succeeded.
pub fn fields(mut wire: &[u8]) -> impl Iterator<Item = (u64, Field<'_>)> {
    std::iter::from_fn(move || {
        let tag = varint(&mut wire)?;
        let value = match tag & 7 {
            0 => Field::Varint(varint(&mut wire)?),
            2 => {
                let length = usize::try_from(varint(&mut wire)?).ok()?;
                let (value, rest) = wire.split_at_checked(length)?;
                wire = rest;
                Field::Bytes(value)
            }
            1 | 5 => {
                wire = wire.get(if tag & 7 == 1 { 8 } else { 4 }..)?;
                Field::Fixed
            }
            _ => return None,
        };
        Some((tag >> 3, value))
    })
}

fn varint(wire: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = wire.split_first()?;
        *wire = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(headers: &[(&'static str, &str)], expected: Option<(u32, &str, Option<Duration>)>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).expect("valid"));
        }
        let found = read(&map).map(|status| match status {
            Ok(()) => (0, String::new(), None),
            Err(e) => (e.code, e.message, e.retry_after),
        });
        let expected = expected.map(|(code, message, after)| (code, message.to_owned(), after));
        assert_eq!(found, expected, "{headers:?}");
    }

    /// A `google.rpc.Status` with a `RetryInfo` of that many seconds and nanoseconds, small enough for one-byte lengths.
    fn status_with_retry(seconds: u8, nanos: u8) -> Vec<u8> {
        let info = [10, 4, 8, seconds, 16, nanos];
        let url = b"type.googleapis.com/google.rpc.RetryInfo";
        let mut any = vec![10, url.len() as u8];
        any.extend_from_slice(url);
        any.extend_from_slice(&[18, info.len() as u8]);
        any.extend_from_slice(&info);
        let mut status = vec![8, 14, 18, 1, b'x', 26, any.len() as u8];
        status.extend_from_slice(&any);
        status
    }

    #[test]
    fn reads_status_headers() {
        check(&[], None);
        check(&[("grpc-status", "0")], Some((0, "", None)));
        check(
            &[("grpc-status", "14"), ("grpc-message", "queue%20full%0A%1b[31m")],
            Some((14, "queue full  [31m", None)),
        );
        check(&[("grpc-status", "x")], Some((2, "the server gave no reason", None)));
        check(
            &[("grpc-status", "99"), ("grpc-message", "%")],
            Some((99, "%", None)),
        );
    }

    #[test]
    fn reads_retry_info_with_and_without_padding() {
        let details = LENIENT.encode(status_with_retry(7, 5));
        let delay = Duration::new(7, 5);
        check(
            &[("grpc-status", "8"), ("grpc-status-details-bin", &details)],
            Some((8, "the server gave no reason", Some(delay))),
        );
        check(
            &[("grpc-status", "8"), ("grpc-status-details-bin", details.trim_end_matches('='))],
            Some((8, "the server gave no reason", Some(delay))),
        );
        for broken in ["", "!!!", "AAAA", "//////"] {
            check(
                &[("grpc-status", "8"), ("grpc-status-details-bin", broken)],
                Some((8, "the server gave no reason", None)),
            );
        }
    }

    #[test]
    fn every_cut_of_a_status_is_survived() {
        let status = status_with_retry(3, 0);
        for end in 0..status.len() {
            assert_eq!(retry_delay_of_status(&status[..end]), None, "cut at {end}");
        }
        assert_eq!(retry_delay_of_status(&status), Some(Duration::from_secs(3)));
    }

    #[test]
    fn foreign_text_is_bounded_and_harmless() {
        assert_eq!(CallError::new(14, "a\u{1b}[2J\u{202e}b").message, "a [2J b");
        let long = CallError::new(14, "é".repeat(5000)).message;
        assert_eq!(long.chars().count(), MESSAGE_LIMIT + 1);
        assert_eq!(CallError::new(14, "gone").to_string(), "UNAVAILABLE: gone");
        assert_eq!(CallError::new(77, "gone").to_string(), "UNKNOWN: gone");
    }

    #[test]
    fn http_statuses_become_codes() {
        for (http, expected) in [(400, 13), (401, 16), (403, 7), (404, 12), (429, 14), (502, 14), (503, 14), (504, 14), (200, 2), (500, 2)] {
            let status = StatusCode::from_u16(http).expect("valid");
            assert_eq!(of_http(status, "text/html").code, expected, "{http}");
        }
    }
}
