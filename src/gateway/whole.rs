//! An answer in one piece: read, inflated where the provider compressed it unasked, noted, translated where need be. What is no
//! answer of a model (a redirect, a status of no answer, no JSON object) becomes an error of the gateway's own.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header, response::Parts};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{
    attempts::Plan,
    chat::Refusal,
    headers,
    http::{Answer, full},
    providers::{self, errors},
    record::{Fault, Record},
    spans::{Direction, ErrorType},
    upstream::causes,
};
use crate::net::{
    body::{BodyError, collect},
    compression::{self, Encoding},
};

/// Longest answer, in bytes, as it came and inflated.
const MAX_ANSWER: usize = 64 << 20;

/// How the body is coded; none where nobody knows it. A provider is asked for plain bodies, and some compress all the same.
pub(super) fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else {
        return Some(Encoding::Identity);
    };
    value.to_str().ok().and_then(Encoding::parse)
}

/// Whether the body is a stream of server-sent events.
pub(super) fn holds_events(headers: &HeaderMap) -> bool {
    const EVENTS: &[u8] = b"text/event-stream";
    let kind = headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| kind.split_at_checked(EVENTS.len()));
    kind.is_some_and(|(kind, _)| kind.eq_ignore_ascii_case(EVENTS))
}

/// The answer for the client.
///
/// # Errors
/// Where what the provider sent is no answer, or broke off.
pub(super) async fn answer(
    plan: &mut Plan,
    record: &mut Record,
    response: Response<Incoming>,
) -> Result<Answer, Refusal> {
    let (head, body) = response.into_parts();
    if let Some(reason) = unusable(plan, &head) {
        return Err(invalid(reason));
    }
    let wire = read(plan, body).await?;
    let now = record.clock.now();
    let call = record.call.as_mut().expect("a provider was chosen");
    call.response_bytes = Some(wire.len() as u64);
    let mut fault = None;
    if let Some(attempt) = call.attempts.last_mut() {
        (attempt.end, attempt.response_size) = (Some(now), Some(wire.len() as u64));
        fault.clone_from(&attempt.fault);
    }
    let body = inflated(&head.headers, wire)?;
    let answer = if head.status.is_success() {
        let answer = accepted(plan, record, body)?;
        let answer = filtered(plan, record, answer).await?;
        // What the filters took out is not kept either.
        if let Some(keeper) = plan.keeper.take() {
            keeper.keep(&answer);
        }
        answer
    } else {
        record.fault = fault;
        errors::translate_error(plan.way.provider(), plan.way.client(), head.status.as_u16(), &body)
    };
    record.status = Some(head.status.as_u16());
    record.response_size = answer.len() as u64;
    let mut answer = full(head.status, answer);
    let through = headers::to_client(&head.headers);
    if !plan.way.crosses() {
        answer.headers_mut().extend(through);
    } else if let Some(wait) = through.get(header::RETRY_AFTER) {
        answer.headers_mut().insert(header::RETRY_AFTER, wait.clone());
    }
    Ok(answer)
}

/// What an answer says, for a question of the gateway's own.
///
/// # Errors
/// Where it says nothing.
pub(super) async fn text(plan: &Plan, record: &mut Record, response: Response<Incoming>) -> Result<String, Fault> {
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    if let Some(kind) = ErrorType::of_upstream_status(status) {
        return Err(Fault::new(kind, format!("the provider answered {status}")));
    }
    let read = async { inflated(&head.headers, read(plan, body).await?) };
    let body = read.await.map_err(|refusal: Refusal| refusal.fault().clone())?;
    let now = record.clock.now();
    let facts = providers::read_reply(plan.way.provider(), &body);
    let facts = facts.ok_or_else(|| Fault::new(ErrorType::InvalidResponse, "the answer is no JSON object"))?;
    if let Some(error) = &facts.error {
        return Err(Fault::told(error));
    }
    if !facts.complete {
        return Err(Fault::new(
            ErrorType::InvalidResponse,
            "the answer is no reply of its API",
        ));
    }
    let text = facts.text.clone();
    if let Some(call) = &mut record.call {
        call.response_bytes = Some(body.len() as u64);
        call.reply = Some(facts);
        if let Some(attempt) = call.attempts.last_mut() {
            (attempt.end, attempt.response_size) = (Some(now), Some(body.len() as u64));
        }
    }
    Ok(text)
}

fn invalid(reason: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_GATEWAY, ErrorType::InvalidResponse, reason)
}

/// Why an answer is none, as far as its head tells.
fn unusable(plan: &Plan, head: &Parts) -> Option<String> {
    let status = head.status.as_u16();
    match status {
        200..300 if holds_events(&head.headers) && plan.stream => {
            Some("the provider's stream is compressed, which was not asked for".to_owned())
        }
        200..300 if holds_events(&head.headers) => {
            Some("the provider answered with a stream, which was not asked for".to_owned())
        }
        200..300 | 400..600 => None,
        300..400 => Some(format!(
            "the provider answered with a redirect ({status}), which is not followed: is its base_url right?"
        )),
        _ => Some(format!(
            "the provider answered with status {status}, which is no answer to a request"
        )),
    }
}

/// The body as it came.
async fn read(plan: &Plan, body: Incoming) -> Result<Bytes, Refusal> {
    let left = plan.deadline.saturating_duration_since(Instant::now());
    let body = body.map_err(|error| causes(&error));
    let reading = collect(body, MAX_ANSWER, |_| Ok::<(), std::convert::Infallible>(()));
    match tokio::time::timeout(left, reading).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(BodyError::TooLarge { .. })) => Err(invalid(format!(
            "the provider's answer is larger than {MAX_ANSWER} bytes"
        ))),
        Ok(Err(error)) => Err(Refusal::new(
            StatusCode::BAD_GATEWAY,
            ErrorType::StreamInterrupted,
            format!("the provider's answer is incomplete: {error}"),
        )),
        Err(_) => Err(Refusal::new(
            StatusCode::GATEWAY_TIMEOUT,
            ErrorType::Timeout,
            "the provider's answer did not come in time",
        )),
    }
}

/// The body as it was meant.
fn inflated(headers: &HeaderMap, wire: Bytes) -> Result<Bytes, Refusal> {
    match encoding(headers) {
        Some(Encoding::Identity) => Ok(wire),
        Some(encoding) => compression::inflate(encoding, &wire, MAX_ANSWER)
            .map_err(|error| invalid(format!("the provider's answer cannot be read: {error}"))),
        None => Err(invalid(
            "the provider's answer is compressed in a way that was not asked for",
        )),
    }
}

/// The answer as the filters leave it.
async fn filtered(plan: &Plan, record: &mut Record, answer: Bytes) -> Result<Bytes, Refusal> {
    let shared = std::sync::Arc::clone(&record.shared);
    let chain = &shared.gateway.listeners[record.listener].output_filters;
    if let Some(call) = record.call.as_mut() {
        call.is_sound = record.fault.is_none();
    }
    if chain.is_empty() {
        return Ok(answer);
    }
    let envelope = record.envelope(plan.deadline);
    let led = shared.filters.run(
        chain,
        &envelope,
        (Direction::Output, MAX_ANSWER),
        answer,
        &mut record.filters,
    );
    led.await.map_err(Refusal::rejected)
}

/// A reply, noted and in the client's API.
fn accepted(plan: &mut Plan, record: &mut Record, body: Bytes) -> Result<Bytes, Refusal> {
    let Some(facts) = providers::read_reply(plan.way.provider(), &body) else {
        return Err(invalid("the provider's answer is no JSON object"));
    };
    let error = facts.error.clone();
    if let Some(call) = &mut record.call {
        call.reply = Some(facts);
    }
    if let Some(error) = error {
        // Some providers say 200 and mean an error. Their words are the client's, not the spans'.
        let fault = Fault::told(&error);
        let kind = fault.kind;
        if let Some(call) = &mut record.call {
            call.is_broken = kind != ErrorType::Upstream4xx;
        }
        record.fail(fault);
        if plan.way.crosses() {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_GATEWAY);
            return Err(Refusal::new(status, kind, error.message));
        }
    }
    let Some(back) = &plan.back else { return Ok(body) };
    let reply = back.reply(&body).map_err(|bad| invalid(bad.to_string()))?;
    Ok(reply)
}
