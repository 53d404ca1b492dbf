//! How far a long run is, on a terminal that shows nothing else of it.

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// Work that is shorter shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two changes of the line.
const PAUSE: Duration = Duration::from_millis(200);

/// A line on stderr that is written over.
pub(super) struct Progress {
    /// When it is written next; never where nobody would see it, or the reports show it already.
    next: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    /// Starts the clock. `quiet` says that nothing else shows how far it is.
    pub(super) fn new(quiet: bool) -> Progress {
        let is_seen = io::stderr().is_terminal() && quiet;
        Progress {
            next: is_seen.then(|| Instant::now() + PATIENCE),
            is_shown: false,
        }
    }

    /// Shows how much is done, where it is time to.
    pub(super) fn show(&mut self, done: impl FnOnce() -> String) {
        let now = Instant::now();
        if self.next.is_some_and(|next| next <= now) {
            self.next = Some(now + PAUSE);
            self.is_shown = true;
            // Where it cannot be written there is nobody to tell.
            let _ = write!(io::stderr(), "\r{} …", done());
        }
    }

    /// Leaves an empty line to what comes next.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
