//! From YAML to parts: sources, expansion, merging, checks with paths, assembly. Reports every fault at once, one a line,
//! with its path and what would be right; opens no port, no file of data, and starts no task.
//!
//! ```no_run
//! use plano::config::{self, Wiring};
//! # fn main() -> Result<(), Vec<String>> {
//! let loaded = config::load(&["pipelines/enrichment.yaml".into()], &[], &config::process_env)?;
//! let checked = loaded.check("localhost")?;
//! let blueprint = config::assemble(checked, Wiring::default()).map_err(|error| vec![format!("{error:#}")])?;
//! # Ok(())
//! # }
//! ```

mod assemble;
mod auth;
mod checked;
mod clash;
mod delivery;
mod env;
mod graph;
mod merge;
mod probe;
mod service;
mod source;
pub mod yaml;

pub use assemble::{Checked, Wiring, assemble, components};
pub use env::Lookup;
pub use probe::Probe;
pub use service::{Encoding, Level, Logs, Metrics, MetricsLevel, PipelineRefs, Pipelines, Service, Telemetry};

use env::Dollar;
use serde_json::Value;

use crate::values::reading::{Expanded, Paths};

/// The variables of this process, for [`load`] and [`from_text`].
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A config after merging and expansion, not yet checked.
#[derive(Clone)]
pub struct Loaded(Expanded);

/// Reads, merges and expands.
///
/// `sources`: `file:PATH` (or just a path), `env:NAME`, `yaml:a::b: v`; `sets`: `a.b.c=v`. Later wins over earlier, `sets` win
/// over all.
///
/// # Errors
/// Every fault, one a line, with the file and the place or path.
pub fn load(sources: &[String], sets: &[String], env: &Lookup<'_>) -> Result<Loaded, Vec<String>> {
    let mut tree = Value::Null;
    let mut faults = Vec::new();
    let sources = sources.iter().map(|uri| source::read(uri, env));
    for part in sources.chain(sets.iter().map(|set| source::read_set(set))) {
        match part {
            Ok(part) => merge::merge(&mut tree, part),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    expand(tree, env)
}

/// The same for a config that is part of the program.
///
/// # Errors
/// As [`load`].
pub fn from_text(text: &str, env: &Lookup<'_>) -> Result<Loaded, Vec<String>> {
    let tree = source::parse("built-in config", text).map_err(|fault| vec![fault])?;
    expand(tree, env)
}

impl Loaded {
    /// What the user should know of the variables, one line each: those that are not set.
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }
}

fn expand(tree: Value, env: &Lookup<'_>) -> Result<Loaded, Vec<String>> {
    let expansion = env::Expansion::new(env, Dollar::Braced, Paths::Colons);
    expansion.run(tree).map(Loaded)
}

/// Reads and expands one source that describes something else than a pipeline, for whoever checks it. As [`load`], but a naked
/// `$VAR` is a variable too, and paths are written `a.b[0]`.
///
/// # Errors
/// Every fault, one a line, with the file and the place or path.
pub fn load_tree(source: &str, env: &Lookup<'_>) -> Result<Expanded, Vec<String>> {
    let tree = source::read(source, env).map_err(|fault| vec![fault])?;
    env::Expansion::new(env, Dollar::Naked, Paths::Dots).run(tree)
}

#[cfg(test)]
mod tests;
