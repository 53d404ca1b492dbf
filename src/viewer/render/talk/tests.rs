//! Golden texts of conversations below their spans and by themselves, and that no text of a conversation does harm.

use crate::{
    processors::signals::{Config, Content},
    viewer::{
        conversation::tests::{enriched, spans},
        model::{Attribute, Span, Trace, Value},
        paint::{Ink, columns, is_harmful},
        render::{
            Detail, Page, messages, render,
            tests::{PLAIN, check, golden, terminal},
        },
    },
};

fn trace(spans: Vec<Span>) -> Trace {
    Trace {
        trace_id: spans[0].trace_id.clone(),
        spans,
        ..Trace::default()
    }
}

fn flagged(content: Content) -> Trace {
    let config = Config {
        content,
        ..Config::default()
    };
    trace(enriched(
        include_str!("../../../../docs/examples/conversation.json"),
        config,
    ))
}

#[test]
fn a_flagged_conversation() {
    let kept = flagged(Content::Keep);
    check("conversation", &kept, PLAIN, Detail::Compact);
    check("conversation_verbose", &kept, PLAIN, Detail::Everything);
    golden(
        "conversation_verbose_60",
        &render(&kept, terminal(60), Detail::Everything),
    );
    let colored = Page {
        width: Some(100),
        ink: Ink::Color,
    };
    golden("conversation_colored", &render(&kept, colored, Detail::Everything));
    golden("conversation_messages", &messages(&kept, PLAIN));
    check(
        "conversation_dropped",
        &flagged(Content::Drop),
        PLAIN,
        Detail::Everything,
    );
    let raw = render(&kept, PLAIN, Detail::Raw);
    assert!(raw.contains("gen_ai.prompt.5.content: This is useless."), "{raw}");
}

#[test]
fn the_history_that_calls_repeat_is_shown_once() {
    let agent = trace(spans(include_str!(
        "../../../../tests/fixtures/dialects/pydantic_ai.json"
    )));
    golden("messages_agent", &messages(&agent, terminal(80)));
    let text = messages(&agent, PLAIN);
    assert_eq!(text.matches("Where is my order 42?").count(), 1, "{text}");
    // Two calls that go different ways.
    let mut forked = flagged(Content::Keep);
    let mut other = forked
        .spans
        .iter()
        .find(|span| span.name.contains("openai.chat"))
        .expect("it is there")
        .clone();
    other.start_time_unix_nano += 1;
    let reply = other
        .attributes
        .iter_mut()
        .find(|pair| pair.key == "gen_ai.completion.0.content");
    reply.expect("it is there").value = Value::Str("Let me find someone.".to_owned());
    forked.spans.push(other);
    golden("messages_forked", &messages(&forked, PLAIN));
    assert!(messages(&Trace::default(), PLAIN).ends_with("no conversation\n"));
}

#[test]
fn nothing_hostile_in_a_message_reaches_the_terminal() {
    let evil = "a\x1b[2J\x1b]0;t\x07\r\n\tb\u{202e}c\u{9b}31m\u{2028}\u{200b} <script>";
    let said = serde_json::json!([
        {"role": "user", "name": evil, "parts": [{"type": "text", "content": format!("{evil} I want to speak\x1b[1m to a human {evil}")}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": evil, "name": evil, "arguments": evil}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": evil, "response": format!("Error: {evil}")}]},
        {"role": "user", "parts": [{"type": "text", "content": "日本語".repeat(100)}]},
    ]);
    let span = Span {
        trace_id: "0123".to_owned(),
        name: "chat".to_owned(),
        attributes: [
            ("gen_ai.input.messages", said.to_string()),
            ("gen_ai.system_instructions", evil.to_owned()),
            ("session.id", evil.to_owned()),
            ("signals.quality", evil.to_owned()),
        ]
        .map(|(key, value)| Attribute {
            key: key.to_owned(),
            value: Value::Str(value),
        })
        .to_vec(),
        ..Span::default()
    };
    let hostile = trace(vec![span]);
    for width in [1, 20, 47, 48, 80, 200] {
        let page = terminal(width);
        let compact = render(&hostile, page, Detail::Compact);
        for text in [
            compact,
            render(&hostile, page, Detail::Everything),
            messages(&hostile, page),
        ] {
            assert!(!text.chars().any(|c| c != '\n' && is_harmful(c)), "{text:?}");
            let talk = text.lines().skip_while(|line| !line.contains("conversation:"));
            let widest = talk.skip(1).filter(|line| line.contains('日')).map(columns).max();
            assert!(width < 40 || widest.is_none_or(|widest| widest <= width), "{text}");
        }
    }
    assert!(messages(&hostile, PLAIN).contains("日本語"));
}
