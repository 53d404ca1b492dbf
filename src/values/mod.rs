//! Kinds of value that every layer above shares: durations, sizes, addresses and secrets as configs write them, trees of JSON, trees read
//! into configs with every fault in them, calendar dates, foreign text made harmless. Pure data.

pub mod civil;
pub mod duration;
mod endpoint;
mod fault;
pub mod foreign;
pub mod json;
pub mod prices;
pub mod reading;
mod secret;
pub mod size;
pub mod suggest;
pub mod tree;
mod wording;

pub use endpoint::{Endpoint, redacted};
pub use fault::Fault;
pub use secret::Secret;
