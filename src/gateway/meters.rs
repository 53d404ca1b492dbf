//! The gateway's own metrics. Handles are made once, when the ports are taken; label values come from the config and from our
//! own lists, never from a client.

use std::collections::HashMap;

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::{
    config::Gateway,
    record::{Attempt, Call, Fault, Record},
    spans::Strategy,
};

/// Methods that are told apart.
const METHODS: [&str; 3] = ["GET", "POST", "other"];
/// Classes of a status; the last one is for requests without an answer.
const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];
/// How an attempt at a provider may end: class of the status, and class of the error.
const OUTCOMES: [(&str, &str); 17] = [
    ("1xx", "invalid_response"),
    ("2xx", "none"),
    ("2xx", "client_cancelled"),
    ("2xx", "invalid_response"),
    ("2xx", "rate_limited"),
    ("2xx", "stream_interrupted"),
    ("2xx", "timeout"),
    ("2xx", "upstream_4xx"),
    ("2xx", "upstream_5xx"),
    ("3xx", "invalid_response"),
    ("4xx", "rate_limited"),
    ("4xx", "upstream_4xx"),
    ("5xx", "upstream_5xx"),
    ("none", "client_cancelled"),
    ("none", "connect"),
    ("none", "invalid_response"),
    ("none", "timeout"),
];
/// Kinds of tokens.
const TOKENS: [&str; 2] = ["prompt", "completion"];

/// Gives every metric its help text.
fn describe() {
    describe_counter!(
        "plano_http_requests_total",
        "Requests of clients, by listener, method and class of status."
    );
    describe_histogram!(
        "plano_http_request_duration_seconds",
        "Time from a request's first byte to its answer's last."
    );
    describe_gauge!("plano_http_in_flight_requests", "Requests that are being answered.");
    describe_counter!(
        "plano_llm_upstream_requests_total",
        "Attempts at providers, by class of status and of error."
    );
    describe_histogram!(
        "plano_llm_upstream_duration_seconds",
        "Time that attempts at providers took."
    );
    describe_histogram!(
        "plano_llm_time_to_first_token_seconds",
        "Time to the first token of a streamed reply."
    );
    describe_counter!("plano_llm_tokens_total", "Tokens that providers counted, by kind.");
    describe_counter!(
        "plano_llm_usage_missing_total",
        "Replies whose provider did not count tokens."
    );
    describe_counter!(
        "plano_agent_requests_total",
        "Requests to agents, by class of the last attempt's status."
    );
    describe_counter!(
        "plano_router_decisions_total",
        "Models that were chosen, by strategy, and whether they were not the first choice."
    );
}

/// Every handle.
pub(super) struct Meters {
    listeners: Vec<Client>,
    /// By the provider's id in the config.
    providers: HashMap<String, Provider>,
    usage_missing: Counter,
    /// By agent, then by class of status.
    agents: Vec<[Counter; CLASSES.len()]>,
}

struct Client {
    requests: [[Counter; CLASSES.len()]; METHODS.len()],
    duration: Histogram,
    in_flight: Gauge,
}

struct Provider {
    requests: [Counter; OUTCOMES.len()],
    duration: Histogram,
    first_token: Histogram,
    tokens: [Counter; TOKENS.len()],
    /// By strategy, and by whether it is a fallback.
    decisions: [[Counter; 2]; Strategy::ALL.len()],
}

impl Client {
    fn new(name: &str) -> Client {
        let name = name.to_owned();
        Client {
            requests: METHODS.map(|method| {
                CLASSES.map(|class| {
                    counter!("plano_http_requests_total", "listener" => name.clone(), "method" => method, "status_class" => class)
                })
            }),
            duration: histogram!("plano_http_request_duration_seconds", "listener" => name.clone()),
            in_flight: gauge!("plano_http_in_flight_requests", "listener" => name.clone()),
        }
    }
}

impl Meters {
    /// Registers the metrics with the current recorder.
    pub(super) fn new(gateway: &Gateway) -> Meters {
        describe();
        let provider = |provider: &super::config::Provider| {
            let labels = [
                ("provider", provider.name.clone()),
                ("model", provider.model.clone().unwrap_or_else(|| "*".to_owned())),
            ];
            let with = |more: &[(&'static str, &'static str)]| {
                let more = more.iter().map(|&(name, value)| (name, value.to_owned()));
                labels.iter().cloned().chain(more).collect::<Vec<_>>()
            };
            let handles = Provider {
                requests: OUTCOMES.map(|(class, error)| {
                    counter!(
                        "plano_llm_upstream_requests_total",
                        &with(&[("status_class", class), ("error_class", error)])
                    )
                }),
                duration: histogram!("plano_llm_upstream_duration_seconds", &with(&[])),
                first_token: histogram!("plano_llm_time_to_first_token_seconds", &with(&[])),
                tokens: TOKENS.map(|kind| counter!("plano_llm_tokens_total", &with(&[("kind", kind)]))),
                decisions: Strategy::ALL.map(|strategy| {
                    ["false", "true"].map(|fallback| {
                        let labels = [
                            ("strategy", strategy.as_str().to_owned()),
                            ("model", provider.id()),
                            ("fallback", fallback.to_owned()),
                        ];
                        counter!("plano_router_decisions_total", &labels)
                    })
                }),
            };
            (provider.id(), handles)
        };
        Meters {
            listeners: gateway
                .listeners
                .iter()
                .map(|listener| Client::new(&listener.name))
                .collect(),
            providers: gateway.models.providers.iter().map(provider).collect(),
            usage_missing: counter!("plano_llm_usage_missing_total"),
            agents: gateway
                .agents
                .iter()
                .map(|agent| {
                    CLASSES.map(|class| {
                        counter!("plano_agent_requests_total", "agent" => agent.id.clone(), "status_class" => class)
                    })
                })
                .collect(),
        }
    }

    /// Counts a request that begins.
    pub(super) fn begin(&self, listener: usize) {
        self.listeners[listener].in_flight.increment(1.0);
    }

    /// Counts a request that has ended at that time.
    pub(super) fn count(&self, record: &Record, listener: usize, end: u64) {
        let client = &self.listeners[listener];
        client.in_flight.decrement(1.0);
        let method = METHODS.iter().position(|method| *method == record.client.method);
        client.requests[method.unwrap_or(METHODS.len() - 1)][class(record.status)].increment(1);
        client.duration.record(record.clock.begun().elapsed());
        for call in &record.calls {
            self.call(call, record.fault_of(call), end);
        }
        if let Some(call) = &record.call {
            self.call(call, record.fault_of(call), end);
        }
        if let Some(choice) = &record.choice
            && let Some(provider) = choice
                .selected
                .as_ref()
                .and_then(|model| self.providers.get(&model.provider_id))
        {
            provider.decisions[choice.strategy as usize][usize::from(choice.is_fallback)].increment(1);
        }
    }

    fn call(&self, call: &Call, fault: Option<&Fault>, end: u64) {
        if let Some(part) = &call.part {
            let status = call.attempts.last().and_then(|attempt| attempt.status);
            self.agents[part.agent][class(status)].increment(1);
            return;
        }
        for (number, attempt) in call.attempts.iter().enumerate() {
            let last = number + 1 == call.attempts.len();
            let Some(provider) = self.providers.get(&attempt.callee.provider_id) else {
                continue;
            };
            let fault = attempt.fault.as_ref().or(fault.filter(|_| last));
            let error = fault.map_or("none", |fault| fault.kind.as_str());
            let outcome = (CLASSES[class(attempt.status)], error);
            if let Some(index) = OUTCOMES.iter().position(|known| *known == outcome) {
                provider.requests[index].increment(1);
            }
            provider.duration.record(seconds(attempt, end));
        }
        let last = call.attempts.last();
        let Some(provider) = last.and_then(|last| self.providers.get(&last.callee.provider_id)) else {
            return;
        };
        if let Some(first) = call.first_token {
            provider
                .first_token
                .record(first.saturating_sub(call.start) as f64 / 1e9);
        }
        let Some(reply) = &call.reply else { return };
        let usage = [reply.usage.prompt, reply.usage.completion];
        if usage == [None, None] {
            self.usage_missing.increment(1);
        }
        for (counter, tokens) in provider.tokens.iter().zip(usage) {
            counter.increment(tokens.and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or(0));
        }
    }
}

fn seconds(attempt: &Attempt, end: u64) -> f64 {
    attempt.end.unwrap_or(end).saturating_sub(attempt.start) as f64 / 1e9
}

fn class(status: Option<u16>) -> usize {
    let class = status
        .map(|status| usize::from(status / 100))
        .filter(|class| (1..=5).contains(class));
    class.map_or(CLASSES.len() - 1, |class| class - 1)
}
