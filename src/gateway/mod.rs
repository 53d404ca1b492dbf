//! The gateway: answers LLM requests by asking a provider, and records each as a trace. Knows trace data, trace context and the
//! way into a pipeline; knows no receiver, processor or exporter, and never waits for telemetry.

mod agents;
mod attempts;
mod auth;
mod chat;
mod choose;
pub mod config;
pub mod exchange;
mod filters;
mod headers;
mod http;
mod incoming;
mod inquiry;
mod limits;
mod meters;
pub mod providers;
mod question;
mod record;
mod relay;
mod responses;
mod route;
mod serve;
pub mod spans;
pub mod stream;
pub mod translate;
mod upstream;
mod whole;

pub use serve::{Gateway, Server};
pub use spans::Emitter;
