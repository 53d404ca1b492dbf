//! A trace in a line, and the sessions that traces belong to: what lists show, on the terminal and on the page.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    facts::{self, Facts},
    model::{Span, Trace},
    tree,
};

/// A trace in a line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Trace id of the root.
    pub trace_id: String,
    /// Earliest start, nanoseconds since the Unix epoch.
    pub start_unix_nano: u64,
    /// From the earliest start to the latest end.
    pub duration_nanos: u64,
    /// Service of the root.
    pub service: String,
    /// Name of the root.
    pub root: String,
    /// Spans.
    pub spans: usize,
    /// Spans that failed.
    pub errors: usize,
    /// Spans with a flag.
    pub flags: usize,
    /// Tokens in and out.
    pub tokens: u64,
    /// Tokens sent to models.
    pub tokens_in: u64,
    /// Tokens that models wrote.
    pub tokens_out: u64,
    /// What its model calls cost, USD, as far as it is known; see [`Facts::cost_usd`].
    pub cost_usd: Option<f64>,
    /// The worst quality of its conversations, such as `Severe`; none where there is no conversation.
    pub quality: Option<String>,
    /// The session that it belongs to, where its spans name one.
    pub session: Option<String>,
    /// Models that were asked, in the order of their first call.
    pub models: Vec<String>,
    /// Grows with each arrival: a trace that changed has a larger one.
    pub sequence: u64,
}

impl Summary {
    /// Of a trace; without its sequence, which only the store knows.
    pub fn of(trace: &Trace) -> Summary {
        let facts = Facts::of(trace);
        let (start, end) = trace.bounds();
        let first = tree::branches(&trace.spans).first().map(|line| line.span);
        let own = |span: &&Span| span.trace_id == trace.trace_id && span.parent_span_id.is_empty();
        let root = trace.spans.iter().find(own).or(first.map(|index| &trace.spans[index]));
        let mut models: Vec<String> = Vec::new();
        for model in trace.spans.iter().filter_map(facts::model) {
            if !models.contains(&model) {
                models.push(model);
            }
        }
        Summary {
            trace_id: trace.trace_id.clone(),
            start_unix_nano: start,
            duration_nanos: end - start,
            service: root.map(|root| root.service.clone()).unwrap_or_default(),
            root: root.map(|root| root.name.clone()).unwrap_or_default(),
            spans: trace.spans.len(),
            errors: facts.errors,
            flags: facts.flags,
            tokens: facts.tokens_in.saturating_add(facts.tokens_out),
            tokens_in: facts.tokens_in,
            tokens_out: facts.tokens_out,
            cost_usd: facts.cost_usd,
            quality: trace
                .spans
                .iter()
                .filter_map(facts::quality)
                .min()
                .map(|quality| quality.name().to_owned()),
            session: trace.spans.iter().find_map(facts::session),
            models,
            sequence: 0,
        }
    }
}

/// What belongs to one session: several traces, usually one a turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// As the application calls it.
    pub session: String,
    /// Its traces, newest first.
    pub trace_ids: Vec<String>,
    /// Earliest start, nanoseconds since the Unix epoch.
    pub start_unix_nano: u64,
    /// Latest end, nanoseconds since the Unix epoch.
    pub end_unix_nano: u64,
    /// Spans.
    pub spans: usize,
    /// Spans that failed.
    pub errors: usize,
    /// Spans with a flag.
    pub flags: usize,
    /// Tokens in and out.
    pub tokens: u64,
    /// What its model calls cost, USD, as far as it is known.
    pub cost_usd: Option<f64>,
    /// The worst quality of its traces.
    pub quality: Option<String>,
    /// The quality of its newest trace that has one: how it ended so far.
    pub last_quality: Option<String>,
}

impl Session {
    /// The sessions of traces that are given newest first; the session with the newest trace first. Traces without one are left out.
    pub fn group(summaries: &[Summary]) -> Vec<Session> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut sessions: Vec<Session> = Vec::new();
        for summary in summaries {
            let Some(name) = summary.session.as_deref() else {
                continue;
            };
            let place = *places.entry(name).or_insert_with(|| {
                sessions.push(Session {
                    session: name.to_owned(),
                    start_unix_nano: u64::MAX,
                    ..Session::default()
                });
                sessions.len() - 1
            });
            sessions[place].add(summary);
        }
        sessions
    }

    fn add(&mut self, summary: &Summary) {
        self.trace_ids.push(summary.trace_id.clone());
        self.start_unix_nano = self.start_unix_nano.min(summary.start_unix_nano);
        let end = summary.start_unix_nano.saturating_add(summary.duration_nanos);
        self.end_unix_nano = self.end_unix_nano.max(end);
        self.spans += summary.spans;
        self.errors += summary.errors;
        self.flags += summary.flags;
        self.tokens = self.tokens.saturating_add(summary.tokens);
        if let Some(cost) = summary.cost_usd {
            self.cost_usd = Some(self.cost_usd.unwrap_or(0.0) + cost);
        }
        let rank = |quality: &Option<String>| facts::quality_named(quality.as_deref()?);
        if rank(&summary.quality).is_some_and(|new| rank(&self.quality).is_none_or(|old| new < old)) {
            self.quality.clone_from(&summary.quality);
        }
        if self.last_quality.is_none() {
            self.last_quality.clone_from(&summary.quality);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_grouped_with_the_newest_first() {
        let summary = |id: &str, session: Option<&str>, start, quality: Option<&str>| Summary {
            trace_id: id.into(),
            session: session.map(String::from),
            start_unix_nano: start,
            duration_nanos: 5,
            spans: 2,
            flags: 1,
            tokens: 10,
            quality: quality.map(String::from),
            ..Summary::default()
        };
        let newest_first = [
            summary("d", Some("two"), 40, None),
            summary("c", Some("one"), 30, Some("Good")),
            summary("b", None, 20, Some("Severe")),
            summary("a", Some("one"), 10, Some("Poor")),
        ];
        let sessions = Session::group(&newest_first);
        let shown: Vec<String> = sessions
            .iter()
            .map(|session| {
                format!(
                    "{} {:?} {}-{} spans {} tokens {} worst {:?} last {:?}",
                    session.session,
                    session.trace_ids,
                    session.start_unix_nano,
                    session.end_unix_nano,
                    session.spans,
                    session.tokens,
                    session.quality,
                    session.last_quality
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "two [\"d\"] 40-45 spans 2 tokens 10 worst None last None",
                "one [\"c\", \"a\"] 10-35 spans 4 tokens 20 worst Some(\"Poor\") last Some(\"Good\")",
            ]
        );
    }
}
