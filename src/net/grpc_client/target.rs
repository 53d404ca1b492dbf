//! Where a gRPC client connects to, as users write it: `host:port`, `http://`, `https://` or `dns:///` before it, IPv6 in
//! brackets. Refuses what has no port or a path, and says how to write it.

use std::fmt;

use http::uri::Authority;

use crate::values::redacted;

/// Whether the scheme of an endpoint decides about TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `http://`: no TLS.
    Http,
    /// `https://`: TLS.
    Https,
    /// None, or one that says nothing about it.
    Unsaid,
}

/// A parsed endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What the scheme says about TLS.
    pub scheme: Scheme,
    /// Host name or address, without brackets.
    pub host: String,
    /// Port, 1–65535.
    pub port: u16,
}

impl Target {
    /// Reads an endpoint.
    ///
    /// # Errors
    /// What is wrong and what would be right.
    pub fn parse(endpoint: &str) -> Result<Target, String> {
        let shown = redacted(endpoint);
        let (scheme, rest) = split_scheme(endpoint)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(format!(
                "endpoint {shown:?} has more than a host and a port; write it like localhost:4317"
            ));
        }
        let authority: Authority = rest.parse().map_err(|_| {
            format!("endpoint {shown:?} is no host and port; write it like localhost:4317 or [::1]:4317")
        })?;
        let bracketed = authority.host();
        let host = bracketed.trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() || (host.contains(':') && host.len() == bracketed.len()) {
            return Err(format!(
                "endpoint {shown:?} is no host and port; write it like localhost:4317 or [::1]:4317"
            ));
        }
        let written = rest.strip_prefix(bracketed).and_then(|tail| tail.strip_prefix(':'));
        let port = match (written, scheme) {
            (Some(text), _) => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                format!("invalid port {text:?} in endpoint {shown:?}; it is a number from 1 to 65535")
            })?,
            (None, Scheme::Https) => 443,
            (None, _) => {
                return Err(format!(
                    "endpoint {shown:?} has no port; write it like {bracketed}:4317"
                ));
            }
        };
        Ok(Target { scheme, host, port })
    }

    /// `host:port` as an HTTP authority, IPv6 in brackets.
    pub fn authority(&self) -> Authority {
        self.to_string()
            .parse()
            .expect("host and port were taken from a valid authority")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

fn split_scheme(endpoint: &str) -> Result<(Scheme, &str), String> {
    let schemes = [
        ("http://", Scheme::Http),
        ("https://", Scheme::Https),
        ("dns:///", Scheme::Unsaid),
        ("dns://", Scheme::Unsaid),
        ("passthrough:///", Scheme::Unsaid),
    ];
    for (prefix, scheme) in schemes {
        if endpoint.len() >= prefix.len() && endpoint.as_bytes()[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes())
        {
            return Ok((scheme, &endpoint[prefix.len()..]));
        }
    }
    let shown = redacted(endpoint);
    match endpoint.split_once("://") {
        Some((scheme, _)) => Err(format!(
            "endpoint {shown:?} has the scheme {scheme:?}; write host:port, http://host:port or https://host:port"
        )),
        None if endpoint.starts_with("unix:") => Err(format!(
            "endpoint {shown:?} is a unix socket, which this client does not speak; write host:port"
        )),
        None => Ok((Scheme::Unsaid, endpoint)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: &str, expected: Result<(Scheme, &str, u16), &str>) {
        match (Target::parse(endpoint), expected) {
            (Ok(target), Ok((scheme, host, port))) => {
                assert_eq!(
                    target,
                    Target {
                        scheme,
                        host: host.to_owned(),
                        port
                    },
                    "{endpoint:?}"
                );
                target.authority();
            }
            (Err(fault), Err(part)) => assert!(fault.contains(part), "{endpoint:?}: {fault}"),
            (found, expected) => panic!("{endpoint:?}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn reads_what_users_write() {
        check("localhost:4317", Ok((Scheme::Unsaid, "localhost", 4317)));
        check("otel-collector:4317", Ok((Scheme::Unsaid, "otel-collector", 4317)));
        check("http://10.0.0.1:4317", Ok((Scheme::Http, "10.0.0.1", 4317)));
        check("HTTP://a:1/", Ok((Scheme::Http, "a", 1)));
        check(
            "https://api.example.com:443",
            Ok((Scheme::Https, "api.example.com", 443)),
        );
        check("https://api.example.com", Ok((Scheme::Https, "api.example.com", 443)));
        check("dns:///a.b:4317", Ok((Scheme::Unsaid, "a.b", 4317)));
        check("[::1]:4317", Ok((Scheme::Unsaid, "::1", 4317)));
        check("https://[fe80::1]", Ok((Scheme::Https, "fe80::1", 443)));
    }

    #[test]
    fn refuses_the_rest_and_says_what_is_right() {
        check("localhost", Err("has no port; write it like localhost:4317"));
        check("http://localhost", Err("has no port"));
        check("localhost:", Err("invalid port \"\""));
        check("localhost:otlp", Err("invalid port \"otlp\""));
        check("localhost:0", Err("invalid port \"0\""));
        check("localhost:65536", Err("invalid port \"65536\""));
        check("::1:4317", Err("[::1]:4317"));
        check("[]:4317", Err("no host and port"));
        check(":4317", Err("no host and port"));
        check("", Err("no host and port"));
        check("http://a:1/v1/traces", Err("more than a host and a port"));
        check("user@a:1", Err("more than a host and a port"));
        check("http://u:PW@a:1", Err("endpoint \"http://[REDACTED]@a:1\" has more"));
        check(
            "ftp://u:PW@a:1",
            Err("endpoint \"ftp://[REDACTED]@a:1\" has the scheme"),
        );
        check("ftp://a:1", Err("scheme \"ftp\""));
        check("unix:///run/x.sock", Err("scheme \"unix\""));
        check("unix:/run/x.sock", Err("unix socket"));
        check("a b:1", Err("no host and port"));
    }
}
