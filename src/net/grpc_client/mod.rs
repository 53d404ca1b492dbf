//! A gRPC client for unary calls over hyper's HTTP/2. Sends raw bytes as a rope of chunks, without copying them; connects
//! with the first call and again after a failure; makes one attempt a call. Has no overall time-out and no retries: its
//! callers have. Refuses replies larger than allowed.

mod connect;
mod error;
mod target;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version, header, uri::Authority};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use self::connect::{Connection, chain, connect};
pub use self::{
    error::CallError,
    target::{Scheme, Target},
};
use super::{
    compression::{self, Encoding, InflateError},
    grpc::{CONTENT_TYPE_GRPC, Code, PREFIX_LEN, Prefix, is_grpc},
    rope::Rope,
};

/// How this program names itself to servers.
pub const USER_AGENT: &str = concat!("planoai/", env!("CARGO_PKG_VERSION"));

/// How a client connects.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// Host and port.
    pub target: Target,
    /// TLS with ALPN `h2`; `None` for plain text.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// Name that the certificate must hold; the target's host where `None`.
    pub server_name: Option<String>,
    /// `:authority` of requests; the target where `None`.
    pub authority: Option<Authority>,
    /// `user-agent` of requests.
    pub user_agent: String,
    /// Longest time for name resolution, TCP, TLS and the HTTP/2 handshake together.
    pub connect_timeout: Duration,
    /// HTTP/2 pings; none where `None`.
    pub keepalive: Option<Keepalive>,
    /// Largest reply message in bytes, on the wire and inflated; `usize::MAX` for any.
    pub max_reply_bytes: usize,
}

impl ClientSettings {
    /// Plain text to that target, ten seconds to connect, no pings, replies of at most 4 MiB.
    pub fn to(target: Target) -> ClientSettings {
        ClientSettings {
            target,
            tls: None,
            server_name: None,
            authority: None,
            user_agent: USER_AGENT.to_owned(),
            connect_timeout: Duration::from_secs(10),
            keepalive: None,
            max_reply_bytes: 4 << 20,
        }
    }
}

/// When a client pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence after which it does.
    pub every: Duration,
    /// Silence after a ping that means that the connection is dead.
    pub timeout: Duration,
    /// Whether it also does while no call is under way.
    pub while_idle: bool,
}

/// What a server answered to a call that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The message, inflated.
    pub message: Bytes,
}

/// A client for one server. Calls may run at the same time; they share one connection.
pub struct GrpcClient {
    settings: ClientSettings,
    authority: Authority,
    /// Held while connecting, so that many calls make one connection.
    slot: Mutex<Option<Arc<Connection>>>,
    tasks: TaskTracker,
}

impl GrpcClient {
    /// A client that connects with its first call.
    pub fn new(settings: ClientSettings) -> GrpcClient {
        let authority = settings
            .authority
            .clone()
            .unwrap_or_else(|| settings.target.authority());
        GrpcClient {
            settings,
            authority,
            slot: Mutex::new(None),
            tasks: TaskTracker::new(),
        }
    }

    /// Calls a method. `body` is the message in pieces, already coded as `encoding` says; `headers` go along. One attempt, except that a connection that turned out dead before anything was sent is replaced once.
    /// Dropping the future abandons the call.
    ///
    /// # Errors
    /// [`CallError`]: the server's status, or UNAVAILABLE where there was none to get.
    pub async fn unary(
        &self,
        path: &str,
        headers: &HeaderMap,
        body: Vec<Bytes>,
        encoding: Encoding,
    ) -> Result<Reply, CallError> {
        let mut request = self.request(path, headers, body, encoding)?;
        let mut fresh = false;
        loop {
            let connection = self.connection(&mut fresh).await?;
            let mut guard = Unanswered(Some(&connection));
            let mut sender = connection.sender.clone();
            if let Err(e) = sender.ready().await {
                if fresh {
                    return Err(self.lost(&e));
                }
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => {
                    let reply = self.reply(response).await;
                    guard.0 = None;
                    return reply;
                }
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if !fresh => request = unsent,
                    _ => return Err(self.lost(&failed.into_error())),
                },
            }
        }
    }

    /// Ends the connection and waits for its tasks. Calls that are under way keep it open until they end.
    pub async fn close(&self) {
        *self.slot.lock().await = None;
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The connection for a call; `fresh` is set where it was made for it.
    async fn connection(&self, fresh: &mut bool) -> Result<Arc<Connection>, CallError> {
        let mut slot = self.slot.lock().await;
        if let Some(connection) = slot.as_ref().filter(|connection| connection.is_usable()) {
            return Ok(connection.clone());
        }
        *slot = None;
        *fresh = true;
        let connection = Arc::new(connect(&self.settings, &self.tasks).await?);
        *slot = Some(connection.clone());
        Ok(connection)
    }

    fn request(
        &self,
        path: &str,
        headers: &HeaderMap,
        body: Vec<Bytes>,
        encoding: Encoding,
    ) -> Result<Request<Rope>, CallError> {
        let length: usize = body.iter().map(Bytes::len).sum();
        if u32::try_from(length).is_err() {
            let reason = format!("a message of {length} bytes exceeds gRPC's 4 GiB");
            return Err(CallError::new(Code::InvalidArgument, reason));
        }
        let prefix = Bytes::copy_from_slice(&Prefix::build(encoding, length));
        let scheme = if self.settings.tls.is_some() { "https" } else { "http" };
        let invalid = |e: http::Error| CallError::new(Code::InvalidArgument, e.to_string());
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(invalid)?;
        let mut request = Request::builder()
            .method(Method::POST)
            .version(Version::HTTP_2)
            .uri(uri)
            .header(header::USER_AGENT, &self.settings.user_agent)
            .body(Rope::new(std::iter::once(prefix).chain(body)))
            .map_err(invalid)?;
        request.headers_mut().extend(headers.clone());
        let headers = request.headers_mut();
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE_GRPC);
        if encoding != Encoding::Identity {
            let name = HeaderName::from_static("grpc-encoding");
            headers.insert(name, HeaderValue::from_static(encoding.name()));
        }
        Ok(request)
    }

    async fn reply(&self, response: Response<Incoming>) -> Result<Reply, CallError> {
        let (parts, mut body) = response.into_parts();
        let mut ended = error::ended(&parts.headers);
        if let Some(Err(refusal)) = ended {
            return Err(refusal);
        }
        let content_type = parts
            .headers
            .get(header::CONTENT_TYPE)
            .map_or(&[][..], HeaderValue::as_bytes);
        if !parts.status.is_success() || !is_grpc(content_type) {
            return Err(CallError::foreign(parts.status, content_type));
        }
        let limit = self.settings.max_reply_bytes.saturating_add(PREFIX_LEN);
        let mut wire = BytesMut::new();
        while let Some(frame) = body.frame().await {
            match frame.map_err(|e| self.lost(&e))?.into_data() {
                Ok(data) if data.len() > limit - wire.len() => return Err(self.too_large()),
                Ok(data) => wire.extend_from_slice(&data),
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        ended = error::ended(&trailers).or(ended);
                    }
                }
            }
        }
        ended.unwrap_or_else(|| {
            Err(CallError::new(
                Code::Unavailable,
                "the peer ended the answer without a status",
            ))
        })?;
        let encoding = parts.headers.get("grpc-encoding").and_then(|value| value.to_str().ok());
        self.message(wire.freeze(), encoding.unwrap_or_default())
    }

    /// The message in the answer's bytes.
    fn message(&self, mut wire: Bytes, encoding: &str) -> Result<Reply, CallError> {
        let broken = |reason: String| {
            let reason = format!("the peer's answer is no gRPC message: {reason}");
            CallError::new(Code::Internal, reason)
        };
        let Some(prefix) = wire.first_chunk().copied() else {
            return Err(broken("it has no prefix".to_owned()));
        };
        let prefix = Prefix::parse(prefix).ok_or_else(|| broken("unknown flags".to_owned()))?;
        let message = wire.split_off(PREFIX_LEN);
        if prefix.length != message.len() {
            let found = message.len();
            return Err(broken(format!("{found} bytes where {} were announced", prefix.length)));
        }
        let message = if prefix.compressed {
            self.inflate(&message, encoding)?
        } else {
            message
        };
        Ok(Reply { message })
    }

    /// Peers may answer in the request's compression without being asked.
    fn inflate(&self, wire: &[u8], encoding: &str) -> Result<Bytes, CallError> {
        let Some(known) = Encoding::parse(encoding) else {
            let reason = format!("the peer compressed its answer with {encoding:?}, which is not known");
            return Err(CallError::new(Code::Internal, reason));
        };
        compression::inflate(known, wire, self.settings.max_reply_bytes).map_err(|e| match e {
            InflateError::TooLarge { .. } => self.too_large(),
            other => CallError::new(Code::Internal, format!("the peer's answer cannot be inflated: {other}")),
        })
    }

    fn too_large(&self) -> CallError {
        CallError::new(
            Code::ResourceExhausted,
            format!("the peer's answer exceeds {} bytes", self.settings.max_reply_bytes),
        )
    }

    fn lost(&self, e: &hyper::Error) -> CallError {
        CallError::new(
            Code::Unavailable,
            format!("connection to {} failed: {}", self.settings.target, chain(e)),
        )
    }
}

/// Distrusts the connection unless it was cleared: a call that ends without an answer (its caller's time was over) may have
/// hung on a peer that is gone, and the next one shall not.
struct Unanswered<'a>(Option<&'a Connection>);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            connection.distrust();
        }
    }
}
