//! `planoai demo`: the whole thing on one machine without a key: a stand-in model, the gateway with its pipeline, six conversations,
//! and their traces. Talks to nobody else: it reads no variable that would send traces away. With `--serve` it stays.

mod conversations;
mod model;
mod report;
mod talk;

use std::{
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use clap::Args;
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::time::sleep;

use self::{
    conversations::CONVERSATIONS,
    model::Model,
    report::Seen,
    talk::{Talked, lead},
};
use super::{
    INTERRUPTED, terminal,
    up::{Launched, Plan},
};
use crate::{
    config, gateway,
    telemetry::logs,
    viewer::{Page, Query, Store, Trace},
};

const EXAMPLES: &str = "\
Examples:
  planoai demo                six conversations and their traces
  planoai demo | less -R
  planoai demo --serve        stay, to be talked to at http://localhost:12000/v1
";

const MODELS: &str = "Models of the stand-in, for requests to --serve:
  stand-in/chat                 answers at once, in OpenAI's API; calls a tool where one is offered
  stand-in/slow                 takes two seconds; stand-in/slow-500ms takes that long
  stand-in/error-503            fails with this status; any from 400 on
  stand-in/cut                  breaks off in the middle of a stream
  stand-in-anthropic/chat, …    the same in Anthropic's API
Either may be asked in either API, at /v1/chat/completions and /v1/messages.";

/// Longest wait for the traces.
const PATIENCE: Duration = Duration::from_secs(5);

/// Show a conversation going wrong, and the flag on its trace: no key, no network
#[derive(Debug, Args)]
#[command(before_help = EXAMPLES, after_help = MODELS)]
pub(super) struct DemoArgs {
    /// Keep running, and print what to try
    #[arg(long)]
    serve: bool,
    /// With --serve: port of the gateway; 0 for any free one
    #[arg(long, value_name = "P", default_value_t = 12000, requires = "serve")]
    port: u16,
    /// With --serve: port of the local trace listener for OTLP/gRPC; 0 for any free one
    #[arg(long, value_name = "N", default_value_t = 4317, requires = "serve")]
    tracing_port: u16,
    /// No colors; so does a variable NO_COLOR
    #[arg(long)]
    no_color: bool,
}

/// Leads the conversations and shows their traces.
///
/// # Errors
/// What kept it from starting, or went wrong after.
pub(super) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let level = config::process_env("PLANO_LOG");
    logs::start(tracing::Level::ERROR, logs::Form::Console, level.as_deref())?;
    let begun = Instant::now();
    let elsewhere = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("stand-in")
        .enable_all()
        .build()
        .context("starting a runtime")?;
    let model = elsewhere.block_on(Model::start())?;
    let (port, tracing_port) = match args.serve {
        true => (args.port, args.tracing_port),
        // The demo never collides with what runs here.
        false => (0, 0),
    };
    let plan = Plan {
        config: gateway_config(port, model.address)?,
        unset_sampling: 100.0,
        env: &|_| None,
        local: Some(("127.0.0.1", tracing_port)),
    };
    let launched = Launched::start(plan)
        .context("the demo cannot start; with --serve, --port and --tracing-port choose other ports")?;
    let show = Show::new(&launched, terminal::page(args.no_color))?;
    let done = launched.run(async {
        show.conversations(begun).await?;
        if args.serve {
            terminal::print(&show.what_to_try())?;
            std::future::pending::<()>().await;
        } else {
            terminal::print(NEXT)?;
        }
        anyhow::Ok(())
    })?;
    elsewhere.block_on(model.end());
    match done {
        Some(outcome) => outcome.map(|()| ExitCode::SUCCESS),
        None if args.serve => Ok(ExitCode::SUCCESS),
        None => Ok(ExitCode::from(INTERRUPTED)),
    }
}

const NEXT: &str = "
Next:
  planoai demo --serve              keep it running, and talk to it
  planoai up --with-tracing         the same in front of your provider: base URL http://localhost:12000/v1
  planoai collector --config FILE   the same for spans that your application records itself
";

/// The gateway in front of the stand-in.
fn gateway_config(port: u16, model: SocketAddr) -> anyhow::Result<gateway::config::Gateway> {
    let provider = |name: &str, interface: &str| json!({"model": name, "base_url": format!("http://{model}"), "provider_interface": interface});
    let config = json!({
        "version": "v0.4.0",
        "listeners": [{"type": "model", "name": "demo", "port": port}],
        "model_providers": [
            provider("stand-in/chat", "openai"),
            provider("stand-in/*", "openai"),
            provider("stand-in-anthropic/chat", "anthropic"),
            provider("stand-in-anthropic/*", "anthropic"),
        ],
        "tracing": {"receiver": "none"},
        "telemetry": {"metrics_address": "127.0.0.1:0"},
    });
    let read = config::load_tree(&format!("yaml:{config}"), &|_| None);
    let checked = read.and_then(|read| gateway::config::check(&read));
    checked.map_err(|faults| anyhow::anyhow!("the demo's config: {}", faults.join("; ")))
}

/// What runs, and where to show it.
struct Show {
    gateway: SocketAddr,
    tracing_port: u16,
    metrics: Option<SocketAddr>,
    store: Arc<Store>,
    page: Page,
}

impl Show {
    fn new(launched: &Launched, page: Page) -> anyhow::Result<Show> {
        let local = launched.local().context("the demo has a trace listener")?;
        let listeners = launched.addresses();
        Ok(Show {
            gateway: listeners.first().context("the demo has a listener")?.1,
            tracing_port: local.port(),
            metrics: launched.metrics_addresses().first().copied(),
            store: Arc::clone(local.store()),
            page,
        })
    }

    /// Leads the conversations, all at a time, and prints what became of them.
    async fn conversations(&self, begun: Instant) -> anyhow::Result<()> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .context("the demo's client")?;
        let talks = CONVERSATIONS
            .iter()
            .map(|conversation| lead(&client, self.gateway, conversation));
        let talked = try_join_all(talks).await?;
        let requests: usize = talked.iter().map(|talked| talked.request_ids.len()).sum();
        let seen = self.traces(talked).await?;
        terminal::print(&report::traces(&seen, self.page))?;
        terminal::print(&report::summary(&seen))?;
        let spoken = seen.len();
        terminal::print(&format!(
            "\n{spoken} conversations, {requests} requests, {:.1} s. The model is a stand-in on this machine; all else is what `planoai up` runs.\n",
            begun.elapsed().as_secs_f64()
        ))
    }

    /// The trace of each conversation's last request, when all traces are there.
    async fn traces(&self, talked: Vec<Talked>) -> anyhow::Result<Vec<Seen>> {
        let begun = Instant::now();
        let expected: usize = talked.iter().map(|talked| talked.request_ids.len()).sum();
        loop {
            let traces = self.held()?;
            if traces.len() >= expected {
                return talked.into_iter().map(|talked| seen(talked, &traces)).collect();
            }
            if begun.elapsed() > PATIENCE {
                bail!("{} of {expected} traces arrived within {PATIENCE:?}", traces.len());
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn held(&self) -> anyhow::Result<Vec<Trace>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        Ok(Query::default().answer(&self.store.newest_first(), now)?.traces)
    }

    fn what_to_try(&self) -> String {
        let gateway = format!("http://localhost:{}", self.gateway.port());
        let variable = match self.tracing_port {
            4317 => String::new(),
            port => format!("PLANO_TRACE_PORT={port} "),
        };
        let metrics = self.metrics.map_or_else(String::new, |address| {
            format!("\n  curl -s http://{address}/metrics | grep plano_signals\n")
        });
        format!(
            r#"
It keeps running; Ctrl-C ends it. In another terminal:

  curl -s {gateway}/v1/chat/completions -H 'content-type: application/json' \
    -d '{{"model": "stand-in/chat", "messages": [{{"role": "user", "content": "This is useless. I want to speak to a human!"}}]}}'
  {variable}planoai trace

  curl -sN {gateway}/v1/messages -H 'content-type: application/json' \
    -d '{{"model": "stand-in/chat", "max_tokens": 64, "stream": true, "messages": [{{"role": "user", "content": "Hello!"}}]}}'
  curl -s {gateway}/v1/chat/completions -H 'content-type: application/json' \
    -d '{{"model": "stand-in/error-503", "messages": [{{"role": "user", "content": "Hello!"}}]}}'
  {variable}planoai trace --list -v
{metrics}
An SDK takes {gateway}/v1 (OpenAI's) or {gateway} (Anthropic's) as its base URL, and any text as its key.
`planoai demo --help` lists the stand-in's models.
"#
        )
    }
}

/// A conversation with the trace of its last request.
fn seen(talked: Talked, traces: &[Trace]) -> anyhow::Result<Seen> {
    let last = talked.request_ids.last().map(String::as_str).unwrap_or_default();
    let is_last = |trace: &&Trace| {
        let mut ids = trace.spans.iter().filter_map(|span| span.attribute("request_id"));
        ids.any(|id| id.text() == last)
    };
    let trace = traces.iter().find(is_last).cloned();
    let name = talked.conversation.name;
    let trace = trace.with_context(|| format!("no trace of the conversation {name:?} arrived"))?;
    Ok(Seen { talked, trace })
}
