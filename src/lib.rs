//! x
pub mod signals;
