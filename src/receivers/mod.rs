//! What takes trace data in. Adding a receiver: one file or folder here, one line in the table, one block in
//! `pipelines/reference.yaml`. Receivers never name each other.

pub mod gateway;
pub mod otlp;

use crate::pipeline::{Factory, Receiver};

/// Every receiver, sorted by type.
pub static RECEIVERS: &[Factory<dyn Receiver>] = &[Factory::of::<gateway::Config>(), Factory::of::<otlp::Config>()];
