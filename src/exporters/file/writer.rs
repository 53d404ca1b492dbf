//! The file itself: whole records or none, rotation by size, deletion of old files. Blocking; knows no batches. A write that
//! fails is cut off again, so that a reader never meets half a record followed by another.

use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tracing::{info, warn};

use crate::values::civil::Civil;

/// When a new file is begun, and which old ones are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rotate {
    /// Size that a file does not exceed, in bytes, unless one record does.
    pub(super) bytes: u64,
    /// Age from which an old file is deleted; zero = never.
    pub(super) age: Duration,
    /// Most old files that are kept; 0 = all.
    pub(super) backups: usize,
}

/// An open file and the end of its last whole record.
pub(super) struct Writer {
    path: PathBuf,
    file: File,
    /// Bytes up to the end of the last whole record; `None` for what has no length (a pipe, a terminal).
    end: Option<u64>,
    rotate: Option<Rotate>,
    /// Half a record could not be cut off: done again before the next write.
    torn: bool,
}

impl Writer {
    /// Opens the file and empties it, unless this process has had it open before: then what it holds is ours.
    pub(super) fn begin(path: PathBuf) -> io::Result<Writer> {
        let mut writer = Writer::append(path.clone(), None)?;
        if note_opened(&path)? == Opened::First && writer.end.is_some_and(|end| end > 0) {
            writer.file.set_len(0)?;
            writer.end = Some(0);
        }
        Ok(writer)
    }

    /// Opens the file to go on behind what it holds, even where another config of this process would empty it.
    pub(super) fn resume(path: PathBuf, rotate: Option<Rotate>) -> io::Result<Writer> {
        let writer = Writer::append(path.clone(), rotate)?;
        note_opened(&path)?;
        Ok(writer)
    }

    /// Opens the file to write behind what it holds.
    fn append(path: PathBuf, rotate: Option<Rotate>) -> io::Result<Writer> {
        let (file, end) = open(&path)?;
        Ok(Writer {
            path,
            file,
            end,
            rotate,
            torn: false,
        })
    }

    /// Ends the last line of a file whose writer was interrupted.
    pub(super) fn end_line(&mut self) -> io::Result<()> {
        if self.end.is_none_or(|end| end == 0) {
            return Ok(());
        }
        let mut last = [0];
        let mut reader = match File::open(&self.path) {
            // What may be written but not read stays as it is.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
            opened => opened?,
        };
        reader.seek(SeekFrom::End(-1))?;
        reader.read_exact(&mut last)?;
        if last != *b"\n" {
            self.write(b"\n", UNIX_EPOCH)?;
        }
        Ok(())
    }

    /// Writes a whole record or nothing. `now` names the old file where a new one is begun.
    pub(super) fn write(&mut self, record: &[u8], now: SystemTime) -> io::Result<()> {
        if self.torn {
            self.cut()?;
        }
        if let (Some(rotate), Some(end)) = (self.rotate.clone(), self.end)
            && end > 0
            && end + record.len() as u64 > rotate.bytes
        {
            self.begin_new_file(&rotate, now)?;
        }
        if let Err(e) = self.file.write_all(record) {
            self.torn = true;
            if let Err(e) = self.cut() {
                warn!(path = %self.path.display(), error = %e, "half a record could not be cut off yet");
            }
            return Err(e);
        }
        self.end = self.end.map(|end| end + record.len() as u64);
        Ok(())
    }

    /// Puts the bytes on disk, where there is one.
    pub(super) fn close(self) -> io::Result<()> {
        if self.end.is_some() {
            self.file.sync_data()
        } else {
            Ok(())
        }
    }

    /// Leaves half a record behind, as a write does that a full disk interrupts.
    #[cfg(test)]
    pub(super) fn tear(&mut self, half: &[u8]) {
        self.file.write_all(half).expect("room in a test");
        self.torn = true;
    }

    /// Cuts what stands behind the last whole record.
    fn cut(&mut self) -> io::Result<()> {
        if let Some(end) = self.end {
            self.file.set_len(end)?;
        }
        self.torn = false;
        Ok(())
    }

    fn begin_new_file(&mut self, rotate: &Rotate, now: SystemTime) -> io::Result<()> {
        let backup = self.free_backup_name(now);
        fs::rename(&self.path, &backup)?;
        match open(&self.path) {
            Ok((file, end)) => (self.file, self.end) = (file, end),
            Err(e) => {
                // The old file is still open: give it its name back, so that writing can go on there.
                fs::rename(&backup, &self.path)?;
                return Err(e);
            }
        }
        info!(path = %self.path.display(), backup = %backup.display(), "began a new file");
        if let Err(e) = self.delete_old(rotate, now) {
            warn!(path = %self.path.display(), error = %e, "old files could not be deleted");
        }
        Ok(())
    }

    fn free_backup_name(&self, now: SystemTime) -> PathBuf {
        let mut now = now;
        loop {
            let (prefix, suffix) = self.around_stamp();
            let name = self.path.with_file_name(format!("{prefix}{}{suffix}", stamp(now)));
            if !name.exists() {
                return name;
            }
            now += Duration::from_millis(1);
        }
    }

    /// What stands before and behind the moment in the names of old files: `traces-` and `.json`.
    fn around_stamp(&self) -> (String, String) {
        let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let suffix = match part(self.path.extension()) {
            extension if extension.is_empty() => extension,
            extension => format!(".{extension}"),
        };
        (format!("{}-", part(self.path.file_stem())), suffix)
    }

    fn delete_old(&self, rotate: &Rotate, now: SystemTime) -> io::Result<()> {
        let (prefix, suffix) = self.around_stamp();
        let directory = match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut stamps: Vec<String> = fs::read_dir(directory)?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| Some(name.strip_prefix(&prefix)?.strip_suffix(&suffix)?.to_owned()))
            .filter(|text| is_stamp(text))
            .collect();
        // Newest first: stamps sort as their moments do.
        stamps.sort_unstable_by(|a, b| b.cmp(a));
        let oldest = (!rotate.age.is_zero())
            .then(|| now.checked_sub(rotate.age).map(stamp))
            .flatten();
        for (number, text) in stamps.iter().enumerate() {
            let surplus = rotate.backups > 0 && number >= rotate.backups;
            if surplus || oldest.as_ref().is_some_and(|oldest| text < oldest) {
                fs::remove_file(directory.join(format!("{prefix}{text}{suffix}")))?;
            }
        }
        Ok(())
    }
}

/// Whether this process has had a file open before.
#[derive(PartialEq)]
enum Opened {
    First,
    Again,
}

/// Files that this process has had open. A new config may name the file of the one before, whose records must stay. Grows by
/// one entry for each file that a config names.
static OPENED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Takes note of a file that is open now.
fn note_opened(path: &Path) -> io::Result<Opened> {
    let mut opened = OPENED.lock().expect("no holder panics");
    Ok(if opened.insert(fs::canonicalize(path)?) {
        Opened::First
    } else {
        Opened::Again
    })
}

/// Whether [`open`] would work now. What is no plain file is not tried: a reader of a pipe would meet its end.
pub(super) fn check(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() && !found.is_dir() => Ok(()),
        _ => open(path).map(drop),
    }
}

/// Opens a file for appending; its length where it has one.
fn open(path: &Path) -> io::Result<(File, Option<u64>)> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let metadata = file.metadata()?;
    let end = metadata.is_file().then_some(metadata.len());
    Ok((file, end))
}

/// Makes a directory and those above it.
pub(super) fn make_directory(directory: &Path, mode: u32) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    #[cfg(not(unix))]
    let _ = mode;
    builder.create(directory)
}

/// A moment as names of old files carry it: `2026-11-23T12-30-00.042`.
fn stamp(moment: SystemTime) -> String {
    let nanos = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let c = Civil::from_unix_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    format!(
        "{:04}-{:02}-{:02}T{:02}-{:02}-{:02}.{:03}",
        c.year,
        c.month,
        c.day,
        c.hour,
        c.minute,
        c.second,
        c.nanos / 1_000_000
    )
}

fn is_stamp(text: &str) -> bool {
    let form = b"0000-00-00T00-00-00.000";
    text.len() == form.len()
        && text.bytes().zip(form).all(|(found, form)| match form {
            b'0' => found.is_ascii_digit(),
            _ => found == *form,
        })
}
