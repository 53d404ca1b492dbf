//! `planoai trace listen`: the pipeline with the viewer's store at its end, and the page beside it. Whoever reaches the ports may
//! send; only this machine may read. Everything is in memory and gone with the process, unless `--store` keeps it in a file.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use clap::Args;
use serde_json::json;
use tokio::{
    runtime::Handle,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

#[cfg(unix)]
use super::background;
use super::{DEFAULT_PORT, complain, keep};
use crate::cli::stop::Signals;
use crate::{
    config::{self, Wiring},
    pipeline::{Blueprint, Drained, Health, Running},
    telemetry::{Metrics, MetricsServer, logs},
    values::size,
    viewer::{Access, GetTraces, Limits, PageServer, QueryMethod, Store},
};

/// Longest time for requests in flight at the end.
const DRAIN: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "\
Examples:
  planoai trace listen
  planoai trace listen --host 127.0.0.1 --port 5000
  planoai trace listen --max-memory 1GiB --max-traces 5000
  planoai trace listen --background        and `planoai trace stop` ends it
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
    /// Port of the page in the browser; 0 for any free one [default: P + 2]
    #[arg(long, value_name = "PORT")]
    page_port: Option<u16>,
    /// Serve no page
    #[arg(long, conflicts_with = "page_port")]
    no_page: bool,
    /// Most traces that are kept; the oldest go first
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = at_least_one)]
    max_traces: usize,
    /// Most memory that traces take, such as 64MiB or 1GiB; the oldest go first
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = size::parse)]
    max_memory: usize,
    /// Keep the traces in this file, too, so that they outlive the listener; made if it is not there
    #[arg(long, value_name = "FILE", value_parser = keep::path())]
    store: Option<PathBuf>,
    /// Serve Prometheus metrics there, such as 127.0.0.1:8888; none without it
    #[arg(long, value_name = "HOST:PORT")]
    metrics_address: Option<String>,
    /// Let other machines read traces too
    #[arg(long)]
    allow_remote_read: bool,
    /// Run in the background; `planoai trace stop` ends it
    #[cfg(unix)]
    #[arg(long)]
    background: bool,
    /// Set by `--background` for the process that it starts
    #[cfg(unix)]
    #[arg(long, hide = true, requires = "background")]
    detached: bool,
}

/// Runs the listener until it is told to end.
///
/// # Errors
/// What went wrong after the start.
pub(super) fn run(args: &ListenArgs) -> anyhow::Result<ExitCode> {
    #[cfg(unix)]
    if args.background && !args.detached {
        return background::start(args.port);
    }
    #[cfg(unix)]
    if args.detached {
        background::leave_session()?;
    }
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
    let store = Arc::new(store(args)?);
    let started = Started::new(args, &store, &metrics, PAGE_HINT).await?;
    started.ports.announce(args);
    let (mut tasks, served) = (JoinSet::new(), CancellationToken::new());
    #[cfg(unix)]
    let settled = if args.detached {
        let settled = background::Settled::on(started.ports.grpc(args))?;
        tasks.spawn(settled.keep_log_small(served.clone()));
        Some(settled)
    } else {
        None
    };
    tasks.spawn(server.run(metrics, served.clone()));
    let outcome = until_told(started, &mut signals).await;
    served.cancel();
    tasks.join_all().await;
    #[cfg(unix)]
    if let Some(settled) = settled {
        settled.end();
    }
    outcome
}

/// What to do where the page's port is taken.
const PAGE_HINT: &str = "--page-port takes another port, --no-page leaves the page off";

/// The listener with all of its ports taken.
struct Started {
    running: Running,
    page: Option<PageServer>,
    ports: Ports,
}

/// Where it listens.
#[derive(Clone)]
struct Ports {
    /// OTLP over gRPC, then over HTTP.
    otlp: Vec<SocketAddr>,
    page: Option<SocketAddr>,
}

impl Started {
    /// Takes the ports of OTLP, then the page's.
    async fn new(args: &ListenArgs, store: &Arc<Store>, metrics: &Metrics, hint: &str) -> anyhow::Result<Started> {
        let page_port = page_port(args)?;
        let parts =
            metrics.scope(|| anyhow::Ok(Running::prepare(blueprint(args, Arc::clone(store))?, Health::new())))?;
        let running = parts.start().await?;
        let page = match page_port {
            None => None,
            Some(port) => {
                let endpoint = endpoint(args, port);
                match PageServer::bind(&endpoint, Arc::clone(store), access(args)).await {
                    Ok(page) => Some(page),
                    Err(error) => {
                        let now = CancellationToken::new();
                        now.cancel();
                        // It has taken next to nothing yet; the page's fault is what is told.
                        let _ = running.until(now, CancellationToken::new()).await;
                        anyhow::bail!("the page: {error}; {hint}");
                    }
                }
            }
        };
        let ports = Ports {
            otlp: listening(&running),
            page: page.as_ref().map(PageServer::address),
        };
        Ok(Started { running, page, ports })
    }

    /// Runs until `stop`, at once with `abort`, or until a failure.
    async fn until(self, stop: CancellationToken, abort: CancellationToken) -> anyhow::Result<Drained> {
        let page_stop = stop.child_token();
        let running = async {
            let outcome = self.running.until(stop, abort).await;
            page_stop.cancel();
            outcome
        };
        let page = async {
            if let Some(page) = self.page {
                page.run(page_stop.clone()).await;
            }
        };
        tokio::join!(running, page).0
    }
}

/// A listener beside something else in one process.
pub(in crate::cli) struct Local {
    running: JoinHandle<anyhow::Result<Drained>>,
    stop: CancellationToken,
    args: ListenArgs,
    ports: Ports,
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
            no_page: false,
            max_traces: 1000,
            max_memory: 256 << 20,
            store: None,
            metrics_address: None,
            allow_remote_read: false,
            #[cfg(unix)]
            background: false,
            #[cfg(unix)]
            detached: false,
        };
        let store = Arc::new(store(&args)?);
        let hint = "it takes the second port after that of OTLP/gRPC";
        let started = Started::new(&args, &store, &Metrics::new(), hint).await;
        let started = started.with_context(|| {
            format!("the local trace listener (does one run already? --tracing-port takes another port than {port})")
        })?;
        let stop = CancellationToken::new();
        let ports = started.ports.clone();
        Ok(Local {
            running: Handle::current().spawn(started.until(stop.clone(), CancellationToken::new())),
            stop,
            args,
            ports,
            store,
        })
    }

    /// Where it takes OTLP/gRPC and answers queries.
    pub(in crate::cli) fn port(&self) -> u16 {
        self.ports.grpc(&self.args)
    }

    /// The traces that it holds.
    pub(in crate::cli) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Says where it listens and what to do next.
    pub(in crate::cli) fn announce(&self) {
        self.ports.announce(&self.args);
    }

    /// Ends it.
    pub(in crate::cli) async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.running.await.context("the local trace listener failed")??;
        Ok(())
    }
}

/// Lets it run until a signal ends it, at once with a second one, or a failure does.
async fn until_told(started: Started, signals: &mut Signals) -> anyhow::Result<ExitCode> {
    let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
    let mut end = pin!(started.until(stop.clone(), abort.clone()));
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

fn store(args: &ListenArgs) -> anyhow::Result<Store> {
    let limits = Limits {
        max_traces: args.max_traces,
        max_bytes: args.max_memory,
    };
    match &args.store {
        Some(path) => keep::open(limits, path),
        None => Ok(Store::new(limits)),
    }
}

/// The pipeline: OTLP in, signals, the store.
fn blueprint(args: &ListenArgs, store: Arc<Store>) -> anyhow::Result<Blueprint> {
    let access = access(args);
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

fn access(args: &ListenArgs) -> Access {
    if args.allow_remote_read {
        Access::Anyone
    } else {
        Access::Loopback
    }
}

/// A port of the listener's host.
fn endpoint(args: &ListenArgs, port: u16) -> String {
    match args.host.contains(':') {
        true => format!("[{}]:{port}", args.host),
        false => format!("{}:{port}", args.host),
    }
}

/// The page's port, where there shall be a page.
fn page_port(args: &ListenArgs) -> anyhow::Result<Option<u16>> {
    Ok(match (args.no_page, args.page_port, args.port) {
        (true, ..) => None,
        (false, Some(port), _) => Some(port),
        (false, None, 0) => Some(0),
        (false, None, port) => Some(port.checked_add(2).with_context(|| {
            format!("port {port} leaves none for the page, which takes the second after it; {PAGE_HINT}")
        })?),
    })
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
    let config = json!({
        "receivers": {"otlp": {"protocols": {
            "grpc": {"endpoint": endpoint(args, args.port)},
            "http": {"endpoint": endpoint(args, http_port)},
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

impl Ports {
    fn grpc(&self, args: &ListenArgs) -> u16 {
        self.otlp.first().map_or(args.port, SocketAddr::port)
    }

    /// Says where it listens and what to do next.
    fn announce(&self, args: &ListenArgs) {
        let shown: Vec<String> = self.otlp.iter().map(ToString::to_string).collect();
        let port = self.grpc(args);
        complain(&format!(
            "listening for OTLP on {} (gRPC, then HTTP); {} ends it",
            shown.join(" and "),
            args.what_ends_it(port)
        ));
        let variable = match port {
            DEFAULT_PORT => String::new(),
            port => format!("PLANO_TRACE_PORT={port} "),
        };
        complain(&format!(
            "send:  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:{port} with gRPC"
        ));
        if let Some(page) = self.page {
            complain(&format!("page:  {}", url(page)));
        }
        complain(&format!(
            "look:  {variable}planoai trace    ({variable}planoai trace --list for all)"
        ));
        if args.allow_remote_read {
            complain(
                "warning: --allow-remote-read lets everybody who reaches these ports read what was said in the traces",
            );
        }
    }
}

impl ListenArgs {
    fn what_ends_it(&self, port: u16) -> String {
        #[cfg(unix)]
        if self.detached {
            return background::stop_command(port);
        }
        let _ = port;
        "Ctrl-C".to_owned()
    }
}

/// What to open in a browser of this machine.
fn url(page: SocketAddr) -> String {
    let ip = match page.ip() {
        ip if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}/", SocketAddr::new(ip, page.port()))
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
