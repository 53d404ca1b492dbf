//! A trace as a page lists it: a row by span in the order of the tree, with all that a waterfall shows and nothing that only one
//! span's details need. Small enough for traces of many thousand spans.

use serde::Serialize;

use super::{
    condition::KINDS,
    conversation::has_conversation,
    facts::{self, Facts, Role},
    model::{Span, Trace},
    notes::notes,
    tree::{self, Branch, Oddity},
    usage::Usage,
};

/// A trace without the attributes of its spans.
#[derive(Debug, Serialize)]
pub(super) struct Outline<'a> {
    trace_id: &'a str,
    /// More than one where spans of several traces are linked by a parent.
    trace_ids: Vec<&'a str>,
    /// Nanoseconds since the Unix epoch, in decimal digits.
    start_unix_nano: String,
    duration_nanos: u64,
    facts: Amounts,
    /// What is odd about the trace, in whole sentences.
    notes: Vec<String>,
    rows: Vec<Row<'a>>,
}

/// What the trace amounts to.
#[derive(Debug, Serialize)]
struct Amounts {
    errors: usize,
    flags: usize,
    tokens_in: u64,
    tokens_out: u64,
    first_token: Option<(f64, f64)>,
    cost_usd: Option<f64>,
    /// Model calls whose cost nobody knows.
    unpriced: usize,
}

/// A span.
#[derive(Debug, Serialize)]
struct Row<'a> {
    span_id: &'a str,
    trace_id: &'a str,
    parent_span_id: &'a str,
    depth: usize,
    has_children: bool,
    oddity: Option<&'static str>,
    name: &'a str,
    service: &'a str,
    role: &'static str,
    kind: &'static str,
    /// Nanoseconds after the trace's start.
    start: u64,
    duration: u64,
    /// Why it failed.
    error: Option<String>,
    http_status: Option<u16>,
    flagged: bool,
    quality: Option<&'static str>,
    tokens_in: u64,
    tokens_out: u64,
    model: Option<String>,
    has_conversation: bool,
}

impl Outline<'_> {
    /// Of a trace.
    pub(super) fn of(trace: &Trace) -> Outline<'_> {
        let (start, end) = trace.bounds();
        let facts = Facts::of(trace);
        let branches = tree::branches(&trace.spans);
        let mut trace_ids: Vec<&str> = trace.spans.iter().map(|span| span.trace_id.as_str()).collect();
        trace_ids.sort_unstable();
        trace_ids.dedup();
        Outline {
            trace_id: &trace.trace_id,
            start_unix_nano: start.to_string(),
            duration_nanos: end - start,
            facts: Amounts {
                errors: facts.errors,
                flags: facts.flags,
                tokens_in: facts.tokens_in,
                tokens_out: facts.tokens_out,
                first_token: facts.first_token,
                cost_usd: facts.cost_usd,
                unpriced: facts.unpriced,
            },
            notes: notes(trace, &branches),
            trace_ids,
            rows: branches
                .iter()
                .map(|branch| row(&trace.spans[branch.span], branch, start))
                .collect(),
        }
    }
}

fn row<'a>(span: &'a Span, branch: &Branch, trace_start: u64) -> Row<'a> {
    let usage = Usage::of(span);
    let kind = usize::try_from(span.kind).ok().and_then(|kind| KINDS.get(kind));
    Row {
        span_id: &span.span_id,
        trace_id: &span.trace_id,
        parent_span_id: &span.parent_span_id,
        depth: branch.depth,
        has_children: branch.has_children,
        oddity: branch.oddity.map(oddity),
        name: &span.name,
        service: &span.service,
        role: role(&span.service),
        kind: kind.unwrap_or(&"unknown"),
        start: span.start_time_unix_nano.saturating_sub(trace_start),
        duration: span.duration_nanos(),
        error: facts::error(span),
        http_status: facts::http_status(span),
        flagged: facts::is_flagged(span),
        quality: facts::quality(span).map(crate::signals::Quality::name),
        tokens_in: usage.map_or(0, |usage| usage.input),
        tokens_out: usage.map_or(0, |usage| usage.output),
        model: facts::model(span),
        has_conversation: has_conversation(span),
    }
}

fn oddity(oddity: Oddity) -> &'static str {
    match oddity {
        Oddity::ParentMissing => "parent_missing",
        Oddity::Loop => "loop",
        Oddity::EarlierThanParent => "earlier_than_parent",
    }
}

fn role(service: &str) -> &'static str {
    match Role::of(service) {
        Role::Inbound => "inbound",
        Role::Handoff => "handoff",
        Role::Orchestrator => "orchestrator",
        Role::Routing => "routing",
        Role::Agent => "agent",
        Role::Llm => "llm",
        Role::Filter => "filter",
        Role::Other => "other",
    }
}

#[cfg(test)]
mod tests;
