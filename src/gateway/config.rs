//! The gateway's config: read into plain structs, checked whole, resolved. Tells every fault at once, one a line, with its path
//! and what would be right; opens no port, and no file but those that `file:` names for keys. Secrets are never printed.
//!
//! ```no_run
//! use plano::{config, gateway};
//! # fn main() -> Result<(), Vec<String>> {
//! let read = config::load_tree("plano_config.yaml", &config::process_env)?;
//! let gateway = gateway::config::check(&read)?;
//! let target = gateway.resolve("gpt-4o-mini").map_err(|unknown| vec![unknown.to_string()])?;
//! # Ok(())
//! # }
//! ```

mod filters;
mod forms;
mod keys;
mod later;
mod listeners;
mod models;
mod providers;
mod resolve;
mod secret;
mod tracing;
mod upstream;
mod written;

pub use filters::{Filter, FilterKind, OnFailure, Window};
pub use keys::{FromKeys, from_keys};
pub use listeners::Listener;
pub use models::Provider;
pub use providers::{Auth, Known, PROVIDERS};
pub use resolve::{Choice, Models, Target, Unknown};
pub use tracing::Tracing;
pub use upstream::Upstream;

use serde_json::Value;
use written::File;

use crate::values::{
    Fault,
    reading::{Expanded, Paths, Reading},
    tree,
};

/// Finds an environment variable.
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A config without faults, everything in it decided.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Where clients connect.
    pub listeners: Vec<Listener>,
    /// What looks at requests and answers on their way.
    pub filters: Vec<Filter>,
    /// What is served, and under which names.
    pub models: Models,
    /// What is recorded, and where it goes.
    pub tracing: Tracing,
    /// Whether conversations are looked at.
    pub signals: bool,
    /// `host:port` where Prometheus scrapes; none: nowhere.
    pub metrics_address: Option<String>,
    /// What the user should know though it is no fault, one line each.
    pub warnings: Vec<String>,
}

impl Gateway {
    /// Who serves a model; an empty one is the default's.
    ///
    /// # Errors
    /// [`Unknown`], with the names that are near.
    pub fn resolve(&self, model: &str) -> Result<Target<'_>, Unknown> {
        self.models.resolve(model)
    }
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
    let (mut faults, mut warnings) = (Vec::new(), later::idle(file));
    if !is_version(&file.version) {
        let reason = format!("unknown version {:?}; write v0.4.0", file.version);
        faults.push(Fault::at("version", reason));
    }
    let listeners = listeners::check(file, raw, &mut faults);
    let providers = models::check(file, &mut warnings, &mut faults);
    let gateway = Gateway {
        listeners,
        filters: filters::check(file, &mut faults),
        models: resolve::check(file, providers, &mut faults),
        tracing: tracing::check(file, &mut warnings, &mut faults),
        signals: !file.overrides.disable_signals,
        metrics_address: listeners::opened(&file.telemetry.metrics_address),
        warnings,
    };
    faults.extend(later::refuse(file));
    (gateway, faults)
}

/// Whether it is none, or one of the format that this program reads.
fn is_version(text: &str) -> bool {
    let numbers = |rest: &str| rest.split('.').all(|part| part.parse::<u16>().is_ok());
    text.is_empty() || text.strip_prefix("v0.").is_some_and(numbers)
}

#[cfg(test)]
mod tests;
