//! The kinds of value that configs are written in: durations and secrets. Pure data, shared by every layer above.

pub mod duration;
pub mod foreign;
mod secret;

pub use secret::Secret;
