//! What the format of the config has and this version does not serve yet: read, so that misspelt keys are found, and refused
//! with its path. When one of these is served, its struct moves to `written.rs` and its line here goes.

use serde::Deserialize;

use super::written::{File, Kind, Listener};
use crate::values::Fault;

/// One of `agents`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Agent {
    /// Its name.
    pub(super) id: String,
    /// Where it is.
    pub(super) url: String,
}

/// One of `agents` of a listener.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListenerAgent {
    /// Name of one of `agents`.
    pub(super) id: String,
    /// What it is good for, in words for a model.
    pub(super) description: String,
    /// Whether it is asked where no other is chosen. false.
    pub(super) default: bool,
    /// Ids of filters before it.
    pub(super) input_filters: Vec<String>,
}

/// How one of several targets is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Strategy {
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
    /// Which model comes first.
    pub(super) prefer: Option<Prefer>,
}

/// One of `routing_preferences`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Preference {
    /// Its name.
    pub(super) name: String,
    /// What kind of request it is for, in words for a model.
    pub(super) description: String,
    /// Models that are good for it.
    pub(super) models: Vec<String>,
    /// How they are ranked.
    pub(super) selection_policy: SelectionPolicy,
}

/// One of `ratelimits`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RateLimit {
    /// The model that is limited.
    pub(super) model: String,
    /// Whose requests are counted together.
    pub(super) selector: Selector,
    /// How much is allowed.
    pub(super) limit: Limit,
}

/// `selector` of a rate limit: a request header.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Selector {
    /// Name of the header.
    pub(super) key: String,
    /// Its value.
    pub(super) value: String,
}

/// `limit` of a rate limit.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limit {
    /// Number of tokens.
    pub(super) tokens: u64,
    /// In how long a time: second, minute, hour.
    pub(super) unit: String,
}

/// One fault for each thing that is written and not served yet.
#[expect(
    clippy::too_many_lines,
    reason = "one entry for each section; it shrinks as they come"
)]
pub(super) fn refuse(file: &File) -> Vec<Fault> {
    let mut faults = Vec::new();
    let refuse = |faults: &mut Vec<Fault>, written: bool, path: String, what: &str| {
        if written {
            let reason = format!("{what} not available yet in this version; remove it");
            faults.push(Fault::at(path, reason));
        }
    };
    for (index, listener) in file.listeners.iter().enumerate() {
        if listener.r#type == Some(Kind::Model) {
            for (key, written, what) in of_a_listener(listener) {
                refuse(&mut faults, written, format!("listeners::{index}::{key}"), what);
            }
        }
    }
    for (index, provider) in file.model_providers.iter().enumerate() {
        let path = format!("model_providers::{index}::routing_preferences");
        refuse(
            &mut faults,
            !provider.routing_preferences.is_empty(),
            path,
            "routing by preference is",
        );
    }
    for (name, alias) in &file.model_aliases {
        let Some(alias) = alias else { continue };
        let path = format!("model_aliases::{name}");
        if !alias.targets.is_empty() {
            let reason = "several targets are not available yet in this version; write one as target";
            faults.push(Fault::at(format!("{path}::targets"), reason));
        }
        refuse(
            &mut faults,
            alias.strategy.is_some(),
            format!("{path}::strategy"),
            "strategies are",
        );
    }
    refuse(&mut faults, !file.agents.is_empty(), "agents".to_owned(), "agents are");
    let preferences = !file.routing_preferences.is_empty();
    refuse(
        &mut faults,
        preferences,
        "routing_preferences".to_owned(),
        "routing by preference is",
    );
    refuse(
        &mut faults,
        !file.ratelimits.is_empty(),
        "ratelimits".to_owned(),
        "rate limits are",
    );
    let agents = file.listeners.iter().enumerate();
    for (index, _) in agents.filter(|(_, listener)| listener.r#type == Some(Kind::Agent)) {
        let reason = "listeners of type agent are not available yet in this version; remove the listener";
        faults.push(Fault::at(format!("listeners::{index}::type"), reason));
    }
    faults
}

fn of_a_listener(listener: &Listener) -> [(&'static str, bool, &'static str); 2] {
    [
        ("router", !listener.router.is_empty(), "agents are"),
        ("agents", !listener.agents.is_empty(), "agents are"),
    ]
}

/// One line for each setting that is taken and has no effect yet.
pub(super) fn idle(file: &File) -> Vec<String> {
    let settings = [
        ("agent_orchestration_model", &file.overrides.agent_orchestration_model),
        ("llm_routing_model", &file.overrides.llm_routing_model),
    ];
    let written = settings.iter().filter(|(_, model)| !model.is_empty());
    written
        .map(|(key, _)| format!("overrides.{key}: has no effect yet in this version"))
        .collect()
}
