//! What filters did with a request, for its trace: one step for each filter of a chain over a whole body, and one for each filter of
//! a stream, however many windows it looked at.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{
    gateway::{
        config::{Filter, FilterKind},
        record::{Fault, span_id},
        spans::{self, Direction, ErrorType, Failure, FilterOutcome, Place, Trace},
    },
    otlp::SpanId,
};

/// What one filter did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) struct Step {
    /// Index of the filter in the config.
    pub(in crate::gateway) filter: usize,
    /// What it looked at.
    pub(in crate::gateway) direction: Direction,
    /// Id of its span, which the filter saw as its parent.
    pub(in crate::gateway) span_id: SpanId,
    /// Start, nanoseconds since the Unix epoch.
    pub(in crate::gateway) start: u64,
    /// End; none while a call is under way.
    pub(in crate::gateway) end: Option<u64>,
    /// What it did; none before its first call has ended.
    pub(in crate::gateway) outcome: Option<FilterOutcome>,
    /// Bytes that it was given.
    pub(in crate::gateway) request_size: u64,
    /// Bytes that it answered.
    pub(in crate::gateway) response_size: Option<u64>,
    /// Status of its last answer over HTTP.
    pub(in crate::gateway) status: Option<u16>,
    /// Why it failed, or that it refused.
    pub(in crate::gateway) fault: Option<Fault>,
}

/// Adds the spans of the steps to a request's trace, as children of `parent`. `end`: when the request ended; `cut`: why calls that
/// were under way then were given up.
pub(in crate::gateway) fn add_spans(
    trace: &mut Trace,
    filters: &[Filter],
    steps: &[Step],
    parent: SpanId,
    (end, cut): (u64, Option<&Fault>),
) {
    for step in steps {
        let Some(filter) = filters.get(step.filter) else {
            continue;
        };
        let place = Place {
            span_id: step.span_id,
            parent: Some(parent),
            start_unix_nano: step.start,
            end_unix_nano: step.end.unwrap_or(end),
        };
        let (kind, tool) = match &filter.kind {
            FilterKind::Http => ("http", None),
            FilterKind::Mcp { tool } => ("mcp", Some(tool.as_str())),
        };
        let is_cut = step.end.is_none();
        let fault = step.fault.as_ref().or(cut.filter(|_| is_cut));
        let facts = spans::Filter {
            id: &filter.id,
            kind,
            url: &filter.url,
            tool,
            direction: step.direction,
            outcome: match step.outcome {
                Some(outcome) if !is_cut => outcome,
                _ => FilterOutcome::Failed,
            },
            request_size: Some(step.request_size),
            response_size: step.response_size,
            status: step.status,
            failure: fault.map(|fault| Failure {
                kind: fault.kind,
                message: &fault.message,
            }),
        };
        trace.filter(place, &facts);
    }
}

/// Where steps are noted: before a call, so that one that is given up leaves a trace, and after it.
pub(super) enum Log<'a> {
    /// Every call is a step.
    Each(&'a mut Vec<Step>),
    /// All calls of a filter are one step.
    Merged(&'a Mutex<Vec<Step>>),
}

impl Log<'_> {
    /// Notes that a call begins; gives the step for it, which [`Log::end`] takes.
    pub(super) fn begin(&mut self, filter: usize, direction: Direction, now: u64, size: usize) -> Step {
        let mut step = Step {
            filter,
            direction,
            span_id: span_id(),
            start: now,
            end: None,
            outcome: None,
            request_size: size as u64,
            response_size: None,
            status: None,
            fault: None,
        };
        match self {
            Log::Each(steps) => steps.push(step.clone()),
            Log::Merged(steps) => {
                let mut steps = locked(steps);
                match steps.iter_mut().find(|other| other.filter == filter) {
                    Some(before) => {
                        step.span_id = before.span_id;
                        before.end = None;
                        before.request_size += step.request_size;
                    }
                    None => steps.push(step.clone()),
                }
            }
        }
        step
    }

    /// Notes how a call ended.
    pub(super) fn end(&mut self, step: Step) {
        match self {
            Log::Each(steps) => {
                if let Some(last) = steps.last_mut() {
                    *last = step;
                }
            }
            Log::Merged(steps) => {
                let mut steps = locked(steps);
                if let Some(all) = steps.iter_mut().find(|other| other.filter == step.filter) {
                    all.end = step.end;
                    all.outcome = all.outcome.max(step.outcome);
                    all.response_size = match (all.response_size, step.response_size) {
                        (Some(before), Some(now)) => Some(before + now),
                        (before, now) => before.or(now),
                    };
                    all.status = step.status.or(all.status);
                    all.fault = all.fault.take().or(step.fault);
                }
            }
        }
    }

    /// Whether a stream does without the filter from now on: every further window would wait as long as the one that timed out.
    pub(super) fn is_left_out(&self, filter: usize) -> bool {
        let Log::Merged(steps) = self else { return false };
        let steps = locked(steps);
        let mut own = steps.iter().filter(|step| step.filter == filter);
        own.any(|step| matches!(&step.fault, Some(fault) if fault.kind == ErrorType::Timeout))
    }
}

/// The list, whoever panicked: a step is never left half written.
pub(super) fn locked(steps: &Mutex<Vec<Step>>) -> MutexGuard<'_, Vec<Step>> {
    steps.lock().unwrap_or_else(PoisonError::into_inner)
}
