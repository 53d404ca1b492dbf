//! The mock upstream: a model that answers at once, always the same; or a stream with the time of sending in every chunk. Runs as
//! a process of its own.

use std::{
    convert::Infallible,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// Chunks with text in a streamed answer.
pub(crate) const CHUNKS: u32 = 100;
/// Time between them.
pub(crate) const INTERVAL: Duration = Duration::from_millis(10);

/// What the model says: with the JSON around it, an answer of about 1 KB.
const TEXT: &str = "Of course. Before I change the address, I have to check that the order has not been handed over to the \
    carrier yet. It has not, so I can still do it: could you give me the full street address, the postcode, and a phone number \
    for the driver? The change costs nothing and does not delay the delivery. You will receive a confirmation within the next \
    few minutes. Please check that the name on the door bell is the same as the one in the address, because the driver cannot \
    leave the parcel otherwise. Is there anything else that I can do for you today?";

/// Nanoseconds since the Unix epoch: one clock for all processes of this machine.
pub(crate) fn unix_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// `upstream PORT`: serves until it is killed, ten minutes at most.
pub(crate) fn run(mut words: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let port: u16 = words.next().unwrap_or_default().parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let mut connections = JoinSet::new();
        let end = tokio::time::sleep(Duration::from_secs(600));
        tokio::pin!(end);
        loop {
            let (stream, _) = tokio::select! {
                accepted = listener.accept() => accepted?,
                () = &mut end => return Ok(()),
            };
            stream.set_nodelay(true)?;
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            connections.spawn(async move { drop(connection.await) });
        }
    })
}

async fn answer(request: Request<Incoming>) -> Result<Response<UnsyncBoxBody<Bytes, Infallible>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let asks_for = |text: &str| memchr::memmem::find(&body, text.as_bytes()).is_some();
    let (kind, body) = if asks_for(r#""stream":true"#) {
        ("text/event-stream", chunks(asks_for(r#""include_usage":true"#)))
    } else {
        ("application/json", Full::new(completion()).boxed_unsync())
    };
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert("content-type", http::HeaderValue::from_static(kind));
    Ok(response)
}

fn completion() -> Bytes {
    let text = format!(
        r#"{{"id":"chatcmpl-bench0000000000000000000000","object":"chat.completion","created":1760000000,"model":"bench-2026-01-01","choices":[{{"index":0,"message":{{"role":"assistant","content":"{TEXT}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":212,"completion_tokens":118,"total_tokens":330,"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}},"system_fingerprint":"fp_bench"}}"#
    );
    Bytes::from(text)
}

fn event(choices: &str, usage: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-bench0000000000000000000000\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\
         \"model\":\"bench-2026-01-01\",\"choices\":[{choices}]{usage}}}\n\n"
    )
}

/// A chunk with the time as its text, at each interval; then the end, with usage where it is asked for.
fn chunks(with_usage: bool) -> UnsyncBoxBody<Bytes, Infallible> {
    let begun = Instant::now();
    let spoken = stream::iter(0..CHUNKS).then(move |number| async move {
        sleep_until(begun + INTERVAL * number).await;
        let delta = format!(
            r#"{{"index":0,"delta":{{"content":"{}"}},"finish_reason":null}}"#,
            unix_nanos()
        );
        event(&delta, "")
    });
    let mut end = event(r#"{"index":0,"delta":{},"finish_reason":"stop"}"#, "");
    if with_usage {
        let usage = r#","usage":{"prompt_tokens":212,"completion_tokens":100,"total_tokens":312}"#;
        end.push_str(&event("", usage));
    }
    end.push_str("data: [DONE]\n\n");
    let all = spoken.chain(stream::iter([end]));
    StreamBody::new(all.map(|text| Ok(Frame::data(Bytes::from(text))))).boxed_unsync()
}
