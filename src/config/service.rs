//! The `service` section: which components form which pipelines, and our own logs and metrics. Refuses unknown fields.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{IntoDeserializer, MapAccess, Visitor},
    ser::SerializeMap,
};

use crate::{pipeline::Fault, values::redacted};

/// `service`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// Ids of the extensions to run. None.
    pub extensions: Vec<String>,
    /// Pipelines by name (`traces` or `traces/name`), in the order of the file.
    pub pipelines: Pipelines,
    /// The program's own logs and metrics.
    pub telemetry: Telemetry,
}

/// `service.pipelines`: name and references, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pipelines(pub Vec<(String, PipelineRefs)>);

/// One pipeline: ids as they are written in the config.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineRefs {
    /// Where spans come from; at least one.
    pub receivers: Vec<String>,
    /// What changes them, in order.
    pub processors: Vec<String>,
    /// Where they go; at least one.
    pub exporters: Vec<String>,
}

impl Serialize for Pipelines {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, refs) in &self.0 {
            map.serialize_entry(name, refs)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Pipelines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pipelines, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Pipelines;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pipelines, A::Error> {
                let mut pipelines = Vec::new();
                while let Some(name) = map.next_key()? {
                    let refs: Option<PipelineRefs> = map.next_value()?;
                    pipelines.push((name, refs.unwrap_or_default()));
                }
                Ok(Pipelines(pipelines))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// `service.telemetry`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// The program's own logs, on stderr.
    pub logs: Logs,
    /// The program's own metrics, for Prometheus.
    pub metrics: Metrics,
}

/// `service.telemetry.logs`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    /// Least level that is written, in lower or upper case. info.
    #[serde(deserialize_with = "any_case")]
    pub level: Level,
    /// Lines for people or JSON objects. console.
    pub encoding: Encoding,
}

/// A word whose case does not matter, as it does not for the Collector's levels.
fn any_case<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    let word = String::deserialize(deserializer)?.to_ascii_lowercase();
    T::deserialize(word.into_deserializer())
}

/// A log level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What helps whoever searches a fault.
    Debug,
    /// What an operator may want to know.
    #[default]
    Info,
    /// What an operator should know.
    Warn,
    /// What an operator must know.
    Error,
}

impl From<Level> for tracing::Level {
    fn from(level: Level) -> tracing::Level {
        match level {
            Level::Debug => tracing::Level::DEBUG,
            Level::Info => tracing::Level::INFO,
            Level::Warn => tracing::Level::WARN,
            Level::Error => tracing::Level::ERROR,
        }
    }
}

/// How logs are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Lines for people.
    #[default]
    Console,
    /// One JSON object a line.
    Json,
}

/// `service.telemetry.metrics`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// `none` opens no port; the others are the same here. normal.
    #[serde(deserialize_with = "any_case")]
    pub level: MetricsLevel,
    /// Older form: `host:port` where Prometheus scrapes. Empty: see `readers`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Where Prometheus scrapes. One at localhost:8888.
    pub readers: Vec<Reader>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            level: MetricsLevel::default(),
            address: String::new(),
            readers: vec![Reader::default()],
        }
    }
}

impl Metrics {
    /// `host:port` of every place where metrics are served.
    pub fn addresses(&self) -> Vec<String> {
        if self.level == MetricsLevel::None {
            return Vec::new();
        }
        if !self.address.is_empty() {
            return vec![self.address.clone()];
        }
        let addresses = self.readers.iter().map(|reader| {
            let at = &reader.pull.exporter.prometheus;
            let bare = at.host.trim_start_matches('[').trim_end_matches(']');
            if bare.contains(':') {
                format!("[{bare}]:{}", at.port)
            } else {
                format!("{bare}:{}", at.port)
            }
        });
        addresses.collect()
    }
}

/// How much is measured. Here: whether a port is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricsLevel {
    /// No port is opened.
    None,
    /// As `normal`.
    Basic,
    /// Everything.
    #[default]
    Normal,
    /// As `normal`.
    Detailed,
}

/// One of `service.telemetry.metrics.readers`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reader {
    /// The kind of reader: somebody comes and reads.
    pub pull: Pull,
}

/// `pull`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pull {
    /// In which format.
    pub exporter: PullExporter,
}

/// `exporter`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PullExporter {
    /// Prometheus' text format.
    pub prometheus: Prometheus,
}

/// `prometheus`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prometheus {
    /// Interface to listen on. localhost.
    pub host: String,
    /// Port to listen on. 8888.
    pub port: u16,
}

impl Default for Prometheus {
    fn default() -> Prometheus {
        Prometheus {
            host: "localhost".to_owned(),
            port: 8888,
        }
    }
}

impl Service {
    /// What types cannot say. References are checked where the components are known.
    pub(super) fn validate(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let metrics = &self.telemetry.metrics;
        if !metrics.address.is_empty()
            && metrics
                .address
                .rsplit_once(':')
                .is_none_or(|(_, port)| port.parse::<u16>().is_err())
        {
            let reason = format!("{:?} is no address; write it as host:port", redacted(&metrics.address));
            faults.push(Fault::at("telemetry::metrics::address", reason));
        }
        faults
    }
}
