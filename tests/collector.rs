//! The collector's promises over real sockets: what goes in comes out at the next hop as promised, what is wrong gets the
//! answer that the specification gives it, what was acknowledged is delivered, and the process outlives its clients.

#[path = "collector/answers.rs"]
mod answers;
#[path = "collector/delivery.rs"]
mod delivery;
#[path = "collector/hostile.rs"]
mod hostile;
#[path = "collector/promises.rs"]
mod promises;
#[path = "collector/reload.rs"]
mod reload;
#[path = "collector/start.rs"]
mod start;
mod support;
#[path = "collector/tls.rs"]
mod tls;

use support::{
    client::Client,
    process::{Collector, Folder, Signal, free_port},
    sink::Sink,
};

/// Parts of a config that a test sets; ports are free ones.
#[derive(Default)]
struct Plan {
    /// More settings of the gRPC and of the HTTP protocol, as `key: value, …`.
    grpc: &'static str,
    http: &'static str,
    /// Processors with their settings, as `name: {…}`.
    processors: &'static [&'static str],
    /// Exporters with their settings, as `name: {…}`.
    exporters: Vec<String>,
    /// Ports of gRPC and of HTTP; free ones where a test does not care.
    ports: Option<[u16; 2]>,
    /// More arguments of the command.
    args: &'static [&'static str],
}

/// A collector that is ready.
struct Running {
    collector: Collector,
    grpc: Client,
    http: Client,
    health: u16,
    metrics: u16,
    folder: Folder,
}

fn names<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = parts.filter_map(|part| part.split(": ").next()).collect();
    names.join(", ")
}

impl Plan {
    fn to(exporters: Vec<String>) -> Plan {
        Plan {
            exporters,
            ..Plan::default()
        }
    }

    fn config(&self, metrics: u16) -> String {
        let exporters = self.exporters.iter().map(String::as_str);
        let [grpc_port, http_port] = self.ports.unwrap_or_default();
        format!(
            "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:{grpc_port}', {grpc}}}, http: {{endpoint: '127.0.0.1:{http_port}', {http}}}}}}}}}
processors: {{{processors}}}
exporters: {{{all}}}
extensions: {{health_check: {{endpoint: '127.0.0.1:0'}}}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{address: '127.0.0.1:{metrics}'}}}}
  pipelines: {{traces: {{receivers: [otlp], processors: [{used}], exporters: [{ends}]}}}}
",
            grpc = self.grpc,
            http = self.http,
            processors = self.processors.join(", "),
            used = names(self.processors.iter().copied()),
            all = self.exporters.join(", "),
            ends = names(exporters),
        )
    }

    fn start(&self) -> Running {
        let (folder, metrics) = (Folder::new(), free_port());
        let mut collector = Collector::start(&folder.write(&self.config(metrics)), self.args);
        collector.wait_for("Everything is ready. Begin running and processing data.");
        let [health] = collector.ports("health_check");
        let [grpc, http] = collector.ports("otlp").map(Client::to);
        Running {
            collector,
            grpc,
            http,
            health,
            metrics,
            folder,
        }
    }
}

impl Running {
    /// Ends it: exit code 0, no panic and no lost span in its log, which is given.
    fn stop(self) -> String {
        self.collector.signal(Signal::TERM);
        let (code, log) = self.collector.end();
        assert_eq!(code, Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
        log
    }

    /// Sum of the samples of a metric whose labels hold all these texts; 0 where there is none.
    async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let text = support::client::get(self.metrics, "/metrics", 200).await;
        let samples = text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let rest = series.strip_prefix(name)?;
            let matches = rest.is_empty() || rest.starts_with('{');
            let has_all = labels.iter().all(|label| rest.contains(label));
            (matches && has_all).then(|| value.parse::<f64>().expect("a number"))
        });
        samples.sum()
    }
}

/// Quick batches and retries, so that tests need not wait.
const QUICK: &str =
    "sending_queue: {batch: {flush_timeout: 20ms}}, retry_on_failure: {initial_interval: 50ms, max_interval: 200ms}";

/// An `otlp_grpc` exporter to that sink with more settings, uncompressed.
fn grpc_to(sink: &Sink, settings: &str) -> String {
    let address = sink.address;
    format!("otlp_grpc: {{endpoint: '{address}', tls: {{insecure: true}}, compression: none, {settings}}}")
}

/// An `otlp_http` exporter to that sink with more settings, uncompressed.
fn http_to(sink: &Sink, settings: &str) -> String {
    let address = sink.address;
    format!("otlp_http: {{endpoint: 'http://{address}', compression: none, {settings}}}")
}
