//! Traces to look at: a request that went well with a conversation, one that failed, one of odd shape with hostile names.

use crate::viewer::{
    Attribute, Conversation, Event, Found, Message, Piece, Resource, Span, Status, ToolCall, Trace, Value,
};

/// 2026-01-01 10:00:00 UTC.
const START: u64 = 1_767_261_600_000_000_000;

/// A span as `service|name|id<parent@start+duration`, times in milliseconds after the trace's start.
fn span(text: &str, attributes: &[(&str, &str)]) -> Span {
    let [service, name, place] = text.split('|').collect::<Vec<_>>()[..] else {
        panic!("three parts: {text}");
    };
    let (ids, times) = place.split_once('@').expect("times");
    let (id, parent) = ids.split_once('<').unwrap_or((ids, ""));
    let (start, duration) = times.split_once('+').expect("a duration");
    let millis = |text: &str| text.parse::<u64>().expect("a number") * 1_000_000;
    let long = |id: &str| {
        if id.is_empty() {
            String::new()
        } else {
            format!("{id:0>16}")
        }
    };
    Span {
        trace_id: String::new(),
        span_id: long(id),
        parent_span_id: long(parent),
        name: name.into(),
        kind: 1,
        start_time_unix_nano: START + millis(start),
        end_time_unix_nano: START + millis(start) + millis(duration),
        service: service.into(),
        attributes: attributes.iter().map(|(key, value)| attribute(key, value)).collect(),
        resource: Resource {
            attributes: vec![attribute("service.name", service), attribute("host.name", "büro-1")],
        },
        ..Span::default()
    }
}

fn attribute(key: &str, text: &str) -> Attribute {
    let value = match text.parse::<i64>() {
        Ok(number) => Value::Int(number),
        Err(_) => Value::Str(text.into()),
    };
    Attribute { key: key.into(), value }
}

fn trace(id: &str, after: u64, mut spans: Vec<Span>) -> Trace {
    let trace_id = id.repeat(16);
    for span in &mut spans {
        span.trace_id.clone_from(&trace_id);
        span.start_time_unix_nano += after * 1_000_000_000;
        span.end_time_unix_nano += after * 1_000_000_000;
    }
    Trace {
        trace_id,
        spans,
        ..Trace::default()
    }
}

/// An agent's request, with a conversation that went wrong.
pub(super) fn talk() -> Trace {
    let model = [
        ("llm.model", "gpt-4o-mini"),
        ("llm.usage.prompt_tokens", "182"),
        ("llm.usage.completion_tokens", "43"),
        ("llm.time_to_first_token", "412"),
        ("http.status_code", "200"),
    ];
    let mut chat = span("customer-support-agent|openai.chat 🚩|4<3@900+640", &model);
    chat.attributes.push(attribute("signals.quality", "Severe"));
    chat.attributes.push(attribute("signals.flagged", "x"));
    chat.attributes.push(attribute(
        "gen_ai.prompt",
        "line one\nline two is long enough that it does not fit on one line of a small terminal and must be wrapped",
    ));
    chat.events.push(Event {
        time_unix_nano: chat.start_time_unix_nano + 1_000_000,
        name: "signals.interaction.disengagement.escalation".into(),
        attributes: vec![attribute("confidence", "high"), attribute("message", "3")],
    });
    trace(
        "7f",
        0,
        vec![
            span(
                "plano(inbound)|POST /v1/chat/completions|1@0+1840",
                &[("http.status_code", "200")],
            ),
            span(
                "plano(orchestrator)|select agents|2<1@6+120",
                &[("selection.agent_count", "1")],
            ),
            span("plano(agent)|support|3<1@130+1700", &[]),
            chat,
            span("plano(llm)|chat gpt-4o-mini|5<4@910+600", &model),
        ],
    )
}

/// One that failed.
pub(super) fn failed() -> Trace {
    let mut last = span(
        "plano(llm)|POST /v1/chat/completions|3<2@20+3000",
        &[("http.status_code", "503")],
    );
    last.status = Status {
        code: 2,
        message: "upstream answered 503 Service Unavailable".into(),
    };
    last.events.push(Event {
        time_unix_nano: last.start_time_unix_nano + 2_000_000,
        name: "exception".into(),
        attributes: vec![attribute("exception.type", "UpstreamError")],
    });
    trace(
        "ab",
        60,
        vec![
            span(
                "plano(inbound)|POST /v1/chat/completions|1@0+3050",
                &[("http.status_code", "503")],
            ),
            span("plano(routing)|route|2<1@10+3030", &[("routing.strategy", "latency")]),
            last,
        ],
    )
}

/// An odd one, whose names would steer a terminal.
pub(super) fn odd() -> Trace {
    trace(
        "c3",
        120,
        vec![
            span(
                "evil\x1b]0;owned\x07|\x1b[2Jroot \u{202e}rtl|1@100+50",
                &[("ke\x1by", "va\x07lue\u{202e}")],
            ),
            span("日本語サービス|処理する 👩\u{200d}💻 é\u{301}|2<1@40+900", &[]),
            span("shop|orphan|3<9@10+5", &[]),
            span("shop|itself|4<4@20+5", &[]),
        ],
    )
}

/// The three, oldest first.
pub(super) fn all() -> Vec<Trace> {
    vec![talk(), failed(), odd()]
}

/// The conversation of the span that has one.
pub(super) fn conversation(span: &Span) -> Option<Conversation> {
    let signal = || Found {
        r#type: "interaction.disengagement.escalation".into(),
        confidence: 0.9,
        why: "talk to a human".into(),
    };
    span.name.starts_with("openai.chat").then(|| Conversation {
        dialect: "openllmetry".into(),
        quality: Some("Severe".into()),
        score: Some(12.4),
        flag_reasons: vec!["escalation".into(), "quality".into()],
        messages: vec![
            message("system", &[("You help customers of a shop.", false)]),
            message(
                "user",
                &[("Where is my order?\nIt should be here \x1b[31msince Monday.", false)],
            ),
            Message {
                tool_calls: vec![ToolCall {
                    id: Some("call_1".into()),
                    name: "find_order".into(),
                    arguments: r#"{"customer":"c-17"}"#.into(),
                }],
                ..message("assistant", &[])
            },
            Message {
                name: Some("find_order".into()),
                tool_call_id: Some("call_1".into()),
                ..message("tool", &[(r#"{"error":"not found"}"#, false)])
            },
            Message {
                signals: vec![signal()],
                ..message(
                    "user",
                    &[
                        ("This is useless, let me ", false),
                        ("talk to a human", true),
                        (", please.", false),
                    ],
                )
            },
        ],
        ..Conversation::default()
    })
}

fn message(role: &str, pieces: &[(&str, bool)]) -> Message {
    let piece = |(text, marked): &(&str, bool)| Piece {
        text: (*text).into(),
        signals: if *marked {
            vec!["interaction.disengagement.escalation".into()]
        } else {
            Vec::new()
        },
    };
    Message {
        role: role.into(),
        text: pieces.iter().map(piece).collect(),
        ..Message::default()
    }
}
