//! `planoai trace listen --background`: the program starts itself once more, in a session of its own, and ends when the other one
//! listens. The other one writes to the terminal until then, and to a log from then on. `stop` ends it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::{
    claim::{Claim, Holder, StateFolder},
    complain,
};

/// What the listener tells the process that started it, over a pipe.
const READY: &str = "ready\n";

/// Size of a log from which on another one is begun; the last one is kept.
const MAX_LOG: u64 = 4 << 20;

/// Time between two looks at the log's size.
const LOG_CHECK: Duration = Duration::from_secs(10);

/// Starts the listener and waits until it listens. `port`: what it shall listen on; 0 for any.
///
/// # Errors
/// What kept it from being started; what it says itself goes to the terminal.
pub(super) fn start(port: u16) -> anyhow::Result<ExitCode> {
    let folder = StateFolder::open()?;
    if port > 0
        && let Some(holder) = Holder::of(&folder.claim(port))?
    {
        complain(&format!(
            "a listener runs in the background on port {port} already (PID {}); {} ends it",
            holder.id,
            stop_command(port)
        ));
        return Ok(ExitCode::FAILURE);
    }
    let program = std::env::current_exe().context("finding this program")?;
    // `trace listen`, then the rest as the user wrote it.
    let mut words: Vec<_> = std::env::args_os().skip(1).collect();
    words.insert(words.len().min(2), "--detached".into());
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting the listener")?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    // Both end when the listener ends, or has moved its output to the log.
    let mut said = stderr.context("the listener's messages")?;
    io::copy(&mut said, &mut io::stderr()).context("passing on what the listener says")?;
    let mut told = String::new();
    let mut stdout = stdout.context("the listener's answer")?;
    stdout.read_to_string(&mut told).context("hearing from the listener")?;
    if told == READY {
        return Ok(ExitCode::SUCCESS);
    }
    let status = child.wait().context("waiting for the listener")?;
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .filter(|code| *code > 0);
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// How a listener on a port is ended.
pub(super) fn stop_command(port: u16) -> String {
    match port {
        super::DEFAULT_PORT => "`planoai trace stop`".to_owned(),
        port => format!("`planoai trace stop --port {port}`"),
    }
}

/// The listener's side, before anything else: leaves the terminal's session, so that nothing that happens to it ends the listener.
///
/// # Errors
/// The system says no.
pub(super) fn leave_session() -> anyhow::Result<()> {
    rustix::process::setsid().context("leaving the terminal's session")?;
    Ok(())
}

/// A listener that has settled in the background.
pub(super) struct Settled {
    claim: Claim,
    log: PathBuf,
}

impl Settled {
    /// Records this process, moves its output to the log and lets the process that waits go. Nothing is to be opened by a
    /// relative path after this.
    ///
    /// # Errors
    /// Another one is recorded for the port; files that cannot be written; nobody waits any more.
    pub(super) fn on(port: u16) -> anyhow::Result<Settled> {
        let folder = StateFolder::open()?;
        let path = folder.claim(port);
        let claim = Claim::take(&path).with_context(|| path.display().to_string())?;
        let claim = claim.with_context(|| {
            format!(
                "another listener runs in the background on port {port}; {} ends it",
                stop_command(port)
            )
        })?;
        let settled = Settled {
            claim,
            log: folder.log(port),
        };
        settled.move_output().inspect_err(|_| settled.claim.remove())?;
        Ok(settled)
    }

    fn move_output(&self) -> anyhow::Result<()> {
        let log = open_log(&self.log).with_context(|| self.log.display().to_string())?;
        std::env::set_current_dir("/").context("leaving the directory")?;
        complain(&format!("log:   {}", self.log.display()));
        let mut out = io::stdout().lock();
        out.write_all(READY.as_bytes())
            .and_then(|()| out.flush())
            .context("nobody waits for the listener any more")?;
        rustix::stdio::dup2_stdout(&log)?;
        rustix::stdio::dup2_stderr(&log)?;
        Ok(())
    }

    /// Keeps the log small until `stop`.
    pub(super) fn keep_log_small(&self, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static {
        let log = self.log.clone();
        async move {
            let mut ticks = tokio::time::interval(LOG_CHECK);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                if fs::metadata(&log).is_ok_and(|log| log.len() >= MAX_LOG) {
                    // Where no new file can be had, the old one goes on.
                    let _ = open_log(&log).and_then(|new| Ok(rustix::stdio::dup2_stderr(&new)?));
                }
            }
        }
    }

    /// Its end: the record goes. To be kept until the process ends.
    pub(super) fn end(&self) {
        self.claim.remove();
    }
}

/// Opens the log for appending; a large one is put aside first.
fn open_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|log| log.len() >= MAX_LOG) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_log_is_put_aside() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("x.log");
        for text in ["one\n", "two\n"] {
            open_log(&path)
                .expect("opened")
                .write_all(text.as_bytes())
                .expect("written");
        }
        assert_eq!(fs::read_to_string(&path).expect("a log"), "one\ntwo\n");
        File::options()
            .write(true)
            .open(&path)
            .and_then(|log| log.set_len(MAX_LOG))
            .expect("a large one");
        open_log(&path).expect("opened").write_all(b"three\n").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("a log"), "three\n");
        let aside = fs::metadata(folder.path().join("x.log.1")).expect("the one before");
        assert_eq!(aside.len(), MAX_LOG);
    }
}
