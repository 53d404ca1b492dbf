//! What is measured: nothing at all, the pass-through, and `planoai up` with tracing in every state, each as a process between the
//! load generator and the mock upstream.

use std::{fs, process::Command, time::Duration};

use anyhow::Context;
use tokio::runtime::Runtime;

use crate::{
    connection::Connection,
    load,
    support::{
        process::{Running, Usage, free_port},
        sink::Sink,
    },
};

/// Spans of one request: inbound, routing, llm, handoff.
const SPANS: usize = 4;

/// How the gateway records.
#[derive(Clone, Copy, PartialEq)]
enum Tracing {
    /// Off, and no signals are computed.
    Nothing,
    /// Off: nothing is exported, and the signals still count in the metrics.
    Off,
    On,
    WithContent,
    /// On, and each request is routed: the model is an alias for three targets by their latency.
    Routed,
    /// On, and nobody takes the spans.
    Dead,
}

impl Tracing {
    fn records(self) -> bool {
        !matches!(self, Tracing::Nothing | Tracing::Off)
    }
}

/// One row.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    running: Option<Running>,
    tracing: Option<Tracing>,
    metrics: u16,
    sink: Sink,
    /// Requests that it has answered.
    answered: usize,
}

/// What became of a subject's spans.
pub(crate) struct Spans {
    pub(crate) expected: usize,
    pub(crate) received: usize,
    pub(crate) offered: f64,
    pub(crate) dropped: f64,
}

/// Starts this program in another role.
pub(crate) fn role(runtime: &Runtime, name: &str, more: &[u16]) -> anyhow::Result<Running> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg(name)
        .args([port].iter().chain(more).map(ToString::to_string));
    runtime.block_on(Running::start(&mut command, port, tempfile::tempdir()?))
}

/// All rows, started, in the order of the table.
pub(crate) fn start(runtime: &Runtime, upstream: u16) -> anyhow::Result<Vec<Subject>> {
    let bare = |name, port, running| -> anyhow::Result<Subject> {
        Ok(Subject {
            name,
            port,
            running,
            tracing: None,
            metrics: 0,
            sink: runtime.block_on(Sink::start())?,
            answered: 0,
        })
    };
    let pass = role(runtime, "pass", &[upstream])?;
    let mut subjects = vec![
        bare("direct", upstream, None)?,
        bare("hyper pass-through", pass.port, Some(pass))?,
    ];
    for (name, tracing) in [
        ("planoai, off, no signals", Tracing::Nothing),
        ("planoai, tracing off", Tracing::Off),
        ("planoai, tracing on", Tracing::On),
        ("planoai, on with content", Tracing::WithContent),
        ("planoai, on, three targets", Tracing::Routed),
        ("planoai, on, exporter dead", Tracing::Dead),
    ] {
        let sink = runtime.block_on(Sink::start())?;
        let metrics = free_port()?;
        let running = runtime.block_on(gateway(tracing, upstream, sink.port, metrics))?;
        subjects.push(Subject {
            name,
            port: running.port,
            running: Some(running),
            tracing: Some(tracing),
            metrics,
            sink,
            answered: 0,
        });
    }
    Ok(subjects)
}

async fn gateway(tracing: Tracing, upstream: u16, sink: u16, metrics: u16) -> anyhow::Result<Running> {
    let (port, folder) = (free_port()?, tempfile::tempdir()?);
    let sampling = if tracing.records() { 100 } else { 0 };
    let no_signals = tracing == Tracing::Nothing;
    let content = tracing == Tracing::WithContent;
    let exporter = if tracing == Tracing::Dead { free_port()? } else { sink };
    let names: &[&str] = if tracing == Tracing::Routed {
        &["a", "b", "c"]
    } else {
        &["bench"]
    };
    let provider =
        |name| format!("{{model: custom/{name}, base_url: 'http://127.0.0.1:{upstream}', provider_interface: openai}}");
    let providers: Vec<String> = names.iter().map(provider).collect();
    let providers = providers.join(", ");
    let aliases = match tracing {
        Tracing::Routed => "{bench: {targets: [custom/a, custom/b, custom/c], strategy: least-latency}}",
        _ => "{}",
    };
    let config = format!(
        "version: v0.4.0
listeners: [{{type: model, name: bench, address: 127.0.0.1, port: {port}}}]
model_providers: [{providers}]
model_aliases: {aliases}
tracing:
  random_sampling: {sampling}
  opentracing_grpc_endpoint: http://127.0.0.1:{exporter}
  capture_content: {content}
  receiver: none
overrides: {{disable_signals: {no_signals}}}
telemetry: {{metrics_address: '127.0.0.1:{metrics}'}}
"
    );
    let file = folder.path().join("plano_config.yaml");
    fs::write(&file, config)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_planoai"));
    command.arg("up").arg(&file);
    Running::start(&mut command, port, folder).await
}

impl Subject {
    /// Connections made, code paged in; and where nobody takes the spans, all queues full.
    pub(crate) fn warm_up(&mut self, requests: usize) -> anyhow::Result<()> {
        for _ in 0..20 {
            let before = self.spans()?.dropped;
            load::closed(self.port, requests)?;
            self.answered += requests;
            let dropped = self.spans()?.dropped - before;
            if self.tracing != Some(Tracing::Dead) || dropped >= (requests * SPANS) as f64 {
                return Ok(());
            }
        }
        anyhow::bail!("{}: the queues are not full yet", self.name)
    }

    /// Runs a load and gives what the process used for it, until its last span has gone.
    pub(crate) fn measure(
        &mut self,
        runtime: &Runtime,
        load: impl FnOnce(u16) -> anyhow::Result<load::Seen>,
    ) -> anyhow::Result<(load::Seen, Usage)> {
        let before = self.usage()?;
        let seen = load(self.port).with_context(|| self.name)?;
        self.answered += seen.requests;
        match self.tracing {
            Some(Tracing::On | Tracing::WithContent | Tracing::Routed) => runtime.block_on(self.sink.settle()),
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
        Ok((seen, self.usage()?.since(&before)))
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        self.running.as_ref().map_or(Ok(Usage::default()), Running::usage)
    }

    /// What became of its spans so far.
    pub(crate) fn spans(&self) -> anyhow::Result<Spans> {
        let recorded = self.tracing.is_some_and(Tracing::records);
        let metrics = self.scrape()?;
        let sum = |name: &str| {
            let lines = metrics.lines().filter(|line| line.starts_with(name));
            let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
            values.fold(0.0, |sum, value| sum + value)
        };
        Ok(Spans {
            expected: if recorded { self.answered * SPANS } else { 0 },
            received: self.sink.spans(),
            offered: sum("plano_spans_offered_total"),
            dropped: sum("plano_spans_dropped_total"),
        })
    }

    fn scrape(&self) -> anyhow::Result<String> {
        if self.metrics == 0 {
            return Ok(String::new());
        }
        let mut text = Vec::new();
        let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        Connection::open(self.metrics)?.exchange(request, |piece| text.extend_from_slice(piece))?;
        Ok(String::from_utf8(text)?)
    }

    /// Ends the process; by force where it would first try to deliver what nobody takes.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        match self.running {
            Some(running) if self.tracing != Some(Tracing::Dead) => running.stop(Duration::from_secs(10)),
            _ => Ok(()),
        }
    }
}
