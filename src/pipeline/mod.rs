//! The engine: receivers put batches into an inlet, processors change them in the receiver's own task, every exporter has a
//! queue that batches, retries and times out. Knows traits, never a component. A success reply means: in the queue of every
//! exporter of the pipeline.

mod component;
mod factory;
mod health;
mod inlet;
pub mod metrics;
pub mod queue;
mod running;

pub use component::{
    Admission, BatchSettings, ExportError, Exporter, Extension, Processor, Receiver, Refused, SideMethod, Sink, Vitals,
};
pub use factory::{Build, ComponentId, Dial, Factory, Fault, Host, Listen, Parsed};
pub use health::{Health, State};
pub use inlet::Inlet;
pub use running::{Blueprint, Drained, ExporterPart, PipelinePart, ReceiverPart, Running};
