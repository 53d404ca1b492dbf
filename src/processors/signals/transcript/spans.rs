//! Traces as text: OTLP/JSON, as the Collector's `file` exporter writes it, and what `planoai trace --json` prints. The conversation
//! of each span is found as the processor finds it; spans without one are passed over.

use std::borrow::Cow;

use super::{BadTranscript, Node, Sink, Transcript};
use crate::{
    dialects,
    otlp::{TraceBatch, json},
};

/// The conversations of a request in OTLP/JSON.
pub(super) fn request(text: &str, line: usize, sink: &mut Sink<'_>) {
    match json::read(text.as_bytes()) {
        Ok(read) => {
            if read.rejected_spans > 0 {
                let reason = format!("{} spans left out: {}", read.rejected_spans, read.reason);
                sink(Err(BadTranscript { line, reason }));
            }
            conversations(&read.batch, line, sink);
        }
        Err(error) => {
            let reason = error.to_string();
            sink(Err(BadTranscript { line, reason }));
        }
    }
}

/// The conversations of traces as the viewer prints them: `{"traces": [{"spans": […]}]}`, or one of the traces.
pub(super) fn viewed(tree: &Node<'_>, line: usize, sink: &mut Sink<'_>) {
    let traces = match tree.get("traces") {
        Some(Node::List(traces)) => traces.as_slice(),
        _ => std::slice::from_ref(tree),
    };
    for trace in traces {
        let Some(Node::List(spans)) = trace.get("spans") else {
            let reason = r#"a trace without a list of "spans""#.to_owned();
            sink(Err(BadTranscript { line, reason }));
            continue;
        };
        let text = serde_json::to_string(&as_request(spans)).unwrap_or_default();
        request(&text, line, sink);
    }
}

/// The viewer's spans carry their scope with them; in a request it stands around them.
fn as_request<'a>(spans: &[Node<'a>]) -> Node<'a> {
    let scopes = spans.iter().map(|span| {
        let scope = span.get("scope").cloned().unwrap_or(Node::Null);
        map([("scope", scope), ("spans", Node::List(vec![span.clone()]))])
    });
    let resource = map([("scopeSpans", Node::List(scopes.collect()))]);
    map([("resourceSpans", Node::List(vec![resource]))])
}

fn map<'a, const N: usize>(entries: [(&'static str, Node<'a>); N]) -> Node<'a> {
    let entries = entries.into_iter().map(|(key, value)| (Cow::Borrowed(key), value));
    Node::Map(entries.collect())
}

fn conversations(batch: &TraceBatch, line: usize, sink: &mut Sink<'_>) {
    let mut scopes = dialects::Scopes::default();
    for resource in batch.resource_spans() {
        for scope in resource.scope_spans() {
            for span in scope.spans() {
                let Some(found) = dialects::find(&span, &scope, &mut scopes).found else {
                    continue;
                };
                let (conversation, places) = (found.conversation, found.places);
                sink(Ok(Transcript {
                    id: Some(format!("{}/{}", span.trace_id(), span.span_id()).into()),
                    line,
                    item: None,
                    indexes: (0..conversation.messages.len()).map(|at| places.of(at)).collect(),
                    conversation,
                    failure: found.failure,
                }));
            }
        }
    }
}
