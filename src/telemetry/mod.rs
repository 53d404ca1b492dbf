//! Our own logs and `/metrics`. What is measured, the components and the engine decide; here it is written and served.

pub mod logs;
mod metrics;
mod process;
mod server;

pub use metrics::Metrics;
pub use server::MetricsServer;
