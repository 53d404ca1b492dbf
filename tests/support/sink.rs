//! The next hop: a real HTTP/1 and HTTP/2 server that keeps what it gets and answers as it is told.

use std::{
    convert::Infallible,
    io::Read,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value, trace::v1::Span,
};
use prost::Message as _;
use tokio::{net::TcpSocket, task::JoinSet};

/// How it answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mood {
    /// Success.
    Accept,
    /// Success after a while.
    Slow(Duration),
    /// 503 or UNAVAILABLE; keeps nothing.
    Refuse,
    /// Never; keeps nothing.
    Hang,
}

/// A request that was answered with success.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// The OTLP message, inflated.
    pub(crate) message: Bytes,
}

impl Received {
    /// A header's text, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// Every span with its resource's `service.name`.
    pub(crate) fn spans_by_service(&self) -> Vec<(String, Span)> {
        let request = ExportTraceServiceRequest::decode(&self.message[..]).expect("OTLP");
        let mut found = Vec::new();
        for resource in request.resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let name = attributes.into_iter().find(|attribute| attribute.key == "service.name");
            let name = match name.and_then(|attribute| attribute.value?.value) {
                Some(any_value::Value::StringValue(name)) => name,
                _ => String::new(),
            };
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            found.extend(spans.map(|span| (name.clone(), span)));
        }
        found
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let request = ExportTraceServiceRequest::decode(&self.message[..]).expect("OTLP");
        let scopes = request
            .resource_spans
            .into_iter()
            .flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

struct State {
    mood: Mutex<Mood>,
    received: Mutex<Vec<Received>>,
}

/// A running server.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

impl Sink {
    pub(crate) fn start() -> Sink {
        Sink::on(0)
    }

    /// Serves on that port of 127.0.0.1, as one that comes back does.
    pub(crate) fn on(port: u16) -> Sink {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an option");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], port))).expect("a port");
        let listener = socket.listen(64).expect("listening");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(State {
            mood: Mutex::new(Mood::Accept),
            received: Mutex::default(),
        });
        let (mut tasks, shared) = (JoinSet::new(), Arc::clone(&state));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(request, Arc::clone(&state)));
                    // A connection that breaks is the other side's to notice.
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Sink {
            address,
            state,
            _tasks: tasks,
        }
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.state.mood.lock().expect("a mood") = mood;
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.received.lock().expect("a list").clone()
    }

    /// Keeps nothing of what it has got.
    pub(crate) fn forget(&self) {
        self.state.received.lock().expect("a list").clear();
    }

    /// Every span that it got.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.received().iter().flat_map(Received::spans).collect()
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return std::future::pending().await;
    };
    let is_grpc = parts
        .headers
        .get("content-type")
        .is_some_and(|kind| kind == "application/grpc");
    let mood = *state.mood.lock().expect("a mood");
    match mood {
        Mood::Hang => std::future::pending().await,
        Mood::Slow(delay) => tokio::time::sleep(delay).await,
        Mood::Accept | Mood::Refuse => {}
    }
    if mood != Mood::Refuse {
        let message = message(&parts.headers, body.to_bytes());
        let received = Received {
            path: parts.uri.path().to_owned(),
            headers: parts.headers,
            message,
        };
        state.received.lock().expect("a list").push(received);
    }
    Ok(reply(is_grpc, mood))
}

fn reply(is_grpc: bool, mood: Mood) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let refused = mood == Mood::Refuse;
    let (status, kind) = match (is_grpc, refused) {
        (true, _) => (200, "application/grpc"),
        (false, false) => (200, "application/x-protobuf"),
        (false, true) => (503, "application/x-protobuf"),
    };
    let mut frames = Vec::new();
    if is_grpc {
        if !refused {
            frames.push(Ok(Frame::data(Bytes::from_static(&[0; 5]))));
        }
        let code = if refused { "14" } else { "0" };
        let trailers = [("grpc-status".parse().expect("a name"), code.parse().expect("a value"))];
        frames.push(Ok(Frame::trailers(HeaderMap::from_iter(trailers))));
    }
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let response = Response::builder().status(status).header("content-type", kind);
    response.body(UnsyncBoxBody::new(body)).expect("a response")
}

fn message(headers: &HeaderMap, body: Bytes) -> Bytes {
    let named = |name: &str| headers.get(name).map(|value| value.to_str().expect("text").to_owned());
    if named("content-type").is_some_and(|kind| kind.starts_with("application/grpc")) {
        let length = u32::from_be_bytes(body[1..5].try_into().expect("four bytes")) as usize;
        assert_eq!(body.len(), length + 5, "one message");
        let encoding = named("grpc-encoding").filter(|_| body[0] == 1);
        inflate(encoding.as_deref(), &body[5..])
    } else {
        inflate(named("content-encoding").as_deref(), &body)
    }
}

fn inflate(encoding: Option<&str>, wire: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    match encoding {
        None | Some("identity") => plain.extend_from_slice(wire),
        Some("gzip") => {
            flate2::read::MultiGzDecoder::new(wire)
                .read_to_end(&mut plain)
                .expect("gzip");
        }
        Some("zstd") => plain = zstd::decode_all(wire).expect("zstd"),
        Some(other) => panic!("{other}"),
    }
    Bytes::from(plain)
}
