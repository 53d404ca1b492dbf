//! The HTTP surface of a listener: which path does what, and answers in the shape of the API that the client speaks.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use serde_json::json;

use super::{
    auth, chat,
    exchange::Api,
    incoming,
    providers::errors::error_body,
    record::{Client, Fault, Record},
    relay::Cut,
    serve::Shared,
    spans::ErrorType,
};
use crate::{net::listen::Peer, propagation::Context};

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Cut>;
/// An answer.
pub(super) type Answer = Response<Body>;

/// Answers one request.
pub(super) async fn answer(shared: Arc<Shared>, listener: usize, request: Request<Incoming>, peer: Peer) -> Answer {
    let id = request_id(request.headers());
    let (head, mut body) = request.into_parts();
    let comes_anyway = incoming::comes_anyway(&head);
    let mut answer = answer_to(shared, listener, head, &mut body, peer, &id).await;
    answer.headers_mut().insert("x-request-id", id);
    if comes_anyway && incoming::is_left_over(&body, answer.status()) {
        incoming::discard(&mut body).await;
    }
    answer
}

async fn answer_to(
    shared: Arc<Shared>,
    listener: usize,
    head: Parts,
    body: &mut Incoming,
    peer: Peer,
    id: &HeaderValue,
) -> Answer {
    let path = head.uri.path();
    let api = match path {
        "/v1/chat/completions" => Some(Api::Chat),
        "/v1/messages" => Some(Api::Messages),
        "/v1/responses" => Some(Api::Responses),
        _ => None,
    };
    let allowed = match path {
        _ if api.is_some() => "POST",
        "/healthz" | "/v1/models" => "GET, HEAD",
        _ => "",
    };
    match (api, &head.method, path) {
        (Some(api), &Method::POST, _) => {
            let record = begin(shared, listener, head, peer.address, id);
            chat::serve(api, record, body, id).await
        }
        (_, &Method::GET | &Method::HEAD, "/healthz") => full(StatusCode::OK, "{\"status\":\"ok\"}".into()),
        (_, &Method::GET | &Method::HEAD, "/v1/models") => {
            let record = begin(shared, listener, head, peer.address, id);
            models(record)
        }
        (_, method, path) => {
            let (status, text) = if allowed.is_empty() {
                let served =
                    "POST /v1/chat/completions, POST /v1/messages, POST /v1/responses, GET /v1/models, GET /healthz";
                (StatusCode::NOT_FOUND, format!("no such path; served are {served}"))
            } else {
                let text = format!("{path} does not take {method}; it takes {allowed}");
                (StatusCode::METHOD_NOT_ALLOWED, text)
            };
            // What lies below an API's path was meant for that API.
            let api = if path.starts_with("/v1/messages") {
                Api::Messages
            } else {
                Api::Chat
            };
            let mut record = begin(shared, listener, head, peer.address, id);
            let fault = Fault::new(ErrorType::NotFound, text);
            let mut answer = refuse(api, &mut record, (status, None), fault, None, None);
            record.finish();
            if !allowed.is_empty() {
                answer
                    .headers_mut()
                    .insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            answer
        }
    }
}

fn begin(shared: Arc<Shared>, listener: usize, head: Parts, peer: SocketAddr, id: &HeaderValue) -> Record {
    let lines = |name: &'static str| head.headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let context = Context::extract(lines("traceparent"), lines("tracestate"));
    let trace = context.enter(shared.sampling[listener], fastrand::u128(..).to_be_bytes());
    let uri = &head.uri;
    let host = || head.headers.get(header::HOST)?.to_str().ok()?.parse().ok();
    let client = Client {
        method: head.method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().map(str::to_owned),
        http_version: match head.version {
            http::Version::HTTP_2 => "2",
            http::Version::HTTP_10 => "1.0",
            _ => "1.1",
        },
        authority: uri.authority().cloned().or_else(host),
        headers: head.headers,
        peer,
        request_id: id.to_str().unwrap_or_default().to_owned(),
    };
    Record::begin(shared, listener, client, trace)
}

/// The client's id where it is a plain one, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |value: &&HeaderValue| {
        (1..=128).contains(&value.len()) && value.as_bytes().iter().all(|byte| byte.is_ascii_graphic())
    };
    headers.get("x-request-id").filter(plain).cloned().unwrap_or_else(|| {
        HeaderValue::from_str(&format!("{:032x}", fastrand::u128(..))).expect("hex digits fit into a header")
    })
}

/// The models that the config names, in a shape that clients of either API read.
fn models(mut record: Record) -> Answer {
    let answer = match auth::authorize(&mut record) {
        Ok(()) => {
            let listed = record.shared.gateway.models.listed();
            let (first, last) = (listed.first().map(|(id, _)| id), listed.last().map(|(id, _)| id));
            let model = |(id, owner): &(String, &str)| {
                json!({"id": id, "object": "model", "created": 0, "owned_by": owner,
                    "type": "model", "display_name": id, "created_at": "1970-01-01T00:00:00Z"})
            };
            let data: Vec<_> = listed.iter().map(model).collect();
            let list = json!({"object": "list", "data": data, "has_more": false, "first_id": first, "last_id": last});
            let body: Bytes = list.to_string().into();
            record.status = Some(StatusCode::OK.as_u16());
            record.response_size = body.len() as u64;
            full(StatusCode::OK, body)
        }
        Err(refusal) => refusal.answer(Api::Chat, &mut record),
    };
    record.finish();
    answer
}

/// An answer of JSON in one piece.
pub(super) fn full(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(header::CONTENT_TYPE, json);
    answer
}

/// An error of the gateway's own, in the client's API; noted in the record. The client reads the fault's words, unless others are
/// given.
pub(super) fn refuse(
    api: Api,
    record: &mut Record,
    (status, words): (StatusCode, Option<&str>),
    fault: Fault,
    param: Option<&str>,
    code: Option<&str>,
) -> Answer {
    let body = error_body(api, status.as_u16(), words.unwrap_or(&fault.message), param, code);
    if fault.kind != ErrorType::ClientCancelled {
        record.status = Some(status.as_u16());
        record.response_size = body.len() as u64;
    }
    record.fail(fault);
    full(status, body)
}
