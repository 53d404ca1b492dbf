//! Takes addresses out of the names of peers: each address of a fleet would else be a line of its own in every statistic. Ports stay, since
//! they tell protocols; so do addresses that mean the same everywhere.

use std::net::Ipv6Addr;

/// What stands for an address.
const BLOCKED: &str = "blocked-ip-address";

/// Addresses that are left: this machine, and the metadata services of clouds.
const LEFT: [&str; 5] = ["127.0.0.1", "::1", "169.254.169.254", "fd00:ec2::254", "169.254.170.2"];

const SCHEMES: [&str; 5] = ["dnspoll", "ftp", "file", "http", "https"];

/// The names of a list that is separated by commas, each once, without addresses.
pub(super) fn without_addresses(list: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    for one in list.split(',').map(without_address) {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    seen.join(",")
}

fn without_address(name: &str) -> String {
    let (prefix, rest) = split_prefix(name);
    let (host, port) = split_port(rest).unwrap_or((rest, ""));
    let Some(length) = address_length(host) else {
        return name.to_owned();
    };
    let (address, suffix) = host.split_at(length);
    if LEFT.contains(&address) {
        return name.to_owned();
    }
    let colon = if port.is_empty() { "" } else { ":" };
    format!("{prefix}{BLOCKED}{colon}{port}{suffix}")
}

/// `ip-` of AWS' host names, or a scheme; and what follows. What stands before a scheme is lost, as in the agent.
fn split_prefix(name: &str) -> (&str, &str) {
    if let Some(rest) = name.strip_prefix("ip-") {
        return ("ip-", rest);
    }
    for scheme in SCHEMES {
        let Some(start) = name.find(scheme) else {
            continue;
        };
        let after = start + scheme.len();
        for slashes in [":///", "://"] {
            let end = after + slashes.len();
            if name[after..].starts_with(slashes) && end < name.len() {
                return (&name[start..end], &name[end..]);
            }
        }
    }
    ("", name)
}

/// Host and port; none where there is no port, or the host is an IPv6 address without brackets.
fn split_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    if let Some(open) = host.strip_prefix('[') {
        let inner = open.strip_suffix(']')?;
        return (!inner.contains(['[', ']']) && !port.contains(['[', ']'])).then_some((inner, port));
    }
    (!host.contains([':', '[', ']']) && !port.contains(['[', ']'])).then_some((host, port))
}

/// How many bytes at the start are an address; none where there is none. IPv4 may be written with dashes or underscores.
fn address_length(host: &str) -> Option<usize> {
    let first = host.bytes().next()?;
    if !first.is_ascii_hexdigit() && first != b':' {
        return None;
    }
    match host.bytes().find(|byte| b".-_:%".contains(byte))? {
        b':' => {
            let bare = host.split('%').next().unwrap_or_default();
            bare.parse::<Ipv6Addr>().is_ok().then_some(host.len())
        }
        b'%' => None,
        separator => ipv4_length(host, char::from(separator)),
    }
}

/// Four numbers below 256 without leading zeros; what follows the fourth is no part of it.
fn ipv4_length(host: &str, separator: char) -> Option<usize> {
    let mut length = 0;
    for field in 0..4 {
        let rest = &host[length..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = &rest[..digits];
        if digits > 1 && number.starts_with('0') || number.parse::<u8>().is_err() {
            return None;
        }
        length += digits;
        if field < 3 {
            length += host[length..].strip_prefix(separator).map(|_| separator.len_utf8())?;
        }
    }
    let ends_in_separator = host[length..].starts_with(separator) && host.len() == length + separator.len_utf8();
    (!ends_in_separator).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go_and_names_stay() {
        for (name, expected) in [
            ("db.internal", "db.internal"),
            ("10.0.0.5", "blocked-ip-address"),
            ("10.0.0.5:5432", "blocked-ip-address:5432"),
            ("10.0.0.5:5432,10.0.0.6:5432,db", "blocked-ip-address:5432,db"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("169.254.169.254", "169.254.169.254"),
            ("ip-10-0-0-7.ec2.internal", "ip-blocked-ip-address.ec2.internal"),
            ("http://10.0.0.5:80", "http://blocked-ip-address:80"),
            ("2001:db8::1", "blocked-ip-address"),
            ("[2001:db8::1]:443", "blocked-ip-address:443"),
            ("fe80::1%eth0", "blocked-ip-address"),
            ("::1", "::1"),
            ("10.0.0", "10.0.0"),
            ("10.0.0.", "10.0.0."),
            ("10.0.0.5.", "10.0.0.5."),
            ("10.00.0.5", "10.00.0.5"),
            ("10.0.0.256", "10.0.0.256"),
            ("1.2.3.4.5", "blocked-ip-address.5"),
            ("1_2_3_4", "blocked-ip-address"),
            ("beef", "beef"),
            ("", ""),
            ("日本:80", "日本:80"),
            ("http://", "http://"),
        ] {
            assert_eq!(without_addresses(name), expected, "{name:?}");
        }
    }
}
