//! The process under test: its config, its start, what it used (user and system time, peak resident memory), its end.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use crate::load::{Encoding, Kind};

/// One program in one configuration.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) enriches: bool,
    program: String,
    args: fn(own: u16, target: u16, config: &str) -> Vec<String>,
    config: Option<String>,
}

/// Everything that runs in one table, the relay first.
pub(crate) fn subjects(kind: Kind, encoding: Encoding) -> Vec<Subject> {
    let this = std::env::current_exe()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    let ours = |name: &str, processors: &str, enriches| Subject {
        name: name.to_owned(),
        enriches,
        program: env!("CARGO_BIN_EXE_planoai").to_owned(),
        args: |_, _, config| vec!["collector".to_owned(), "--config".to_owned(), config.to_owned()],
        config: Some(config(encoding, processors)),
    };
    let mut subjects = vec![
        Subject {
            name: "TCP relay".to_owned(),
            enriches: false,
            program: this,
            args: |own, target, _| vec!["relay".to_owned(), own.to_string(), target.to_string()],
            config: None,
        },
        ours("planoai, batch", "batch", false),
        ours("planoai, signals and batch", "signals, batch", kind == Kind::Chat),
    ];
    if let Ok(program) = std::env::var("OTELCOL_BIN") {
        subjects.push(Subject {
            name: "OpenTelemetry Collector, batch".to_owned(),
            program,
            ..ours("", "batch", false)
        });
        subjects.last_mut().expect("just pushed").args = |_, _, config| vec!["--config".to_owned(), config.to_owned()];
    }
    subjects
}

/// A config that both we and the Collector read; `OWN` and `TARGET` stand for the ports.
fn config(encoding: Encoding, processors: &str) -> String {
    let compression = if encoding == Encoding::Gzip { "gzip" } else { "none" };
    let signals = if processors.contains("signals") {
        "  signals:\n"
    } else {
        ""
    };
    format!(
        "receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:OWN
processors:
{signals}  batch:
exporters:
  otlp_grpc:
    endpoint: 127.0.0.1:TARGET
    compression: {compression}
    tls:
      insecure: true
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      processors: [{processors}]
      exporters: [otlp_grpc]
"
    )
}

impl Subject {
    /// Starts it between a free port and the sink's, and waits until the port answers.
    pub(crate) async fn start(&self, target: u16) -> anyhow::Result<Running> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("config.yaml");
        if let Some(config) = &self.config {
            fs::write(
                &file,
                config
                    .replace("OWN", &port.to_string())
                    .replace("TARGET", &target.to_string()),
            )?;
        }
        let child = Command::new(&self.program)
            .args((self.args)(port, target, &file.display().to_string()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", self.program))?;
        let running = Running {
            child,
            port,
            _folder: folder,
        };
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                bail!("{} does not listen after 10 s", self.name);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(running)
    }
}

/// A started subject. Killed when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

/// What a process has used so far.
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_bytes: u64,
}

impl Usage {
    pub(crate) fn since(&self, before: &Usage) -> Usage {
        Usage {
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            peak_rss_bytes: self.peak_rss_bytes,
        }
    }
}

impl Running {
    /// Reads `/proc`; ticks are hundredths of a second there on every common Linux.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| {
            fields
                .get(at)
                .and_then(|text| text.parse::<f64>().ok())
                .context("/proc/stat")
        };
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .context("VmHWM")?;
        let kib: u64 = peak.trim().trim_end_matches(" kB").parse()?;
        Ok(Usage {
            cpu_seconds: (ticks(11)? + ticks(12)?) / 100.0,
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
