//! The sections of the Collector's `datadog` exporter: `traces`, which works here, and those of metrics, logs and hosts, which a config that
//! was written for the Collector has too. This program carries traces only and accepts the others unused; misspelt keys are refused all the
//! same.

use std::{collections::BTreeMap, time::Duration};

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::EXAMPLE;
use crate::{
    exporters::http::url_fault,
    pipeline::Fault,
    values::{Endpoint, duration},
};

/// `traces`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traces {
    /// Base URL of the intake, in the place of the site's: a proxy of your own, say. `https://trace.agent.<site>`.
    pub endpoint: Endpoint,
    /// Regular expressions: a trace whose root has such a resource is left out. None.
    pub ignore_resources: Vec<String>,
    /// Operation names by the names that they would have; switches the other names to the older rules of the agent. None.
    pub span_name_remappings: BTreeMap<String, String>,
    /// The span's name as the operation name. false.
    pub span_name_as_resource_name: bool,
    /// Statistics for all spans of servers, clients, producers and consumers, not only for entry spans. true.
    pub compute_stats_by_span_kind: bool,
    /// Entry spans are roots, servers and consumers, whatever their parents are. false.
    pub compute_top_level_by_span_kind: bool,
    /// Accepted: `peer_tags_aggregation` is meant. true.
    pub peer_service_aggregation: bool,
    /// Statistics by what is at the other end too: database, queue, host, service. true.
    pub peer_tags_aggregation: bool,
    /// Further attributes that say what is at the other end. None.
    pub peer_tags: Vec<String>,
    /// Accepted: the queue's `queue_size` is the buffer. 0.
    pub trace_buffer: i64,
    /// Operation and resource names of our own for the spans of models, agents, tools and the gateway; false = Datadog's. true.
    pub llm_span_names: bool,
}

impl Default for Traces {
    fn default() -> Traces {
        Traces {
            endpoint: Endpoint::default(),
            ignore_resources: Vec::new(),
            span_name_remappings: BTreeMap::new(),
            span_name_as_resource_name: false,
            compute_stats_by_span_kind: true,
            compute_top_level_by_span_kind: false,
            peer_service_aggregation: true,
            peer_tags_aggregation: true,
            peer_tags: Vec::new(),
            trace_buffer: 0,
            llm_span_names: true,
        }
    }
}

impl Traces {
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::from_iter(url_fault("traces::endpoint", &self.endpoint, EXAMPLE));
        for (at, rule) in self.ignore_resources.iter().enumerate() {
            if let Err(error) = Regex::new(rule) {
                let why = error.to_string().lines().last().unwrap_or_default().to_owned();
                faults.push(Fault::at(
                    format!("traces::ignore_resources::{at}"),
                    format!("is no regular expression ({why})"),
                ));
            }
        }
        for (from, to) in &self.span_name_remappings {
            if from.is_empty() || to.is_empty() {
                faults.push(Fault::at(
                    "traces::span_name_remappings",
                    format!("{from:?}: {to:?}: neither name may be empty"),
                ));
            }
        }
        if self.trace_buffer < 0 {
            faults.push(Fault::at("traces::trace_buffer", "must not be negative"));
        }
        faults
    }
}

/// `host_metadata`: accepted, unused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostMetadata {
    /// Accepted, unused: nothing about hosts is sent. true.
    pub enabled: bool,
    /// Accepted, unused. config_or_system.
    pub hostname_source: HostnameSource,
    /// Accepted, unused. None.
    pub tags: Vec<String>,
    /// Accepted, unused. 30m.
    #[serde(with = "duration")]
    pub reporter_period: Duration,
}

impl Default for HostMetadata {
    fn default() -> HostMetadata {
        HostMetadata {
            enabled: true,
            hostname_source: HostnameSource::default(),
            tags: Vec::new(),
            reporter_period: Duration::from_secs(30 * 60),
        }
    }
}

/// `host_metadata::hostname_source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostnameSource {
    /// From the config or the system.
    #[default]
    ConfigOrSystem,
    /// From the first resource.
    FirstResource,
}

/// `metrics`: accepted, unused but for `endpoint`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Base URL of Datadog's API, which `api::fail_on_invalid_key` asks. `https://api.<site>`.
    pub endpoint: Endpoint,
    /// Accepted, unused: this program carries traces only. 3600.
    pub delta_ttl: i64,
    /// Accepted, unused. false.
    pub resource_attributes_as_tags: bool,
    /// Accepted, unused. true.
    pub instrumentation_scope_metadata_as_tags: bool,
    /// Accepted, unused.
    pub histograms: Histograms,
    /// Accepted, unused.
    pub sums: Sums,
    /// Accepted, unused.
    pub summaries: Summaries,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            endpoint: Endpoint::default(),
            delta_ttl: 3600,
            resource_attributes_as_tags: false,
            instrumentation_scope_metadata_as_tags: true,
            histograms: Histograms::default(),
            sums: Sums::default(),
            summaries: Summaries::default(),
        }
    }
}

/// `metrics::histograms`: accepted, unused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Histograms {
    /// Accepted, unused. distributions.
    pub mode: String,
    /// Accepted, unused. false.
    pub send_count_sum_metrics: bool,
    /// Accepted, unused. false.
    pub send_aggregation_metrics: bool,
}

impl Default for Histograms {
    fn default() -> Histograms {
        Histograms {
            mode: "distributions".to_owned(),
            send_count_sum_metrics: false,
            send_aggregation_metrics: false,
        }
    }
}

/// `metrics::sums`: accepted, unused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sums {
    /// Accepted, unused. to_delta.
    pub cumulative_monotonic_mode: String,
    /// Accepted, unused. auto.
    pub initial_cumulative_monotonic_value: String,
}

impl Default for Sums {
    fn default() -> Sums {
        Sums {
            cumulative_monotonic_mode: "to_delta".to_owned(),
            initial_cumulative_monotonic_value: "auto".to_owned(),
        }
    }
}

/// `metrics::summaries`: accepted, unused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Summaries {
    /// Accepted, unused. gauges.
    pub mode: String,
}

impl Default for Summaries {
    fn default() -> Summaries {
        Summaries {
            mode: "gauges".to_owned(),
        }
    }
}

/// `logs`: accepted, unused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    /// Accepted, unused: this program carries traces only. `https://http-intake.logs.<site>`.
    pub endpoint: Endpoint,
    /// Accepted, unused. true.
    pub use_compression: bool,
    /// Accepted, unused. 6.
    pub compression_level: i64,
    /// Accepted, unused. 5.
    pub batch_wait: i64,
}

impl Default for Logs {
    fn default() -> Logs {
        Logs {
            endpoint: Endpoint::default(),
            use_compression: true,
            compression_level: 6,
            batch_wait: 5,
        }
    }
}

/// `orchestrator_explorer`: accepted, unused.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrchestratorExplorer {
    /// Accepted, unused. `https://orchestrator.<site>/api/v2/orchmanif`.
    pub endpoint: Endpoint,
    /// Accepted, unused. false.
    pub enabled: bool,
}
