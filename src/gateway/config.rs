//! The gateway's config: read into plain structs, checked whole, resolved. Tells every fault at once, one a line, with its path
//! and what would be right; opens no port, and no file but those that `file:` names for keys and the one with prices. Secrets are never printed.
//!
//! ```no_run
//! use plano::{config, gateway};
//! # fn main() -> Result<(), Vec<String>> {
//! let read = config::load_tree("plano_config.yaml", &config::process_env)?;
//! let gateway = gateway::config::check(&read)?;
//! let found = gateway.models.resolve("gpt-4o-mini").map_err(|unknown| vec![unknown.to_string()])?;
//! # Ok(())
//! # }
//! ```

mod agents;
mod filters;
mod forms;
mod headers;
mod keys;
mod listeners;
mod models;
mod providers;
mod ratelimits;
mod resolve;
mod routes;
mod secret;
mod state_storage;
mod tracing;
mod upstream;
mod written;

pub use agents::{Agent, Agents, Candidate};
pub use filters::{Filter, FilterKind, OnFailure, Window};
pub use keys::{FromKeys, from_keys};
pub use listeners::Listener;
pub use models::Provider;
pub use providers::{Auth, Known, PROVIDERS};
pub use ratelimits::{Limited, RateLimit, Selector, Unit};
pub use resolve::{Choice, Found, Models, Target, Unknown};
pub use routes::{Preference, Preferences, Route, Strategy};
pub use state_storage::StateStorage;
pub use tracing::Tracing;
pub use upstream::Upstream;

use std::time::Duration;

use serde_json::Value;
use written::File;

use crate::values::{
    Fault,
    prices::Prices,
    reading::{Expanded, Paths, Reading},
    tree,
};

/// Largest file of prices, in bytes.
const MAX_PRICES: u64 = 4 << 20;

/// Finds an environment variable.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A config without faults, everything in it decided.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// By listener: its agents; none where it serves models.
    pub orchestrated: Vec<Option<Agents>>,
    /// What looks at requests and answers on their way.
    pub filters: Vec<Filter>,
    /// What is served, and under which names.
    pub models: Models,
    /// Who answers on listeners of type agent.
    pub agents: Vec<Agent>,
    /// How many agents and filters may stand behind each other.
    pub max_agent_depth: u32,
    /// What is kept of translated responses.
    pub state_storage: StateStorage,
    /// How many tokens may be used.
    pub ratelimits: Vec<RateLimit>,
    /// What is recorded, and where it goes.
    pub tracing: Tracing,
    /// Whether conversations are looked at.
    pub signals: bool,
    /// How long a model that fails again and again is left out at first.
    pub cooling_time: Duration,
    /// What models cost.
    pub(super) prices: Prices,
    /// `host:port` where Prometheus scrapes; none: nowhere.
    pub metrics_address: Option<String>,
    /// What the user should know though it is no fault, one line each.
    pub warnings: Vec<String>,
}

/// Checks a whole config.
///
/// # Errors
/// Every fault, one a line, with its path.
pub fn check(read: &Expanded) -> Result<Gateway, Vec<String>> {
    let mut gateway = None;
    let reading = Reading::new(&[], read.tree.clone(), &read.originals, &[]).paths(Paths::Dots);
    let outcome = reading.run(tree::read::<File>, |file| {
        let (built, faults) = build(file, &read.tree);
        gateway = Some(built);
        faults
    });
    match gateway.filter(|_| outcome.lines.is_empty()) {
        Some(mut gateway) => {
            gateway.warnings.splice(0..0, read.warnings.iter().cloned());
            Ok(gateway)
        }
        None => Err(outcome.lines),
    }
}

fn build(file: &File, raw: &Value) -> (Gateway, Vec<Fault>) {
    let (mut faults, mut warnings) = (Vec::new(), Vec::new());
    if !is_version(&file.version) {
        let reason = format!("unknown version {:?}; write v0.4.0", file.version);
        faults.push(Fault::at("version", reason));
    }
    let listeners = listeners::check(file, raw, &mut faults);
    let providers = models::check(file, &mut warnings, &mut faults);
    let models = routes::check(file, providers, &mut faults);
    let agents = agents::check(file, &mut faults);
    let prices = prices(file, &mut faults);
    unpriced(file, &models, &prices, &mut warnings);
    let gateway = Gateway {
        listeners,
        orchestrated: Agents::check(file, &agents, &models, &mut faults),
        ratelimits: ratelimits::check(file, &models, &mut faults),
        models,
        agents,
        max_agent_depth: file.overrides.max_agent_depth,
        state_storage: state_storage::check(&file.state_storage, &mut faults),
        filters: filters::check(file, &mut faults),
        tracing: tracing::check(file, &mut warnings, &mut faults),
        signals: !file.overrides.disable_signals,
        cooling_time: file.overrides.cooling_time,
        prices,
        metrics_address: listeners::opened(&file.telemetry.metrics_address),
        warnings,
    };
    (gateway, faults)
}

/// A file of prices, which is no device and no larger than such a file may be.
fn price_file(path: &str) -> Result<String, String> {
    let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("is no file".to_owned());
    }
    if about.len() > MAX_PRICES {
        return Err(format!("has more than {MAX_PRICES} bytes"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

/// One line for each model that is picked by its price and has none.
fn unpriced(file: &File, models: &Models, prices: &Prices, warnings: &mut Vec<String>) {
    let names = file
        .model_aliases
        .keys()
        .filter_map(|name| Some((name, &models.routes[*models.aliases.get(name)?])));
    for (name, route) in names.filter(|(_, route)| route.strategy == Strategy::CostOptimized) {
        for target in &route.targets {
            if prices
                .price(&models.providers[target.provider].name, &target.model)
                .is_none()
            {
                let id = models.id(target);
                warnings.push(format!(
                    "model_aliases.{name}: no price is known of {id}, so that it comes last; write one in overrides.model_prices"
                ));
            }
        }
    }
}

/// The prices that ship, with those of the user's file over them.
fn prices(file: &File, faults: &mut Vec<Fault>) -> Prices {
    let path = &file.overrides.model_prices;
    if path.is_empty() {
        return Prices::shipped().clone();
    }
    let read = price_file(path);
    read.and_then(|text| Prices::with_file(&text)).unwrap_or_else(|reason| {
        faults.push(Fault::at("overrides::model_prices", format!("{path}: {reason}")));
        Prices::shipped().clone()
    })
}

/// Whether it is none, or one of the format that this program reads.
fn is_version(text: &str) -> bool {
    let numbers = |rest: &str| rest.split('.').all(|part| part.parse::<u16>().is_ok());
    text.is_empty() || text.strip_prefix("v0.").is_some_and(numbers)
}

#[cfg(test)]
mod tests;
