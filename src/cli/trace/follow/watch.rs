//! When a trace that is being followed is printed: its root is there and nothing came for a moment; or its root does not come;
//! or it does not end. Remembers what was printed, so that what comes late is told as such. Reads no clock and asks nobody.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    time::Duration,
};

use super::late;
use crate::viewer::{Summary, Trace};

/// Quiet after which a trace with its root is complete.
const QUIET: Duration = Duration::from_secs(1);
/// Quiet after which a trace is printed without its root. Longer than SDKs hold spans back (5 s).
const ROOTLESS: Duration = Duration::from_secs(10);
/// Time after which a trace is printed that spans still come for.
const LONGEST: Duration = Duration::from_secs(30);
/// Traces that are remembered.
const REMEMBERED: usize = 20_000;

/// What is to be done about a trace.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is not complete.
    Wait,
    /// The listener holds it no longer.
    Gone,
    /// It is printed.
    Show {
        /// What is to be said about it.
        note: Option<String>,
        /// Whether it was not printed before.
        is_new: bool,
    },
}

/// The traces that are waited for and those that were met. Times are counted from the start.
#[derive(Default)]
pub(super) struct Watch {
    newest: u64,
    /// The next answer may hold what was met before.
    again: bool,
    waiting: Vec<Waiting>,
    met: Met,
}

struct Waiting {
    trace_id: String,
    sequence: u64,
    since: Duration,
    changed: Duration,
    /// It was looked at since it changed, and had no root.
    looked: bool,
    /// It was there from the start: nothing is waited for but its root.
    at_once: bool,
}

impl Watch {
    /// What is held at the start, newest first: `all` of it is due, or the newest.
    pub(super) fn begin(&mut self, held: &[Summary], newest: u64, all: bool) {
        self.newest = newest;
        for (place, summary) in held.iter().enumerate().rev() {
            self.met.put(&summary.trace_id, summary.spans, false);
            if all || place == 0 {
                let waiting = Waiting {
                    at_once: true,
                    ..Waiting::new(summary, Duration::ZERO)
                };
                self.waiting.push(waiting);
            }
        }
    }

    /// What to ask for what is newer than.
    pub(super) fn newest(&self) -> u64 {
        if self.again { 0 } else { self.newest }
    }

    /// The listener may be another one, whose numbers begin anew.
    pub(super) fn lost(&mut self) {
        self.again = true;
    }

    /// Takes note of traces that a span came for, newest first.
    pub(super) fn see(&mut self, summaries: &[Summary], newest: u64, now: Duration) {
        for summary in summaries.iter().rev() {
            let known = self
                .waiting
                .iter_mut()
                .find(|waiting| waiting.trace_id == summary.trace_id);
            match known {
                Some(waiting) if waiting.sequence == summary.sequence => {}
                Some(waiting) => {
                    waiting.sequence = summary.sequence;
                    waiting.changed = now;
                    waiting.looked = false;
                }
                None if self.again && self.met.spans(&summary.trace_id) == Some(summary.spans) => {}
                None => self.waiting.push(Waiting::new(summary, now)),
            }
        }
        self.newest = newest;
        self.again = false;
    }

    /// The traces to be looked at, oldest first.
    pub(super) fn due(&self, now: Duration) -> Vec<String> {
        let due = self.waiting.iter().filter(|waiting| waiting.is_due(now));
        due.map(|waiting| waiting.trace_id.clone()).collect()
    }

    /// It is not what is looked for any more.
    pub(super) fn forget(&mut self, trace_id: &str) {
        self.waiting.retain(|waiting| waiting.trace_id != trace_id);
    }

    /// Decides about one of them.
    pub(super) fn settle(&mut self, trace_id: &str, trace: Option<&Trace>, now: Duration) -> Verdict {
        let Some(place) = self.waiting.iter().position(|waiting| waiting.trace_id == trace_id) else {
            // It is part of one that was printed a moment ago.
            return Verdict::Wait;
        };
        let Some(trace) = trace else {
            self.waiting.remove(place);
            return Verdict::Gone;
        };
        let waiting = &mut self.waiting[place];
        let has_root = trace.spans.iter().any(|span| span.parent_span_id.is_empty());
        let quiet = now.saturating_sub(waiting.changed);
        let grows = quiet < QUIET && !waiting.at_once;
        if !has_root && quiet < ROOTLESS && !waiting.is_long(now) {
            (waiting.looked, waiting.at_once) = (true, false);
            return Verdict::Wait;
        }
        // Under whichever id it was known so far: it may have been joined since.
        let ids: BTreeSet<&str> = trace.spans.iter().map(|span| span.trace_id.as_str()).collect();
        let ids = || ids.iter().copied().chain([trace_id]);
        self.waiting.retain(|waiting| !ids().any(|id| id == waiting.trace_id));
        let before = ids().filter_map(|id| self.met.shown(id)).max();
        for id in ids() {
            self.met.put(id, trace.spans.len(), true);
        }
        let note = match before {
            Some(before) => Some(late(before, trace.spans.len())),
            None if grows => Some("spans still come for it; so far:".to_owned()),
            None if !has_root => Some("its root span has not come; without it:".to_owned()),
            None => None,
        };
        Verdict::Show {
            note,
            is_new: before.is_none(),
        }
    }
}

impl Waiting {
    fn new(summary: &Summary, now: Duration) -> Waiting {
        Waiting {
            trace_id: summary.trace_id.clone(),
            sequence: summary.sequence,
            since: now,
            changed: now,
            looked: false,
            at_once: false,
        }
    }

    fn is_due(&self, now: Duration) -> bool {
        let quiet = now.saturating_sub(self.changed);
        let wanted = if self.looked { ROOTLESS } else { QUIET };
        self.at_once || quiet >= wanted || self.is_long(now)
    }

    fn is_long(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= LONGEST
    }
}

/// How many spans each trace had when it was met or printed last; the oldest are forgotten.
#[derive(Default)]
struct Met {
    traces: HashMap<String, (usize, bool)>,
    order: VecDeque<String>,
}

impl Met {
    fn put(&mut self, trace_id: &str, spans: usize, shown: bool) {
        if self.traces.insert(trace_id.to_owned(), (spans, shown)).is_some() {
            return;
        }
        self.order.push_back(trace_id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.traces.remove(&oldest);
        }
    }

    fn spans(&self, trace_id: &str) -> Option<usize> {
        self.traces.get(trace_id).map(|(spans, _)| *spans)
    }

    /// The spans with which it was printed.
    fn shown(&self, trace_id: &str) -> Option<usize> {
        self.traces
            .get(trace_id)
            .filter(|(_, shown)| *shown)
            .map(|(spans, _)| *spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viewer::Span;

    fn summary(id: &str, sequence: u64, spans: usize) -> Summary {
        Summary {
            trace_id: id.into(),
            sequence,
            spans,
            ..Summary::default()
        }
    }

    /// So many spans; the first is the root where there is one.
    fn trace(id: &str, spans: usize, has_root: bool) -> Trace {
        let span = |number: usize| Span {
            trace_id: id.into(),
            span_id: number.to_string(),
            parent_span_id: if has_root && number == 0 {
                String::new()
            } else {
                "p".into()
            },
            ..Span::default()
        };
        Trace {
            trace_id: id.into(),
            spans: (0..spans).map(span).collect(),
            ..Trace::default()
        }
    }

    fn shown(note: Option<&str>, is_new: bool) -> Verdict {
        let note = note.map(String::from);
        Verdict::Show { note, is_new }
    }

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_newest_is_shown_at_once_and_others_when_they_are_complete() {
        let mut watch = Watch::default();
        watch.begin(&[summary("b", 2, 1), summary("a", 1, 1)], 2, false);
        assert_eq!(watch.due(MS(0)), ["b"]);
        assert_eq!(watch.settle("b", Some(&trace("b", 1, true)), MS(0)), shown(None, true));
        assert!(watch.due(MS(0)).is_empty());
        watch.see(&[summary("c", 3, 1)], 3, MS(250));
        watch.see(&[summary("c", 4, 2)], 4, MS(1000));
        assert!(watch.due(MS(1900)).is_empty(), "a span came 0.9 s ago");
        assert_eq!(watch.due(MS(2000)), ["c"]);
        assert_eq!(
            watch.settle("c", Some(&trace("c", 2, true)), MS(2000)),
            shown(None, true)
        );
        assert_eq!(watch.newest(), 4);
    }

    #[test]
    fn a_span_of_a_trace_that_was_not_shown_makes_it_new() {
        let mut watch = Watch::default();
        watch.begin(&[summary("b", 2, 1), summary("a", 1, 1)], 2, false);
        watch.settle("b", Some(&trace("b", 1, true)), MS(0));
        watch.see(&[summary("a", 3, 2)], 3, MS(0));
        assert_eq!(
            watch.settle("a", Some(&trace("a", 2, true)), MS(1000)),
            shown(None, true)
        );
    }

    #[test]
    fn what_is_not_looked_for_any_more_is_not_waited_for() {
        let mut watch = Watch::default();
        watch.see(&[summary("c", 4, 2)], 4, MS(2000));
        assert_eq!(watch.due(MS(60_000)), ["c"]);
        watch.forget("c");
        assert!(watch.due(MS(60_000)).is_empty());
    }

    #[test]
    fn all_that_is_held_is_shown_oldest_first() {
        let mut watch = Watch::default();
        watch.begin(&[summary("b", 2, 1), summary("a", 1, 1)], 2, true);
        assert_eq!(watch.due(MS(0)), ["a", "b"]);
    }

    #[test]
    fn what_comes_late_is_told() {
        let mut watch = Watch::default();
        watch.begin(&[summary("a", 1, 2)], 1, false);
        watch.settle("a", Some(&trace("a", 2, true)), MS(0));
        watch.see(&[summary("a", 5, 4)], 5, MS(100));
        assert_eq!(watch.due(MS(1100)), ["a"]);
        let verdict = watch.settle("a", Some(&trace("a", 4, true)), MS(1100));
        assert_eq!(verdict, shown(Some("2 spans came after it was shown; again:"), false));
        watch.see(&[summary("a", 6, 4)], 6, MS(1200));
        let verdict = watch.settle("a", Some(&trace("a", 4, true)), MS(2200));
        assert_eq!(verdict, shown(Some("it changed after it was shown; again:"), false));
    }

    #[test]
    fn a_trace_without_a_root_waits_longer_and_says_so() {
        let mut watch = Watch::default();
        watch.begin(&[], 0, false);
        watch.see(&[summary("a", 1, 1)], 1, MS(0));
        assert_eq!(watch.settle("a", Some(&trace("a", 1, false)), MS(1000)), Verdict::Wait);
        assert!(watch.due(MS(9000)).is_empty(), "it was looked at");
        watch.see(&[summary("a", 2, 2)], 2, MS(9000));
        assert_eq!(watch.due(MS(10_000)), ["a"], "the root may have come");
        assert_eq!(
            watch.settle("a", Some(&trace("a", 2, false)), MS(10_000)),
            Verdict::Wait
        );
        assert_eq!(watch.due(MS(19_000)), ["a"]);
        let verdict = watch.settle("a", Some(&trace("a", 2, false)), MS(19_000));
        assert_eq!(verdict, shown(Some("its root span has not come; without it:"), true));
    }

    #[test]
    fn what_is_held_waits_for_its_root_only() {
        let mut watch = Watch::default();
        watch.begin(&[summary("a", 1, 1)], 1, false);
        assert_eq!(watch.settle("a", Some(&trace("a", 1, false)), MS(0)), Verdict::Wait);
        assert!(watch.due(MS(9000)).is_empty());
        watch.see(&[summary("a", 2, 2)], 2, MS(9000));
        assert_eq!(watch.due(MS(10_000)), ["a"]);
        assert_eq!(
            watch.settle("a", Some(&trace("a", 2, true)), MS(10_000)),
            shown(None, true)
        );
    }

    #[test]
    fn a_trace_that_does_not_end_is_shown_all_the_same() {
        let mut watch = Watch::default();
        for step in 0..=60 {
            watch.see(&[summary("a", step + 1, 1)], step + 1, MS(500 * step));
        }
        assert_eq!(watch.due(MS(30_000)), ["a"]);
        let verdict = watch.settle("a", Some(&trace("a", 60, true)), MS(30_000));
        assert_eq!(verdict, shown(Some("spans still come for it; so far:"), true));
    }

    #[test]
    fn traces_that_are_joined_are_shown_once() {
        let mut watch = Watch::default();
        watch.see(&[summary("b", 2, 1), summary("a", 1, 1)], 2, MS(0));
        let mut joined = trace("a", 1, true);
        joined.spans.extend(trace("b", 1, false).spans);
        assert_eq!(watch.due(MS(1000)), ["a", "b"]);
        assert_eq!(watch.settle("a", Some(&joined), MS(1000)), shown(None, true));
        assert_eq!(watch.settle("b", Some(&joined), MS(1000)), Verdict::Wait);
        assert!(watch.due(MS(60_000)).is_empty());
    }

    #[test]
    fn a_listener_that_was_started_anew_is_followed() {
        let mut watch = Watch::default();
        watch.begin(&[summary("b", 2, 1), summary("a", 1, 1)], 2, false);
        watch.settle("b", Some(&trace("b", 1, true)), MS(0));
        watch.see(&[summary("c", 90, 1)], 90, MS(0));
        watch.lost();
        assert_eq!(watch.newest(), 0, "its numbers are small");
        // It kept a and b, got d, and lost c.
        watch.see(&[summary("d", 3, 1), summary("b", 2, 1), summary("a", 1, 1)], 3, MS(0));
        assert_eq!(watch.newest(), 3);
        assert_eq!(watch.due(MS(1000)), ["c", "d"]);
        assert_eq!(watch.settle("c", None, MS(1000)), Verdict::Gone);
        assert_eq!(
            watch.settle("d", Some(&trace("d", 1, true)), MS(1000)),
            shown(None, true)
        );
        // Grown meanwhile: that is news.
        watch.lost();
        watch.see(&[summary("b", 4, 2)], 4, MS(2000));
        assert_eq!(watch.due(MS(3000)), ["b"]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut met = Met::default();
        for number in 0..REMEMBERED + 10 {
            met.put(&number.to_string(), 1, true);
            met.put(&number.to_string(), 2, true);
        }
        assert_eq!((met.traces.len(), met.order.len()), (REMEMBERED, REMEMBERED));
        assert_eq!((met.shown("0"), met.shown("100")), (None, Some(2)));
    }
}
