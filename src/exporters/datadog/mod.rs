//! `datadog`: to Datadog's trace intake in its own format, as its agent and the Collector's `datadog` exporter send it, or with `otlp: true` to
//! its OTLP intake. Reads the Collector's config; what it says of metrics, logs and hosts is accepted unused, since this program carries
//! traces only.

mod api;
mod intake;
mod key_check;
mod map;
mod meter;
mod native;
mod otlp;
mod requests;
mod sections;
mod stats;
mod wire;

use std::time::Duration;

use anyhow::{Context, anyhow};
use http::HeaderValue;
use regex::Regex;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use tracing::warn;

pub use self::{
    api::Api,
    sections::{
        Histograms, HostMetadata, HostnameSource, Logs, Metrics, OrchestratorExplorer, Summaries, Sums, Traces,
    },
};
use self::{intake::Intake, key_check::KeyCheck, meter::Meter, native::Native, otlp::Otlp, stats::Stats};
use crate::{
    exporters::http::{PROXY_EXAMPLE, Rejections, tls_faults, url_fault},
    net::{http_client::parse_url, tls::ClientTls},
    pipeline::{Build, Dial, Exporter, Fault, Host, queue::Delivery},
    values::{Endpoint, duration, foreign::harmless},
};

/// Environment of traces that name none, as the agent calls it.
const NO_ENVIRONMENT: &str = "none";

/// What Datadog is told of who sends.
const AGENT_VERSION: &str = concat!("planoai-", env!("CARGO_PKG_VERSION"));

/// What the URL of an intake looks like.
const EXAMPLE: &str = "https://trace.agent.datadoghq.com";

/// `datadog`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Key and site. The key is required.
    pub api: Api,
    /// To Datadog's OTLP intake in the place of its own. false.
    pub otlp: bool,
    /// `dd-otlp-source` of requests to the OTLP intake, where Datadog told you one. None.
    pub otlp_source: String,
    /// Statistics, which Datadog's service pages are made of. true.
    pub compute_stats: bool,
    /// Host of spans whose resource names none. The system's.
    pub hostname: String,
    /// Accepted: a hostname is not looked for in the network. 25s.
    #[serde(with = "duration")]
    pub hostname_detection_timeout: Duration,
    /// Refused where true: nothing about hosts is sent, so nothing at all would be. false.
    pub only_metadata: bool,
    /// Names, statistics and the address of traces.
    pub traces: Traces,
    /// Accepted, unused: this program carries traces only.
    pub metrics: Metrics,
    /// Accepted, unused: this program carries traces only.
    pub logs: Logs,
    /// Accepted, unused: nothing about hosts is sent.
    pub host_metadata: HostMetadata,
    /// Accepted, unused: this program carries traces only.
    pub orchestrator_explorer: OrchestratorExplorer,
    /// TLS. The system's authorities.
    pub tls: ClientTls,
    /// Proxy for every request, such as `http://proxy:3128`. `HTTPS_PROXY` and the like.
    pub proxy_url: Endpoint,
    /// Most connections that are kept idle. 100.
    pub max_idle_conns: usize,
    /// The same per host; 0 = `max_idle_conns`. 0.
    pub max_idle_conns_per_host: usize,
    /// Accepted: the queue's `num_consumers` is the bound. 0.
    pub max_conns_per_host: usize,
    /// Time after which an idle connection is closed; 0 = never. 90s.
    #[serde(with = "duration")]
    pub idle_conn_timeout: Duration,
    /// A connection for every request. false.
    pub disable_keep_alives: bool,
    /// HTTP/2 where the server offers it. true.
    pub force_attempt_http2: bool,
    /// Accepted: buffers size themselves. 0.
    pub read_buffer_size: usize,
    /// Accepted: buffers size themselves. 0.
    pub write_buffer_size: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            api: Api::default(),
            otlp: false,
            otlp_source: String::new(),
            compute_stats: true,
            hostname: String::new(),
            hostname_detection_timeout: Duration::from_secs(25),
            only_metadata: false,
            traces: Traces::default(),
            metrics: Metrics::default(),
            logs: Logs::default(),
            host_metadata: HostMetadata::default(),
            orchestrator_explorer: OrchestratorExplorer::default(),
            tls: ClientTls::default(),
            proxy_url: Endpoint::default(),
            max_idle_conns: 100,
            max_idle_conns_per_host: 0,
            max_conns_per_host: 0,
            idle_conn_timeout: Duration::from_secs(90),
            disable_keep_alives: false,
            force_attempt_http2: true,
            read_buffer_size: 0,
            write_buffer_size: 0,
        }
    }
}

impl Config {
    /// The address of an intake, by the path that it has on a site.
    fn url(&self, path: &str) -> Result<Url, String> {
        let base = match (self.traces.endpoint.reveal(), self.otlp) {
            ("", true) => format!("https://otlp.{}", self.api.site),
            ("", false) => format!("https://trace.agent.{}", self.api.site),
            (own, _) => own.to_owned(),
        };
        let mut url = parse_url(&base, EXAMPLE)?;
        let path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(url)
    }

    fn traces_path(&self) -> &'static str {
        if self.otlp { "/v1/traces" } else { "/api/v0.2/traces" }
    }

    fn intake(&self, path: &str, content_type: &'static str) -> anyhow::Result<Intake> {
        let url = self.url(path).map_err(|reason| anyhow!("traces::endpoint {reason}"))?;
        Intake::new(self, url, content_type)
    }

    fn settings(&self) -> anyhow::Result<map::Settings> {
        let rules = self.traces.ignore_resources.iter().map(|rule| Regex::new(rule));
        Ok(map::Settings {
            hostname: if self.hostname.is_empty() {
                system_hostname()
            } else {
                self.hostname.clone()
            },
            ignore_resources: rules.collect::<Result<_, _>>().context("traces::ignore_resources")?,
            span_name_remappings: self.traces.span_name_remappings.clone(),
            span_name_as_resource_name: self.traces.span_name_as_resource_name,
            top_level_by_span_kind: self.traces.compute_top_level_by_span_kind,
            llm_span_names: self.traces.llm_span_names,
        })
    }

    fn otlp_intake(&self) -> anyhow::Result<Intake> {
        let mut intake = self.intake(self.traces_path(), "application/x-protobuf")?;
        if self.compute_stats {
            intake = intake.with_header("compute_stats", HeaderValue::from_static("true"));
        }
        if !self.otlp_source.is_empty() {
            let source = HeaderValue::from_str(&self.otlp_source).context("otlp_source")?;
            intake = intake.with_header("dd-otlp-source", source);
        }
        if let Some(mapping) = self.span_mapping() {
            let mapping = HeaderValue::from_str(&mapping).context("the names in traces cannot be a header")?;
            intake = intake.with_header("dd-otel-span-mapping", mapping);
        }
        Ok(intake)
    }

    /// What the OTLP intake shall know of the user's names; `None` where the user has none.
    fn span_mapping(&self) -> Option<String> {
        let traces = &self.traces;
        let has_names = traces.span_name_as_resource_name || !traces.span_name_remappings.is_empty();
        (has_names || !traces.ignore_resources.is_empty()).then(|| {
            serde_json::json!({
                "ignore_resources": traces.ignore_resources,
                "span_name_remappings": traces.span_name_remappings,
                "span_name_as_resource_name": traces.span_name_as_resource_name,
            })
            .to_string()
        })
    }

    fn faults_of_otlp(&self) -> Vec<Fault> {
        let is_header = |text: &str| HeaderValue::from_str(text).is_ok();
        let mut faults = Vec::new();
        if !is_header(&self.otlp_source) {
            faults.push(Fault::at("otlp_source", "has a character that no header can carry"));
        }
        if self.otlp && self.span_mapping().is_some_and(|mapping| !is_header(&mapping)) {
            faults.push(Fault::at(
                "traces",
                "has a name that no header can carry, which is how the OTLP intake is told",
            ));
        }
        if !self.otlp && !self.otlp_source.is_empty() {
            faults.push(Fault::at("otlp_source", "works with otlp: true only"));
        }
        faults
    }

    fn faults_of_host(&self) -> Option<Fault> {
        let is_name = self.hostname.len() <= 255
            && self
                .hostname
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
        (!is_name).then(|| {
            Fault::at(
                "hostname",
                format!(
                    "{:?} is no hostname: letters, digits, '-' and '.' only",
                    harmless(&self.hostname, 100)
                ),
            )
        })
    }
}

impl Config {
    fn stats(&self, host: &Host, settings: &map::Settings) -> anyhow::Result<Stats> {
        let settings = stats::Settings {
            hostname: settings.hostname.clone(),
            by_span_kind: self.traces.compute_stats_by_span_kind,
            peer_tags: self.traces.peer_tags_aggregation,
            more_peer_tags: self.traces.peer_tags.clone(),
        };
        let intake = self.intake(stats::PATH, "application/msgpack")?;
        Ok(Stats::new(host.id.clone(), settings, intake))
    }
}

impl Build<dyn Exporter> for Config {
    const TYPE: &'static str = "datadog";

    fn validate(&self) -> Vec<Fault> {
        let mut faults = self.api.faults(!self.traces.endpoint.is_empty());
        faults.extend(self.traces.faults());
        faults.extend(self.faults_of_otlp());
        faults.extend(self.faults_of_host());
        faults.extend(url_fault("proxy_url", &self.proxy_url, PROXY_EXAMPLE));
        faults.extend(url_fault(
            "metrics::endpoint",
            &self.metrics.endpoint,
            "https://api.datadoghq.com",
        ));
        if self.only_metadata {
            faults.push(Fault::at(
                "only_metadata",
                "sends nothing but metadata of hosts, which this program does not send; remove the key",
            ));
        }
        faults.extend(tls_faults(&self.tls, "traces::endpoint"));
        faults
    }

    fn dials(&self) -> Vec<Dial> {
        let protocol = if self.otlp { "otlp/http" } else { "datadog" };
        let url = self.url(self.traces_path());
        let endpoint = url.map_or_else(|_| self.traces.endpoint.clone(), Endpoint::new);
        vec![Dial { endpoint, protocol }]
    }

    /// Requests are cut by the exporter, between traces. The Collector's time-out for this exporter is 15 seconds.
    fn delivery() -> Delivery {
        Delivery {
            timeout: Duration::from_secs(15),
            max_request_bytes: 0,
            ..Delivery::default()
        }
    }

    fn build(self, host: &Host) -> anyhow::Result<Box<dyn Exporter>> {
        if !self.api.is_usual_key() {
            warn!(exporter = %host.id, "api::key does not look like a Datadog API key, which is 32 hexadecimal digits");
        }
        let key_check = KeyCheck::new(&self)?;
        if self.otlp {
            return Ok(Box::new(Otlp {
                key_check,
                traces: self.otlp_intake()?,
                llm_span_names: self.traces.llm_span_names,
                rejections: Rejections::new(host.id.clone()),
            }));
        }
        let settings = self.settings()?;
        Ok(Box::new(Native {
            key_check,
            traces: self.intake(self.traces_path(), "application/x-protobuf")?,
            stats: self.compute_stats.then(|| self.stats(host, &settings)).transpose()?,
            settings,
            meter: Meter::new(host.id.clone()),
        }))
    }
}

/// The name that the system has for this machine; empty where it does not tell.
fn system_hostname() -> String {
    let of_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = of_kernel.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    name.trim().to_owned()
}

#[cfg(test)]
mod decoded;
#[cfg(test)]
mod tests;
