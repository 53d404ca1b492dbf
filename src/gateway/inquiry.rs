//! A model call of the gateway's own, to find out what to do with a request: noted below the span that it is for, never part of the
//! client's conversation. Whatever goes wrong is told in words; the caller has a way out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderValue;

use super::{
    attempts::{self, Answered, Goal, Question},
    config::Target,
    exchange::Api,
    providers,
    record::{Call, Fault, Purpose, Record},
    responses::Scope,
    whole,
};
use crate::otlp::SpanId;

/// Longest time for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the targets in their order and gives what the answer says. `body`: a chat completion's, for a model.
///
/// # Errors
/// Why there is no answer.
pub(super) async fn inquire(
    record: &mut Record,
    targets: &[Target],
    body: impl Fn(&str) -> Bytes,
    parent: SpanId,
    (id, scope): (&HeaderValue, Scope),
    deadline: Instant,
) -> Result<String, String> {
    let deadline = deadline.min(Instant::now() + PATIENCE);
    let request = providers::read_request(Api::Chat, &body(&targets[0].model)).map_err(|bad| bad.to_string())?;
    let before = record.call.replace(Call {
        parent: Some(parent),
        request: Some(Arc::clone(&request.facts)),
        ..Call::begin(Purpose::Step, Api::Chat, record.clock.now())
    });
    let goals: Vec<Goal> = targets.iter().cloned().map(Goal::Model).collect();
    let question = Question {
        request: &request,
        id,
        scope,
        deadline,
        limit: ("a question of the gateway's own may", PATIENCE),
    };
    let answer = match attempts::ask(record, &question, &goals).await {
        Ok(Answered { plan, response, .. }) => whole::text(&plan, record, response).await,
        Err(refusal) => Err(refusal.fault().clone()),
    };
    record.end_step(before, answer.as_ref().err().cloned());
    answer.map_err(|fault: Fault| fault.message)
}
