//! Pipelines that feed themselves: an exporter that dials what a receiver of the same pipeline, or of one that leads back to
//! it, listens on. Such spans would go round for ever.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    pipeline::{Dial, Listen},
    values::Endpoint,
};

/// One pipeline's ends, by the ids in the config.
pub(super) struct Ends<'a> {
    pub(super) name: &'a str,
    pub(super) listens: Vec<(&'a str, Listen)>,
    pub(super) dials: Vec<(&'a str, Dial)>,
}

struct Edge<'a> {
    exporter: &'a str,
    receiver: &'a str,
    endpoint: &'a Endpoint,
    to: usize,
}

/// One line for every exporter that closes a loop.
pub(super) fn loops(pipelines: &[Ends<'_>]) -> Vec<String> {
    let edges: Vec<Vec<Edge<'_>>> = pipelines.iter().map(|from| edges(from, pipelines)).collect();
    let mut lines = Vec::new();
    for (index, pipeline) in pipelines.iter().enumerate() {
        let mut closing: Vec<&Edge<'_>> = edges[index]
            .iter()
            .filter(|edge| leads_to(edge.to, index, &edges))
            .collect();
        // A receiver of several pipelines closes one loop, not one for each of them; the pipeline's own is the plainest.
        closing.sort_by_key(|edge| edge.to != index);
        let mut told = Vec::new();
        for edge in closing {
            if told.contains(&(edge.exporter, edge.receiver)) {
                continue;
            }
            told.push((edge.exporter, edge.receiver));
            lines.push(format!(
                "service::pipelines::{}: exporter {:?} sends to {}, where receiver {:?} of {} listens: spans would go round \
                 for ever",
                pipeline.name,
                edge.exporter,
                edge.endpoint,
                edge.receiver,
                if edge.to == index { "the same pipeline" } else { pipelines[edge.to].name },
            ));
        }
    }
    lines
}

fn edges<'a>(from: &'a Ends<'a>, pipelines: &'a [Ends<'a>]) -> Vec<Edge<'a>> {
    let mut edges = Vec::new();
    for (exporter, dial) in &from.dials {
        for (to, pipeline) in pipelines.iter().enumerate() {
            let hit = pipeline.listens.iter().find(|(_, listen)| meets(dial, listen));
            edges.extend(hit.map(|(receiver, _)| Edge {
                exporter,
                receiver,
                endpoint: &dial.endpoint,
                to,
            }));
        }
    }
    edges
}

fn leads_to(from: usize, target: usize, edges: &[Vec<Edge<'_>>]) -> bool {
    let (mut seen, mut open) = (vec![false; edges.len()], vec![from]);
    while let Some(at) = open.pop() {
        if at == target {
            return true;
        }
        if !std::mem::replace(&mut seen[at], true) {
            open.extend(edges[at].iter().map(|edge| edge.to));
        }
    }
    false
}

fn meets(dial: &Dial, listen: &Listen) -> bool {
    let (Some((to, to_port)), Some((at, at_port))) = (address(dial.endpoint.reveal()), address(&listen.endpoint))
    else {
        return false;
    };
    let same_host = to == at || (is_here(&to) && is_here(&at));
    same_host && to_port == at_port && at_port != 0
}

/// Whom an endpoint means, as far as it can be told without asking a resolver.
#[derive(Debug, PartialEq, Eq)]
enum Peer {
    Address(IpAddr),
    /// In lower case, without the dot at the end.
    Name(String),
}

/// Host and port of `host:port` or a URL.
fn address(endpoint: &str) -> Option<(Peer, u16)> {
    let (scheme, rest) = endpoint.split_once("://").unwrap_or(("", endpoint));
    let scheme = scheme.to_ascii_lowercase();
    // `dns:///` and `passthrough:///` have their target where a URL has its path.
    let rest = match scheme.as_str() {
        "dns" | "passthrough" => rest.strip_prefix('/').unwrap_or(rest),
        _ => rest,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()?),
        _ => match scheme.as_str() {
            "http" => (authority, 80),
            "https" => (authority, 443),
            _ => return None,
        },
    };
    Some((peer(host), port))
}

fn peer(host: &str) -> Peer {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = host.strip_suffix('.').unwrap_or(host);
    // The zone of an address says which interface is used, not who is meant.
    let (bare, _zone) = host.split_once('%').unwrap_or((host, ""));
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Peer::Address(ip.to_canonical());
    }
    match short_form(host) {
        Some(ip) => Peer::Address(ip.into()),
        None => Peer::Name(host.to_ascii_lowercase()),
    }
}

/// The forms of an IPv4 address that `inet_aton` reads, as resolvers do: one to four numbers, decimal, octal or hexadecimal,
/// of which the last fills the bytes that are left.
fn short_form(host: &str) -> Option<Ipv4Addr> {
    let number = |text: &str| {
        let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
            None => (text, 10),
        };
        let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        u32::from_str_radix(digits, radix).ok().filter(|_| is_number)
    };
    let parts: Vec<&str> = host.split('.').collect();
    let (last, first) = parts.split_last()?;
    if first.len() > 3 {
        return None;
    }
    let mut bytes = 0_u32;
    for (index, part) in first.iter().enumerate() {
        let byte = number(part).filter(|byte| *byte < 256)?;
        bytes |= byte << (24 - 8 * index);
    }
    let rest = number(last)?;
    let room = u32::MAX.checked_shr(8 * u32::try_from(first.len()).ok()?)?;
    (rest <= room).then(|| Ipv4Addr::from(bytes | rest))
}

fn is_here(peer: &Peer) -> bool {
    match peer {
        Peer::Address(ip) => ip.is_loopback() || ip.is_unspecified(),
        Peer::Name(name) => name.is_empty() || name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends<'a>(name: &'a str, listen: &str, dial: &str) -> Ends<'a> {
        let listen = Listen {
            endpoint: listen.to_owned(),
            protocol: "otlp/grpc",
        };
        let dial = Dial {
            endpoint: Endpoint::new(dial),
            protocol: "otlp/grpc",
        };
        Ends {
            name,
            listens: vec![("otlp", listen)],
            dials: vec![("otlp_grpc", dial)],
        }
    }

    fn check(listen: &str, dial: &str, expected: bool) {
        let found = loops(&[ends("traces", listen, dial)]);
        assert_eq!(!found.is_empty(), expected, "{dial} → {listen}: {found:?}");
    }

    #[test]
    fn every_name_of_this_host_is_this_host() {
        for dial in [
            "localhost:4317",
            "http://127.0.0.1:4317",
            "[::1]:4317",
            "https://LOCALHOST:4317/x",
            "0.0.0.0:4317",
            "dns:///localhost:4317",
            "DNS://127.0.0.1:4317",
            "passthrough:///localhost:4317/",
            "localhost.:4317",
            "http://127.0.0.1.:4317",
            "[::ffff:127.0.0.1]:4317",
            "[::1%lo]:4317",
            "127.1:4317",
            "127.0.1:4317",
            "2130706433:4317",
            "0x7f.1:4317",
            "0177.0.0.01:4317",
            "0:4317",
        ] {
            check("localhost:4317", dial, true);
            check("0.0.0.0:4317", dial, true);
            check("[::]:4317", dial, true);
            check("localhost:4318", dial, false);
        }
        check("127.0.0.1:80", "http://localhost", true);
        check("10.0.0.1:4317", "10.0.0.1:4317", true);
        check("10.0.0.1:4317", "[::ffff:10.0.0.1]:4317", true);
        check("10.0.0.1:4317", "10.1:4317", true);
        check("[::ffff:127.0.0.1]:4317", "localhost:4317", true);
        for dial in [
            "collector:4317",
            "dns:///collector:4317",
            "127:4317",
            "128.1:4317",
            "127.0.0.0.1:4317",
            "256.1:4317",
            "127.16777216:4317",
            "127.+1:4317",
            "08.1:4317",
            "localhost..:4317",
            "[::ffff:10.0.0.1]:4317",
        ] {
            check("localhost:4317", dial, false);
        }
        check("localhost:0", "localhost:0", false);
        check("localhost:4317", "", false);
    }

    #[test]
    fn the_line_names_both_ends() {
        assert_eq!(
            loops(&[ends("traces", "localhost:4317", "127.0.0.1:4317")]),
            [
                "service::pipelines::traces: exporter \"otlp_grpc\" sends to 127.0.0.1:4317, where receiver \"otlp\" of the \
              same pipeline listens: spans would go round for ever"
            ]
        );
    }

    #[test]
    fn the_line_shows_no_password() {
        let lines = loops(&[ends("traces", "localhost:4318", "http://u:PW@localhost:4318/?k=Q")]);
        assert!(
            lines[0].contains("sends to http://[REDACTED]@localhost:4318/?k=[REDACTED], where"),
            "{lines:?}"
        );
    }

    #[test]
    fn a_shared_receiver_is_told_once() {
        let here = |name| ends(name, "localhost:4317", "127.0.0.1:4317");
        let lines = loops(&[here("traces/a"), here("traces/b")]);
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert!(
            lines.iter().all(|line| line.contains("of the same pipeline")),
            "{lines:#?}"
        );
    }

    #[test]
    fn a_chain_is_fine_and_a_ring_is_not() {
        let chain = [
            ends("traces/a", "localhost:1", "localhost:2"),
            ends("traces/b", "localhost:2", "away:9"),
        ];
        assert!(loops(&chain).is_empty());
        let ring = [
            ends("traces/a", "localhost:1", "localhost:2"),
            ends("traces/b", "localhost:2", "localhost:1"),
        ];
        assert_eq!(loops(&ring).len(), 2);
    }
}
