//! `plano(orchestrator)`: from a request to the agents that shall answer it.

use std::time::Duration;

use super::draft::{Draft, Kind};
use super::{Common, Component, Place};
use crate::otlp::keys;

/// What is known of a choice of agents.
#[derive(Debug, Clone, Copy, Default)]
pub struct Orchestrator<'a> {
    /// Name of the listener.
    pub listener: &'a str,
    /// Names of the agents, the first to work first.
    pub agents: &'a [&'a str],
    /// How long it took.
    pub determination: Duration,
    /// Why these.
    pub reason: &'a str,
    /// The model that was asked; none where nobody was.
    pub model: Option<&'a str>,
}

impl Orchestrator<'_> {
    pub(super) fn draft(&self, common: &Common, place: Place) -> Draft {
        let agents = self.agents.join(",");
        Draft::new(common, place, Kind::Internal, self.listener)
            .text(keys::COMPONENT, Component::Orchestrator.service_name())
            .text(keys::SELECTION_LISTENER, self.listener)
            .text(keys::SELECTION_AGENTS, agents.as_str())
            .int(keys::SELECTION_AGENT_COUNT, self.agents.len() as i64)
            .double(
                keys::SELECTION_DETERMINATION_MS,
                self.determination.as_nanos() as f64 / 1e6,
            )
            .text(keys::SELECTION_REASON, self.reason)
            .text(keys::LLM_MODEL, self.model)
    }
}
