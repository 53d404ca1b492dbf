//! What stands beside the pipelines. Adding an extension: one file here, one line in the table, one block in
//! `pipelines/reference.yaml`. Extensions never name each other.

pub mod basicauth;
pub mod bearertokenauth;
pub mod health_check;
pub mod pprof;
pub mod sigv4auth;
pub mod zpages;

use crate::pipeline::{Extension, Factory};

/// Every extension, sorted by type.
pub static EXTENSIONS: &[Factory<dyn Extension>] = &[
    Factory::of::<basicauth::Config>(),
    Factory::of::<bearertokenauth::Config>(),
    Factory::of::<health_check::Config>(),
    Factory::of::<pprof::Config>(),
    Factory::of::<sigv4auth::Config>(),
    Factory::of::<zpages::Config>(),
];
