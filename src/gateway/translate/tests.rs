//! Golden files in `tests/golden/gateway/`: `KIND.to-API.CASE.in.EXT` is what came, `.out.EXT` what it becomes; from responses and
//! to them, `KIND.API-to-API.…`.
//! `PLANO_GOLDEN=write cargo test --lib gateway` writes the outputs anew; read the difference before committing it.

use std::{fs, path::Path};

use serde_json::json;

use super::*;
use crate::gateway::exchange::{Api, Call, ReplyFacts};
use crate::gateway::providers::{ReplyReader, errors, read_reply, read_request};
use crate::gateway::stream::{Event, Parser};

const CREATED: u64 = 1_700_000_000;

fn check(input: &Path, expected: &Path) {
    let name = input.file_name().expect("a file").to_string_lossy().into_owned();
    let mut words = name.split('.');
    let (kind, target, case) = (words.next(), words.next(), words.next().unwrap_or_default());
    let (from, to, model) = match target {
        Some("to-messages") => (Api::Chat, Api::Messages, "claude-sonnet-4-0"),
        Some("to-chat") => (Api::Messages, Api::Chat, "gpt-5"),
        Some("responses-to-chat") => (Api::Responses, Api::Chat, "llama-4"),
        Some("responses-to-messages") => (Api::Responses, Api::Messages, "claude-sonnet-4-0"),
        Some("chat-to-responses") => (Api::Chat, Api::Responses, "llama-4"),
        Some("messages-to-responses") => (Api::Messages, Api::Responses, "claude-sonnet-4-0"),
        _ => panic!("{name}: says no target"),
    };
    let given = fs::read(input).expect("the input can be read");
    let result = match kind {
        Some("request") => request(from, to, model, given.into()),
        Some("reply") => {
            let out = back(from, to, false).reply(&given).expect("a reply");
            let read = |api, body: &[u8]| read_reply(api, body).expect("an object");
            same_reply(&name, read(from, &given), read(to, &out));
            pretty(&out)
        }
        Some("error") => pretty(&errors::translate_error(from, to, 400, &given)),
        Some("stream") => stream(&name, from, to, case.contains("usage"), &given),
        _ => panic!("{name}: says no kind"),
    };
    if std::env::var_os("PLANO_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(expected, &result).expect("the golden file can be written");
    }
    let expected_text = fs::read_to_string(expected).expect("the golden file is there");
    assert_eq!(result, expected_text, "{name}: not as {}", expected.display());
}

fn terms(model: &str) -> Terms<'_> {
    Terms {
        model,
        want_usage: false,
        created: CREATED,
        seed: 0x5eed,
    }
}

/// The way back from a provider of `from` to a client of `to`.
fn back(from: Api, to: Api, include_usage: bool) -> Back {
    let question = json!({
        "model": "m", "max_tokens": 9, "messages": [], "input": [], "instructions": "Be brief.", "temperature": 0.5,
        "stream_options": {"include_usage": include_usage}, "metadata": {"a": "b"}, "previous_response_id": "resp_0",
    });
    let read = read_request(to, &question.to_string().into()).expect("a request");
    let sent = super::request(
        &read,
        Way::between(to, from).expect("a way"),
        terms("model-of-the-request"),
    );
    sent.expect("can be translated").back.expect("is translated")
}

fn pretty(bytes: &[u8]) -> String {
    let tree: Value = serde_json::from_slice(bytes).expect("JSON");
    format!("{tree:#}\n")
}

fn request(from: Api, to: Api, model: &str, given: Bytes) -> String {
    let read = read_request(from, &given).expect("a request");
    let way = Way::between(from, to).expect("a way");
    let out = match super::request(&read, way, terms(model)) {
        Ok(sent) => sent.body,
        Err(error) => return pretty(json!({"refused": error.to_string()}).to_string().as_bytes()),
    };
    let again = read_request(to, &out).expect("a translated request is one").facts;
    assert_eq!((again.model.as_str(), again.stream), (model, read.facts.stream));
    // Neighboring messages may have become one, documents of text a part of it.
    assert!(again.last_user_text.contains(&read.facts.last_user_text));
    assert_eq!(again.tools, read.facts.tools);
    pretty(&out)
}

/// Translates a stream; what the two streams say must be the same.
fn stream(name: &str, from: Api, to: Api, include_usage: bool, given: &[u8]) -> String {
    let mut translator = back(from, to, include_usage).stream();
    let (mut out, mut source) = (Vec::new(), ReplyReader::new(from));
    let mut parser = Parser::default();
    parser.feed(given);
    while let Some(event) = parser.next_event().expect("small events") {
        source.read(&event);
        out.extend(translator.event(&event));
    }
    out.extend(translator.finish());
    assert!(translator.finish().is_empty(), "{name}: an end ends once");

    let mut parser = Parser::default();
    parser.feed(&out);
    let mut target = ReplyReader::new(to);
    while let Some(event) = parser.next_event().expect("small events") {
        target.read(&event);
    }
    assert_eq!(parser.finish(), None, "{name}: whole events only");
    if to == Api::Responses {
        ordered(&out);
    }
    let (source, mut target) = (source.into_facts(), target.into_facts());
    if source.complete && (to != Api::Chat || include_usage) {
        assert_eq!(source.usage.total, target.usage.total, "{name}");
    }
    target.usage = source.usage;
    same_reply(name, source, target);
    String::from_utf8(out).expect("UTF-8")
}

/// Calls without arguments may have got `{}`.
fn same_reply(name: &str, from: ReplyFacts, to: ReplyFacts) {
    let calls = |facts: &ReplyFacts| -> Vec<(String, String, Value)> {
        let call = |call: &Call| {
            let arguments = if call.arguments.is_empty() {
                "{}"
            } else {
                &call.arguments
            };
            let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| Value::from(arguments));
            (call.id.clone(), call.name.clone(), arguments)
        };
        facts.calls.iter().map(call).collect()
    };
    assert_eq!(calls(&from), calls(&to), "{name}");
    // A response has an id of its own.
    let is_response = to.id.as_ref().is_some_and(|id| id.starts_with("resp_"));
    let id = if is_response { &to.id } else { &from.id };
    assert_eq!((&from.text, id, &from.model), (&to.text, &to.id, &to.model), "{name}");
    assert_eq!(from.complete, to.complete, "{name}");
    assert_eq!(from.usage.prompt.unwrap_or(0), to.usage.prompt.unwrap_or(0), "{name}");
    assert_eq!(
        from.usage.completion.unwrap_or(0),
        to.usage.completion.unwrap_or(0),
        "{name}"
    );
}

#[test]
fn every_golden_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/gateway");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let input = entry.expect("an entry").path();
        let text = input.to_string_lossy().into_owned();
        if text.contains(".in.") {
            check(&input, Path::new(&text.replace(".in.", ".out.")));
            seen += 1;
        }
    }
    assert!(seen >= 50, "{seen} golden files only");
}

#[test]
fn what_is_no_reply_is_refused() {
    for body in ["", "[]", "{}", "<html>", r#"{"error":{"message":"no"}}"#] {
        for (from, to) in ANSWERS {
            assert_eq!(back(from, to, false).reply(body.as_bytes()), Err(BadReply), "{body}");
        }
    }
}

#[test]
fn the_same_api_is_no_translation() {
    let body = Bytes::from_static(br#"{ "model":"a",  "messages":[], "unknown":{"x":1.50} }"#);
    let read = read_request(Api::Chat, &body).expect("a request");
    let sent = super::request(&read, Way::Straight(Api::Chat), terms("b")).expect("no translation");
    assert_eq!(sent.body, r#"{ "model":"b",  "messages":[], "unknown":{"x":1.50} }"#);
    assert!(sent.back.is_none());
}

/// From a provider, to a client.
const ANSWERS: [(Api, Api); 4] = [
    (Api::Chat, Api::Messages),
    (Api::Messages, Api::Chat),
    (Api::Chat, Api::Responses),
    (Api::Messages, Api::Responses),
];

#[test]
fn nothing_is_translated_to_responses() {
    for client in [Api::Chat, Api::Messages, Api::Responses] {
        for provider in [Api::Chat, Api::Messages, Api::Responses] {
            let way = Way::between(client, provider);
            let impossible = provider == Api::Responses && client != provider;
            assert_eq!(way.is_none(), impossible, "{client:?} {provider:?}");
            if let Some(way) = way {
                assert_eq!((way.client(), way.provider()), (client, provider));
                assert_eq!(way.crosses(), client != provider);
            }
        }
    }
}

fn events_of(bytes: &[u8]) -> Vec<Event> {
    let mut parser = Parser::default();
    parser.feed(bytes);
    let mut events = Vec::new();
    while let Some(event) = parser.next_event().expect("small events") {
        events.push(event);
    }
    events
}

/// Numbers go up by one, every item begins before it is spoken of and ends once, and the last event has all of them.
fn ordered(bytes: &[u8]) {
    let (mut open, mut ended) = (Vec::new(), Vec::new());
    let events = events_of(bytes);
    for (number, event) in events.iter().enumerate() {
        let tree: Value = serde_json::from_slice(event.data().expect("data")).expect("JSON");
        assert_eq!(
            (&tree["type"], &tree["sequence_number"]),
            (&json!(event.name()), &json!(number)),
            "{tree}"
        );
        match event.name() {
            "response.created" => assert_eq!(number, 0),
            "response.in_progress" => assert_eq!(number, 1),
            "response.output_item.added" => {
                assert_eq!(tree["output_index"], open.len() + ended.len());
                open.push(tree["item"]["id"].clone());
            }
            "response.output_item.done" => {
                let at = open.iter().position(|id| *id == tree["item"]["id"]).expect("it began");
                ended.push((tree["output_index"].clone(), tree["item"].clone()));
                open.remove(at);
            }
            "response.completed" | "response.incomplete" => {
                assert!(open.is_empty() && number + 1 == events.len());
                let output = tree["response"]["output"].as_array().expect("a list");
                assert_eq!(output.len(), ended.len());
                for (index, item) in &ended {
                    assert_eq!(
                        &output[usize::try_from(index.as_u64().expect("a number")).expect("small")],
                        item
                    );
                }
            }
            "error" | "response.failed" => {}
            _ => assert!(open.contains(&tree["item_id"]), "{tree}"),
        }
    }
}

#[test]
fn a_stream_that_is_given_up_says_so_and_ends() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/gateway");
    for (from, to) in ANSWERS {
        let file = if from == Api::Chat {
            "stream.to-messages.text.in.sse"
        } else {
            "stream.to-chat.text.in.sse"
        };
        let events = events_of(&fs::read(folder.join(file)).expect("the input can be read"));
        let mut translator = back(from, to, true).stream();
        let mut out: Vec<u8> = events[..2].iter().flat_map(|event| translator.event(event)).collect();
        out.extend(translator.fail(504, "too slow"));
        assert!(String::from_utf8_lossy(&out).contains("too slow"), "{from:?} {to:?}");
        if to == Api::Responses {
            ordered(&out);
        }
        let after = events[2..].iter().flat_map(|event| translator.event(event));
        assert_eq!(after.count(), 0, "{from:?} {to:?}");
        assert!(translator.finish().is_empty() && translator.take_response().is_none());
    }
}

#[test]
fn a_finished_stream_gives_its_response_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/gateway");
    let input = fs::read(folder.join("stream.to-messages.text.in.sse")).expect("the input can be read");
    let mut translator = back(Api::Chat, Api::Responses, true).stream();
    let out: Vec<u8> = events_of(&input)
        .iter()
        .flat_map(|event| translator.event(event))
        .collect();
    let response = translator.take_response().expect("it is complete");
    let last = events_of(&out).pop().expect("events");
    let told: Value = serde_json::from_slice(last.data().expect("data")).expect("JSON");
    assert_eq!(
        (&told["type"], &told["response"]),
        (&json!("response.completed"), &response)
    );
    assert_eq!(translator.take_response(), None);
}

proptest::proptest! {
    /// All translators take any events in any order without a panic, and write nothing after the end; what clients of responses
    /// get is in order all the same.
    #[test]
    fn any_events_in_any_order(picks in proptest::collection::vec(0_usize..1000, 0..24), answer in 0_usize..4) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/gateway");
        let (from, to) = ANSWERS[answer];
        let files = match from {
            Api::Chat => ["stream.to-messages.tools.in.sse", "stream.chat-to-responses.mixed.in.sse"],
            _ => ["stream.to-chat.tools_usage.in.sse", "stream.messages-to-responses.thinking.in.sse"],
        };
        let read = |file| events_of(&fs::read(folder.join(file)).expect("the input can be read"));
        let events: Vec<Event> = files.into_iter().flat_map(read).collect();
        let mut translator = back(from, to, true).stream();
        let mut out = Vec::new();
        for pick in &picks {
            out.extend(translator.event(&events[pick % events.len()]));
        }
        out.extend(translator.finish());
        if to == Api::Responses {
            ordered(&out);
        }
        for event in &events {
            proptest::prop_assert!(translator.event(event).is_empty());
        }
    }
}
