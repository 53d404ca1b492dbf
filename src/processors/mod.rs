//! What changes spans on their way. Adding a processor: one file or folder here, one line in the table, one block in
//! `pipelines/reference.yaml`. Processors never name each other.

pub mod batch;
pub mod memory_limiter;
pub mod signals;

use crate::pipeline::{Factory, Processor};

/// Every processor, sorted by type.
pub static PROCESSORS: &[Factory<dyn Processor>] = &[
    Factory::of::<batch::Config>(),
    Factory::of::<memory_limiter::Config>(),
    Factory::of::<signals::Config>(),
];
