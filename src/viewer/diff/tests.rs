//! Pairs of small traces, written as words, and what is said to be different.

use super::*;
use crate::viewer::{
    Ink, Page,
    model::{Attribute, Value},
};

/// `service/name<parent@start` in the order of the spans, ids being their numbers, `+ms` its length, `!why` its failure.
fn trace(id: &str, text: &str) -> Trace {
    let spans = text
        .split(';')
        .filter(|word| !word.is_empty())
        .enumerate()
        .map(|(number, word)| {
            let (word, error) = word.split_once('!').map_or((word, ""), |(word, why)| (word, why));
            let (word, length) = word.split_once('+').unwrap_or((word, "10"));
            let (word, parent) = word.split_once('<').unwrap_or((word, ""));
            let (service, name) = word.split_once('/').expect("a service and a name");
            let start = 1_000_000 * (1 + number as u64);
            Span {
                trace_id: id.into(),
                span_id: format!("s{number}"),
                parent_span_id: if parent.is_empty() {
                    String::new()
                } else {
                    format!("s{parent}")
                },
                service: service.into(),
                name: name.into(),
                start_time_unix_nano: start,
                end_time_unix_nano: start + 1_000_000 * length.parse::<u64>().expect("a length"),
                status: crate::viewer::Status {
                    code: if error.is_empty() { 0 } else { 2 },
                    message: error.into(),
                },
                ..Span::default()
            }
        });
    Trace {
        trace_id: id.into(),
        spans: spans.collect(),
        ..Trace::default()
    }
}

fn shown(diff: &Diff) -> Vec<String> {
    let row = |row: &Row| {
        let mark = match row.change {
            Change::Same => '=',
            Change::Changed => '~',
            Change::Added => '+',
            Change::Removed => '-',
        };
        let changes: Vec<String> = row
            .changes
            .iter()
            .map(|it| {
                format!(
                    " {}:{:?}>{:?}",
                    it.key,
                    it.a.as_deref().unwrap_or("-"),
                    it.b.as_deref().unwrap_or("-")
                )
            })
            .collect();
        format!("{mark}{} {}/{}{}", row.depth, row.service, row.name, changes.concat())
    };
    diff.spans.iter().map(row).collect()
}

fn check(a: &str, b: &str, expected: &[&str]) {
    let diff = Diff::of(&trace("a", a), &trace("b", b), false);
    assert_eq!(shown(&diff), expected, "{a} | {b}");
    let back = Diff::of(&trace("b", b), &trace("a", a), false);
    let count = |diff: &Diff, change| diff.spans.iter().filter(|row| row.change == change).count();
    assert_eq!(count(&diff, Change::Added), count(&back, Change::Removed), "{a} | {b}");
    assert_eq!(count(&diff, Change::Same), count(&back, Change::Same), "{a} | {b}");
}

#[test]
fn spans_are_paired_by_place_service_and_name() {
    check("s/a;s/b<0", "s/a;s/b<0+99", &["=0 s/a", "=1 s/b"]);
    check("s/a;s/b<0", "s/a;s/c<0", &["=0 s/a", "+1 s/c", "-1 s/b"]);
    check("s/a;s/b<0;s/b<0", "s/a;s/b<0", &["=0 s/a", "=1 s/b", "-1 s/b"]);
    check(
        "s/a;s/b<0;s/d<0",
        "s/a;s/b<0;s/c<0;s/e<2;s/d<0",
        &["=0 s/a", "=1 s/b", "+1 s/c", "+2 s/e", "=1 s/d"],
    );
    check("s/a;s/b<0;s/c<0", "s/a;s/c<0;s/b<0", &["=0 s/a", "=1 s/b", "=1 s/c"]);
    check("s/a", "t/a", &["+0 t/a", "-0 s/a"]);
    check(
        "s/a;s/b<0;s/c<1",
        "s/a;s/c<0",
        &["=0 s/a", "+1 s/c", "-1 s/b", "-2 s/c"],
    );
    check("", "s/a", &["+0 s/a"]);
}

#[test]
fn another_name_for_the_same_thing_is_a_change() {
    check(
        "s/chat gpt-4o",
        "s/chat gpt-4o-mini",
        &["~0 s/chat gpt-4o-mini name:\"chat gpt-4o\">\"chat gpt-4o-mini\""],
    );
    check(
        "plano(llm)/POST /v1 x",
        "plano(llm)/POST /v1 y 🚩",
        &["~0 plano(llm)/POST /v1 y 🚩 name:\"POST /v1 x\">\"POST /v1 y\" flag:\"-\">\"🚩\""],
    );
    check("s/query", "s/render", &["+0 s/render", "-0 s/query"]);
}

#[test]
fn failures_models_and_tokens_are_compared() {
    check("s/a!late", "s/a", &["~0 s/a error:\"late\">\"-\""]);
    let with = |id: &str, pairs: &[(&str, Value)]| {
        let mut one = trace(id, "s/a");
        one.spans[0].attributes = pairs
            .iter()
            .map(|(key, value)| Attribute {
                key: (*key).into(),
                value: value.clone(),
            })
            .collect();
        one
    };
    let a = with(
        "a",
        &[
            ("llm.model", Value::Str("x".into())),
            ("llm.usage.prompt_tokens", Value::Int(3)),
            ("thread", Value::Int(1)),
            ("signals.quality", Value::Str("Good".into())),
        ],
    );
    let b = with(
        "b",
        &[
            ("llm.model", Value::Str("y".into())),
            ("llm.usage.prompt_tokens", Value::Int(3)),
            ("http.status_code", Value::Int(503)),
            ("signals.quality", Value::Str("Severe".into())),
        ],
    );
    assert_eq!(
        shown(&Diff::of(&a, &b, false)),
        ["~0 s/a error:\"-\">\"HTTP 503\" http status:\"-\">\"503\" model:\"x\">\"y\" quality:\"Good\">\"Severe\""]
    );
    assert_eq!(
        shown(&Diff::of(&a, &b, true)),
        [
            "~0 s/a error:\"-\">\"HTTP 503\" llm.model:\"x\">\"y\" thread:\"1\">\"-\" signals.quality:\"Good\">\"Severe\" \
          http.status_code:\"-\">\"503\""
        ]
    );
    let diff = Diff::of(&a, &b, false);
    assert_eq!(
        (diff.a.errors, diff.b.errors, diff.b.quality.as_deref()),
        (0, 1, Some("Severe"))
    );
}

#[test]
fn a_difference_is_told_in_lines_that_can_be_read() {
    let a = trace("aaaa", "s/in+100;s/chat x<0+80;s/old<0+5!bad\u{1b}[2J");
    let b = trace("bbbb", "s/in+50;s/chat y<0+20;s/new<0+1");
    let page = Page {
        width: None,
        ink: Ink::Plain,
    };
    let expected = "\
A  aaaa  100ms  3 spans
B  bbbb  50ms  3 spans

  s in            100ms →      50ms  -50%
~   s chat y       80ms →      20ms  -75%
        name: chat x → chat y
+   s new                       1ms
-   s old           5ms
        error: bad\\x1b[2J

              A     B
duration  100ms  50ms  -50%
spans         3     3
errors        1     0  -1
";
    assert_eq!(diff_text(&Diff::of(&a, &b, false), page), expected);
    for width in [0, 20, 40, 80, 200] {
        let text = diff_text(
            &Diff::of(&a, &b, true),
            Page {
                width: Some(width),
                ink: Ink::Color,
            },
        );
        assert!(text.contains("aaaa"), "{width}");
    }
}

#[test]
fn deep_and_wide_traces_are_no_burden() {
    let deep: String = (1..20_000).map(|number| format!(";s/a<{}", number - 1)).collect();
    let wide: String = (1..20_000).map(|number| format!(";s/{}<0", number % 7)).collect();
    for shape in [deep, wide] {
        let text = format!("s/a{shape}");
        let diff = Diff::of(&trace("a", &text), &trace("b", &text), false);
        assert_eq!(diff.spans.len(), 20_000);
        assert!(diff.spans.iter().all(|row| row.change == Change::Same));
    }
}
