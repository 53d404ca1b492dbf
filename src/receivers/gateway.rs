//! Takes the batches that the gateway of the same process offers, on the pipeline's own runtime. Opens no port. Refuses to
//! start where nothing in the process offers any.

use std::net::SocketAddr;

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::pipeline::{Build, Host, Incoming, Inlet, Receiver, Source};

/// `gateway`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {}

impl Build<dyn Receiver> for Config {
    const TYPE: &'static str = "gateway";

    fn build(self, host: &Host) -> anyhow::Result<Box<dyn Receiver>> {
        Ok(Box::new(Gateway {
            source: host.sources.get(&host.id.to_string()).cloned(),
            incoming: None,
        }))
    }
}

struct Gateway {
    source: Option<Source>,
    incoming: Option<Incoming>,
}

#[async_trait]
impl Receiver for Gateway {
    async fn bind(&mut self) -> anyhow::Result<Vec<SocketAddr>> {
        let source = self.source.as_ref().ok_or_else(|| {
            anyhow!("takes the spans of the gateway, which does not run in this process; \"planoai up\" starts it")
        })?;
        let incoming = source.take();
        self.incoming = Some(incoming.context("the gateway's spans are taken by another pipeline of this process")?);
        Ok(Vec::new())
    }

    async fn run(mut self: Box<Self>, inlet: Inlet, stop: CancellationToken) -> anyhow::Result<()> {
        let incoming = self.incoming.take();
        incoming
            .context("the receiver runs before it was bound")?
            .carry(&inlet, stop)
            .await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        sync::{Arc, Mutex, mpsc},
        thread::{self, ThreadId},
        time::Duration,
    };

    use super::*;
    use crate::{
        otlp::{SpanBuilder, SpanId, TraceBatch, TraceId},
        pipeline::{
            Blueprint, ComponentId, ExportError, Exporter, ExporterPart, Feed, FeedLimits, Health, PipelinePart,
            Processor, ReceiverPart, Refused, Running, queue::Delivery,
        },
    };

    fn id(kind: &str, name: &str) -> ComponentId {
        ComponentId {
            kind: kind.to_owned(),
            name: name.to_owned(),
        }
    }

    fn host(name: &str, source: Option<(&str, Source)>) -> Host {
        let source = source.map(|(id, source)| (id.to_owned(), source));
        Host {
            id: id("gateway", name),
            default_host: "localhost".to_owned(),
            sinks: Arc::default(),
            sources: Arc::new(HashMap::from_iter(source)),
            methods: Arc::default(),
            authenticators: Default::default(),
        }
    }

    fn spans(count: u64) -> TraceBatch {
        let spans =
            (1..=count).map(|id| SpanBuilder::new(TraceId([1; 16]), SpanId(id.to_be_bytes()), "llm").times(1, 2));
        SpanBuilder::batch(&[], ("plano", ""), spans)
    }

    /// Writes down on which thread it ran.
    #[derive(Default)]
    struct Where(Mutex<Vec<ThreadId>>);

    impl Processor for Where {
        fn process(&self, batch: TraceBatch) -> Result<TraceBatch, Refused> {
            self.0.lock().unwrap().push(thread::current().id());
            Ok(batch)
        }
    }

    #[derive(Default)]
    struct Kept(Mutex<usize>);

    #[async_trait]
    impl Exporter for Kept {
        async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
            *self.0.lock().unwrap() += batch.span_count();
            Ok(())
        }
    }

    fn blueprint(receiver: Box<dyn Receiver>, exporter: Arc<Kept>, processor: Arc<Where>) -> Blueprint {
        Blueprint {
            receivers: vec![ReceiverPart {
                id: id("gateway", ""),
                receiver,
            }],
            exporters: vec![ExporterPart {
                id: id("kept", ""),
                exporter,
                delivery: Delivery::default(),
            }],
            pipelines: vec![PipelinePart {
                name: "traces".to_owned(),
                receivers: vec![0],
                processors: vec![(id("where", ""), processor)],
                exporters: vec![0],
            }],
            drain_timeout: Duration::from_secs(5),
            ..Blueprint::default()
        }
    }

    #[test]
    fn carries_from_any_thread_to_the_pipelines_own_and_drains() {
        let (feed, source) = Feed::channel(FeedLimits::default());
        let receiver = Config::default().build(&host("", Some(("gateway", source)))).unwrap();
        let (kept, at) = (Arc::new(Kept::default()), Arc::new(Where::default()));
        let parts = blueprint(receiver, Arc::clone(&kept), Arc::clone(&at));
        let stop = CancellationToken::new();
        let (ready, is_ready) = mpsc::sync_channel(1);
        let stopped = stop.clone();
        let pipeline = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let drained = runtime.block_on(async {
                let running = Running::start(parts, Health::new()).await.unwrap();
                ready.send(()).unwrap();
                running.until(stopped, CancellationToken::new()).await.unwrap()
            });
            assert_eq!(drained.unsent, []);
            thread::current().id()
        });
        is_ready.recv().unwrap();
        for _ in 0..100 {
            feed.offer(spans(3)).unwrap();
        }
        stop.cancel();
        let pipeline = pipeline.join().unwrap();
        assert_eq!(*kept.0.lock().unwrap(), 300);
        let at = at.0.lock().unwrap();
        assert!(!at.is_empty() && at.iter().all(|thread| *thread == pipeline), "{at:?}");
        assert_eq!(feed.offer(spans(1)), Err(Refused::permanent("the pipeline has ended")));
    }

    async fn check_start(host: Host, expected: Result<usize, &str>) {
        let bound = Config::default().build(&host).unwrap().bind().await;
        let bound = bound
            .map(|addresses| addresses.len())
            .map_err(|fault| fault.to_string());
        assert_eq!(bound, expected.map_err(str::to_owned));
    }

    #[tokio::test]
    async fn takes_the_source_of_its_own_id_once() {
        let (_feed, source) = Feed::channel(FeedLimits::default());
        let none = "takes the spans of the gateway, which does not run in this process; \"planoai up\" starts it";
        check_start(host("", None), Err(none)).await;
        check_start(host("other", Some(("gateway", source.clone()))), Err(none)).await;
        check_start(host("own", Some(("gateway/own", source.clone()))), Ok(0)).await;
        let taken = "the gateway's spans are taken by another pipeline of this process";
        check_start(host("", Some(("gateway", source))), Err(taken)).await;
    }
}
