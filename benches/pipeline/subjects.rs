//! The programs that run in one table, and their configs.

use std::{fs, process::Command};

use crate::{
    load::{Encoding, Kind},
    support::process::{Running, free_port},
};

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
        let port = free_port()?;
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
        let mut command = Command::new(&self.program);
        command.args((self.args)(port, target, &file.display().to_string()));
        Running::start(&mut command, port, folder).await
    }
}
