//! Where a collector with a config can be asked from outside whether it runs: at its health check, else at the port of a
//! receiver. Connects to nothing.

use std::net::IpAddr;

use super::checked::{Checked, bare_host};

/// Type of the extension that tells how the process is.
const HEALTH_CHECK: &str = "health_check";

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// The health check, by its URL.
    Health(String),
    /// A receiver, for want of a health check: it listens as long as the collector takes data.
    Receiver {
        /// Its id in the config.
        id: String,
        /// `host:port` to connect to.
        address: String,
    },
}

impl Checked {
    /// Whom to ask from the same machine; `None` where nothing listens on a port that the config names. `default_host`: as in
    /// [`Loaded::check`](super::Loaded::check).
    pub fn probe(&self, default_host: &str) -> Option<Probe> {
        let extensions = self.extensions.iter();
        let health = extensions
            .filter(|entry| entry.id.kind == HEALTH_CHECK && self.service.extensions.contains(&entry.written))
            .find_map(|entry| {
                let listens = entry.parsed.listens(&bare_host(&entry.id, default_host));
                let address = reachable(&listens.first()?.endpoint)?;
                let config = entry.parsed.to_value();
                Some(Probe::Health(format!("http://{address}{}", config["path"].as_str()?)))
            });
        health.or_else(|| {
            let pipelines = &self.service.pipelines.0;
            let is_used = |written: &String| pipelines.iter().any(|(_, refs)| refs.receivers.contains(written));
            let used = self.receivers.iter().filter(|entry| is_used(&entry.written));
            used.flat_map(|entry| {
                let listens = entry.parsed.listens(&bare_host(&entry.id, default_host));
                listens.into_iter().map(|listen| (entry.written.clone(), listen))
            })
            .find_map(|(id, listen)| reachable(&listen.endpoint).map(|address| Probe::Receiver { id, address }))
        })
    }
}

/// Where to connect for what listens there; `None` where the port is any free one.
fn reachable(endpoint: &str) -> Option<String> {
    let (host, port) = endpoint.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_any = bare.is_empty() || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
    // What listens on every IPv6 address listens on every IPv4 address too.
    let host = if is_any { "127.0.0.1" } else { host };
    Some(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::{super::from_text, *};

    fn check(extensions: &str, receivers: &str, expected: Option<Probe>) {
        let text = format!(
            "{{receivers: {{otlp: {{protocols: {receivers}}}, otlp/spare: {{protocols: {{grpc: }}}}}}, exporters: {{debug: }}, \
             {extensions}, pipelines: {{traces: {{receivers: [otlp], exporters: [debug]}}}}}}}}"
        );
        let loaded = from_text(&text, &|_| None).unwrap_or_else(|faults| panic!("{faults:?}"));
        let checked = loaded.check("0.0.0.0").unwrap_or_else(|faults| panic!("{faults:?}"));
        assert_eq!(checked.probe("0.0.0.0"), expected, "{text}");
    }

    #[test]
    fn the_health_check_is_asked_first() {
        let health = |url: &str| Some(Probe::Health(url.to_owned()));
        let with =
            |config: &str| format!("extensions: {{health_check: {config}}}, service: {{extensions: [health_check]");
        check(&with(""), "{grpc: }", health("http://127.0.0.1:13133/"));
        check(
            &with("{endpoint: 'localhost:1', path: /up}"),
            "{grpc: }",
            health("http://localhost:1/up"),
        );
        check(&with("{endpoint: '[::]:1'}"), "{grpc: }", health("http://127.0.0.1:1/"));
        check(&with("{endpoint: '[::1]:1'}"), "{grpc: }", health("http://[::1]:1/"));
    }

    #[test]
    fn a_receiver_is_asked_where_there_is_none() {
        let receiver = |address: &str| {
            Some(Probe::Receiver {
                id: "otlp".to_owned(),
                address: address.to_owned(),
            })
        };
        let without = "extensions: {health_check: }, service: {extensions: []";
        check(without, "{grpc: , http: }", receiver("127.0.0.1:4317"));
        check(without, "{http: {endpoint: 'localhost:9'}}", receiver("localhost:9"));
        check(
            without,
            "{grpc: {endpoint: 'localhost:0'}, http: }",
            receiver("127.0.0.1:4318"),
        );
        check(without, "{grpc: {endpoint: 'localhost:0'}}", None);
    }
}
