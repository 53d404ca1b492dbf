//! What sends trace data on. Adding an exporter: one file or folder here, one line in the table, one block in
//! `pipelines/reference.yaml`. Exporters never name each other.

use crate::pipeline::{Exporter, Factory};

/// Every exporter, sorted by type.
pub static EXPORTERS: &[Factory<dyn Exporter>] = &[];
