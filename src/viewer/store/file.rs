//! The file behind a store: one database in which each piece of a trace stands under its place in the order of arrival. Crash-safe:
//! what a commit returned for is there after the next opening. Refuses every file that it did not begin itself, and leaves it as
//! it is.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use redb::{
    Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, StorageError,
    TableDefinition, TableHandle as _, backends::FileBackend,
};

use super::{Dropped, held::Piece, journal::Changes};
use crate::otlp::validate;

/// Pieces as OTLP on the wire, by their place in the order of arrival.
const PIECES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("plano.pieces");
/// `format`, `identity` and what was dropped.
const FACTS: TableDefinition<'_, &str, u64> = TableDefinition::new("plano.facts");

/// What this version writes, and the newest that it reads.
const FORMAT: u64 = 1;

/// What a database file begins with.
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// Memory of the database itself, which has to do with what was written last and never reads again.
const CACHE_BYTES: usize = 8 << 20;

/// A file is made smaller at its opening where more than half of it is unused, and this much.
const WORTH_COMPACTING: u64 = 16 << 20;

/// Shown how far the opening of a file is: what is being done, and the done part of it from 0 to 1.
pub type Opening = dyn Fn(&str, f64) + Send + Sync;

/// Why a file cannot be a store, or cannot be written any more; one sentence, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--store {}: {why}", path.display())]
pub struct StoreError {
    path: PathBuf,
    why: String,
}

impl StoreError {
    pub(super) fn new(path: &Path, why: String) -> StoreError {
        StoreError {
            path: path.to_owned(),
            why,
        }
    }
}

/// An open file.
pub(super) struct File {
    path: PathBuf,
    database: Database,
    /// Tells the file from another one that came in its place.
    place: Place,
    /// Tells its content from that of another store.
    pub(super) identity: u64,
    dropped: Dropped,
}

/// Where a file lies, beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place(u64, u64);

impl Place {
    #[cfg(unix)]
    fn of(metadata: &fs::Metadata) -> Place {
        use std::os::unix::fs::MetadataExt as _;
        Place(metadata.dev(), metadata.ino())
    }

    /// Such a file cannot be taken away while it is open.
    #[cfg(not(unix))]
    fn of(_metadata: &fs::Metadata) -> Place {
        Place(0, 0)
    }
}

impl File {
    /// Opens a file that is there, or begins one.
    pub(super) fn open(path: &Path, opening: &Arc<Opening>) -> Result<File, StoreError> {
        let fault = |why: String| StoreError::new(path, why);
        let (file, place) = open_plain(path).map_err(fault)?;
        let backend = FileBackend::new(file).map_err(|error| fault(words(error)))?;
        let shown = Arc::clone(opening);
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            // A file that was cut or altered is told so, instead of being trusted.
            .set_check_integrity_on_open(true)
            .set_repair_callback(move |session| shown("checking", session.progress()))
            .create_with_backend(backend)
            .map_err(|error| fault(words(error)))?;
        let (identity, dropped) = facts(&database).map_err(fault)?;
        Ok(File {
            path: path.to_owned(),
            database,
            place,
            identity,
            dropped,
        })
    }

    /// What was dropped since the file was begun.
    pub(super) fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Hands over every piece, oldest first.
    pub(super) fn read(&self, opening: &Opening, mut each: impl FnMut(Piece)) -> Result<(), StoreError> {
        let read = self.database.begin_read().map_err(|error| self.fault(damage(error)))?;
        let pieces = read.open_table(PIECES).map_err(|error| self.fault(damage(error)))?;
        let all = pieces.len().map_err(|error| self.fault(damage(error)))?.max(1);
        let rows = pieces.iter().map_err(|error| self.fault(damage(error)))?;
        for (row, done) in rows.zip(0_u32..) {
            let (sequence, wire) = row.map_err(|error| self.fault(damage(error)))?;
            let batch = match validate(Bytes::copy_from_slice(wire.value())) {
                Ok(valid) if valid.rejected_spans == 0 && !valid.batch.is_empty() => valid.batch,
                Ok(_) => return Err(self.fault(damage("a piece without spans"))),
                Err(error) => return Err(self.fault(damage(error))),
            };
            each(Piece {
                sequence: sequence.value(),
                batch,
            });
            opening("reading", f64::from(done) / all as f64);
        }
        Ok(())
    }

    /// The places of all pieces.
    pub(super) fn sequences(&self) -> Result<Vec<u64>, StoreError> {
        let read = || -> Result<Vec<u64>, redb::Error> {
            let pieces = self.database.begin_read()?.open_table(PIECES)?;
            let rows = pieces.iter()?;
            rows.map(|row| Ok(row?.0.value())).collect()
        };
        read().map_err(|error| self.fault(damage(error)))
    }

    /// Writes all of it or nothing. When it returns well, it is on the disk.
    pub(super) fn write(&mut self, changes: &Changes, dropped: Dropped) -> Result<(), StoreError> {
        let here = fs::metadata(&self.path).map(|metadata| Place::of(&metadata));
        if here.ok() != Some(self.place) {
            return Err(self.fault("it was removed or replaced while it was in use".to_owned()));
        }
        let commit = || -> Result<(), redb::Error> {
            let write = self.database.begin_write()?;
            {
                let mut pieces = write.open_table(PIECES)?;
                for piece in changes.new_pieces() {
                    pieces.insert(piece.sequence, &*piece.batch.clone().into_contiguous())?;
                }
                for sequence in changes.removed() {
                    pieces.remove(sequence)?;
                }
                if dropped != self.dropped {
                    let mut facts = write.open_table(FACTS)?;
                    facts.insert("dropped.traces", dropped.traces)?;
                    facts.insert("dropped.spans", dropped.spans)?;
                }
            }
            Ok(write.commit()?)
        };
        commit().map_err(|error| self.fault(unwritten(error)))?;
        self.dropped = dropped;
        Ok(())
    }

    /// Gives unused room back, where that is worth the time. What it holds is not touched.
    pub(super) fn compact(&mut self, used_bytes: u64) -> Result<(), StoreError> {
        let length = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if length > WORTH_COMPACTING + 2 * used_bytes {
            let compacted = self.database.compact();
            compacted.map_err(|error| self.fault(unwritten(error)))?;
        }
        Ok(())
    }

    pub(super) fn fault(&self, why: String) -> StoreError {
        StoreError::new(&self.path, why)
    }
}

/// Opens it as any file, or makes it, readable by its owner alone: it holds what was said.
fn open_plain(path: &Path) -> Result<(fs::File, Place), String> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            return Err("it is a directory; name a file, such as traces.db in it".to_owned());
        }
        Ok(metadata) if !metadata.is_file() => return Err("it is no regular file; name another".to_owned()),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let unreachable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => {
            "the directory that it shall lie in does not exist; make it, or name another".to_owned()
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            format!("{error}; it must be a file that may be read and written")
        }
        _ => error.to_string(),
    };
    let mut file = options.open(path).map_err(unreachable)?;
    let mut start = Vec::new();
    (&mut file)
        .take(MAGIC.len() as u64)
        .read_to_end(&mut start)
        .and_then(|_| file.rewind())
        .map_err(|error| error.to_string())?;
    if !start.is_empty() && start != MAGIC {
        return Err(FOREIGN.to_owned());
    }
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    Ok((file, Place::of(&metadata)))
}

const FOREIGN: &str = "it is a file of another kind and was left as it is; name another";

/// Reads what the database says of itself, and says it where it is new.
fn facts(database: &Database) -> Result<(u64, Dropped), String> {
    let read = database.begin_read().map_err(damage)?;
    let tables: Vec<String> = match read.list_tables() {
        Ok(tables) => tables.map(|table| table.name().to_owned()).collect(),
        Err(error) => return Err(damage(error)),
    };
    if tables.is_empty() {
        drop(read);
        return begin(database).map_err(unwritten);
    }
    let ours = [PIECES.name(), FACTS.name()];
    if !tables.iter().any(|table| ours.contains(&table.as_str())) {
        return Err(FOREIGN.to_owned());
    }
    let facts = read.open_table(FACTS).map_err(damage)?;
    let fact = |name: &str| facts.get(name).map(|found| found.map_or(0, |value| value.value()));
    let format = fact("format").map_err(damage)?;
    if format > FORMAT {
        return Err(format!(
            "a newer planoai wrote it (format {format}; this one knows {FORMAT}) and it was left as it is; use that one, or name \
             another file"
        ));
    }
    if format == 0 || tables.len() < ours.len() {
        return Err(damage("it says no format"));
    }
    let dropped = Dropped {
        traces: fact("dropped.traces").map_err(damage)?,
        spans: fact("dropped.spans").map_err(damage)?,
    };
    Ok((fact("identity").map_err(damage)?, dropped))
}

fn begin(database: &Database) -> Result<(u64, Dropped), redb::Error> {
    let identity = fastrand::u64(..);
    let write = database.begin_write()?;
    write.open_table(PIECES)?;
    {
        let mut facts = write.open_table(FACTS)?;
        facts.insert("format", FORMAT)?;
        facts.insert("identity", identity)?;
    }
    write.commit()?;
    Ok((identity, Dropped::default()))
}

/// Why the database could not be opened.
fn words(error: DatabaseError) -> String {
    match error {
        DatabaseError::DatabaseAlreadyOpen => {
            "another process has it open, most likely another `planoai trace listen`; end that one, or name another file".to_owned()
        }
        DatabaseError::UpgradeRequired(_) => "it is of a kind that is no longer read, and was left as it is".to_owned(),
        DatabaseError::Storage(StorageError::Io(error)) if !is_damage(&error) => unwritten(error),
        other => damage(other),
    }
}

/// What reading says of a file that was cut or altered.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

fn damage(error: impl std::fmt::Display) -> String {
    format!("it is damaged ({error}); put it aside, or back from a copy, and start again")
}

fn unwritten(error: impl std::fmt::Display) -> String {
    format!("it cannot be written ({error})")
}
