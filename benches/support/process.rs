//! A process under test: its start, what it used (user and system time, by name of thread too, peak resident memory), its end.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

/// A port that nobody uses now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A started process. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

/// What a process has used so far.
#[derive(Clone, Default)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    /// The same, of the threads that are alive, by their names.
    threads: BTreeMap<String, f64>,
    pub(crate) peak_rss_bytes: u64,
}

impl Usage {
    pub(crate) fn since(&self, before: &Usage) -> Usage {
        let threads = self.threads.iter();
        Usage {
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            threads: threads
                .map(|(name, seconds)| (name.clone(), seconds - before.of_threads(name)))
                .collect(),
            peak_rss_bytes: self.peak_rss_bytes,
        }
    }

    /// CPU-seconds of the threads of that name.
    pub(crate) fn of_threads(&self, name: &str) -> f64 {
        self.threads.get(name).copied().unwrap_or_default()
    }
}

/// User and system time in a `stat` file; ticks are hundredths of a second there on every common Linux.
fn cpu_seconds(file: &Path) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(file)?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|text| text.parse::<f64>().ok())
            .with_context(|| format!("field {at} of {}", file.display()))
    };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

impl Running {
    /// Starts it and waits until the port answers. The folder lives as long as the process.
    pub(crate) async fn start(command: &mut Command, port: u16, folder: tempfile::TempDir) -> anyhow::Result<Running> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let running = Running {
            child,
            port,
            _folder: folder,
        };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                bail!("{command:?} does not listen after 10 s");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(running)
    }

    /// Reads `/proc`.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let process = Path::new("/proc").join(self.child.id().to_string());
        let mut threads = BTreeMap::new();
        for thread in fs::read_dir(process.join("task"))? {
            let thread = thread?.path();
            // A thread may end while we look.
            let (Ok(name), Ok(seconds)) = (
                fs::read_to_string(thread.join("comm")),
                cpu_seconds(&thread.join("stat")),
            ) else {
                continue;
            };
            *threads.entry(name.trim_end().to_owned()).or_default() += seconds;
        }
        let status = fs::read_to_string(process.join("status"))?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .context("VmHWM")?;
        let kib: u64 = peak.trim().trim_end_matches(" kB").parse()?;
        Ok(Usage {
            cpu_seconds: cpu_seconds(&process.join("stat"))?,
            threads,
            peak_rss_bytes: kib * 1024,
        })
    }

    /// Ends it: politely where it is ours to ask, by force after the deadline.
    pub(crate) fn stop(mut self, deadline: Duration) -> anyhow::Result<()> {
        rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.child),
            rustix::process::Signal::TERM,
        )?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > deadline {
                bail!("did not end within {deadline:?} of SIGTERM");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
