//! The gateway: answers LLM requests by asking a provider, and records each as a trace. Knows trace data, trace context and the
//! way into a pipeline; knows no receiver, processor or exporter, and never waits for telemetry.

mod chat;
pub mod config;
pub mod exchange;
mod headers;
mod http;
mod incoming;
#[cfg_attr(not(test), expect(dead_code, reason = "no request asks for a permit yet"))]
mod limits;
mod meters;
pub mod providers;
mod record;
mod relay;
mod route;
mod serve;
pub mod spans;
pub mod stream;
pub mod translate;
mod upstream;
mod whole;

pub use serve::{Gateway, Server};
pub use spans::Emitter;
