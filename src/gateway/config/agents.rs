//! Agents and the listeners that hand requests to them, checked.

use http::Uri;

use super::{
    filters,
    resolve::{Models, Target},
    routes::chooser,
    upstream,
    written::{self, File, Kind},
};
use crate::values::{Fault, suggest};

/// What the reference calls its orchestrator: the model that `overrides.agent_orchestration_model` names.
const ORCHESTRATOR: &str = "plano_orchestrator_v1";
/// Where an agent takes requests, below its URL.
const PATH: &str = "/v1/chat/completions";

/// Somebody who answers chat completions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub id: String,
    /// Where requests go.
    pub url: Uri,
}

/// The agents of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agents {
    /// In the order of the file; at least one.
    pub list: Vec<Candidate>,
    /// Who is asked which of them are needed, the first first; nobody where there is one agent.
    pub orchestrator: Vec<Target>,
}

/// An agent that a listener may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its index.
    pub agent: usize,
    /// What it is good for, in words for a model.
    pub description: String,
    /// Filters of its requests, in order: indices into [`Gateway::filters`](super::Gateway::filters).
    pub input_filters: Vec<usize>,
}

impl Agents {
    /// Checks `agents` of the listeners; by listener, none for those of models. The default agent comes first.
    pub(super) fn check(
        file: &File,
        agents: &[Agent],
        models: &Models,
        faults: &mut Vec<Fault>,
    ) -> Vec<Option<Agents>> {
        let listeners = file.listeners.iter().enumerate();
        listeners
            .map(|(index, listener)| {
                of_listener(file, listener, &format!("listeners::{index}"), agents, models, faults)
            })
            .collect()
    }
}

/// Checks `agents`.
pub(super) fn check(file: &File, faults: &mut Vec<Fault>) -> Vec<Agent> {
    let mut agents: Vec<Agent> = Vec::new();
    for (index, written) in file.agents.iter().enumerate() {
        let path = format!("agents::{index}");
        if written.id.is_empty() {
            faults.push(Fault::at(format!("{path}::id"), "requires a name"));
        } else if let Some(first) = agents.iter().position(|other| other.id == written.id) {
            let reason = format!("{:?} is the name of agents[{first}]", written.id);
            faults.push(Fault::at(format!("{path}::id"), reason));
        }
        let url = match written.url.reveal() {
            "" => Err("requires where the agent is, such as http://localhost:10510".to_owned()),
            url => upstream::parse(url).and_then(|base| upstream::below(&base, PATH)),
        };
        let url = url.unwrap_or_else(|reason| {
            faults.push(Fault::at(format!("{path}::url"), reason));
            Uri::default()
        });
        agents.push(Agent {
            id: written.id.clone(),
            url,
        });
    }
    agents
}

fn of_listener(
    file: &File,
    listener: &written::Listener,
    path: &str,
    agents: &[Agent],
    models: &Models,
    faults: &mut Vec<Fault>,
) -> Option<Agents> {
    let mut fault = |key: &str, reason: &str| faults.push(Fault::at(format!("{path}::{key}"), reason));
    if listener.r#type != Some(Kind::Agent) {
        for (key, written) in [
            ("agents", !listener.agents.is_empty()),
            ("router", !listener.router.is_empty()),
        ] {
            if written {
                fault(key, "is for listeners of type agent");
            }
        }
        return None;
    }
    if listener.agents.is_empty() {
        fault("agents", "must have at least one agent");
    }
    let list = candidates(file, listener, path, agents, faults);
    let orchestrator = match listener.agents.len() {
        0 | 1 => Vec::new(),
        _ => orchestrator(file, listener, path, models, faults).unwrap_or_default(),
    };
    (!list.is_empty()).then_some(Agents { list, orchestrator })
}

/// The agents that a listener names, the default first.
fn candidates(
    file: &File,
    listener: &written::Listener,
    path: &str,
    agents: &[Agent],
    faults: &mut Vec<Fault>,
) -> Vec<Candidate> {
    let (mut list, mut default): (Vec<Candidate>, Option<usize>) = (Vec::new(), None);
    for (index, written) in listener.agents.iter().enumerate() {
        let at = |key: &str| format!("{path}::agents::{index}::{key}");
        let input_filters = filters::chain(file, &written.input_filters, &at("input_filters"), faults);
        let mut fault = |key: &str, reason: String| faults.push(Fault::at(at(key), reason));
        let Some(agent) = agents.iter().position(|agent| agent.id == written.id) else {
            let hint = suggest::hint(&written.id, agents.iter().map(|agent| agent.id.as_str()));
            fault("id", format!("{:?} is none of agents{hint}", written.id));
            continue;
        };
        if list.iter().any(|other| other.agent == agent) {
            fault("id", format!("{:?} stands twice", written.id));
        }
        if listener.agents.len() > 1 && written.description.is_empty() {
            let reason = "requires what the agent is good for, in words for a model";
            fault("description", reason.to_owned());
        }
        if written.default && default.replace(list.len()).is_some() {
            fault("default", "another agent is the default already".to_owned());
        }
        list.push(Candidate {
            agent,
            description: written.description.clone(),
            input_filters,
        });
    }
    if let Some(default) = default {
        list[..=default].rotate_right(1);
    }
    list
}

/// The model that chooses: what `router` names, else what `overrides` names.
fn orchestrator(
    file: &File,
    listener: &written::Listener,
    path: &str,
    models: &Models,
    faults: &mut Vec<Fault>,
) -> Option<Vec<Target>> {
    let own = Some(listener.router.as_str()).filter(|router| !matches!(*router, "" | ORCHESTRATOR));
    let common = file.overrides.agent_orchestration_model.as_str();
    match own {
        Some(router) => chooser(file, models, router, &format!("{path}::router"), faults),
        None if common.is_empty() => {
            let reason = "requires the model that chooses among the agents of a listener";
            faults.push(Fault::at("overrides::agent_orchestration_model", reason));
            None
        }
        None => chooser(file, models, common, "overrides::agent_orchestration_model", faults),
    }
}
