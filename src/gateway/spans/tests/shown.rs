//! A batch as text, for people: what stands in the golden files.

use std::{fmt::Write as _, fs, path::Path};

use crate::gateway::spans::{Trace, VERSION};
use crate::otlp::{SpanRef, TraceBatch};

/// Holds the trace against its golden file.
pub(super) fn check_golden(name: &str, trace: Trace) {
    let text = shown(&trace.into_batch(&super::emitter().resources()));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/gateway/spans")
        .join(format!("{name}.txt"));
    if std::env::var_os("PLANO_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(&path, &text).expect("the golden file can be written");
    }
    let expected = fs::read_to_string(&path).expect("the golden file is there");
    assert_eq!(text, expected, "{name}: not as {}", path.display());
}

fn shown(batch: &TraceBatch) -> String {
    let mut out = String::new();
    for resource in batch.resource_spans() {
        let attributes = resource.attributes();
        let attributes = attributes.map(|attribute| format!(" {}={:?}", attribute.key(), attribute.value()));
        line(&mut out, &format!("resource{}", attributes.collect::<String>()));
        for scope in resource.scope_spans() {
            let version = scope.scope_version();
            line(&mut out, &format!("scope {} {version}", scope.scope_name()));
            scope.spans().for_each(|span| show(&span, &mut out));
        }
        out.push('\n');
    }
    out
}

/// The program's own version changes.
fn line(out: &mut String, text: &str) {
    out.push_str(&text.replace(VERSION, "<version>"));
    out.push('\n');
}

fn show(span: &SpanRef<'_>, out: &mut String) {
    let write = "writing to a string";
    let kind = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT"][span.kind() as usize];
    let parent = span.parent_span_id().map(|id| id.to_string());
    let parent = parent.unwrap_or_else(|| "none".to_owned());
    let millis = |nano: u64| (nano - super::START) as f64 / 1e6;
    let (start, end) = (millis(span.start_unix_nano()), millis(span.end_unix_nano()));
    writeln!(out, "\n{} ({kind}) {start}..{end} ms", span.name()).expect(write);
    writeln!(
        out,
        "  trace {} span {} parent {parent}",
        span.trace_id(),
        span.span_id()
    )
    .expect(write);
    writeln!(out, "  flags {:#x} tracestate {:?}", span.flags(), span.trace_state()).expect(write);
    for attribute in span.attributes() {
        writeln!(out, "  {} = {:?}", attribute.key(), attribute.value()).expect(write);
    }
    for event in span.events() {
        writeln!(out, "  @ {} ms {}", millis(event.time_unix_nano()), event.name()).expect(write);
    }
    let status = span.status();
    if status.code != 0 {
        writeln!(out, "  status {} {:?}", status.code, status.message).expect(write);
    }
}
