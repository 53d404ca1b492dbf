//! An outline of spans, as text.

use super::*;
use crate::viewer::model::{Attribute, Status, Value};

fn span(id: &str, parent: &str, start: u64, end: u64) -> Span {
    Span {
        trace_id: "t".into(),
        span_id: id.into(),
        parent_span_id: parent.into(),
        name: format!("name {id}"),
        service: "plano(llm)".into(),
        kind: 3,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        ..Span::default()
    }
}

fn trace(spans: Vec<Span>) -> Trace {
    Trace {
        trace_id: "t".into(),
        spans,
        variants: 0,
    }
}

fn with(mut span: Span, key: &str, value: Value) -> Span {
    span.attributes.push(Attribute { key: key.into(), value });
    span
}

#[test]
fn rows_stand_in_the_order_of_the_tree() {
    let failed = Span {
        status: Status {
            code: 2,
            message: "no".into(),
        },
        ..span("c", "a", 30, 40)
    };
    let asked = with(span("b", "a", 20, 25), "llm.model", Value::Str("m".into()));
    let asked = with(asked, "llm.usage.prompt_tokens", Value::Int(7));
    let asked = with(asked, "gen_ai.prompt.0.content", Value::Str("hi".into()));
    let trace = trace(vec![failed, asked, span("a", "", 10, 50)]);
    let json = serde_json::to_value(Outline::of(&trace)).expect("plain data");
    let row = |at: usize| json["rows"][at].to_string();
    assert_eq!(
        row(1),
        r#"{"span_id":"b","trace_id":"t","parent_span_id":"a","depth":1,"has_children":false,"oddity":null,"name":"name b","service":"plano(llm)","role":"llm","kind":"client","start":10,"duration":5,"error":null,"http_status":null,"flagged":false,"quality":null,"tokens_in":7,"tokens_out":0,"model":"m","has_conversation":true}"#
    );
    assert!(row(0).contains(r#""span_id":"a","trace_id":"t","parent_span_id":"","depth":0,"has_children":true"#));
    assert!(row(2).contains(r#""error":"no""#), "{}", row(2));
    assert!(row(2).contains(r#""has_conversation":false"#), "{}", row(2));
    assert_eq!(json["start_unix_nano"], "10");
    assert_eq!(json["duration_nanos"], 40);
    assert_eq!(json["facts"]["errors"], 1);
    assert_eq!(json["facts"]["tokens_in"], 7);
    assert_eq!(json["notes"], serde_json::json!([]));
}

/// Notes of spans, and the oddity of each row.
fn check_notes(spans: Vec<Span>, notes: &[&str], oddities: &[Option<&str>]) {
    let trace = trace(spans);
    let outline = Outline::of(&trace);
    assert_eq!(outline.notes, notes);
    let found: Vec<Option<&str>> = outline.rows.iter().map(|row| row.oddity).collect();
    assert_eq!(found, oddities);
}

#[test]
fn what_is_odd_is_said() {
    check_notes(
        vec![span("a", "", 10, 20), span("b", "a", 5, 20), span("c", "a", 6, 20)],
        &["2 spans start before their parents (clocks differ)"],
        &[None, Some("earlier_than_parent"), Some("earlier_than_parent")],
    );
    check_notes(
        vec![span("a", "x", 10, 20)],
        &["1 span names a parent that is not here (yet)"],
        &[Some("parent_missing")],
    );
    check_notes(
        vec![span("a", "a", 10, 20)],
        &["1 span is its own ancestor: the loop is cut there"],
        &[Some("loop")],
    );
    let other = Span {
        trace_id: "u".into(),
        ..span("b", "a", 15, 12)
    };
    check_notes(
        vec![
            span("a", "", 10, 20),
            other,
            span("c", "a", 0, 0),
            span("d", "a", 11, 0),
        ],
        &[
            "joined from 2 trace ids, since spans of one name a parent in another",
            "1 span has no start time",
            "1 span has no end time",
            "1 span ends before it starts; its duration is shown as 0",
        ],
        &[None, None, None, None],
    );
}

#[test]
fn nothing_is_an_outline_too() {
    let trace = Trace::default();
    let json = serde_json::to_string(&Outline::of(&trace)).expect("plain data");
    assert!(
        json.contains(r#""duration_nanos":0"#) && json.contains(r#""rows":[]"#),
        "{json}"
    );
}
