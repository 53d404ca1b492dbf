//! The engine: receivers put batches into an inlet, processors change them in the receiver's own task, every exporter has a
//! queue that batches, retries and times out. Knows traits, never a component. A success reply means: in the queue of every
//! exporter of the pipeline.

mod auth;
mod chain;
mod component;
mod door;
mod drain;
mod factory;
mod feed;
mod health;
mod inlet;
pub mod metrics;
pub mod queue;
mod rarely;
mod running;
#[cfg(test)]
mod tests;
mod vitals;

pub use auth::{AuthWanted, Authenticates, Authenticator, Authenticators, Outgoing, may_pass_with_others};
pub use component::{
    Admission, BatchSettings, ExportError, Exporter, Extension, Processor, Receiver, Refused, SideMethod, Sink, Vitals,
};
pub use factory::{Build, ComponentId, Dial, Factory, Fault, Host, Listen, ParseResult, Parsed, RawConfig};
pub use feed::{Feed, FeedLimits, Incoming, Source};
pub use health::{Health, State};
pub use inlet::Inlet;
pub use rarely::Rarely;
pub use running::{Blueprint, Drained, ExporterPart, PipelinePart, Prepared, ReceiverPart, Running};

/// What a panic said, where it said anything.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}
