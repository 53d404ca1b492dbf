//! The gateway without a config file: every provider whose key is in the environment, all of its models, one listener.

use serde_json::{Value, json};

use super::{Gateway, Lookup, providers::PROVIDERS};
use crate::values::reading::{Expanded, Originals};

/// Port of the listener.
const PORT: u16 = 12000;

/// What the environment gave.
#[derive(Debug)]
pub struct FromKeys {
    /// Serves them, and records every trace.
    pub gateway: Gateway,
    /// Providers that were found, each with the variable that holds its key.
    pub found: Vec<(&'static str, &'static str)>,
}

/// A gateway for the keys in the environment.
///
/// # Errors
/// Where there is none, or what is wrong with one, one a line.
pub fn from_keys(env: &Lookup<'_>) -> Result<FromKeys, Vec<String>> {
    let set = |name: &str| env(name).filter(|text| !text.trim().is_empty());
    let mut found = Vec::new();
    let mut providers = Vec::new();
    for known in PROVIDERS {
        let Some((variable, key)) = known.key_variable.and_then(|name| Some((name, set(name)?))) else {
            continue;
        };
        let base_url = known.base_url_variable.map(set);
        if base_url == Some(None) {
            continue;
        }
        found.push((known.name, variable));
        providers.push(json!({
            "model": format!("{}/*", known.name), "access_key": key.trim(), "base_url": base_url.flatten(),
        }));
    }
    if found.is_empty() {
        let variables = PROVIDERS.iter().filter_map(|known| known.key_variable);
        let variables = variables.collect::<Vec<_>>().join(", ");
        return Err(vec![format!(
            "no config file, and no key of a provider in the environment; write plano_config.yaml, or set one of {variables}"
        )]);
    }
    let tree: Value = json!({
        "listeners": [{"type": "model", "name": "llm", "port": PORT}],
        "model_providers": providers, "tracing": {"random_sampling": 100},
    });
    let gateway = super::check(&Expanded {
        tree,
        originals: Originals::new(),
        warnings: Vec::new(),
    })?;
    Ok(FromKeys { gateway, found })
}
