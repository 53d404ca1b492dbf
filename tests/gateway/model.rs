//! A stand-in for a provider: answers as it is told, keeps what it was asked.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

/// One answer, and the one after it.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    status: u16,
    headers: Vec<(&'static str, String)>,
    chunks: Vec<Bytes>,
    hangs: bool,
    delay: Duration,
    next: Option<Box<Script>>,
}

impl Script {
    pub(crate) fn json(status: u16, body: &Value) -> Script {
        Script {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            chunks: vec![body.to_string().into()],
            hangs: false,
            delay: Duration::ZERO,
            next: None,
        }
    }

    pub(crate) fn events(chunks: &[&'static str]) -> Script {
        Script {
            status: 200,
            headers: vec![("content-type", "text/event-stream".to_owned())],
            chunks: chunks
                .iter()
                .map(|chunk| Bytes::from_static(chunk.as_bytes()))
                .collect(),
            hangs: false,
            delay: Duration::ZERO,
            next: None,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Script {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Says nothing.
    pub(crate) fn without_body(mut self) -> Script {
        self.chunks.clear();
        self
    }

    /// Takes so long to begin.
    pub(crate) fn after(mut self, delay: Duration) -> Script {
        self.delay = delay;
        self
    }

    /// Never ends after its last chunk.
    pub(crate) fn and_hang(mut self) -> Script {
        self.hangs = true;
        self
    }

    /// Answers so the next time, and from then on.
    pub(crate) fn then(mut self, next: Script) -> Script {
        self.next = Some(Box::new(next));
        self
    }
}

/// A request that it got.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    /// A header's text, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

struct State {
    script: Mutex<Script>,
    asked: Mutex<Vec<Asked>>,
    open: AtomicUsize,
}

/// A running stand-in.
pub(crate) struct Model {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

impl Model {
    pub(crate) fn start(script: Script) -> Model {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("an option");
        let address = listener.local_addr().expect("bound");
        let listener = TcpListener::from_std(listener).expect("a listener");
        let state = Arc::new(State {
            script: Mutex::new(script),
            asked: Mutex::default(),
            open: AtomicUsize::new(0),
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
        Model {
            address,
            state,
            _tasks: tasks,
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().expect("a list").clone()
    }

    /// Answers so from now on.
    pub(crate) fn becomes(&self, script: Script) {
        *self.state.script.lock().expect("a script") = script;
    }

    /// Answers that are under way.
    pub(crate) fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }
}

/// Counts an answer as long as its body lives.
struct Open(Arc<State>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
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
    let script = {
        let mut script = state.script.lock().expect("a script");
        let now = script.clone();
        if let Some(next) = script.next.take() {
            *script = *next;
        }
        now
    };
    state.asked.lock().expect("a list").push(Asked {
        path: parts.uri.path().to_owned(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
    });
    state.open.fetch_add(1, Ordering::SeqCst);
    let open = Open(state);
    tokio::time::sleep(script.delay).await;
    let frames = futures_util::stream::iter(script.chunks).map(|chunk| Ok(Frame::data(chunk)));
    let rest = if script.hangs {
        futures_util::stream::pending().left_stream()
    } else {
        futures_util::stream::empty().right_stream()
    };
    // Held as long as the body lives.
    let frames = frames.chain(rest).inspect(move |_| {
        let _held = &open;
    });
    let body = UnsyncBoxBody::new(StreamBody::new(frames));
    let mut response = Response::builder().status(script.status);
    for (name, value) in script.headers {
        response = response.header(name, value);
    }
    Ok(response.body(body).expect("a response"))
}
