//! Which attributes of a span are shown, and in what order: errors first, then what the component is about. Compact
//! unless asked otherwise; message contents only when asked for.

use super::{
    facts::{self, Role},
    model::{Attribute, Span, Value},
    render::Detail,
};

/// One attribute to be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown<'a> {
    /// Key.
    pub key: &'a str,
    /// Value.
    pub value: &'a Value,
    /// Whether it tells of a failure.
    pub is_error: bool,
}

/// Attributes of other services that are shown in the compact form.
const MOST_OF_OTHERS: usize = 12;

const REQUEST: &[&str] = &[
    "http.method",
    "http.target",
    "upstream.url",
    "http.status_code",
    "request_size",
    "response_size",
    "guid:x-request-id",
];
const LLM: &[&str] = &[
    "llm.model",
    "llm.provider",
    "llm.usage.prompt_tokens",
    "llm.usage.completion_tokens",
    "llm.usage.total_tokens",
    "llm.time_to_first_token",
    "llm.duration_ms",
    "llm.response.finish_reason",
];
const SIGNALS: &[&str] = &[
    "signals.quality",
    "signals.turn_count",
    "signals.efficiency_score",
    "signals.frustration.severity",
    "signals.repetition.count",
    "signals.repair.count",
    "signals.escalation.requested",
];
const ORCHESTRATOR: &[&str] = &[
    "selection.agents",
    "selection.agent_count",
    "selection.reason",
    "selection.determination_ms",
    "llm.model",
];
const ROUTING: &[&str] = &[
    "routing.strategy",
    "route.selected_model",
    "routing.upstream_endpoint",
    "routing.determination_ms",
    "routing.is_fallback",
    "routing.selection_reason",
];
const AGENT: &[&str] = &[
    "agent_id",
    "agent.sequence",
    "agent.tools",
    "agent.steps",
    "message_count",
    "http.status_code",
];
const FILTER: &[&str] = &[
    "filter.name",
    "filter.type",
    "filter.direction",
    "filter.outcome",
    "http.status_code",
];

/// Starts of keys that the compact form leaves out of other services' spans: contents of messages, and what only
/// describes the emitter.
const NOISE: &[&str] = &[
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.tool.definitions",
    "llm.input_messages",
    "llm.output_messages",
    "input.",
    "output.",
    "telemetry.",
    "thread.",
    "code.",
];

fn keys_of(role: Role) -> [&'static [&'static str]; 2] {
    match role {
        Role::Inbound | Role::Handoff => [REQUEST, &[]],
        Role::Orchestrator => [ORCHESTRATOR, &[]],
        Role::Routing => [ROUTING, &[]],
        Role::Agent => [AGENT, SIGNALS],
        Role::Filter => [FILTER, &[]],
        Role::Llm => [LLM, SIGNALS],
        Role::Other => [LLM, SIGNALS],
    }
}

/// What is shown of a span.
pub fn shown(span: &Span, detail: Detail) -> Vec<Shown<'_>> {
    let role = Role::of(&span.service);
    let [first, second] = keys_of(role);
    let rank = |key: &str| first.iter().chain(second).position(|known| *known == key);
    let mut list: Vec<(usize, Shown<'_>)> = span
        .attributes
        .iter()
        .map(|Attribute { key, value }| {
            let is_error = facts::is_error_key(key, value);
            let shown = Shown { key, value, is_error };
            (rank(key).unwrap_or(usize::MAX), shown)
        })
        .collect();
    if detail == Detail::Compact {
        let known = |rank: usize| rank < usize::MAX;
        let quiet = |key: &str| NOISE.iter().any(|start| key.starts_with(start));
        list.retain(|(rank, shown)| {
            shown.is_error || known(*rank) || (role == Role::Other && !quiet(shown.key) && short(shown.value))
        });
    }
    list.sort_by(|(a, x), (b, y)| (!x.is_error, a, x.key).cmp(&(!y.is_error, b, y.key)));
    if detail == Detail::Compact && role == Role::Other {
        let errors = list.iter().filter(|(_, shown)| shown.is_error).count();
        list.truncate(MOST_OF_OTHERS.max(errors));
    }
    list.into_iter().map(|(_, shown)| shown).collect()
}

/// What fits a line. Long texts are contents.
fn short(value: &Value) -> bool {
    match value {
        Value::Str(text) => text.len() <= 200,
        Value::Array(values) => values.len() <= 8,
        Value::KvList(_) | Value::Bytes(_) | Value::Empty => false,
        Value::Bool(_) | Value::Int(_) | Value::Double(_) => true,
    }
}
