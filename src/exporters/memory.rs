//! Hands every batch to a place inside the process: the local viewer's store. Copies nothing, and waits only where
//! that place keeps what it takes in a file. Refuses to be built where nothing in the process takes its batches.

use std::sync::Arc;

use anyhow::anyhow;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    otlp::TraceBatch,
    pipeline::{Build, ExportError, Exporter, Host, Sink, queue::Delivery},
};

/// `memory`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {}

impl Build<dyn Exporter> for Config {
    const TYPE: &'static str = "memory";

    fn delivery() -> Delivery {
        Delivery::direct()
    }

    fn build(self, host: &Host) -> anyhow::Result<Box<dyn Exporter>> {
        let sink = host.sinks.get(&host.id.to_string()).cloned().ok_or_else(|| {
            anyhow!("feeds the local viewer, which does not run in this process; \"planoai trace listen\" starts it")
        })?;
        Ok(Box::new(Memory { sink }))
    }
}

struct Memory {
    sink: Arc<dyn Sink>,
}

#[async_trait]
impl Exporter for Memory {
    async fn export(&self, batch: &TraceBatch) -> Result<(), ExportError> {
        match self.sink.take(batch.clone()) {
            Some(kept) => kept.await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Mutex};

    use futures_util::future::BoxFuture;

    use super::*;
    use crate::{exporters::testing, pipeline::ComponentId};

    #[derive(Default)]
    struct Kept(Mutex<Vec<TraceBatch>>);

    impl Sink for Kept {
        fn take(&self, batch: TraceBatch) -> Option<BoxFuture<'_, Result<(), ExportError>>> {
            let spans = batch.span_count();
            self.0.lock().unwrap().push(batch);
            // A sink that keeps batches of one span no longer than it must.
            (spans == 1).then(|| {
                Box::pin(async {
                    tokio::task::yield_now().await;
                    Err(ExportError::Retry {
                        after: None,
                        source: anyhow!("the disk is full"),
                    })
                }) as _
            })
        }
    }

    #[tokio::test]
    async fn feeds_the_sink_of_its_own_id() {
        let kept = Arc::new(Kept::default());
        let mut host = testing::host("memory");
        host.id = ComponentId {
            kind: "memory".to_owned(),
            name: "viewer".to_owned(),
        };
        host.sinks = Arc::new(HashMap::from([(
            "memory/viewer".to_owned(),
            kept.clone() as Arc<dyn Sink>,
        )]));
        let exporter = Config::default().build(&host).unwrap();
        let batch = testing::batch(3);
        exporter.export(&batch).await.unwrap();
        let kept = kept.0.lock().unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!((kept[0].span_count(), kept[0].chunks()), (3, batch.chunks()));
    }

    #[tokio::test]
    async fn waits_for_the_sink_and_tells_what_it_says() {
        let kept = Arc::new(Kept::default());
        let exporter = Memory { sink: kept };
        let refused = exporter.export(&testing::batch(1)).await;
        assert!(matches!(refused, Err(ExportError::Retry { .. })), "{refused:?}");
        exporter.export(&testing::batch(2)).await.unwrap();
    }

    #[test]
    fn says_what_it_is_for_where_there_is_no_sink() {
        let fault = Config::default()
            .build(&testing::host("memory"))
            .err()
            .unwrap()
            .to_string();
        assert!(
            fault.contains("local viewer") && fault.contains("planoai trace listen"),
            "{fault}"
        );
    }
}
