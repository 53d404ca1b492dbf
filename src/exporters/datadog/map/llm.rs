//! Names for the spans of models, agents and tools, and of our gateway. Datadog's own rules know none of them: a model's call is `Internal` or
//! `http.client.request` with the resource `POST` there, which nobody finds. Whatever a span says of its own operation and resource wins.

use super::{
    attributes::{Attributes, Facts},
    normalize::{RESOURCE_LIMIT, start_of},
};
use crate::otlp::{
    SpanRef,
    keys::{self, datadog as dd},
};

/// An operation and a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::exporters::datadog) struct Names {
    /// The same for all spans of a kind: `llm.chat`, `tool.execute`.
    pub(in crate::exporters::datadog) operation: String,
    /// What of it: a model, a tool.
    pub(in crate::exporters::datadog) resource: String,
}

/// Model names, the one that was asked for before the one that answered: the latter has a date in it.
const MODELS: [&str; 6] = [
    keys::GEN_AI_REQUEST_MODEL,
    keys::LLM_MODEL,
    keys::LLM_MODEL_NAME,
    keys::GEN_AI_RESPONSE_MODEL,
    keys::LLM_RESPONSE_MODEL_NAME,
    keys::AI_RESPONSE_MODEL,
];
const TOOLS: [&str; 3] = [dd::GEN_AI_TOOL_NAME, dd::TOOL_NAME, dd::TRACELOOP_ENTITY_NAME];
const AGENTS: [&str; 3] = [dd::GEN_AI_AGENT_NAME, keys::AGENT_ID, dd::TRACELOOP_ENTITY_NAME];

/// Names for that span; `None` where it is no such span.
pub(in crate::exporters::datadog) fn names(facts: Facts<'_, '_>, span: &SpanRef<'_>) -> Option<Names> {
    let attributes = facts.span;
    let found = gateway(facts, span)
        .or_else(|| gen_ai(attributes))
        .or_else(|| openinference(attributes, span))
        .or_else(|| openllmetry(attributes, span))
        .or_else(|| vercel(attributes, span))?;
    let explicit = |key| Some(facts.text(&[key])).filter(|text| !text.is_empty());
    let flag = if span.name().ends_with(keys::FLAG_SUFFIX) {
        keys::FLAG_SUFFIX
    } else {
        ""
    };
    let resource = match explicit(dd::RESOURCE_NAME) {
        Some(resource) => start_of(resource, RESOURCE_LIMIT).to_owned(),
        None => {
            let plain = found.resource.trim_end_matches(keys::FLAG_SUFFIX);
            format!("{}{flag}", start_of(plain, RESOURCE_LIMIT - keys::FLAG_SUFFIX.len()))
        }
    };
    Some(Names {
        operation: explicit(dd::OPERATION_NAME).map_or(found.operation, str::to_owned),
        resource,
    })
}

fn first<'a>(attributes: &Attributes<'a>, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| attributes.text(key))
}

fn new(operation: impl Into<String>, resource: &str) -> Option<Names> {
    Some(Names {
        operation: operation.into(),
        resource: resource.to_owned(),
    })
}

/// Spans of the gateway, by their service, except for the calls of models, which are as everywhere.
fn gateway(facts: Facts<'_, '_>, span: &SpanRef<'_>) -> Option<Names> {
    let kind = facts
        .resource
        .text(keys::SERVICE_NAME)?
        .strip_prefix("plano(")?
        .strip_suffix(')')?;
    let of = |keys: &[&str]| first(facts.span, keys).unwrap_or(span.name());
    let resource = match kind {
        "inbound" | "orchestrator" | "handoff" => span.name().to_owned(),
        "routing" => match (
            first(facts.span, &[keys::ROUTING_STRATEGY]),
            first(facts.span, &[keys::ROUTE_SELECTED_MODEL]),
        ) {
            (Some(strategy), Some(model)) => format!("{strategy} {model}"),
            _ => span.name().to_owned(),
        },
        "filter" => of(&[keys::FILTER_NAME]).to_owned(),
        "agent" => of(&[keys::AGENT_ID]).to_owned(),
        _ => return None,
    };
    new(format!("plano.{kind}"), &resource)
}

/// OTel's conventions for generative AI, and the gateway's calls of models.
fn gen_ai(attributes: &Attributes<'_>) -> Option<Names> {
    let work = first(attributes, &[keys::GEN_AI_OPERATION_NAME, keys::LLM_OPERATION_TYPE])?;
    let (operation, object) = match work {
        "create_agent" => ("agent.create", first(attributes, &AGENTS)),
        "execute_tool" => ("tool.execute", first(attributes, &TOOLS)),
        "invoke_agent" => ("agent.invoke", first(attributes, &AGENTS)),
        other => return new(format!("llm.{other}"), &with(other, first(attributes, &MODELS))),
    };
    new(operation, &with(work, object))
}

fn with(work: &str, object: Option<&str>) -> String {
    object.map_or_else(|| work.to_owned(), |object| format!("{work} {object}"))
}

fn openinference(attributes: &Attributes<'_>, span: &SpanRef<'_>) -> Option<Names> {
    let kind = attributes.text(keys::OPENINFERENCE_SPAN_KIND)?;
    let name = span.name();
    match kind.to_ascii_uppercase().as_str() {
        "LLM" => new("llm.chat", &with("chat", first(attributes, &MODELS))),
        "EMBEDDING" => new("llm.embeddings", &with("embeddings", first(attributes, &MODELS))),
        "AGENT" => new(
            "agent.invoke",
            &with("invoke_agent", first(attributes, &AGENTS).or(Some(name))),
        ),
        "TOOL" => new(
            "tool.execute",
            &with("execute_tool", first(attributes, &TOOLS).or(Some(name))),
        ),
        "CHAIN" => new("chain.run", name),
        "RETRIEVER" => new("retriever.retrieve", name),
        "RERANKER" => new("reranker.rerank", name),
        "GUARDRAIL" => new("guardrail.check", name),
        "EVALUATOR" => new("evaluator.evaluate", name),
        "PROMPT" => new("prompt.render", name),
        _ => None,
    }
}

fn openllmetry(attributes: &Attributes<'_>, span: &SpanRef<'_>) -> Option<Names> {
    if let Some(request) = attributes.text(keys::LLM_REQUEST_TYPE) {
        let work = match request {
            "completion" => "text_completion",
            "embedding" => "embeddings",
            "chat" | "rerank" => request,
            _ => return None,
        };
        return new(format!("llm.{work}"), &with(work, first(attributes, &MODELS)));
    }
    let name = first(attributes, &[dd::TRACELOOP_ENTITY_NAME]).unwrap_or(span.name());
    match attributes.text(keys::TRACELOOP_SPAN_KIND)? {
        "workflow" => new("workflow.run", name),
        "task" => new("task.run", name),
        "agent" => new("agent.invoke", &with("invoke_agent", Some(name))),
        "tool" => new("tool.execute", &with("execute_tool", Some(name))),
        _ => None,
    }
}

fn vercel(attributes: &Attributes<'_>, span: &SpanRef<'_>) -> Option<Names> {
    let function = attributes.text(keys::AI_OPERATION_ID)?;
    match function {
        "ai.toolCall" => new("tool.execute", span.name()),
        other => new(other, &with(other, first(attributes, &MODELS))),
    }
}

#[cfg(test)]
mod tests;
