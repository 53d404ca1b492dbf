//! From parts to running tasks: who owns which task, what happens when one fails, and the order of the end: receivers, inlet,
//! queues within one deadline, `close`.

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use futures_util::FutureExt;
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{
    ComponentId, Exporter, Extension, Health, Inlet, Processor, Receiver, State,
    chain::Chain,
    drain::close_exporters,
    health::Progress,
    metrics, panic_text,
    queue::{Delivery, Outlet},
    vitals,
};

/// Everything that a process shall run, as `config/assemble.rs` makes it.
#[derive(Default)]
pub struct Blueprint {
    /// Receivers, each once, however many pipelines it feeds.
    pub receivers: Vec<ReceiverPart>,
    /// Exporters, each once with one queue, however many pipelines feed it.
    pub exporters: Vec<ExporterPart>,
    /// Pipelines.
    pub pipelines: Vec<PipelinePart>,
    /// Extensions.
    pub extensions: Vec<(ComponentId, Box<dyn Extension>)>,
    /// Longest time that the queues may take to empty at the end.
    pub drain_timeout: Duration,
}

/// One receiver.
pub struct ReceiverPart {
    /// Its id.
    pub id: ComponentId,
    /// The component.
    pub receiver: Box<dyn Receiver>,
}

/// One exporter with the engine's settings for it.
pub struct ExporterPart {
    /// Its id.
    pub id: ComponentId,
    /// The component.
    pub exporter: Arc<dyn Exporter>,
    /// Queue, retry, time-out.
    pub delivery: Delivery,
}

/// One pipeline: indexes into the receivers and exporters, and its own processors in order.
pub struct PipelinePart {
    /// Name in the config, such as `traces/prod`.
    pub name: String,
    /// Which of [`Blueprint::receivers`].
    pub receivers: Vec<usize>,
    /// Its processors.
    pub processors: Vec<(ComponentId, Arc<dyn Processor>)>,
    /// Which of [`Blueprint::exporters`].
    pub exporters: Vec<usize>,
}

/// What the end left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    /// Spans that could not be sent, by exporter; empty when nothing was lost.
    pub unsent: Vec<(String, usize)>,
}

/// Everything wired and every metric registered, but nothing opened, bound or started.
pub struct Prepared {
    receivers: Vec<(ReceiverPart, Inlet)>,
    extensions: Vec<(ComponentId, Box<dyn Extension>)>,
    engine: Engine,
    health: Health,
    drain_timeout: Duration,
}

/// The part that moves data.
pub(super) struct Engine {
    pub(super) chains: Vec<Arc<Chain>>,
    pub(super) outlets: Vec<Arc<Outlet>>,
    /// From which chain to which exporter.
    routes: Vec<(usize, Arc<Outlet>)>,
}

/// A component's task has ended: which, and how.
pub(super) type Ended = (String, anyhow::Result<()>);

/// The running tasks. Dropped, they are aborted and what is queued is lost; [`Running::until`] is the good end.
pub struct Running {
    pub(super) addresses: Vec<(ComponentId, Vec<SocketAddr>)>,
    pub(super) engine: Engine,
    pub(super) receivers: JoinSet<Ended>,
    pub(super) extensions: JoinSet<Ended>,
    pub(super) consumers: JoinSet<()>,
    pub(super) tickers: JoinSet<()>,
    pub(super) stop_receivers: CancellationToken,
    pub(super) stop_consumers: CancellationToken,
    pub(super) stop_extensions: CancellationToken,
    pub(super) health: Health,
    pub(super) drain_timeout: Duration,
}

impl Engine {
    fn new(exporters: Vec<ExporterPart>, pipelines: Vec<PipelinePart>) -> (Engine, Vec<Vec<usize>>) {
        let outlets = exporters.into_iter();
        let outlets = outlets.map(|part| Arc::new(Outlet::new(&part.id, part.exporter, part.delivery)));
        let outlets: Vec<_> = outlets.collect();
        let (mut chains, mut routes, mut fed_by) = (Vec::new(), Vec::new(), Vec::new());
        for (index, pipeline) in pipelines.into_iter().enumerate() {
            chains.push(Arc::new(Chain::new(pipeline.processors)));
            let exporters = pipeline
                .exporters
                .iter()
                .map(|exporter| Arc::clone(&outlets[*exporter]));
            routes.extend(exporters.map(|outlet| (index, outlet)));
            fed_by.push(pipeline.receivers);
        }
        let engine = Engine {
            chains,
            outlets,
            routes,
        };
        (engine, fed_by)
    }

    /// A way in to some of the pipelines.
    fn inlet(&self, name: &str, transports: &[&'static str], pipelines: &[usize]) -> Inlet {
        let chains = pipelines.iter().map(|index| Arc::clone(&self.chains[*index]));
        let routes = self.routes.iter().filter_map(|(from, outlet)| {
            let chain = pipelines.iter().position(|index| index == from)?;
            Some((chain, Arc::clone(outlet)))
        });
        Inlet::new(name, transports, chains.collect(), routes.collect())
    }

    fn inlet_to_all(&self, name: &str) -> Inlet {
        self.inlet(name, &["", "grpc", "http"], &Vec::from_iter(0..self.chains.len()))
    }

    async fn open(&self) -> anyhow::Result<()> {
        for (opened, outlet) in self.outlets.iter().enumerate() {
            let (label, outcome) = watched(label("exporter", outlet.id()), outlet.exporter().open()).await;
            if let Err(error) = outcome {
                close_exporters(&self.outlets[..opened]).await;
                return Err(error.context(label));
            }
        }
        Ok(())
    }
}

impl Prepared {
    /// A way in that belongs to no receiver: for the gateway and for tests. Feeds every pipeline. Its counters are made
    /// under the recorder that is current now.
    pub fn inlet(&self, name: &str) -> Inlet {
        self.engine.inlet_to_all(name)
    }

    /// The endpoints that it will take, each with what a person calls its component.
    pub fn endpoints(&self) -> Vec<(String, String)> {
        let of = |role, id: &ComponentId, endpoints: Vec<String>| {
            let name = label(role, id);
            endpoints.into_iter().map(move |endpoint| (name.clone(), endpoint))
        };
        let extensions = self.extensions.iter();
        let extensions = extensions.flat_map(|(id, extension)| of("extension", id, extension.endpoints()));
        let receivers = self.receivers.iter();
        let receivers = receivers.flat_map(|(part, _)| of("receiver", &part.id, part.receiver.endpoints()));
        extensions.chain(receivers).collect()
    }

    /// Asks every exporter whether it could open.
    ///
    /// # Errors
    /// Which one could not, and why.
    pub async fn check(&self) -> anyhow::Result<()> {
        for outlet in &self.engine.outlets {
            let (label, outcome) = watched(label("exporter", outlet.id()), outlet.exporter().check()).await;
            outcome.context(label)?;
        }
        Ok(())
    }

    /// Opens exporters, binds extensions and receivers, then lets data move. On an error nothing is left running.
    ///
    /// # Errors
    /// Which component could not start, and why.
    pub async fn start(mut self) -> anyhow::Result<Running> {
        self.health.enter(State::Starting);
        self.engine.open().await?;
        match self.bind().await {
            Ok(addresses) => Ok(self.run(addresses)),
            Err(error) => {
                close_exporters(&self.engine.outlets).await;
                Err(error)
            }
        }
    }

    async fn bind(&mut self) -> anyhow::Result<Vec<(ComponentId, Vec<SocketAddr>)>> {
        let mut addresses = Vec::new();
        for (id, extension) in &mut self.extensions {
            let bound = extension.bind().await;
            addresses.push((id.clone(), bound.with_context(|| label("extension", id))?));
        }
        for (part, _) in &mut self.receivers {
            let bound = part.receiver.bind().await;
            addresses.push((part.id.clone(), bound.with_context(|| label("receiver", &part.id))?));
        }
        Ok(addresses)
    }

    fn run(self, addresses: Vec<(ComponentId, Vec<SocketAddr>)>) -> Running {
        let mut running = Running {
            addresses,
            engine: self.engine,
            receivers: JoinSet::new(),
            extensions: JoinSet::new(),
            consumers: JoinSet::new(),
            tickers: JoinSet::new(),
            stop_receivers: CancellationToken::new(),
            stop_consumers: CancellationToken::new(),
            stop_extensions: CancellationToken::new(),
            health: self.health,
            drain_timeout: self.drain_timeout,
        };
        running.start_engine();
        for (id, extension) in self.extensions {
            let serving = extension.run(running.health.clone(), running.stop_extensions.clone());
            running.extensions.spawn(watched(label("extension", &id), serving));
        }
        for (part, inlet) in self.receivers {
            let serving = part.receiver.run(inlet, running.stop_receivers.clone());
            running.receivers.spawn(watched(label("receiver", &part.id), serving));
        }
        for (component, addresses) in &running.addresses {
            for address in addresses {
                info!(%component, %address, "listening");
            }
        }
        running.health.enter(State::Ready);
        info!("Everything is ready. Begin running and processing data.");
        running
    }
}

impl Running {
    /// Wires the parts and registers their metrics, under the recorder that is current now; opens nothing and needs no
    /// runtime, so `metrics::with_local_recorder(&recorder, || Running::prepare(…))` keeps one process's pipelines apart.
    ///
    /// # Panics
    /// Where a pipeline names a receiver or exporter that is not in the blueprint.
    pub fn prepare(blueprint: Blueprint, health: Health) -> Prepared {
        metrics::describe();
        let (engine, fed_by) = Engine::new(blueprint.exporters, blueprint.pipelines);
        let receivers = blueprint.receivers.into_iter().enumerate().map(|(index, part)| {
            let feeds = (0..fed_by.len()).filter(|pipeline| fed_by[*pipeline].contains(&index));
            let transports = part.receiver.transports();
            let inlet = engine.inlet(&part.id.to_string(), &transports, &Vec::from_iter(feeds));
            (part, inlet)
        });
        Prepared {
            receivers: receivers.collect(),
            extensions: blueprint.extensions,
            engine,
            health,
            drain_timeout: blueprint.drain_timeout,
        }
    }

    /// [`Running::prepare`], which happens at the call, then [`Prepared::start`], which happens when awaited.
    ///
    /// # Errors
    /// Which component could not start, and why.
    pub fn start(blueprint: Blueprint, health: Health) -> impl Future<Output = anyhow::Result<Running>> + Send {
        Running::prepare(blueprint, health).start()
    }

    /// Addresses taken, by component id.
    pub fn addresses(&self) -> &[(ComponentId, Vec<SocketAddr>)] {
        &self.addresses
    }

    /// See [`Prepared::inlet`].
    pub fn inlet(&self, name: &str) -> Inlet {
        self.engine.inlet_to_all(name)
    }

    fn start_engine(&mut self) {
        for outlet in &self.engine.outlets {
            for _ in 0..outlet.consumers() {
                self.consumers
                    .spawn(Arc::clone(outlet).consume(self.stop_consumers.clone()));
            }
        }
        for processor in self.engine.chains.iter().flat_map(|chain| chain.processors()) {
            if let Some(interval) = processor.interval() {
                // The first measurement comes before the first request.
                processor.tick(&vitals::read());
                self.tickers.spawn(tick(Arc::clone(processor), interval));
            }
        }
        let parts = self.engine.outlets.iter().map(|outlet| {
            let part: Arc<dyn Progress> = Arc::clone(outlet) as _;
            Arc::downgrade(&part)
        });
        self.health.observe(parts.collect());
    }

    /// Runs until `stop` or until a component fails, then drains. `abort` cuts the drain short.
    ///
    /// # Errors
    /// The failure that ended it, after the drain.
    pub async fn until(mut self, stop: CancellationToken, abort: CancellationToken) -> anyhow::Result<Drained> {
        let failure = tokio::select! {
            biased;
            failure = self.failure() => Some(failure),
            () = stop.cancelled() => None,
            () = abort.cancelled() => None,
        };
        if let Some(failure) = &failure {
            error!(error = format!("{failure:#}"), "a component failed; draining");
        }
        let drained = self.drain(&abort).await;
        failure.map_or(Ok(drained), Err)
    }

    /// Waits until a task ends that should not. An extension may end by itself when it has nothing to do.
    async fn failure(&mut self) -> anyhow::Error {
        loop {
            let (label, outcome) = tokio::select! {
                Some(Ok(ended)) = self.receivers.join_next() => ended,
                Some(Ok((label, outcome))) = self.extensions.join_next() => match outcome {
                    Ok(()) => continue,
                    failed => (label, failed),
                },
                Some(ended) = self.consumers.join_next() => ("exporter queue".to_owned(), ended.map_err(Into::into)),
                else => std::future::pending().await,
            };
            let failure = outcome
                .err()
                .unwrap_or_else(|| anyhow::anyhow!("ended before it was asked to"));
            return failure.context(label);
        }
    }
}

async fn tick(processor: Arc<dyn Processor>, interval: Duration) {
    // A processor that asks for less would keep a core busy.
    let mut clock = tokio::time::interval(interval.max(Duration::from_millis(10)));
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    clock.tick().await;
    loop {
        clock.tick().await;
        let vitals = vitals::read();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| processor.tick(&vitals))) {
            error!(error = panic_text(&*panic), "a processor panicked at its interval");
        }
    }
}

/// What a person calls a component: `receiver "otlp"`.
fn label(role: &str, id: impl std::fmt::Display) -> String {
    format!("{role} \"{id}\"")
}

/// A component's future that cannot take others down: a panic is an error.
pub(super) async fn watched(label: String, work: impl Future<Output = anyhow::Result<()>>) -> Ended {
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|panic| Err(anyhow::anyhow!("panicked: {}", panic_text(&*panic))));
    (label, outcome)
}
