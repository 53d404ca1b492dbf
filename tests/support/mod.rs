//! What the tests of the running program share: the process with its ports and log, a next hop that keeps what it gets, and
//! clients that say exactly what a test tells them to. Loopback only; everything ends with the value that started it.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod binary;
pub(crate) mod client;
pub(crate) mod listener;
pub(crate) mod process;
pub(crate) mod sink;
pub(crate) mod spans;

use std::time::{Duration, Instant};

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something holds.
///
/// # Panics
/// Where it does not within [`PATIENCE`].
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
