//! The receiver's config, under the Collector's names. A protocol that is written, even as null, is on; one that is not
//! written is off. Refuses what would be accepted and then not done (unknown keys, other transports, client metadata).

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    net::{
        compression::Encoding,
        listen::{self, KeepAlive},
        tls::ServerTls,
    },
    pipeline::{Fault, Host},
    values::{Secret, duration},
};

/// Port of OTLP over gRPC.
const GRPC_PORT: u16 = 4317;
/// Port of OTLP over HTTP.
const HTTP_PORT: u16 = 4318;
/// Largest gRPC message where `max_recv_msg_size_mib` is 0, in MiB.
const GRPC_LIMIT_MIB: usize = 4;
/// Largest HTTP body where `max_request_body_size` is 0, in bytes.
const HTTP_LIMIT: usize = 20 << 20;

/// `protocols`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protocols {
    /// OTLP over gRPC; written without a value: on with its defaults. Off.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub grpc: Option<Grpc>,
    /// OTLP over HTTP; written without a value: on with its defaults. Off.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
}

impl Protocols {
    /// The gRPC section, where it is on.
    pub(super) fn grpc(&self) -> Option<&Grpc> {
        self.grpc.as_ref().filter(|grpc| grpc.enabled)
    }

    /// The HTTP section, where it is on.
    pub(super) fn http(&self) -> Option<&Http> {
        self.http.as_ref().filter(|http| http.enabled)
    }
}

/// A section that is on wherever its key is written. Called only then; an absent key takes the container's default.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Some(Option::<T>::deserialize(deserializer)?.unwrap_or_default()))
}

/// `protocols::grpc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Grpc {
    /// `false` switches the protocol off. true.
    pub enabled: bool,
    /// `host:port`. localhost:4317.
    #[serde(serialize_with = "grpc_endpoint")]
    pub endpoint: Option<String>,
    /// Only `tcp`. tcp.
    pub transport: String,
    /// TLS; off without it.
    pub tls: Option<ServerTls>,
    /// Largest message in MiB, on the wire and inflated; 0 = 4. 4.
    pub max_recv_msg_size_mib: usize,
    /// Most streams at a time on a connection; 0 = 256. 0.
    pub max_concurrent_streams: u32,
    /// Accepted, without effect: buffers grow with what arrives. 524288.
    pub read_buffer_size: usize,
    /// Accepted, without effect. 0.
    pub write_buffer_size: usize,
    /// Life span of connections.
    pub keepalive: Keepalive,
    /// Only false: client metadata is not carried. false.
    pub include_metadata: bool,
    /// Who may send. Nobody is asked.
    pub auth: Option<Auth>,
    /// Most connections at a time; more wait to be accepted. 1024.
    pub max_connections: usize,
}

impl Default for Grpc {
    fn default() -> Grpc {
        Grpc {
            enabled: true,
            endpoint: None,
            transport: "tcp".to_owned(),
            tls: None,
            max_recv_msg_size_mib: GRPC_LIMIT_MIB,
            max_concurrent_streams: 0,
            read_buffer_size: 512 << 10,
            write_buffer_size: 0,
            keepalive: Keepalive::default(),
            include_metadata: false,
            auth: None,
            max_connections: 1024,
        }
    }
}

/// `keepalive`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keepalive {
    /// What the server does.
    pub server_parameters: ServerParameters,
    /// What clients may do.
    pub enforcement_policy: EnforcementPolicy,
}

/// `keepalive::server_parameters`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerParameters {
    /// Idle time after which a connection ends; 0 = never. 0s.
    #[serde(with = "duration")]
    pub max_connection_idle: Duration,
    /// Age at which a connection is told to end; 0 = never. 0s.
    #[serde(with = "duration")]
    pub max_connection_age: Duration,
    /// Time for requests in flight after `max_connection_age`; 0 = as long as they need. 0s.
    #[serde(with = "duration")]
    pub max_connection_age_grace: Duration,
    /// Idle time after which a client is pinged; 0 = 2h. 2h.
    #[serde(with = "duration")]
    pub time: Duration,
    /// Longest wait for the answer to a ping; 0 = 20s. 20s.
    #[serde(with = "duration")]
    pub timeout: Duration,
}

impl Default for ServerParameters {
    fn default() -> ServerParameters {
        ServerParameters {
            max_connection_idle: Duration::ZERO,
            max_connection_age: Duration::ZERO,
            max_connection_age_grace: Duration::ZERO,
            time: Duration::from_secs(2 * 3600),
            timeout: Duration::from_secs(20),
        }
    }
}

/// `keepalive::enforcement_policy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnforcementPolicy {
    /// Accepted, without effect: pings are cheap. 5m.
    #[serde(with = "duration")]
    pub min_time: Duration,
    /// Accepted, without effect. false.
    pub permit_without_stream: bool,
}

impl Default for EnforcementPolicy {
    fn default() -> EnforcementPolicy {
        EnforcementPolicy {
            min_time: Duration::from_secs(300),
            permit_without_stream: false,
        }
    }
}

/// `auth`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Id of an authenticator extension.
    pub authenticator: String,
}

/// `protocols::http`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// `false` switches the protocol off. true.
    pub enabled: bool,
    /// `host:port`. localhost:4318.
    #[serde(serialize_with = "http_endpoint")]
    pub endpoint: Option<String>,
    /// TLS; off without it.
    pub tls: Option<ServerTls>,
    /// Path that traces are posted to. /v1/traces.
    pub traces_url_path: String,
    /// Accepted, without effect: this program carries traces only. /v1/metrics.
    pub metrics_url_path: String,
    /// Accepted, without effect: this program carries traces only. /v1/logs.
    pub logs_url_path: String,
    /// Largest body in bytes, on the wire and inflated; 0 = 20 MiB. 20971520.
    pub max_request_body_size: usize,
    /// Only false: client metadata is not carried. false.
    pub include_metadata: bool,
    /// Which pages of other origins may send; none without it.
    pub cors: Option<Cors>,
    /// Who may send. Nobody is asked.
    pub auth: Option<Auth>,
    /// Values of Content-Encoding that are taken, beside none at all. gzip, zstd, zlib, deflate.
    pub compression_algorithms: Vec<String>,
    /// Longest time for reading a whole body; 0 = no limit. 60s.
    #[serde(with = "duration")]
    pub read_timeout: Duration,
    /// Longest time for reading the head of a request, and for the TLS handshake; 0 = 1m. 1m.
    #[serde(with = "duration")]
    pub read_header_timeout: Duration,
    /// Accepted, without effect: answers fit into a socket's buffer. 30s.
    #[serde(with = "duration")]
    pub write_timeout: Duration,
    /// Idle time after which a connection ends; 0 = never. 1m.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// Connections may carry several requests. true.
    pub keep_alives_enabled: bool,
    /// Headers that are added to every answer. None.
    pub response_headers: BTreeMap<String, Secret>,
    /// Most connections at a time; more wait to be accepted. 1024.
    pub max_connections: usize,
}

impl Default for Http {
    fn default() -> Http {
        Http {
            enabled: true,
            endpoint: None,
            tls: None,
            traces_url_path: "/v1/traces".to_owned(),
            metrics_url_path: "/v1/metrics".to_owned(),
            logs_url_path: "/v1/logs".to_owned(),
            max_request_body_size: HTTP_LIMIT,
            include_metadata: false,
            cors: None,
            auth: None,
            compression_algorithms: ["gzip", "zstd", "zlib", "deflate"].map(str::to_owned).to_vec(),
            read_timeout: Duration::from_secs(60),
            read_header_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            keep_alives_enabled: true,
            response_headers: BTreeMap::new(),
            max_connections: 1024,
        }
    }
}

/// `cors`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// Origins that may send; `*` stands for any run of characters. None.
    pub allowed_origins: Vec<String>,
    /// Headers that they may set beside Accept, Content-Type, Origin and X-Requested-With; `*` = any. None.
    pub allowed_headers: Vec<String>,
    /// Headers of the answer that they may read. None.
    pub exposed_headers: Vec<String>,
    /// Seconds for which a browser may remember a preflight's answer; 0 = its default. 0.
    pub max_age: u32,
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn grpc_endpoint<S: Serializer>(endpoint: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(endpoint.as_deref().unwrap_or("localhost:4317"))
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn http_endpoint<S: Serializer>(endpoint: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(endpoint.as_deref().unwrap_or("localhost:4318"))
}

/// The endpoint as written, or the default port of the host's default.
fn endpoint(written: Option<&String>, host: &Host, port: u16) -> String {
    match written {
        Some(endpoint) => endpoint.clone(),
        None if host.default_host.contains(':') => format!("[{}]:{port}", host.default_host),
        None => format!("{}:{port}", host.default_host),
    }
}

fn set(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}

/// Faults that both protocols may have, by key.
fn common_faults(
    endpoint: Option<&String>,
    tls: Option<&ServerTls>,
    auth: Option<&Auth>,
    include_metadata: bool,
) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    match endpoint.map(String::as_str) {
        Some("") => faults.push(("endpoint".to_owned(), "requires a non-empty \"endpoint\"".to_owned())),
        Some(endpoint) => faults.extend(
            listen::split_endpoint(endpoint)
                .err()
                .map(|reason| ("endpoint".to_owned(), reason)),
        ),
        None => {}
    }
    for (key, reason) in tls.map(ServerTls::faults).unwrap_or_default() {
        faults.push((format!("tls::{key}"), reason));
    }
    if auth.is_some() {
        let reason = "authenticators are not supported here yet; remove \"auth\", or ask for client certificates \
                      with tls::client_ca_file";
        faults.push(("auth".to_owned(), reason.to_owned()));
    }
    if include_metadata {
        let reason = "client metadata is not carried; only false is supported";
        faults.push(("include_metadata".to_owned(), reason.to_owned()));
    }
    faults
}

impl Grpc {
    /// What it listens on.
    pub(super) fn endpoint(&self, host: &Host) -> String {
        endpoint(self.endpoint.as_ref(), host, GRPC_PORT)
    }

    /// Largest message in bytes.
    pub(super) fn limit(&self) -> usize {
        match self.max_recv_msg_size_mib {
            0 => GRPC_LIMIT_MIB << 20,
            mib => mib.saturating_mul(1 << 20),
        }
    }

    /// How its connections are served.
    pub(super) fn listen(&self) -> listen::Settings {
        let defaults = listen::Settings::default();
        let parameters = &self.keepalive.server_parameters;
        listen::Settings {
            max_connections: self.max_connections,
            idle_timeout: set(parameters.max_connection_idle),
            max_age: set(parameters.max_connection_age),
            max_age_grace: set(parameters.max_connection_age_grace),
            ping_interval: Some(set(parameters.time).unwrap_or(ServerParameters::default().time)),
            ping_timeout: set(parameters.timeout).unwrap_or(defaults.ping_timeout),
            max_concurrent_streams: match self.max_concurrent_streams {
                0 => defaults.max_concurrent_streams,
                most => most,
            },
            ..defaults
        }
    }

    /// What is wrong with it.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = common_faults(
            self.endpoint.as_ref(),
            self.tls.as_ref(),
            self.auth.as_ref(),
            self.include_metadata,
        );
        if self.transport != "tcp" {
            let reason = format!("unsupported transport {:?}; only \"tcp\" is supported", self.transport);
            faults.push(("transport".to_owned(), reason));
        }
        if self.max_connections == 0 {
            faults.push(("max_connections".to_owned(), "must be at least 1".to_owned()));
        }
        faults
            .into_iter()
            .map(|(key, reason)| Fault::at(format!("protocols::grpc::{key}"), reason))
            .collect()
    }
}

impl Http {
    /// What it listens on.
    pub(super) fn endpoint(&self, host: &Host) -> String {
        endpoint(self.endpoint.as_ref(), host, HTTP_PORT)
    }

    /// Largest body in bytes.
    pub(super) fn limit(&self) -> usize {
        if self.max_request_body_size == 0 {
            HTTP_LIMIT
        } else {
            self.max_request_body_size
        }
    }

    /// Longest time for reading a body.
    pub(super) fn body_timeout(&self) -> Option<Duration> {
        set(self.read_timeout)
    }

    /// Which encodings of bodies are taken, each once: several names may mean the same.
    pub(super) fn encodings(&self) -> Vec<Encoding> {
        let mut taken = vec![Encoding::Identity];
        for encoding in self
            .compression_algorithms
            .iter()
            .filter_map(|name| Encoding::parse(name))
        {
            if !taken.contains(&encoding) {
                taken.push(encoding);
            }
        }
        taken
    }

    /// The headers that are added to every answer; those that are none are left out.
    pub(super) fn response_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        self.response_headers
            .iter()
            .filter_map(|(name, value)| header(name, value))
            .collect()
    }

    /// How its connections are served.
    pub(super) fn listen(&self) -> listen::Settings {
        listen::Settings {
            max_connections: self.max_connections,
            header_read_timeout: set(self.read_header_timeout).unwrap_or(Duration::from_secs(60)),
            idle_timeout: set(self.idle_timeout),
            keep_alive: if self.keep_alives_enabled {
                KeepAlive::Yes
            } else {
                KeepAlive::No
            },
            ..listen::Settings::default()
        }
    }

    /// What is wrong with it.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = common_faults(
            self.endpoint.as_ref(),
            self.tls.as_ref(),
            self.auth.as_ref(),
            self.include_metadata,
        );
        if !self.traces_url_path.starts_with('/') {
            faults.push((
                "traces_url_path".to_owned(),
                "must start with a slash, such as /v1/traces".to_owned(),
            ));
        }
        for name in &self.compression_algorithms {
            if Encoding::parse(name).is_none() {
                let reason = format!("unsupported algorithm {name:?} (valid values: [gzip zstd zlib deflate])");
                faults.push(("compression_algorithms".to_owned(), reason));
            }
        }
        for (name, value) in &self.response_headers {
            if header(name, value).is_none() {
                faults.push((format!("response_headers::{name}"), "is no valid header".to_owned()));
            }
        }
        if self.max_connections == 0 {
            faults.push(("max_connections".to_owned(), "must be at least 1".to_owned()));
        }
        faults
            .into_iter()
            .map(|(key, reason)| Fault::at(format!("protocols::http::{key}"), reason))
            .collect()
    }
}

fn header(name: &str, value: &Secret) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, value.reveal().parse().ok()?))
}
