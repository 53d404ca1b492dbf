//! Which listeners run in the background: a file for each port, in the user's state directory, that names the process and is locked
//! by it for as long as it lives. The lock is the truth: a file without one is left from a process that was killed, whatever number
//! it holds.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::config;

/// Longest wait for somebody who only looks whether a lock is held, or has it and is about to write its number.
const MOMENT: Duration = Duration::from_secs(2);

/// Time between two looks at a lock.
pub(super) const LOOK: Duration = Duration::from_millis(10);

const PREFIX: &str = "trace-listen-";

/// The directory of the files, which only its user may enter.
#[derive(Debug, Clone)]
pub(super) struct StateFolder(PathBuf);

impl StateFolder {
    /// `$XDG_STATE_HOME/plano`, else `~/.local/state/plano`; made where there is none.
    ///
    /// # Errors
    /// Neither variable says where; the directory cannot be made.
    pub(super) fn open() -> anyhow::Result<StateFolder> {
        let path = folder(
            config::process_env("XDG_STATE_HOME").as_deref(),
            config::process_env("HOME").as_deref(),
        )?;
        let make = || -> io::Result<()> {
            DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
            // It may have been there, and open to others.
            fs::set_permissions(&path, Permissions::from_mode(0o700))
        };
        make().with_context(|| format!("the state directory {}", path.display()))?;
        Ok(StateFolder(path))
    }

    /// The file of the listener on a port.
    pub(super) fn claim(&self, port: u16) -> PathBuf {
        self.0.join(format!("{PREFIX}{port}.pid"))
    }

    /// The log of the listener on a port.
    pub(super) fn log(&self, port: u16) -> PathBuf {
        self.0.join(format!("{PREFIX}{port}.log"))
    }

    /// Ports that have a file, ascending.
    pub(super) fn ports(&self) -> io::Result<Vec<u16>> {
        let port = |name: &str| -> Option<u16> { name.strip_prefix(PREFIX)?.strip_suffix(".pid")?.parse().ok() };
        let mut ports = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            ports.extend(entry?.file_name().to_str().and_then(port));
        }
        ports.sort_unstable();
        Ok(ports)
    }
}

/// A relative path in `XDG_STATE_HOME` is to be ignored (XDG Base Directory Specification).
fn folder(state: Option<&str>, home: Option<&str>) -> anyhow::Result<PathBuf> {
    let absolute = |text: Option<&str>| text.map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute(state).or_else(|| Some(absolute(home)?.join(".local/state")));
    let state =
        state.context("neither XDG_STATE_HOME nor HOME names a directory, so there is no place for a PID and a log")?;
    Ok(state.join("plano"))
}

/// The file of a listener that runs, held by it.
#[derive(Debug)]
pub(super) struct Claim {
    file: File,
    path: PathBuf,
}

impl Claim {
    /// Takes the file for this process. `None` where another one holds it.
    pub(super) fn take(path: &Path) -> io::Result<Option<Claim>> {
        let started = Instant::now();
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let file = options.open(path)?;
            match file.try_lock() {
                // Whoever held it before may have removed it between the two steps.
                Ok(()) if is_at(&file, path) => {
                    let mut claim = Claim {
                        file,
                        path: path.to_owned(),
                    };
                    claim.write()?;
                    return Ok(Some(claim));
                }
                Ok(()) => {}
                // Somebody may just be looking.
                Err(TryLockError::WouldBlock) if started.elapsed() < MOMENT => thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let id = std::process::id();
        let text = format!("{id}\n{}\n", start_of(id).unwrap_or_default());
        self.file.set_permissions(Permissions::from_mode(0o600))?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }

    /// Removes the file; the process is about to end. Keeps the lock until it has.
    pub(super) fn remove(&self) {
        if is_at(&self.file, &self.path) {
            // Where that fails, the file is one without a lock.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(path)) => (file.dev(), file.ino()) == (path.dev(), path.ino()),
        _ => false,
    }
}

/// A listener in the background, seen from another process.
#[derive(Debug)]
pub(super) struct Holder {
    file: File,
    /// Its process.
    pub(super) id: u32,
    /// When that process started, in the system's own count; empty where the system does not tell.
    start: String,
}

impl Holder {
    /// The process that holds the file; `None` where nobody does. Changes nothing, so that looking never gets in the way.
    pub(super) fn of(path: &Path) -> io::Result<Option<Holder>> {
        let started = Instant::now();
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        loop {
            if !is_held(&file)? {
                return Ok(None);
            }
            let mut text = String::new();
            file.rewind()?;
            file.read_to_string(&mut text)?;
            let mut lines = text.split('\n');
            if let (Some(Ok(id)), Some(start), Some("")) = (lines.next().map(str::parse), lines.next(), lines.next()) {
                let start = start.to_owned();
                return Ok(Some(Holder { file, id, start }));
            }
            if started.elapsed() > MOMENT {
                return Err(io::Error::other("the file is held, and names no process"));
            }
            thread::sleep(LOOK);
        }
    }

    /// Whether the process of that number is, on this side, the one that wrote it: a container that shares the directory counts
    /// processes in its own way.
    pub(super) fn is_here(&self) -> bool {
        start_of(self.id).unwrap_or_default() == self.start
    }

    /// Whether it still runs.
    pub(super) fn lives(&self) -> io::Result<bool> {
        is_held(&self.file)
    }
}

fn is_held(file: &File) -> io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Field 22 of `/proc/PID/stat`, counted after the name, which may hold anything (proc(5)).
fn start_of(id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let start = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(start.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_where_the_variables_say() {
        for (state, home, expected) in [
            (Some("/s"), Some("/h"), Ok("/s/plano")),
            (None, Some("/h"), Ok("/h/.local/state/plano")),
            (Some(""), Some("/h"), Ok("/h/.local/state/plano")),
            (Some("relative"), Some("/h"), Ok("/h/.local/state/plano")),
            (None, None, Err(())),
            (None, Some("relative"), Err(())),
        ] {
            let found = folder(state, home).map_err(|_| ());
            assert_eq!(found, expected.map(PathBuf::from), "{state:?} {home:?}");
        }
    }

    #[test]
    fn the_lock_is_the_truth() {
        let folder = StateFolder(tempfile::tempdir().expect("a directory").keep());
        let path = folder.claim(4317);
        assert!(Holder::of(&path).expect("no file").is_none());
        fs::write(&path, "1\n1\n").expect("left by a process that is gone");
        assert!(Holder::of(&path).expect("no lock").is_none());
        let claim = Claim::take(&path).expect("a lock").expect("nobody else's");
        let holder = Holder::of(&path).expect("a lock").expect("held");
        assert_eq!(holder.id, std::process::id());
        assert!(holder.is_here() && holder.lives().expect("a lock"));
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, 0o600);
        assert!(Claim::take(&path).expect("a lock").is_none());
        assert_eq!(folder.ports().expect("a directory"), [4317]);
        claim.remove();
        assert!(Holder::of(&path).expect("no file").is_none());
        assert!(holder.lives().expect("a lock"), "until the process ends");
        drop(claim);
        assert!(!holder.lives().expect("a lock"));
        let stranger = Holder {
            start: "1".to_owned(),
            ..holder
        };
        assert!(!cfg!(target_os = "linux") || !stranger.is_here());
        fs::remove_dir_all(folder.0).expect("removed");
    }
}
