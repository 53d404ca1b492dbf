//! What stands beside the pipelines. Adding an extension: one file here, one line in the table, one block in
//! `pipelines/reference.yaml`. Extensions never name each other.

use crate::pipeline::{Extension, Factory};

/// Every extension, sorted by type.
pub static EXTENSIONS: &[Factory<dyn Extension>] = &[];
