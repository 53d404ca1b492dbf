//! A gateway with its pipeline, running: requests are answered on one runtime, telemetry runs on another, and the first never
//! waits for the second. At the end requests in flight finish, then the pipeline empties, then the local listener ends.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use tokio::{
    runtime::Runtime,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::pipeline;
use crate::{
    cli::{stop::Signals, trace::Local},
    config::{self, Lookup},
    gateway::{self, Emitter},
    pipeline::{Drained, Feed, FeedLimits, Health, Running},
    telemetry::{Metrics, MetricsServer},
};

/// What is started.
pub(in crate::cli) struct Plan {
    /// The gateway's config.
    pub(in crate::cli) config: gateway::config::Gateway,
    /// Percent of traces that are recorded where the config says nothing.
    pub(in crate::cli) unset_sampling: f64,
    /// The variables that its pipeline reads.
    pub(in crate::cli) env: &'static Lookup<'static>,
    /// Host and port of a local listener that gets all traces; port 0 for any free one.
    pub(in crate::cli) local: Option<(&'static str, u16)>,
}

/// Started, with all ports taken.
pub(in crate::cli) struct Launched {
    telemetry: Runtime,
    requests: Runtime,
    server: gateway::Server,
    measured: MetricsServer,
    metrics: Arc<Metrics>,
    pipeline: JoinHandle<anyhow::Result<Drained>>,
    local: Option<Local>,
    stop: CancellationToken,
    /// From the first moment on: what comes while it starts ends it in order too.
    signals: Signals,
}

impl Launched {
    /// Starts it; the config has been checked.
    ///
    /// # Errors
    /// What could not be built, or which port could not be taken.
    pub(in crate::cli) fn start(plan: Plan) -> anyhow::Result<Launched> {
        let metrics = Arc::new(Metrics::new());
        let (telemetry, requests) = (runtime("telemetry")?, runtime("gateway")?);
        let signals = requests.block_on(async { Signals::new() });
        let signals = signals.context("watching for signals")?;
        let local = plan
            .local
            .map(|(host, port)| telemetry.block_on(Local::start(host, port)));
        let local = local.transpose()?;
        let (feed, source) = metrics.scope(|| Feed::channel(FeedLimits::default()));
        let local_port = local.as_ref().map(Local::port);
        let prepared = metrics.scope(|| {
            let blueprint = pipeline::blueprint(&plan.config, source, local_port, plan.env)?;
            anyhow::Ok(Running::prepare(blueprint, Health::new()))
        })?;
        let addresses = Vec::from_iter(plan.config.metrics_address.clone());
        let gateway = metrics.scope(|| gateway::Gateway::new(plan.config, feed, &emitter(), plan.unset_sampling))?;
        let pipeline = telemetry.block_on(prepared.start())?;
        let stop = CancellationToken::new();
        let pipeline = telemetry.spawn(pipeline.until(stop.clone(), CancellationToken::new()));
        let (measured, server) = requests.block_on(async {
            let measured = MetricsServer::bind(&addresses).await;
            let measured = measured.context("telemetry.metrics_address")?;
            anyhow::Ok((measured, gateway.bind().await?))
        })?;
        Ok(Launched {
            telemetry,
            requests,
            server,
            measured,
            metrics,
            pipeline,
            local,
            stop,
            signals,
        })
    }

    /// Name and address of each of the gateway's listeners.
    pub(in crate::cli) fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.server.addresses()
    }

    /// Where metrics are served.
    pub(in crate::cli) fn metrics_addresses(&self) -> Vec<SocketAddr> {
        self.measured.addresses()
    }

    /// The local listener.
    pub(in crate::cli) fn local(&self) -> Option<&Local> {
        self.local.as_ref()
    }

    /// Serves until `work` is done or a signal ends it, and ends in order; a second signal hurries that. Gives back what the work
    /// came to, none where a signal was first.
    ///
    /// # Errors
    /// What failed underway or at the end.
    pub(in crate::cli) fn run<T>(self, work: impl Future<Output = T>) -> anyhow::Result<Option<T>> {
        let (stop, measured, metrics) = (CancellationToken::new(), self.measured, self.metrics);
        let mut signals = self.signals;
        let done = self.requests.block_on(async {
            let mut measuring = JoinSet::new();
            measuring.spawn(measured.run(metrics, stop.clone()));
            let mut serving = std::pin::pin!(self.server.run(stop.clone()));
            let done = tokio::select! {
                biased;
                () = signals.next() => None,
                () = &mut serving => None,
                done = work => Some(done),
            };
            if !stop.is_cancelled() {
                tracing::info!("finishing the requests in flight");
                stop.cancel();
                tokio::select! {
                    () = &mut serving => {}
                    () = signals.next() => {}
                }
            }
            measuring.join_all().await;
            done
        });
        self.stop.cancel();
        let drained = self.telemetry.block_on(async {
            let drained = self.pipeline.await.context("the pipeline failed")?;
            if let Some(local) = self.local {
                local.end().await?;
            }
            drained
        });
        drained?;
        Ok(done)
    }
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
