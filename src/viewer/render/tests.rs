//! Golden texts of what people read, in `tests/golden/trace/`. `PLANO_GOLDEN=write cargo test` writes them anew; read the
//! difference before committing it.

use std::{fs, path::Path};

use super::*;
use crate::viewer::{
    model::{Attribute, Event, Resource, Scope, Status, Value},
    paint::is_harmful,
};

pub(super) const PLAIN: Page = Page {
    width: None,
    ink: Ink::Plain,
};

pub(super) fn terminal(width: usize) -> Page {
    Page {
        width: Some(width),
        ink: Ink::Plain,
    }
}

/// Compares a text with its golden file.
pub(super) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/trace")
        .join(format!("{name}.txt"));
    if std::env::var_os("PLANO_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(&path, text).expect("the golden file can be written");
    }
    let expected = fs::read_to_string(&path).expect("the golden file is there");
    assert_eq!(text, expected, "{name}: not as {}", path.display());
}

pub(super) fn check(name: &str, trace: &Trace, page: Page, detail: Detail) {
    let text = render(trace, page, detail);
    golden(name, &text);
    if let Some(width) = page.width.filter(|width| *width >= 60 && page.ink == Ink::Plain) {
        let widest = text
            .lines()
            .filter(|line| !line.contains(" spans  "))
            .map(crate::viewer::paint::columns)
            .max();
        assert!(widest <= Some(width), "{name}: a line of {widest:?} columns");
    }
}

fn attributes(text: &str) -> Vec<Attribute> {
    let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| Attribute {
            key: key.to_owned(),
            value: match value.parse() {
                Ok(number) => Value::Int(number),
                Err(_) => Value::Str(value.to_owned()),
            },
        })
        .collect()
}

/// `id<parent`, service, name, start and duration in milliseconds, attributes.
fn span(ids: &str, service: &str, name: &str, (start, took): (u64, u64), text: &str) -> Span {
    let (id, parent) = ids.split_once('<').unwrap_or((ids, ""));
    let wide = |id: &str| {
        if id.is_empty() {
            String::new()
        } else {
            format!("{id:0>16}")
        }
    };
    let start = 1_700_000_000_000 + start;
    Span {
        trace_id: "246263282a0448773a469b85aa0da910".into(),
        span_id: wide(id),
        parent_span_id: wide(parent),
        name: name.into(),
        kind: 1,
        start_time_unix_nano: start * 1_000_000,
        end_time_unix_nano: (start + took) * 1_000_000,
        service: service.into(),
        attributes: attributes(text),
        ..Span::default()
    }
}

fn trace(spans: Vec<Span>) -> Trace {
    Trace {
        trace_id: "246263282a0448773a469b85aa0da910".into(),
        spans,
        variants: 0,
    }
}

/// The flow through agents of the documentation, its agent's own spans included.
fn agents() -> Trace {
    let chat = "POST /v1/chat/completions";
    let request = "http.method=POST http.target=/v1/chat/completions http.status_code=200 http.user_agent=curl \
                   guid:x-request-id=5f1c request_size=812 response_size=2048";
    let usage = "llm.model=gpt-4o-mini llm.provider=openai llm.usage.prompt_tokens=412 llm.usage.completion_tokens=9 \
                 llm.usage.total_tokens=421 llm.duration_ms=620 llm.time_to_first_token=180 llm.temperature=0 \
                 gen_ai.request.model=gpt-4o-mini http.status_code=200";
    let severe = "llm.model=gpt-4o llm.provider=openai llm.usage.prompt_tokens=150 llm.usage.completion_tokens=75 \
                  llm.usage.total_tokens=225 llm.duration_ms=1934 llm.time_to_first_token=320 http.status_code=200 \
                  signals.quality=Severe signals.turn_count=15 signals.frustration.severity=3 \
                  signals.escalation.requested=true";
    let handoff = "http.method=POST upstream.url=http://localhost:10510/v1/chat/completions http.status_code=200 \
                   attempt=1 request_size=700 response_size=1900";
    trace(vec![
        span("9<8", "plano(llm)", &format!("{chat} gpt-4o 🚩"), (843, 1934), severe),
        span("1", "plano(inbound)", chat, (0, 8043), request),
        span(
            "2<1",
            "plano(orchestrator)",
            "travel_booking_service",
            (5, 629),
            "selection.agents=weather_agent selection.agent_count=1",
        ),
        span("3<2", "plano(llm)", &format!("{chat} gpt-4o-mini"), (6, 620), usage),
        span(
            "4<3",
            "plano(handoff)",
            "POST api.openai.com/v1/chat/completions",
            (7, 610),
            "http.status_code=200",
        ),
        span(
            "5<1",
            "plano(agent)",
            "weather_agent /v1/chat/completions",
            (634, 7405),
            "agent_id=weather_agent agent.sequence=1/1",
        ),
        span(
            "6<5",
            "plano(handoff)",
            "POST localhost:10510/v1/chat/completions",
            (640, 7390),
            handoff,
        ),
        span(
            "7<6",
            "weather-agent",
            "POST /v1/chat/completions",
            (660, 7300),
            "framework=fastapi input.value=secret",
        ),
        span("8<7", "weather-agent", "forecast", (700, 2100), "city=Tokyo days=3"),
        span(
            "a<9",
            "plano(handoff)",
            "POST api.openai.com/v1/chat/completions",
            (850, 1900),
            "http.status_code=200",
        ),
    ])
}

/// Failures of every kind that is told apart.
fn failing() -> Trace {
    let mut status = span(
        "2<1",
        "plano(handoff)",
        "POST api.openai.com/v1",
        (3, 40),
        "http.status_code=429 attempt=1",
    );
    status.status = Status {
        code: 2,
        message: "rate limited".into(),
    };
    let mut exception = span("4<1", "shop", "charge", (60, 5), "amount=12");
    exception.events = vec![Event {
        time_unix_nano: 1_700_000_000_062_000_000,
        name: "exception".into(),
        attributes: attributes("exception.type=ValueError exception.message=negative"),
    }];
    let mut inbound = span(
        "1",
        "plano(inbound)",
        "POST /v1/chat/completions",
        (0, 100),
        "http.status_code=502",
    );
    inbound.resource = Resource {
        attributes: attributes("service.name=plano(inbound) host.name=box"),
    };
    inbound.scope = Scope {
        name: "plano".into(),
        version: "0.1.0".into(),
    };
    inbound.kind = 2;
    let typed = span(
        "3<1",
        "plano(handoff)",
        "POST backup/v1",
        (45, 10),
        "error.type=timeout error.message=slow attempt=2",
    );
    let fine = span("5<1", "shop", "error_free", (70, 0), "error=false http.status_code=204");
    trace(vec![inbound, status, typed, exception, fine])
}

#[test]
fn the_tree_of_the_documentation() {
    check("agents", &agents(), PLAIN, Detail::Compact);
    check("agents_terminal_120", &agents(), terminal(120), Detail::Compact);
    check("agents_terminal_60", &agents(), terminal(60), Detail::Compact);
    check("agents_verbose", &agents(), PLAIN, Detail::Everything);
    let colored = Page {
        width: Some(120),
        ink: Ink::Color,
    };
    check("agents_colored", &agents(), colored, Detail::Compact);
}

#[test]
fn errors_come_first() {
    check("failing", &failing(), PLAIN, Detail::Compact);
    check("failing_verbose", &failing(), terminal(100), Detail::Everything);
}

#[test]
fn odd_shapes() {
    let orphan = span("1<f", "a", "the parent never came", (5, 10), "");
    let early = span("2<1", "b", "its clock is behind", (2, 3), "");
    let looped = span("3<4", "c", "my own grandparent", (20, 1), "");
    let looping = span("4<3", "c", "my own grandchild", (21, 1), "");
    let mut timeless = span("5<1", "d", "no time at all", (0, 0), "");
    (timeless.start_time_unix_nano, timeless.end_time_unix_nano) = (0, 0);
    let mut backwards = span("6<1", "d", "ends before it starts", (9, 0), "");
    backwards.end_time_unix_nano -= 5_000_000;
    let odd = trace(vec![orphan, early, looped, looping, timeless, backwards]);
    check("odd", &odd, terminal(80), Detail::Compact);
    check("empty", &trace(vec![]), PLAIN, Detail::Compact);
    check(
        "instant",
        &trace(vec![span("1", "s", "n", (0, 0), "")]),
        terminal(80),
        Detail::Compact,
    );
}

#[test]
fn great_depth_is_counted_instead_of_drawn() {
    let id = |number: u64| {
        if number == 0 {
            String::new()
        } else {
            format!("{number:x}")
        }
    };
    let deep: Vec<Span> = (1..=40_u64)
        .map(|number| {
            span(
                &format!("{}<{}", id(number), id(number - 1)),
                "s",
                "step",
                (number, 80 - number),
                "k=v",
            )
        })
        .collect();
    check("deep", &trace(deep), terminal(80), Detail::Compact);
    let deeper: Vec<Span> = (1..=10_000_u64)
        .map(|number| {
            span(
                &format!("{}<{}", id(number), id(number - 1)),
                "s",
                "step",
                (number, 1),
                "k=v",
            )
        })
        .collect();
    let text = render(&trace(deeper), PLAIN, Detail::Compact);
    assert_eq!(text.lines().filter(|line| line.contains("step")).count(), 10_000);
    assert!(text.len() < 8 << 20, "{} bytes", text.len());
}

#[test]
fn nothing_hostile_reaches_the_terminal() {
    let evil = "a\x1b[2J\x1b]0;t\x07\r\n\tb\u{202e}c\u{9b}31m\u{2028}\u{200b}";
    let mut bad = span("1", evil, evil, (0, 10), "");
    bad.trace_id = evil.into();
    bad.attributes = vec![
        Attribute {
            key: evil.into(),
            value: Value::Str(evil.into()),
        },
        Attribute {
            key: "error.message".into(),
            value: Value::Array(vec![Value::KvList(vec![Attribute {
                key: evil.into(),
                value: Value::Str(evil.into()),
            }])]),
        },
    ];
    bad.status = Status {
        code: 2,
        message: evil.into(),
    };
    bad.scope.name = evil.into();
    bad.resource.attributes = bad.attributes.clone();
    bad.events = vec![Event {
        time_unix_nano: 0,
        name: evil.into(),
        attributes: bad.attributes.clone(),
    }];
    let mut bad = trace(vec![bad]);
    bad.trace_id = evil.into();
    for detail in [Detail::Compact, Detail::Attributes, Detail::Everything] {
        for page in [PLAIN, terminal(80), terminal(1)] {
            let text = render(&bad, page, detail);
            assert!(!text.chars().any(|c| c != '\n' && is_harmful(c)), "{text:?}");
        }
    }
    check("hostile", &bad, PLAIN, Detail::Everything);
}

#[test]
fn lengths_of_time() {
    for (nanos, expected) in [
        (0, "0ms"),
        (1, "1µs"),
        (312_000, "312µs"),
        (843_000_000, "843ms"),
        (8_043_000_000, "8.04s"),
        (123_000_000_000, "2m 03s"),
        (3_720_000_000_000, "1h 02m"),
        (u64::MAX, "213503d 23h"),
    ] {
        assert_eq!(length(nanos), expected);
    }
}

#[test]
fn amounts_have_the_digits_that_tell_something() {
    for (amount, expected) in [
        (0.0, "$0.00"),
        (1e-9, "<$0.000001"),
        (0.000_012_3, "$0.000012"),
        (0.001_224_8, "$0.0012"),
        (0.04567, "$0.046"),
        (12.3456, "$12.35"),
    ] {
        assert_eq!(dollars(amount), expected);
    }
}

/// The traces that `tests/fixtures/traces/record` recorded of the gateway: narrow and wide, with colors and without.
#[test]
fn recorded_traces() {
    #[derive(serde::Deserialize)]
    struct Document {
        traces: Vec<Trace>,
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/traces");
    for name in ["agents", "429", "500", "503"] {
        let text = fs::read_to_string(folder.join(format!("{name}.json"))).expect("it was recorded");
        let document: Document = serde_json::from_str(&text).expect("what is printed can be read");
        let [trace] = &document.traces[..] else {
            panic!("{name}: one trace");
        };
        for width in [80, 140] {
            for (ink, colors) in [(Ink::Plain, ""), (Ink::Color, "_colored")] {
                let page = Page {
                    width: Some(width),
                    ink,
                };
                let golden = format!("recorded_{name}_{width}{colors}");
                check(&golden, trace, page, Detail::Compact);
            }
        }
    }
}
