//! Golden files in `tests/golden/gateway/`: `KIND.to-API.CASE.in.EXT` is what came, `.out.EXT` what it becomes.
//! `PLANO_GOLDEN=write cargo test --lib gateway` writes the outputs anew; read the difference before committing it.

use std::{fs, path::Path};

use serde_json::json;

use super::*;
use crate::gateway::exchange::{Call, ReplyFacts};
use crate::gateway::providers::{ReplyReader, errors, read_reply, read_request};
use crate::gateway::stream::Parser;

const CREATED: u64 = 1_700_000_000;

fn check(input: &Path, expected: &Path) {
    let name = input.file_name().expect("a file").to_string_lossy().into_owned();
    let mut words = name.split('.');
    let (kind, target, case) = (words.next(), words.next(), words.next().unwrap_or_default());
    let (from, to, model) = match target {
        Some("to-messages") => (Api::Chat, Api::Messages, "claude-sonnet-4-0"),
        Some("to-chat") => (Api::Messages, Api::Chat, "gpt-5"),
        _ => panic!("{name}: says no target"),
    };
    let given = fs::read(input).expect("the input can be read");
    let result = match kind {
        Some("request") => request(from, to, model, given.into()),
        Some("reply") => {
            let out = reply(from, &given, CREATED).expect("a reply");
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

fn pretty(bytes: &[u8]) -> String {
    let tree: Value = serde_json::from_slice(bytes).expect("JSON");
    format!("{tree:#}\n")
}

fn request(from: Api, to: Api, model: &str, given: Bytes) -> String {
    let read = read_request(from, &given).expect("a request");
    let out = match body_for(&read, to, model, false) {
        Ok(out) => out,
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
    let options = ChatOptions {
        created: CREATED,
        include_usage,
    };
    let mut translator = StreamTranslator::new(from, options);
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
    let (source, mut target) = (source.into_facts(), target.into_facts());
    if source.complete && (to == Api::Messages || include_usage) {
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
    assert_eq!(
        (&from.text, &from.id, &from.model),
        (&to.text, &to.id, &to.model),
        "{name}"
    );
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
    assert!(seen >= 20, "{seen} golden files only");
}

#[test]
fn what_is_no_reply_is_refused() {
    for body in ["", "[]", "{}", "<html>", r#"{"error":{"message":"no"}}"#] {
        assert_eq!(reply(Api::Chat, body.as_bytes(), CREATED), Err(BadReply), "{body}");
        assert_eq!(reply(Api::Messages, body.as_bytes(), CREATED), Err(BadReply), "{body}");
    }
}

#[test]
fn the_same_api_is_no_translation() {
    let body = Bytes::from_static(br#"{ "model":"a",  "messages":[], "unknown":{"x":1.50} }"#);
    let read = read_request(Api::Chat, &body).expect("a request");
    let sent = body_for(&read, Api::Chat, "b", true).expect("no translation");
    assert_eq!(sent, r#"{ "model":"b",  "messages":[], "unknown":{"x":1.50} }"#);
}

proptest::proptest! {
    /// Both translators take any events in any order without a panic, and write nothing after the end.
    #[test]
    fn any_events_in_any_order(picks in proptest::collection::vec(0_usize..1000, 0..24), to_chat in proptest::bool::ANY) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/gateway");
        let (from, file) = match to_chat {
            true => (Api::Messages, "stream.to-chat.tools_usage.in.sse"),
            false => (Api::Chat, "stream.to-messages.tools.in.sse"),
        };
        let mut parser = Parser::default();
        parser.feed(&fs::read(folder.join(file)).expect("the input can be read"));
        let mut events = Vec::new();
        while let Some(event) = parser.next_event().expect("small events") {
            events.push(event);
        }
        let mut translator = StreamTranslator::new(from, ChatOptions { created: CREATED, include_usage: true });
        for pick in &picks {
            translator.event(&events[pick % events.len()]);
        }
        translator.finish();
        for event in &events {
            proptest::prop_assert!(translator.event(event).is_empty());
        }
    }
}
