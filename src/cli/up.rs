//! `planoai up`: the gateway with its pipeline built in. Requests are answered on one runtime, telemetry runs on another, and the
//! first never waits for the second. The whole config is checked before a port is taken.

mod pipeline;

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Args;
use tokio::{runtime::Runtime, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{complain, stop::Signals, trace::Local};
use crate::{
    config,
    gateway::{self, Emitter},
    pipeline::{Feed, FeedLimits, Health, Running},
    telemetry::{Metrics, MetricsServer, logs},
};

const EXAMPLES: &str = "\
Examples:
  planoai up                       plano_config.yaml, or the keys in the environment
  planoai up my_config.yaml
  planoai up --with-tracing        and look with `planoai trace`
";

/// Config files that are looked for in the working directory.
const FILES: [&str; 2] = ["plano_config.yaml", "config.yaml"];

/// Start the gateway: answers LLM requests, and records each as a trace
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub(super) struct UpArgs {
    /// Config file [default: plano_config.yaml or config.yaml here, else the keys in the environment]
    config: Option<String>,
    /// Start the local trace listener too, and send all traces to it
    #[arg(long)]
    with_tracing: bool,
    /// Port of the local listener for OTLP/gRPC; HTTP is on the next one
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
    let (config, unset_sampling) = match read(args) {
        Ok(read) => read,
        Err(faults) => {
            faults.iter().for_each(|fault| complain(fault));
            return Ok(ExitCode::FAILURE);
        }
    };
    let metrics = Arc::new(Metrics::new());
    let (feed, source) = metrics.scope(|| Feed::channel(FeedLimits::default()));
    let local_port = args.with_tracing.then_some(args.tracing_port);
    let blueprint = metrics.scope(|| pipeline::blueprint(&config, source, local_port))?;
    let address: Vec<String> = config.metrics_address.iter().cloned().collect();
    let gateway = metrics.scope(|| gateway::Gateway::new(config, feed, emitter(), unset_sampling))?;
    let (telemetry, requests) = (runtime("telemetry")?, runtime("gateway")?);
    let (stop, abort) = (CancellationToken::new(), CancellationToken::new());

    let local = args
        .with_tracing
        .then(|| telemetry.block_on(Local::start(args.tracing_port)));
    let local = local.transpose()?;
    let prepared = metrics.scope(|| Running::prepare(blueprint, Health::new()));
    let pipeline = telemetry.block_on(prepared.start())?;
    let pipeline = telemetry.spawn(pipeline.until(stop.clone(), abort.clone()));

    let outcome = requests.block_on(serve(gateway, &address, metrics));
    stop.cancel();
    let drained = telemetry.block_on(async {
        let drained = pipeline.await.context("the pipeline failed")?;
        if let Some(local) = local {
            local.end().await?;
        }
        drained
    });
    outcome?;
    drained?;
    Ok(ExitCode::SUCCESS)
}

/// Answers requests until a signal comes, then finishes those in flight.
async fn serve(gateway: gateway::Gateway, address: &[String], metrics: Arc<Metrics>) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("watching for signals")?;
    let measured = MetricsServer::bind(address)
        .await
        .context("telemetry.metrics_address")?;
    let server = gateway.bind().await?;
    for (name, address) in server.addresses() {
        tracing::info!(listener = %name, %address, "listening");
    }
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    tasks.spawn(measured.run(metrics, stop.clone()));
    tracing::info!("Everything is ready. Begin running and processing data.");
    let mut running = std::pin::pin!(server.run(stop.clone()));
    tokio::select! {
        () = &mut running => {}
        () = signals.next() => {
            tracing::info!("finishing the requests in flight");
            stop.cancel();
            tokio::select! {
                () = &mut running => {}
                () = signals.next() => {}
            }
        }
    }
    stop.cancel();
    tasks.join_all().await;
    Ok(())
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

fn runtime(name: &str) -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .thread_name(name)
        .enable_all()
        .build()
        .context("starting a runtime")
}

fn emitter() -> Emitter {
    Emitter {
        instance_id: format!("{:032x}", fastrand::u128(..)),
        host_name: config::process_env("HOSTNAME").or_else(host_name).unwrap_or_default(),
    }
}

/// The name of this machine, where the system tells it in a file.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/etc/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}
