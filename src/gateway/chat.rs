//! One exchange with a model: the client's request is checked, a model is chosen and asked, its answer goes back. Everything that
//! happens is noted in the record; nothing here waits for telemetry.

use std::{sync::Arc, time::Instant};

use http::{HeaderName, HeaderValue, Response, StatusCode};
use hyper::body::Incoming;

use super::{
    agents,
    attempts::{self, Errand, Goal, Plan, Question},
    auth::authorize,
    choose::choose,
    config::Target,
    exchange::Api,
    filters::{Envelope, Rejected},
    headers::DEPTH,
    http::{Answer, refuse},
    incoming,
    limits::{self, Asked, Exceeded, Permit},
    providers::{self, BadRequest},
    record::{Call, Fault, Purpose, Record},
    relay,
    spans::{Direction, ErrorType, Validation},
    whole,
};
use crate::net::compression::Encoding;

/// Why a request is refused by the gateway itself.
pub(super) struct Refusal(Box<Refused>);

struct Refused {
    status: StatusCode,
    fault: Fault,
    /// What the client reads, where that is not what spans say.
    words: Option<String>,
    param: Option<String>,
    code: Option<&'static str>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, kind: ErrorType, message: impl Into<String>) -> Refusal {
        Refusal::of(status, Fault::new(kind, message))
    }

    pub(super) fn of(status: StatusCode, fault: Fault) -> Refusal {
        Refusal(Box::new(Refused {
            status,
            fault,
            words: None,
            param: None,
            code: None,
            headers: Vec::new(),
        }))
    }

    /// A body that a filter refused.
    pub(super) fn rejected(rejected: Rejected) -> Refusal {
        let mut refusal = Refusal::of(rejected.status, rejected.fault);
        refusal.0.words = Some(rejected.message);
        refusal
    }

    /// With the field at fault.
    pub(super) fn param(mut self, param: impl Into<Option<String>>) -> Refusal {
        self.0.param = param.into();
        self
    }

    /// With the error's code.
    pub(super) fn code(mut self, code: impl Into<Option<&'static str>>) -> Refusal {
        self.0.code = code.into();
        self
    }

    pub(super) fn fault(&self) -> &Fault {
        &self.0.fault
    }

    /// The answer, in the client's API; noted in the record.
    pub(super) fn answer(self, api: Api, record: &mut Record) -> Answer {
        let refused = *self.0;
        let words = (refused.status, refused.words.as_deref());
        let mut answer = refuse(
            api,
            record,
            words,
            refused.fault,
            refused.param.as_deref(),
            refused.code,
        );
        for (name, value) in refused.headers {
            answer.headers_mut().insert(name, value);
        }
        answer
    }
}

/// Answers one request.
pub(super) async fn serve(api: Api, mut record: Record, body: &mut Incoming, id: &HeaderValue) -> Answer {
    let asked = ask(api, &mut record, body, id).await;
    let tightest = record.permits.iter().min_by_key(|permit| permit.remaining());
    let limits: Vec<_> = tightest.into_iter().flat_map(Permit::headers).collect();
    let mut answer = match asked {
        Ok((plan, response)) if is_stream(&plan, &response) => relay::stream(plan, record, response),
        Ok((mut plan, response)) => match whole::answer(&mut plan, &mut record, response).await {
            Ok(answer) => {
                record.finish();
                answer
            }
            Err(refusal) => {
                if let Some(call) = record.call.as_mut().filter(|call| !call.is_sound) {
                    call.is_broken = true;
                }
                refused(refusal, api, record)
            }
        },
        Err(refusal) => refused(refusal, api, record),
    };
    // The client's own limits say more to it than those of the gateway at a provider.
    for (name, value) in limits {
        answer.headers_mut().insert(name, value);
    }
    answer
}

fn refused(refusal: Refusal, api: Api, mut record: Record) -> Answer {
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
    let shared = Arc::clone(&record.shared);
    // Only responses go on with what is kept.
    let conversations = (api == Api::Responses).then_some(&shared.conversations);
    let scope = conversations
        .map(|kept| kept.scope(record.listener, &record.client.headers))
        .unwrap_or_default();
    authorize(record)?;
    record.depth = depth(record)?;
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
    record.facts = Some(Arc::clone(&request.facts));
    let listener = &shared.gateway.listeners[record.listener];
    let errand = Errand {
        id,
        scope,
        deadline: record.clock.begun() + listener.timeout,
        limit: ("the listener's timeout", listener.timeout),
        retries: listener.max_retries,
    };
    // Before anything is asked that costs something.
    admit(record, &request, Wanted::Any)?;
    let request = filtered(record, request, &listener.input_filters, errand).await?;
    record.facts = Some(Arc::clone(&request.facts));
    if let Some(agents) = &shared.gateway.orchestrated[record.listener] {
        return agents::ask(record, &request, agents, errand).await;
    }
    let decision = choose(record, &request, errand).await?;
    if let Some(Goal::Model(target)) = decision.goals.first() {
        admit(record, &request, Wanted::Model(target))?;
    }
    record.call = Some(Call::begin(Purpose::Answer, request.api, record.clock.now()));
    let question = Question {
        request: &request,
        errand,
    };
    let answered = attempts::ask(record, &question, &decision.goals).await?;
    if answered.response.status().is_success() {
        decision.answered(record, answered.goal);
    }
    Ok((answered.plan, answered.response))
}

/// How many agents and filters stand before this request, as they passed it on.
fn depth(record: &Record) -> Result<u32, Refusal> {
    let told = record.client.headers.get_all(DEPTH).iter();
    let values = told.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut deepest = 0;
    for value in values.map(<[u8]>::trim_ascii) {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            let text = format!("{DEPTH} must be a number: how many agents stand behind each other");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, ErrorType::InvalidRequest, text));
        }
        // What is too large for a number is too deep.
        let number = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        deepest = deepest.max(number.unwrap_or(u32::MAX));
    }
    let most = record.shared.gateway.max_agent_depth;
    if deepest < most {
        return Ok(deepest);
    }
    let text = format!(
        "agents call each other: {deepest} stand behind each other ({DEPTH}), and overrides.max_agent_depth is {most}"
    );
    Err(Refusal::new(StatusCode::LOOP_DETECTED, ErrorType::AgentLoop, text).code("agent_loop"))
}

/// The request as the filters leave it: what they change is read as if the client had sent it.
pub(super) async fn filtered(
    record: &mut Record,
    request: providers::Request,
    chain: &[usize],
    errand: Errand<'_>,
) -> Result<providers::Request, Refusal> {
    if chain.is_empty() {
        return Ok(request);
    }
    let shared = Arc::clone(&record.shared);
    let limit = shared.gateway.listeners[record.listener].max_request_body_size;
    let envelope = Envelope::new(
        request.api.path(),
        errand.id,
        (&record.trace, record.depth),
        record.clock,
        errand.deadline,
    );
    let (api, body) = (request.api, request.body().clone());
    let filters = &shared.filters;
    let led = filters
        .run(
            chain,
            &envelope,
            (Direction::Input, limit),
            body.clone(),
            &mut record.filters,
        )
        .await;
    let led = led.map_err(Refusal::rejected)?;
    if led == body {
        return Ok(request);
    }
    let unusable = |reason: &dyn std::fmt::Display| {
        let text = format!("what the filters made of the request cannot be served: {reason}");
        Refusal::new(StatusCode::BAD_GATEWAY, ErrorType::InvalidResponse, text)
    };
    let changed = providers::read_request(api, &led).map_err(|fault| unusable(&fault))?;
    if changed.facts.stream != request.facts.stream {
        return Err(unusable(&"`stream` is the client's to say"));
    }
    Ok(changed)
}

/// Which limits a request is charged to.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    /// Those of all models.
    Any,
    /// Those of this model, under whatever name it was asked for.
    Model(&'a Target),
}

/// Charges rate limits with what a request will take, about. Where another model steps in, its limits are left alone.
fn admit(record: &mut Record, request: &providers::Request, wanted: Wanted<'_>) -> Result<(), Refusal> {
    if record.shared.limits.is_empty() {
        return Ok(());
    }
    let shared = Arc::clone(&record.shared);
    let is_alias = record.choice.as_ref().is_some_and(|choice| choice.is_alias);
    let asked = match wanted {
        Wanted::Any => None,
        Wanted::Model(target) => Some(Asked {
            alias: is_alias.then_some(request.facts.model.as_str()),
            provider: &shared.gateway.models.providers[target.provider].name,
            model: &target.model,
        }),
    };
    let tokens = limits::estimate(&request.facts);
    match shared
        .limits
        .admit(&record.client.headers, asked.as_ref(), tokens, Instant::now())
    {
        Ok(permit) => {
            record.permits.push(permit);
            Ok(())
        }
        Err(exceeded) => {
            let text = exceeded.to_string();
            let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, ErrorType::RateLimited, text);
            let mut refusal = refusal.code(Exceeded::CODE);
            refusal.0.headers = exceeded.headers().collect();
            Err(refusal)
        }
    }
}

pub(super) fn bad_request(fault: &BadRequest) -> Refusal {
    let (status, kind) = match fault.is_too_large() {
        true => (StatusCode::PAYLOAD_TOO_LARGE, ErrorType::TooLarge),
        false => (StatusCode::BAD_REQUEST, ErrorType::InvalidRequest),
    };
    let param = fault.param().map(str::to_owned);
    Refusal::new(status, kind, fault.to_string())
        .param(param)
        .code(fault.code())
}
