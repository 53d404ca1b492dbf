//! From parts to running tasks: who owns which task, what happens when one fails, and the order of the end: receivers, inlet,
//! queues within one deadline, `close`.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{ComponentId, Exporter, Extension, Health, Processor, Receiver, queue::Delivery};

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

/// The running tasks.
pub struct Running {
    _private: (),
}

impl Running {
    /// Opens exporters, binds extensions and receivers, then lets data move. On an error nothing is left running.
    ///
    /// # Errors
    /// Which component could not start, and why.
    pub async fn start(blueprint: Blueprint, health: Health) -> anyhow::Result<Running> {
        let _ = (blueprint, health);
        todo!()
    }

    /// Addresses taken, by component id.
    pub fn addresses(&self) -> &[(ComponentId, Vec<SocketAddr>)] {
        todo!()
    }

    /// A way in that belongs to no receiver: for the gateway and for tests. Feeds every pipeline.
    pub fn inlet(&self, name: &str) -> super::Inlet {
        let _ = name;
        todo!()
    }

    /// Runs until `stop` or until a component fails, then drains. `abort` cuts the drain short.
    ///
    /// # Errors
    /// The failure that ended it, after the drain.
    pub async fn until(self, stop: CancellationToken, abort: CancellationToken) -> anyhow::Result<Drained> {
        let _ = (stop, abort);
        todo!()
    }
}
