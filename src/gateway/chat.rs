//! One exchange with a model: the client's request is checked, a model is chosen and asked, its answer goes back. Everything that
//! happens is noted in the record; nothing here waits for telemetry.

use std::sync::Arc;

use http::{HeaderValue, Response, StatusCode};
use hyper::body::Incoming;

use super::{
    agents,
    attempts::{self, Plan, Question},
    auth::authorize,
    choose::choose,
    exchange::Api,
    http::{Answer, refuse},
    incoming,
    providers::{self, BadRequest},
    record::{Call, Fault, Purpose, Record},
    relay,
    spans::{ErrorType, Validation},
    whole,
};
use crate::net::compression::Encoding;

/// Why a request is refused by the gateway itself.
pub(super) struct Refusal {
    status: StatusCode,
    fault: Fault,
    param: Option<String>,
    code: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, kind: ErrorType, message: impl Into<String>) -> Refusal {
        Refusal::of(status, Fault::new(kind, message))
    }

    pub(super) fn of(status: StatusCode, fault: Fault) -> Refusal {
        Refusal {
            status,
            fault,
            param: None,
            code: None,
        }
    }

    /// With the field at fault.
    pub(super) fn param(mut self, param: impl Into<String>) -> Refusal {
        self.param = Some(param.into());
        self
    }

    /// With the error's code.
    pub(super) fn code(mut self, code: &'static str) -> Refusal {
        self.code = Some(code);
        self
    }

    pub(super) fn fault(&self) -> &Fault {
        &self.fault
    }

    /// The answer, in the client's API; noted in the record.
    pub(super) fn answer(self, api: Api, record: &mut Record) -> Answer {
        let (param, code) = (self.param.as_deref(), self.code);
        refuse(api, record, self.status, self.fault, param, code)
    }
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
    let shared = Arc::clone(&record.shared);
    let scope = shared.conversations.scope(record.listener, &record.client.headers);
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
    record.facts = Some(Arc::clone(&request.facts));
    let timeout = shared.gateway.listeners[record.listener].timeout;
    let deadline = record.clock.begun() + timeout;
    if let Some(agents) = &shared.gateway.orchestrated[record.listener] {
        return agents::ask(record, &request, agents, (id, scope), deadline).await;
    }
    let decision = choose(record, &request, (id, scope), deadline).await?;
    record.call = Some(Call::begin(Purpose::Answer, request.api, record.clock.now()));
    let question = Question {
        request: &request,
        id,
        scope,
        deadline,
        limit: ("the listener's timeout", timeout),
    };
    let answered = attempts::ask(record, &question, &decision.goals).await?;
    decision.answered(record, answered.goal);
    Ok((answered.plan, answered.response))
}

pub(super) fn bad_request(fault: &BadRequest) -> Refusal {
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
