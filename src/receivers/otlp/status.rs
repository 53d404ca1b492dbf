//! What became of a request, in OTLP's terms: the success message with `partial_success`, or a `google.rpc.Status` with the
//! gRPC code and the HTTP status that the OTLP specification gives it. Only what may be sent again says so.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::intake::{Accepted, Failure, Format};
use crate::net::grpc::{Code, Status, put_bytes_field, put_field, put_varint_field};

/// When to try again where nobody knows better.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The bytes of an `ExportTraceServiceResponse`.
pub(super) fn success(accepted: &Accepted, format: Format) -> Bytes {
    match (format, accepted.rejected) {
        (Format::Proto, 0) => Bytes::new(),
        (Format::Json, 0) => Bytes::from_static(b"{}"),
        (Format::Proto, rejected) => {
            let (mut partial, mut out) = (Vec::new(), Vec::new());
            put_varint_field(&mut partial, 1, rejected as u64);
            put_bytes_field(&mut partial, 2, accepted.reason.as_bytes());
            put_field(&mut out, 1, &partial);
            Bytes::from(out)
        }
        (Format::Json, rejected) => {
            // 64-bit integers are strings in OTLP/JSON.
            let partial = serde_json::json!({ "rejectedSpans": rejected.to_string(), "errorMessage": accepted.reason });
            Bytes::from(serde_json::json!({ "partialSuccess": partial }).to_string())
        }
    }
}

/// The gRPC status of a failure.
pub(super) fn status(failure: Failure) -> Status {
    match failure {
        Failure::Busy { after, reason } => {
            Status::new(Code::Unavailable, reason).retry_after(after.unwrap_or(RETRY_AFTER))
        }
        Failure::Invalid(reason) => Status::new(Code::InvalidArgument, reason),
        // Without RetryInfo, which tells clients not to send it again.
        Failure::TooLarge(reason) => Status::new(Code::ResourceExhausted, reason),
        Failure::Slow(reason) => Status::new(Code::DeadlineExceeded, reason),
    }
}

/// The HTTP status of a failure.
pub(super) fn http_status(failure: &Failure) -> StatusCode {
    match failure {
        Failure::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Invalid(_) => StatusCode::BAD_REQUEST,
        Failure::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Failure::Slow(_) => StatusCode::REQUEST_TIMEOUT,
    }
}

/// The bytes of a status in the request's format.
pub(super) fn status_body(status: &Status, format: Format) -> Bytes {
    match format {
        Format::Proto => Bytes::from(status.encode()),
        Format::Json => Bytes::from(status.to_json().to_string()),
    }
}

/// The value of `Retry-After`: whole seconds, rounded up, at least one.
pub(super) fn retry_after_seconds(delay: Duration) -> u64 {
    let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
    seconds.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(failure: Failure, expected: (u16, Code, Option<u64>)) {
        let http = http_status(&failure).as_u16();
        let status = status(failure);
        assert_eq!(
            (http, status.code, status.retry_after.map(retry_after_seconds)),
            expected
        );
    }

    #[test]
    fn failures() {
        let busy = |after| Failure::Busy {
            after,
            reason: "full".into(),
        };
        check(busy(None), (503, Code::Unavailable, Some(1)));
        check(
            busy(Some(Duration::from_millis(2100))),
            (503, Code::Unavailable, Some(3)),
        );
        check(busy(Some(Duration::ZERO)), (503, Code::Unavailable, Some(1)));
        check(Failure::Invalid("x".to_owned()), (400, Code::InvalidArgument, None));
        check(Failure::TooLarge("x".to_owned()), (413, Code::ResourceExhausted, None));
        check(Failure::Slow("x".to_owned()), (408, Code::DeadlineExceeded, None));
    }

    #[test]
    fn successes() {
        let all = Accepted::default();
        let some = Accepted {
            rejected: 3,
            reason: "no".to_owned(),
        };
        assert_eq!(success(&all, Format::Proto), &b""[..]);
        assert_eq!(success(&all, Format::Json), &b"{}"[..]);
        assert_eq!(success(&some, Format::Proto), &b"\x0a\x06\x08\x03\x12\x02no"[..]);
        let json = br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#;
        assert_eq!(success(&some, Format::Json), &json[..]);
    }
}
