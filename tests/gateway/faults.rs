//! Providers at fault: what the client is told in its API, what stands on the spans, how often the provider was asked.

use std::{fmt::Write as _, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value as Json, json};

use super::{
    CHAT, MESSAGES, completion,
    front::{Front, Setup, failure, number, text, traceparent},
    support::{
        client::{Reply, deflate},
        process::free_port,
    },
    wire::{Act, Wire, answer, chunk},
};

const JSON: &str = "content-type: application/json\r\n";
pub(crate) const EVENTS: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
pub(crate) const END: &[u8] = b"0\r\n\r\n";

/// A case: how the provider behaves, and what comes of it.
pub(crate) struct Case {
    /// Name, and the model that behaves like that.
    pub(crate) model: &'static str,
    pub(crate) acts: Vec<Act>,
    pub(crate) stream: bool,
    /// Status for the client and words in its answer: of the provider's own API, and of the other one.
    pub(crate) chat: (u16, &'static str),
    pub(crate) messages: (u16, &'static str),
    /// `error.type`.
    pub(crate) error: Option<&'static str>,
    pub(crate) attempts: usize,
}

impl Case {
    pub(crate) fn whole(
        model: &'static str,
        acts: Vec<Act>,
        answered: (u16, &'static str),
        error: Option<&'static str>,
    ) -> Case {
        Case {
            model,
            acts,
            stream: false,
            chat: answered,
            messages: answered,
            error,
            attempts: 1,
        }
    }

    /// A stream that answers either API with these words.
    pub(crate) fn stream(
        model: &'static str,
        acts: Vec<Act>,
        words: &'static str,
        error: Option<&'static str>,
    ) -> Case {
        let stream = true;
        Case {
            stream,
            ..Case::whole(
                model,
                [vec![Act::Write(EVENTS.into())], acts].concat(),
                (200, words),
                error,
            )
        }
    }

    pub(crate) fn doing(self, acts: Vec<Act>) -> Case {
        Case { acts, ..self }
    }

    fn asked(self, attempts: usize) -> Case {
        Case { attempts, ..self }
    }

    pub(crate) fn in_messages(self, status: u16, words: &'static str) -> Case {
        let messages = (status, words);
        Case { messages, ..self }
    }
}

/// An event of a stream of chat completions.
pub(crate) fn event(text: &str, finish: Option<&str>) -> Vec<u8> {
    let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": finish});
    format!("data: {}\n\n", json!({"id": "c1", "model": "m", "choices": [choice]})).into_bytes()
}

pub(crate) const DONE: &[u8] = b"data: [DONE]\n\n";

async fn check(front: &Front, number_of: u32, case: &Case, path: &str) {
    let (status, words) = if path == CHAT { case.chat } else { case.messages };
    let name = format!("{} at {path}", case.model);
    let question = json!({"model": format!("openai/{}", case.model), "max_tokens": 9, "stream": case.stream,
        "messages": [{"role": "user", "content": "Hi"}]});
    let parent = traceparent(number_of);
    let reply = front.ask(path, &[("traceparent", parent.as_str())], &question).await;
    assert_eq!(reply.status, status, "{name}: {}", reply.text());
    assert!(reply.text().contains(words), "{name}: {}", reply.text());
    assert_eq!(reply.header("location"), "", "{name}");
    assert_ne!(reply.header("x-request-id"), "", "{name}");
    if status >= 400 {
        shape(&reply, path, &name);
    }
    let trace = front.trace_of(number_of).await;
    let handoffs = &trace["plano(handoff)"];
    assert_eq!(handoffs.len(), case.attempts, "{name}");
    for span in [
        &trace["plano(inbound)"][0],
        &trace["plano(llm)"][0],
        handoffs.last().expect("one"),
    ] {
        assert_eq!(failure(span), case.error, "{name}: {}", span.name);
    }
    let inbound = &trace["plano(inbound)"][0];
    assert_eq!(number(inbound, "http.status_code"), i64::from(status), "{name}");
    assert_eq!(number(inbound, "response_size"), reply.body.len() as i64, "{name}");
    assert_eq!(text(inbound, "validation.result"), "ok", "{name}");
    assert_eq!(failure(&trace["plano(routing)"][0]), None, "{name}");
    let reason = handoffs.get(1).map(|span| text(span, "retry.reason"));
    assert_eq!(reason, case.error.filter(|_| case.attempts > 1), "{name}");
}

/// An error in the shape of the client's API.
pub(crate) fn shape(reply: &Reply, path: &str, name: &str) {
    let shown: Json = serde_json::from_slice(&reply.body).unwrap_or_else(|_| panic!("{name}: {}", reply.text()));
    let error = &shown["error"];
    assert!(
        error["message"].as_str().is_some_and(|text| !text.is_empty()),
        "{name}: {shown}"
    );
    assert!(error["type"].is_string(), "{name}: {shown}");
    assert_eq!(shown["type"] == "error", path == MESSAGES, "{name}: {shown}");
}

/// Asks for every case in either API; nothing of it is left in the end.
pub(crate) async fn check_all(cases: Vec<Case>) {
    let acts = cases.iter().map(|case| (case.model, case.acts.clone())).collect();
    let wire = Wire::start(acts).await;
    let mut front = Setup::any_model(wire.address, "timeout: 1s, max_retries: 1").start();
    let checks = (0_u32..).zip(&cases).flat_map(|(index, case)| {
        let of = |more: u32, path: &'static str| check(&front, 2 * index + more, case, path);
        [of(1, CHAT), of(2, MESSAGES)]
    });
    join_all(checks).await;
    let spent: usize = cases.iter().map(|case| 2 * case.attempts).sum();
    let counted = front.metric("plano_llm_upstream_requests_total", &[]).await;
    assert_eq!(counted, spent as f64, "every attempt is counted");
    front.is_sound().await;
    super::support::until("the connections are closed", || wire.open() == 0).await;
}

/// An answer that is all head.
fn bare(head: &str) -> Vec<Act> {
    vec![Act::Write(head.into())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break() {
    let mut heads = String::new();
    for number in 0..200 {
        write!(heads, "x-{number}: 1\r\n").expect("text");
    }
    let invalid = Some("invalid_response");
    check_all(vec![
        Case::whole(
            "reset",
            vec![Act::Reset],
            (502, "the connection broke"),
            Some("connect"),
        )
        .asked(2),
        Case::whole("close", vec![], (502, "the connection broke"), Some("connect")).asked(2),
        Case::whole("ssh", bare("SSH-2.0-OpenSSH_9.9\r\n"), (502, "no HTTP"), invalid),
        Case::whole(
            "heads",
            vec![answer("200 OK", &heads, b"{}")],
            (502, "no HTTP"),
            invalid,
        ),
        Case::whole("hang", vec![Act::Hang], (504, "1s"), Some("timeout")),
        Case::whole(
            "half",
            vec![
                Act::Write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".into()),
                Act::Hang,
            ],
            (504, "in time"),
            Some("timeout"),
        ),
        Case::whole(
            "short",
            bare("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"),
            (502, "incomplete"),
            Some("stream_interrupted"),
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_none() {
    let invalid = Some("invalid_response");
    check_all(vec![
        Case::whole(
            "html",
            vec![answer("200 OK", "content-type: text/html\r\n", b"<html>")],
            (502, "no JSON object"),
            invalid,
        ),
        Case::whole(
            "nothing",
            bare("HTTP/1.1 204 No Content\r\n\r\n"),
            (502, "no JSON object"),
            invalid,
        ),
        Case::whole(
            "moved",
            vec![answer("302 Found", "location: http://127.0.0.1:1/\r\n", b"{}")],
            (502, "redirect (302)"),
            invalid,
        ),
        Case::whole(
            "unmodified",
            bare("HTTP/1.1 304 Not Modified\r\n\r\n"),
            (502, "304"),
            invalid,
        ),
        Case::whole(
            "switching",
            bare("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
            (502, "101"),
            invalid,
        ),
        Case::whole("odd", vec![answer("777 Odd", JSON, b"{}")], (502, "777"), invalid),
        Case::whole(
            "brotli",
            vec![answer("200 OK", "content-encoding: br\r\n", b"{}")],
            (502, "compressed"),
            invalid,
        ),
        Case::whole(
            "no-gzip",
            vec![answer("200 OK", "content-encoding: gzip\r\n", b"{}")],
            (502, "no valid gzip"),
            invalid,
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_odd_and_good() {
    let good = completion().to_string();
    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
    let head = format!("HTTP/1.1 200 OK\r\n{JSON}trailer: x\r\ntransfer-encoding: chunked\r\n\r\n");
    let trailers = [head.as_bytes(), &chunk(good.as_bytes()), b"0\r\nx: 1\r\n\r\n"];
    let zipped = deflate("gzip", good.as_bytes());
    let told = br#"{"error":{"message":"no such deployment","type":"invalid_request_error"}}"#;
    let zipped_error = answer("403 Forbidden", "content-encoding: gzip\r\n", &deflate("gzip", told));
    check_all(vec![
        Case::whole(
            "early",
            vec![Act::Write(early.into()), answer("200 OK", JSON, good.as_bytes())],
            (200, "Hello!"),
            None,
        ),
        Case::whole("trailers", vec![Act::Write(trailers.concat())], (200, "Hello!"), None),
        Case::whole(
            "gzip",
            vec![answer("200 OK", "content-encoding: gzip\r\n", &zipped)],
            (200, "Hello!"),
            None,
        ),
        Case::whole(
            "zipped-error",
            vec![zipped_error],
            (403, "no such deployment"),
            Some("upstream_4xx"),
        ),
        Case::whole(
            "slow",
            vec![
                Act::Pause(Duration::from_millis(300)),
                answer("200 OK", JSON, good.as_bytes()),
            ],
            (200, "Hello!"),
            None,
        ),
        Case::whole(
            "no-error-status",
            vec![answer("200 OK", JSON, told)],
            (200, "no such deployment"),
            Some("upstream_4xx"),
        )
        .in_messages(400, "no such deployment"),
        Case {
            stream: true,
            ..Case::whole(
                "whole-for-stream",
                vec![answer("200 OK", JSON, good.as_bytes())],
                (200, "Hello!"),
                None,
            )
        },
    ])
    .await;
}

/// Who speaks the provider's API gets it as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_nobody_asked_for() {
    let stop = event("Hello!", Some("stop"));
    let events = [EVENTS.as_bytes(), &chunk(&stop), &chunk(DONE), END].concat();
    let wire = Wire::start(vec![("unasked", vec![Act::Write(events)])]).await;
    let mut front = Setup::any_model(wire.address, "timeout: 1s").start();
    let question = json!({"model": "openai/unasked", "max_tokens": 9, "messages": []});
    let reply = front.ask(CHAT, &[], &question).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/event-stream"));
    assert_eq!(reply.body, [&event("Hello!", Some("stop")), DONE].concat());
    let reply = front.ask(MESSAGES, &[], &question).await;
    assert_eq!(reply.status, 502, "{}", reply.text());
    assert!(reply.text().contains("not asked for"), "{}", reply.text());
    front.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_wait_as_they_are_told() {
    let busy = |header: &str| {
        vec![answer(
            "429 Too Many Requests",
            header,
            br#"{"error":{"message":"busy"}}"#,
        )]
    };
    let nobody = free_port();
    let wire = Wire::start(vec![
        ("plain", busy("")),
        ("soon", busy("retry-after: soon\r\n")),
        ("second", busy("retry-after: 1\r\n")),
        ("past", busy("retry-after: Wed, 01 Jan 2020 00:00:00 GMT\r\n")),
        ("minute", busy("retry-after: 60\r\n")),
        ("future", busy("retry-after: Fri, 01 Jan 2100 00:00:00 GMT\r\n")),
        ("teapot", vec![answer("418 Teapot", "", b"{}")]),
    ])
    .await;
    let mut setup = Setup::any_model(wire.address, "timeout: 2s, max_retries: 2");
    setup.providers.push(format!(
        "{{model: groq/gone, access_key: x, base_url: 'http://127.0.0.1:{nobody}'}}"
    ));
    let mut front = setup.start();
    let times = |low: u64, high: u64| Duration::from_millis(low)..Duration::from_millis(high);
    for (index, (model, status, attempts, took)) in (1_u32..).zip([
        ("openai/plain", 429, 3, times(200, 900)),
        ("openai/soon", 429, 3, times(200, 900)),
        ("openai/past", 429, 3, times(200, 900)),
        // The third attempt would come after the listener's time-out.
        ("openai/second", 429, 2, times(1000, 1900)),
        ("openai/minute", 429, 1, times(0, 200)),
        ("openai/future", 429, 1, times(0, 200)),
        ("openai/teapot", 418, 1, times(0, 200)),
        ("groq/gone", 502, 3, times(200, 900)),
    ]) {
        let (parent, started) = (traceparent(index), std::time::Instant::now());
        let question = json!({"model": model, "messages": []});
        let reply = front.ask(CHAT, &[("traceparent", parent.as_str())], &question).await;
        let spent = started.elapsed();
        assert_eq!(reply.status, status, "{model}: {}", reply.text());
        let trace = front.trace_of(index).await;
        let handoffs = &trace["plano(handoff)"];
        let numbers: Vec<i64> = handoffs.iter().map(|span| number(span, "attempt")).collect();
        assert_eq!(numbers, (1..=attempts).collect::<Vec<i64>>(), "{model}");
        assert!(took.contains(&spent), "{model}: {spent:?}");
    }
    front.is_sound().await;
}
