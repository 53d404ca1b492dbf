//! Kinds of value that every layer above shares: durations, addresses and secrets as configs write them, trees read into configs,
//! calendar dates, foreign text made harmless, suggestions for
//! misspelt words. Pure data.

pub mod civil;
pub mod duration;
mod endpoint;
pub mod foreign;
mod secret;
pub mod suggest;
pub mod tree;

pub use endpoint::{Endpoint, redacted};
pub use secret::Secret;
