//! A trace as rows of a screen: the tree's lines with what a screen must know of each without decoding it again, and where
//! each row's descendants end, so that folding and moving cost no walk of the tree.

use super::{
    facts::{self, Role},
    model::Trace,
    tree::{Oddity, branches},
};

/// One span's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Place in [`Trace::spans`].
    pub span: usize,
    /// 0 for a root.
    pub depth: usize,
    /// The parent's row.
    pub parent: Option<usize>,
    /// The row after its last descendant; the next row where it has none.
    pub end: usize,
    /// Whether no sibling follows.
    pub last: bool,
    /// The component that recorded it.
    pub role: Role,
    /// Why it failed, in a few words.
    pub error: Option<String>,
    /// Whether it carries a flag.
    pub flagged: bool,
    /// HTTP status.
    pub http_status: Option<u16>,
    /// What is odd about its place.
    pub oddity: Option<Oddity>,
}

/// The rows from top to bottom.
pub fn rows(trace: &Trace) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(trace.spans.len());
    let mut above: Vec<usize> = Vec::new();
    for branch in branches(&trace.spans) {
        while above.len() > branch.depth {
            close(&mut rows, &mut above);
        }
        let span = &trace.spans[branch.span];
        rows.push(Row {
            span: branch.span,
            depth: branch.depth,
            parent: above.last().copied(),
            end: 0,
            last: branch.more.last() != Some(&true),
            role: Role::of(&span.service),
            error: facts::error(span),
            flagged: facts::is_flagged(span),
            http_status: facts::http_status(span),
            oddity: branch.oddity,
        });
        above.push(rows.len() - 1);
    }
    while !above.is_empty() {
        close(&mut rows, &mut above);
    }
    rows
}

/// The deepest open row ends where the next one would begin.
fn close(rows: &mut [Row], above: &mut Vec<usize>) {
    let end = rows.len();
    if let Some(row) = above.pop() {
        rows[row].end = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::model::Span;

    #[test]
    fn rows_know_their_parents_and_where_they_end() {
        let span = |id: &str, parent: &str, start| Span {
            span_id: id.into(),
            parent_span_id: parent.into(),
            start_time_unix_nano: start,
            ..Span::default()
        };
        let trace = Trace {
            spans: vec![
                span("a", "", 1),
                span("b", "a", 2),
                span("c", "b", 3),
                span("d", "a", 4),
                span("e", "", 5),
                span("f", "lost", 6),
            ],
            ..Trace::default()
        };
        let shown: Vec<String> = rows(&trace)
            .iter()
            .map(|row| {
                let parent = row.parent.map_or("-".to_owned(), |parent| parent.to_string());
                format!(
                    "{} {} {parent} {} {} {:?}",
                    row.span, row.depth, row.end, row.last, row.oddity
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "0 0 - 4 true None",
                "1 1 0 3 false None",
                "2 2 1 3 true None",
                "3 1 0 4 true None",
                "4 0 - 5 true None",
                "5 0 - 6 true Some(ParentMissing)",
            ]
        );
        assert!(rows(&Trace::default()).is_empty());
    }
}
