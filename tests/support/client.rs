//! Clients for one request each, which send exactly what they are told to, right or wrong.

use std::{io::Write, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use super::PATIENCE;

/// The method that takes traces.
pub(crate) const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// The path that takes traces.
pub(crate) const TRACES: &str = "/v1/traces";

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
}

impl Reply {
    /// A header's or trailer's text, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.get(name).or_else(|| self.trailers.get(name));
        found.map_or("", |value| value.to_str().expect("text"))
    }

    /// The gRPC status.
    pub(crate) fn code(&self) -> u32 {
        let text = self.header("grpc-status");
        text.parse().unwrap_or_else(|_| panic!("no gRPC status in {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Where to send to.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) port: u16,
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
}

impl Client {
    /// Plain text.
    pub(crate) fn to(port: u16) -> Client {
        Client { port, tls: None }
    }

    async fn connect(&self) -> Result<TokioIo<Box<dyn Stream>>, String> {
        let tcp = TcpStream::connect(("127.0.0.1", self.port))
            .await
            .map_err(|error| error.to_string())?;
        let Some(tls) = &self.tls else {
            return Ok(TokioIo::new(Box::new(tcp)));
        };
        let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
        let stream = tokio_rustls::TlsConnector::from(Arc::clone(tls))
            .connect(name, tcp)
            .await;
        Ok(TokioIo::new(Box::new(stream.map_err(|error| error.to_string())?)))
    }

    /// One request over HTTP/1.1.
    ///
    /// # Errors
    /// What broke the connection before an answer came.
    pub(crate) async fn try_http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, String> {
        let request = request(method, path, headers, body);
        let exchange = async {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(self.connect().await?)
                .await
                .map_err(|error| error.to_string())?;
            let answer = async {
                let response = sender
                    .send_request(request)
                    .await
                    .map_err(|error| format!("{error:?}"))?;
                reply(response).await
            };
            tokio::pin!(connection);
            tokio::pin!(answer);
            tokio::select! {
                answer = &mut answer => answer,
                // What has come is still there to be read.
                _ = &mut connection => answer.await,
            }
        };
        timeout(PATIENCE, exchange).await.expect("an answer in time")
    }

    /// One OTLP request over HTTP.
    pub(crate) async fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_http("POST", TRACES, headers, body).await.expect("an answer")
    }

    /// The same in protobuf, where there may be no answer.
    pub(crate) async fn try_post_proto(&self, body: &[u8]) -> Result<Reply, String> {
        self.try_http("POST", TRACES, &[("content-type", "application/x-protobuf")], body)
            .await
    }

    /// One OTLP request over HTTP in protobuf.
    pub(crate) async fn post_proto(&self, body: &[u8]) -> Reply {
        self.post(&[("content-type", "application/x-protobuf")], body).await
    }

    /// One request over HTTP/2.
    ///
    /// # Errors
    /// What broke the connection before an answer came.
    pub(crate) async fn try_http2(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, String> {
        let request = request(method, &format!("http://localhost{path}"), headers, body);
        let exchange = async {
            let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
            let (mut sender, connection) = builder
                .handshake(self.connect().await?)
                .await
                .map_err(|error| error.to_string())?;
            let answer = async {
                let response = sender
                    .send_request(request)
                    .await
                    .map_err(|error| format!("{error:?}"))?;
                reply(response).await
            };
            tokio::select! {
                answer = answer => answer,
                ended = connection => Err(format!("the connection ended: {ended:?}")),
            }
        };
        timeout(PATIENCE, exchange).await.expect("an answer in time")
    }

    /// A gRPC call; the message is framed here.
    ///
    /// # Errors
    /// What broke the connection before an answer came.
    pub(crate) async fn try_call(&self, message: &[u8]) -> Result<Reply, String> {
        self.try_http2(
            "POST",
            EXPORT,
            &[("content-type", "application/grpc"), ("te", "trailers")],
            &frame(0, message),
        )
        .await
    }

    /// A gRPC call; the message is framed here.
    pub(crate) async fn call(&self, message: &[u8]) -> Reply {
        self.try_call(message).await.expect("an answer")
    }
}

fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &[u8]) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(uri);
    if uri.starts_with('/') {
        request = request.header("host", "localhost");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
        .body(Full::new(Bytes::copy_from_slice(body)))
        .expect("a request")
}

async fn reply(response: http::Response<hyper::body::Incoming>) -> Result<Reply, String> {
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.map_err(|error| error.to_string())?;
    Ok(Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        trailers: collected.trailers().cloned().unwrap_or_default(),
        body: collected.to_bytes(),
    })
}

/// A gRPC frame.
pub(crate) fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

/// Compressed as `name` says.
pub(crate) fn deflate(name: &str, plain: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::default();
    match name {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(plain).expect("memory");
            encoder.finish().expect("memory")
        }
        "deflate" | "zlib" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(plain).expect("memory");
            encoder.finish().expect("memory")
        }
        "zstd" => zstd::encode_all(plain, 1).expect("memory"),
        other => panic!("{other}"),
    }
}

/// Body of a `GET`, once it is answered with that status.
pub(crate) async fn get(port: u16, path: &str, status: u16) -> String {
    let started = std::time::Instant::now();
    loop {
        let last = Client::to(port).try_http("GET", path, &[], b"").await;
        match last {
            Ok(reply) if reply.status == status => return reply.text(),
            last => assert!(started.elapsed() < PATIENCE, "{path}: {last:?}, not {status}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
