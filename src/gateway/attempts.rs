//! Asks one after the other until there is an answer worth passing on: attempts, fallback to the next model, patience with the last.
//! Every attempt is noted in the record's call.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;

use super::{
    chat::{Refusal, bad_request},
    config::Target,
    exchange::{Api, RequestFacts, Way},
    headers,
    providers::{self, BadRequest},
    record::{Attempt, Callee, Fault, Purpose, Record, span_id},
    responses::{Keeper, Scope},
    spans::ErrorType,
    translate::{Back, Sent, Terms},
    upstream::Failure,
};

/// Pause before the same provider is asked again, in milliseconds.
const PAUSE: std::ops::Range<u64> = 100..200;
/// Longest `Retry-After` that is waited for; above it the answer is passed on.
const PATIENCE: Duration = Duration::from_secs(2);

/// What all that is asked for a client's request has in common.
#[derive(Clone, Copy)]
pub(super) struct Errand<'a> {
    /// `x-request-id`.
    pub(super) id: &'a HeaderValue,
    /// Whose conversations it may go on with.
    pub(super) scope: Scope,
    pub(super) deadline: Instant,
    /// What sets the deadline, and its length.
    pub(super) limit: (&'static str, Duration),
    /// Attempts after the first.
    pub(super) retries: u32,
}

/// What is asked.
pub(super) struct Question<'a> {
    pub(super) request: &'a providers::Request,
    pub(super) errand: Errand<'a>,
}

/// How an answer is passed on.
pub(super) struct Plan {
    pub(super) way: Way,
    pub(super) stream: bool,
    /// Whether the chunk with usage is only for us.
    pub(super) hide_usage: bool,
    /// What turns the answer into the client's API, where that is not the provider's.
    pub(super) back: Option<Back>,
    /// What keeps the answer for who goes on from it.
    pub(super) keeper: Option<Keeper>,
    pub(super) deadline: Instant,
}

/// An answer, who gave it, and how it is passed on.
pub(super) struct Answered {
    /// Index of the goal.
    pub(super) goal: usize,
    pub(super) plan: Plan,
    pub(super) response: Response<Incoming>,
}

/// Who may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Goal {
    /// A model of a provider.
    Model(Target),
    /// An agent, by its index.
    Agent(usize),
}

/// What is sent, and to whom.
struct Ready {
    /// Index of the goal.
    at: usize,
    callee: Arc<Callee>,
    way: Way,
    want_usage: bool,
    headers: HeaderMap,
    sent: Sent,
    keeper: Option<Keeper>,
    /// What is asked, where the request goes on with a conversation that is kept here.
    whole: Option<Arc<RequestFacts>>,
}

impl Ready {
    /// What kind of one is asked.
    fn side(&self) -> &'static str {
        match self.callee.model.is_empty() {
            true => "the agent",
            false => "the provider",
        }
    }

    /// Who is asked, in words.
    fn who(&self) -> Cow<'static, str> {
        match self.callee.model.is_empty() {
            true => format!("agent {}", self.callee.provider).into(),
            false => "the model's provider".into(),
        }
    }
}

/// Goals of which the first ones were asked.
struct Line<'a> {
    goals: &'a [Goal],
    next: usize,
}

impl Line<'_> {
    fn has_more(&self) -> bool {
        self.next < self.goals.len()
    }

    /// What is sent to the next goal that has a place for all that is asked.
    fn next(&mut self, record: &Record, question: &Question<'_>) -> Option<Result<Ready, BadRequest>> {
        let mut first_fault = None;
        while let Some(goal) = self.goals.get(self.next) {
            self.next += 1;
            match prepare(record, question, goal, self.next - 1) {
                Ok(ready) => return Some(Ok(ready)),
                Err(fault) => drop(first_fault.get_or_insert(fault)),
            }
        }
        first_fault.map(Err)
    }
}

/// Asks the goals in their order until there is an answer that is no failure; else the last failure is the answer.
///
/// # Errors
/// Where nobody answered, or nobody can be asked that.
pub(super) async fn ask(record: &mut Record, question: &Question<'_>, goals: &[Goal]) -> Result<Answered, Refusal> {
    let mut line = Line { goals, next: 0 };
    let mut ready = match line.next(record, question) {
        Some(Ok(ready)) => ready,
        Some(Err(fault)) => {
            let first = callee(record, question.request, &goals[0]);
            note(record, &first, 0, None);
            return Err(bad_request(&fault));
        }
        None => {
            return Err(Refusal::new(
                StatusCode::BAD_GATEWAY,
                ErrorType::Internal,
                "nobody can be asked",
            ));
        }
    };
    let mut left_over = question.errand.retries;
    loop {
        note(record, &ready.callee, ready.at, ready.whole.as_ref());
        let outcome = attempt(record, question, &ready, left_over > 0 && line.has_more()).await;
        let left = question.errand.deadline.saturating_duration_since(Instant::now());
        let Some(failing) = Failing::of(&outcome).filter(|_| left_over > 0 && !left.is_zero()) else {
            return pass_on(question, ready, outcome);
        };
        left_over -= 1;
        if let Some(Ok(next)) = line.next(record, question) {
            fall_back(record, &ready);
            ready = next;
            continue;
        }
        match failing.pause.filter(|pause| *pause < left) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return pass_on(question, ready, outcome),
        }
    }
}

/// An outcome that asks for another attempt.
struct Failing {
    /// How long to wait before the same one is asked again; none where that is of no use.
    pause: Option<Duration>,
}

impl Failing {
    fn of(outcome: &Result<Response<Incoming>, Fault>) -> Option<Failing> {
        let pause = match outcome {
            Ok(response) if !is_retryable(response.status()) => return None,
            Ok(response) => pause_of(response.headers()),
            Err(fault) if fault.kind == ErrorType::InvalidResponse => None,
            Err(_) => Some(Duration::from_millis(fastrand::u64(PAUSE))),
        };
        Some(Failing { pause })
    }
}

fn is_retryable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// What `Retry-After` asks for; none where it is not there. What is neither seconds nor a date asks for nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().unwrap_or_default().trim();
    // What is too large for a number is long enough.
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = || is_number.then(|| Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    let until = || {
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(std::time::SystemTime::now()).unwrap_or_default())
    };
    Some(seconds().or_else(until).unwrap_or_default())
}

/// How long to wait before the next attempt; none where the provider wants more patience than we have.
fn pause_of(headers: &HeaderMap) -> Option<Duration> {
    let wanted = retry_after(headers).unwrap_or_default();
    (wanted <= PATIENCE).then_some(wanted.max(Duration::from_millis(fastrand::u64(PAUSE))))
}

fn pass_on(
    question: &Question<'_>,
    ready: Ready,
    outcome: Result<Response<Incoming>, Fault>,
) -> Result<Answered, Refusal> {
    let response = outcome.map_err(|fault| unreachable(&fault, &ready.who()))?;
    let request = question.request;
    let plan = Plan {
        way: ready.way,
        stream: request.facts.stream,
        hide_usage: ready.want_usage && request.facts.stream && !request.client_asked_usage(),
        keeper: ready.keeper,
        back: ready.sent.back,
        deadline: question.errand.deadline,
    };
    Ok(Answered {
        goal: ready.at,
        plan,
        response,
    })
}

pub(super) fn unreachable(fault: &Fault, who: &str) -> Refusal {
    let status = match fault.kind {
        ErrorType::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    Refusal::new(status, fault.kind, format!("no answer from {who}: {}", fault.message))
}

/// Who a goal is.
fn callee(record: &Record, request: &providers::Request, goal: &Goal) -> Arc<Callee> {
    let gateway = &record.shared.gateway;
    Arc::new(match goal {
        Goal::Model(target) => {
            let provider = &gateway.models.providers[target.provider];
            Callee {
                provider: provider.name.clone(),
                provider_id: provider.id(),
                model: target.model.clone(),
                url: provider.upstream(request.api).0.uri().clone(),
                slot: record.shared.router.slot(target),
            }
        }
        Goal::Agent(agent) => {
            let agent = &gateway.agents[*agent];
            Callee {
                provider: agent.id.clone(),
                provider_id: String::new(),
                model: String::new(),
                url: agent.url.clone(),
                slot: None,
            }
        }
    })
}

fn prepare(record: &Record, question: &Question<'_>, goal: &Goal, at: usize) -> Result<Ready, BadRequest> {
    let request = question.request;
    let callee = callee(record, request, goal);
    let target = match goal {
        Goal::Model(target) => target,
        Goal::Agent(_) => {
            return Ok(Ready {
                at,
                callee,
                way: Way::Straight(Api::Chat),
                want_usage: false,
                headers: headers::to_agent(&record.client.headers, question.errand.id, record.depth),
                sent: Sent {
                    body: request.body_for(&request.facts.model, false),
                    back: None,
                },
                keeper: None,
                whole: None,
            });
        }
    };
    let gateway = &record.shared.gateway;
    let provider = &gateway.models.providers[target.provider];
    let (upstream, way) = provider.upstream(request.api);
    let want_usage = provider.known.stream_usage && upstream.api == Api::Chat;
    let terms = Terms {
        want_usage,
        ..terms(record, &target.model)
    };
    let limit = gateway.listeners[record.listener].max_request_body_size;
    let conversations = &record.shared.conversations;
    let prepared = conversations.prepare(question.errand.scope, request, way, terms, limit)?;
    Ok(Ready {
        at,
        callee,
        way,
        want_usage,
        headers: headers::to_provider(
            &record.client.headers,
            request.api,
            provider,
            upstream.api,
            question.errand.id,
        ),
        sent: prepared.sent,
        keeper: prepared.keeper,
        whole: prepared.whole,
    })
}

/// How a request for that model is sent.
pub(super) fn terms<'a>(record: &Record, model: &'a str) -> Terms<'a> {
    Terms {
        model,
        want_usage: false,
        created: record.clock.now() / 1_000_000_000,
        seed: fastrand::u128(..),
    }
}

/// Notes who is asked now; `whole`: what is asked, where that is more than the request.
fn note(record: &mut Record, callee: &Arc<Callee>, at: usize, whole: Option<&Arc<RequestFacts>>) {
    let Some(call) = &mut record.call else { return };
    call.callee = Some(Arc::clone(callee));
    if let Some(whole) = whole {
        call.request = Some(Arc::clone(whole));
    }
    if let Some(choice) = record
        .choice
        .as_mut()
        .filter(|_| call.purpose == Purpose::Answer && call.part.is_none())
    {
        choice.selected = Some(Arc::clone(callee));
        choice.is_fallback = at > 0;
    }
}

/// Notes why the next one is asked.
fn fall_back(record: &mut Record, failed: &Ready) {
    let call = record.call.as_ref().filter(|call| call.purpose == Purpose::Answer);
    let fault = call.and_then(|call| call.attempts.last()?.fault.as_ref());
    if let (Some(fault), Some(choice)) = (fault, &mut record.choice) {
        let failed = format!("; {} failed ({})", failed.callee.id(), fault.kind.as_str());
        choice.reason.to_mut().push_str(&failed);
    }
}

/// How long one attempt may take to its answer's head; what sets that, and its length. Others that wait for their turn shall have
/// time left.
fn limit(record: &Record, errand: Errand<'_>, others: bool) -> (Duration, (&'static str, Duration)) {
    let listener = &record.shared.gateway.listeners[record.listener];
    let left = errand.deadline.saturating_duration_since(Instant::now());
    let own = listener.attempt_timeout.or_else(|| others.then_some(left / 2));
    match own.filter(|own| *own < left) {
        Some(own) => (own, ("an attempt may", own)),
        None => (left, errand.limit),
    }
}

async fn attempt(
    record: &mut Record,
    question: &Question<'_>,
    ready: &Ready,
    others: bool,
) -> Result<Response<Incoming>, Fault> {
    let attempt = Attempt {
        span_id: span_id(),
        callee: Arc::clone(&ready.callee),
        start: record.clock.now(),
        end: None,
        headers_at: None,
        status: None,
        request_size: ready.sent.body.len() as u64,
        response_size: None,
        fault: None,
    };
    let (traceparent, tracestate) = record.trace.outgoing(attempt.span_id.0);
    let mut request = Request::post(ready.callee.url.clone())
        .body(Full::new(ready.sent.body.clone()))
        .expect("the URL was checked");
    *request.headers_mut() = ready.headers.clone();
    for (name, value) in [("traceparent", Some(traceparent.as_str())), ("tracestate", tracestate)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            request.headers_mut().insert(name, value);
        }
    }
    record
        .call
        .as_mut()
        .expect("a call is under way")
        .attempts
        .push(attempt);
    let (most, set_by) = limit(record, question.errand, others);
    let outcome = record.shared.upstream.ask(request, most).await;
    let wait = outcome
        .as_ref()
        .ok()
        .and_then(|response| retry_after(response.headers()));
    let outcome = noted(record, ready, outcome, set_by);
    if let (Some(slot), Some(_)) = (ready.callee.slot, Failing::of(&outcome)) {
        record.shared.router.failed(slot, wait, Instant::now());
    }
    outcome
}

/// The outcome of an attempt, noted in it. `set_by`: what set the time that it might take, and its length.
fn noted(
    record: &mut Record,
    ready: &Ready,
    outcome: Result<Response<Incoming>, Failure>,
    (what, length): (&'static str, Duration),
) -> Result<Response<Incoming>, Fault> {
    let now = record.clock.now();
    let call = record.call.as_mut().expect("a call is under way");
    let attempt = call.attempts.last_mut().expect("just pushed");
    match outcome {
        Ok(response) => {
            let status = response.status().as_u16();
            (attempt.status, attempt.headers_at) = (Some(status), Some(now));
            if let Some(kind) = ErrorType::of_upstream_status(status) {
                attempt.end = Some(now);
                attempt.fault = Some(Fault::new(kind, format!("{} answered {status}", ready.side())));
            }
            Ok(response)
        }
        Err(failure) => {
            let kind = match failure {
                Failure::Timeout => ErrorType::Timeout,
                Failure::Connect(_) | Failure::Broken(_) => ErrorType::Connect,
                Failure::NotHttp(_) => ErrorType::InvalidResponse,
            };
            let text = match failure {
                Failure::Timeout => {
                    let length = Duration::from_millis(u64::try_from(length.as_millis()).unwrap_or(u64::MAX));
                    format!("it took longer than {what}, {length:?}")
                }
                other => other.to_string(),
            };
            let fault = Fault::new(kind, text);
            (attempt.end, attempt.fault) = (Some(now), Some(fault.clone()));
            Err(fault)
        }
    }
}
