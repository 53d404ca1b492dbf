//! gRPC on the wire, as both sides need it: message frames, status codes, trailers, `google.rpc.Status` with `RetryInfo`,
//! percent-encoded messages, time-outs. Holds no connection; refuses what the protocol's text refuses
//! (grpc/doc/PROTOCOL-HTTP2.md) by returning `None` or an error, never by panicking.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header::CONTENT_TYPE};
use http_body::{Body, Frame, SizeHint};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, utf8_percent_encode};

use super::compression::Encoding;

/// Length of the prefix of a message: one flag byte and four bytes of length.
pub const PREFIX_LEN: usize = 5;
/// The content type that we send.
pub const CONTENT_TYPE_GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const TYPE_RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
/// Senders omit padding, receivers take both (PROTOCOL-HTTP2.md, "Custom-Metadata").
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// What `grpc-message` escapes: everything but printable ASCII, and the percent sign.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');
/// Longest message that is sent in a trailer, in bytes before escaping; peers bound their header lists.
const MESSAGE_MAX: usize = 1024;

/// A status code (grpc/doc/statuscodes.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[expect(missing_docs, reason = "the names are gRPC's own")]
pub enum Code {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// Every code, at the index of its number, with its name.
const CODES: [(Code, &str); 17] = [
    (Code::Ok, "OK"),
    (Code::Cancelled, "CANCELLED"),
    (Code::Unknown, "UNKNOWN"),
    (Code::InvalidArgument, "INVALID_ARGUMENT"),
    (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"),
    (Code::NotFound, "NOT_FOUND"),
    (Code::AlreadyExists, "ALREADY_EXISTS"),
    (Code::PermissionDenied, "PERMISSION_DENIED"),
    (Code::ResourceExhausted, "RESOURCE_EXHAUSTED"),
    (Code::FailedPrecondition, "FAILED_PRECONDITION"),
    (Code::Aborted, "ABORTED"),
    (Code::OutOfRange, "OUT_OF_RANGE"),
    (Code::Unimplemented, "UNIMPLEMENTED"),
    (Code::Internal, "INTERNAL"),
    (Code::Unavailable, "UNAVAILABLE"),
    (Code::DataLoss, "DATA_LOSS"),
    (Code::Unauthenticated, "UNAUTHENTICATED"),
];

impl Code {
    /// The code with that number; `Unknown` for numbers that gRPC does not define.
    pub fn from_number(number: u32) -> Code {
        CODES.get(number as usize).map_or(Code::Unknown, |(code, _)| *code)
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self as u32
    }

    /// Its name, such as `RESOURCE_EXHAUSTED`.
    pub fn name(self) -> &'static str {
        CODES[self as usize].1
    }

    /// What an answer without any gRPC status means (grpc/doc/http-grpc-status-mapping.md).
    pub fn from_http(status: http::StatusCode) -> Code {
        match status.as_u16() {
            400 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502 | 503 | 504 => Code::Unavailable,
            _ => Code::Unknown,
        }
    }
}

/// A message's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// Whether the message is compressed as `grpc-encoding` says.
    pub compressed: bool,
    /// Length of the message as it stands on the wire, in bytes.
    pub length: usize,
}

impl Prefix {
    /// Reads a prefix; `None` where the flag is neither 0 nor 1.
    pub fn parse(bytes: [u8; PREFIX_LEN]) -> Option<Prefix> {
        let [flag, length @ ..] = bytes;
        (flag <= 1).then(|| Prefix {
            compressed: flag == 1,
            length: u32::from_be_bytes(length) as usize,
        })
    }

    /// The prefix of a message of that length (below 4 GiB) in that encoding.
    pub fn build(encoding: Encoding, length: usize) -> [u8; PREFIX_LEN] {
        let [a, b, c, d] = (length as u32).to_be_bytes();
        [u8::from(encoding != Encoding::Identity), a, b, c, d]
    }
}

/// How a call ended: `google.rpc.Status` with the one detail that OTLP uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The code.
    pub code: Code,
    /// For people.
    pub message: String,
    /// `RetryInfo.retry_delay`: present, the caller may try again after it.
    pub retry_after: Option<Duration>,
}

impl Status {
    /// A status with no details.
    pub fn new(code: Code, message: impl Into<String>) -> Status {
        Status {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// With `RetryInfo`.
    #[must_use]
    pub fn retry_after(self, delay: Duration) -> Status {
        Status {
            retry_after: Some(delay),
            ..self
        }
    }

    /// The bytes of a `google.rpc.Status`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.message.len() + 64);
        put_varint_field(&mut out, 1, u64::from(self.code.number()));
        put_bytes_field(&mut out, 2, self.message.as_bytes());
        if let Some(delay) = self.retry_after {
            let (mut duration, mut info, mut any) = (Vec::new(), Vec::new(), Vec::new());
            put_varint_field(&mut duration, 1, delay.as_secs().min(i64::MAX as u64));
            put_varint_field(&mut duration, 2, u64::from(delay.subsec_nanos()));
            put_field(&mut info, 1, &duration);
            put_bytes_field(&mut any, 1, TYPE_RETRY_INFO.as_bytes());
            put_bytes_field(&mut any, 2, &info);
            put_field(&mut out, 3, &any);
        }
        out
    }

    /// Reads a `google.rpc.Status`; `None` where it is malformed. Details other than `RetryInfo` are skipped.
    pub fn decode(wire: &[u8]) -> Option<Status> {
        let mut status = Status::new(Code::Ok, "");
        for field in Fields(wire) {
            match field? {
                (1, Field::Number(code)) => status.code = Code::from_number(u32::try_from(code).ok()?),
                (2, Field::Bytes(text)) => status.message = String::from_utf8_lossy(text).into_owned(),
                (3, Field::Bytes(any)) => status.retry_after = decode_retry_info(any)?.or(status.retry_after),
                _ => {}
            }
        }
        Some(status)
    }

    /// The JSON form of a `google.rpc.Status`, as protobuf maps it.
    pub fn to_json(&self) -> serde_json::Value {
        let mut json = serde_json::json!({ "code": self.code.number(), "message": self.message });
        if let Some(delay) = self.retry_after {
            let seconds = delay.as_secs();
            let text = match delay.subsec_nanos() {
                0 => format!("{seconds}s"),
                nanos => format!("{}s", format!("{seconds}.{nanos:09}").trim_end_matches('0')),
            };
            json["details"] = serde_json::json!([{ "@type": TYPE_RETRY_INFO, "retryDelay": text }]);
        }
        json
    }

    /// The trailers that end a call with this status.
    pub fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::with_capacity(3);
        let number = match self.code {
            Code::Ok => HeaderValue::from_static("0"),
            code => HeaderValue::from(code.number()),
        };
        trailers.insert("grpc-status", number);
        if !self.message.is_empty() {
            trailers.insert("grpc-message", encode_message(&self.message));
        }
        if self.retry_after.is_some() {
            let details = BASE64.encode(self.encode());
            trailers.insert(
                "grpc-status-details-bin",
                HeaderValue::try_from(details).expect("base64 is ASCII"),
            );
        }
        trailers
    }

    /// An answer that is nothing but this status.
    pub fn into_response(self) -> Response<ReplyBody> {
        let mut response = Response::new(ReplyBody::default());
        *response.headers_mut() = self.trailers();
        response.headers_mut().insert(CONTENT_TYPE, CONTENT_TYPE_GRPC);
        response
    }

    /// Reads the status from trailers (or headers, where the answer is nothing else); `None` where there is none.
    pub fn from_trailers(trailers: &HeaderMap) -> Option<Status> {
        let number = trailers.get("grpc-status")?.to_str().ok()?.trim().parse().ok()?;
        let message = trailers
            .get("grpc-message")
            .map_or_else(String::new, |text| decode_message(text.as_bytes()));
        let retry_after = trailers
            .get("grpc-status-details-bin")
            .and_then(|text| BASE64.decode(text.as_bytes()).ok())
            .and_then(|wire| Status::decode(&wire))
            .and_then(|status| status.retry_after);
        Some(Status {
            code: Code::from_number(number),
            message,
            retry_after,
        })
    }
}

/// `RetryInfo` in an `Any`, if it is one; the outer `None` for malformed bytes.
fn decode_retry_info(any: &[u8]) -> Option<Option<Duration>> {
    let (mut kind, mut value): (&[u8], &[u8]) = (&[], &[]);
    for field in Fields(any) {
        match field? {
            (1, Field::Bytes(text)) => kind = text,
            (2, Field::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    if kind.rsplit(|byte| *byte == b'/').next() != Some(b"google.rpc.RetryInfo") {
        return Some(None);
    }
    let mut delay = Duration::ZERO;
    for field in Fields(value) {
        if let (1, Field::Bytes(duration)) = field? {
            for field in Fields(duration) {
                match field? {
                    // Negative numbers stand for "at once".
                    (1, Field::Number(seconds)) => {
                        let seconds = u64::try_from(seconds as i64).unwrap_or(0);
                        delay = delay.saturating_add(Duration::from_secs(seconds));
                    }
                    (2, Field::Number(nanos)) => {
                        let nanos = u32::try_from(nanos as i64).unwrap_or(0).min(999_999_999);
                        delay = delay.saturating_add(Duration::from_nanos(u64::from(nanos)));
                    }
                    _ => {}
                }
            }
        }
    }
    Some(Some(delay))
}

/// Escapes a text for `grpc-message`; texts above 1 KiB are cut.
pub fn encode_message(text: &str) -> HeaderValue {
    let text = &text[..text.floor_char_boundary(MESSAGE_MAX)];
    HeaderValue::try_from(utf8_percent_encode(text, ESCAPED).to_string()).expect("what is escaped is printable ASCII")
}

/// Reads a `grpc-message`; wrong escapes stand for themselves.
pub fn decode_message(text: &[u8]) -> String {
    percent_decode(text).decode_utf8_lossy().into_owned()
}

/// Reads a `grpc-timeout`: up to eight digits and a unit.
pub fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Whether that is the content type of a gRPC call that carries protobuf.
pub fn is_grpc(content_type: &[u8]) -> bool {
    let (kind, rest) = content_type.split_at_checked(16).unwrap_or((content_type, b""));
    if !kind.eq_ignore_ascii_case(b"application/grpc") {
        return false;
    }
    match rest {
        [] | [b';' | b' ', ..] => true,
        [b'+', format @ ..] => {
            let end = format
                .iter()
                .position(|byte| matches!(byte, b';' | b' '))
                .unwrap_or(format.len());
            format[..end].eq_ignore_ascii_case(b"proto")
        }
        _ => false,
    }
}

/// The body of an answer: at most one piece of data, then trailers.
#[derive(Debug, Default)]
pub struct ReplyBody {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl ReplyBody {
    /// `data` must hold the message's prefix too.
    pub fn new(data: Bytes, trailers: HeaderMap) -> ReplyBody {
        ReplyBody {
            data: Some(data),
            trailers: Some(trailers),
        }
    }

    /// Data without trailers, for answers that are no gRPC.
    pub fn plain(data: Bytes) -> ReplyBody {
        ReplyBody {
            data: Some(data),
            trailers: None,
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let data = self.data.take().map(Frame::data);
        Poll::Ready(data.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}

/// The successful answer with that message.
pub fn reply(message: &[u8]) -> Response<ReplyBody> {
    let data = match message {
        [] => Bytes::from_static(&[0; PREFIX_LEN]),
        message => Bytes::from([&Prefix::build(Encoding::Identity, message.len())[..], message].concat()),
    };
    let mut response = Response::new(ReplyBody::new(data, Status::new(Code::Ok, "").trailers()));
    response.headers_mut().insert(CONTENT_TYPE, CONTENT_TYPE_GRPC);
    response
}

/// Appends a varint.
fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a varint field; nothing for zero.
pub fn put_varint_field(out: &mut Vec<u8>, number: u32, value: u64) {
    if value > 0 {
        put_varint(out, u64::from(number) << 3);
        put_varint(out, value);
    }
}

/// Appends a field of bytes, text or a message; nothing for an empty one.
pub fn put_bytes_field(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    if !value.is_empty() {
        put_field(out, number, value);
    }
}

/// Appends a field of bytes, text or a message, even an empty one.
pub fn put_field(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    put_varint(out, u64::from(number) << 3 | 2);
    put_varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// A field's value, of the two wire types that the small messages of this protocol use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// A varint.
    Number(u64),
    /// Bytes, text or a message.
    Bytes(&'a [u8]),
    /// Of another type, skipped.
    Other,
}

/// The fields of a small message, such as a status or a health check; an item is `None`, and the last, where the bytes are
/// malformed.
#[derive(Debug, Clone)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (index, &byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.0 = &self.0[index + 1..];
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn field(&mut self) -> Option<(u32, Field<'a>)> {
        let tag = u32::try_from(self.varint()?).ok()?;
        let field = match tag & 7 {
            0 => Field::Number(self.varint()?),
            1 => self.take(8).map(|_| Field::Other)?,
            2 => {
                let length = self.varint()?;
                Field::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Field::Other)?,
            _ => return None,
        };
        (tag >> 3 > 0).then_some((tag >> 3, field))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u32, Field<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_timeout(text: &str, expected: Option<Duration>) {
        assert_eq!(parse_timeout(text), expected, "{text:?}");
    }

    #[test]
    fn timeouts() {
        check_timeout("1H", Some(Duration::from_secs(3600)));
        check_timeout("2M", Some(Duration::from_secs(120)));
        check_timeout("10S", Some(Duration::from_secs(10)));
        check_timeout("250m", Some(Duration::from_millis(250)));
        check_timeout("7u", Some(Duration::from_micros(7)));
        check_timeout("99999999n", Some(Duration::from_nanos(99_999_999)));
        for wrong in ["", "S", "1", "-1S", "+1S", "1.5S", "123456789S", "1s", "1 S", "1é"] {
            check_timeout(wrong, None);
        }
    }

    #[test]
    fn messages() {
        for (plain, wire) in [
            ("all is well", "all is well"),
            ("100%", "100%25"),
            ("a\nb", "a%0Ab"),
            ("größe", "gr%C3%B6%C3%9Fe"),
            ("", ""),
        ] {
            assert_eq!(encode_message(plain), wire);
            assert_eq!(decode_message(wire.as_bytes()), plain);
        }
        assert_eq!(decode_message(b"50% of %zz"), "50% of %zz");
        assert_eq!(encode_message(&"ä".repeat(2000)).len(), 6 * 512);
    }

    #[test]
    fn prefixes() {
        assert_eq!(Prefix::parse([2, 0, 0, 0, 0]), None);
        for (encoding, length) in [(Encoding::Identity, 0), (Encoding::Gzip, 70_000)] {
            let prefix = Prefix::parse(Prefix::build(encoding, length)).unwrap();
            assert_eq!(
                (prefix.compressed, prefix.length),
                (encoding != Encoding::Identity, length)
            );
        }
    }

    #[test]
    fn content_types() {
        for right in [
            "application/grpc",
            "application/grpc+proto",
            "Application/GRPC",
            "application/grpc;charset=utf-8",
        ] {
            assert!(is_grpc(right.as_bytes()), "{right}");
        }
        for wrong in [
            "",
            "application/json",
            "application/grpc-web",
            "application/grpc+json",
            "application/grpcx",
            "é",
        ] {
            assert!(!is_grpc(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn codes() {
        for (index, (code, name)) in CODES.iter().enumerate() {
            assert_eq!(
                (code.number() as usize, code.name(), Code::from_number(index as u32)),
                (index, *name, *code)
            );
        }
        assert_eq!(Code::from_number(17), Code::Unknown);
        assert_eq!(
            Code::from_http(http::StatusCode::SERVICE_UNAVAILABLE),
            Code::Unavailable
        );
        assert_eq!(Code::from_http(http::StatusCode::IM_A_TEAPOT), Code::Unknown);
    }

    #[test]
    fn the_bytes_of_a_status() {
        let status = Status::new(Code::Unavailable, "full").retry_after(Duration::from_millis(1500));
        let wire = status.encode();
        let expected = [
            &b"\x08\x0e\x12\x04full\x1a\x36\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x0a"[..],
            b"\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01",
        ];
        assert_eq!(wire, expected.concat());
        let json = r#"{"code":14,"message":"full","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}"#;
        assert_eq!(status.to_json().to_string(), json);
    }

    #[test]
    fn a_status_without_grpc_headers_is_none() {
        assert_eq!(Status::from_trailers(&HeaderMap::new()), None);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("fourteen"));
        assert_eq!(Status::from_trailers(&trailers), None);
    }

    proptest! {
        #[test]
        fn trailers_round_trip(code in 0_u32..17, message in "\\PC{0,40}", delay in proptest::option::of(0_u64..1 << 40)) {
            let status = Status {
                code: Code::from_number(code),
                message,
                retry_after: delay.map(Duration::from_nanos),
            };
            prop_assert_eq!(Status::from_trailers(&status.trailers()), Some(status.clone()));
            prop_assert_eq!(Status::decode(&status.encode()), Some(status));
        }

        #[test]
        fn decoding_garbage_never_panics(wire in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Status::decode(&wire);
            let _ = decode_message(&wire);
            let _ = is_grpc(&wire);
            let _ = Fields(&wire).count();
        }
    }
}
