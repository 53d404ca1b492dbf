//! Keeps a file up to date with the store, so that a success told to a sender outlives the process. Many senders share a commit:
//! one of them writes what all have brought, the others wait for it. While the file cannot be written the store goes on in memory,
//! senders are told to try again, and the file is tried again from time to time; what it lacks then is found by comparing.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

use super::{
    Limits,
    file::{File, Opening, StoreError},
    held::{Piece, spans},
    lock,
    state::State,
};
use crate::pipeline::ExportError;

/// How long a file that could not be written is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// What a file lacks, and what it has too much.
#[derive(Debug, Default)]
pub(super) struct Changes {
    new: BTreeMap<u64, Arc<Piece>>,
    removed: Vec<u64>,
}

impl Changes {
    pub(super) fn put(&mut self, piece: Arc<Piece>) {
        self.new.insert(piece.sequence, piece);
    }

    /// What never got into the file need not be taken out of it.
    pub(super) fn remove(&mut self, sequence: u64) {
        if self.new.remove(&sequence).is_none() {
            self.removed.push(sequence);
        }
    }

    pub(super) fn new_pieces(&self) -> impl Iterator<Item = &Arc<Piece>> {
        self.new.values()
    }

    pub(super) fn removed(&self) -> &[u64] {
        &self.removed
    }

    fn is_empty(&self) -> bool {
        self.new.is_empty() && self.removed.is_empty()
    }
}

/// The file, and who waits for it.
pub(super) struct Journal {
    state: Arc<Mutex<State>>,
    saved: Arc<AtomicU64>,
    writer: Arc<Turns<Writer>>,
}

/// Whoever has the turn writes for all.
struct Writer {
    path: PathBuf,
    identity: u64,
    /// The state's count of changes up to which the file has everything.
    saved: Arc<AtomicU64>,
    file: Result<File, Failure>,
}

struct Failure {
    since: Instant,
    error: StoreError,
}

impl Failure {
    fn now(error: StoreError) -> Failure {
        Failure {
            since: Instant::now(),
            error,
        }
    }
}

impl Journal {
    /// Fills the state from the file, within the limits.
    pub(super) fn open(
        path: &Path,
        state: &Arc<Mutex<State>>,
        limits: Limits,
        opening: &Arc<Opening>,
    ) -> Result<Journal, StoreError> {
        let mut file = File::open(path, opening)?;
        let mut filled = lock(state);
        filled.dropped = file.dropped();
        filled.unsaved = Some(Changes::default());
        file.read(&**opening, |piece| {
            let id = spans(&piece.batch).next().map(|(_, _, span)| span.trace_id());
            if let Some(id) = id {
                filled.restore(id, Arc::new(piece));
                filled.shrink(limits);
            }
        })?;
        let lacking = filled.unsaved.replace(Changes::default()).unwrap_or_default();
        if !lacking.is_empty() {
            file.write(&lacking, filled.dropped)?;
        }
        file.compact(filled.bytes as u64)?;
        let saved = Arc::new(AtomicU64::new(filled.changed));
        let writer = Writer {
            path: path.to_owned(),
            identity: file.identity,
            saved: Arc::clone(&saved),
            file: Ok(file),
        };
        Ok(Journal {
            state: Arc::clone(state),
            saved,
            writer: Arc::new(Turns::new(writer)),
        })
    }

    /// What ends when everything up to that count of changes is in the file; none where it is.
    pub(super) fn pending(&self, changed: u64) -> Option<BoxFuture<'_, Result<(), ExportError>>> {
        if self.has(changed) {
            return None;
        }
        Some(Box::pin(async move {
            // In the order of asking. Whoever's changes were written by another meanwhile is done.
            let turn = Arc::clone(&self.writer).lock_owned().await;
            if self.has(changed) {
                return Ok(());
            }
            let state = Arc::clone(&self.state);
            // The turn goes along: it ends with the commit, also where the one who waits goes away before.
            let commit = tokio::task::spawn_blocking(move || save(turn, &state));
            let outcome = commit.await.map_err(anyhow::Error::new);
            let outcome = outcome.and_then(|saved| saved.map_err(anyhow::Error::new));
            outcome.map_err(|source| ExportError::Retry {
                after: Some(PAUSE),
                source: source.context("the traces are kept in memory only"),
            })
        }))
    }

    /// Keeps all others waiting.
    #[cfg(test)]
    pub(super) async fn turn(&self) -> impl Drop {
        Arc::clone(&self.writer).lock_owned().await
    }

    fn has(&self, changed: u64) -> bool {
        self.saved.load(Ordering::Acquire) >= changed
    }
}

/// Writes everything that the state has by now.
fn save(mut turn: OwnedMutexGuard<Writer>, state: &Mutex<State>) -> Result<(), StoreError> {
    let writer = &mut *turn;
    if let Err(failure) = &writer.file
        && failure.since.elapsed() < PAUSE
    {
        return Err(failure.error.clone());
    }
    // Should a commit panic, the file counts as lost until it was compared with what is held.
    let interrupted = Failure::now(StoreError::new(&writer.path, "writing was interrupted".to_owned()));
    let written = match std::mem::replace(&mut writer.file, Err(interrupted)) {
        Ok(file) => write(file, state),
        Err(_) => reopen(&writer.path, writer.identity, state),
    };
    match written {
        Ok((file, changed)) => {
            writer.identity = file.identity;
            writer.file = Ok(file);
            writer.saved.store(changed, Ordering::Release);
            Ok(())
        }
        Err(error) => {
            // Nothing is gathered for a file that may never come back: what it lacks is found when it does.
            lock(state).unsaved = None;
            writer.file = Err(Failure::now(error.clone()));
            Err(error)
        }
    }
}

/// Writes what was gathered; the count of changes up to which the file then has everything.
fn write(mut file: File, state: &Mutex<State>) -> Result<(File, u64), StoreError> {
    let mut now = lock(state);
    let changes = now.unsaved.replace(Changes::default()).unwrap_or_default();
    let (dropped, changed) = (now.dropped, now.changed);
    drop(now);
    file.write(&changes, dropped)?;
    Ok((file, changed))
}

/// Opens the file anew and brings it up to date.
fn reopen(path: &Path, identity: u64, state: &Mutex<State>) -> Result<(File, u64), StoreError> {
    let silent: Arc<Opening> = Arc::new(|_: &str, _| {});
    let mut file = File::open(path, &silent)?;
    let there = file.sequences()?;
    if file.identity != identity && !there.is_empty() {
        return Err(file.fault("the store of another listener lies there now; move it away".to_owned()));
    }
    let mut now = lock(state);
    now.unsaved = Some(Changes::default());
    let mut lacking: HashMap<u64, Arc<Piece>> = now.pieces().map(|piece| (piece.sequence, Arc::clone(piece))).collect();
    let (dropped, changed) = (now.dropped, now.changed);
    drop(now);
    let mut changes = Changes::default();
    for sequence in there {
        if lacking.remove(&sequence).is_none() {
            changes.removed.push(sequence);
        }
    }
    changes.new.extend(lacking);
    file.write(&changes, dropped)?;
    Ok((file, changed))
}
