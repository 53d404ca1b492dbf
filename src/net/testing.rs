//! A real HTTP/1 and HTTP/2 server on a loopback port for the tests of everything that sends: it keeps what it got and answers
//! what the test says. Ends when it is dropped.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};

use super::grpc::{self, Status};

/// A request as the server got it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: http::Method,
    pub(crate) uri: http::Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What the server answers.
pub(crate) type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

type Script = Arc<dyn Fn(&Seen) -> Option<Answer> + Send + Sync>;

#[derive(Default)]
struct Record {
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    record: Arc<Record>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Serves plain text on a free port. Where the script answers `None`, the request hangs.
    pub(crate) async fn start(script: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static) -> Server {
        Server::on("127.0.0.1:0", None, script).await
    }

    /// Serves on that address, with TLS if there is a config.
    pub(crate) async fn on(
        address: &str,
        tls: Option<Arc<rustls::ServerConfig>>,
        script: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static,
    ) -> Server {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address.parse().unwrap()).unwrap();
        let listener = socket.listen(64).unwrap();
        let address = listener.local_addr().unwrap();
        let record = Arc::new(Record::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, record.clone(), Arc::new(script)));
        Server {
            address,
            record,
            _tasks: tasks,
        }
    }

    /// What it got so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.record.seen.lock().unwrap().clone()
    }

    /// Connections that it accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.record.connections.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, tls: Option<Arc<rustls::ServerConfig>>, record: Arc<Record>, script: Script) {
    let mut connections = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        record.connections.fetch_add(1, Ordering::SeqCst);
        let (record, script, tls) = (record.clone(), script.clone(), tls.clone());
        connections.spawn(async move {
            match tls {
                None => serve(tcp, record, script).await,
                Some(config) => {
                    if let Ok(tls) = tokio_rustls::TlsAcceptor::from(config).accept(tcp).await {
                        serve(tls, record, script).await;
                    }
                }
            }
        });
    }
}

async fn serve(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, record: Arc<Record>, script: Script) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (record, script) = (record.clone(), script.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(_) => std::future::pending().await,
            };
            let seen = Seen {
                method: parts.method,
                uri: parts.uri,
                headers: parts.headers,
                body,
            };
            record.seen.lock().unwrap().push(seen.clone());
            match script(&seen) {
                Some(answer) => Ok::<_, Infallible>(answer),
                None => std::future::pending().await,
            }
        }
    });
    // An error here is the client's: its test looks at it from the other side.
    let _ = auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(io), service)
        .await;
}

/// An address on which nobody listens.
pub(crate) fn nobody() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// An answer of pieces; an `Err` breaks the answer off there.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], pieces: Vec<Result<Frame<Bytes>, io::Error>>) -> Answer {
    let pieces = futures_util::stream::iter(pieces).then(async |piece| {
        if piece.is_err() {
            // What stands before the break shall reach the client.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        piece
    });
    let mut response = Response::new(StreamBody::new(pieces).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// An answer over HTTP/1 or HTTP/2 with that text.
pub(crate) fn text(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    answer(status, headers, vec![Ok(Frame::data(body.into()))])
}

/// A successful gRPC answer with that message.
pub(crate) fn grpc_ok(message: &[u8]) -> Answer {
    grpc::reply(message).map(|body| body.map_err(|never| match never {}).boxed_unsync())
}

/// A gRPC answer that is nothing but a status.
pub(crate) fn grpc_status(status: Status) -> Answer {
    status
        .into_response()
        .map(|body| body.map_err(|never| match never {}).boxed_unsync())
}

/// A gRPC answer of these bytes, with trailers that say OK.
pub(crate) fn grpc_bytes(headers: &[(&str, &str)], bytes: impl Into<Bytes>) -> Answer {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let mut headers = headers.to_vec();
    headers.push(("content-type", "application/grpc"));
    answer(
        200,
        &headers,
        vec![Ok(Frame::data(bytes.into())), Ok(Frame::trailers(trailers))],
    )
}

/// A break in an answer's body.
pub(crate) fn broken() -> Result<Frame<Bytes>, io::Error> {
    Err(io::Error::other("broken off"))
}

/// An authority of its own, a server's side for `localhost` signed by it, and the authority's certificate as PEM.
pub(crate) fn tls_for_localhost(alpn: &[&[u8]]) -> (Arc<rustls::ServerConfig>, String) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let mut config = rustls::ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    (Arc::new(config), authority_certificate.pem())
}
