//! Where clients connect, checked: names and ports once each, sampling decided.

use std::time::Duration;

use serde_json::Value;

use super::{
    filters,
    forms::Opens,
    secret,
    written::{self, File},
};
use crate::values::{Fault, Secret};

/// A listener without faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Listener {
    /// Its name, on spans and metrics.
    pub name: String,
    /// Interface: an address or a host name, without brackets.
    pub address: String,
    /// Port; 0 for any free one.
    pub port: u16,
    /// Longest time for a request, retries included.
    pub timeout: Duration,
    /// Attempts after the first.
    pub max_retries: u32,
    /// Longest time for one attempt to answer with its head; none: as much as is left, half of that while others are left to ask.
    pub attempt_timeout: Option<Duration>,
    /// Largest body of a request, in bytes.
    pub max_request_body_size: usize,
    /// Keys of which a client must have one; empty: everybody may ask.
    pub api_keys: Vec<Secret>,
    /// Percent of new traces that are recorded, 0–100; none where neither the listener nor `tracing` says.
    pub random_sampling: Option<f64>,
    /// Filters of requests, in order: indices into [`Gateway::filters`](super::Gateway::filters).
    pub input_filters: Vec<usize>,
    /// Filters of answers, in order: indices into [`Gateway::filters`](super::Gateway::filters).
    pub output_filters: Vec<usize>,
}

impl Listener {
    /// `host:port` to bind.
    pub fn endpoint(&self) -> String {
        endpoint(&self.address, self.port)
    }

    /// Percent of new traces that are recorded; `unset` where the config does not say.
    pub fn sampling(&self, unset: f64) -> f64 {
        self.random_sampling.unwrap_or(unset)
    }
}

fn endpoint(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// Checks `listeners` and the other ports that the gateway opens. `raw`: the config as it was read, where an empty value is
/// not the same as none.
pub(super) fn check(file: &File, raw: &Value, faults: &mut Vec<Fault>) -> Vec<Listener> {
    if file.listeners.is_empty() {
        faults.push(Fault::at("listeners", "must have at least one listener"));
    }
    let mut ports = others(file, faults);
    let mut listeners: Vec<Listener> = Vec::new();
    for (index, written) in file.listeners.iter().enumerate() {
        let path = format!("listeners::{index}");
        let mut fault = |key: &str, reason: String| faults.push(Fault::at(format!("{path}::{key}"), reason));
        if written.r#type.is_none() {
            fault("type", "requires model or agent".to_owned());
        }
        if written.name.is_empty() {
            fault("name", "requires a name".to_owned());
        } else if let Some(first) = listeners.iter().position(|other| other.name == written.name) {
            fault("name", format!("{:?} is the name of listeners[{first}]", written.name));
        }
        for (key, reason) in nothing(written) {
            fault(key, reason.to_owned());
        }
        let address = written.address.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !is_host(&address) {
            let reason = format!(
                "{:?} is no interface; write an address such as 127.0.0.1",
                written.address
            );
            fault("address", reason);
        }
        match written.port {
            None => fault("port", "requires a port".to_owned()),
            Some(port) => {
                if let Some(taken) = ports.iter().find(|taken| taken.meets(&address, port)) {
                    fault("port", format!("{port} is the port of {}", taken.owner));
                }
                ports.push(Port {
                    owner: format!("listeners[{index}]"),
                    host: address.clone(),
                    port,
                });
            }
        }
        let random_sampling = sampling(file, written, &path, faults);
        let mut chain = |key: &str, ids: &[String]| filters::chain(file, ids, &format!("{path}::{key}"), faults);
        let input_filters = chain("input_filters", &written.input_filters);
        let output_filters = chain("output_filters", &written.output_filters);
        listeners.push(Listener {
            name: written.name.clone(),
            address,
            port: written.port.unwrap_or_default(),
            timeout: written.timeout,
            max_retries: written.max_retries,
            attempt_timeout: written.attempt_timeout.map(|span| span.0),
            max_request_body_size: written.max_request_body_size,
            api_keys: api_keys(written, raw.pointer(&format!("/listeners/{index}")), &path, faults),
            random_sampling,
            input_filters,
            output_filters,
        });
    }
    listeners
}

/// Limits that leave nothing.
fn nothing(written: &written::Listener) -> impl Iterator<Item = (&'static str, &'static str)> {
    let attempt = written.attempt_timeout.map_or(Duration::MAX, |span| span.0);
    let limits = [
        ("timeout", "must be longer than 0s", written.timeout.is_zero()),
        ("attempt_timeout", "must be longer than 0s", attempt.is_zero()),
        (
            "max_request_body_size",
            "must be more than 0",
            written.max_request_body_size == 0,
        ),
    ];
    limits
        .into_iter()
        .filter(|(.., is_nothing)| *is_nothing)
        .map(|(key, reason, _)| (key, reason))
}

fn is_host(text: &str) -> bool {
    let ip = text.parse::<std::net::IpAddr>().is_ok();
    ip || (!text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_')))
}

/// What the listener says, else what `tracing` says.
fn sampling(file: &File, listener: &written::Listener, path: &str, faults: &mut Vec<Fault>) -> Option<f64> {
    let (here, deeper) = (listener.random_sampling, listener.tracing.random_sampling);
    let here_path = format!("{path}::random_sampling");
    let deeper_path = format!("{path}::tracing::random_sampling");
    percent(here, &here_path, faults);
    percent(deeper, &deeper_path, faults);
    if let (Some(here), Some(deeper)) = (here, deeper)
        && here != deeper
    {
        let reason = format!("is {deeper} here and {here} on the listener itself; keep one");
        faults.push(Fault::at(deeper_path, reason));
    }
    here.or(deeper).or(file.tracing.random_sampling)
}

/// Whether it is a percentage.
pub(super) fn percent(value: Option<f64>, path: &str, faults: &mut Vec<Fault>) {
    if let Some(value) = value.filter(|value| !(0.0..=100.0).contains(value)) {
        faults.push(Fault::at(
            path,
            format!("{value} is no percentage; write 0 for nothing to 100 for everything"),
        ));
    }
}

/// A list that is there and gives no key is a fault: the listener would be open to everybody.
fn api_keys(listener: &written::Listener, raw: Option<&Value>, path: &str, faults: &mut Vec<Fault>) -> Vec<Secret> {
    let path = format!("{path}::api_keys");
    let is_written = raw.is_some_and(|raw| raw.get("api_keys").is_some());
    let written = listener.api_keys.as_deref().unwrap_or_default();
    if is_written && written.is_empty() {
        let reason = "is empty, so nobody could be let in; name keys, or remove it to let everybody in";
        faults.push(Fault::at(&path, reason));
    }
    let mut keys = Vec::new();
    for (index, key) in written.iter().enumerate() {
        match secret::all(key) {
            Ok(mut found) => keys.append(&mut found),
            Err(reason) => faults.push(Fault::at(format!("{path}::{index}"), reason)),
        }
    }
    keys
}

/// A port that the gateway opens.
struct Port {
    owner: String,
    host: String,
    port: u16,
}

impl Port {
    /// Whether both cannot be bound.
    fn meets(&self, host: &str, port: u16) -> bool {
        let everywhere = |host: &str| matches!(host, "0.0.0.0" | "::");
        let plain = |host: &str| match host {
            "localhost" => "127.0.0.1".to_owned(),
            other => other.to_owned(),
        };
        port != 0
            && self.port == port
            && (everywhere(host) || everywhere(&self.host) || plain(host) == plain(&self.host))
    }
}

/// The ports beside those of listeners, each checked against those before it.
fn others(file: &File, faults: &mut Vec<Fault>) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    for (path, opens) in [
        ("tracing::receiver::grpc", &file.tracing.receiver.0.grpc),
        ("tracing::receiver::http", &file.tracing.receiver.0.http),
        ("telemetry::metrics_address", &file.telemetry.metrics_address),
    ] {
        let Opens::At(text) = opens else { continue };
        match split(text) {
            Some((host, port)) => {
                if let Some(taken) = ports.iter().find(|taken| taken.meets(&host, port)) {
                    faults.push(Fault::at(path, format!("{port} is the port of {}", taken.owner)));
                }
                let owner = path.replace("::", ".");
                ports.push(Port { owner, host, port });
            }
            None => {
                let reason = format!("{text:?} is no address; write it as host:port, a port, or none");
                faults.push(Fault::at(path, reason));
            }
        }
    }
    ports
}

/// Host and port of an address.
fn split(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let is_sound = is_host(bare) && (bare.contains(':') == host.starts_with('['));
    Some((bare.to_owned(), port.parse().ok()?)).filter(|_| is_sound)
}

/// Where a port is opened; none where it is not.
pub(super) fn opened(opens: &Opens) -> Option<String> {
    match opens {
        Opens::Nowhere => None,
        Opens::At(text) => split(text).map(|(host, port)| endpoint(&host, port)),
    }
}
