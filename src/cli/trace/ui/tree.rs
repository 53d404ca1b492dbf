//! The spans of the open trace as they are unfolded: which rows are in view, which is selected, and where the next one that matters
//! is.

use std::{collections::HashSet, sync::Arc};

use super::{cursor::Cursor, key::Motion, opened::Opened};
use crate::viewer::Row;

/// The tree.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    /// Which trace was asked for, and what came. The trace may have another id: it was joined into that one.
    pub(super) opened: Option<(String, Arc<Opened>)>,
    /// Rows that are folded.
    folded: Vec<bool>,
    /// Rows that are not hidden by a fold.
    visible: Vec<usize>,
    /// Where one stands in what is visible.
    pub(super) cursor: Cursor,
}

impl Tree {
    /// The trace that is open.
    pub(super) fn trace(&self) -> Option<&Arc<Opened>> {
        self.opened.as_ref().map(|(_, opened)| opened)
    }

    /// Rows that are not hidden.
    pub(super) fn visible(&self) -> &[usize] {
        &self.visible
    }

    /// The selected row.
    pub(super) fn selected(&self) -> Option<usize> {
        self.visible.get(self.cursor.at).copied()
    }

    /// Whether a row is folded.
    pub(super) fn is_folded(&self, row: usize) -> bool {
        self.folded.get(row).copied().unwrap_or(false)
    }

    /// Another trace, or the same one with more spans: folds and selection are kept in the latter case.
    pub(super) fn open(&mut self, asked: String, opened: Arc<Opened>) {
        let before = self.opened.take().filter(|(id, _)| *id == asked);
        let selected = self.selected();
        let folded = std::mem::replace(&mut self.folded, vec![false; opened.rows.len()]);
        let mut row = 0;
        if let Some((_, before)) = &before {
            let key = |row: usize| {
                let span = before.span(row);
                (span.trace_id.as_str(), span.span_id.as_str())
            };
            let keys: HashSet<_> = (0..before.rows.len()).filter(|row| folded[*row]).map(key).collect();
            for (row, folded) in self.folded.iter_mut().enumerate() {
                let span = opened.span(row);
                *folded = !keys.is_empty() && keys.contains(&(span.trace_id.as_str(), span.span_id.as_str()));
            }
            let found = selected.map(key).and_then(|(trace, span)| opened.find(trace, span));
            row = found.unwrap_or(0);
        } else {
            self.cursor = Cursor::default();
        }
        self.opened = Some((asked, opened));
        self.reveal(row);
    }

    /// Nothing is open.
    pub(super) fn close(&mut self) {
        *self = Tree::default();
    }

    /// Moves.
    pub(super) fn go(&mut self, motion: Motion, height: usize) {
        self.cursor.go(motion, self.visible.len(), height);
    }

    /// Folds what is unfolded, and the other way round.
    pub(super) fn toggle(&mut self) {
        if let Some(row) = self.selected().filter(|row| self.has_children(*row)) {
            self.folded[row] = !self.folded[row];
            self.reveal(row);
        }
    }

    /// Folds the selected row, or goes to its parent where there is nothing to fold.
    pub(super) fn shut(&mut self) {
        let Some(row) = self.selected() else { return };
        if self.has_children(row) && !self.folded[row] {
            self.toggle();
        } else if let Some(parent) = self.row(row).and_then(|row| row.parent) {
            self.reveal(parent);
        }
    }

    /// Unfolds the selected row; false where it is unfolded or a leaf.
    pub(super) fn unfold(&mut self) -> bool {
        let is_folded = self.selected().is_some_and(|row| self.is_folded(row));
        if is_folded {
            self.toggle();
        }
        is_folded
    }

    /// Goes to the next row of a kind, round the end, unfolding what hides it; false where there is none.
    pub(super) fn seek(&mut self, wanted: impl Fn(&Opened, usize) -> bool) -> bool {
        let Some(opened) = self.trace().map(Arc::clone) else {
            return false;
        };
        let (len, at) = (opened.rows.len(), self.selected().unwrap_or(0));
        let places = (1..=len).map(|step| (at + step) % len);
        let found = places.into_iter().find(|row| wanted(&opened, *row));
        if let Some(row) = found {
            self.reveal(row);
        }
        found.is_some()
    }

    /// Goes to the first row of a kind; false where there is none.
    pub(super) fn seek_first(&mut self, wanted: impl Fn(&Opened, usize) -> bool) -> bool {
        let Some(opened) = self.trace().map(Arc::clone) else {
            return false;
        };
        let found = (0..opened.rows.len()).find(|row| wanted(&opened, *row));
        if let Some(row) = found {
            self.reveal(row);
        }
        found.is_some()
    }

    fn row(&self, row: usize) -> Option<&Row> {
        self.trace()?.rows.get(row)
    }

    fn has_children(&self, row: usize) -> bool {
        self.trace().is_some_and(|opened| opened.has_children(row))
    }

    /// Selects a row, unfolding what hides it.
    fn reveal(&mut self, row: usize) {
        let mut above = self.row(row).and_then(|row| row.parent);
        while let Some(parent) = above {
            self.folded[parent] = false;
            above = self.row(parent).and_then(|row| row.parent);
        }
        self.visible.clear();
        let Some((_, opened)) = &self.opened else { return };
        let mut next = 0;
        while let Some(shown) = opened.rows.get(next) {
            self.visible.push(next);
            next = if self.folded[next] { shown.end } else { next + 1 };
        }
        self.cursor.at = self.visible.binary_search(&row).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::{Span, Trace};

    /// Spans as `id<parent`; every span starts after the one before.
    fn opened(text: &str) -> Arc<Opened> {
        let span = |(index, word): (usize, &str)| {
            let (id, parent) = word.split_once('<').unwrap_or((word, ""));
            Span {
                span_id: id.trim_end_matches('!').into(),
                name: id.into(),
                parent_span_id: parent.into(),
                start_time_unix_nano: index as u64 + 1,
                ..Span::default()
            }
        };
        let spans = text.split_whitespace().enumerate().map(span).collect();
        Arc::new(Opened::new(Trace {
            spans,
            ..Trace::default()
        }))
    }

    fn shown(tree: &Tree) -> String {
        let opened = tree.trace().expect("open");
        let name = |row: &usize| {
            let mark = if tree.selected() == Some(*row) { "*" } else { "" };
            let fold = if tree.is_folded(*row) { "+" } else { "" };
            format!("{mark}{}{fold}", opened.span(*row).span_id)
        };
        tree.visible().iter().map(name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn folding_hides_what_is_below() {
        let mut tree = Tree::default();
        tree.open("t".into(), opened("a b<a c<b d<a e"));
        assert_eq!(shown(&tree), "*a b c d e");
        tree.go(Motion::Lines(1), 10);
        tree.toggle();
        assert_eq!(shown(&tree), "a *b+ d e");
        tree.shut();
        assert_eq!(shown(&tree), "*a b+ d e");
        tree.shut();
        assert_eq!(shown(&tree), "*a+ e");
        assert!(tree.unfold());
        assert!(!tree.unfold());
        assert_eq!(shown(&tree), "*a b+ d e");
    }

    #[test]
    fn the_next_of_a_kind_is_unfolded() {
        let mut tree = Tree::default();
        tree.open("t".into(), opened("a b<a c!<b d<a e"));
        tree.toggle();
        assert!(tree.seek(|opened, row| opened.span(row).name.ends_with('!')));
        assert_eq!(shown(&tree), "a b *c d e");
        assert!(!tree.seek(|_, _| false));
        assert!(!Tree::default().seek(|_, _| true));
    }

    #[test]
    fn new_spans_leave_folds_and_selection_as_they_are() {
        let mut tree = Tree::default();
        tree.open("t".into(), opened("a b<a c<b d<a e"));
        tree.seek(|opened, row| opened.span(row).span_id == "b");
        tree.toggle();
        tree.go(Motion::Lines(1), 10);
        tree.open("t".into(), opened("a x<a b<a c<b d<a e"));
        assert_eq!(shown(&tree), "a x b+ *d e");
        tree.open("u".into(), opened("a b<a"));
        assert_eq!(shown(&tree), "*a b");
    }
}
