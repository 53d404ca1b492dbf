//! `planoai up`: the gateway with its pipeline built in. Requests are answered on one runtime, telemetry runs on another, and the
//! first never waits for the second. The whole config is checked before a port is taken.

mod launch;
mod pipeline;

pub(super) use launch::{Launched, Plan};

use std::{path::Path, process::ExitCode};

use clap::Args;

use super::complain;
use crate::{config, gateway, telemetry::logs};

const EXAMPLES: &str = "\
Examples:
  planoai up                       plano_config.yaml, or the keys in the environment
  planoai up my_config.yaml
  planoai up --with-tracing        and look with `planoai trace`
  planoai up --check my.yaml       tell what is wrong with it, and end
";

/// Config files that are looked for in the working directory.
const FILES: [&str; 2] = ["plano_config.yaml", "config.yaml"];

/// Start the gateway: answers LLM requests, and records each as a trace
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub(super) struct UpArgs {
    /// Config file [default: plano_config.yaml or config.yaml here, else the keys in the environment]
    config: Option<String>,
    /// Check the whole config, open no port, and end: 0 where it is sound, else 1
    #[arg(long, conflicts_with = "with_tracing")]
    check: bool,
    /// Start the local trace listener too, and send all traces to it
    #[arg(long)]
    with_tracing: bool,
    /// Port of the local listener for OTLP/gRPC; HTTP is on the next one, the page in the browser on the one after
    #[arg(long, value_name = "N", default_value_t = 4317, requires = "with_tracing")]
    tracing_port: u16,
}

/// Runs the gateway until it is told to end.
///
/// # Errors
/// What kept it from starting, or went wrong after.
pub(super) fn run(args: &UpArgs) -> anyhow::Result<ExitCode> {
    let level = config::process_env("PLANO_LOG");
    logs::start(tracing::Level::INFO, logs::Form::Console, level.as_deref())?;
    let read = read(args).and_then(|(config, unset_sampling)| {
        pipeline::check(&config, &config::process_env)?;
        Ok((config, unset_sampling))
    });
    let (config, unset_sampling) = match read {
        Ok(read) => read,
        Err(faults) => {
            faults.iter().for_each(|fault| complain(fault));
            return Ok(ExitCode::FAILURE);
        }
    };
    if args.check {
        return Ok(ExitCode::SUCCESS);
    }
    let launched = Launched::start(Plan {
        config,
        unset_sampling,
        env: &config::process_env,
        local: args.with_tracing.then_some(("0.0.0.0", args.tracing_port)),
    })?;
    if let Some(local) = launched.local() {
        local.announce();
    }
    for (name, address) in launched.addresses() {
        tracing::info!(listener = %name, %address, "listening");
    }
    tracing::info!("Everything is ready. Begin running and processing data.");
    launched.run(std::future::pending::<()>())?;
    Ok(ExitCode::SUCCESS)
}

/// The config, and the percent of traces that are recorded where it says nothing.
fn read(args: &UpArgs) -> Result<(gateway::config::Gateway, f64), Vec<String>> {
    let here = FILES
        .iter()
        .find(|file| Path::new(file).is_file())
        .map(ToString::to_string);
    let (config, unset) = match args.config.clone().or(here) {
        Some(file) => {
            let config = gateway::config::check(&config::load_tree(&file, &config::process_env)?)?;
            (config, if args.with_tracing { 100.0 } else { 0.0 })
        }
        None => {
            let found = gateway::config::from_keys(&config::process_env)?;
            for (provider, variable) in &found.found {
                complain(&format!("{provider}: with the key in {variable}"));
            }
            (found.gateway, 100.0)
        }
    };
    config.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok((config, unset))
}
