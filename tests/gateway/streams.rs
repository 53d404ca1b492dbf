//! Streams of providers at fault: cut anywhere, in crumbs, in lumps, without an end.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{
    CHAT, MESSAGES,
    faults::{Case, DONE, END, EVENTS, check_all, event},
    front::{Setup, failure, traceparent},
    wire::{Act, Wire, chunk},
};

/// Parts of a stream, a chunk each.
fn write(parts: &[&[u8]]) -> Act {
    Act::Write(parts.iter().flat_map(|part| chunk(part)).collect())
}

fn end() -> Act {
    Act::Write(END.into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_cut() {
    let half = &b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"caf\xc3"[..];
    let cut = Some("stream_interrupted");
    let hi = event("Hi", None);
    check_all(vec![
        Case::stream("in-a-character", vec![write(&[&hi, half])], "stream broke", cut),
        Case::stream(
            "in-a-character-well-ended",
            vec![write(&[&hi, half]), end()],
            "before the reply was complete",
            cut,
        ),
        Case::stream(
            "in-an-event",
            vec![write(&[&hi, b"data: {\"cho"]), Act::Reset],
            "\"error\"",
            cut,
        ),
        Case::stream(
            "without-end",
            vec![write(&[&hi]), end()],
            "before the reply was complete",
            cut,
        ),
        Case::stream("empty", vec![end()], "before the reply was complete", cut),
        Case::stream(
            "no-chunk",
            vec![write(&[&hi]), Act::Write(b"zz\r\n".into())],
            "stream broke",
            cut,
        ),
        Case::stream(
            "noise",
            vec![write(&[b"\x00\xff\n\n<html>"]), end()],
            "before the reply was complete",
            cut,
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_do_not_end_well() {
    let told = b"data: {\"error\":{\"message\":\"too busy\",\"type\":\"server_error\"}}\n\n";
    let limited = b"data: {\"error\":{\"message\":\"too many\",\"type\":\"rate_limit_error\"}}\n\n";
    let large = event(&"x".repeat(17 << 20), None);
    let (hi, stop) = (event("Hi", None), event("", Some("stop")));
    check_all(vec![
        Case::stream(
            "hang",
            vec![write(&[&hi]), Act::Hang],
            "did not end in time",
            Some("timeout"),
        ),
        Case::stream(
            "told",
            vec![write(&[&hi, told]), end()],
            "too busy",
            Some("upstream_5xx"),
        ),
        Case::stream(
            "limited",
            vec![write(&[&hi, limited]), end()],
            "too many",
            Some("rate_limited"),
        ),
        Case::stream(
            "told-and-reset",
            vec![write(&[&hi, told]), Act::Pause(Duration::from_millis(50)), Act::Reset],
            "too busy",
            Some("upstream_5xx"),
        ),
        Case::stream(
            "large",
            vec![write(&[&large])],
            "larger than 16777216 bytes",
            Some("invalid_response"),
        ),
        Case::stream("after-its-end", vec![write(&[&hi, &stop, DONE])], "Hi", None),
        Case {
            chat: (502, "compressed"),
            messages: (502, "compressed"),
            ..Case::stream("zipped", vec![], "", Some("invalid_response"))
        }
        .doing(vec![
            Act::Write(EVENTS.replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n").into()),
            end(),
        ]),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_broken_stream_says_is_whole() {
    let half = &b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"caf\xc3"[..];
    let hi = event("Hi", None);
    let body = [EVENTS.as_bytes(), &chunk(&hi), &chunk(half), END].concat();
    let last = [
        EVENTS.as_bytes(),
        &chunk(&event("Hi", Some("stop"))),
        &chunk(b"data: [DONE]"),
        END,
    ]
    .concat();
    let wire = Wire::start(vec![("half", vec![Act::Write(body)]), ("last", vec![Act::Write(last)])]).await;
    let front = Setup::any_model(wire.address, "timeout: 1s").start();
    let ask = async |model: &str| {
        let question = json!({"model": model, "stream": true, "messages": []});
        front.ask(CHAT, &[], &question).await.text()
    };
    let said = ask("openai/half").await;
    let (before, error) = said.split_at(hi.len());
    assert_eq!(before.as_bytes(), hi);
    let error = error
        .strip_prefix("data: ")
        .and_then(|error| error.strip_suffix("\n\n"));
    let error: Json = serde_json::from_str(error.expect("one event")).expect("JSON");
    assert_eq!(error["error"]["type"], "server_error");
    // An end that only lacks its blank line is an end.
    assert!(ask("openai/last").await.trim_end().ends_with("data: [DONE]"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crumbs_and_lumps_are_the_same_stream() {
    let long = "x".repeat(10 << 20);
    let crumbs = [event("café 🚩", None), event("", Some("stop")), DONE.to_vec()].concat();
    let lumps = [event(&long, None), event("", Some("stop")), DONE.to_vec()].concat();
    let wire = Wire::start(vec![
        (
            "crumbs",
            vec![
                Act::Write(EVENTS.into()),
                Act::Trickle(crumbs.clone()),
                Act::Write(END.into()),
            ],
        ),
        (
            "lumps",
            vec![Act::Write([EVENTS.as_bytes(), &chunk(&lumps), END].concat())],
        ),
    ])
    .await;
    let mut front = Setup::any_model(wire.address, "timeout: 20s").start();
    for (index, (model, sent, said)) in
        (1_u32..).zip([("crumbs", &crumbs, "café 🚩"), ("lumps", &lumps, long.as_str())])
    {
        let question = json!({"model": format!("openai/{model}"), "max_tokens": 9, "stream": true, "messages": []});
        let parent = traceparent(index);
        let reply = front.ask(CHAT, &[("traceparent", parent.as_str())], &question).await;
        assert!(reply.body == *sent, "{model}: {} bytes", reply.body.len());
        assert_eq!(failure(&front.trace_of(index).await["plano(llm)"][0]), None);
        assert!(
            front.ask(MESSAGES, &[], &question).await.text().contains(said),
            "{model}"
        );
    }
    front.is_sound().await;
}
