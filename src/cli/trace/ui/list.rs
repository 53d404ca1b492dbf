//! The traces in the list, newest first: what comes is merged in, what is selected stays selected.

use std::collections::HashSet;

use super::{cursor::Cursor, key::Motion};
use crate::viewer::Summary;

/// Most traces in the list; it says so where there are more.
pub(super) const MOST: usize = 5_000;

/// The list.
#[derive(Debug, Clone, Default)]
pub(super) struct List {
    /// The traces, newest first.
    pub(super) rows: Vec<Summary>,
    /// Where one stands.
    pub(super) cursor: Cursor,
}

impl List {
    /// The selected trace.
    pub(super) fn selected(&self) -> Option<&Summary> {
        self.rows.get(self.cursor.at)
    }

    /// Other traces instead of these. With `pinned` the selected one stays even where it is not among them: somebody reads it.
    pub(super) fn replace(&mut self, mut rows: Vec<Summary>, pinned: bool) {
        if let Some(read) = self.selected().filter(|_| pinned)
            && rows.iter().all(|summary| summary.trace_id != read.trace_id)
        {
            let place = rows
                .partition_point(|summary| summary.sequence > read.sequence)
                .min(MOST - 1);
            rows.insert(place, read.clone());
        }
        self.change(|old| *old = rows);
    }

    /// Traces that came or changed.
    pub(super) fn merge(&mut self, newer: Vec<Summary>) {
        self.change(|rows| {
            let ids: HashSet<&str> = newer.iter().map(|summary| summary.trace_id.as_str()).collect();
            rows.retain(|summary| !ids.contains(summary.trace_id.as_str()));
            drop(ids);
            rows.splice(0..0, newer);
            // Newest first already, but for replies that crossed.
            rows.sort_by_key(|summary| std::cmp::Reverse(summary.sequence));
        });
    }

    /// Changes the rows and finds the selected one again; rows in view stay where they are unless the first one is in view.
    fn change(&mut self, change: impl FnOnce(&mut Vec<Summary>)) {
        let selected = self.selected().map(|summary| summary.trace_id.clone());
        change(&mut self.rows);
        self.rows.truncate(MOST);
        let found = selected.and_then(|id| self.rows.iter().position(|summary| summary.trace_id == id));
        if let Some(at) = found {
            if self.cursor.top > 0 {
                self.cursor.top = (self.cursor.top + at).saturating_sub(self.cursor.at);
            }
            self.cursor.at = at;
        }
    }

    /// Moves.
    pub(super) fn go(&mut self, motion: Motion, height: usize) {
        self.cursor.go(motion, self.rows.len(), height);
    }

    /// Goes to the next trace of a kind, round the end; false where there is none.
    pub(super) fn seek(&mut self, wanted: impl Fn(&Summary) -> bool) -> bool {
        let len = self.rows.len();
        let places = (1..=len).map(|step| (self.cursor.at + step) % len);
        let found = places.into_iter().find(|at| wanted(&self.rows[*at]));
        self.cursor.at = found.unwrap_or(self.cursor.at);
        found.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summaries(text: &str) -> Vec<Summary> {
        let summary = |word: &str| {
            let (id, sequence) = word.split_once('@').expect("id@sequence");
            Summary {
                trace_id: id.into(),
                sequence: sequence.parse().expect("a number"),
                ..Summary::default()
            }
        };
        text.split_whitespace().map(summary).collect()
    }

    fn check(start: &str, at: usize, newer: &str, expected: &str, selected: &str) {
        let mut list = List::default();
        list.replace(summaries(start), false);
        list.cursor.at = at;
        list.merge(summaries(newer));
        let ids: Vec<&str> = list.rows.iter().map(|row| row.trace_id.as_str()).collect();
        assert_eq!(ids.join(" "), expected);
        assert_eq!(list.selected().map(|row| row.trace_id.as_str()), Some(selected));
    }

    #[test]
    fn what_comes_stands_first_and_what_is_selected_stays_selected() {
        check("b@2 a@1", 0, "c@3", "c b a", "b");
        check("b@2 a@1", 1, "a@4 c@3", "a c b", "a");
        check("c@3 b@2 a@1", 1, "a@4 b@5", "b a c", "b");
    }

    #[test]
    fn rows_in_view_stay_where_they_are_once_one_has_scrolled() {
        let mut list = List::default();
        list.replace(summaries("e@5 d@4 c@3 b@2 a@1"), false);
        list.cursor = Cursor { at: 3, top: 2 };
        list.merge(summaries("g@7 f@6"));
        assert_eq!(list.cursor, Cursor { at: 5, top: 4 });
    }

    #[test]
    fn what_is_being_read_stays_in_the_list() {
        for (pinned, expected) in [(true, "d c b"), (false, "d c")] {
            let mut list = List::default();
            list.replace(summaries("c@3 b@2 a@1"), false);
            list.cursor.at = 1;
            list.replace(summaries("d@4 c@3"), pinned);
            let ids: Vec<&str> = list.rows.iter().map(|row| row.trace_id.as_str()).collect();
            assert_eq!(ids.join(" "), expected);
        }
    }

    #[test]
    fn the_next_of_a_kind_is_sought_round_the_end() {
        let mut list = List::default();
        assert!(!list.seek(|_| true));
        list.replace(summaries("c@3 b@2 a@1"), false);
        list.cursor.at = 1;
        assert!(list.seek(|row| row.trace_id == "c"));
        assert_eq!(list.cursor.at, 0);
        assert!(list.seek(|row| row.trace_id == "c"), "it is the only one");
        assert!(!list.seek(|row| row.trace_id == "x"));
    }
}
