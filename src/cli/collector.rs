//! `planoai collector`: runs a trace pipeline that a Collector's YAML describes, or checks or prints it. Tells every fault of a
//! config at once; ends on SIGTERM or SIGINT after its queues are empty, at once on a second one; reads the config anew on
//! SIGHUP and keeps the old one where the new one is wrong or could not start.

mod rehearsal;

use std::{
    io::{self, Write},
    net::SocketAddr,
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use clap::{Args, Subcommand};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{INTERRUPTED, complain, health, usage};
use crate::{
    config::{self, Checked, Encoding, Loaded, Telemetry, Wiring, yaml},
    pipeline::{Health, Running},
    telemetry::{Metrics, MetricsServer, logs},
    values::duration,
};

/// Run a trace pipeline described in the OpenTelemetry Collector's YAML
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  planoai collector --config pipelines/enrichment.yaml
  planoai collector --config base.yaml --config prod.yaml
  planoai collector --config base.yaml --set exporters.otlp_grpc.endpoint=backend:4317
  planoai collector validate --config pipelines/enrichment.yaml
  kill -HUP PID    # read the config again")]
pub(super) struct CollectorArgs {
    #[command(subcommand)]
    command: Option<CollectorCommand>,
    /// Where the config is: a file, env:NAME or yaml:a::b: v; later ones win
    #[arg(long, global = true, value_name = "SOURCE")]
    config: Vec<String>,
    /// One setting that wins over every source
    #[arg(long, global = true, value_name = "A.B.C=VALUE")]
    set: Vec<String>,
    /// Longest time that the queues may take to empty at the end
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::parse)]
    drain_timeout: Duration,
}

// Sorted.
#[derive(Debug, Subcommand)]
enum CollectorCommand {
    /// List what a config may name
    #[command(before_help = "Examples:\n  planoai collector components")]
    Components,
    /// Ask the health check of a running collector
    #[command(before_help = "Examples:
  planoai collector health && echo ready
  planoai collector health --config pipelines/enrichment.yaml")]
    Health {
        /// Where it answers; else where --config says, else http://127.0.0.1:13133/
        #[arg(long)]
        url: Option<String>,
    },
    /// Print the config as it would run: merged, with every default, without secrets
    #[command(before_help = "Examples:\n  planoai collector print-config --config pipelines/enrichment.yaml")]
    PrintConfig,
    /// Check the config; print nothing when all is well
    #[command(before_help = "Examples:\n  planoai collector validate --config pipelines/enrichment.yaml")]
    Validate,
}

/// Runs the command.
///
/// # Errors
/// What could not be started, read or written.
pub(super) fn run(args: &CollectorArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        Some(CollectorCommand::Components) => print(&yaml::write(&config::components())),
        Some(CollectorCommand::Health { url: Some(url) }) => health::ask(url),
        Some(CollectorCommand::Health { url: None }) if args.config.is_empty() => health::ask(health::USUAL),
        Some(CollectorCommand::Health { url: None }) => match read(args) {
            Ok((_, checked)) => health::probe(checked.probe(&default_host())),
            Err(wrong) => {
                // A collector that was told to read it keeps the config that it had, and its health.
                tell(&wrong);
                complain(&format!("the config is wrong; asking {} instead", health::USUAL));
                health::ask(health::USUAL)
            }
        },
        _ if args.config.is_empty() => Ok(usage(
            "planoai collector: no config; name one with --config, such as: planoai collector --config \
             pipelines/enrichment.yaml",
        )),
        Some(CollectorCommand::PrintConfig) => match read(args) {
            Ok((loaded, checked)) => {
                warn(loaded.warnings());
                print(&yaml::write(&checked.to_value()))
            }
            Err(wrong) => Ok(tell(&wrong)),
        },
        Some(CollectorCommand::Validate) => match read(args) {
            Ok((loaded, _)) => {
                warn(loaded.warnings());
                Ok(ExitCode::SUCCESS)
            }
            Err(wrong) => Ok(tell(&wrong)),
        },
        None => match read(args) {
            Ok((loaded, checked)) => serve(args, loaded, checked),
            Err(wrong) => Ok(tell(&wrong)),
        },
    }
}

pub(super) fn print(text: &str) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        complain(&format!("warning: {warning}"));
    }
}

fn tell(wrong: &Wrong) -> ExitCode {
    warn(&wrong.warnings);
    for fault in &wrong.faults {
        complain(fault);
    }
    ExitCode::FAILURE
}

fn default_host() -> String {
    config::process_env("PLANO_DEFAULT_HOST")
        .filter(|host| !host.is_empty())
        .unwrap_or_else(|| Wiring::default().default_host)
}

/// A config that does not run.
struct Wrong {
    /// What may well be why: variables that are not set.
    warnings: Vec<String>,
    faults: Vec<String>,
}

fn read(args: &CollectorArgs) -> Result<(Loaded, Checked), Wrong> {
    let wrong = |warnings: &[String], faults| Wrong {
        warnings: warnings.to_vec(),
        faults,
    };
    let loaded = config::load(&args.config, &args.set, &config::process_env);
    let loaded = loaded.map_err(|faults| wrong(&[], faults))?;
    match loaded.check(&default_host()) {
        Ok(checked) => Ok((loaded, checked)),
        Err(faults) => Err(wrong(loaded.warnings(), faults)),
    }
}

fn serve(args: &CollectorArgs, loaded: Loaded, checked: Checked) -> anyhow::Result<ExitCode> {
    let settings = &checked.service.telemetry.logs;
    let form = match settings.encoding {
        Encoding::Console => logs::Form::Console,
        Encoding::Json => logs::Form::Json,
    };
    logs::start(settings.level.into(), form, config::process_env("PLANO_LOG").as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let metrics = Arc::new(Metrics::new());
        let server = MetricsServer::bind(&checked.service.telemetry.metrics.addresses())
            .await
            .context("service::telemetry::metrics")?;
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        tasks.spawn(server.run(metrics.clone(), stop.clone()));
        let mut life = Life {
            args,
            metrics,
            signals: Signals::listen()?,
            telemetry: checked.service.telemetry.clone(),
            loaded,
        };
        let outcome = life.run(checked).await;
        stop.cancel();
        tasks.join_all().await;
        outcome
    })
}

/// What the process was told.
enum Told {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next word. While `draining` a reload waits: the config that starts then is asked for it first.
    async fn next(&mut self, draining: &CancellationToken) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hangup.recv(), if !draining.is_cancelled() => Told::Reload,
        }
    }
}

/// How one run of a config ended.
enum End {
    /// As told; the drain has logged what could not be sent.
    Stopped,
    /// Cut short by a second signal.
    Aborted,
    /// For a new config.
    Replaced(Box<Loaded>),
}

/// The collector from start to end, over any number of configs.
struct Life<'a> {
    args: &'a CollectorArgs,
    metrics: Arc<Metrics>,
    signals: Signals,
    /// How this process logs and where its metrics are, from start to end.
    telemetry: Telemetry,
    /// The config that runs.
    loaded: Loaded,
}

impl Life<'_> {
    async fn run(&mut self, checked: Checked) -> anyhow::Result<ExitCode> {
        let mut running = self.start(checked).await?;
        loop {
            match self.until_told(running).await? {
                End::Stopped => return Ok(ExitCode::SUCCESS),
                End::Aborted => return Ok(ExitCode::from(INTERRUPTED)),
                End::Replaced(next) => running = self.replace(*next).await?,
            }
        }
    }

    /// Builds and starts what the config describes.
    async fn start(&self, checked: Checked) -> anyhow::Result<Running> {
        for warning in &checked.warnings {
            tracing::warn!("{warning}");
        }
        let wiring = self.wiring();
        let prepared = self
            .metrics
            .scope(|| config::assemble(checked, wiring).map(|blueprint| Running::prepare(blueprint, Health::new())))?;
        prepared.start().await
    }

    fn wiring(&self) -> Wiring {
        Wiring {
            default_host: default_host(),
            drain_timeout: self.args.drain_timeout,
            ..Wiring::default()
        }
    }

    /// Lets it run until a signal or a failure ends it.
    async fn until_told(&mut self, running: Running) -> anyhow::Result<End> {
        let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
        let addresses = running.addresses().iter();
        let ours: Vec<SocketAddr> = addresses.flat_map(|(_, addresses)| addresses.clone()).collect();
        let mut end = pin!(running.until(stop.clone(), abort.clone()));
        let mut next = None;
        loop {
            let told = tokio::select! {
                drained = &mut end => {
                    drained?;
                    return Ok(match next {
                        _ if abort.is_cancelled() => End::Aborted,
                        Some(next) => End::Replaced(Box::new(next)),
                        None => End::Stopped,
                    });
                }
                told = self.signals.next(&stop) => told,
            };
            match told {
                Told::Stop if next.take().is_some() => {}
                Told::Stop if stop.is_cancelled() => {
                    tracing::warn!("aborting: queues are left as they are");
                    abort.cancel();
                }
                Told::Stop => {
                    tracing::info!("stopping: queues are emptied first, a second signal aborts");
                    stop.cancel();
                }
                Told::Reload => {
                    next = self.read_again(&ours).await;
                    if next.is_some() {
                        tracing::info!("the config was read again: receivers stop, queues empty, then it starts");
                        stop.cancel();
                    }
                }
            }
        }
    }

    /// A new config that can take the place of the one that runs at `ours`; `None`, and the log says why, where it cannot.
    async fn read_again(&self, ours: &[SocketAddr]) -> Option<Loaded> {
        let (loaded, checked) = match read(self.args) {
            Ok(read) => read,
            Err(wrong) => {
                for warning in wrong.warnings {
                    tracing::warn!("{warning}");
                }
                for fault in wrong.faults {
                    tracing::error!(fault, "the new config is wrong, the old one keeps running");
                }
                return None;
            }
        };
        let changed = checked.service.telemetry != self.telemetry;
        if let Err(error) = rehearsal::rehearse(checked, self.wiring(), ours.to_vec()).await {
            let error = format!("{error:#}");
            tracing::error!(error, "the new config cannot start, the old one keeps running");
            return None;
        }
        if changed {
            tracing::warn!("service::telemetry has changed, which takes a restart; logs and metrics stay as they are");
        }
        Some(loaded)
    }

    /// Starts a new config; where it does not start, the old one again.
    async fn replace(&mut self, loaded: Loaded) -> anyhow::Result<Running> {
        let started = match check(&loaded) {
            Ok(checked) => self.start(checked).await,
            Err(error) => Err(error),
        };
        match started {
            Ok(running) => {
                self.loaded = loaded;
                Ok(running)
            }
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the new config does not start, back to the old one"
                );
                self.start(check(&self.loaded)?)
                    .await
                    .context("the old config does not start again either")
            }
        }
    }
}

/// A config that was checked before.
fn check(loaded: &Loaded) -> anyhow::Result<Checked> {
    let checked = loaded.check(&default_host());
    checked.map_err(|faults| anyhow::anyhow!("{}", faults.join("; ")))
}
