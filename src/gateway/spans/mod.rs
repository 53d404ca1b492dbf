//! The spans of one request: facts in, OTLP out. One file per kind of span; what all kinds share is here. Pure: times and ids are
//! arguments. Keys are unique on every span, absent facts are left out, and credentials never get here.

mod agent;
mod custom;
mod draft;
mod failure;
mod filter;
mod handoff;
mod inbound;
mod llm;
mod orchestrator;
mod routing;
mod url;

pub use agent::Agent;
pub use custom::{FORBIDDEN_HEADERS, custom_attributes, is_forbidden_header};
pub use failure::{ErrorType, Failure};
pub use filter::{Direction, Filter, FilterOutcome};
pub use handoff::Handoff;
pub use inbound::{Auth, Inbound, Validation};
pub use llm::{Llm, Preview};
pub use orchestrator::Orchestrator;
pub use routing::{Routing, Strategy};

use crate::otlp::{BatchHead, SpanId, TraceBatch, TraceId, Value, keys};

use draft::Draft;

/// Version of the program: of the scope, of the service and of the library that makes the spans.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A part of the gateway, which is a service of its own in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    /// Takes the client's request.
    Inbound,
    /// Chooses the agents.
    Orchestrator,
    /// Looks at a request or an answer.
    Filter,
    /// Has an agent do its part.
    Agent,
    /// Chooses the model.
    Routing,
    /// Calls the model.
    Llm,
    /// Makes one attempt at an upstream.
    Handoff,
}

impl Component {
    /// All of them, in the order of their resources in a batch.
    pub const ALL: [Component; 7] = [
        Component::Inbound,
        Component::Orchestrator,
        Component::Filter,
        Component::Agent,
        Component::Routing,
        Component::Llm,
        Component::Handoff,
    ];

    /// Its `service.name`.
    pub fn service_name(self) -> &'static str {
        match self {
            Component::Inbound => "plano(inbound)",
            Component::Orchestrator => "plano(orchestrator)",
            Component::Filter => "plano(filter)",
            Component::Agent => "plano(agent)",
            Component::Routing => "plano(routing)",
            Component::Llm => "plano(llm)",
            Component::Handoff => "plano(handoff)",
        }
    }
}

/// Who emits the spans: the same for every request of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Emitter {
    /// `service.instance.id`.
    pub instance_id: String,
    /// `host.name`; left out where empty.
    pub host_name: String,
}

/// What every span of one request has in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Common {
    /// The trace; never zero.
    pub trace_id: TraceId,
    /// `tracestate` as it is forwarded; empty where there is none.
    pub trace_state: String,
    /// The flags of `traceparent`: sampled, random.
    pub trace_flags: u8,
    /// `request_id`.
    pub request_id: String,
    /// `plano.session_id`.
    pub session_id: Option<String>,
    /// What [`custom_attributes`] made of headers and config. A span's own attributes beat them.
    pub custom: Vec<(String, String)>,
}

/// Where a span stands: in the tree and in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// Its id; never zero.
    pub span_id: SpanId,
    /// Its parent. The parent of an inbound span is the client's span.
    pub parent: Option<SpanId>,
    /// Start, nanoseconds since the Unix epoch.
    pub start_unix_nano: u64,
    /// End, nanoseconds since the Unix epoch. An end before the start counts as the start.
    pub end_unix_nano: u64,
}

impl Place {
    /// Milliseconds from the start to that time, rounded down; 0 where it lies before.
    fn millis_to(&self, unix_nano: u64) -> i64 {
        draft::signed(unix_nano.saturating_sub(self.start_unix_nano) / 1_000_000)
    }
}

/// The spans of one request, in the order in which they ended.
#[derive(Debug, Clone)]
pub struct Trace {
    common: Common,
    spans: Vec<(Component, Draft)>,
}

impl Trace {
    /// A trace without spans.
    pub fn new(common: Common) -> Trace {
        Trace {
            common,
            spans: Vec::with_capacity(4),
        }
    }

    /// Adds the span of a client's request.
    pub fn inbound(&mut self, place: Place, facts: &Inbound<'_>) {
        let draft = facts.draft(&self.common, place);
        self.spans.push((Component::Inbound, draft));
    }

    /// Adds the span of a filter's look.
    pub fn filter(&mut self, place: Place, facts: &Filter<'_>) {
        let draft = facts.draft(&self.common, place);
        self.spans.push((Component::Filter, draft));
    }

    /// Adds the span of a choice of agents.
    pub fn orchestrator(&mut self, place: Place, facts: &Orchestrator<'_>) {
        let draft = facts.draft(&self.common, place);
        self.spans.push((Component::Orchestrator, draft));
    }

    /// Adds the span of an agent's part.
    pub fn agent(&mut self, place: Place, facts: &Agent<'_>) {
        let draft = facts.draft(&self.common, place);
        self.spans.push((Component::Agent, draft));
    }

    /// Adds the span of a choice of a model.
    pub fn routing(&mut self, place: Place, facts: &Routing<'_>) {
        let draft = facts.draft(&self.common, place);
        self.spans.push((Component::Routing, draft));
    }

    /// Adds the span of a model call, with the conversation on it.
    pub fn llm(&mut self, place: Place, facts: &Llm<'_>) {
        let draft = facts.draft(&self.common, place);
        self.spans.push((Component::Llm, draft));
    }

    /// Adds the span of one attempt at an upstream.
    pub fn handoff(&mut self, place: Place, facts: &Handoff<'_>) {
        let draft = facts.draft(&self.common, place);
        self.spans.push((Component::Handoff, draft));
    }

    /// One batch with a resource for each component that has spans.
    pub fn into_batch(self, resources: &Resources) -> TraceBatch {
        let Trace { common, mut spans } = self;
        let mut batch = TraceBatch::default();
        for (component, head) in Component::ALL.into_iter().zip(&resources.0) {
            let own = spans.extract_if(.., |(other, _)| *other == component);
            batch.append(head.batch(own.map(|(_, draft)| draft.finish(&common, component))));
        }
        batch
    }
}

/// The resources of all components with the gateway's scope, encoded once for all requests.
#[derive(Debug, Clone)]
pub struct Resources([BatchHead; Component::ALL.len()]);

impl Emitter {
    /// The resources of its components.
    pub fn resources(&self) -> Resources {
        Resources(Component::ALL.map(|component| BatchHead::new(&self.resource(component), ("plano", VERSION))))
    }

    fn resource(&self, component: Component) -> Vec<(&'static str, Value<'_>)> {
        let all = [
            (keys::SERVICE_NAME, component.service_name()),
            (keys::SERVICE_INSTANCE_ID, &self.instance_id),
            (keys::SERVICE_VERSION, VERSION),
            (keys::HOST_NAME, &self.host_name),
            (keys::TELEMETRY_SDK_NAME, "plano"),
            (keys::TELEMETRY_SDK_LANGUAGE, "rust"),
            (keys::TELEMETRY_SDK_VERSION, VERSION),
        ];
        let present = all.into_iter().filter(|(_, value)| !value.is_empty());
        present.map(|(key, value)| (key, Value::Str(value))).collect()
    }
}

#[cfg(test)]
mod tests;
