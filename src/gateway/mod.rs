//! The gateway: answers LLM requests by asking a provider, and records each as a trace. Knows trace data, trace context and the
//! way into a pipeline; knows no receiver, processor or exporter, and never waits for telemetry.

pub mod config;
pub mod exchange;
pub mod providers;
pub mod spans;
pub mod stream;
