//! Listening: binding with errors that name the address, a cap on connections, header and idle time-outs that fire, TLS, and
//! an end that lets requests in flight finish. Serves HTTP/1.1 and HTTP/2 with prior knowledge on one port; knows nothing
//! of what is served. Refuses to wait for ever: each wait on a peer has a bound, and all tasks end with [`serve`].

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    sync::Semaphore,
    time::{Instant, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::tls::TlsServer;
use crate::values::redacted;
use activity::{Activity, Counted};
use impatient::Impatient;
use prefixed::Prefixed;
pub use trial::Trial;

mod activity;
mod impatient;
mod prefixed;
#[cfg(test)]
mod tests;
mod trial;

/// What opens an HTTP/2 connection (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Connections that the kernel holds for us until they are accepted.
const BACKLOG: u32 = 1024;
/// First and longest pause after a failed accept (no file descriptors left, say).
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));
/// TCP keepalive: idle time before the first probe, and time between probes.
const TCP_KEEPALIVE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(15));
/// Time that a connection which is told to end gets for its goodbye where nothing is in flight.
const GOODBYE: Duration = Duration::from_secs(2);

/// How connections are served.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Most connections at a time; at the cap no more are accepted until one ends. 1024.
    pub max_connections: usize,
    /// Longest time for the TLS handshake and for the bytes that tell HTTP/1 from HTTP/2, each, and (HTTP/1) for the
    /// whole head of a request, idle time before it included. 30s.
    pub header_read_timeout: Duration,
    /// A connection without a request in flight ends after this time. None: never (HTTP/1: `header_read_timeout`).
    pub idle_timeout: Option<Duration>,
    /// A connection is told to end after this time. None: never.
    pub max_age: Option<Duration>,
    /// What requests in flight get to finish after `max_age`. None: as long as they need.
    pub max_age_grace: Option<Duration>,
    /// A peer that takes nothing of its answer for this time is gone (HTTP/1). None: it may wait for ever.
    pub write_timeout: Option<Duration>,
    /// Longest time for a request with its answer, whose peer may hold it up by taking nothing (HTTP/2). None: for ever.
    pub stream_timeout: Option<Duration>,
    /// HTTP/1 connections may carry several requests. Yes.
    pub keep_alive: KeepAlive,
    /// HTTP/1: what a peer that sends no more is. Waits.
    pub half_close: HalfClose,
    /// HTTP/2: idle time after which the peer is pinged. None: never.
    pub ping_interval: Option<Duration>,
    /// HTTP/2: longest wait for the answer to a ping. 20s.
    pub ping_timeout: Duration,
    /// HTTP/2: most streams at a time on a connection. 256.
    pub max_concurrent_streams: u32,
    /// HTTP/2: flow-control window of a stream, in bytes. 8 MiB.
    pub stream_window: u32,
    /// HTTP/2: flow-control window of a connection, in bytes. 32 MiB.
    pub connection_window: u32,
    /// HTTP/2: largest frame that the peer may send, in bytes. 64 KiB.
    pub max_frame_size: u32,
    /// Largest head of a request, in bytes. 16 KiB (HTTP/1: the smallest multiple that hyper takes).
    pub max_header_size: u32,
    /// What requests in flight get to finish once [`serve`] shall stop. 5s.
    pub grace: Duration,
}

/// Whether an HTTP/1 connection may carry several requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepAlive {
    /// It may.
    Yes,
    /// It ends after the first.
    No,
}

/// What an HTTP/1 peer is that has closed its side of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HalfClose {
    /// Done with sending, and waiting for its answer.
    Waits,
    /// Gone: what is done for it ends.
    Gone,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_connections: 1024,
            header_read_timeout: Duration::from_secs(30),
            idle_timeout: None,
            max_age: None,
            max_age_grace: None,
            write_timeout: None,
            stream_timeout: None,
            keep_alive: KeepAlive::Yes,
            half_close: HalfClose::Waits,
            ping_interval: None,
            ping_timeout: Duration::from_secs(20),
            max_concurrent_streams: 256,
            stream_window: 8 << 20,
            connection_window: 32 << 20,
            max_frame_size: 64 << 10,
            max_header_size: 16 << 10,
            grace: Duration::from_secs(5),
        }
    }
}

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
}

/// What answers requests. Every closure from a request and its peer to a future response is one.
pub trait Service: Clone + Send + Sync + 'static {
    /// The body of the answers.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin + Send + 'static;

    /// Answers one request. HTTP/2: runs in a task of its own, dropped when the peer resets the stream.
    fn call(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<Self::Body>> + Send;
}

impl<F, A, B> Service for F
where
    F: Fn(Request<Incoming>, Peer) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<B>> + Send,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Unpin + Send + 'static,
{
    type Body = B;

    fn call(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<B>> + Send {
        self(request, peer)
    }
}

/// Takes a port. `host:port`, `[::1]:port`, `:port` (every interface, IPv6 too where there is one); port 0 takes a free one.
/// A name is resolved and its first address that can be bound is taken, IPv4 before IPv6, so `localhost` is `127.0.0.1`.
///
/// # Errors
/// One line that names the endpoint: malformed, unknown, in use, not allowed.
pub async fn bind(endpoint: &str) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses(endpoint).await? {
        match bind_address(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(cannot_listen(endpoint, &last))
}

/// The addresses that an endpoint may mean, the preferred one first.
async fn addresses(endpoint: &str) -> io::Result<Vec<SocketAddr>> {
    let (host, port) = split_endpoint(endpoint)
        .map_err(|reason| cannot_listen(endpoint, &io::Error::new(io::ErrorKind::InvalidInput, reason)))?;
    if host.is_empty() {
        return Ok(vec![
            (Ipv6Addr::UNSPECIFIED, port).into(),
            (Ipv4Addr::UNSPECIFIED, port).into(),
        ]);
    }
    let found = lookup_host((host, port)).await;
    let mut addresses: Vec<SocketAddr> = found.map_err(|error| cannot_listen(endpoint, &error))?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

fn cannot_listen(endpoint: &str, error: &io::Error) -> io::Error {
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => "address already in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied (ports below 1024 need a privilege)".to_owned(),
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("cannot listen on {endpoint:?}: {reason}"))
}

/// Host (without brackets, may be empty) and port of `host:port`.
///
/// # Errors
/// What is wrong, with what would be right.
pub fn split_endpoint(endpoint: &str) -> Result<(&str, u16), String> {
    let right = "write it like localhost:4317, 0.0.0.0:4317 or [::1]:4317";
    if endpoint.contains('@') {
        return Err(format!("{:?} is no host and port; {right}", redacted(endpoint)));
    }
    let (host, port) = endpoint
        .rsplit_once(':')
        .ok_or_else(|| format!("{endpoint:?} has no port; {right}"))?;
    let port = port.parse().map_err(|_| format!("{port:?} is no port; {right}"))?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|inner| inner.parse::<Ipv6Addr>().is_ok()),
        None => Some(host).filter(|host| !host.contains([':', '/', ']', ' '])),
    };
    Ok((bare.ok_or_else(|| format!("{host:?} is no host; {right}"))?, port))
}

fn bind_address(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket2::SockRef::from(&socket).set_only_v6(false)?;
    }
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop`; then no connection is accepted, requests in flight finish within `settings.grace`, and whatever is
/// left is cut. No task outlives the call.
pub async fn serve<S: Service>(
    listener: TcpListener,
    settings: Settings,
    tls: Option<TlsServer>,
    service: S,
    stop: CancellationToken,
) {
    let slots = Arc::new(Semaphore::new(
        settings.max_connections.clamp(1, Semaphore::MAX_PERMITS),
    ));
    let server = Arc::new(Server {
        grace: settings.grace,
        tls,
        service,
        tasks: TaskTracker::new(),
        stop: stop.clone(),
        kill: CancellationToken::new(),
        settings,
    });
    let mut pause = ACCEPT_PAUSE.0;
    loop {
        let accept = async {
            let slot = Arc::clone(&slots)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            (slot, listener.accept().await)
        };
        let Some((slot, accepted)) = stop.run_until_cancelled(accept).await else {
            break;
        };
        match accepted {
            Ok((stream, address)) => {
                pause = ACCEPT_PAUSE.0;
                let served = Arc::clone(&server);
                server.tasks.spawn(async move {
                    served
                        .kill
                        .run_until_cancelled(served.connection(stream, Peer { address }))
                        .await;
                    drop(slot);
                });
            }
            Err(error) if is_the_peers(&error) => {}
            Err(error) => {
                tracing::warn!(%error, pause_ms = pause.as_millis() as u64, "cannot accept a connection");
                drop(slot);
                stop.run_until_cancelled(sleep(pause)).await;
                pause = (pause * 2).min(ACCEPT_PAUSE.1);
            }
        }
    }
    drop(listener);
    server.tasks.close();
    if timeout(server.grace, server.tasks.wait()).await.is_err() {
        tracing::warn!("connections were cut: their requests did not finish in time");
        server.kill.cancel();
        server.tasks.wait().await;
    }
}

/// Whether a failed accept is about that one connection, not about this process.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}

struct Server<S> {
    settings: Settings,
    grace: Duration,
    tls: Option<TlsServer>,
    service: S,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Ends whatever did not finish within the grace.
    kill: CancellationToken,
}

impl<S: Service> Server<S> {
    async fn connection(&self, stream: TcpStream, peer: Peer) {
        // Failures here mean that the peer is gone, which the first read will tell.
        let _ = stream.set_nodelay(true);
        let keepalive = socket2::TcpKeepalive::new()
            .with_time(TCP_KEEPALIVE.0)
            .with_interval(TCP_KEEPALIVE.1);
        let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive);
        let Some(tls) = &self.tls else {
            return self.detect(stream, peer).await;
        };
        let handshake = TlsAcceptor::from(tls.config()).accept(stream);
        match self
            .stop
            .run_until_cancelled(timeout(self.settings.header_read_timeout, handshake))
            .await
        {
            Some(Ok(Ok(stream))) => self.detect(stream, peer).await,
            Some(Ok(Err(error))) => tracing::debug!(peer = %peer.address, %error, "TLS handshake failed"),
            Some(Err(_)) => tracing::debug!(peer = %peer.address, "TLS handshake timed out"),
            None => {}
        }
    }

    /// Tells HTTP/2 from HTTP/1 by the first bytes, then serves it.
    async fn detect<I: AsyncRead + AsyncWrite + Send + Unpin + 'static>(&self, mut stream: I, peer: Peer) {
        let mut first = Vec::with_capacity(PREFACE.len());
        let read = async {
            while first.len() < PREFACE.len() && PREFACE.starts_with(&first) {
                if (&mut stream)
                    .take((PREFACE.len() - first.len()) as u64)
                    .read_buf(&mut first)
                    .await?
                    == 0
                {
                    break;
                }
            }
            io::Result::Ok(())
        };
        match self
            .stop
            .run_until_cancelled(timeout(self.settings.header_read_timeout, read))
            .await
        {
            Some(Ok(Ok(()))) if !first.is_empty() => {}
            Some(Err(_)) => return tracing::debug!(peer = %peer.address, "no request in time"),
            _ => return,
        }
        let is_http2 = first == PREFACE;
        let io = Prefixed::new(first, stream);
        let activity = Arc::new(Activity::default());
        let (service, seen) = (self.service.clone(), Arc::clone(&activity));
        let service = hyper::service::service_fn(move |request| {
            let (service, busy) = (service.clone(), seen.begin());
            async move {
                Ok::<_, std::convert::Infallible>(
                    service.call(request, peer).await.map(|body| Counted::new(body, busy)),
                )
            }
        });
        if is_http2 {
            let connection = self.http2().serve_connection(TokioIo::new(io), service);
            self.drive(connection, &activity).await;
        } else {
            let io = Impatient::new(io, self.settings.write_timeout);
            let connection = self.http1().serve_connection(TokioIo::new(io), service);
            self.drive(connection, &activity).await;
        }
    }

    fn http1(&self) -> hyper::server::conn::http1::Builder {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.header_read_timeout)
            .keep_alive(self.settings.keep_alive == KeepAlive::Yes)
            .half_close(self.settings.half_close == HalfClose::Waits)
            .max_header_size(self.settings.max_header_size as usize);
        builder
    }

    fn http2(&self) -> hyper::server::conn::http2::Builder<Tasks> {
        let settings = &self.settings;
        let mut builder = hyper::server::conn::http2::Builder::new(Tasks {
            tasks: self.tasks.clone(),
            kill: self.kill.clone(),
            timeout: settings.stream_timeout,
        });
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(settings.stream_window)
            .initial_connection_window_size(settings.connection_window)
            .max_frame_size(settings.max_frame_size)
            .max_concurrent_streams(settings.max_concurrent_streams)
            .max_header_list_size(settings.max_header_size)
            .keep_alive_interval(settings.ping_interval)
            .keep_alive_timeout(settings.ping_timeout);
        builder
    }

    /// Runs a connection to its end: the peer's, the idle or age limit, or the server's.
    async fn drive<C: GracefulConnection>(&self, connection: C, activity: &Activity) {
        let mut connection = pin!(connection);
        let ending = tokio::select! {
            _ = connection.as_mut() => return,
            () = self.stop.cancelled() => Ending::Stop,
            () = activity.idle(self.settings.idle_timeout) => Ending::Idle,
            () = after(self.settings.max_age) => Ending::Age,
        };
        connection.as_mut().graceful_shutdown();
        let grace = match ending {
            Ending::Age => self.settings.max_age_grace,
            Ending::Stop | Ending::Idle => None,
        };
        // A peer that does not say goodbye is cut once nothing is in flight.
        tokio::select! {
            _ = connection => {}
            () = after(grace) => {}
            () = activity.idle(Some(GOODBYE)) => {}
        }
    }
}

/// Why a connection was told to end.
enum Ending {
    Stop,
    Idle,
    Age,
}

async fn after(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep_until(Instant::now() + duration).await,
        None => std::future::pending().await,
    }
}

/// Runs the requests of HTTP/2 connections as tasks that the server owns.
#[derive(Clone)]
struct Tasks {
    tasks: TaskTracker,
    kill: CancellationToken,
    timeout: Option<Duration>,
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, future: F) {
        let (kill, limit) = (self.kill.clone(), self.timeout);
        self.tasks.spawn(async move {
            let limited = async {
                match limit {
                    // Dropped, it resets the stream.
                    Some(limit) => drop(timeout(limit, future).await),
                    None => future.await,
                }
            };
            kill.run_until_cancelled(limited).await;
        });
    }
}
