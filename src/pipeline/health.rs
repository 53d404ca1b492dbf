//! Where the process stands: starting, ready, draining; and whether the engine still makes progress.

use std::sync::Arc;

/// A stage of the process's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Ports are being taken.
    Starting,
    /// Data moves.
    Ready,
    /// No new data; queues empty themselves.
    Draining,
    /// A part that has work has made no progress for too long.
    Stuck,
}

/// Shared by the engine, which writes it, and those who answer health checks.
#[derive(Debug, Clone, Default)]
pub struct Health {
    _inner: Arc<()>,
}

impl Health {
    /// The stage now.
    pub fn state(&self) -> State {
        todo!()
    }
}
