//! One exchange with a model: the client's request is checked, a provider is chosen and asked, its answer goes back. Everything
//! that happens is noted in the record; nothing here waits for telemetry.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use subtle::ConstantTimeEq;

use super::{
    config::Choice as Found,
    exchange::{Api, RequestFacts, Way},
    headers,
    http::{Answer, refuse},
    incoming,
    providers::{self, BadRequest},
    record::{Attempt, Call, Choice, Fault, Record, span_id},
    relay,
    responses::{Keeper, Scope},
    spans::{Auth, ErrorType, Validation},
    translate::{Back, Terms},
    upstream::Failure,
    whole,
};
use crate::net::compression::Encoding;

/// Pause before the same provider is asked again, in milliseconds.
const PAUSE: std::ops::Range<u64> = 100..200;
/// What stands before a key in `Authorization`.
const BEARER: &[u8] = b"Bearer ";
/// Longest `Retry-After` that is waited for; above it the answer is passed on.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a request is refused by the gateway itself.
pub(super) struct Refusal {
    status: StatusCode,
    fault: Fault,
    param: Option<String>,
    code: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, kind: ErrorType, message: impl Into<String>) -> Refusal {
        Refusal {
            status,
            fault: Fault::new(kind, message),
            param: None,
            code: None,
        }
    }

    /// The answer, in the client's API; noted in the record.
    pub(super) fn answer(self, api: Api, record: &mut Record) -> Answer {
        let (param, code) = (self.param.as_deref(), self.code);
        refuse(api, record, self.status, self.fault, param, code)
    }
}

/// What is sent, to whom, and what the client is owed.
pub(super) struct Plan {
    pub(super) way: Way,
    pub(super) stream: bool,
    /// Whether the chunk with usage is only for us.
    pub(super) hide_usage: bool,
    /// What turns the answer into the client's API, where that is not the provider's.
    pub(super) back: Option<Back>,
    /// What keeps the answer for who goes on from it.
    pub(super) keeper: Option<Keeper>,
    /// What the request says with the conversation that it goes on with.
    whole: Option<RequestFacts>,
    pub(super) deadline: Instant,
    headers: HeaderMap,
    body: Bytes,
}

/// Answers one request.
pub(super) async fn serve(api: Api, mut record: Record, body: &mut Incoming, id: &HeaderValue) -> Answer {
    let refusal = match ask(api, &mut record, body, id).await {
        Ok((plan, response)) if is_stream(&plan, &response) => return relay::stream(plan, record, response),
        Ok((mut plan, response)) => match whole::answer(&mut plan, &mut record, response).await {
            Ok(answer) => {
                record.finish();
                return answer;
            }
            Err(refusal) => refusal,
        },
        Err(refusal) => refusal,
    };
    let answer = refusal.answer(api, &mut record);
    record.finish();
    answer
}

/// Whether the answer is relayed event by event. One that was not asked for goes through too where nothing is translated.
fn is_stream(plan: &Plan, response: &Response<Incoming>) -> bool {
    let wanted = plan.stream || !plan.way.crosses();
    let plain = whole::encoding(response.headers()) == Some(Encoding::Identity);
    wanted && plain && response.status().is_success() && whole::holds_events(response.headers())
}

async fn ask(
    api: Api,
    record: &mut Record,
    body: &mut Incoming,
    id: &HeaderValue,
) -> Result<(Plan, Response<Incoming>), Refusal> {
    let scope = record
        .shared
        .conversations
        .scope(record.listener, &record.client.headers);
    authorize(record)?;
    let body = incoming::read(record, body).await?;
    let request = providers::read_request(api, &body).map_err(|fault| {
        record.validation = Some(match fault {
            BadRequest::MissingModel => Validation::MissingModel,
            ref fault if fault.is_too_large() => Validation::TooLarge,
            _ => Validation::InvalidJson,
        });
        bad_request(&fault)
    })?;
    record.validation = Some(Validation::Ok);
    let mut plan = choose(record, &request, scope, id);
    let whole = plan.as_mut().ok().and_then(|plan| plan.whole.take());
    record.facts = Some(whole.unwrap_or(request.facts));
    let plan = plan?;
    let response = attempts(record, &plan).await?;
    Ok((plan, response))
}

fn bad_request(fault: &BadRequest) -> Refusal {
    let (status, kind) = match fault.is_too_large() {
        true => (StatusCode::PAYLOAD_TOO_LARGE, ErrorType::TooLarge),
        false => (StatusCode::BAD_REQUEST, ErrorType::InvalidRequest),
    };
    Refusal {
        param: fault.param().map(str::to_owned),
        code: fault.code(),
        ..Refusal::new(status, kind, fault.to_string())
    }
}

/// Compares the client's keys with each of the listener's, in a time that tells nothing of them. The one that lets it in is this
/// listener's alone: it goes no further, though a provider may get the client's other key.
pub(super) fn authorize(record: &mut Record) -> Result<(), Refusal> {
    let keys = &record.shared.gateway.listeners[record.listener].api_keys;
    if keys.is_empty() {
        return Ok(());
    }
    let is_known = |given: &[u8]| {
        let known = keys.iter().fold(subtle::Choice::from(0), |known, key| {
            known | key.reveal().as_bytes().ct_eq(given)
        });
        bool::from(known)
    };
    let headers = &record.client.headers;
    let value = |name: &HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    let bearer = value(&header::AUTHORIZATION).and_then(|value| value.split_at_checked(BEARER.len()));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BEARER));
    let plain = HeaderName::from_static("x-api-key");
    let given = [
        (header::AUTHORIZATION, bearer.map(|(_, key)| key)),
        (plain.clone(), value(&plain)),
    ];
    let known = given.into_iter().find(|(_, key)| key.is_some_and(is_known));
    let Some(name) = known.map(|(name, _)| name) else {
        record.auth = Auth::Refused;
        let text = "this listener wants one of its API keys, as `Authorization: Bearer` or `x-api-key`";
        return Err(Refusal {
            code: Some("invalid_api_key"),
            ..Refusal::new(StatusCode::UNAUTHORIZED, ErrorType::Unauthorized, text)
        });
    };
    record.auth = Auth::Ok;
    record.client.headers.remove(name);
    Ok(())
}

/// Nobody serves the model.
fn nobody(record: &mut Record, start: u64, message: String) -> Refusal {
    let fault = Fault::new(ErrorType::UnknownModel, message);
    record.choice = Some(Choice {
        start,
        end: record.clock.now(),
        endpoint: None,
        reason: "nobody serves it",
        alias_resolved: None,
        selected: None,
        fault: Some(fault.clone()),
    });
    Refusal {
        status: StatusCode::NOT_FOUND,
        fault,
        param: Some("model".to_owned()),
        code: Some("model_not_found"),
    }
}

fn choose(record: &mut Record, request: &providers::Request, scope: Scope, id: &HeaderValue) -> Result<Plan, Refusal> {
    let shared = std::sync::Arc::clone(&record.shared);
    let start = record.clock.now();
    let target = match shared.gateway.resolve(&request.facts.model) {
        Ok(target) => target,
        Err(unknown) => return Err(nobody(record, start, unknown.to_string())),
    };
    let (upstream, way) = target.provider.upstream(request.api);
    let selected = format!("{}/{}", target.provider.name, target.model);
    record.choice = Some(Choice {
        start,
        end: record.clock.now(),
        endpoint: Some(upstream.uri().clone()),
        reason: match target.choice {
            Found::Exact => "exact model",
            Found::Wildcard => "wildcard provider",
            Found::Default => "default model",
        },
        alias_resolved: target.alias.map(|_| selected.clone()),
        selected: Some(selected),
        fault: None,
    });
    record.call = Some(Call {
        span_id: span_id(),
        start: record.clock.now(),
        api: request.api,
        provider: target.provider.name.clone(),
        provider_id: target.provider.id(),
        model: target.model.clone(),
        url: upstream.uri().clone(),
        attempts: Vec::new(),
        reply: None,
        first_token: None,
        response_bytes: None,
    });
    let want_usage = target.provider.known.stream_usage && upstream.api == Api::Chat;
    let listener = &shared.gateway.listeners[record.listener];
    let terms = Terms {
        model: &target.model,
        want_usage,
        created: record.clock.now() / 1_000_000_000,
        seed: fastrand::u128(..),
    };
    let limit = listener.max_request_body_size;
    let prepared = shared.conversations.prepare(scope, request, way, terms, limit);
    let prepared = prepared.map_err(|fault| bad_request(&fault))?;
    Ok(Plan {
        way,
        stream: request.facts.stream,
        hide_usage: want_usage && request.facts.stream && !request.client_asked_usage(),
        back: prepared.sent.back,
        keeper: prepared.keeper,
        whole: prepared.whole,
        deadline: record.clock.begun() + listener.timeout,
        headers: headers::to_provider(&record.client.headers, request.api, target.provider, upstream.api, id),
        body: prepared.sent.body,
    })
}

/// Asks until there is an answer worth passing on: whatever is no failure, or the last failure.
async fn attempts(record: &mut Record, plan: &Plan) -> Result<Response<Incoming>, Refusal> {
    let retries = record.shared.gateway.listeners[record.listener].max_retries;
    for number in 0..=retries {
        let outcome = attempt(record, plan).await;
        let pause = match &outcome {
            Ok(response) if !is_retryable(response.status()) => None,
            Ok(response) => pause_of(response.headers()),
            Err(fault) if fault.kind == ErrorType::InvalidResponse => None,
            Err(_) => Some(Duration::from_millis(fastrand::u64(PAUSE))),
        };
        let left = plan.deadline.saturating_duration_since(Instant::now());
        match pause.filter(|pause| number < retries && *pause < left) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return outcome.map_err(|fault| unreachable(&fault)),
        }
    }
    Err(Refusal::new(
        StatusCode::BAD_GATEWAY,
        ErrorType::Internal,
        "no attempt was made",
    ))
}

fn is_retryable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// How long to wait before the next attempt; none where the provider wants more patience than we have. What is neither
/// seconds nor a date asks for nothing.
fn pause_of(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let value = value.unwrap_or_default().trim();
    let seconds = || value.parse().ok().map(Duration::from_secs);
    let until = || {
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(std::time::SystemTime::now()).unwrap_or_default())
    };
    let wanted = seconds().or_else(until).unwrap_or_default();
    (wanted <= PATIENCE).then_some(wanted.max(Duration::from_millis(fastrand::u64(PAUSE))))
}

fn unreachable(fault: &Fault) -> Refusal {
    let status = match fault.kind {
        ErrorType::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    Refusal::new(
        status,
        fault.kind,
        format!("no answer from the model's provider: {}", fault.message),
    )
}

async fn attempt(record: &mut Record, plan: &Plan) -> Result<Response<Incoming>, Fault> {
    let attempt = Attempt {
        span_id: span_id(),
        start: record.clock.now(),
        end: None,
        headers_at: None,
        status: None,
        request_size: plan.body.len() as u64,
        response_size: None,
        fault: None,
    };
    let (traceparent, tracestate) = record.trace.outgoing(attempt.span_id.0);
    let call = record.call.as_mut().expect("a provider was chosen");
    let mut request = Request::post(call.url.clone())
        .body(Full::new(plan.body.clone()))
        .expect("the URL was checked");
    *request.headers_mut() = plan.headers.clone();
    for (name, value) in [("traceparent", Some(traceparent.as_str())), ("tracestate", tracestate)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            request.headers_mut().insert(name, value);
        }
    }
    call.attempts.push(attempt);
    let left = plan.deadline.saturating_duration_since(Instant::now());
    let outcome = record.shared.upstream.ask(request, left).await;
    let now = record.clock.now();
    let call = record.call.as_mut().expect("a provider was chosen");
    let attempt = call.attempts.last_mut().expect("just pushed");
    match outcome {
        Ok(response) => {
            let status = response.status().as_u16();
            (attempt.status, attempt.headers_at) = (Some(status), Some(now));
            if let Some(kind) = ErrorType::of_upstream_status(status) {
                attempt.end = Some(now);
                attempt.fault = Some(Fault::new(kind, format!("the provider answered {status}")));
            }
            Ok(response)
        }
        Err(failure) => {
            let kind = match failure {
                Failure::Timeout => ErrorType::Timeout,
                Failure::Connect(_) | Failure::Broken(_) => ErrorType::Connect,
                Failure::NotHttp(_) => ErrorType::InvalidResponse,
            };
            let listener = &record.shared.gateway.listeners[record.listener];
            let text = match failure {
                Failure::Timeout => format!("it took longer than the listener's timeout, {:?}", listener.timeout),
                other => other.to_string(),
            };
            let fault = Fault::new(kind, text);
            (attempt.end, attempt.fault) = (Some(now), Some(fault.clone()));
            Err(fault)
        }
    }
}
