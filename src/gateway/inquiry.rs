//! A model call of the gateway's own, to find out what to do with a request: noted below the span that it is for, never part of the
//! client's conversation. Whatever goes wrong is told in words; the caller has a way out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{
    attempts::{self, Answered, Errand, Goal, Question},
    config::Target,
    exchange::Api,
    providers,
    record::{Call, Fault, Purpose, Record},
    whole,
};
use crate::otlp::SpanId;

/// Attempts after the first: there is a way without an answer.
const RETRIES: u32 = 1;
/// Longest time for an answer, and no more than half of what the request has left.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the targets in their order and gives what the answer says. `body`: a chat completion's, without a model.
///
/// # Errors
/// Why there is no answer.
pub(super) async fn inquire(
    record: &mut Record,
    targets: &[Target],
    body: &Bytes,
    parent: SpanId,
    errand: Errand<'_>,
) -> Result<String, String> {
    let now = Instant::now();
    // What is asked afterwards needs its time, too.
    let limit = PATIENCE.min(errand.deadline.saturating_duration_since(now) / 2);
    let router = &record.shared.router;
    let well = targets
        .iter()
        .filter(|target| !router.slot(target).is_some_and(|slot| router.is_left_out(slot, now)));
    let goals: Vec<Goal> = well.cloned().map(Goal::Model).collect();
    if goals.is_empty() {
        return Err("it failed again and again, and is left out for a while".to_owned());
    }
    let request = providers::read_request(Api::Chat, body).map_err(|bad| bad.to_string())?;
    let before = record.call.replace(Call {
        parent: Some(parent),
        request: Some(Arc::clone(&request.facts)),
        ..Call::begin(Purpose::Step, Api::Chat, record.clock.now())
    });
    let question = Question {
        request: &request,
        errand: Errand {
            deadline: now + limit,
            limit: ("a question of the gateway's own may", limit),
            retries: RETRIES,
            ..errand
        },
    };
    let answer = match attempts::ask(record, &question, &goals).await {
        Ok(Answered { plan, response, .. }) => whole::text(&plan, record, response).await,
        Err(refusal) => Err(refusal.fault().clone()),
    };
    record.end_step(before, answer.as_ref().err().cloned());
    answer.map_err(|fault: Fault| fault.message)
}
