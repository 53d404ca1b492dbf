//! The text of the debug exporter, word for word.

use super::*;
use crate::otlp::{SpanBuilder, SpanId, TraceId, Value};

fn sample() -> TraceBatch {
    let full = SpanBuilder::new(
        TraceId([0xab; 16]),
        SpanId([1; 8]),
        "POST /v1/chat/completions gpt-4 🚩",
    )
    .parent(SpanId([2; 8]))
    .trace_state("ot=th:0")
    .kind(2)
    .times(1_581_452_772_000_000_321, 1_581_452_773_500_000_000)
    .attribute("llm.model", Value::Str("gpt-4"))
    .attribute("llm.usage.total_tokens", Value::Int(225))
    .attribute("signals.efficiency_score", Value::Double(0.234))
    .attribute("ok", Value::Bool(true))
    .attribute("raw", Value::Bytes(&[1, 2, 3]))
    .attribute("roles", Value::Strings(&["user", "assi\"stant"]))
    .event(1_581_452_773_000_000_000, "first token", &[("at", Value::Int(-1))])
    .link(TraceId([3; 16]), SpanId([4; 8]), &[("why", Value::Str("retry"))])
    .status(2, "cancelled");
    let bare = SpanBuilder::new(TraceId([0xab; 16]), SpanId([5; 8]), "");
    let resource = [("service.name", Value::Str("shop"))];
    SpanBuilder::batch(&resource, ("scope", "1.2"), [full, bare])
}

#[test]
fn detailed_is_every_field() {
    let expected = "\
ResourceSpans #0
Resource SchemaURL: \n\
Resource attributes:
     -> service.name: Str(shop)
ScopeSpans #0
ScopeSpans SchemaURL: \n\
InstrumentationScope scope 1.2
Span #0
    Trace ID       : abababababababababababababababab
    Parent ID      : 0202020202020202
    ID             : 0101010101010101
    Name           : POST /v1/chat/completions gpt-4 🚩
    Kind           : Server
    TraceState     : ot=th:0
    Start time     : 2020-02-11 20:26:12.000000321 +0000 UTC
    End time       : 2020-02-11 20:26:13.5 +0000 UTC
    Status code    : Error
    Status message : cancelled
    DroppedAttributesCount: 0
    DroppedEventsCount: 0
    DroppedLinksCount: 0
Attributes:
     -> llm.model: Str(gpt-4)
     -> llm.usage.total_tokens: Int(225)
     -> signals.efficiency_score: Double(0.234)
     -> ok: Bool(true)
     -> raw: Bytes(AQID)
     -> roles: Slice([\"user\",\"assi\\\"stant\"])
Events:
SpanEvent #0
     -> Name: first token
     -> Timestamp: 2020-02-11 20:26:13 +0000 UTC
     -> DroppedAttributesCount: 0
     -> Attributes::
          -> at: Int(-1)
Links:
SpanLink #0
     -> Trace ID: 03030303030303030303030303030303
     -> ID: 0404040404040404
     -> TraceState: \n     \
     -> DroppedAttributesCount: 0
     -> Attributes::
          -> why: Str(retry)
Span #1
    Trace ID       : abababababababababababababababab
    Parent ID      : \n    \
    ID             : 0505050505050505
    Name           : \n    \
    Kind           : Unspecified
    Start time     : 1970-01-01 00:00:00 +0000 UTC
    End time       : 1970-01-01 00:00:00 +0000 UTC
    Status code    : Unset
    Status message : \n    \
    DroppedAttributesCount: 0
    DroppedEventsCount: 0
    DroppedLinksCount: 0
";
    assert_eq!(detailed(&sample()), expected);
}

#[test]
fn normal_is_a_line_for_each_thing() {
    let expected = "\
ResourceTraces #0 service.name=shop
ScopeTraces #0 scope@1.2
POST /v1/chat/completions gpt-4 🚩 abababababababababababababababab 0101010101010101 llm.model=gpt-4 \
llm.usage.total_tokens=225 signals.efficiency_score=0.234 ok=true raw=AQID roles=[\"user\",\"assi\\\"stant\"]
 abababababababababababababababab 0505050505050505
";
    assert_eq!(normal(&sample()), expected);
}

#[test]
fn nothing_that_a_terminal_would_obey_comes_through() {
    let evil = "a\u{1b}]0;owned\u{7}\r\nb\u{202e}\u{9b}2J\u{200b}";
    let span = SpanBuilder::new(TraceId([1; 16]), SpanId([1; 8]), evil)
        .trace_state(evil)
        .attribute(evil, Value::Str(evil))
        .attribute("list", Value::Strings(&[evil]))
        .event(1, evil, &[(evil, Value::Str(evil))])
        .link(TraceId([3; 16]), SpanId([4; 8]), &[(evil, Value::Str(evil))])
        .status(2, evil);
    let batch = SpanBuilder::batch(&[(evil, Value::Str(evil))], (evil, evil), [span]);
    for text in [normal(&batch), detailed(&batch)] {
        let hidden: Vec<char> = text
            .chars()
            .filter(|c| *c != '\n' && crate::values::foreign::is_hidden(*c))
            .collect();
        assert!(hidden.is_empty(), "{hidden:?} in {text}");
    }
    // No value begins a line of its own.
    assert_eq!(normal(&batch).lines().count(), 3);
}

#[test]
fn doubles_read_as_in_go() {
    let check = |number: f64, expected: &str| assert_eq!(double(number), expected);
    check(0.0, "0");
    check(3.0, "3");
    check(-0.5, "-0.5");
    check(1e20, "100000000000000000000");
    check(1e21, "1e+21");
    check(1.5e-7, "1.5e-7");
    check(0.000001, "0.000001");
    check(f64::NAN, "NaN");
    check(f64::INFINITY, "inf");
}
