//! The config file as users write it: plain structs, unknown keys refused, defaults beside the fields. What is not served yet
//! is in `later.rs`.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::{
    filters,
    forms::{self, Opens, Receiver},
    later::{Agent, ListenerAgent, Preference, RateLimit, Strategy},
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
    pub(super) ratelimits: Vec<RateLimit>,
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
    /// Model that chooses among agents. Not served yet.
    pub(super) router: String,
    /// Agents of the listener. Not served yet.
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
    /// Whether this model is asked where a request names none. false.
    pub(super) default: bool,
    /// What the model is good for, in the older form. Not served yet.
    pub(super) routing_preferences: Vec<Preference>,
}

/// One of `model_aliases`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Alias {
    /// The model that is meant.
    pub(super) target: String,
    /// Models of which one is picked. Not served yet.
    pub(super) targets: Vec<String>,
    /// How it is picked. Not served yet.
    pub(super) strategy: Option<Strategy>,
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
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Overrides {
    /// Whether conversations are not looked at. false.
    pub(super) disable_signals: bool,
    /// Model that chooses among agents. No effect yet.
    pub(super) agent_orchestration_model: String,
    /// Model that chooses among models. No effect yet.
    pub(super) llm_routing_model: String,
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
