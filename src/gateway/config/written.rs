//! The config file as users write it: plain structs, unknown keys refused, defaults beside the fields.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::{
    filters,
    forms::{self, Opens, Receiver},
    ratelimits, state_storage,
};
use crate::values::{Endpoint, Secret, duration};

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    /// Version of the format. Any v0.
    pub(super) version: String,
    /// Where clients connect; at least one.
    pub(super) listeners: Vec<Listener>,
    /// Which models are served, by whom; at least one.
    pub(super) model_providers: Vec<ModelProvider>,
    /// Other names for models.
    pub(super) model_aliases: BTreeMap<String, Option<Alias>>,
    /// Where agents are.
    pub(super) agents: Vec<Agent>,
    /// What looks at requests and replies on their way.
    pub(super) filters: Vec<filters::Written>,
    /// Which models are good for what.
    pub(super) routing_preferences: Vec<Preference>,
    /// How many tokens may be used.
    pub(super) ratelimits: Vec<ratelimits::Written>,
    /// Where the conversations behind `previous_response_id` are kept, where a provider keeps none.
    pub(super) state_storage: state_storage::Written,
    /// What is recorded, and where it goes.
    pub(super) tracing: Tracing,
    /// Changes to what the gateway does by itself.
    pub(super) overrides: Overrides,
    /// The gateway's own metrics.
    pub(super) telemetry: Telemetry,
}

/// What a listener serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Model,
    Agent,
}

/// One of `listeners`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Listener {
    /// `model` or `agent`; must be there.
    pub(super) r#type: Option<Kind>,
    /// Its name, on spans and metrics; must be there.
    pub(super) name: String,
    /// Interface. 127.0.0.1.
    pub(super) address: String,
    /// Port, 0 for any free one; must be there.
    pub(super) port: Option<u16>,
    /// Longest time for a request, retries included. 300s.
    #[serde(with = "duration")]
    pub(super) timeout: Duration,
    /// Attempts after the first. 3.
    pub(super) max_retries: u32,
    /// Longest time for one attempt to answer with its head. While other models are left to ask, half of what is left of `timeout`;
    /// else all of it.
    pub(super) attempt_timeout: Option<duration::Span>,
    /// Largest body of a request, in bytes or with a unit. 20MiB.
    #[serde(deserialize_with = "forms::bytes")]
    pub(super) max_request_body_size: usize,
    /// Keys of which a client must have one; text, or `file:PATH` with one a line. None: everybody may ask.
    pub(super) api_keys: Option<Vec<Secret>>,
    /// Percent of new traces that are recorded, 0–100. As in `tracing`.
    pub(super) random_sampling: Option<f64>,
    /// The same, one level deeper.
    pub(super) tracing: ListenerTracing,
    /// Ids of filters before the model, in order. None.
    pub(super) input_filters: Vec<String>,
    /// Ids of filters after the model, in order. None.
    pub(super) output_filters: Vec<String>,
    /// Model that chooses among agents; `plano_orchestrator_v1` is the one of `overrides`. That one.
    pub(super) router: String,
    /// Agents of the listener; at least one where it is of type agent.
    pub(super) agents: Vec<ListenerAgent>,
}

impl Default for Listener {
    fn default() -> Listener {
        Listener {
            r#type: None,
            name: String::new(),
            address: "127.0.0.1".to_owned(),
            port: None,
            timeout: Duration::from_secs(300),
            max_retries: 3,
            attempt_timeout: None,
            max_request_body_size: 20 << 20,
            api_keys: None,
            random_sampling: None,
            tracing: ListenerTracing::default(),
            input_filters: Vec::new(),
            output_filters: Vec::new(),
            router: String::new(),
            agents: Vec::new(),
        }
    }
}

/// `tracing` of a listener.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListenerTracing {
    /// Percent of new traces that are recorded, 0–100. As in `tracing`.
    pub(super) random_sampling: Option<f64>,
}

/// One of `agents`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Agent {
    /// Its name; must be there.
    pub(super) id: String,
    /// Where it is: requests go to `/v1/chat/completions` below it; must be there.
    pub(super) url: Endpoint,
}

/// One of `agents` of a listener.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListenerAgent {
    /// Name of one of `agents`; must be there.
    pub(super) id: String,
    /// What it is good for, in words for a model; must be there where there are several.
    pub(super) description: String,
    /// Whether it is asked where no other is chosen. false.
    pub(super) default: bool,
    /// Ids of filters before it.
    pub(super) input_filters: Vec<String>,
}

/// One of `model_providers`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ModelProvider {
    /// `provider/name`, or `provider/*` for all of its models; must be there.
    pub(super) model: String,
    /// The provider's key; text, or `file:PATH`. None.
    pub(super) access_key: Secret,
    /// Where the provider is. The provider's own.
    pub(super) base_url: Endpoint,
    /// The known provider whose API this one speaks. Its own; openai for custom.
    pub(super) provider_interface: String,
    /// The `Host` header to send. That of the URL.
    pub(super) http_host: String,
    /// Headers to add to every request.
    pub(super) headers: BTreeMap<String, Secret>,
    /// Whether the client's own key is passed on. false.
    pub(super) passthrough_auth: bool,
    /// Whether this model is asked where the routing model finds none; bare names go to its provider's wildcard. false.
    pub(super) default: bool,
    /// What the model is good for, in the older form: the models of a preference are those that name it.
    pub(super) routing_preferences: Vec<Preference>,
}

/// One of `model_aliases`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Alias {
    /// The model that is meant; this or `targets` must be there.
    pub(super) target: String,
    /// Models of which one is picked for each request.
    pub(super) targets: Vec<String>,
    /// How it is picked. round-robin.
    pub(super) strategy: Option<Strategy>,
}

/// How one of several targets is picked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Strategy {
    #[default]
    RoundRobin,
    LeastLatency,
    CostOptimized,
}

/// Which of a preference's models comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Prefer {
    Cheapest,
    Fastest,
    None,
}

/// `selection_policy` of a preference.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SelectionPolicy {
    /// Which model comes first. none: the first.
    pub(super) prefer: Option<Prefer>,
}

/// One of `routing_preferences`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Preference {
    /// Its name; must be there.
    pub(super) name: String,
    /// What kind of request it is for, in words for a model; must be there.
    pub(super) description: String,
    /// Models that are good for it, the best first; must be there, but for the older form below a provider.
    pub(super) models: Vec<String>,
    /// How they are ranked.
    pub(super) selection_policy: SelectionPolicy,
}

/// `tracing`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tracing {
    /// Percent of new traces that are recorded, 0–100. 0 with a config file, 100 without one.
    pub(super) random_sampling: Option<f64>,
    /// Where the built-in pipeline sends traces. See `endpoint` in `tracing.rs`.
    pub(super) opentracing_grpc_endpoint: Endpoint,
    /// A pipeline's config that replaces the built-in one. None.
    pub(super) pipeline: String,
    /// Whether messages stay on the exported spans. false.
    pub(super) capture_content: bool,
    /// Whether the first characters of the user's message stay on them. false.
    pub(super) message_preview: bool,
    /// Request headers on inbound spans. content-type, user-agent, accept.
    pub(super) headers: Option<Vec<String>>,
    /// Where the built-in pipeline takes the agents' own spans. grpc on 127.0.0.1:4327, http on 4328.
    pub(super) receiver: Receiver,
    /// Attributes for every span of the gateway.
    pub(super) span_attributes: SpanAttributes,
}

/// `tracing.receiver`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReceiverPorts {
    /// OTLP over gRPC. 127.0.0.1:4327.
    pub(super) grpc: Opens,
    /// OTLP over HTTP. 127.0.0.1:4328.
    pub(super) http: Opens,
}

impl Default for ReceiverPorts {
    fn default() -> ReceiverPorts {
        ReceiverPorts {
            grpc: Opens::At("127.0.0.1:4327".to_owned()),
            http: Opens::At("127.0.0.1:4328".to_owned()),
        }
    }
}

/// `tracing.span_attributes`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SpanAttributes {
    /// Request headers that become attributes, by how their names begin. None.
    pub(super) header_prefixes: Vec<String>,
    /// Attributes that are always the same. None.
    pub(super) r#static: BTreeMap<String, String>,
}

/// `overrides`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Overrides {
    /// Whether conversations are not looked at. false.
    pub(super) disable_signals: bool,
    /// Model that chooses among the agents of a listener; must be there where one has several.
    pub(super) agent_orchestration_model: String,
    /// Model that chooses among `routing_preferences`; must be there where those are.
    pub(super) llm_routing_model: String,
    /// How long a model that fails three times in a row is left out, doubled each time it goes on failing. 10s.
    #[serde(with = "duration")]
    pub(super) cooling_time: Duration,
    /// How many agents and filters may stand behind each other, calling back here, before a request is refused. 8.
    pub(super) max_agent_depth: u32,
    /// File with prices of models, which replace those that ship or add to them. None.
    pub(super) model_prices: String,
}

impl Default for Overrides {
    fn default() -> Overrides {
        Overrides {
            disable_signals: false,
            agent_orchestration_model: String::new(),
            llm_routing_model: String::new(),
            cooling_time: Duration::from_secs(10),
            max_agent_depth: 8,
            model_prices: String::new(),
        }
    }
}

/// `telemetry`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Telemetry {
    /// Where Prometheus scrapes, or `none`. 127.0.0.1:9464.
    pub(super) metrics_address: Opens,
}

impl Default for Telemetry {
    fn default() -> Telemetry {
        Telemetry {
            metrics_address: Opens::At("127.0.0.1:9464".to_owned()),
        }
    }
}
