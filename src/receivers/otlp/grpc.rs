//! OTLP over gRPC, without a gRPC framework: one copy from the socket's buffer to the message, one task a call. Beside the
//! trace service it answers the standard health check and the program's own methods; refuses everything else as
//! UNIMPLEMENTED (reflection and `Health/Watch`, which clients take as "healthy", included).

use std::{future::Future, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{ALLOW, CONNECTION, CONTENT_TYPE, HOST},
};
use http_body::Body;
use tokio::time::{Instant, timeout_at};

use super::{
    intake::{Failure, Format, Intake, Message, take, too_large},
    status,
};
use crate::{
    net::{
        body::{BodyError, collect_message},
        compression::{Encoding, InflateError, inflate},
        grpc::{self, Code, Field, Fields, ReplyBody, Status, put_varint_field},
        listen::Peer,
    },
    pipeline::{Admission, Refused, SideMethod},
};

/// The method that takes traces.
pub(super) const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// The service of that method.
const TRACE_SERVICE: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
/// The standard health check (grpc/doc/health-checking.md).
const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";
/// `HealthCheckResponse.SERVING`.
const SERVING: u64 = 1;
/// Longest time for reading a call's message, whatever the client allows.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// What `grpc-encoding` may be.
const ACCEPTED: HeaderValue = HeaderValue::from_static("identity,gzip,zstd");
const LIMIT_KEY: &str = "max_recv_msg_size_mib";

/// What the calls of one port share.
pub(super) struct Calls<I> {
    /// The way into the pipelines.
    pub(super) intake: I,
    /// Largest message in bytes, on the wire and inflated.
    pub(super) limit: usize,
    /// Methods of the program's own.
    pub(super) methods: Arc<Vec<Arc<dyn SideMethod>>>,
}

/// A call whose head is understood.
struct Call {
    encoding: Encoding,
    deadline: Option<Instant>,
}

impl<I: Intake> Calls<I> {
    /// Answers one request.
    pub(super) async fn answer<B>(&self, request: Request<B>, peer: Peer) -> Response<ReplyBody>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        if let Some(refusal) = not_grpc(&request) {
            return refusal;
        }
        let call = match Call::read(request.headers()) {
            Ok(call) => call,
            Err(status) => return refuse(status),
        };
        let answer = if request.uri().path() == EXPORT {
            self.export(call, request.into_body()).await
        } else {
            self.beside(call, request, peer).await
        };
        match answer {
            Ok(message) => grpc::reply(&message),
            Err(status) => refuse(status),
        }
    }

    async fn export<B>(&self, call: Call, body: B) -> Result<Bytes, Status>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let (wire, encoding, _room) = self.read(&call, body, |bytes| self.intake.admit(bytes)).await?;
        let message = Message {
            wire,
            encoding,
            format: Format::Proto,
            limit: self.limit,
            limit_key: LIMIT_KEY,
        };
        let accepted = call
            .in_time(take(&self.intake, message))
            .await?
            .map_err(status::status)?;
        Ok(status::success(&accepted, Format::Proto))
    }

    /// The health check and the program's own methods.
    async fn beside<B>(&self, call: Call, request: Request<B>, peer: Peer) -> Result<Bytes, Status>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let method = self.methods.iter().find(|method| method.path() == path);
        if method.is_none() && path != HEALTH_CHECK {
            return Err(unknown(path));
        }
        let (wire, encoding, _room) = self.read(&call, body, |_| Ok(Admission::default())).await?;
        let message = match encoding {
            Encoding::Identity => wire,
            encoding => inflate(encoding, &wire, self.limit).map_err(|error| {
                status::status(match error {
                    InflateError::TooLarge { limit } => too_large(None, limit, LIMIT_KEY),
                    InflateError::Corrupt { .. } => Failure::Invalid(error.to_string()),
                })
            })?,
        };
        let Some(method) = method else {
            return health(&message);
        };
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let authority = parts
            .uri
            .authority()
            .map(http::uri::Authority::as_str)
            .or(host)
            .unwrap_or_default();
        let answer = call.in_time(method.call(peer.address, authority, message)).await?;
        answer.map_err(|(code, reason)| Status::new(Code::from_number(code), reason))
    }

    /// Reads the call's message; the encoding is that of the message itself.
    async fn read<B>(
        &self,
        call: &Call,
        body: B,
        admit: impl Fn(usize) -> Result<Admission, Refused>,
    ) -> Result<(Bytes, Encoding, Admission), Status>
    where
        B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
    {
        let latest = Instant::now() + READ_TIMEOUT;
        let latest = call.deadline.map_or(latest, |deadline| deadline.min(latest));
        let mut room = Admission::default();
        let more = |bytes| -> Result<(), Refused> {
            room = std::mem::take(&mut room).and(admit(bytes)?);
            Ok(())
        };
        let read = timeout_at(latest, collect_message(body, self.limit, more)).await;
        let (prefix, wire) = read.map_err(|_| too_late())?.map_err(|error| match error {
            BodyError::TooLarge { length } => status::status(too_large(length, self.limit, LIMIT_KEY)),
            BodyError::NotAdmitted(refused) => status::status(refused.into()),
            BodyError::Framing(_) => Status::new(Code::InvalidArgument, error.to_string()),
            BodyError::Broken(_) => Status::new(Code::Cancelled, error.to_string()),
        })?;
        match (prefix.compressed, call.encoding) {
            (false, _) => Ok((wire, Encoding::Identity, room)),
            (true, Encoding::Identity) => {
                let reason = "the message is flagged as compressed, but the call names no grpc-encoding";
                Err(Status::new(Code::Internal, reason))
            }
            (true, encoding) => Ok((wire, encoding, room)),
        }
    }
}

impl Call {
    fn read(headers: &HeaderMap) -> Result<Call, Status> {
        let encoding = match headers.get("grpc-encoding") {
            None => Encoding::Identity,
            Some(name) => match name.to_str().ok().and_then(Encoding::parse) {
                Some(encoding @ (Encoding::Identity | Encoding::Gzip | Encoding::Zstd)) => encoding,
                _ => {
                    let reason = format!("unsupported grpc-encoding {name:?}; supported: identity, gzip, zstd");
                    return Err(Status::new(Code::Unimplemented, reason));
                }
            },
        };
        let deadline = match headers.get("grpc-timeout") {
            None => None,
            Some(text) => {
                let timeout = text.to_str().ok().and_then(grpc::parse_timeout);
                let reason = || Status::new(Code::Internal, format!("invalid grpc-timeout {text:?}"));
                Instant::now().checked_add(timeout.ok_or_else(reason)?)
            }
        };
        Ok(Call { encoding, deadline })
    }

    /// The work's result, or that the client does not wait for it any more.
    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Status> {
        match self.deadline {
            None => Ok(work.await),
            Some(deadline) => timeout_at(deadline, work).await.map_err(|_| too_late()),
        }
    }
}

fn too_late() -> Status {
    Status::new(Code::DeadlineExceeded, "the call's deadline has passed")
}

/// The answer that is nothing but a status.
fn refuse(status: Status) -> Response<ReplyBody> {
    let names_encodings = status.code == Code::Unimplemented;
    let mut response = status.into_response();
    if names_encodings {
        response.headers_mut().insert("grpc-accept-encoding", ACCEPTED);
    }
    response
}

/// What somebody who does not speak gRPC is told; `None` for a gRPC call.
fn not_grpc<B>(request: &Request<B>) -> Option<Response<ReplyBody>> {
    let content_type = request
        .headers()
        .get(CONTENT_TYPE)
        .map_or(&b""[..], HeaderValue::as_bytes);
    let (status, text) = if request.version() < Version::HTTP_2 {
        let text =
            "400 this port speaks gRPC, which needs HTTP/2; send OTLP over HTTP to the HTTP port (4318 by default)";
        (StatusCode::BAD_REQUEST, text)
    } else if request.method() != Method::POST {
        (
            StatusCode::METHOD_NOT_ALLOWED,
            "405 method not allowed, supported: [POST]",
        )
    } else if !grpc::is_grpc(content_type) {
        let text = "415 unsupported media type, supported: [application/grpc, application/grpc+proto]";
        (StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
    } else {
        return None;
    };
    let mut response = Response::new(ReplyBody::plain(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    match status {
        StatusCode::METHOD_NOT_ALLOWED => headers.insert(ALLOW, HeaderValue::from_static("POST")),
        StatusCode::BAD_REQUEST => headers.insert(CONNECTION, HeaderValue::from_static("close")),
        _ => None,
    };
    Some(response)
}

/// Why a path is not answered.
fn unknown(path: &str) -> Status {
    let reason = match path.trim_start_matches('/').split_once('/') {
        Some((TRACE_SERVICE, method)) => format!("unknown method {method} for service {TRACE_SERVICE}"),
        Some((service, _)) if service.starts_with("opentelemetry.proto.collector.") => {
            format!("unknown service {service}: this program carries traces only")
        }
        Some((service, _)) => format!("unknown service {service}"),
        None => format!("malformed method name {path:?}"),
    };
    Status::new(Code::Unimplemented, reason)
}

/// Answers a `HealthCheckRequest`. The port is served only while the receiver takes data, so what is known is serving.
fn health(message: &[u8]) -> Result<Bytes, Status> {
    let mut service: &[u8] = b"";
    for field in Fields(message) {
        match field {
            Some((1, Field::Bytes(name))) => service = name,
            Some(_) => {}
            None => return Err(Status::new(Code::InvalidArgument, "malformed HealthCheckRequest")),
        }
    }
    if !service.is_empty() && service != TRACE_SERVICE.as_bytes() {
        return Err(Status::new(Code::NotFound, "unknown service"));
    }
    let mut out = Vec::new();
    put_varint_field(&mut out, 1, SERVING);
    Ok(Bytes::from(out))
}
