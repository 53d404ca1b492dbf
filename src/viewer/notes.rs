//! What is odd about a trace as a whole, in sentences: said once, and the same wherever a trace is shown.

use std::collections::HashSet;

use super::{
    model::{Span, Trace},
    tree::{Branch, remark, remarks},
};

/// A sentence for each oddity that the trace has, its lines being those of [`super::tree::branches`].
pub(super) fn notes(trace: &Trace, lines: &[Branch]) -> Vec<String> {
    let count = |is: fn(&Span) -> bool| trace.spans.iter().filter(|span| is(span)).count();
    let timeless = count(|span| span.start_time_unix_nano == 0);
    let backward = count(|span| span.start_time_unix_nano > span.end_time_unix_nano && span.end_time_unix_nano > 0);
    let endless = count(|span| span.start_time_unix_nano > 0 && span.end_time_unix_nano == 0);
    let ids: HashSet<&str> = trace.spans.iter().map(|span| span.trace_id.as_str()).collect();
    let again = "came again with other content; what ended last is shown";
    let mut notes = remarks(lines);
    if ids.len() > 1 {
        notes.push(format!(
            "joined from {} trace ids, since spans of one name a parent in another",
            ids.len()
        ));
    }
    for (number, many, one) in [
        (trace.variants, again, again),
        (timeless, "have no start time", "has no start time"),
        (endless, "have no end time", "has no end time"),
        (
            backward,
            "end before they start; their duration is shown as 0",
            "ends before it starts; its duration is shown as 0",
        ),
    ] {
        notes.extend(remark(number, many, one));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::{Span, tree::branches};

    #[test]
    fn each_oddity_is_a_sentence() {
        let span = |trace: &str, id: &str, parent: &str, start| Span {
            trace_id: trace.into(),
            span_id: id.into(),
            parent_span_id: parent.into(),
            start_time_unix_nano: start,
            end_time_unix_nano: 9,
            ..Span::default()
        };
        let mut trace = Trace {
            spans: vec![
                span("a", "1", "", 5),
                span("b", "2", "1", 3),
                span("c", "3", "2", 4),
                span("a", "4", "9", 6),
                span("a", "5", "5", 7),
            ],
            variants: 2,
            ..Trace::default()
        };
        assert_eq!(
            notes(&trace, &branches(&trace.spans)),
            [
                "1 span names a parent that is not here (yet)",
                "1 span is its own ancestor: the loop is cut there",
                "1 span starts before its parent (clocks differ)",
                "joined from 3 trace ids, since spans of one name a parent in another",
                "2 spans came again with other content; what ended last is shown",
            ]
        );
        trace.spans.truncate(1);
        trace.variants = 0;
        assert!(notes(&trace, &branches(&trace.spans)).is_empty());
    }
}
