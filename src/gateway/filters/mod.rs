//! Filters: services of the user's own that look at requests and answers on their way, one after the other. Each lets a body pass,
//! gives another one, or refuses it; one that fails does what its config says. No task, no queue: a chain is as long as its calls,
//! every call has a time-out and a bound on its answer, and an empty chain costs nothing.
//!
//! [`Filters::run`] leads a whole body through a chain; [`Windows`] leads a stream through one, event by event.

mod answer;
mod envelope;
mod http;
mod mcp;
mod meters;
mod step;
mod window;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::http::StatusCode;
use bytes::Bytes;

use super::{
    config::{Filter, FilterKind, OnFailure},
    record::Fault,
    spans::{Direction, ErrorType, FilterOutcome},
    upstream::Upstream,
};
use crate::values::duration;
use meters::Meters;
use step::Log;

pub(super) use envelope::Envelope;
pub(super) use step::{Step, add_spans};
pub(super) use window::{Out, Windows};

/// How long servers get, all together, to be told that their sessions end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Longer than any call may take.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What a body is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// One JSON object.
    Json,
    /// Complete server-sent events.
    Events,
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
struct Look {
    direction: Direction,
    content: Content,
    /// Largest new body, in bytes.
    limit: usize,
}

/// What a filter says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Pass,
    /// Another body, not checked yet.
    Body(Bytes),
    Refuse {
        status: StatusCode,
        reason: Option<String>,
    },
}

/// A body that goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejected {
    /// What the client is answered with.
    pub(super) status: StatusCode,
    /// What the client reads. A filter's own words, which may quote the conversation: not for spans.
    pub(super) message: String,
    /// What spans say.
    pub(super) fault: Fault,
}

/// A filter with what its calls share.
struct Entry {
    config: Filter,
    meters: Meters,
    /// None for filters of type http.
    mcp: Option<mcp::Client>,
}

/// All filters of a gateway, by their index in its config; cheap to clone.
#[derive(Clone)]
pub(super) struct Filters {
    upstream: Upstream,
    entries: Arc<[Entry]>,
}

impl Filters {
    /// Makes the metrics, under the recorder that is current now; connects to nothing yet.
    pub(super) fn new(filters: &[Filter], upstream: &Upstream) -> Filters {
        meters::describe();
        let entry = |filter: &Filter| Entry {
            meters: Meters::new(&filter.id),
            mcp: match &filter.kind {
                FilterKind::Http => None,
                FilterKind::Mcp { tool } => Some(mcp::Client::new(tool)),
            },
            config: filter.clone(),
        };
        Filters {
            upstream: upstream.clone(),
            entries: filters.iter().map(entry).collect(),
        }
    }

    /// Leads a whole body, a JSON object, through a chain. What was done is in `steps`, also where this future is dropped: a step
    /// without an end is under way. `limit`: largest body that a filter may give, in bytes.
    ///
    /// # Errors
    /// Where a filter refuses it, or fails and may not.
    pub(super) async fn run(
        &self,
        chain: &[usize],
        envelope: &Envelope,
        (direction, limit): (Direction, usize),
        body: Bytes,
        steps: &mut Vec<Step>,
    ) -> Result<Bytes, Rejected> {
        if chain.is_empty() {
            return Ok(body);
        }
        let look = Look {
            direction,
            content: Content::Json,
            limit,
        };
        self.pass(chain, envelope, look, body, &mut Log::Each(steps)).await
    }

    /// Tells MCP servers that their sessions end.
    pub(super) async fn close(&self) {
        let open = self
            .entries
            .iter()
            .filter_map(|entry| Some((entry, entry.mcp.as_ref()?)));
        let closing = open.map(|(entry, client)| client.close(&self.upstream, &entry.config));
        // A server that does not listen forgets its session by itself.
        let _late = tokio::time::timeout(FAREWELL, futures_util::future::join_all(closing)).await;
    }

    async fn pass(
        &self,
        chain: &[usize],
        envelope: &Envelope,
        look: Look,
        mut body: Bytes,
        log: &mut Log<'_>,
    ) -> Result<Bytes, Rejected> {
        for &index in chain {
            let entry = &self.entries[index];
            if log.is_left_out(index) {
                continue;
            }
            let mut step = log.begin(index, look.direction, envelope.clock.now(), body.len());
            let said = self.ask(entry, envelope, look, &mut step, &body).await;
            let said = said.and_then(|verdict| match verdict {
                Verdict::Body(new) => answer::accepted(look, &body, new),
                other => Ok(other),
            });
            let (outcome, next) = match said {
                Ok(Verdict::Pass) => (FilterOutcome::Passed, Ok(())),
                Ok(Verdict::Body(new)) => {
                    body = new;
                    (FilterOutcome::Changed, Ok(()))
                }
                Ok(Verdict::Refuse { status, reason }) => {
                    let rejected = refused(&entry.config, status, reason);
                    step.fault = Some(rejected.fault.clone());
                    (FilterOutcome::Rejected, Err(rejected))
                }
                Err(fault) => {
                    step.fault = Some(fault.clone());
                    (FilterOutcome::Failed, failed(&entry.config, &fault))
                }
            };
            (step.end, step.outcome) = (Some(envelope.clock.now()), Some(outcome));
            entry.meters.count(outcome);
            log.end(step);
            next?;
        }
        Ok(body)
    }

    /// One call, no longer than it may take.
    async fn ask(
        &self,
        entry: &Entry,
        envelope: &Envelope,
        look: Look,
        step: &mut Step,
        body: &Bytes,
    ) -> Result<Verdict, Fault> {
        let left = envelope.deadline.saturating_duration_since(Instant::now());
        let limit = entry.config.timeout.min(left);
        let called = async {
            match &entry.mcp {
                None => http::call(&self.upstream, &entry.config, envelope, look, step, body).await,
                Some(client) => {
                    let to = mcp::To {
                        upstream: &self.upstream,
                        filter: &entry.config,
                        headers: envelope.headers(&entry.config, look.direction, step.span_id),
                        limit: look.limit,
                    };
                    client.call(&to, envelope.path(), look.content, step, body).await
                }
            }
        };
        tokio::time::timeout(limit, called).await.unwrap_or_else(|_| {
            let text = format!("no answer within {}", duration::format(limit));
            Err(Fault::new(ErrorType::Timeout, text))
        })
    }
}

fn refused(filter: &Filter, status: StatusCode, reason: Option<String>) -> Rejected {
    let text = format!("filter {} refused it with status {}", filter.id, status.as_u16());
    Rejected {
        status,
        message: reason.unwrap_or_else(|| format!("filter {} refused it", filter.id)),
        fault: Fault::new(ErrorType::FilterRejected, text),
    }
}

/// What comes of a failure: nothing, where the filter may be passed by.
fn failed(filter: &Filter, fault: &Fault) -> Result<(), Rejected> {
    if filter.on_failure == OnFailure::Pass {
        return Ok(());
    }
    let message = format!("filter {} failed: {}", filter.id, fault.message);
    Err(Rejected {
        status: match fault.kind {
            ErrorType::Timeout => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        },
        fault: Fault::new(fault.kind, message.clone()),
        message,
    })
}

#[cfg(test)]
mod tests;
