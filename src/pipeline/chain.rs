//! The processors of one pipeline, in order, in the caller's task. A processor that panics fails the one request that it
//! was given, for good (the same data would make it panic again), and nothing else.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tracing::error;

use super::{Admission, ComponentId, Processor, Refused, metrics::ProcessorCounts, panic_text};
use crate::otlp::TraceBatch;

/// A pipeline's processors.
pub(super) struct Chain {
    steps: Vec<Step>,
}

struct Step {
    id: ComponentId,
    processor: Arc<dyn Processor>,
    counts: ProcessorCounts,
}

impl Chain {
    /// Makes the counters, under the recorder that is current now.
    pub(super) fn new(processors: Vec<(ComponentId, Arc<dyn Processor>)>) -> Chain {
        let steps = processors.into_iter().map(|(id, processor)| Step {
            counts: ProcessorCounts::new(&id),
            id,
            processor,
        });
        Chain { steps: steps.collect() }
    }

    /// The processors.
    pub(super) fn processors(&self) -> impl Iterator<Item = &Arc<dyn Processor>> {
        self.steps.iter().map(|step| &step.processor)
    }

    /// Room for the bytes of one request, from every processor that has a say.
    pub(super) fn admit(&self, bytes: usize) -> Result<Admission, Refused> {
        let mut steps = self.steps.iter();
        steps.try_fold(Admission::default(), |granted, step| {
            Ok(granted.and(step.processor.admit(bytes)?))
        })
    }

    /// The batch as it leaves the last processor.
    pub(super) fn run(&self, batch: TraceBatch) -> Result<TraceBatch, Refused> {
        self.steps.iter().try_fold(batch, |batch, step| step.run(batch))
    }
}

impl Step {
    fn run(&self, batch: TraceBatch) -> Result<TraceBatch, Refused> {
        let spans = batch.span_count();
        self.counts.incoming.increment(spans as u64);
        let processed = catch_unwind(AssertUnwindSafe(|| self.processor.process(batch))).unwrap_or_else(|panic| {
            let error = panic_text(&*panic);
            error!(processor = %self.id, spans, error, "a processor panicked; refusing the request");
            Err(Refused::permanent(format!(
                "processor {:?} failed on this request",
                self.id.to_string()
            )))
        })?;
        self.counts.outgoing.increment(processed.span_count() as u64);
        Ok(processed)
    }
}
