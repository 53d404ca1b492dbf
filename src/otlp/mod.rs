//! Trace data as validated OTLP wire bytes: the one type that flows through a pipeline, with the views that read it and the
//! edits that change it. No runtime, no I/O, no logging. Refuses what a strict protobuf decoder would refuse.

mod batch;
mod build;
mod edit;
mod encode;
mod id;
pub mod json;
pub mod keys;
mod pack;
mod schema;
mod splice;
mod validate;
mod value;
mod view;
mod wire;

pub use batch::TraceBatch;
pub use build::{BatchHead, SpanBuilder};
pub use edit::{Edit, SpanEdit, Value, edit_spans};
pub use id::{SpanId, TraceId};
pub use validate::{Malformed, Validated, validate};
pub use value::{ArrayRef, KvListRef, ValueRef};
pub use view::{AttributeOrEvent, EventRef, KeyValueRef, LinkRef, ResourceSpansRef, ScopeSpansRef, SpanRef, StatusRef};

#[cfg(test)]
mod tests;
