//! Conversations of captured spans of every emitter as they are shown, and what hostile ones do.

use super::*;
use crate::{
    otlp::{TraceBatch, json},
    processors::signals::{Config, Content, tests::processor},
    viewer::model::{Event, Scope},
};

/// The spans of a request in OTLP/JSON.
pub(in crate::viewer) fn spans(text: &str) -> Vec<Span> {
    decoded(&json::read(text.as_bytes()).expect("OTLP/JSON").batch)
}

/// The same as the signals processor leaves them.
pub(in crate::viewer) fn enriched(text: &str, config: Config) -> Vec<Span> {
    let batch = json::read(text.as_bytes()).expect("OTLP/JSON").batch;
    decoded(&processor(config).process(batch).expect("accepted"))
}

fn decoded(batch: &TraceBatch) -> Vec<Span> {
    let mut spans = Vec::new();
    for resource in batch.resource_spans() {
        for scope in resource.scope_spans() {
            spans.extend(scope.spans().map(|span| Span::decode(&resource, &scope, &span)));
        }
    }
    spans
}

/// A line a message: role, name, text with «marks», calls; then what was found.
fn text(conversation: &Conversation) -> String {
    let mut lines = Vec::new();
    for message in &conversation.messages {
        let name = message.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        let words: String = (message.text.iter())
            .map(|piece| match piece.signals.len() {
                0 => piece.text.clone(),
                _ => format!("«{}»", piece.text),
            })
            .collect();
        let calls: String = (message.tool_calls.iter())
            .map(|call| format!(" {}({})", call.name, call.arguments))
            .collect();
        lines.push(format!("{}{name}: {words}{calls}", message.role));
        lines.extend(
            message
                .signals
                .iter()
                .map(|found| format!("  {} {}", found.r#type, found.why)),
        );
    }
    lines.join("\n")
}

macro_rules! fixture {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../tests/fixtures/dialects/", $name, ".json")),
        )
    };
}

const FIXTURES: [(&str, &str); 11] = [
    fixture!("langfuse"),
    fixture!("langtrace"),
    fixture!("litellm"),
    fixture!("logfire"),
    fixture!("openinference"),
    fixture!("openllmetry"),
    fixture!("openllmetry_0_40"),
    fixture!("pydantic_ai"),
    fixture!("pydantic_ai_v1"),
    fixture!("strands"),
    fixture!("vercel_ai"),
];

/// What the last model call of every capture says; the arguments as the emitter spells them.
const WHOLE: &str = "\
system: You help customers of a shop.
user: Where is my order 42?
assistant:  order_status(ARGUMENTS)
tool order_status: Order 42: in transit
assistant: Order 42 is still on its way.
user: «This is useless». I want to «speak to a human».
  interaction.disengagement.escalation “speak to a human”
  interaction.disengagement.negative_stance “This is useless”
assistant: I am sorry to hear that.";

#[test]
fn every_captured_conversation_reads_the_same() {
    for (name, json) in FIXTURES {
        let mut last = None;
        for span in spans(json) {
            let found = conversation(&span);
            assert_eq!(found.is_some(), has_conversation(&span), "{name}: {}", span.name);
            let Some(found) = found else { continue };
            // Spans that repeat what others say have no verdict of their own.
            assert_eq!(found.quality.is_none(), found.note.is_some(), "{name}: {found:?}");
            last = if found.quality.is_some() { Some(found) } else { last };
        }
        let last = last.expect("a conversation");
        let expected = match name {
            // It loses the call in the history.
            "langtrace" => WHOLE
                .replace(" order_status(ARGUMENTS)", "")
                .replace("tool order_status:", "tool:"),
            "logfire" | "openllmetry" | "strands" | "vercel_ai" => WHOLE.replace("ARGUMENTS", r#"{"order_id":"42"}"#),
            _ => WHOLE.replace("ARGUMENTS", r#"{"order_id": "42"}"#),
        };
        assert_eq!(text(&last), expected, "{name}");
        assert_eq!(last.quality.as_deref(), Some("Severe"), "{name}");
        assert_eq!(last.flag_reasons, ["frustration", "escalation", "quality"], "{name}");
        let json = serde_json::to_string(&last).expect("plain data");
        assert_eq!(serde_json::from_str::<Conversation>(&json).expect("the same"), last);
    }
}

fn attribute(key: &str, value: &str) -> Attribute {
    Attribute {
        key: key.to_owned(),
        value: Value::Str(value.to_owned()),
    }
}

fn span(attributes: &[(&str, &str)]) -> Span {
    Span {
        name: "chat".to_owned(),
        attributes: (attributes.iter()).map(|(key, value)| attribute(key, value)).collect(),
        ..Span::default()
    }
}

/// A span of the current OTel form with messages of a user.
fn chat(users: &[&str]) -> Span {
    let messages: Vec<_> = (users.iter())
        .map(|text| serde_json::json!({"role": "user", "parts": [{"type": "text", "content": text}]}))
        .collect();
    span(&[(
        keys::GEN_AI_INPUT_MESSAGES,
        &serde_json::to_string(&messages).expect("plain data"),
    )])
}

fn check(span: &Span, expected: &str) {
    let found = conversation(span).expect("a conversation");
    assert_eq!(text(&found), expected, "{:?}", span.attributes);
    assert!(has_conversation(span));
}

#[test]
fn reading_again_finds_what_the_processor_found() {
    for (name, json) in FIXTURES {
        for (raw, enriched) in spans(json).iter().zip(enriched(json, Config::default())) {
            let (Some(read), Some(told)) = (conversation(raw), conversation(&enriched)) else {
                assert!(conversation(&enriched).is_none(), "{name}: {}", raw.name);
                continue;
            };
            let whole = |found: &Conversation| (text(found), found.quality.clone(), found.flag_reasons.clone());
            assert_eq!(whole(&read), whole(&told), "{name}: {}", raw.name);
            // A double and its decimal text.
            assert_eq!(read.score, told.score, "{name}: {}", raw.name);
        }
    }
}

#[test]
fn what_the_span_tells_of_itself_counts() {
    let mut span = chat(&["This is useless. I want to speak to a human."]);
    span.attributes.extend([
        attribute(keys::SIGNALS_QUALITY, "Good"),
        attribute(keys::SIGNALS_QUALITY_SCORE, "61.5"),
    ]);
    let found = conversation(&span).expect("a conversation");
    assert_eq!((found.quality.as_deref(), found.score), (Some("Good"), Some(61.5)));
    assert_eq!(found.flag_reasons, [""; 0]);
    assert_eq!(found.messages[0].signals.len(), 2, "no events: what is found now");
    // With events, these alone.
    let event = |index, kind: &str| Event {
        name: format!("signal.{kind}"),
        attributes: vec![
            attribute(keys::SIGNAL_TYPE, kind),
            Attribute {
                key: keys::SIGNAL_MESSAGE_INDEX.to_owned(),
                value: Value::Int(index),
            },
            attribute(keys::SIGNAL_METADATA, r#"{"overlap":0.66666,"tool":"f"}"#),
        ],
        ..Event::default()
    };
    span.events = vec![
        event(0, "interaction.disengagement.escalation"),
        event(7, "interaction.satisfaction.success"),
    ];
    let found = conversation(&span).expect("a conversation");
    assert_eq!(
        text(&found),
        "user: This is useless. I want to «speak to a human».\n  interaction.disengagement.escalation \
         “speak to a human”, overlap 0.667, tool f"
    );
    let elsewhere: Vec<&str> = found.signals.iter().map(|found| found.why.as_str()).collect();
    assert_eq!(elsewhere, ["in message 7, overlap 0.667, tool f"]);
}

#[test]
fn messages_that_were_not_kept_are_said_to_be_missing() {
    let config = Config {
        content: Content::Drop,
        snippets: true,
        ..Config::default()
    };
    let spans = enriched(include_str!("../../../docs/examples/conversation.json"), config);
    let llm = spans
        .iter()
        .find(|span| span.name == "openai.chat 🚩")
        .expect("it is flagged");
    let found = conversation(llm).expect("a conversation");
    assert!(has_conversation(llm) && !has_messages(llm) && gist(llm).is_none());
    assert_eq!((found.messages.len(), found.quality.as_deref()), (0, Some("Severe")));
    assert!(
        found
            .note
            .as_deref()
            .is_some_and(|note| note.contains("`tracing: {capture_content: true}`"))
    );
    let whys: Vec<&str> = found.signals.iter().map(|found| found.why.as_str()).collect();
    assert!(whys.contains(&"in message 5, “speak to a human”"), "{whys:?}");
}

#[test]
fn words_are_marked_in_any_script() {
    let marked = |text: &str| {
        let found = conversation(&chat(&[text])).expect("a conversation");
        assert_eq!(found.messages[0].plain(), text);
        let marked = found.messages[0].text.iter().filter(|piece| !piece.signals.is_empty());
        let marked: Vec<String> = marked.map(|piece| piece.text.clone()).collect();
        for words in &marked {
            let is_it = |found: &Found| found.why == format!("“{words}”");
            assert!(found.messages[0].signals.iter().any(is_it), "{found:?}");
        }
        marked
    };
    assert_eq!(marked("😀 好的。转人工客服！谢谢"), ["😀", "转人工", "谢谢"]);
    assert_eq!(marked("Ünïcödé — I want to SPEAK  TO a HUMAN."), ["SPEAK  TO a HUMAN"]);
    assert_eq!(marked("No signal in Paris 日本 🗼"), [""; 0]);
}

#[test]
fn pieces_are_cut_where_marks_begin_and_end() {
    let mark = |name: &str, words: Range<usize>| pieces::Mark {
        found: Found {
            r#type: name.to_owned(),
            ..Found::default()
        },
        words: Some(words),
    };
    let message = signals::Message::new(signals::Role::User, "aé日b c");
    let cut = |marks: &[pieces::Mark], cut| {
        let message = pieces::message(&message, marks, cut);
        let pieces = message
            .text
            .iter()
            .map(|piece| format!("{}{:?}", piece.text, piece.signals));
        pieces.collect::<Vec<String>>().join(" ").replace('"', "")
    };
    assert_eq!(cut(&[], 0), "aé日b c[]");
    assert_eq!(
        cut(&[mark("x", 1..6), mark("y", 3..7)], 0),
        "a[] é[x] 日[x, y] b[y]  c[]"
    );
    // Ranges of a hostile report.
    assert_eq!(cut(&[mark("x", 2..4), mark("y", 90..95)], 0), "a[] é日[x] b c[]");
    assert_eq!(cut(&[mark("x", 1..6)], 2), "日[x] b c[]");
    assert_eq!(cut(&[mark("x", 1..6)], 99), "");
}

#[test]
fn instructions_outside_the_list_are_shown() {
    let otel = (
        keys::GEN_AI_INPUT_MESSAGES,
        r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#,
    );
    let kind = r#"[{"type":"text","content":"Be kind."},{"type":"text","content":"Be short."}]"#;
    check(
        &span(&[(keys::GEN_AI_SYSTEM_INSTRUCTIONS, kind), otel]),
        "system: Be kind.\nBe short.\nuser: hi",
    );
    let anthropic = r#"{"system":[{"type":"text","text":"Be kind."}],"messages":[{"role":"user","content":"hi"}]}"#;
    check(&span(&[("input", anthropic)]), "system: Be kind.\nuser: hi");
    let again =
        r#"{"system":"Be kind.","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"hi"}]}"#;
    check(&span(&[("input", again)]), "system: Be kind.\nuser: hi");
    let gemini = r#"{"config":{"system_instruction":{"parts":[{"text":"Be kind."}]}},"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
    check(
        &span(&[("gcp.vertex.agent.llm_request", gemini)]),
        "system: Be kind.\nuser: hi",
    );
    let mut vercel = span(&[(
        "ai.prompt",
        r#"{"system":"Be kind.","messages":[{"role":"user","content":"hi"}]}"#,
    )]);
    vercel.scope = Scope {
        name: "ai".to_owned(),
        ..Scope::default()
    };
    check(&vercel, "system: Be kind.\nuser: hi");
}

#[test]
fn what_is_no_conversation_is_none() {
    let chat = r#"[{"role":"user","content":"hi"}]"#;
    for attributes in [
        &[][..],
        &[("http.method", "GET")],
        &[("input", "SELECT 1")],
        &[("input.value", "not a chat"), ("openinference.span.kind", "CHAIN")],
        &[("input.value", chat), ("openinference.span.kind", "TOOL")],
        &[
            ("gen_ai.prompt.0.role", "user"),
            ("gen_ai.completion.0.role", "assistant"),
        ],
        &[(keys::GEN_AI_INPUT_MESSAGES, "[]")],
        &[(keys::GEN_AI_TOOL_DEFINITIONS, r#"[{"role":"x"}]"#)],
        &[
            (keys::GEN_AI_INPUT_MESSAGES, chat),
            ("gen_ai.operation.name", "execute_tool"),
        ],
        &[("llm.input_messages.0.message.content", "__REDACTED__")],
        &[("tool_arguments", chat)],
    ] {
        let span = span(attributes);
        assert!(
            !has_conversation(&span) && conversation(&span).is_none(),
            "{attributes:?}"
        );
    }
}

#[test]
fn hostile_sizes_are_bounded_and_say_so() {
    let many = chat(&vec!["x"; MOST_MESSAGES + 3]);
    let found = conversation(&many).expect("a conversation");
    assert_eq!(found.messages.len(), MOST_MESSAGES);
    assert_eq!(found.note.as_deref(), Some("… 3 more messages before these"));

    let large = "é".repeat(MOST_BYTES / 2);
    let found = conversation(&chat(&["first", &large, "This is useless."])).expect("a conversation");
    assert_eq!(
        found.note.as_deref(),
        Some("… 1 more message before these, and 16 bytes of the first")
    );
    assert_eq!(
        found
            .messages
            .iter()
            .map(|message| message.plain().len())
            .sum::<usize>(),
        MOST_BYTES
    );
    assert_eq!(found.messages[1].text[0].text, "This is useless");

    let megabyte = "word ".repeat(200_000);
    let found = conversation(&chat(&[&megabyte])).expect("a conversation");
    assert_eq!((found.messages[0].plain(), found.note), (megabyte, None));

    // Nested deeper than anybody reads.
    let deep = span(&[(keys::GEN_AI_INPUT_MESSAGES, &"[".repeat(100_000))]);
    assert_eq!(conversation(&deep), None);
}
