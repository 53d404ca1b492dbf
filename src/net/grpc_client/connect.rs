//! One HTTP/2 connection of the gRPC client: dialing every address of the host within one time-out, TLS, the handshake, and
//! the tasks that drive it, which end with the connection. A peer that vanished is noticed by the kernel's TCP time-out, so
//! that no ping offends a server that allows few.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{CallError, ClientSettings};
use crate::net::{grpc::Code, rope::Rope};

/// Receive window of a stream, in bytes.
const STREAM_WINDOW: u32 = 8 << 20;
/// Receive window of a connection, in bytes.
const CONNECTION_WINDOW: u32 = 32 << 20;
/// Largest frame that we take, in bytes.
const FRAME_SIZE: u32 = 64 << 10;
/// Largest header list that we take, in bytes; long messages and details travel there.
const HEADER_LIST: u32 = 64 << 10;
/// Time after which unanswered bytes make the kernel give a connection up.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(20);
/// Idle time after which the kernel asks whether the peer is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// A connection and the tasks that drive it; they end when it is dropped.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Rope>,
    /// A call on it got no answer in time; new calls shall not trust it.
    suspect: AtomicBool,
    stop: CancellationToken,
}

impl Connection {
    /// Whether new calls may go over it.
    pub(super) fn is_usable(&self) -> bool {
        !self.suspect.load(Ordering::Relaxed) && !self.sender.is_closed()
    }

    /// No further call shall go over it; those that are under way may end.
    pub(super) fn distrust(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Runs hyper's tasks so that somebody owns them: they end with the token, and the tracker waits for them.
#[derive(Clone)]
struct Owner {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl<F> hyper::rt::Executor<F> for Owner
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(task));
    }
}

/// Dials, within the settings' connect time-out.
///
/// # Errors
/// UNAVAILABLE with the address and the reason.
pub(super) async fn connect(settings: &ClientSettings, tasks: &TaskTracker) -> Result<Connection, CallError> {
    let target = &settings.target;
    let within = settings.connect_timeout;
    match timeout(within, dial(settings, tasks)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(reason)) => Err(CallError::new(
            Code::Unavailable,
            format!("cannot connect to {target}: {reason}"),
        )),
        Err(_) => Err(CallError::new(
            Code::Unavailable,
            format!("cannot connect to {target}: no answer within {within:?}"),
        )),
    }
}

async fn dial(settings: &ClientSettings, tasks: &TaskTracker) -> Result<Connection, String> {
    let tcp = dial_tcp(settings).await?;
    let io: Box<dyn Io> = match &settings.tls {
        None => Box::new(tcp),
        Some(config) => {
            let name = settings.server_name.as_deref().unwrap_or(&settings.target.host);
            let server = ServerName::try_from(name.to_owned())
                .map_err(|_| format!("{name:?} is no name that a certificate can hold"))?;
            let tls = tokio_rustls::TlsConnector::from(config.clone())
                .connect(server, tcp)
                .await
                .map_err(|e| tls_reason(&e))?;
            match tls.get_ref().1.alpn_protocol() {
                None | Some(b"h2") => Box::new(tls),
                Some(other) => {
                    let other = String::from_utf8_lossy(other);
                    return Err(format!("the peer wants to speak {other}, not HTTP/2"));
                }
            }
        }
    };
    let owner = Owner {
        tasks: tasks.clone(),
        stop: CancellationToken::new(),
    };
    let stop = owner.stop.clone();
    let mut builder = http2::Builder::new(owner.clone());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE)
        .max_header_list_size(HEADER_LIST);
    if let Some(keepalive) = &settings.keepalive {
        builder
            .keep_alive_interval(keepalive.every)
            .keep_alive_timeout(keepalive.timeout)
            .keep_alive_while_idle(keepalive.while_idle);
    }
    let (sender, driver) = builder
        .handshake(TokioIo::new(io))
        .await
        .map_err(|e| format!("HTTP/2 handshake failed: {}", chain(&e)))?;
    hyper::rt::Executor::execute(&owner, driver);
    Ok(Connection {
        sender,
        suspect: AtomicBool::new(false),
        stop,
    })
}

/// Tries the host's addresses one after the other; each gets its share of the time, so that a dead first address leaves
/// some for the next.
async fn dial_tcp(settings: &ClientSettings) -> Result<TcpStream, String> {
    let target = &settings.target;
    let addresses: Vec<_> = lookup_host((target.host.as_str(), target.port))
        .await
        .map_err(|e| format!("cannot resolve {:?}: {e}", target.host))?
        .collect();
    let share = settings.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut reason = format!("{:?} has no address", target.host);
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(tcp)) => {
                tune(&tcp).map_err(|e| format!("cannot set up the socket: {e}"))?;
                return Ok(tcp);
            }
            Ok(Err(e)) => reason = format!("{address}: {e}"),
            Err(_) => reason = format!("{address}: no answer"),
        }
    }
    Err(reason)
}

fn tune(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = socket2::SockRef::from(tcp);
    socket.set_tcp_keepalive(
        &socket2::TcpKeepalive::new()
            .with_time(TCP_KEEPALIVE)
            .with_interval(TCP_KEEPALIVE / 3),
    )?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT))?;
    Ok(())
}

/// A peer without TLS is the commonest cause, and rustls's words for it help nobody.
fn tls_reason(e: &io::Error) -> String {
    let rustls = e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match rustls {
        Some(rustls::Error::InvalidMessage(_)) => {
            format!("TLS handshake failed: {e}; if the peer has no TLS, set \"tls: {{insecure: true}}\"")
        }
        _ => format!("TLS handshake failed: {e}"),
    }
}

/// An error with its causes, as one line.
pub(super) fn chain(e: &dyn std::error::Error) -> String {
    let mut text = e.to_string();
    let mut source = e.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}
