//! `planoai trace listen --store FILE`: opens the file, and on a terminal tells how far that is where it takes long.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use clap::builder::{PathBufValueParser, TypedValueParser};

use crate::viewer::{Limits, Opening, Store, harmless};

/// What takes no longer needs no word.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line is written anew.
const PACE: Duration = Duration::from_millis(100);

/// Reads the option. A listener in the background leaves the directory that a relative path starts from.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(std::path::absolute)
}

/// Opens the store in that file.
///
/// # Errors
/// Why it cannot be the store.
pub(super) fn open(limits: Limits, path: &Path) -> anyhow::Result<Store> {
    let shown = stderr().is_terminal();
    let next = Arc::new(Mutex::new(Instant::now() + PATIENCE));
    let begun = Instant::now();
    let name = harmless(&path.display().to_string()).into_owned();
    let opening: Arc<Opening> = Arc::new(move |what: &str, part: f64| {
        let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
        if shown && Instant::now() >= *next {
            *next = Instant::now() + PACE;
            // A terminal that is gone is no reason to stop.
            let _ = write!(stderr(), "\rplanoai: {name}: {what}, {:.0} %\x1b[K", part * 100.0);
        }
    });
    let store = Store::open(limits, path, &opening);
    if shown && begun.elapsed() >= PATIENCE {
        let _ = write!(stderr(), "\r\x1b[K");
    }
    Ok(store?)
}
