//! Who may read what the listener holds: whoever reaches the port may send, only this machine may read. The name that the
//! client believes to talk to must be a loopback name too, so that no web page reads through a DNS name of its own.

use std::net::{IpAddr, SocketAddr};

/// Who may read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// Loopback peers that ask for a loopback name.
    #[default]
    Loopback,
    /// Everybody who reaches the port.
    Anyone,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// Address of the peer.
    pub peer: SocketAddr,
    /// `host[:port]` that the client believes to talk to.
    pub authority: &'a str,
}

impl Access {
    /// Whether that reader may read.
    ///
    /// # Errors
    /// Why not, for the reader.
    pub fn check(self, reader: Reader<'_>) -> Result<(), &'static str> {
        if self == Access::Anyone {
            return Ok(());
        }
        if !reader.peer.ip().to_canonical().is_loopback() {
            return Err(
                "only this machine may read traces; start the listener with --allow-remote-read to change that",
            );
        }
        if !is_loopback_name(host(reader.authority)) {
            return Err("traces are read through localhost, 127.0.0.1 or [::1] only");
        }
        Ok(())
    }
}

/// The authority without its port and without the brackets of an IPv6 address.
fn host(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((host, port)) if port.is_empty() || is_port(port) => host,
            _ => "",
        };
    }
    match authority.find(':') {
        Some(at) if is_port(&authority[at..]) => &authority[..at],
        Some(_) => "",
        None => authority,
    }
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':')
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_loopback_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, authority: &str, expected: bool) {
        let reader = Reader {
            peer: peer.parse().expect("an address"),
            authority,
        };
        assert_eq!(Access::Loopback.check(reader).is_ok(), expected, "{peer} {authority:?}");
        assert!(Access::Anyone.check(reader).is_ok());
    }

    #[test]
    fn only_loopback_reads_by_a_loopback_name() {
        for name in [
            "localhost",
            "localhost:4317",
            "LOCALHOST.",
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]:4317",
            "[::1]",
            "[::ffff:127.0.0.1]:1",
        ] {
            check("127.0.0.1:5000", name, true);
            check("[::1]:5000", name, true);
            check("[::ffff:127.0.0.1]:5000", name, true);
            check("192.0.2.7:5000", name, false);
            check("[2001:db8::1]:5000", name, false);
        }
        for name in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "10.0.0.1",
            "[::2]",
            "user@localhost",
            "localhost:x",
            "localhost:80:80",
            "[::1",
            "[::1]x",
            "::1",
            "0.0.0.0",
            "127.0.0.1@evil",
        ] {
            check("127.0.0.1:5000", name, false);
        }
    }
}
