//! A stand-in for a model, on a port of this machine: speaks OpenAI's and Anthropic's API in the shapes of the real ones, streams,
//! calls tools, fails and dawdles where the model's name asks for it. It understands nothing and never says that it does.

mod asked;
mod shapes;

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use self::{
    asked::{Asked, Manner, NAMES},
    shapes::Answer,
};
use crate::{
    gateway::{exchange::Api, providers::errors::error_body},
    net::{
        body::collect,
        listen::{self, Peer, Settings},
    },
};

/// Time before the first word.
const THINKING: Duration = Duration::from_millis(15);
/// Time between the pieces of a stream.
const PACE: Duration = Duration::from_millis(4);
/// Longest request, in bytes.
const MAX_REQUEST: usize = 20 << 20;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A model that listens.
pub(super) struct Model {
    /// Where.
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    serving: JoinSet<()>,
}

impl Model {
    /// Starts it on the current runtime, on a free port.
    ///
    /// # Errors
    /// Where the port cannot be taken.
    pub(super) async fn start() -> anyhow::Result<Model> {
        let listener = listen::bind("127.0.0.1:0").await.context("the stand-in model")?;
        let address = listener.local_addr().context("the stand-in model")?;
        let stop = CancellationToken::new();
        let service = |request: Request<Incoming>, _peer: Peer| answer(request);
        let serving = listen::serve(listener, Settings::default(), None, service, stop.clone());
        Ok(Model {
            address,
            stop,
            serving: JoinSet::from_iter([serving]),
        })
    }

    /// Ends it.
    pub(super) async fn end(self) {
        self.stop.cancel();
        self.serving.join_all().await;
    }
}

async fn answer(request: Request<Incoming>) -> Response<Body> {
    let api = match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/chat/completions") => Api::Chat,
        (&Method::POST, "/v1/messages") => Api::Messages,
        (&Method::GET, "/v1/models") => {
            let model = json!({"id": "chat", "object": "model", "created": 0, "owned_by": "stand-in"});
            return whole(
                StatusCode::OK,
                json!({"object": "list", "data": [model]}).to_string().into(),
            );
        }
        (method, path) => {
            let text = format!("the stand-in model does not serve {method} {path}");
            return fault(Api::Chat, StatusCode::NOT_FOUND, &text);
        }
    };
    let body = collect(request.into_body(), MAX_REQUEST, |_| Ok::<(), Infallible>(())).await;
    let asked = match body {
        Ok(body) => Asked::read(api, &body),
        Err(error) => Err(error.to_string()),
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(why) => return fault(api, StatusCode::BAD_REQUEST, &why),
    };
    let manner = Manner::of(&asked.model);
    match manner {
        None => {
            let text = format!("there is no model {:?}; the stand-in has {NAMES}", asked.model);
            return fault(api, StatusCode::NOT_FOUND, &text);
        }
        Some(Manner::Fails(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return fault(api, status, "the stand-in model fails, as the model's name asks for");
        }
        Some(Manner::Slow(time)) => sleep(time).await,
        Some(Manner::Prompt | Manner::Breaks) => sleep(THINKING).await,
    }
    let answer = Answer {
        said: asked.answer(),
        asked: &asked,
        id: format!("{:024x}", fastrand::u128(..) >> 32),
    };
    if asked.stream() {
        let events = answer.events();
        return match manner {
            Some(Manner::Breaks) => broken(events),
            _ => streamed(stream::iter(events.into_iter().map(Ok))),
        };
    }
    whole(StatusCode::OK, answer.whole().to_string().into())
}

fn whole(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn fault(api: Api, status: StatusCode, text: &str) -> Response<Body> {
    let mut response = whole(status, error_body(api, status.as_u16(), text, None, None));
    if status == StatusCode::TOO_MANY_REQUESTS {
        let second = header::HeaderValue::from_static("1");
        response.headers_mut().insert(header::RETRY_AFTER, second);
    }
    response
}

/// The first half of a stream, then a connection that breaks.
fn broken(mut events: Vec<Vec<u8>>) -> Response<Body> {
    events.truncate(events.len() / 2);
    let end = Err(io::Error::other("the stand-in model breaks off"));
    streamed(stream::iter(events.into_iter().map(Ok).chain([end])))
}

/// One event after another.
fn streamed(events: impl Stream<Item = io::Result<Vec<u8>>> + Send + 'static) -> Response<Body> {
    let paced = events.then(|event| async {
        sleep(PACE).await;
        event.map(|event| Frame::data(Bytes::from(event)))
    });
    let mut response = Response::new(StreamBody::new(paced).boxed_unsync());
    let kind = header::HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
