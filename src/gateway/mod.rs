//! The gateway: answers LLM requests by asking a provider, and records each as a trace. Knows trace data, trace context and the
//! way into a pipeline; knows no receiver, processor or exporter, and never waits for telemetry.

mod chat;
pub mod config;
pub mod exchange;
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        unused_imports,
        reason = "requests and answers are not led through it yet"
    )
)]
mod filters;
mod headers;
mod http;
mod incoming;
mod meters;
pub mod providers;
mod record;
mod relay;
mod serve;
pub mod spans;
pub mod stream;
pub mod translate;
mod upstream;
mod whole;

pub use serve::{Gateway, Server};
pub use spans::Emitter;
