//! `planoai trace listen`: the pipeline with the viewer's store at its end. Whoever reaches the ports may send; only this
//! machine may read. Everything is in memory and gone with the process.

use std::{collections::HashMap, net::SocketAddr, pin::pin, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Args;
use serde_json::json;
use tokio::{
    runtime::Handle,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{DEFAULT_PORT, complain};
use crate::cli::stop::Signals;
use crate::{
    config::{self, Wiring},
    pipeline::{Blueprint, Drained, Health, Running},
    telemetry::{Metrics, MetricsServer, logs},
    values::size,
    viewer::{Access, GetTraces, Limits, QueryMethod, Store},
};

/// Longest time for requests in flight at the end.
const DRAIN: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "\
Examples:
  planoai trace listen
  planoai trace listen --host 127.0.0.1 --port 5000
  planoai trace listen --max-memory 1GiB --max-traces 5000
";

/// Start the local listener: takes OTLP, keeps traces in memory for `planoai trace`
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES)]
pub(super) struct ListenArgs {
    /// Address to listen on. Whoever reaches it may send traces; only this machine may read them
    #[arg(long, default_value = "0.0.0.0", value_parser = host)]
    host: String,
    /// Port of OTLP/gRPC and of the query; 0 for any free one
    #[arg(long, value_name = "P", default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Port of OTLP/HTTP [default: P + 1]
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// Port of the page in the browser, which is not served yet [default: P + 2]
    #[arg(long, value_name = "PORT")]
    page_port: Option<u16>,
    /// Most traces that are kept; the oldest go first
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least_one)]
    max_traces: usize,
    /// Most memory that traces take, such as 64MiB or 1GiB; the oldest go first
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size::parse)]
    max_memory: usize,
    /// Serve Prometheus metrics there, such as 127.0.0.1:8888; none without it
    #[arg(long, value_name = "HOST:PORT")]
    metrics_address: Option<String>,
    /// Let other machines read traces too
    #[arg(long)]
    allow_remote_read: bool,
}

/// Runs the listener until it is told to end.
///
/// # Errors
/// What went wrong after the start.
pub(super) fn run(args: &ListenArgs) -> anyhow::Result<ExitCode> {
    logs::start(
        tracing::Level::WARN,
        logs::Form::Console,
        config::process_env("PLANO_LOG").as_deref(),
    )?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(serve(args))
}

async fn serve(args: &ListenArgs) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new().context("watching for signals")?;
    let metrics = Arc::new(Metrics::new());
    let addresses = Vec::from_iter(args.metrics_address.clone());
    let server = MetricsServer::bind(&addresses).await.context("--metrics-address")?;
    let parts = metrics.scope(|| {
        let blueprint = blueprint(args, Arc::new(store(args)))?;
        anyhow::Ok(Running::prepare(blueprint, Health::new()))
    })?;
    let running = parts.start().await?;
    announce(args, &listening(&running));
    let (mut tasks, served) = (JoinSet::new(), CancellationToken::new());
    tasks.spawn(server.run(metrics, served.clone()));
    let outcome = until_told(running, &mut signals).await;
    served.cancel();
    tasks.join_all().await;
    outcome
}

/// A listener beside something else in one process.
pub(in crate::cli) struct Local {
    running: JoinHandle<anyhow::Result<Drained>>,
    stop: CancellationToken,
    args: ListenArgs,
    addresses: Vec<SocketAddr>,
    store: Arc<Store>,
}

impl Local {
    /// Starts it on the current runtime, with the settings of `planoai trace listen`.
    ///
    /// # Errors
    /// Which port could not be taken.
    pub(in crate::cli) async fn start(host: &str, port: u16) -> anyhow::Result<Local> {
        let args = ListenArgs {
            host: host.to_owned(),
            port,
            http_port: None,
            page_port: None,
            max_traces: 1000,
            max_memory: 256 << 20,
            metrics_address: None,
            allow_remote_read: false,
        };
        let store = Arc::new(store(&args));
        let parts = Metrics::new()
            .scope(|| anyhow::Ok(Running::prepare(blueprint(&args, Arc::clone(&store))?, Health::new())))?;
        let running = parts.start().await.with_context(|| {
            format!("the local trace listener (does one run already? --tracing-port takes another port than {port})")
        })?;
        let (addresses, stop) = (listening(&running), CancellationToken::new());
        let ended = running.until(stop.clone(), CancellationToken::new());
        Ok(Local {
            running: Handle::current().spawn(ended),
            stop,
            args,
            addresses,
            store,
        })
    }

    /// Where it takes OTLP/gRPC and answers queries.
    pub(in crate::cli) fn port(&self) -> u16 {
        self.addresses.first().map_or(self.args.port, SocketAddr::port)
    }

    /// The traces that it holds.
    pub(in crate::cli) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Says where it listens and what to do next.
    pub(in crate::cli) fn announce(&self) {
        announce(&self.args, &self.addresses);
    }

    /// Ends it.
    pub(in crate::cli) async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.running.await.context("the local trace listener failed")??;
        Ok(())
    }
}

/// Lets it run until a signal ends it, at once with a second one, or a failure does.
async fn until_told(running: Running, signals: &mut Signals) -> anyhow::Result<ExitCode> {
    let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
    let mut end = pin!(running.until(stop.clone(), abort.clone()));
    loop {
        tokio::select! {
            outcome = &mut end => return outcome.map(|_| ExitCode::SUCCESS),
            () = signals.next() => {
                if stop.is_cancelled() {
                    abort.cancel();
                }
                stop.cancel();
            }
        }
    }
}

fn store(args: &ListenArgs) -> Store {
    Store::new(Limits {
        max_traces: args.max_traces,
        max_bytes: args.max_memory,
    })
}

/// The pipeline: OTLP in, signals, the store.
fn blueprint(args: &ListenArgs, store: Arc<Store>) -> anyhow::Result<Blueprint> {
    let access = if args.allow_remote_read {
        Access::Anyone
    } else {
        Access::Loopback
    };
    let wiring = Wiring {
        sinks: HashMap::from([("memory".to_owned(), Arc::clone(&store) as _)]),
        methods: vec![
            Arc::new(GetTraces::new(Arc::clone(&store), access)),
            Arc::new(QueryMethod::new(store, access)),
        ],
        drain_timeout: DRAIN,
        ..Wiring::default()
    };
    let faults = |faults: Vec<String>| anyhow::anyhow!("{}", faults.join("\n"));
    let loaded = config::from_text(&config_text(args)?, &|_| None).map_err(faults)?;
    let checked = loaded.check(&wiring.default_host).map_err(faults)?;
    config::assemble(checked, wiring)
}

/// The config, as JSON, which is YAML.
fn config_text(args: &ListenArgs) -> anyhow::Result<String> {
    let http_port = match (args.http_port, args.port) {
        (Some(port), _) => port,
        (None, 0) => 0,
        (None, port) => port
            .checked_add(1)
            .context("port 65535 leaves none for OTLP/HTTP, which takes the next one; choose a lower port")?,
    };
    let endpoint = |port: u16| match args.host.contains(':') {
        true => format!("[{}]:{port}", args.host),
        false => format!("{}:{port}", args.host),
    };
    let config = json!({
        "receivers": {"otlp": {"protocols": {
            "grpc": {"endpoint": endpoint(args.port)},
            "http": {"endpoint": endpoint(http_port)},
        }}},
        "processors": {"signals": null},
        "exporters": {"memory": null},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "processors": ["signals"], "exporters": ["memory"]}},
        },
    });
    Ok(config.to_string())
}

fn listening(running: &Running) -> Vec<SocketAddr> {
    let receivers = running.addresses().iter().filter(|(id, _)| id.kind == "otlp");
    receivers.flat_map(|(_, addresses)| addresses.iter().copied()).collect()
}

/// Says where it listens and what to do next.
fn announce(args: &ListenArgs, addresses: &[SocketAddr]) {
    let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    complain(&format!(
        "listening for OTLP on {} (gRPC, then HTTP); Ctrl-C ends it",
        shown.join(" and ")
    ));
    let port = addresses.first().map_or(args.port, SocketAddr::port);
    let variable = match port {
        DEFAULT_PORT => String::new(),
        port => format!("PLANO_TRACE_PORT={port} "),
    };
    complain(&format!(
        "send:  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:{port} with gRPC"
    ));
    complain(&format!(
        "look:  {variable}planoai trace    ({variable}planoai trace --list for all)"
    ));
    if args.allow_remote_read {
        complain("warning: --allow-remote-read lets everybody who reaches this port read what was said in the traces");
    }
}

fn host(text: &str) -> Result<String, String> {
    let inner = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:%".contains(c);
    if inner.is_empty() || !inner.chars().all(plain) {
        return Err("a host is a name or an address, such as 127.0.0.1".to_owned());
    }
    Ok(inner.to_owned())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a whole number from 1 on".to_owned()),
    }
}
