//! A request for agents: the orchestrating model says which of them are needed, they work one after the other, and the answer of the
//! last goes to the client.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use super::{
    attempts::{self, Errand, Goal, Plan, Question},
    chat::{Refusal, bad_request, filtered},
    config::Agents,
    exchange::{Api, Way},
    inquiry::inquire,
    providers::{self, BadRequest},
    question::{self, Wanted},
    record::{Call, Orchestration, Part, Purpose, Record, span_id},
    responses::{Keeper, Scope},
    spans::ErrorType,
    translate::Back,
    whole,
};

/// The answer of the last agent.
///
/// # Errors
/// Where an agent gave none.
pub(super) async fn ask(
    record: &mut Record,
    request: &providers::Request,
    agents: &Agents,
    errand: Errand<'_>,
) -> Result<(Plan, Response<Incoming>), Refusal> {
    let chosen = orchestrate(record, request, agents, errand).await;
    let begun = Work::begin(record, request, errand.scope, chosen.len());
    let (mut work, way, back, keeper) = begun.map_err(|bad| bad_request(&bad))?;
    for (index, &at) in chosen.iter().enumerate() {
        let candidate = &agents.list[at];
        let (agent, last) = (candidate.agent, index + 1 == chosen.len());
        let asked = work
            .request(last && request.facts.stream)
            .map_err(|bad| bad_request(&bad))?;
        let asked = filtered(record, asked, &candidate.input_filters, errand).await?;
        let purpose = if last { Purpose::Answer } else { Purpose::Step };
        record.call = Some(Call {
            part: Some(Part {
                agent,
                sequence: (index + 1, chosen.len()),
            }),
            request: Some(Arc::clone(&asked.facts)),
            ..Call::begin(purpose, Api::Chat, record.clock.now())
        });
        let question = Question {
            request: &asked,
            errand,
        };
        let outcome = attempts::ask(record, &question, &[Goal::Agent(agent)]).await;
        if last {
            let mut answered = outcome?;
            (answered.plan.way, answered.plan.back, answered.plan.keeper) = (way, back, keeper);
            return Ok((answered.plan, answered.response));
        }
        let said = match outcome {
            Ok(answered) => whole::text(&answered.plan, record, answered.response)
                .await
                .map_err(|fault| {
                    attempts::unreachable(&fault, &format!("agent {}", record.shared.gateway.agents[agent].id))
                }),
            Err(refusal) => Err(refusal),
        };
        record.end_step(None, said.as_ref().err().map(|refusal| refusal.fault().clone()));
        work.hand_on(&record.shared.gateway.agents[agent].id, &said?);
    }
    Err(Refusal::new(
        StatusCode::BAD_GATEWAY,
        ErrorType::Internal,
        "no agent was chosen",
    ))
}

/// The agents that shall work, in their order, by their places in the listener's list; the default agent where the orchestrating
/// model is of no use.
async fn orchestrate(
    record: &mut Record,
    request: &providers::Request,
    agents: &Agents,
    errand: Errand<'_>,
) -> Vec<usize> {
    let shared = Arc::clone(&record.shared);
    let gateway = &shared.gateway;
    let span = span_id();
    record.orchestration = Some(Orchestration {
        span_id: span,
        start: record.clock.now(),
        end: None,
        agents: Vec::new(),
        reason: "the orchestrating model is asked".to_owned(),
        model: agents.orchestrator.first().map(|target| gateway.models.id(target)),
    });
    let named = |at: &usize| gateway.agents[agents.list[*at].agent].id.as_str();
    let (chosen, reason) = if agents.list.len() == 1 {
        (vec![0], "the only agent".to_owned())
    } else {
        let all = agents.list.iter().enumerate();
        let options: Vec<(&str, &str)> = all.map(|(at, it)| (named(&at), it.description.as_str())).collect();
        let body = question::body(&options, Wanted::Several, &request.facts.messages);
        let answer = inquire(record, &agents.orchestrator, &body, span, errand).await;
        let chosen =
            answer.and_then(|answer| question::chosen(&answer, &options).map_err(|unusable| unusable.to_string()));
        match chosen {
            Ok(chosen) => (chosen, "the orchestrating model chose".to_owned()),
            Err(reason) => {
                let text = format!("the default agent: the orchestrating model was of no use ({reason})");
                (vec![0], text)
            }
        }
    };
    if let Some(orchestration) = &mut record.orchestration {
        orchestration.end = Some(record.clock.now());
        orchestration.agents = chosen.iter().map(|&at| agents.list[at].agent).collect();
        orchestration.reason = reason;
    }
    chosen
}

/// What the agents are asked, one after the other, as chat completions.
struct Work {
    body: Bytes,
    /// Only where several agents change it.
    tree: Option<Map<String, Value>>,
}

impl Work {
    /// What the client asks, in the agents' API; the way there, what turns the answer back, and what keeps it.
    fn begin(
        record: &Record,
        request: &providers::Request,
        scope: Scope,
        agents: usize,
    ) -> Result<(Work, Way, Option<Back>, Option<Keeper>), BadRequest> {
        let way = Way::between(request.api, Api::Chat).expect("every API is translated to chat completions");
        let limit = record.shared.gateway.listeners[record.listener].max_request_body_size;
        let terms = attempts::terms(record, &request.facts.model);
        let prepared = record.shared.conversations.prepare(scope, request, way, terms, limit)?;
        let sent = prepared.sent;
        let tree = (agents > 1).then(|| serde_json::from_slice(&sent.body)).transpose()?;
        let work = Work { body: sent.body, tree };
        Ok((work, way, sent.back, prepared.keeper))
    }

    /// What the next agent is asked.
    fn request(&mut self, stream: bool) -> Result<providers::Request, BadRequest> {
        if let Some(tree) = &mut self.tree {
            tree.insert("stream".to_owned(), stream.into());
            if !stream {
                tree.remove("stream_options");
            }
            self.body = serde_json::to_vec(tree)?.into();
        }
        providers::read_request(Api::Chat, &self.body)
    }

    /// Hands an agent's answer on: before the user's last message, so that what is wanted still comes last; behind what else may end
    /// a conversation, such as a tool's result, whose call must stand right before it.
    fn hand_on(&mut self, agent: &str, said: &str) {
        let messages = self
            .tree
            .as_mut()
            .and_then(|tree| tree.get_mut("messages")?.as_array_mut());
        if let Some(messages) = messages {
            let is_users = |message: &Value| message.get("role").and_then(Value::as_str) == Some("user");
            let at = messages.len() - usize::from(messages.last().is_some_and(is_users));
            messages.insert(at, json!({"role": "assistant", "name": agent, "content": said}));
        }
    }
}
