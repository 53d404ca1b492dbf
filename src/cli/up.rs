//! `planoai up`: the gateway with its pipeline built in. Requests are answered on one runtime, telemetry runs on another, and the
//! first never waits for the second. The whole config is checked before a port is taken.

use std::{path::Path, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use tokio::{runtime::Runtime, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{complain, stop::Signals, trace::Local};
use crate::{
    config::{self, Wiring},
    gateway::{self, Emitter},
    pipeline::{Blueprint, Feed, FeedLimits, Health, Running, Source},
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
/// The pipeline behind the gateway, unless the config names another.
const PIPELINE: &str = include_str!("../../pipelines/gateway.yaml");
/// Id of the pipeline's receiver that takes the gateway's spans.
const RECEIVER: &str = "gateway";

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
    let blueprint = metrics.scope(|| blueprint(args, &config, source))?;
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

/// The pipeline behind the gateway.
fn blueprint(args: &UpArgs, config: &gateway::config::Gateway, source: Source) -> anyhow::Result<Blueprint> {
    let faults = |faults: Vec<String>| anyhow::anyhow!("{}", faults.join("\n"));
    let sources = match &config.tracing.pipeline {
        Some(file) => vec![file.clone()],
        None => vec![format!("yaml:{PIPELINE}"), format!("yaml:{}", adjusted(args, config))],
    };
    let loaded = config::load(&sources, &[], &config::process_env).map_err(faults)?;
    let wiring = Wiring {
        sources: [(RECEIVER.to_owned(), source)].into(),
        ..Wiring::default()
    };
    let checked = loaded.check(&wiring.default_host).map_err(faults)?;
    config::assemble(checked, wiring)
}

/// What the gateway's config says of the built-in pipeline.
fn adjusted(args: &UpArgs, config: &gateway::config::Gateway) -> Value {
    let tracing = &config.tracing;
    let port = |endpoint: &Option<String>| match endpoint {
        Some(endpoint) => json!({"endpoint": endpoint}),
        None => json!({"enabled": false}),
    };
    let mut receivers = vec![RECEIVER];
    let mut protocols = json!({});
    // A receiver that no pipeline names stays as the file has it, and closed.
    if tracing.receiver_grpc.is_some() || tracing.receiver_http.is_some() {
        receivers.push("otlp");
        protocols = json!({"grpc": port(&tracing.receiver_grpc), "http": port(&tracing.receiver_http)});
    }
    let content = if tracing.capture_content { "keep" } else { "drop" };
    let signals = match config.signals {
        true => json!({"content": content}),
        false => json!({"content": content, "flag": false, "attributes": [], "events": false}),
    };
    let to = |endpoint: &str| json!({"endpoint": endpoint, "tls": {"insecure": endpoint.starts_with("http://")}});
    let mut exporters = serde_json::Map::new();
    if args.with_tracing {
        exporters.insert(
            "otlp_grpc/local".into(),
            to(&format!("http://127.0.0.1:{}", args.tracing_port)),
        );
    }
    if !args.with_tracing || tracing.configured_endpoint.is_some() {
        exporters.insert("otlp_grpc".into(), to(tracing.endpoint(&config::process_env).reveal()));
    }
    let named: Vec<&String> = exporters.keys().collect();
    json!({
        "receivers": {"otlp": {"protocols": protocols}},
        "processors": {"signals": signals},
        "service": {"pipelines": {"traces": {"receivers": receivers, "exporters": named}}},
        "exporters": exporters,
    })
}
