//! Tables of targets, windows, patterns; questions to a small store.

use super::*;
use crate::{
    otlp::{SpanBuilder, SpanId, TraceId, Value},
    pipeline::Sink,
    viewer::{Limits, Store},
};

#[test]
fn targets() {
    let id = |hex: &str| Some(Target::Id(hex.to_owned()));
    for (text, expected) in [
        ("last", Some(Target::Last)),
        ("any", Some(Target::Any)),
        ("7f4e", id("7f4e")),
        ("7F4E9A1C", id("7f4e9a1c")),
        (
            "7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a",
            id("7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a"),
        ),
        ("7f4", None),
        ("", None),
        ("7f4e9a1g", None),
        ("é7f4e", None),
        ("7f4e9a1c0d9d4a0bb9bf5a8a7d13f62a0", None),
        ("00000000000000000000000000000000", None),
    ] {
        assert_eq!(text.parse::<Target>().ok(), expected, "{text:?}");
    }
}

#[test]
fn windows() {
    for (text, expected) in [
        ("30s", Some(30)),
        ("5m", Some(300)),
        ("2h", Some(7200)),
        ("1d", Some(86_400)),
        ("", None),
        ("5", None),
        ("m", None),
        ("-5m", None),
        ("+5m", None),
        ("1.5h", None),
        ("0s", None),
        ("5 m", None),
        ("5µ", None),
        ("99999999999999999999d", None),
        ("9999999999999999999d", None),
    ] {
        let window = text.parse::<Window>().ok().map(|window| window.0.as_secs());
        assert_eq!(window, expected, "{text:?}");
    }
}

const SECOND: u64 = 1_000_000_000;
const NOW: u64 = 10_000 * SECOND;

/// Three traces, one a thousand seconds: aa (gpt-4o), ab (gpt-4o-mini, flagged), bc (fails).
fn store() -> Store {
    let store = Store::new(Limits::default());
    for (number, model, name, start) in [
        (0xaa, "gpt-4o", "first", 7000),
        (0xab, "gpt-4o-mini", "second 🚩", 8000),
        (0xbc, "gpt-4o", "third", 9000),
    ] {
        let id = TraceId([number; 16]);
        let root = SpanBuilder::new(id, SpanId([number; 8]), name)
            .times(start * SECOND, (start + 2) * SECOND)
            .attribute("llm.model", Value::Str(model))
            .attribute("llm.usage.total_tokens", Value::Int(start as i64));
        let child = SpanBuilder::new(id, SpanId([1; 8]), "child")
            .parent(SpanId([number; 8]))
            .times((start + 1) * SECOND, (start + 2) * SECOND)
            .attribute("http.method", Value::Str("POST"))
            .status(if number == 0xbc { 2 } else { 0 }, "");
        store.take(SpanBuilder::batch(
            &[("service.name", Value::Str("shop"))],
            ("", ""),
            [root, child],
        ));
    }
    store
}

/// The first two digits of the traces found, or the error.
fn check(query: &Query, expected: &str) {
    let held = store().newest_first();
    let found = match query.answer(&held, NOW) {
        Ok(reply) => {
            let traces = reply.traces.iter().map(|trace| &trace.trace_id);
            let ids = traces.chain(reply.summaries.iter().map(|summary| &summary.trace_id));
            ids.map(|id| id[..2].to_owned()).collect::<Vec<_>>().join(" ")
        }
        Err(error) => error.to_string(),
    };
    assert!(
        found == expected || (!expected.is_empty() && found.contains(expected)),
        "{query:?}: {found}"
    );
}

fn conditions(texts: &[&str]) -> Query {
    Query {
        r#where: texts.iter().map(|text| (*text).to_owned()).collect(),
        ..Query::default()
    }
}

#[test]
fn questions_select_whole_traces() {
    for (query, expected) in [
        (r#"{}"#, "bc ab aa"),
        (r#"{"flagged":true}"#, "ab"),
        (r#"{"limit":2}"#, "bc ab"),
        (r#"{"limit":0}"#, ""),
        (r#"{"ids":["aaaa"]}"#, "aa"),
        (r#"{"ids":["a"]}"#, "ab aa"),
        (r#"{"ids":["dddd"]}"#, ""),
        (r#"{"since":"1000s"}"#, "bc"),
        (r#"{"since":"1d"}"#, "bc ab aa"),
        (r#"{"since":"1s"}"#, ""),
        (r#"{"since":"soon"}"#, "invalid window"),
        (r#"{"view":"summary"}"#, "bc ab aa"),
    ] {
        check(&serde_json::from_str(query).expect(query), expected);
    }
}

#[test]
fn conditions_select_whole_traces() {
    check(&conditions(&["llm.model=gpt-4o"]), "bc aa");
    check(&conditions(&["llm.model=gpt-4o", "status=error"]), "bc");
    // Each condition may hold on another span.
    check(&conditions(&["llm.model=gpt-4o", "http.method=POST"]), "bc aa");
    check(&conditions(&["llm.usage.total_tokens>=8000"]), "bc ab");
    check(&conditions(&["service.name=shop", "name~^fir"]), "aa");
    check(&conditions(&["llm.model=none"]), "");
    check(&conditions(&["llm.modle=gpt-4o"]), "did you mean \"llm.model\"?");
    check(&conditions(&["llm.model"]), "no operator");
}

#[test]
fn a_summary_counts() {
    let query = Query {
        view: View::Summary,
        ..Query::default()
    };
    let reply = query.answer(&store().newest_first(), NOW).expect("an answer");
    let third = &reply.summaries[0];
    assert_eq!((third.root.as_str(), third.service.as_str()), ("third", "shop"));
    assert_eq!((third.spans, third.errors, third.flags), (2, 1, 0));
    assert_eq!(third.duration_nanos, 2 * SECOND);
    assert_eq!(reply.summaries[1].flags, 1);
    assert_eq!(reply.held, 3);
}

#[test]
fn pages_hold_everything_once() {
    let store = Store::new(Limits::default());
    let large = "x".repeat(PAGE_BYTES / 3);
    for number in 1..=8_u8 {
        let span = SpanBuilder::new(TraceId([number; 16]), SpanId([number; 8]), "s");
        store.take(SpanBuilder::batch(
            &[],
            ("", ""),
            [span.attribute("large", Value::Str(&large))],
        ));
    }
    let huge = SpanBuilder::new(TraceId([9; 16]), SpanId([9; 8]), "s").attribute("large", Value::Str(&large.repeat(4)));
    store.take(SpanBuilder::batch(&[], ("", ""), [huge]));
    let held = store.newest_first();
    let (mut query, mut seen, mut pages) = (Query::default(), Vec::new(), 0);
    loop {
        let reply = query.answer(&held, NOW).expect("a page");
        seen.extend(reply.traces.iter().map(|trace| trace.trace_id[..2].to_owned()));
        pages += 1;
        query.cursor = reply.cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["09", "08", "07", "06", "05", "04", "03", "02", "01"]);
    assert_eq!(pages, 5);
}

#[test]
fn the_wire_form_refuses_what_it_does_not_know() {
    let query: Query = serde_json::from_str(r#"{"where":["a=b"],"limit":3,"view":"summary"}"#).expect("a query");
    assert_eq!((query.limit, query.view), (Some(3), View::Summary));
    for text in [r#"{"wehre":[]}"#, r#"{"limit":-1}"#, r#"{"view":"all"}"#, "[]x"] {
        assert!(serde_json::from_str::<Query>(text).is_err(), "{text}");
    }
}
